/** The measured shape: 1.77 M parameters, 8 rows of 256 predicted positions. */

import { makeRng } from "../../../src/core/rng.js";
import type { Batch, SampleRequest, StepHyper } from "../../../src/core/types.js";
import { seed, step } from "../../../src/core/units.js";
import type { Qwen2Config } from "../../../src/model/config.js";

export const config: Qwen2Config = {
  vocabSize: 1024,
  hiddenSize: 192,
  numLayers: 4,
  numHeads: 6,
  numKvHeads: 2,
  headDim: 32,
  intermediateSize: 512,
  ropeTheta: 10000,
  rmsNormEps: 1e-6,
  tieWordEmbeddings: true,
  maxPositionEmbeddings: 512,
  eosTokenIds: [1023],
  initializerRange: 0.02,
};
export const ROWS = 8;
export const LENGTH = 256;

export const hyper: StepHyper = {
  lr: 1e-3,
  beta1: 0.9,
  beta2: 0.99,
  eps: 1e-8,
  weightDecay: 0.01,
  maxGradNorm: 1,
  microBatchTokens: ROWS * LENGTH,
};

/**
 * Random tokens below the end-of-turn id; `promptShare` of each row is not trained. With `grouped` all rows begin with
 * the same prompt, as the rollouts of one problem do.
 */
export function batch(promptShare: number, label: string, grouped = false): Batch {
  const rng = makeRng(label);
  const width = LENGTH + 1;
  const n = ROWS * width;
  const prompt = Math.max(1, Math.round(LENGTH * promptShare));
  const lossMask = Uint8Array.from({ length: n }, (_, i) => (i % width >= prompt ? 1 : 0));
  const lossTokens = lossMask.reduce((a, m) => a + m, 0);
  const tokenIds = Int32Array.from({ length: n }, () => rng.int(config.vocabSize - 1));
  if (grouped) for (let b = 1; b < ROWS; b++) tokenIds.copyWithin(b * width, 0, prompt);
  return {
    step: step(1),
    tokenIds,
    rowStart: Int32Array.from({ length: ROWS + 1 }, (_, b) => b * width),
    lossMask,
    weights: new Float32Array(n).fill(1),
    behaviorLogprobs: new Float32Array(n).fill(-6.9),
    advantages: Float32Array.from({ length: n }, () => rng.normal()),
    groupIds: new Int32Array(ROWS),
    divisor: lossTokens,
    lossTokens,
    temperature: 1,
    loss:
      promptShare === 0
        ? { kind: "ce" }
        : { kind: "clip", epsLow: 0.2, epsHigh: 0.28, dualClip: null, klCoef: 0, entropyCoef: 0 },
  };
}

/** 16 rollouts of each of `count / 16` prompts of about 100 tokens, 140 new tokens each. */
export function requests(count: number): SampleRequest[] {
  const rng = makeRng("prompts");
  const prompts = Array.from({ length: Math.ceil(count / 16) }, () =>
    Int32Array.from({ length: 90 + rng.int(20) }, () => rng.int(1000)),
  );
  return Array.from({ length: count }, (_, i) => ({
    id: `r${i}`,
    promptIds: prompts[i >> 4]!,
    seed: seed(i),
    sampling: { temperature: 1, topP: 1, maxTokens: 140 },
  }));
}

export interface Measured {
  /** Median over the steps. */
  readonly tokensPerCpuSecond: number;
  readonly tokensPerSecond: number;
}

/** Runs `once` (which gives its token count) `warm + times` times and takes medians of the later ones. */
export async function measure(warm: number, times: number, once: () => Promise<number>): Promise<Measured> {
  const cpu: number[] = [];
  const wall: number[] = [];
  for (let i = 0; i < warm + times; i++) {
    const c = process.cpuUsage();
    const t = performance.now();
    const tokens = await once();
    const used = process.cpuUsage(c);
    if (i < warm) continue;
    cpu.push((tokens * 1e6) / (used.user + used.system));
    wall.push((tokens * 1e3) / (performance.now() - t));
  }
  const median = (xs: number[]): number => Math.round(xs.sort((a, b) => a - b)[xs.length >> 1]!);
  return { tokensPerCpuSecond: median(cpu), tokensPerSecond: median(wall) };
}
