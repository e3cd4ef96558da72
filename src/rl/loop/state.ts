/** What the loop carries from step to step, as plain JSON: everything a resumed run needs to be the run that would have been. */

import type { Group, Rollout } from "../../core/types.js";
import type { PolicyVersion } from "../../core/units.js";
import type { Quarantined } from "./quarantine.js";

/** What sampling adds up to. */
export interface SampledCounters {
  readonly nextGroupId: number;
  /** Tokens sampled since the start, filtered ones included. */
  readonly tokens: number;
  readonly rollouts: number;
  /** True once the difficulty filter before the first step is done; absent where none was asked for. */
  readonly screened?: boolean;
}

/** What finished steps add up to. */
export interface LearnedCounters {
  readonly step: number;
  /** Publications of weights so far: the one count of them. Optimizer updates are the learner's to count. */
  readonly version: number;
  readonly emptySteps: number;
  readonly skippedInARow: number;
}

export type LoopCounters = SampledCounters & LearnedCounters;

export interface GatherState {
  readonly counters: SampledCounters;
  readonly strategy: unknown;
  readonly bank: readonly StoredGroup[];
  /** Problems set aside because two tiers of the reward disagree; absent in older checkpoints. */
  readonly quarantined?: readonly Quarantined[];
}

export interface LoopState extends GatherState {
  readonly counters: LoopCounters;
  /** Where steps overlap: the next step was gathered by weights of this version, before what `widen` says happened. */
  readonly again?: { readonly version: number; readonly widen: boolean };
}

type StoredRollout = Omit<Rollout, "promptIds" | "completionIds" | "logprobs"> & {
  readonly promptIds: readonly number[];
  readonly completionIds: readonly number[];
  readonly logprobs: readonly number[];
};

export type StoredGroup = Omit<Group, "members"> & {
  readonly members: readonly {
    readonly rollout: StoredRollout;
    readonly verdict: Group["members"][number]["verdict"];
  }[];
};

export const storeGroup = (group: Group): StoredGroup => ({
  ...group,
  members: group.members.map(({ rollout, verdict }) => ({
    verdict,
    rollout: {
      ...rollout,
      promptIds: [...rollout.promptIds],
      completionIds: [...rollout.completionIds],
      // A number in JSON is the shortest text of the double, which holds every float32 exactly.
      logprobs: [...rollout.logprobs],
    },
  })),
});

export const loadGroup = (stored: StoredGroup): Group => ({
  ...stored,
  policyVersion: stored.policyVersion as PolicyVersion,
  members: stored.members.map(({ rollout, verdict }) => ({
    verdict,
    rollout: {
      ...rollout,
      promptIds: Int32Array.from(rollout.promptIds),
      completionIds: Int32Array.from(rollout.completionIds),
      logprobs: Float32Array.from(rollout.logprobs),
    },
  })),
});
