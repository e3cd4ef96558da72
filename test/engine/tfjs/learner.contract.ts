/** What the tfjs learner must do on any of its kernels: the onnxruntime learner's numbers on the same batch. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import type { Batch, LossSpec } from "../../../src/core/types.js";
import { flatLayout, packWeights } from "../../../src/engine/qwen2/flat.js";
import { restoreState, saveState } from "../../../src/engine/state.js";
import type { DeviceLearner } from "../../../src/engine/step/device-learner.js";
import type { Kernels } from "../../../src/engine/tfjs/kernels.js";
import { makeTfjsLearner } from "../../../src/engine/tfjs/learner.js";
import type { Qwen2Config } from "../../../src/model/config.js";
import type { Weights } from "../../../src/model/parameters.js";
import {
  CLIP,
  groupedBatch,
  HYPER,
  largestGap,
  never,
  tinyBatch,
  tinyConfig,
  tinyLearner,
  tinyWeights,
} from "../tiny.js";

const FULL: LossSpec = {
  kind: "clip",
  epsLow: 0.2,
  epsHigh: 0.28,
  dualClip: 1.5,
  klCoef: 0.1,
  entropyCoef: 0.05,
};
const lengths = [24, 22, 17, 12, 2, 24];

interface Made {
  readonly trainer: DeviceLearner;
  readonly flat: Float32Array;
}

export function tfjsLearnerSuite(kernels: () => Promise<Kernels>): void {
  const make = async (
    options: {
      config?: Qwen2Config;
      weights?: Weights;
      headRows?: number;
      again?: boolean;
      blocks?: number;
    } = {},
  ): Promise<Made & { k: Kernels }> => {
    const config = options.config ?? tinyConfig;
    const layout = flatLayout(config);
    const flat = new Float32Array(layout.size);
    packWeights(layout, options.weights ?? tinyWeights(config), flat);
    const k = await kernels();
    const trainer = makeTfjsLearner(k, {
      config,
      layout,
      weights: flat,
      maxLength: 128,
      checkpointing: () => options.again ?? false,
      ...(options.headRows !== undefined && { headRows: options.headRows }),
      ...(options.blocks !== undefined && { blocks: options.blocks }),
    });
    return { trainer, flat, k };
  };

  const cases: [string, LossSpec, Partial<Batch>, Partial<Qwen2Config>][] = [
    ["cross-entropy, tied head", { kind: "ce" }, {}, {}],
    [
      "cross-entropy, own head, every head its own keys",
      { kind: "ce" },
      {},
      { tieWordEmbeddings: false, numKvHeads: 6 },
    ],
    ["clipped objective, one key head", CLIP, {}, { numKvHeads: 1 }],
    ["clipped objective at temperature 0.7 with dual clip, KL and entropy", FULL, { temperature: 0.7 }, {}],
    ["the same with an own head", FULL, {}, { tieWordEmbeddings: false }],
  ];
  it.each(cases)(
    "has the onnxruntime learner's loss, log-probs and gradients: %s",
    async (_, loss, more, shape) => {
      const config = { ...tinyConfig, ...shape };
      const weights = tinyWeights(config);
      const batch = tinyBatch(lengths, loss, more);
      const reference = await tinyLearner({ config, weights });
      const { trainer, k } = await make({ config, weights });
      const expected = await reference.trainer.gradients(batch, 4096);
      const actual = await trainer.gradients(batch, 4096);
      expect(Math.abs(actual.loss - expected.loss)).toBeLessThan(1e-5 * (1 + Math.abs(expected.loss)));
      for (const { name, offset, size } of flatLayout(config).slots) {
        const want = expected.gradient.subarray(offset, offset + size);
        const rms = Math.sqrt(want.reduce((a, g) => a + g * g, 0) / size);
        const got = actual.gradient.subarray(offset, offset + size);
        // k biases shift all scores of a query alike, so their true gradient is zero: only an absolute bound holds there.
        expect(largestGap(got, want, Math.max(rms, 1e-3)), name).toBeLessThan(1e-3);
      }
      const [ours, theirs] = [
        await trainer.logprobs(batch, 256),
        await reference.trainer.logprobs(batch, 256),
      ];
      expect(largestGap(ours, theirs, 1)).toBeLessThan(1e-5);
      const report = await trainer.step(batch, { ...HYPER, lr: 0 }, never);
      const told = await reference.trainer.step(batch, { ...HYPER, lr: 0 }, never);
      for (const key of Object.keys(told) as (keyof typeof told)[]) {
        if (key === "seconds" || key === "microBatches") continue;
        const [x, y] = [Number(report[key]), Number(told[key])];
        expect(Math.abs(x - y) / (1e-3 + Math.abs(y)), `${key}: ${x} against ${y}`).toBeLessThan(1e-3);
      }
      await trainer.close();
      expect(k.numTensors).toBe(0);
      await reference.trainer.close();
    },
  );

  it("takes 20 optimizer steps with the onnxruntime learner's losses, skipping the same ones", async () => {
    const reference = await tinyLearner();
    const { trainer, flat } = await make();
    for (let i = 0; i < 20; i++) {
      const good = tinyBatch(
        lengths.map((n) => Math.max(2, n - (i % 7))),
        i % 2 === 0 ? CLIP : FULL,
      );
      const batch = i === 7 ? { ...good, advantages: good.advantages.map(() => Number.NaN) } : good;
      const [a, b] = [
        await trainer.step(batch, HYPER, never),
        await reference.trainer.step(batch, HYPER, never),
      ];
      expect(a.skipped).toBe(i === 7);
      expect(b.skipped).toBe(i === 7);
      if (a.skipped) continue;
      expect(Math.abs(a.loss - b.loss) / (1e-2 + Math.abs(b.loss)), `step ${i}`).toBeLessThan(1e-3);
    }
    expect(trainer.adam.count).toBe(19);
    await trainer.pull(true);
    expect(largestGap(flat, reference.flat, 1e-1)).toBeLessThan(1e-2);
    await trainer.close();
    await reference.trainer.close();
  });

  it("any split into micro-batches, head chunks or attention blocks, and blocks made again, give the same gradient", async () => {
    const batch = groupedBatch(
      [
        { prompt: 20, completions: [20, 31, 9, 1, 25] },
        { prompt: 9, completions: [10, 12] },
      ],
      FULL,
    );
    const whole = await make();
    const expected = await whole.trainer.gradients(batch, 4096);
    await whole.trainer.close();
    for (const [tokens, headRows, again, blocks] of [
      [64, 4096, false, 1],
      [200, 7, false, 2],
      [4096, 16, true, 4],
      [4096, 4096, true, 1],
    ] as const) {
      const { trainer } = await make({ headRows, again, blocks });
      const actual = await trainer.gradients(batch, tokens);
      expect(actual.loss).toBeCloseTo(expected.loss, 6);
      expect(largestGap(actual.gradient, expected.gradient, 1e-2)).toBeLessThan(1e-4);
      await trainer.close();
    }
  });

  it("hands a checkpoint to the onnxruntime learner and takes one back; the steps go on alike", async () => {
    const layout = flatLayout(tinyConfig);
    const stateOf = ({ trainer, flat }: Made) => ({
      weights: flat,
      adam: trainer.adam,
    });
    const batch = tinyBatch(lengths, CLIP);
    const dirs = [await mkdtemp(join(tmpdir(), "tfjs-")), await mkdtemp(join(tmpdir(), "tfjs-"))] as const;
    const first = await make();
    for (let i = 0; i < 3; i++) await first.trainer.step(batch, HYPER, never);
    await first.trainer.pull(true);
    await saveState(dirs[0], layout, stateOf(first));

    const ort = await tinyLearner();
    await restoreState(dirs[0], layout, stateOf(ort));
    expect(ort.trainer.adam.count).toBe(3);
    const after = await ort.trainer.step(batch, HYPER, never);
    const own = await first.trainer.step(batch, HYPER, never);
    expect(Math.abs(after.loss - own.loss)).toBeLessThan(1e-5);
    await saveState(dirs[1], layout, stateOf(ort));

    const third = await make({ weights: tinyWeights(tinyConfig, "others") });
    await restoreState(dirs[1], layout, stateOf(third));
    await third.trainer.push(true);
    for (let i = 0; i < 3; i++) {
      const [a, b] = [
        await third.trainer.step(batch, HYPER, never),
        await ort.trainer.step(batch, HYPER, never),
      ];
      expect(Math.abs(a.loss - b.loss) / (1e-2 + Math.abs(b.loss))).toBeLessThan(1e-3);
      expect(a.updates).toBe(b.updates);
    }
    for (const { trainer } of [first, ort, third]) await trainer.close();
    for (const dir of dirs) await rm(dir, { recursive: true });
  });

  it("save and restore give back weights and moments bit for bit", async () => {
    const { trainer, flat } = await make();
    await trainer.step(tinyBatch(lengths, CLIP), HYPER, never);
    await trainer.pull(true);
    const before = [flat.slice(), trainer.adam.m.slice(), trainer.adam.v.slice()];
    await trainer.push(true);
    await trainer.step(tinyBatch(lengths, CLIP), { ...HYPER, lr: 0, weightDecay: 0 }, never);
    await trainer.pull(false);
    expect(flat).toEqual(before[0]);
    trainer.adam.m.set(before[1]!);
    await trainer.push(true);
    await trainer.pull(true);
    expect(trainer.adam.m).toEqual(before[1]);
    await trainer.close();
  });

  it("holds as many tensors after 50 steps as after two", async () => {
    const { trainer, k } = await make();
    const batch = tinyBatch([9, 16, 12], FULL);
    const step = () => trainer.step(batch, { ...HYPER, microBatchTokens: 32 }, never);
    await step();
    await step();
    const tensors = k.numTensors;
    for (let i = 0; i < 48; i++) await step();
    expect(k.numTensors).toBe(tensors);
    await trainer.close();
  });

  it("an aborted step leaves the weights alone and frees what it made", async () => {
    const { trainer, flat, k } = await make();
    const batch = tinyBatch(lengths, CLIP);
    await trainer.step(batch, { ...HYPER, lr: 0, microBatchTokens: 64 }, never);
    const [tensors, before] = [k.numTensors, flat.slice()];
    let polls = 0;
    await expect(
      trainer.step(batch, { ...HYPER, microBatchTokens: 64 }, () => ++polls > 2),
    ).rejects.toMatchObject({
      code: "interrupted",
    });
    expect(k.numTensors).toBe(tensors);
    await trainer.pull(true);
    expect(flat).toEqual(before);
    await trainer.close();
  });
}
