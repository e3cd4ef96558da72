/** A sampling round in the form in which it is kept, and the seam through which a trainer keeps rounds that no checkpoint covers. */

import { z } from "zod";
import type { Packed } from "../../core/packed.js";
import type { PlannedProblem } from "../algo/strategy.js";
import { packedGroupSchema, packGroups, problemIdSchema, unpackGroups } from "./packed-groups.js";
import type { Collected } from "./round.js";

/** Keeps rounds by step and number; `load` gives null for what is not there. */
export interface RoundKeeper {
  load(step: number, round: number): Promise<Packed | null>;
  save(step: number, round: number, value: Packed): Promise<void>;
}

export const ROUND_FORMAT = 2;

const count = z.int().min(0);
/** A round whose groups have the form that `group` describes. */
export const roundSchemaOf = <F extends number, G extends z.ZodType>(format: F, group: G) =>
  z.object({
    format: z.literal(format),
    /** Problem index and rollouts of each group: a round of another plan is not this round. */
    plan: z.array(z.tuple([count, count])),
    collected: z.object({
      groups: z.array(group),
      infra: count,
      tokens: count,
      rollouts: count,
      reverified: count,
      refuted: count,
      quarantined: z.array(z.object({ id: problemIdSchema, reason: z.string() })),
    }),
  });
const storedRoundSchema = roundSchemaOf(ROUND_FORMAT, packedGroupSchema);
type StoredRound = z.infer<typeof storedRoundSchema>;

const shape = (plan: readonly PlannedProblem[]): StoredRound["plan"] =>
  plan.map((p) => [p.problem, p.rollouts]);

export const storeRound = (plan: readonly PlannedProblem[], collected: Collected): Packed =>
  storeCollected(shape(plan), collected);

/** @param plan problem index and rollouts of each group */
export function storeCollected(plan: StoredRound["plan"], collected: Collected): Packed {
  const { json: groups, arrays } = packGroups(collected.groups);
  return { json: { format: ROUND_FORMAT, plan, collected: { ...collected, groups } }, arrays };
}

/** What was planned in a kept round, with the id of each problem; null when the value is no round. */
export function recordedPlan(value: Packed | null): (PlannedProblem & { readonly id: string })[] | null {
  const stored = storedRoundSchema.safeParse(value?.json);
  if (!stored.success || stored.data.plan.length !== stored.data.collected.groups.length) return null;
  return stored.data.plan.map(([problem, rollouts], g) => {
    const { prior, weight, problemId } = stored.data.collected.groups[g]!;
    return { problem, rollouts, prior, weight, id: String(problemId) };
  });
}

/** The round, when the value is one and was made for this very plan; else null. */
export function loadRound(value: Packed | null, plan: readonly PlannedProblem[]): Collected | null {
  const stored = storedRoundSchema.safeParse(value?.json);
  if (value === null || !stored.success) return null;
  if (JSON.stringify(stored.data.plan) !== JSON.stringify(shape(plan))) return null;
  const { collected } = stored.data;
  try {
    return { ...collected, groups: unpackGroups(collected.groups, value.arrays) };
  } catch {
    return null; // arrays that do not belong to it
  }
}
