/** A sampling round as plain JSON and back, and the seam through which a trainer keeps rounds that no checkpoint covers. */

import type { PlannedProblem } from "../algo/strategy.js";
import type { Collected } from "./round.js";
import { loadGroup, type StoredGroup, storeGroup } from "./state.js";

/** Keeps plain JSON by step and round; `load` gives null for what is not there. */
export interface RoundKeeper {
  load(step: number, round: number): Promise<unknown>;
  save(step: number, round: number, value: unknown): Promise<void>;
}

export interface StoredRound {
  readonly format: typeof ROUND_FORMAT;
  /** Problem index and rollouts of each group: a round of another plan is not this round. */
  readonly plan: readonly (readonly [problem: number, rollouts: number])[];
  readonly collected: Omit<Collected, "groups"> & { readonly groups: readonly StoredGroup[] };
}

export const ROUND_FORMAT = 1;

const shape = (plan: readonly PlannedProblem[]): StoredRound["plan"] =>
  plan.map((p) => [p.problem, p.rollouts] as const);

export const storeRound = (plan: readonly PlannedProblem[], collected: Collected): StoredRound => ({
  format: ROUND_FORMAT,
  plan: shape(plan),
  collected: { ...collected, groups: collected.groups.map(storeGroup) },
});

/** What was planned in a kept round, with the id of each problem; null when the value is no round. */
export function recordedPlan(value: unknown): (PlannedProblem & { readonly id: string })[] | null {
  const stored = value as StoredRound | null;
  if (stored?.format !== ROUND_FORMAT) return null;
  return stored.plan.map(([problem, rollouts], g) => {
    const group = stored.collected.groups[g]!;
    return { problem, rollouts, prior: group.prior, weight: group.weight, id: String(group.problemId) };
  });
}

/** The round, when the value is one and was made for this very plan; else null. */
export function loadRound(value: unknown, plan: readonly PlannedProblem[]): Collected | null {
  const stored = value as StoredRound | null;
  if (stored?.format !== ROUND_FORMAT) return null;
  if (JSON.stringify(stored.plan) !== JSON.stringify(shape(plan))) return null;
  return { ...stored.collected, groups: stored.collected.groups.map(loadGroup) };
}
