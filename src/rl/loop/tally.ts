/** What is counted while a step goes on. */

import type { Clock } from "../../core/ports.js";
import type { Group } from "../../core/types.js";
import { groupKind } from "../algo/filters.js";
import type { PlannedProblem } from "../algo/strategy.js";
import type { Collected } from "./round.js";

/** Running counts of one step. */
export interface StepTally {
  seconds: { prepare: number; sample: number; score: number; learn: number; publish: number };
  drawnGroups: number;
  /** Groups that can be trained on, in this step or from the bank. */
  useful: number;
  mixed: number;
  allSolved: number;
  allFailed: number;
  tooSmall: number;
  fromBank: number;
  expired: number;
  banked: number;
  staleRollouts: number;
  surplusRollouts: number;
  solvedRollouts: number;
  failedRollouts: number;
  rounds: number;
  infra: number;
  reverified: number;
  refuted: number;
  tokens: number;
  rollouts: number;
  fewest: number;
  most: number;
  /** [k] problems that got 2^k to 2^(k+1) - 1 rollouts in one round. */
  rolloutBins: number[];
  rewards: number[];
  passed: number;
  lengths: number[];
  truncated: number;
  cached: number;
  outcomes: Record<string, number>;
  /** Passes of the first check that were audited, that were proved, and differences the simulator did not confirm. */
  audited: number;
  proved: number;
  unconfirmed: number;
  /** Verdicts of tiers that disagree. */
  alarms: number;
  /** Milliseconds from request to verdict of the checks that no cache answered. */
  checkMs: number[];
  /** Sums of the reward's parts over scored rollouts. */
  parts: Record<string, number>;
  refused: string[];
  /** Problems set aside in this step because tiers disagree, with the reason. */
  quarantined: { readonly id: string; readonly reason: string }[];
  /** Rollouts of theirs that were dropped. */
  quarantinedRollouts: number;
}

export const emptyTally = (): StepTally => ({
  seconds: { prepare: 0, sample: 0, score: 0, learn: 0, publish: 0 },
  drawnGroups: 0,
  useful: 0,
  mixed: 0,
  allSolved: 0,
  allFailed: 0,
  tooSmall: 0,
  fromBank: 0,
  expired: 0,
  banked: 0,
  staleRollouts: 0,
  surplusRollouts: 0,
  solvedRollouts: 0,
  failedRollouts: 0,
  rounds: 0,
  infra: 0,
  reverified: 0,
  refuted: 0,
  tokens: 0,
  rollouts: 0,
  fewest: Number.POSITIVE_INFINITY,
  most: 0,
  rolloutBins: [],
  rewards: [],
  passed: 0,
  lengths: [],
  truncated: 0,
  cached: 0,
  outcomes: {},
  audited: 0,
  proved: 0,
  unconfirmed: 0,
  alarms: 0,
  checkMs: [],
  parts: {},
  refused: [],
  quarantined: [],
  quarantinedRollouts: 0,
});

/**
 * @param minSize fewest scored members with which a group can be used
 * @param kept whether a group can be trained on
 */
export function tallyGroups(
  tally: StepTally,
  plan: readonly PlannedProblem[],
  round: Collected,
  minSize: number,
  kept: (group: Group) => boolean,
): void {
  tally.rounds++;
  tally.drawnGroups += round.groups.length;
  tally.infra += round.infra;
  tally.reverified += round.reverified;
  tally.refuted += round.refuted;
  tally.tokens += round.tokens;
  tally.rollouts += round.rollouts;
  for (const p of plan) {
    tally.fewest = Math.min(tally.fewest, p.rollouts);
    tally.most = Math.max(tally.most, p.rollouts);
    const bin = Math.floor(Math.log2(p.rollouts));
    tally.rolloutBins[bin] = (tally.rolloutBins[bin] ?? 0) + 1;
  }
  for (const group of round.groups) {
    const kind = groupKind(group, minSize);
    const useful = kept(group);
    const unused = useful ? 0 : group.members.length;
    if (useful) tally.useful++;
    if (kind === "mixed") tally.mixed++;
    else if (kind === "all_solved") {
      tally.allSolved++;
      tally.solvedRollouts += unused;
    } else if (kind === "all_failed") {
      tally.allFailed++;
      tally.failedRollouts += unused;
    } else tally.tooSmall++;
    for (const { rollout, verdict } of group.members) {
      tally.rewards.push(verdict.reward);
      tally.lengths.push(rollout.completionIds.length);
      tally.outcomes[verdict.outcome] = (tally.outcomes[verdict.outcome] ?? 0) + 1;
      if (verdict.passed) tally.passed++;
      if (verdict.cached) tally.cached++;
      else tally.checkMs.push(verdict.wallMs);
      if (verdict.second?.audited) tally.audited++;
      if (verdict.second?.formal === "unconfirmed") tally.unconfirmed++;
      if (verdict.second?.alarm != null) tally.alarms++;
      if (verdict.proof === "formal") tally.proved++;
      for (const [part, value] of Object.entries(verdict.parts))
        tally.parts[part] = (tally.parts[part] ?? 0) + value;
      if (rollout.finish === "length") tally.truncated++;
    }
  }
}

/** Adds the time since the last call to the named phase. */
export function phaseTimer(
  clock: Pick<Clock, "now">,
  tally: StepTally,
): (phase: keyof StepTally["seconds"]) => void {
  let last = clock.now();
  return (phase) => {
    const now = clock.now();
    tally.seconds[phase] += (now - last) / 1000;
    last = now;
  };
}
