/** The second half of a step: advantages, packing, importance correction of stale rows, the optimizer step. */

import type { Batch, Group, StepReport } from "../../core/types.js";
import { step as toStep } from "../../core/units.js";
import { groupAdvantages } from "../algo/advantages.js";
import { type Corrected, correctStale } from "../algo/importance.js";
import { overlongPenalty } from "../algo/overlong.js";
import { type Divisor, type Packed, type PackRow, packRows, rowsOfGroup } from "../algo/pack.js";
import type { Gathered } from "./gather.js";
import type { TrainerDeps, TrainerOptions } from "./options.js";

/** Groups that are trained on, with their rows' advantages. */
export type Trained = readonly { readonly group: Group; readonly advantages: readonly number[] }[];

export interface Update {
  readonly trained: Trained;
  /** Null when there was too little to train on. */
  readonly report: StepReport | null;
  readonly nonFinite: number;
  /** Importance correction of the step's stale tokens; null where there were none, or it is off. */
  readonly importance: Pick<Corrected, "mean" | "capped"> | null;
  /** Trained rows' mean lag in versions. */
  readonly lag: number;
}

/**
 * @param version publications so far: the one that the learner's weights before the update were published as
 * @throws what the learner throws; an update is done whole or not at all
 */
export async function update(
  gathered: Gathered,
  version: number,
  lr: number,
  options: TrainerOptions,
  deps: Pick<TrainerDeps, "learner">,
  onLearn: () => void,
): Promise<Update> {
  const trained = gathered.groups.map((group) => ({ group, advantages: advantagesOf(group, options) }));
  const lag =
    trained.length === 0
      ? 0
      : trained.reduce((n, t) => n + version - t.group.policyVersion, 0) / trained.length;
  const none: Update = { trained, report: null, nonFinite: 0, importance: null, lag };
  if (!options.learn || trained.length < Math.min(options.minGroups, options.groups)) return none;
  const packed = pack(gathered.step, trained, gathered.tally.drawnGroups || trained.length, options);
  const { nonFinite } = packed;
  if (packed.batch.lossTokens === 0) return { ...none, nonFinite };
  onLearn();
  // Not interruptible: an update is done whole or not at all.
  const { signal } = new AbortController();
  const importance = await correct(packed.batch, trained, version, options, deps);
  let report: StepReport | null = null;
  for (let k = 0; k < options.updatesPerBatch; k++)
    report = await deps.learner.step(importance?.batch ?? packed.batch, { ...options.hyper, lr }, signal);
  return { trained, report, nonFinite, importance, lag };
}

function advantagesOf(group: Group, options: TrainerOptions): number[] {
  const { mode, buffer, factor } = options.overlong;
  const rewards = group.members.map(({ rollout, verdict }) =>
    mode === "punish"
      ? verdict.reward +
        overlongPenalty(rollout.completionIds.length, options.sampling.maxTokens, buffer, factor)
      : verdict.reward,
  );
  return groupAdvantages(rewards, options.advantage, group.prior);
}

function pack(step: number, trained: Trained, problemsSampled: number, options: TrainerOptions): Packed {
  const masked = options.overlong.mode === "mask";
  const rows: PackRow[] = trained.flatMap(({ group, advantages }) =>
    rowsOfGroup(group, advantages, group.weight, (m) => !(masked && m.rollout.finish === "length")),
  );
  const divisor: Divisor =
    options.divisor === "prompt"
      ? { kind: "prompt", problemsSampled }
      : options.divisor === "constant"
        ? { kind: "constant", length: options.sampling.maxTokens }
        : { kind: "token" };
  return packRows(rows, {
    step: toStep(step),
    temperature: options.sampling.temperature,
    loss: options.loss,
    divisor,
  });
}

async function correct(
  batch: Batch,
  trained: Trained,
  version: number,
  options: TrainerOptions,
  deps: Pick<TrainerDeps, "learner">,
): Promise<Corrected | null> {
  const stale = trained.flatMap(({ group }) =>
    group.members.map(({ rollout }) => rollout.policyVersion < version),
  );
  if (options.importanceCap === null || !stale.includes(true)) return null;
  const old = await deps.learner.logprobs(batch, new AbortController().signal);
  return correctStale(batch, old, stale, options.importanceCap);
}
