/**
 * What a group that is trained on adds to a step's gradient, to first order.
 *
 * The estimator is the learner's: the sum over rollouts of A_j z_j, z = d log pi / d theta, under one divisor for the step
 * (which leaves SNR alone). Along the true gradient theta is the logit of the pass rate p, so z_j = r_j - p; across it z has mean 0
 * and variance 1 and does not depend on the outcome. Of a group as it is drawn, with n rollouts and q = 1 - p,
 *
 *   signal  E[sum A z]   = n p q     for both baselines, because neither contains the rollout's own reward
 *   noise   E[sum A^2]   = n x       x = p q n / (n - 1) for leave-one-out,
 *                                    x = p q + ((a - (a + b) p)^2 + (n - 1) p q) / (a + b + n - 1)^2 for the history baseline
 *
 * A rule drops all-solved groups, all-failed groups, both or neither. In those all advantages are equal: u = b / (a + b + n - 1)
 * and -d = -a / (a + b + n - 1) under the history baseline, 0 under leave-one-out. With [.] = 1 where that kind is dropped,
 *
 *   E[sum A z; kept]  = n p q - [solved] p^n n u q   - [failed] q^n n d p
 *   E[sum A^2; kept]  = n x   - [solved] p^n n u^2   - [failed] q^n n d^2
 *   P(kept)           = 1     - [solved] p^n         - [failed] q^n
 *
 * and a kept group counts for the quotients by P(kept).
 * - `all`: nothing is dropped, n p q and n x.
 * - `mixed`: both are dropped. Under leave-one-out that loses nothing (u = d = 0): n p q / P(kept). Under the history baseline
 *   it loses what the all-equal groups carried.
 * - `surprising`: dropped are the all-equal groups with u, or d, below the least; where both stay, as for `all`.
 */

import type { BetaCounts } from "../../src/rl/algo/advantages.js";
import { isKept, type KeepRule } from "../../src/rl/algo/filters.js";

export type Baseline = "leave_one_out" | "history";

export interface KeptGroup {
  readonly rollouts: number;
  /** Pass rate as the verifier sees it. */
  readonly p: number;
  /** Covariance of a rollout's verdict with its score: p(1 - p), less where the verifier errs. */
  readonly covariance: number;
  readonly prior: BetaCounts;
}

/** Fewest rollouts that a baseline can do with. */
export const leastSize = (baseline: Baseline): number => (baseline === "history" ? 1 : 2);

/** @returns signal: E[sum A z], noise: E[sum A^2], both given that the group is kept; kept: the probability of that */
export function groupMoments(
  { rollouts: n, p, covariance, prior }: KeptGroup,
  keep: KeepRule,
  baseline: Baseline,
): { signal: number; noise: number; kept: number } {
  const least = leastSize(baseline);
  const solved = isKept(n, 0, prior, keep, least) ? 0 : 1;
  const failed = isKept(0, n, prior, keep, least) ? 0 : 1;
  const q = 1 - p;
  const strength = prior.a + prior.b;
  const history = baseline === "history";
  const u = history ? prior.b / (strength + n - 1) : 0;
  const d = history ? prior.a / (strength + n - 1) : 0;
  const x = history
    ? p * q + ((prior.a - strength * p) ** 2 + (n - 1) * p * q) / (strength + n - 1) ** 2
    : (p * q * n) / Math.max(1, n - 1);
  const kept = 1 - solved * p ** n - failed * q ** n;
  if (kept < 1e-12) return { signal: 0, noise: 0, kept: 0 };
  return {
    signal: (n * covariance * (1 - solved * u * p ** (n - 1) - failed * d * q ** (n - 1))) / kept,
    noise: (n * (x - solved * u * u * p ** n - failed * d * d * q ** n)) / kept,
    kept,
  };
}
