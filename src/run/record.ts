/** `run.json`: what a run is and how far it got. An API: people script against it. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { TrainError } from "../core/errors.js";
import { errnoOf, ioError } from "./files.js";

export const RUN_FORMAT = 1;

const attemptSchema = z.object({
  pid: z.int(),
  host: z.string(),
  command: z.string(),
  started: z.string(),
  /** null while it runs, and for ever when it was killed. */
  ended: z.string().nullable(),
  exit: z.int().nullable(),
});

const recordSchema = z.object({
  format: z.literal(RUN_FORMAT),
  name: z.string(),
  stage: z.string(),
  /** `running` with no living owner means killed. */
  state: z.enum(["running", "stopped", "done", "failed"]),
  created: z.string(),
  attempts: z.array(attemptSchema),
  /** Last finished step. */
  step: z.int(),
  seed: z.int(),
  configHash: z.string(),
  versions: z.record(z.string(), z.string()),
  engine: z.string().nullable(),
  sandbox: z.string().nullable(),
  /** What `auto` settings came to, and why: key -> sentence. */
  choices: z.record(z.string(), z.string()),
  /** Why the run is not running, when that is not plain: the error, or what made it stop. */
  reason: z.string().nullable(),
});

export type RunRecord = z.infer<typeof recordSchema>;
export type RunState = RunRecord["state"];

/** Reads `<run>/run.json`; null when there is none. @throws TrainError data when it is not a run record */
export function readRecord(run: string): RunRecord | null {
  const path = join(run, "run.json");
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes(errnoOf(error) ?? "")) return null;
    throw ioError(error, "read", path);
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new TrainError("data", `${path} is not JSON`, {
      hint: "start another run with run.name=OTHER",
      cause,
    });
  }
  const parsed = recordSchema.safeParse(json);
  if (!parsed.success) {
    throw new TrainError("data", `${path} is not a run record of format ${RUN_FORMAT}`, {
      hint: "use the version of this program that wrote it, or start another run with run.name=OTHER",
      details: parsed.error.issues.map((i) => `${i.path.join(".")}: ${i.message}`),
    });
  }
  return parsed.data;
}

export const encodeRecord = (record: RunRecord): string => `${JSON.stringify(record, null, 2)}\n`;
