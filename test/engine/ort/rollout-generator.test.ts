import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Completion, SampleRequest } from "../../../src/core/types.js";
import { policyVersion } from "../../../src/core/units.js";
import { loadOrt, type OrtModule } from "../../../src/engine/onnx/runtime.js";
import { makeGenerator } from "../../../src/engine/ort/generator.js";
import {
  makeRolloutGenerator,
  type RolloutGeneratorOptions,
} from "../../../src/engine/ort/rollout-generator.js";
import { flatLayout, packWeights } from "../../../src/engine/qwen2/flat.js";
import { CACHE_FORMS } from "../../../src/engine/qwen2/rollout-step.js";
import type { Qwen2Config } from "../../../src/model/config.js";
import { never, tinyConfig, tinyRequests, tinyWeights } from "../tiny.js";

type Options = Partial<RolloutGeneratorOptions> & { ort?: OrtModule };

async function samplers({ ort: module, ...options }: Options = {}) {
  const ort = module ?? (await loadOrt());
  const config = options.config ?? tinyConfig;
  const layout = flatLayout(config);
  const weights = new Float32Array(layout.size);
  packWeights(layout, tinyWeights(config), weights);
  const shared = { config, layout, weights, threads: 1, slots: 64, maxLength: 128, ...options };
  const rollouts = makeRolloutGenerator(ort, { provider: "cpu", ...shared });
  const host = makeGenerator(await loadOrt(), shared);
  const collect =
    (generator: typeof host) =>
    async (requests: readonly SampleRequest[], aborted = never): Promise<Map<string, Completion>> => {
      const done = new Map<string, Completion>();
      await generator.run(requests, policyVersion(7), (c) => void done.set(c.id, c), aborted);
      return done;
    };
  return {
    weights,
    rollouts,
    sample: collect(rollouts),
    onHost: collect(host),
    async close() {
      await rollouts.close();
      await host.close();
    },
  };
}

/** Ids and endings equal, log-probs within 1e-4. */
function expectSame(got: Map<string, Completion>, expected: Map<string, Completion>): void {
  expect([...got.keys()].sort()).toEqual([...expected.keys()].sort());
  for (const [id, { completionIds, logprobs, finish, policyVersion: version }] of expected) {
    const c = got.get(id)!;
    expect([...c.completionIds], id).toEqual([...completionIds]);
    expect([c.finish, c.policyVersion], id).toEqual([finish, version]);
    expect(c.logprobs.length).toBe(completionIds.length);
    c.logprobs.forEach((x, i) => {
      expect(Math.abs(x - logprobs[i]!)).toBeLessThan(1e-4);
    });
  }
}

