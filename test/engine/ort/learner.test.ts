import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import type { Batch } from "../../../src/core/types.js";
import { restoreState, saveState } from "../../../src/engine/state.js";
import { planMicroBatches, positionsOf, trainedTokens } from "../../../src/engine/step/plan.js";
import { CLIP, groupedBatch, HYPER, largestGap, never, tinyBatch, tinyConfig, tinyLearner } from "../tiny.js";

const dirs: string[] = [];
const scratch = async (): Promise<string> => {
  const dir = await mkdtemp(join(tmpdir(), "engine-"));
  dirs.push(dir);
  return dir;
};
afterAll(async () => {
  for (const dir of dirs) await rm(dir, { recursive: true });
});

const lengths = [40, 38, 33, 40, 36, 39, 35, 40];
const bits = (x: Float32Array): Buffer => Buffer.from(x.buffer, x.byteOffset, x.byteLength);

describe("micro-batches", () => {
  it("1x8, 2x4, 4x2 and 8x1 rows give the same loss, gradient and counters", async () => {
    const { trainer } = await tinyLearner();
    const batch = tinyBatch(lengths, CLIP, { groupIds: Int32Array.from(lengths, (_, i) => i) });
    const whole = await trainer.gradients(batch, 8 * 64);
    for (const tokens of [4 * 64, 2 * 64, 64]) {
      const cut = await trainer.gradients(batch, tokens);
      expect(cut.loss).toBeCloseTo(whole.loss, 6);
      expect(largestGap(cut.gradient, whole.gradient, 1e-2)).toBeLessThan(1e-4);
    }
    await trainer.close();
  });

  it("the padding of a row changes nothing: alone or beside a long one, and for any number of causal blocks", async () => {
    const short = tinyBatch([9], { kind: "ce" });
    const long = tinyBatch([90], { kind: "ce" });
    const both: Batch = {
      ...short,
      tokenIds: Int32Array.from([...short.tokenIds, ...long.tokenIds]),
      rowStart: Int32Array.of(0, 9, 99),
      lossMask: Uint8Array.from([...short.lossMask, ...new Uint8Array(90)]),
      weights: Float32Array.from([...short.weights, ...new Float32Array(90)]),
      behaviorLogprobs: new Float32Array(99),
      advantages: new Float32Array(99),
      groupIds: new Int32Array(2),
    };
    const { trainer } = await tinyLearner();
    const alone = await trainer.gradients(short, 1024);
    await trainer.close();
    for (const chunks of [1, 2, 8]) {
      const { trainer } = await tinyLearner({ chunks });
      const beside = await trainer.gradients(both, 1024);
      expect(beside.loss).toBeCloseTo(alone.loss, 6);
      expect(largestGap(beside.gradient, alone.gradient, 1e-2)).toBeLessThan(1e-4);
      await trainer.close();
    }
  });

  it("a prompt shared by a group is computed once, with the same result as when every row has its own", async () => {
    const groups = [
      { prompt: 70, completions: [20, 31, 9, 1, 25] },
      { prompt: 35, completions: [40, 38, 5, 40, 40, 12] },
      { prompt: 9, completions: [10, 12] }, // too little to share
    ];
    const batch = groupedBatch(groups, CLIP);
    const limits = { tokens: 512, maxLength: 128, vocabSize: tinyConfig.vocabSize };
    const plans = planMicroBatches(batch, trainedTokens(batch), limits);
    expect(plans.map((p) => [p.prefix, p.rows]).sort()).toEqual([
      [0, 2],
      [32, 6],
      [64, 5],
    ]);
    const apart = { ...batch, groupIds: batch.groupIds.map((_, b) => b) };
    expect(planMicroBatches(apart, trainedTokens(apart), limits).every((p) => p.prefix === 0)).toBe(true);

    const { trainer } = await tinyLearner();
    const expected = await trainer.gradients(apart, 512);
    for (const tokens of [512, 160]) {
      const shared = await trainer.gradients(batch, tokens);
      expect(shared.loss).toBeCloseTo(expected.loss, 6);
      expect(largestGap(shared.gradient, expected.gradient, 1e-2)).toBeLessThan(1e-4);
    }
    await trainer.close();
  });

  it("every wanted token is predicted exactly once, from its own place, within the budget", () => {
    const row = fc.record({
      prompt: fc.integer({ min: 1, max: 80 }),
      completions: fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 12 }),
    });
    fc.assert(
      fc.property(
        fc.array(row, { minLength: 1, maxLength: 5 }),
        fc.integer({ min: 64, max: 900 }),
        (groups, tokens) => {
          const batch = groupedBatch(groups, CLIP);
          const plans = planMicroBatches(batch, trainedTokens(batch), {
            tokens,
            maxLength: 200,
            vocabSize: 37,
          });
          const seen = plans.flatMap((p) => [...p.source]).sort((a, b) => a - b);
          expect(seen).toEqual([...batch.lossMask.keys()].filter((n) => batch.lossMask[n] === 1));
          for (const plan of plans) {
            expect(new Set(plan.places).size).toBe(plan.places.length);
            expect(plan.rows === 1 || plan.ids.length <= tokens).toBe(true);
            const positions = positionsOf(plan);
            plan.source.forEach((n, r) => {
              // The state that predicts token n is fed token n - 1, at the position of that token in its row.
              const row = batch.rowStart.findLastIndex((start) => start <= n);
              expect(plan.ids[plan.places[r]!]).toBe(batch.tokenIds[n - 1]);
              expect(Number(positions[plan.places[r]!])).toBe(n - 1 - batch.rowStart[row]!);
              expect(plan.targets[r]).toBe(batch.tokenIds[n]);
            });
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  it("drops tokens whose behaviour log-prob is not finite", async () => {
    const { trainer } = await tinyLearner();
    const batch = tinyBatch([20, 20], CLIP);
    const broken = batch.behaviorLogprobs.slice();
    const mask = batch.lossMask.slice();
    for (const [n, x] of [
      [10, Number.NaN],
      [15, Number.NEGATIVE_INFINITY],
    ] as const) {
      broken[n] = x;
      mask[n] = 0;
    }
    const dropped = await trainer.step({ ...batch, behaviorLogprobs: broken }, { ...HYPER, lr: 0 }, never);
    const masked = await trainer.step({ ...batch, lossMask: mask }, { ...HYPER, lr: 0 }, never);
    expect(dropped.lossTokens).toBe(batch.lossTokens - 2);
    expect(dropped.loss).toBe(masked.loss);
    expect(dropped.gradNorm).toBe(masked.gradNorm);
    await trainer.close();
  });
});

describe("the longest rows", () => {
  it.each([33, 47, 64, 65])("of %i tokens fit, with a prefix and without", async (maxLength) => {
    const { trainer } = await tinyLearner({ maxLength });
    const batch = groupedBatch([{ prompt: 17, completions: Array(9).fill(maxLength - 17) }], CLIP);
    const shared = await trainer.gradients(batch, 256);
    const apart = await trainer.gradients({ ...batch, groupIds: batch.groupIds.map((_, b) => b) }, 256);
    expect(Number.isFinite(shared.loss)).toBe(true);
    expect(largestGap(shared.gradient, apart.gradient, 1e-2)).toBeLessThan(1e-4);
    const logp = await trainer.logprobs(batch, 256);
    expect(logp.every((x) => x <= 0)).toBe(true);
    await trainer.close();
  });
});

describe("determinism", () => {
  it.each([1, 2])("gradients are bit-equal over 50 repeats with %i thread(s)", async (threads) => {
    const { trainer } = await tinyLearner({ threads });
    // Few distinct tokens, so that the embedding gradient adds to the same rows again and again.
    const batch = tinyBatch(lengths, CLIP, { vocabSize: 5 });
    const first = bits((await trainer.gradients(batch, 256)).gradient);
    for (let i = 0; i < 50; i++) {
      expect(bits((await trainer.gradients(batch, 256)).gradient).equals(first)).toBe(true);
    }
    await trainer.close();
  });

  it("restore and k steps equals k steps, bit for bit", async () => {
    const batch = tinyBatch(lengths, CLIP);
    const dir = await scratch();
    const { trainer, flat, layout } = await tinyLearner();
    for (let i = 0; i < 3; i++) await trainer.step(batch, HYPER, never);
    const state = { weights: flat, adam: trainer.adam };
    await saveState(dir, layout, state);
    for (let i = 0; i < 3; i++) await trainer.step(batch, HYPER, never);

    const other = await tinyLearner();
    const restored = { weights: other.flat, adam: other.trainer.adam };
    await restoreState(dir, other.layout, restored);
    expect(restored.adam.count).toBe(3);
    for (let i = 0; i < 3; i++) await other.trainer.step(batch, HYPER, never);
    expect(bits(other.flat).equals(bits(flat))).toBe(true);
    expect(bits(other.trainer.adam.v).equals(bits(trainer.adam.v))).toBe(true);
    await trainer.close();
    await other.trainer.close();
  });

  it("a broken or foreign checkpoint is refused and changes nothing", async () => {
    const dir = await scratch();
    const { trainer, flat, layout } = await tinyLearner();
    const state = { weights: flat, adam: trainer.adam };
    await saveState(dir, layout, state);
    await writeFile(join(dir, "optimizer.safetensors"), "short");
    flat[0] = 42;
    await expect(restoreState(dir, layout, state)).rejects.toMatchObject({ name: "TrainError" });
    expect(flat[0]).toBe(42);
    await trainer.close();
  });
});

describe("the update", () => {
  it("is AdamW with bias correction, clipping, and decay on matrices only", async () => {
    const { trainer, flat, layout } = await tinyLearner();
    const batch = tinyBatch(lengths, { kind: "ce" });
    const before = flat.slice();
    const { gradient } = await trainer.gradients(batch, 1024);
    const norm = Math.hypot(...gradient);
    const hyper = { ...HYPER, maxGradNorm: norm / 2, weightDecay: 0.1, microBatchTokens: 1024 };
    const report = await trainer.step(batch, hyper, never);
    expect(report.gradNorm).toBeCloseTo(norm, 4);
    expect(report).toMatchObject({
      skipped: false,
      updates: 1,
      microBatches: 1,
      lossTokens: batch.lossTokens,
    });
    for (const { name, offset, size } of layout.slots) {
      const decay = name.endsWith("norm.weight") || name.endsWith("bias") ? 0 : 0.1;
      for (let i = offset; i < offset + size; i++) {
        // After one update both bias-corrected moments are the gradient itself: the step is lr * g / (|g| + eps).
        const g = gradient[i]! * (hyper.maxGradNorm / (norm + 1e-6));
        const expected = before[i]! * (1 - hyper.lr * decay) - (hyper.lr * g) / (Math.abs(g) + hyper.eps);
        if (Math.abs(g) > 1e-5) expect(Math.abs(flat[i]! - expected), name).toBeLessThan(1e-5);
      }
    }
    await trainer.close();
  });

  it("lowers the loss, and falls to nearly zero on one small batch", async () => {
    const { trainer } = await tinyLearner();
    const batch = tinyBatch([12, 12], { kind: "ce" }, { weights: new Float32Array(24).fill(1) });
    let loss = Number.NaN;
    for (let i = 0; i < 60; i++) loss = (await trainer.step(batch, HYPER, never)).loss;
    expect(loss).toBeLessThan(0.1);
    await trainer.close();
  });

  it("is skipped on a non-finite gradient, and weights and moments stay as they are", async () => {
    const { trainer, flat } = await tinyLearner();
    const batch = tinyBatch([12, 12], CLIP, { advantages: new Float32Array(24).fill(Number.NaN) });
    const before = bits(flat.slice());
    const report = await trainer.step(batch, HYPER, never);
    expect(report).toMatchObject({ skipped: true, updates: 0 });
    expect(bits(flat).equals(before)).toBe(true);
    expect(trainer.adam.count).toBe(0);
    await trainer.close();
  });

  it("counts what lies outside the clip range", async () => {
    const { trainer } = await tinyLearner();
    const base = tinyBatch([20, 20], CLIP);
    const logp = await trainer.logprobs(base, 1024);
    const shift = [0.5, -0.5, 0, 0]; // log-ratios
    const behaviorLogprobs = logp.map((p, n) => (base.lossMask[n] === 1 ? p - shift[n % 4]! : 0));
    const report = await trainer.step({ ...base, behaviorLogprobs }, { ...HYPER, lr: 0 }, never);
    const share = (k: number): number => {
      let hits = 0;
      base.lossMask.forEach((m, n) => {
        if (m === 1 && n % 4 === k) hits++;
      });
      return hits / base.lossTokens;
    };
    expect(report.clipFracHigh).toBeCloseTo(share(0), 6);
    expect(report.clipFracLow).toBeCloseTo(share(1), 6);
    expect(report.ratioMax).toBeCloseTo(Math.exp(0.5), 4);
    expect(report.klBehavior).toBeCloseTo(
      share(0) * (Math.exp(0.5) - 1.5) + share(1) * (Math.exp(-0.5) - 0.5),
      4,
    );
    await trainer.close();
  });
});

describe("bad input", () => {
  it("a row that is too long, and a token outside the vocabulary", async () => {
    const { trainer } = await tinyLearner({ maxLength: 32 });
    await expect(trainer.gradients(tinyBatch([10, 33], CLIP), 1024)).rejects.toThrow(
      "row 1 of the batch has 33 tokens; the engine was started for 32",
    );
    await expect(trainer.gradients(tinyBatch([10], CLIP, { vocabSize: 500 }), 1024)).rejects.toThrow(
      /token id \d+ at place \d+ of the batch is outside the vocabulary of 37/,
    );
    await trainer.close();
  });
});
