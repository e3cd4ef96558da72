/** Learning rate of a step: linear warm-up, then constant, cosine or linear decay to a share of the peak. */

export interface LrSchedule {
  readonly peak: number;
  readonly warmupSteps: number;
  readonly kind: "constant" | "cosine" | "linear";
  readonly finalRatio: number;
  readonly totalSteps: number;
}

/**
 * @param step from 1
 * @param spent share of the budget of generated tokens that is used up: whichever runs out first ends the decay
 */
export function learningRate(step: number, s: LrSchedule, spent = 0): number {
  if (step <= s.warmupSteps) return (s.peak * step) / s.warmupSteps;
  if (s.kind === "constant") return s.peak;
  const span = Math.max(1, s.totalSteps - s.warmupSteps);
  const t = Math.min(1, Math.max((step - s.warmupSteps) / span, spent));
  const shape = s.kind === "cosine" ? 0.5 * (1 + Math.cos(Math.PI * t)) : 1 - t;
  return s.peak * (s.finalRatio + (1 - s.finalRatio) * shape);
}