describe("rollouts", () => {
  it.each(CACHE_FORMS.flatMap((cache) => [1, 4].map((unroll) => ({ cache, unroll }))))(
    "are those of the host's sampler with the same seeds, $cache, $unroll steps unrolled",
    async (form) => {
      const { sample, onHost, close } = await samplers({ ...form, chunk: 8 });
      const requests = tinyRequests(40);
      const done = await sample(requests);
      expectSame(done, await onHost(requests));
      expect(new Set([...done.values()].map((c) => c.finish))).toEqual(new Set(["stop", "length"]));
      await close();
    },
  );

  it("do so at a vocabulary of many blocks, at a temperature, and with a head of its own", async () => {
    const config: Qwen2Config = { ...tinyConfig, vocabSize: 1500, tieWordEmbeddings: false };
    const { sample, onHost, close } = await samplers({ config });
    const requests = tinyRequests(48, { temperature: 0.8, maxTokens: 60 });
    const [done, host] = [await sample(requests), await onHost(requests)];
    // A uniform at the edge of a token's share may fall to its neighbour by rounding; the rollouts part there.
    const parted = [...host].filter(
      ([id, c]) => done.get(id)!.completionIds.join() !== c.completionIds.join(),
    );
    expect(parted.length).toBeLessThanOrEqual(2);
    for (const [id, { completionIds }] of parted) {
      const other = done.get(id)!.completionIds;
      const i = completionIds.findIndex((token, at) => token !== other[at]);
      expect(Math.abs(completionIds[i]! - other[i]!)).toBe(1);
      done.delete(id);
      host.delete(id);
    }
    expectSame(done, host);
    await close();
  });

  it("do not depend on how keys are transposed", async () => {
    const plain = await samplers({ products: "plain" });
    const requests = tinyRequests(12);
    expectSame(await plain.sample(requests), await plain.onHost(requests));
    await plain.close();
  });

  it.each(CACHE_FORMS)("do not depend on company, order and refilled rows, %s", async (cache) => {
    const all = await samplers({ cache });
    const requests = tinyRequests(30, { maxTokens: 90 });
    const expected = await all.sample(requests);
    expectSame(await all.sample(requests.toReversed()), expected);
    for (const [id, c] of await all.sample(requests.slice(0, 1)))
      expectSame(new Map([[id, c]]), new Map([[id, expected.get(id)!]]));
    await all.close();
    // Fewer rows than prompts, as many, and more.
    for (const slots of [1, 3, 7, 11]) {
      const few = await samplers({ cache, slots, chunk: 5 });
      expectSame(await few.sample(requests), expected);
      expect(few.rollouts.counters.runs).toBe(Math.ceil(30 / (4 * slots)));
      await few.close();
    }
    const alone = await samplers({ cache, slots: 7, refill: false });
    expectSame(await alone.sample(requests), expected);
    expect(alone.rollouts.counters.runs).toBe(Math.ceil(30 / 7));
    await alone.close();
  });

  it.each([
    [2, 7],
    [28, 7],
  ])("are drawn once: %d prompts, %d rows", async (prompts, slots) => {
    const config = { ...tinyConfig, eosTokenIds: [] };
    const { sample, rollouts, close } = await samplers({ config, slots, chunk: 5 });
    const distinct = tinyRequests(4 * prompts).filter((_, i) => i % 4 === 0);
    const requests = tinyRequests(28, { maxTokens: 10 }).map((request, i) => ({
      ...request,
      promptIds: distinct[i % prompts]!.promptIds,
    }));
    const done = await sample(requests);
    expect([...done.values()].map((c) => c.completionIds.length)).toEqual(requests.map(() => 10));
    expect(rollouts.counters.steps).toBe((28 / slots) * 10);
    await close();
  });

  it("stop at any of several tokens, and at the limits of the request and the engine", async () => {
    const config = { ...tinyConfig, eosTokenIds: [0, 5, 11] };
    const { sample, onHost, close } = await samplers({ config, maxLength: 40 });
    const requests = tinyRequests(64, { maxTokens: 30 });
    const done = await sample(requests);
    expectSame(done, await onHost(requests));
    const last = new Set(
      [...done.values()].filter((c) => c.finish === "stop").map((c) => c.completionIds.at(-1)),
    );
    expect(last).toEqual(new Set([0, 5, 11]));
    for (const { id, promptIds } of requests) {
      const { finish, completionIds } = done.get(id)!;
      if (finish === "length") expect(completionIds.length).toBe(Math.min(30, 40 - promptIds.length));
    }
    await close();
  });

  it("are greedy at temperature 0, beside rows that are not", async () => {
    const { sample, onHost, close } = await samplers();
    const greedy = tinyRequests(8, { temperature: 0 }, "greedy");
    const mixed = [...tinyRequests(8), ...greedy];
    expectSame(await sample(mixed), await onHost(mixed));
    expectSame(await sample(greedy), await onHost(greedy));
    await close();
  });

  it("leave the prompt of one token and the completion of one token whole", async () => {
    const { sample, onHost, close } = await samplers();
    const [one, two] = tinyRequests(2);
    const requests = [
      { ...one!, promptIds: Int32Array.of(9) },
      { ...two!, sampling: { ...two!.sampling, maxTokens: 1 } },
    ];
    expectSame(await sample(requests), await onHost(requests));
    await close();
  });

  it("follow weights that are updated in place", async () => {
    const { sample, onHost, weights, close } = await samplers();
    const requests = tinyRequests(8);
    const before = await sample(requests);
    for (let i = 0; i < weights.length; i++) weights[i]! *= 1.1;
    const after = await sample(requests);
    expectSame(after, await onHost(requests));
    expect([...after.values()].map((c) => c.completionIds.join())).not.toEqual(
      [...before.values()].map((c) => c.completionIds.join()),
    );
    await close();
  });

  it("draw tokens as often as the model says", async () => {
    const config = { ...tinyConfig, vocabSize: 700 };
    const { sample, onHost, close } = await samplers({ config, slots: 4000 });
    const [one] = tinyRequests(1);
    const n = 4000;
    const requests = Array.from({ length: n }, (_, i) => ({
      ...one!,
      id: `r${i}`,
      seed: i as SampleRequest["seed"],
      sampling: { temperature: 1, topP: 1, maxTokens: 1 },
    }));
    const done = [...(await sample(requests)).values()];
    const counts = new Map<number, { seen: number; p: number }>();
    for (const { completionIds, logprobs } of done) {
      const of = counts.get(completionIds[0]!) ?? { seen: 0, p: Math.exp(logprobs[0]!) };
      of.seen++;
      counts.set(completionIds[0]!, of);
    }
    let chi2 = 0;
    let cells = 0;
    for (const { seen, p } of counts.values()) {
      if (n * p < 5) continue;
      chi2 += (seen - n * p) ** 2 / (n * p);
      cells++;
    }
    expect(cells).toBeGreaterThan(50);
    expect(chi2).toBeLessThan(cells + 4 * Math.sqrt(2 * cells));
    const host = await onHost(requests);
    const differ = done.filter((c) => host.get(c.id)!.completionIds[0] !== c.completionIds[0]).length;
    expect(differ).toBeLessThanOrEqual(2);
    await close();
  });
});

