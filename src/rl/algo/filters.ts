/** Which groups carry a gradient. Decided on the task outcome as an integer count, never on floats or shaped rewards. */

import type { Group } from "../../core/types.js";

export type GroupKind = "mixed" | "all_solved" | "all_failed" | "too_small";

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
