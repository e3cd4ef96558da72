/** Plans exactly what was planned before: for training again on rollouts that are already there. */

import type { KeepRule } from "./filters.js";
import type { PlannedProblem, RoundContext, Strategy } from "./strategy.js";

/** Plans by step, then by round. */
export type RecordedPlans = ReadonlyMap<number, readonly (readonly PlannedProblem[])[]>;

export function replayStrategy(plans: RecordedPlans, keep: KeepRule): Strategy {
  return {
    name: "replay",
    keep,
    plan: ({ step, round }: RoundContext) => plans.get(step)?.[round] ?? [],
    observe: () => {},
    exclude: () => {},
    mark: () => () => {},
    widen: () => {},
    metrics: () => ({}),
    state: () => null,
    restore: () => {},
  };
}