describe("an abort", () => {
  it("ends the sampling after the run it comes in", async () => {
    const { sample, rollouts, close } = await samplers({ slots: 4 });
    const done = await sample(tinyRequests(40), () => rollouts.counters.runs >= 1);
    expect(done.size).toBe(16);
    await close();
  });
});

describe("what cannot be sampled is refused", () => {
  it("bad requests and a nucleus", async () => {
    const { sample, close } = await samplers({ maxLength: 32 });
    const [good] = tinyRequests(1);
    await expect(sample([{ ...good!, id: "p42", promptIds: new Int32Array(0) }])).rejects.toThrow(
      "request p42: the prompt is empty",
    );
    const nucleus = { ...good!, id: "p43", sampling: { ...good!.sampling, topP: 0.9 } };
    await expect(sample([nucleus])).rejects.toMatchObject({
      code: "config",
      message: "request p43: top_p 0.9 is not supported by this sampler backend",
      hint: "use sampler.top_p=1, or sampler.backend=ort-cpu",
    });
    await close();
  });

  it("a chunk that unrolled steps do not divide", async () => {
    await expect(samplers({ chunk: 32, unroll: 5 })).rejects.toThrow(
      "the rollout chunk must be a multiple of unroll, got 32 and 5",
    );
  });

  it.each([1, 0])("a model that has diverged, at temperature %i", async (temperature) => {
    const { sample, weights, close } = await samplers();
    weights.fill(Number.NaN);
    await expect(sample(tinyRequests(4, { temperature }))).rejects.toMatchObject({
      code: "diverged",
      message: "the model's next-token probabilities are not finite numbers",
    });
    await close();
  });
});

const binaries = join(
  dirname(createRequire(import.meta.url).resolve("onnxruntime-node/package.json")),
  `bin/napi-v6/${process.platform}/${process.arch}`,
);

describe("the device", () => {
  it.skipIf(existsSync(join(binaries, "libonnxruntime_providers_cuda.so")))(
    "is never replaced by another silently",
    async () => {
      const { sample, close } = await samplers({ provider: "cuda" });
      await expect(sample(tinyRequests(1))).rejects.toMatchObject({
        code: "tool",
        message: expect.stringContaining("onnxruntime's cuda provider does not load: "),
        hint: expect.stringContaining("scripts/setup --gpu"),
      });
      await close();
    },
  );

  it("that runs out of memory gets half the rows once, then the run stops", async () => {
    const real = await loadOrt();
    const failing = (failures: number): OrtModule => {
      let left = failures;
      const create = async (...args: Parameters<typeof real.InferenceSession.create>) => {
        const session = await real.InferenceSession.create(...args);
        const run: typeof session.run = async (...feeds: unknown[]) => {
          if (left-- > 0) throw new Error("Failed to allocate memory for requested buffer of size 1024");
          return (session.run as (...all: unknown[]) => ReturnType<typeof session.run>)(...feeds);
        };
        return { run, release: () => session.release() };
      };
      return { Tensor: real.Tensor, env: real.env, InferenceSession: { create } } as unknown as OrtModule;
    };
    const requests = tinyRequests(12);
    const notes: string[] = [];
    const once = await samplers({ ort: failing(1), slots: 12, note: (text) => void notes.push(text) });
    expectSame(await once.sample(requests), await once.onHost(requests));
    expect(once.rollouts.counters.slots).toBe(6);
    expect(notes).toEqual(["the device's memory did not hold the rollouts: 6 side by side from now on"]);
    await once.close();
    const twice = await samplers({ ort: failing(2), slots: 12 });
    await expect(twice.sample(requests)).rejects.toMatchObject({
      code: "tool",
      message: "the device's memory does not hold 6 rollouts side by side",
      hint: expect.stringContaining("sampler.slots"),
    });
    await twice.close();
  });
});
