/** The plan of a difficulty filter: every problem with the same number of rollouts, in rounds that fit in memory. */

import type { PlannedProblem } from "../algo/strategy.js";

/** Rollouts in one round at most, unless one problem needs more. */
const ROUND_ROLLOUTS = 2048;
const FLAT = { a: 1, b: 1 } as const;

export function screenPlans(problems: number, rollouts: number): PlannedProblem[][] {
  const perRound = Math.max(1, Math.floor(ROUND_ROLLOUTS / rollouts));
  const plans: PlannedProblem[][] = [];
  for (let from = 0; from < problems; from += perRound) {
    const count = Math.min(perRound, problems - from);
    plans.push(
      Array.from({ length: count }, (_, k) => ({ problem: from + k, rollouts, prior: FLAT, weight: 1 })),
    );
  }
  return plans;
}
