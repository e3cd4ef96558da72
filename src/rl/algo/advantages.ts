/** Group advantages (design: algorithm.md section 2). One number per rollout, the same for all of its tokens. */

import { TrainError } from "../../core/errors.js";
import { mean, std, sum } from "../../core/stats.js";

export type AdvantageMode = "group_std" | "leave_one_out" | "history";

/** Pseudo-counts of a problem's pass rate before the step. */
export interface BetaCounts {
  readonly a: number;
  readonly b: number;
}

const STD_EPS = 1e-6;

/**
 * @param rewards [G] rewards of one group
 * @param prior the problem's posterior before this step; needed by `history`
 * @returns [G] advantages
 *
 * - `group_std`: (r - mean) / (std + 1e-6) with ddof 1 (GRPO, DAPO).
 * - `leave_one_out`: r - mean of the others (RLOO); unbiased for any G >= 2.
 * - `history`: r_j - (a + S_-j) / (a + b + G - 1): the others' rewards shrunk to the posterior mean; unbiased for G >= 1,
 *   because the baseline of a rollout never contains that rollout.
 */
export function groupAdvantages(
  rewards: readonly number[],
  mode: AdvantageMode,
  prior: BetaCounts,
): number[] {
  const size = rewards.length;
  const total = sum(rewards);
  switch (mode) {
    case "group_std": {
      needTwo(size, mode);
      const m = mean(rewards);
      const scale = std(rewards, 1) + STD_EPS;
      return rewards.map((r) => (r - m) / scale);
    }
    case "leave_one_out":
      needTwo(size, mode);
      return rewards.map((r) => r - (total - r) / (size - 1));
    case "history":
      return rewards.map((r) => r - (prior.a + total - r) / (prior.a + prior.b + size - 1));
    default:
      throw new TrainError("bug", `unknown advantage mode ${mode satisfies never}`);
  }
}

function needTwo(size: number, mode: string): void {
  if (size < 2) throw new TrainError("bug", `advantage ${mode} needs groups of at least 2, got ${size}`);
}
