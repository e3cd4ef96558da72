import { describe, expect, it } from "vitest";
import type { Batch, Completion, SampleRequest } from "../../../src/core/types.js";
import { policyVersion } from "../../../src/core/units.js";
import { loadOrt } from "../../../src/engine/onnx/runtime.js";
import { drawToken } from "../../../src/engine/ort/draw.js";
import { makeGenerator } from "../../../src/engine/ort/generator.js";
import { CLIP, never, tinyBatch, tinyConfig, tinyLearner, tinyRequests } from "../tiny.js";

async function sampler(options: { slots?: number; threads?: number; maxLength?: number } = {}) {
  const { trainer, flat, layout } = await tinyLearner();
  const generator = makeGenerator(await loadOrt(), {
    config: tinyConfig,
    layout,
    weights: flat,
    threads: options.threads ?? 1,
    slots: options.slots ?? 16,
    maxLength: options.maxLength ?? 128,
  });
  const sample = async (requests: readonly SampleRequest[]): Promise<Map<string, Completion>> => {
    const done = new Map<string, Completion>();
    await generator.run(requests, policyVersion(7), (c) => void done.set(c.id, c), never);
    return done;
  };
  const close = async (): Promise<void> => {
    await generator.close();
    await trainer.close();
  };
  return { trainer, generator, sample, close };
}

/** The completions as a training batch whose behaviour log-probs are the sampler's. */
function batchOf(
  requests: readonly SampleRequest[],
  done: Map<string, Completion>,
  temperature: number,
): Batch {
  const rows = requests.map((r) => ({ prompt: r.promptIds, ...done.get(r.id)! }));
  const base = tinyBatch(
    rows.map((r) => r.prompt.length + r.completionIds.length),
    CLIP,
    { temperature },
  );
  rows.forEach((r, b) => {
    const at = base.rowStart[b]!;
    base.tokenIds.set(r.prompt, at);
    base.tokenIds.set(r.completionIds, at + r.prompt.length);
    base.lossMask.fill(0, at, at + r.prompt.length);
    base.lossMask.fill(1, at + r.prompt.length, base.rowStart[b + 1]!);
    base.behaviorLogprobs.fill(0, at, base.rowStart[b + 1]!);
    base.behaviorLogprobs.set(r.logprobs, at + r.prompt.length);
  });
  return base;
}

describe("sampled log-probs", () => {
  it.each([1, 0.7])("equal the train graph's at temperature %f", async (temperature) => {
    const { sample, trainer, close } = await sampler();
    const requests = tinyRequests(40, { temperature, maxTokens: 100 });
    const batch = batchOf(requests, await sample(requests), temperature);
    const logp = await trainer.logprobs(batch, 2048);
    let worst = 0;
    let tokens = 0;
    batch.lossMask.forEach((m, n) => {
      if (m !== 1) return;
      tokens++;
      worst = Math.max(worst, Math.abs(logp[n]! - batch.behaviorLogprobs[n]!));
    });
    expect(tokens).toBeGreaterThan(500);
    expect(worst).toBeLessThan(1e-4);
    await close();
  });

  it("are those of the nucleus when top-p cuts it", async () => {
    const probs = Float32Array.of(0.1, 0.5, 0.05, 0.35);
    const sampling = { temperature: 1, topP: 0.8, maxTokens: 1 };
    const low = drawToken(probs, sampling, 0.1);
    const high = drawToken(probs, sampling, 0.999);
    expect([low.id, high.id]).toEqual([1, 3]);
    expect(low.logprob).toBeCloseTo(Math.log(0.5 / 0.85), 6);
    expect(high.logprob).toBeCloseTo(Math.log(0.35 / 0.85), 6);
  });
});

