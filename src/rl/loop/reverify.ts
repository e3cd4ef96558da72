/**
 * A lone pass of a problem that almost never passes is as likely a fault of the verifier as a feat of the policy: with a
 * pass rate of 0.01 and a false-pass rate of 0.01 it is real half of the time. So it is checked again before it counts,
 * with a fresh seed and a formal attempt (design: algorithm.md section 4).
 */

import type { Rewarder } from "../../core/ports.js";
import type { Rng } from "../../core/rng.js";
import type { Group, Problem, Scored } from "../../core/types.js";
import { successes } from "../algo/filters.js";
import type { PlannedProblem } from "../algo/strategy.js";

/** Posterior means below this ask for the second look. */
const HARD = 0.1;

export interface Reverified {
  readonly groups: readonly Group[];
  readonly reverified: number;
  readonly refuted: number;
  /** Second looks that the machinery failed: the rollout is missing data. */
  readonly infra: number;
}

/** @param groups one per planned problem, in the order of the plan */
export async function reverifyLoneSuccesses(
  rewarder: Rewarder,
  groups: readonly Group[],
  problems: readonly Problem[],
  plan: readonly PlannedProblem[],
  rng: Rng,
  signal: AbortSignal,
): Promise<Reverified> {
  let [reverified, refuted, infra] = [0, 0, 0];
  const checked = await Promise.all(
    groups.map(async (group, g): Promise<Group> => {
      const { a, b } = group.prior;
      if (a / (a + b) >= HARD || group.members.length < 2 || successes(group) !== 1) return group;
      const lone = group.members.findIndex((m) => m.verdict.passed);
      const { rollout } = group.members[lone]!;
      const problem = problems[plan[g]!.problem]!;
      reverified++;
      const seed = rng.seedFor("reverify", rollout.id, problem.id);
      const verdict = await rewarder.score({ problem, text: rollout.text, seed, tier: "formal" }, signal);
      if (verdict.kind === "infra") {
        infra++;
        return { ...group, members: group.members.filter((_, j) => j !== lone) };
      }
      if (!verdict.passed) refuted++;
      const members = group.members.map((m, j): Scored => (j === lone ? { rollout: m.rollout, verdict } : m));
      return { ...group, members };
    }),
  );
  return { groups: checked, reverified, refuted, infra };
}
