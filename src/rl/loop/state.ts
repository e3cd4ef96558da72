/** What the loop carries from step to step: everything a resumed run needs to be the run that would have been. */

import { z } from "zod";
import type { Packed } from "../../core/packed.js";
import type { Group } from "../../core/types.js";
import { packedGroupSchema, packGroups, problemIdSchema, unpackGroups } from "./packed-groups.js";
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
  /** Plain JSON; each strategy reads its own. */
  readonly strategy: unknown;
  readonly bank: readonly Group[];
  /** Problems set aside because two tiers of the reward disagree; absent in older checkpoints. */
  readonly quarantined?: readonly Quarantined[];
}

/** Plain JSON except for the groups in the bank, whose tokens are typed arrays: `packLoopState` takes them apart. */
export interface LoopState extends GatherState {
  readonly counters: LoopCounters;
  /** Where steps overlap: the next step was gathered by weights of this version, before what `widen` says happened. */
  readonly again?: { readonly version: number; readonly widen: boolean };
}

const count = z.int().min(0);
/** A loop's state whose banked groups have the form that `group` describes. */
export const loopStateSchemaOf = <G extends z.ZodType>(group: G) =>
  z.object({
    counters: z.object({
      nextGroupId: count,
      tokens: count,
      rollouts: count,
      screened: z.boolean().exactOptional(),
      step: count,
      version: count,
      emptySteps: count,
      skippedInARow: count,
    }),
    strategy: z.unknown(),
    bank: z.array(group),
    quarantined: z.array(z.object({ id: problemIdSchema, reason: z.string() })).exactOptional(),
    again: z.object({ version: count, widen: z.boolean() }).exactOptional(),
  });
const packedStateSchema = loopStateSchemaOf(packedGroupSchema);

export function packLoopState(state: LoopState): Packed {
  const { json: bank, arrays } = packGroups(state.bank);
  return { json: { ...state, bank }, arrays };
}

/** @throws ZodError or Error when it is not what `packLoopState` makes */
export function unpackLoopState({ json, arrays }: Packed): LoopState {
  const { bank, ...rest } = packedStateSchema.parse(json);
  return { ...rest, bank: unpackGroups(bank, arrays) };
}
