/** Reward from outcome. Every part is logged apart; the reward is their sum. */

import type { Outcome } from "../core/types.js";
import type { Agreement } from "../equiv/agreement.js";

export const SHAPES = ["binary", "vector_fraction", "per_output", "format_bonus"] as const;
export type Shape = (typeof SHAPES)[number];

export interface ShapeOptions {
  readonly kind: Shape;
  /** Most that partial agreement can earn (vector_fraction, per_output). */
  readonly partialWeight: number;
  /** What an answer in the right format earns by itself (format_bonus). */
  readonly formatBonus: number;
}

export const DEFAULT_SHAPE: ShapeOptions = { kind: "binary", partialWeight: 0.5, formatBonus: 0.1 };

/** Does this shape need the agreement of wrong candidates (one more simulation for each)? */
export const wantsPartial = (s: ShapeOptions): boolean =>
  s.kind === "vector_fraction" || s.kind === "per_output";

export function shapeReward(
  s: ShapeOptions,
  outcome: Outcome,
  partial: Agreement | null,
): { readonly reward: number; readonly parts: Readonly<Record<string, number>> } {
  const correct = outcome === "pass" ? 1 : 0;
  const parts: Record<string, number> = { correct };
  if (s.kind === "format_bonus") {
    parts.correct = correct * (1 - s.formatBonus);
    parts.format = outcome === "format" ? 0 : s.formatBonus;
  } else if (s.kind === "vector_fraction") {
    parts.vectors = correct === 0 && partial !== null ? s.partialWeight * partial.vectors : 0;
  } else if (s.kind === "per_output") {
    parts.outputs = correct === 0 && partial !== null ? s.partialWeight * partial.outputs : 0;
  }
  let reward = 0;
  for (const v of Object.values(parts)) reward += v;
  return { reward, parts };
}
