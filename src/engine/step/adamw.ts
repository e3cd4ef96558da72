/**
 * AdamW (Loshchilov & Hutter, arXiv 1711.05101, algorithm 2) in place on flat arrays: bias-corrected moments, weight
 * decay decoupled from the gradient and left off norms and biases. Same order of operations as torch.optim.AdamW.
 */

import type { StepHyper } from "../../core/types.js";

export interface AdamState {
  readonly m: Float32Array;
  readonly v: Float32Array;
  /** Updates applied so far. */
  count: number;
}

export interface Segment {
  readonly offset: number;
  readonly size: number;
  readonly decay: boolean;
}

export const adamState = (size: number): AdamState => ({
  m: new Float32Array(size),
  v: new Float32Array(size),
  count: 0,
});

/** Euclidean norm in double precision. */
export function globalNorm(gradient: Float32Array): number {
  // Four sums: the additions of one sum would wait for each other.
  let a = 0;
  let b = 0;
  let c = 0;
  let d = 0;
  const whole = gradient.length & ~3;
  for (let i = 0; i < whole; i += 4) {
    const w = gradient[i]!;
    const x = gradient[i + 1]!;
    const y = gradient[i + 2]!;
    const z = gradient[i + 3]!;
    a += w * w;
    b += x * x;
    c += y * y;
    d += z * z;
  }
  for (let i = whole; i < gradient.length; i++) a += gradient[i]! * gradient[i]!;
  return Math.sqrt(a + b + (c + d));
}

/** Factor that brings a gradient of this norm down to the largest one allowed. */
export const clipFactor = (norm: number, largest: number): number =>
  norm > largest ? largest / (norm + 1e-6) : 1;

export function adamwStep(
  weights: Float32Array,
  gradient: Float32Array,
  factor: number,
  state: AdamState,
  segments: readonly Segment[],
  hyper: StepHyper,
): void {
  state.count += 1;
  const { lr, beta1, beta2, eps, weightDecay } = hyper;
  const rate = lr / (1 - beta1 ** state.count);
  const root = 1 / Math.sqrt(1 - beta2 ** state.count);
  for (const { offset, size, decay } of segments) {
    const keep = decay ? 1 - lr * weightDecay : 1;
    update(
      weights,
      gradient,
      state.m,
      state.v,
      offset,
      offset + size,
      keep,
      factor,
      beta1,
      beta2,
      rate,
      root,
      eps,
    );
  }
}

function update(
  weights: Float32Array,
  gradient: Float32Array,
  m: Float32Array,
  v: Float32Array,
  from: number,
  to: number,
  keep: number,
  factor: number,
  beta1: number,
  beta2: number,
  rate: number,
  root: number,
  eps: number,
): void {
  const rest1 = 1 - beta1;
  const rest2 = 1 - beta2;
  for (let i = from; i < to; i++) {
    const g = gradient[i]! * factor;
    const mi = beta1 * m[i]! + rest1 * g;
    const vi = beta2 * v[i]! + rest2 * g * g;
    m[i] = mi;
    v[i] = vi;
    weights[i] = weights[i]! * keep - (rate * mi) / (Math.sqrt(vi) * root + eps);
  }
}
