/** A tiny model and batches for the engine's tests. */

import { makeRng } from "../../src/core/rng.js";
import type { Batch, LossSpec, SampleRequest, StepHyper } from "../../src/core/types.js";
import { seed, step } from "../../src/core/units.js";
import { loadOrt } from "../../src/engine/onnx/runtime.js";
import { makeOrtLearner } from "../../src/engine/ort/learner.js";
import { flatLayout, packWeights } from "../../src/engine/qwen2/flat.js";
import type { DeviceLearner } from "../../src/engine/step/device-learner.js";
import type { Qwen2Config } from "../../src/model/config.js";
import { initWeights, type Weights } from "../../src/model/parameters.js";

export const tinyConfig: Qwen2Config = {
  vocabSize: 37,
  hiddenSize: 24,
  numLayers: 2,
  numHeads: 6,
  numKvHeads: 2,
  headDim: 4,
  intermediateSize: 20,
  ropeTheta: 10000,
  rmsNormEps: 1e-6,
  tieWordEmbeddings: true,
  maxPositionEmbeddings: 128,
  eosTokenIds: [0],
  initializerRange: 0.3,
};

/** Random weights whose norms and biases are not at their trivial first values. */
export function tinyWeights(config: Qwen2Config = tinyConfig, label = "weights"): Weights {
  const rng = makeRng(label);
  return new Map(
    [...initWeights(config, rng)].map(([name, values]) => [
      name,
      name.endsWith("bias") || name.endsWith("norm.weight")
        ? values.map((x) => x + 0.2 * rng.fork(name).normal() + 0.1 * rng.normal())
        : values,
    ]),
  );
}

export const CLIP = {
  kind: "clip",
  epsLow: 0.2,
  epsHigh: 0.28,
  dualClip: null,
  klCoef: 0,
  entropyCoef: 0,
} as const satisfies LossSpec;

export const HYPER: StepHyper = {
  lr: 1e-2,
  beta1: 0.9,
  beta2: 0.99,
  eps: 1e-8,
  weightDecay: 0.01,
  maxGradNorm: 1,
  microBatchTokens: 1024,
};

/** Rows of the given lengths with random tokens (repeats are common), a third of each row a prompt. */
export function tinyBatch(
  lengths: readonly number[],
  loss: LossSpec,
  more: Partial<Batch> & { vocabSize?: number } = {},
): Batch {
  const rng = makeRng(`batch ${lengths.join()}`);
  const { vocabSize = tinyConfig.vocabSize, ...fields } = more;
  const rowStart = [0];
  for (const length of lengths) rowStart.push(rowStart.at(-1)! + length);
  const n = rowStart.at(-1)!;
  const lossMask = new Uint8Array(n);
  lengths.forEach((length, b) => {
    lossMask.fill(1, rowStart[b]! + Math.max(1, Math.floor(length / 3)), rowStart[b + 1]!);
  });
  const lossTokens = lossMask.reduce((a, m) => a + m, 0);
  const each = (f: () => number): Float32Array => Float32Array.from(lossMask, (m) => (m === 1 ? f() : 0));
  return {
    step: step(1),
    tokenIds: Int32Array.from({ length: n }, () => rng.int(vocabSize)),
    rowStart: Int32Array.from(rowStart),
    lossMask,
    weights: each(() => 0.5 + rng.uniform()),
    behaviorLogprobs: each(() => -3.6 + rng.normal()),
    advantages: each(() => rng.normal()),
    groupIds: new Int32Array(lengths.length),
    divisor: lossTokens,
    lossTokens,
    temperature: 1,
    loss,
    ...fields,
  };
}

/** Groups of rollouts with a common prompt each; every token after the prompt is trained. */
export function groupedBatch(
  groups: readonly { prompt: number; completions: readonly number[] }[],
  loss: LossSpec,
  more: Partial<Batch> = {},
): Batch {
  const rows = groups.flatMap((group, id) => group.completions.map((length) => ({ ...group, id, length })));
  const base = tinyBatch(
    rows.map((r) => r.prompt + r.length),
    loss,
  );
  const { tokenIds, lossMask, rowStart, groupIds } = base;
  const rng = makeRng("grouped");
  const prompts = groups.map(({ prompt }) =>
    Int32Array.from({ length: prompt }, () => rng.int(tinyConfig.vocabSize)),
  );
  rows.forEach(({ id, prompt }, b) => {
    tokenIds.set(prompts[id]!, rowStart[b]!);
    lossMask.fill(0, rowStart[b]!, rowStart[b]! + prompt);
    lossMask.fill(1, rowStart[b]! + prompt, rowStart[b + 1]!);
    groupIds[b] = id;
  });
  const each = (f: () => number): Float32Array => Float32Array.from(lossMask, (m) => (m === 1 ? f() : 0));
  const lossTokens = lossMask.reduce((a, m) => a + m, 0);
  return {
    ...base,
    weights: each(() => 0.5 + rng.uniform()),
    behaviorLogprobs: each(() => -3.6 + rng.normal()),
    advantages: each(() => rng.normal()),
    lossTokens,
    divisor: lossTokens,
    ...more,
  };
}

export async function tinyLearner(
  options: {
    config?: Qwen2Config;
    weights?: Weights;
    threads?: number;
    chunks?: number;
    maxLength?: number;
  } = {},
): Promise<{ trainer: DeviceLearner; flat: Float32Array; layout: ReturnType<typeof flatLayout> }> {
  const config = options.config ?? tinyConfig;
  const layout = flatLayout(config);
  const flat = new Float32Array(layout.size);
  packWeights(layout, options.weights ?? tinyWeights(config), flat);
  const trainer = makeOrtLearner(await loadOrt(), {
    config,
    layout,
    weights: flat,
    threads: options.threads ?? 1,
    maxLength: options.maxLength ?? 128,
    ...(options.chunks !== undefined && { chunks: options.chunks }),
  });
  return { trainer, flat, layout };
}

export function tinyRequests(
  count: number,
  sampling: Partial<SampleRequest["sampling"]> = {},
  label = "requests",
): SampleRequest[] {
  const rng = makeRng(label);
  const prompts = Array.from({ length: Math.ceil(count / 4) }, () =>
    Int32Array.from({ length: 3 + rng.int(20) }, () => 1 + rng.int(tinyConfig.vocabSize - 1)),
  );
  return Array.from({ length: count }, (_, i) => ({
    id: `${label}-${i}`,
    promptIds: prompts[Math.floor(i / 4)]!,
    seed: seed(1000 + i),
    sampling: { temperature: 1, topP: 1, maxTokens: 5 + rng.int(40), ...sampling },
  }));
}

export const never = (): boolean => false;

/** Largest |a - b| / (floor + |b|). */
export function largestGap(a: ArrayLike<number>, b: ArrayLike<number>, floor: number): number {
  let worst = a.length === b.length ? 0 : Number.POSITIVE_INFINITY;
  for (let i = 0; i < b.length; i++)
    worst = Math.max(worst, Math.abs(a[i]! - b[i]!) / (floor + Math.abs(b[i]!)));
  return worst;
}
