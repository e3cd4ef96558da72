/** One sampling round: a plan in, scored groups out. */

import type { Rng } from "../../core/rng.js";
import {
  type RolloutDeps,
  type RolloutProgress,
  type RolloutResult,
  sampleAndScore,
} from "../../core/rollouts.js";
import type { Group, Problem, Rollout, Sampling, Scored } from "../../core/types.js";
import type { PolicyVersion, Step } from "../../core/units.js";
import type { PlannedProblem } from "../algo/strategy.js";
import { type Quarantined, quarantinedIn } from "./quarantine.js";
import { reverifyLoneSuccesses } from "./reverify.js";

export interface Round {
  readonly step: Step;
  readonly round: number;
  /** The newest that the sampler has; it counts for a group without members. */
  readonly version: PolicyVersion;
  readonly plan: readonly PlannedProblem[];
  /** Id of the first group; the others follow. */
  readonly firstGroupId: number;
  readonly sampling: Sampling;
}

export interface CollectDeps extends RolloutDeps {
  readonly problems: readonly Problem[];
  readonly promptIds: (problem: Problem) => Int32Array;
}

export interface Collected {
  /** One per planned problem, in the order of the plan; infra failures are missing from `members`. */
  readonly groups: readonly Group[];
  readonly infra: number;
  readonly tokens: number;
  readonly rollouts: number;
  /** Lone successes that were checked again, and how many of them did not pass again. */
  readonly reverified: number;
  readonly refuted: number;
  /** Problems that turned out to be beyond judging; their groups are not to be trusted. */
  readonly quarantined: readonly Quarantined[];
}

/** The seed of a rollout depends on (run, step, round, problem, index) only, so it does not depend on concurrency. */
export async function collectRound(
  deps: CollectDeps,
  round: Round,
  rng: Rng,
  signal: AbortSignal,
  progress: (p: RolloutProgress) => void,
): Promise<Collected> {
  const jobs = round.plan.flatMap(({ problem: index, rollouts }) => {
    const problem = deps.problems[index]!;
    const promptIds = deps.promptIds(problem);
    return Array.from({ length: rollouts }, (_, j) => ({
      problem,
      request: {
        id: `${round.step}/${round.round}/${index}/${j}`,
        promptIds,
        seed: rng.seedFor("rollout", round.step, round.round, problem.id, j),
        sampling: round.sampling,
      },
    }));
  });
  const results = await sampleAndScore(deps, jobs, signal, progress);
  let at = 0;
  let infra = 0;
  const drawn = round.plan.map((planned, g): Group => {
    const members: Scored[] = [];
    for (let j = 0; j < planned.rollouts; j++) {
      const result = results[at++]!;
      if (result.verdict.kind === "infra") {
        infra++;
        continue;
      }
      members.push({ rollout: toRollout(result, round, round.firstGroupId + g, j), verdict: result.verdict });
    }
    return {
      id: round.firstGroupId + g,
      problemId: deps.problems[planned.problem]!.id,
      members,
      policyVersion: oldest(members) ?? round.version,
      prior: planned.prior,
      weight: planned.weight,
    };
  });
  const tokens = results.reduce((n, r) => n + r.completion.completionIds.length, 0);
  const checked = await reverifyLoneSuccesses(deps.rewarder, drawn, deps.problems, round.plan, rng, signal);
  const quarantined = quarantinedIn([
    ...results.map(({ problem, verdict }) => ({ problemId: problem.id, verdict })),
    ...checked.groups.flatMap((g) => g.members.map(({ verdict }) => ({ problemId: g.problemId, verdict }))),
  ]);
  return { ...checked, infra: infra + checked.infra, tokens, rollouts: results.length, quarantined };
}

/** The least version that the members were drawn from; null without members. */
const oldest = (members: readonly Scored[]): PolicyVersion | null =>
  members.reduce<PolicyVersion | null>(
    (least, { rollout: { policyVersion: v } }) => (least === null || v < least ? v : least),
    null,
  );

function toRollout(result: RolloutResult, round: Round, groupId: number, index: number): Rollout {
  const { request, completion, problem } = result;
  return {
    id: request.id,
    problemId: problem.id,
    groupId,
    index,
    policyVersion: completion.policyVersion,
    promptIds: request.promptIds,
    completionIds: completion.completionIds,
    logprobs: completion.logprobs,
    text: result.text,
    finish: completion.finish,
    seed: request.seed,
    sampling: round.sampling,
  };
}
