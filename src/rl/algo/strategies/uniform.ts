/** The common part of `fixed` and `dynamic`: problems are taken in turn, each with the same number of rollouts. */

import type { Rng } from "../../../core/rng.js";
import { type CursorState, ProblemCursor } from "../cursor.js";
import type { PlannedProblem, Strategy } from "../strategy.js";
import { FLAT_PRIOR } from "./kind.js";

export interface UniformOptions {
  readonly problems: number;
  readonly groupSize: number;
  readonly rng: Rng;
}

/** @param drawn problems of a round, from the useful groups that are still missing and the round (from 0) */
export function uniform(
  name: string,
  keep: "all" | "mixed",
  options: UniformOptions,
  drawn: (needed: number, round: number) => number,
): Strategy {
  const cursor = new ProblemCursor(options.problems, options.rng);
  return {
    name,
    keep: { kind: keep },
    plan: ({ needed, round }): PlannedProblem[] =>
      cursor
        .take(drawn(needed, round))
        .map((problem) => ({ problem, rollouts: options.groupSize, prior: FLAT_PRIOR, weight: 1 })),
    observe: () => {},
    exclude: (problems) => cursor.exclude(problems),
    mark: () => {
      const before = cursor.state();
      return () => cursor.restore(before);
    },
    widen: () => {},
    metrics: () => ({}),
    state: () => cursor.state(),
    restore: (state) => cursor.restore(state as CursorState),
  };
}
