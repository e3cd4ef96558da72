/** The state of a run in a checkpoint: how it is written, and how it is read in its format and in the one before. */

import { z } from "zod";
import type { Packed } from "../core/packed.js";
import type { RunState } from "../rl/loop/run.js";
import type { Checkpoint } from "../run/checkpoints.js";
import { readState, readStateInManifest, writeState } from "../run/state-file.js";
import { type CourseState, courseSchema } from "./course.js";

/** Everything that a run carries from step to step, besides the weights. */
export interface SavedRun<S> extends RunState<S> {
  readonly course: CourseState;
}

/** How the state of one stage's trainer goes into files. */
export interface StateForm<S> {
  readonly stage: string;
  /** Of the weights that belong to the state. */
  version(state: S): number;
  pack(state: S): Packed;
  /** @throws ZodError or Error when it is not what `pack` makes */
  unpack(packed: Packed): S;
  /** Reads what checkpoints of format 1 kept in their manifest. @throws like `unpack` */
  fromFormat1(extra: unknown, step: number): SavedRun<S>;
}

const savedSchema = z.object({
  lastEval: z.int().min(-1),
  seconds: z.number().min(0),
  course: courseSchema,
  trainer: z.unknown(),
});

export async function saveState<S>(dir: string, form: StateForm<S>, run: SavedRun<S>): Promise<void> {
  const { json: trainer, arrays } = form.pack(run.trainer);
  await writeState(dir, form.stage, { json: { ...run, trainer }, arrays });
}

/** @throws TrainError data naming the file, what was expected and what was found */
export async function loadState<S>(checkpoint: Checkpoint, form: StateForm<S>): Promise<SavedRun<S>> {
  const { format, step } = checkpoint.manifest;
  if (format === 1)
    return readStateInManifest(checkpoint, form.stage, (extra) => form.fromFormat1(extra, step));
  return readState(checkpoint, form.stage, ({ json, arrays }) => {
    const { trainer, ...rest } = savedSchema.parse(json);
    return { ...rest, trainer: form.unpack({ json: trainer, arrays }) };
  });
}
