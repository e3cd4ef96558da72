/** From groups to one Batch: rows laid end to end, one fixed divisor for the whole optimizer step. */

import type { Batch, Group, LossSpec, Rollout, Scored } from "../../core/types.js";
import type { Step } from "../../core/units.js";

export interface PackRow {
  readonly member: { readonly rollout: Pick<Rollout, "promptIds" | "completionIds" | "logprobs"> };
  readonly groupId: number;
  readonly advantage: number;
  /** Weight w of the row's group in the objective. */
  readonly weight: number;
  /** False for a completion that is left out of the loss (overlong filtering). */
  readonly trained: boolean;
}

export type Divisor =
  | { readonly kind: "token" }
  /** Per-problem mean over tokens first, then the mean over the problems sampled. */
  | { readonly kind: "prompt"; readonly problemsSampled: number }
  /** Dr.GRPO (arXiv 2503.20783): a constant length per rollout. */
  | { readonly kind: "constant"; readonly length: number };

export interface PackOptions {
  readonly step: Step;
  readonly temperature: number;
  readonly loss: LossSpec;
  readonly divisor: Divisor;
}

export interface Packed {
  readonly batch: Batch;
  /** Tokens whose behaviour log-prob was not finite: out of the sum and of the divisor. */
  readonly nonFinite: number;
}

/** Rows keep their order. A row's prompt is context; its completion tokens are trained. */
export function packRows(rows: readonly PackRow[], options: PackOptions): Packed {
  const total = rows.reduce((n, r) => n + rowLength(r), 0);
  const tokenIds = new Int32Array(total);
  const rowStart = new Int32Array(rows.length + 1);
  const lossMask = new Uint8Array(total);
  const weights = new Float32Array(total);
  const behaviorLogprobs = new Float32Array(total);
  const advantages = new Float32Array(total);
  const groupIds = new Int32Array(rows.length);
  const tokensOfGroup = new Map<number, number>();
  let at = 0;
  let lossTokens = 0;
  let nonFinite = 0;
  rows.forEach((row, i) => {
    const { promptIds, completionIds, logprobs } = row.member.rollout;
    rowStart[i] = at;
    groupIds[i] = row.groupId;
    tokenIds.set(promptIds, at);
    const first = at + promptIds.length;
    tokenIds.set(completionIds, first);
    const end = first + completionIds.length;
    advantages.fill(row.advantage, first, end);
    weights.fill(row.weight, first, end);
    if (row.trained) {
      behaviorLogprobs.set(logprobs, first);
      lossMask.fill(1, first, end);
      let trained = completionIds.length;
      for (let n = first; n < end; n++) {
        if (Number.isFinite(behaviorLogprobs[n]!)) continue;
        behaviorLogprobs[n] = 0;
        lossMask[n] = 0;
        trained--;
        nonFinite++;
      }
      lossTokens += trained;
      tokensOfGroup.set(row.groupId, (tokensOfGroup.get(row.groupId) ?? 0) + trained);
    }
    at = end;
  });
  rowStart[rows.length] = at;
  let divisor = lossTokens;
  if (options.divisor.kind === "prompt") {
    scaleByGroup(rowStart, groupIds, weights, tokensOfGroup);
    divisor = options.divisor.problemsSampled;
  } else if (options.divisor.kind === "constant") {
    divisor = rows.length * options.divisor.length;
  }
  const batch: Batch = {
    step: options.step,
    tokenIds,
    rowStart,
    lossMask,
    weights,
    behaviorLogprobs,
    advantages,
    groupIds,
    divisor: Math.max(1, divisor),
    lossTokens,
    temperature: options.temperature,
    loss: options.loss,
  };
  return { batch, nonFinite };
}

const rowLength = (row: PackRow): number =>
  row.member.rollout.promptIds.length + row.member.rollout.completionIds.length;

function scaleByGroup(
  rowStart: Int32Array,
  groupIds: Int32Array,
  weights: Float32Array,
  tokensOfGroup: ReadonlyMap<number, number>,
): void {
  for (let i = 0; i < groupIds.length; i++) {
    const tokens = tokensOfGroup.get(groupIds[i]!) || 1;
    for (let n = rowStart[i]!; n < rowStart[i + 1]!; n++) weights[n]! /= tokens;
  }
}

/** Rows of a group, in rollout order. */
export function rowsOfGroup(
  group: Group,
  advantages: readonly number[],
  weight: number,
  trained: (member: Scored) => boolean,
): PackRow[] {
  return group.members.map((member, j) => ({
    member,
    groupId: group.id,
    advantage: advantages[j]!,
    weight,
    trained: trained(member),
  }));
}
