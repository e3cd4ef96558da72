/** Which options of the objective each engine computes. A new engine says so here, and its contract tests hold it to that. */

import type { LearnerSection } from "./schema.js";

/** `importance` needs log-probs of the batch before the update; the others are terms of a token's loss. */
export type LossOption = "dual_clip" | "kl_coef" | "entropy_coef" | "importance_cap";

export const LEARNER_LOSS: Readonly<Record<LearnerSection["engine"], ReadonlySet<LossOption>>> = {
  embedded: new Set<LossOption>(["dual_clip", "kl_coef", "entropy_coef", "importance_cap"]),
};

/** Options that are switched on (neither null nor 0) and that the engine does not compute. */
export const unsupportedLoss = (
  loss: Readonly<Record<LossOption, number | null>>,
  supported: ReadonlySet<LossOption>,
): LossOption[] =>
  (["dual_clip", "kl_coef", "entropy_coef", "importance_cap"] as const).filter(
    (key) => loss[key] !== null && loss[key] !== 0 && !supported.has(key),
  );
