/**
 * What a report is made of, read from a run directory that may be unfinished, without evaluations, or being written. What
 * is absent is empty; what cannot be read is passed over.
 */

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { z } from "zod";
import { TrainError } from "../core/errors.js";
import type { EvalCounts, SampleRow, SampleSource } from "../core/ports.js";
import { type RunRecord, readRecord } from "../run/record.js";
import { samplesName } from "../run/trackers/jsonl.js";

/** Everything recorded at one step; of two values for one key the later counts. */
export interface StepMetrics {
  readonly step: number;
  readonly values: ReadonlyMap<string, number>;
}

export interface ReportData {
  readonly name: string;
  readonly record: RunRecord;
  readonly config: string;
  readonly steps: readonly StepMetrics[];
  /** By step; the sets of one step in the order of their names. */
  readonly counts: readonly EvalCounts[];
  /** Samples of one step: rows of an evaluation in `counts`, train rows of the newest step. */
  samples(source: SampleSource, step: number): SampleRow[];
}

/** Runs from before evaluation sets had names measured this one alone, and their files do not say so. */
const UNNAMED_SET = "test";

const countsSchema = z.object({
  step: z.int(),
  set: z.string().default(UNNAMED_SET),
  problems: z.array(
    z.object({
      id: z.string(),
      bucket: z
        .string()
        .nullish()
        .transform((b) => b ?? null),
      n: z.int().min(0),
      passed: z.int().min(0),
    }),
  ),
});

const rowSchema = z.object({
  step: z.int(),
  problemId: z.string(),
  kind: z.enum(["best", "worst", "eval"]),
  reward: z.number(),
  outcome: z.string(),
  advantage: z.number().nullable(),
  prompt: z.string(),
  text: z.string(),
  log: z.string(),
});

/** @throws TrainError usage when `run` is not a run directory */
export function readRun(run: string): ReportData {
  const record = readRecord(run);
  if (record === null) {
    throw new TrainError("usage", `${run} is not a run directory: it has no run.json`, {
      hint: "name a folder below checkpoints/runs",
    });
  }
  const samples = join(run, "samples");
  const names = existsSync(samples) ? readdirSync(samples).sort() : [];
  return {
    name: basename(run),
    record,
    config: existsSync(join(run, "config.resolved.yaml"))
      ? readFileSync(join(run, "config.resolved.yaml"), "utf8")
      : "",
    steps: readMetrics(join(run, "metrics.jsonl")),
    counts: names
      .flatMap((name) => {
        if (!/^eval-\d+(?:\.[\w-]+)?\.counts\.json$/.test(name)) return [];
        const parsed = countsSchema.safeParse(jsonOr(readFileSync(join(samples, name), "utf8")));
        return parsed.success ? [parsed.data] : [];
      })
      .sort((a, b) => a.step - b.step),
    samples(source, step) {
      const named = samplesName(step, source);
      const unnamed =
        source !== "train" && source.set === UNNAMED_SET ? named.replace(`.${source.set}`, "") : named;
      const name = [named, unnamed].find((n) => names.includes(n));
      if (name === undefined) return [];
      return readFileSync(join(samples, name), "utf8")
        .split("\n")
        .flatMap((line) => {
          const parsed = rowSchema.safeParse(jsonOr(line));
          return parsed.success ? [parsed.data] : [];
        });
    },
  };
}

/** The records of a metrics file by step, ascending; a line that cannot be read is passed over. */
export function readMetrics(path: string): StepMetrics[] {
  if (!existsSync(path)) return [];
  const steps = new Map<number, Map<string, number>>();
  for (const line of readFileSync(path, "utf8").split("\n")) {
    const record = jsonOr(line);
    if (record === null || typeof record !== "object" || !("step" in record)) continue;
    if (typeof record.step !== "number") continue;
    const values = steps.get(record.step) ?? new Map<string, number>();
    for (const [key, value] of Object.entries(record)) {
      if (typeof value === "number" && key !== "step") values.set(key, value);
    }
    steps.set(record.step, values);
  }
  return [...steps].sort(([a], [b]) => a - b).map(([step, values]) => ({ step, values }));
}

function jsonOr(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
