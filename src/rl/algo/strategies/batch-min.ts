/** `batch_min`: rounds sized by the least yield so far, as CodeV-R1 (arXiv 2505.24183) released it. */

import type { Strategy } from "../strategy.js";
import type { StrategyKind } from "./kind.js";
import type { UniformOptions } from "./uniform.js";
import { yieldRounds } from "./yield-rounds.js";

/** Problems are drawn in chunks of this many (as released). */
const CHUNK = 8;

/**
 * As released: draw need / min(R, R_part) problems, in chunks of 8. R_part is the least yield of this step's rounds, R the
 * running minimum of whole steps' yields; both start at 1 and R never rises. One thing differs: a round that keeps none
 * counts as half a group kept, where the release divides by zero.
 */
export function batchMinStrategy(options: UniformOptions): Strategy {
  let r = 1;
  let step = { part: 1, kept: 0, drawn: 0, need: 0 };
  return yieldRounds("batch_min", options, {
    size(needed, round) {
      if (round === 0) step = { part: 1, kept: 0, drawn: 0, need: needed };
      return Math.ceil(needed / Math.min(r, step.part) / CHUNK - 1e-9) * CHUNK;
    },
    learn(drawn, kept) {
      const total = { kept: step.kept + kept, drawn: step.drawn + drawn };
      step = { ...step, ...total, part: Math.min(step.part, Math.max(kept, 0.5) / drawn) };
      if (total.kept >= step.need) r = Math.min(r, total.kept / total.drawn);
    },
    state: () => ({ r }),
    restore: (s) => {
      r = s.r;
    },
  });
}

export const batchMin = {
  name: "batch_min",
  describe: "rounds sized by the least yield so far, as CodeV-R1 released",
  knobs: {},
  estimates: false,
  keep: () => ({ kind: "mixed" }),
  make: (_knobs, { problems, groupSize, rng }) =>
    batchMinStrategy({ problems: problems.length, groupSize, rng }),
} as const satisfies StrategyKind<Record<never, never>>;
