/**
 * Reads what earlier versions left in a run directory, and nothing else does. In format 1
 * - the state of a run is in the manifest of its checkpoint, under `extra`;
 * - rollouts are JSON, their tokens lists of numbers, both there (the bank) and in `rounds/step-000043.0.json.gz`;
 * - a distillation keeps `{seen, trained}` only, and its place among the traces follows from the number of steps.
 */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { z } from "zod";
import type { Packed } from "../core/packed.js";
import type { Group } from "../core/types.js";
import type { SftSchedule } from "../data/sft.js";
import { groupSchemaOf } from "../rl/loop/packed-groups.js";
import { type LoopState, loopStateSchemaOf } from "../rl/loop/state.js";
import { roundSchemaOf, storeCollected } from "../rl/loop/stored-round.js";
import { type RoundFiles, roundFileName, roundFiles } from "../run/round-files.js";
import { courseSchema, emptyCourse, pointSchema } from "./course.js";
import type { SftState } from "./distill/trainer.js";
import type { SavedRun } from "./saved-state.js";

const tokens = z.array(z.int());
const groupSchema = groupSchemaOf({
  promptIds: tokens,
  completionIds: tokens,
  /** JSON has no NaN and wrote null in its place. */
  logprobs: z.array(z.number().nullable()),
  text: z.string(),
});

const groupOf = (stored: z.infer<typeof groupSchema>): Group => ({
  ...stored,
  members: stored.members.map(({ rollout, verdict }) => ({
    verdict,
    rollout: {
      ...rollout,
      promptIds: Int32Array.from(rollout.promptIds),
      completionIds: Int32Array.from(rollout.completionIds),
      logprobs: Float32Array.from(rollout.logprobs, (x) => x ?? Number.NaN),
    },
  })),
});

/** There was one evaluation set, and its name was not written down. */
const onlySet = pointSchema.nullable().transform((point) => (point === null ? null : { test: point }));

const rlSchema = courseSchema.omit({ recent: true }).extend({
  before: onlySet,
  after: onlySet,
  trainer: loopStateSchemaOf(groupSchema),
  lastEval: z.int(),
  seconds: z.number(),
});

/** @param extra of the manifest  @throws ZodError */
export function rlStateOfFormat1(extra: unknown): SavedRun<LoopState> {
  const { trainer, lastEval, seconds, ...course } = rlSchema.parse(extra);
  const { bank, ...rest } = trainer;
  return {
    lastEval,
    seconds,
    course: { ...course, recent: [] },
    trainer: { ...rest, bank: bank.map(groupOf) },
  };
}

const distillSchema = z.object({ seen: z.int().min(0), trained: z.int().min(0) });

/**
 * @param extra of the manifest of the checkpoint of step `step`
 * @param schedule at its beginning; it is taken forward, which encodes the rows of all finished steps once more
 * @throws ZodError
 */
export function distillStateOfFormat1(
  extra: unknown,
  step: number,
  schedule: SftSchedule,
  totalSteps: number,
): SavedRun<SftState> {
  const { seen, trained } = distillSchema.parse(extra);
  for (let i = 0; i < step; i++) schedule.next();
  return {
    // An evaluation in between came before the checkpoint of its step, and the last one after it.
    lastEval: step < totalSteps ? step : -1,
    seconds: 0,
    course: emptyCourse(),
    trainer: { step, seen, trained, schedule: schedule.state() },
  };
}

const roundSchema = roundSchemaOf(1, groupSchema);
const unpack = promisify(gunzip);

/** The rounds of a run, in the form of today; those of format 1 are read too. */
export function roundsOfRun(runDir: string): RoundFiles {
  const files = roundFiles(runDir);
  return {
    ...files,
    load: async (step, round) =>
      (await files.load(step, round)) ?? (await roundOfFormat1(runDir, step, round)),
  };
}

async function roundOfFormat1(runDir: string, step: number, round: number): Promise<Packed | null> {
  try {
    const file = readFileSync(join(runDir, "rounds", roundFileName(step, round, "json.gz")));
    const { plan, collected } = roundSchema.parse(JSON.parse((await unpack(file)).toString("utf8")));
    return storeCollected(plan, { ...collected, groups: collected.groups.map(groupOf) });
  } catch {
    return null; // not there or damaged: the round is sampled again
  }
}
