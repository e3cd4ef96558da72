/**
 * Problems that two tiers of the reward disagree about: nothing of theirs is trained on, from the round in which it
 * shows, and they are not chosen again.
 */

import type { Group, Verdict } from "../../core/types.js";
import type { ProblemId } from "../../core/units.js";

export interface Quarantined {
  readonly id: ProblemId;
  readonly reason: string;
}

/** Each problem once, in the order in which they were found. */
export function quarantinedIn(
  verdicts: Iterable<{ readonly problemId: ProblemId; readonly verdict: Verdict }>,
): Quarantined[] {
  const found = new Map<ProblemId, string>();
  for (const { problemId, verdict } of verdicts) {
    const reason =
      verdict.kind === "infra"
        ? verdict.code === "quarantined"
          ? verdict.log
          : null
        : (verdict.second?.alarm ?? null);
    if (reason !== null && !found.has(problemId)) found.set(problemId, reason);
  }
  return [...found].map(([id, reason]) => ({ id, reason }));
}

/** Splits groups into those that can be trusted and the rollouts of those that cannot. */
export function withoutQuarantined(
  groups: readonly Group[],
  shut: ReadonlySet<string>,
): { readonly trusted: Group[]; readonly rollouts: number } {
  const trusted = groups.filter((g) => !shut.has(g.problemId));
  const rollouts = groups.filter((g) => shut.has(g.problemId)).reduce((n, g) => n + g.members.length, 0);
  return { trusted, rollouts };
}
