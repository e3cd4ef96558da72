/**
 * Truncated importance correction of stale tokens (decoupled PPO: arXiv 2110.00641; truncated: verl's and TRL's rollout
 * correction). A banked group was drawn by older weights q. Its clip range is set around the policy at the step's start,
 * `old`, and the token is weighted by w = min(exp(old - q), cap), so that staleness and the update's size are bounded apart.
 * The divisor stays what it was: tokens with a small weight must not blow up the others.
 */

import type { Batch } from "../../core/types.js";
import { LOG_RATIO_BOUND } from "./loss.js";

export function truncatedImportance(old: number, behavior: number, cap: number): number {
  const logRatio = Math.min(Math.max(old - behavior, -LOG_RATIO_BOUND), LOG_RATIO_BOUND);
  return Math.min(Math.exp(logRatio), cap);
}

export interface Corrected {
  readonly batch: Batch;
  /** Mean weight of the stale tokens that are trained, and the share of them at the cap; null when there are none. */
  readonly mean: number | null;
  readonly capped: number | null;
}

/**
 * @param old [N] log-probs of the batch under the weights before the update, at the batch's temperature
 * @param stale [B] whether the row was drawn by older weights; fresh rows are left as they are
 */
export function correctStale(
  batch: Batch,
  old: Float32Array,
  stale: readonly boolean[],
  cap: number,
): Corrected {
  const weights = batch.weights.slice();
  const behaviorLogprobs = batch.behaviorLogprobs.slice();
  let [tokens, sum, capped] = [0, 0, 0];
  stale.forEach((isStale, row) => {
    if (!isStale) return;
    for (let n = batch.rowStart[row]!; n < batch.rowStart[row + 1]!; n++) {
      if (batch.lossMask[n] !== 1) continue;
      const w = truncatedImportance(old[n]!, batch.behaviorLogprobs[n]!, cap);
      weights[n]! *= w;
      behaviorLogprobs[n] = old[n]!;
      tokens++;
      sum += w;
      if (w === cap) capped++;
    }
  });
  return {
    batch: { ...batch, weights, behaviorLogprobs },
    mean: tokens === 0 ? null : sum / tokens,
    capped: tokens === 0 ? null : capped / tokens,
  };
}
