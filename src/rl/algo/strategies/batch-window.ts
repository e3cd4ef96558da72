/** `batch_window`: rounds sized by the yield of the last rounds, as CodeV-R1's paper (arXiv 2505.24183) describes it. */

import { prefixForCount } from "../beta.js";
import type { Strategy } from "../strategy.js";
import type { StrategyKind } from "./kind.js";
import type { UniformOptions } from "./uniform.js";
import { yieldRounds } from "./yield-rounds.js";

/** Rounds that the window holds. */
const WINDOW = 8;
const CONFIDENCE = 0.9;
/** A round is sized as if the yield were at least this, so that one round never asks for the whole set. */
const LEAST_YIELD = 1 / 16;

/**
 * As described: the yield over a sliding window of the last 8 rounds; a round is the smallest that reaches the need with a
 * binomial probability of 0.9.
 */
export function batchWindowStrategy(options: UniformOptions): Strategy {
  let rounds: readonly (readonly [drawn: number, kept: number])[] = [];
  return yieldRounds("batch_window", options, {
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

export const batchWindow = {
  name: "batch_window",
  describe: "rounds sized by the yield of the last rounds, as CodeV-R1 describes",
  knobs: {},
  estimates: false,
  keep: () => ({ kind: "mixed" }),
  make: (_knobs, { problems, groupSize, rng }) =>
    batchWindowStrategy({ problems: problems.length, groupSize, rng }),
} as const satisfies StrategyKind<Record<never, never>>;
