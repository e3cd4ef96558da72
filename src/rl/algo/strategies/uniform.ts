/** The two strategies that treat every problem alike: `fixed` (GRPO) and `dynamic` (DAPO's dynamic sampling). */

import type { Rng } from "../../../core/rng.js";
import { type CursorState, ProblemCursor } from "../cursor.js";
import type { PlannedProblem, Strategy } from "../strategy.js";

/** Posterior of a problem nobody keeps counts for. */
const FLAT = { a: 1, b: 1 } as const;

export interface UniformOptions {
  readonly problems: number;
  readonly groupSize: number;
  readonly rng: Rng;
}

/** B problems with G rollouts each, nothing filtered, one round. */
export function fixedStrategy(options: UniformOptions): Strategy {
  return uniform("fixed", "all", options, (needed, round) => (round === 0 ? needed : 0));
}

/** Rounds of `oversample` times what is missing, all-equal groups dropped, until enough are left (DAPO section 3.2). */
export function dynamicStrategy(options: UniformOptions & { readonly oversample: number }): Strategy {
  return uniform("dynamic", "mixed", options, (needed) => Math.ceil(needed * options.oversample));
}

function uniform(
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
        .map((problem) => ({ problem, rollouts: options.groupSize, prior: FLAT, weight: 1 })),
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
