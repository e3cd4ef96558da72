/**
 * The two strategies that size each round by the yield seen so far, one number for the whole set: the batch rule of
 * CodeV-R1 (arXiv 2505.24183) as it was released, and as its paper describes it.
 */

import { prefixForCount } from "../beta.js";
import { type CursorState, ProblemCursor } from "../cursor.js";
import type { PlannedProblem, Strategy } from "../strategy.js";
import type { UniformOptions } from "./uniform.js";

/** Problems are drawn in chunks of this many (as released). */
const CHUNK = 8;
/** Rounds that the window holds. */
const WINDOW = 8;
const CONFIDENCE = 0.9;
/** A yield is not taken for less than this when a round is sized, so that one round never asks for the whole set. */
const LEAST_YIELD = 1 / 16;
const FLAT = { a: 1, b: 1 } as const;

/** Decides how many problems a round draws, and learns from what came of it. */
interface Rule<S> {
  size(needed: number, round: number): number;
  /** @param drawn problems of the round  @param kept those with both passes and fails */
  learn(drawn: number, kept: number): void;
  state(): S;
  restore(state: S): void;
}

/**
 * As released: draw need / min(R, R_part) problems, in chunks of 8. R_part is the least yield of this step's rounds, R the
 * running minimum of whole steps' yields; both start at 1 and R never rises. One thing differs: a round that keeps none
 * counts as half a group kept, where the release divides by zero.
 */
export function batchMinStrategy(options: UniformOptions): Strategy {
  let r = 1;
  let step = { part: 1, kept: 0, drawn: 0, need: 0 };
  return batch("batch_min", options, {
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

/**
 * As described: the yield over a sliding window of the last 8 rounds; a round is the smallest that reaches the need with a
 * binomial probability of 0.9.
 */
export function batchWindowStrategy(options: UniformOptions): Strategy {
  let rounds: readonly (readonly [drawn: number, kept: number])[] = [];
  return batch("batch_window", options, {
    size(needed) {
      const drawn = rounds.reduce((n, r) => n + r[0], 0);
      const kept = rounds.reduce((n, r) => n + r[1], 0);
      // One success is added, so that the rule starts at a yield of 1 and never at 0.
      const rate = Math.max(LEAST_YIELD, (kept + 1) / (drawn + 1));
      const most = Math.ceil(needed / LEAST_YIELD);
      return prefixForCount(new Array<number>(most).fill(rate), needed, CONFIDENCE);
    },
    learn(drawn, kept) {
      rounds = [...rounds, [drawn, kept] as const].slice(-WINDOW);
    },
    state: () => ({ rounds }),
    restore: (s) => {
      rounds = s.rounds;
    },
  });
}

function batch<S>(name: string, options: UniformOptions, rule: Rule<S>): Strategy {
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
            .map((problem) => ({ problem, rollouts: options.groupSize, prior: FLAT, weight: 1 })),
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
