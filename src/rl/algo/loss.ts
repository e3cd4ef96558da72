/**
 * The objective of one trained token, in plain arithmetic (design: algorithm.md section 1; DAPO, arXiv 2503.14476, eq. 10;
 * dual clip: arXiv 1912.09729, eq. 5). Engines compute the same on tensors; tests hold them to this page.
 */

import type { LossSpec } from "../../core/types.js";

type ClipSpec = Extract<LossSpec, { kind: "clip" }>;

/** Bound on the log-ratio, so that exp never overflows. */
export const LOG_RATIO_BOUND = 20;

export interface TokenLoss {
  readonly loss: number;
  readonly ratio: number;
  /** Which side of the clip range the ratio is on, where the clip is active for this advantage's sign. */
  readonly clipped: "low" | "high" | null;
}

/**
 * l of one token, entropy bonus included:
 *   l = max(-A r, -A clip(r)), capped for A < 0 by the dual clip; + klCoef (r - 1 - log r) - entropyCoef H
 * @param logp log-prob under the weights being trained, nats
 * @param old behaviour log-prob, nats, at the same temperature
 * @param entropy H of the token's distribution under the weights being trained, nats
 */
export function clippedTokenLoss(
  logp: number,
  old: number,
  advantage: number,
  spec: ClipSpec,
  entropy = 0,
): TokenLoss {
  const logRatio = Math.min(Math.max(logp - old, -LOG_RATIO_BOUND), LOG_RATIO_BOUND);
  const ratio = Math.exp(logRatio);
  const bounded = Math.min(Math.max(ratio, 1 - spec.epsLow), 1 + spec.epsHigh);
  let loss = Math.max(-advantage * ratio, -advantage * bounded);
  if (spec.dualClip !== null && advantage < 0) loss = Math.min(loss, -advantage * spec.dualClip);
  if (spec.klCoef > 0) loss += spec.klCoef * (ratio - 1 - logRatio); // k3 of KL(behaviour || current)
  loss -= spec.entropyCoef * entropy;
  let clipped: TokenLoss["clipped"] = null;
  if (advantage > 0 && ratio > 1 + spec.epsHigh) clipped = "high";
  if (advantage < 0 && ratio < 1 - spec.epsLow) clipped = "low";
  return { loss, ratio, clipped };
}