describe("a rollout", () => {
  it("is the same alone, in any company, order and number of slots", async () => {
    const requests = tinyRequests(24, { maxTokens: 90 });
    const reference = await sampler({ slots: 24 });
    const expected = await reference.sample(requests);
    const reversed = await reference.sample(requests.toReversed());
    const some = await reference.sample(requests.filter((_, i) => i % 5 === 0));
    await reference.close();
    const few = await sampler({ slots: 4 });
    const narrow = await few.sample(requests);
    const alone = new Map<string, Completion>();
    for (const request of requests.slice(0, 6)) {
      for (const [id, c] of await few.sample([request])) alone.set(id, c);
    }
    await few.close();
    expect(expected.size).toBe(24);
    for (const other of [reversed, narrow, some, alone]) {
      expect(other.size).toBeGreaterThan(0);
      for (const [id, c] of other) expect(c).toEqual(expected.get(id)); // bit for bit, log-probs too
    }
  });

  it("depends on its seed", async () => {
    const { sample, close } = await sampler();
    const requests = tinyRequests(8);
    const again = requests.map((r) => ({ ...r, seed: (r.seed + 1) as typeof r.seed }));
    const [a, b] = [await sample(requests), await sample(again)];
    expect(
      requests.some((r) => a.get(r.id)!.completionIds.join() !== b.get(r.id)!.completionIds.join()),
    ).toBe(true);
    await close();
  });

  it("ends with the end-of-turn token or at its limit, and never beyond", async () => {
    const { sample, close } = await sampler({ maxLength: 64 });
    const requests = tinyRequests(64, { maxTokens: 60 });
    const done = await sample(requests);
    expect(done.size).toBe(64);
    const finishes = new Set<string>();
    for (const request of requests) {
      const { completionIds, logprobs, finish, policyVersion: version } = done.get(request.id)!;
      finishes.add(finish);
      expect(version).toBe(7);
      expect(logprobs.length).toBe(completionIds.length);
      expect(completionIds.indexOf(0)).toBe(finish === "stop" ? completionIds.length - 1 : -1);
      const limit = Math.min(60, 64 - request.promptIds.length);
      expect(completionIds.length).toBeLessThanOrEqual(limit);
      if (finish === "length") expect(completionIds.length).toBe(limit);
    }
    expect(finishes).toEqual(new Set(["stop", "length"]));
    await close();
  });

  it("is greedy at temperature 0", async () => {
    const { sample, trainer, close } = await sampler();
    const requests = tinyRequests(8, { temperature: 0, maxTokens: 12 });
    const done = await sample(requests);
    const other = await sample(requests.map((r) => ({ ...r, seed: 1 as typeof r.seed })));
    expect(done).toEqual(other);
    // No other token at the first place is likelier than the one taken.
    const { promptIds, id } = requests[0]!;
    const first = done.get(id)!.completionIds[0]!;
    const rows = Array.from({ length: tinyConfig.vocabSize }, (_, v) => [...promptIds, v]);
    const base = tinyBatch(
      rows.map((r) => r.length),
      CLIP,
    );
    base.tokenIds.set(rows.flat());
    const logp = await trainer.logprobs(base, 4096);
    const last = rows.map((_, b) => logp[base.rowStart[b + 1]! - 1]!);
    expect(last.indexOf(Math.max(...last))).toBe(first);
    expect(done.get(id)!.logprobs[0]).toBeCloseTo(last[first]!, 4);
    await close();
  });

  it("draws tokens as often as the model says", async () => {
    const { sample, trainer, close } = await sampler({ slots: 64 });
    const [one] = tinyRequests(1);
    const n = 4000;
    const requests = Array.from({ length: n }, (_, i) => ({
      ...one!,
      id: `r${i}`,
      seed: i as SampleRequest["seed"],
      sampling: { temperature: 1, topP: 1, maxTokens: 1 },
    }));
    const counts = new Float64Array(tinyConfig.vocabSize);
    for (const c of (await sample(requests)).values()) counts[c.completionIds[0]!]!++;
    const rows = Array.from({ length: tinyConfig.vocabSize }, (_, v) => [...one!.promptIds, v]);
    const base = tinyBatch(
      rows.map((r) => r.length),
      CLIP,
    );
    base.tokenIds.set(rows.flat());
    const logp = await trainer.logprobs(base, 4096);
    let chi2 = 0;
    rows.forEach((_, v) => {
      const expected = n * Math.exp(logp[base.rowStart[v + 1]! - 1]!);
      chi2 += (counts[v]! - expected) ** 2 / expected;
    });
    expect(chi2).toBeLessThan(36 + 4 * Math.sqrt(72)); // 36 degrees of freedom, 4 sigma
    await close();
  });
});

describe("bad input", () => {
  it("a prompt beyond the limit, an empty one, a token outside the vocabulary", async () => {
    const { sample, close } = await sampler({ maxLength: 32 });
    const [good] = tinyRequests(1);
    const bad = (promptIds: Int32Array) => sample([{ ...good!, id: "p42", promptIds }]);
    await expect(bad(new Int32Array(32).fill(1))).rejects.toThrow(
      "request p42: the prompt has 32 tokens; the engine's limit for prompt and completion together is 32",
    );
    await expect(bad(new Int32Array(0))).rejects.toThrow("request p42: the prompt is empty");
    await expect(bad(Int32Array.of(37))).rejects.toThrow(
      "request p42: token id 37 is outside the vocabulary of 37",
    );
    await close();
  });
});
