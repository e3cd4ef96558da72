/**
 * The common part of `batch_min` and `batch_window`: each round is sized by the yield seen so far, one number for the whole
 * set (the batch rule of CodeV-R1, arXiv 2505.24183).
 */

import { type CursorState, ProblemCursor } from "../cursor.js";
import type { PlannedProblem, Strategy } from "../strategy.js";
import { FLAT_PRIOR } from "./kind.js";
import type { UniformOptions } from "./uniform.js";

/** Decides how many problems a round draws, and learns from the outcomes. */
export interface Rule<S> {
  size(needed: number, round: number): number;
  /** @param drawn problems of the round  @param kept those with both passes and fails */
  learn(drawn: number, kept: number): void;
  state(): S;
  restore(state: S): void;
}

/** A strategy whose rounds are sized by `rule`; all-equal groups are dropped. */
export function yieldRounds<S>(name: string, options: UniformOptions, rule: Rule<S>): Strategy {
  const cursor = new ProblemCursor(options.problems, options.rng);
  const state = (): { cursor: CursorState; rule: S } => ({ cursor: cursor.state(), rule: rule.state() });
  const restore = (s: { cursor: CursorState; rule: S }): void => {
    cursor.restore(s.cursor);
    rule.restore(s.rule);
  };
  return {
    name,
    keep: { kind: "mixed" },
    plan: ({ needed, round }): PlannedProblem[] =>
      needed <= 0
        ? []
        : cursor
            .take(rule.size(needed, round))
            .map((problem) => ({ problem, rollouts: options.groupSize, prior: FLAT_PRIOR, weight: 1 })),
    observe: (_version, outcomes) => {
      // Groups that lost all their rollouts to the machinery say nothing about the yield.
      const scored = outcomes.filter((o) => o.successes + o.failures > 0);
      if (scored.length === 0) return;
      rule.learn(scored.length, scored.filter((o) => o.successes > 0 && o.failures > 0).length);
    },
    exclude: (problems) => cursor.exclude(problems),
    mark: () => {
      const before = state();
      return () => restore(before);
    },
    widen: () => {},
    metrics: () => ({}),
    state,
    restore: (s) => restore(s as ReturnType<typeof state>),
  };
}
