/** Which groups carry a gradient. Decided on the task outcome as an integer count, never on floats or shaped rewards. */

import type { Group } from "../../core/types.js";
import type { BetaCounts } from "./advantages.js";
import { probAll, probMixed } from "./beta.js";

export type GroupKind = "mixed" | "all_solved" | "all_failed" | "too_small";

/**
 * - `all`: nothing is filtered (GRPO).
 * - `mixed`: groups with both passes and fails (DAPO, arXiv 2503.14476, section 3.2): the only ones whose own mean leaves
 *   an advantage.
 * - `surprising`: groups with an outcome that the estimates did not expect, because under the `history` baseline the
 *   largest advantage is at least `least`. Mixed groups are; an all-equal group is as far as its problem was believed to go
 *   the other way: s = N leaves b / (a + b + N - 1), s = 0 leaves a / (a + b + N - 1).
 */
export type KeepRule =
  | { readonly kind: "all" }
  | { readonly kind: "mixed" }
  | { readonly kind: "surprising"; readonly least: number };

export const successes = (group: Group): number =>
  group.members.reduce((n, m) => n + (m.verdict.passed ? 1 : 0), 0);

/** @param minSize fewest scored members with which a group can be used */
export function groupKind(group: Group, minSize = 2): GroupKind {
  const size = group.members.length;
  if (size < minSize) return "too_small";
  const passed = successes(group);
  if (passed === 0) return "all_failed";
  return passed === size ? "all_solved" : "mixed";
}

/** What the history baseline leaves of an all-equal group: the size of its advantages. */
const surprise = ({ a, b }: BetaCounts, n: number, solved: boolean): number =>
  (solved ? b : a) / (a + b + n - 1);

/**
 * Is a group of `passed` successes and `failed` failures trained on?
 * @param minSize fewest rollouts that the advantage can do with
 */
export function isKept(
  passed: number,
  failed: number,
  prior: BetaCounts,
  rule: KeepRule,
  minSize: number,
): boolean {
  const n = passed + failed;
  if (n < minSize || n === 0) return false;
  if (rule.kind === "all" || (passed > 0 && failed > 0)) return true;
  return rule.kind === "surprising" && surprise(prior, n, failed === 0) >= rule.least;
}

/** Probability that a group of `n` rollouts of a problem with p ~ Beta(a, b) is trained on. */
export function probKept(prior: BetaCounts, n: number, rule: KeepRule): number {
  const { a, b } = prior;
  if (n === 0) return 0;
  if (rule.kind === "all") return 1;
  const mixed = probMixed(a, b, n);
  if (rule.kind === "mixed") return mixed;
  const solved = surprise(prior, n, true) >= rule.least ? probAll(a, b, n) : 0;
  const failed = surprise(prior, n, false) >= rule.least ? probAll(b, a, n) : 0;
  return Math.min(1, mixed + solved + failed);
}
