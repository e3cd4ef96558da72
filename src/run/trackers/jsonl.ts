/**
 * The run's record: `metrics.jsonl` (one line a record, append-only) and `samples/{train,eval}-<step>.jsonl`.
 * With every record of step s written before the checkpoint of step s is saved, `rewind(s)` and the same steps again
 * give the same file as a run that was never killed, wall-clock keys (keys.ts) aside.
 */

import { readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Metrics } from "../../core/ports.js";
import { ensureDir, ioError, writeAtomic } from "../files.js";
import { type AppendFile, cutTornLine, openAppend } from "./append.js";
import type { RunTracker } from "./tracker.js";

export interface JsonlOptions {
  readonly runDir: string;
  readonly warn: (text: string) => void;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
}

/** Result of an evaluation, problem by problem: `samples/eval-<step>.counts.json`. */
export interface EvalCounts {
  readonly step: number;
  readonly problems: readonly {
    readonly id: string;
    readonly bucket: string | null;
    readonly n: number;
    readonly passed: number;
  }[];
}

export interface JsonlTracker extends RunTracker {
  counts(counts: EvalCounts): void;
}

export const samplesName = (split: "train" | "eval", step: number): string =>
  `${split}-${String(step).padStart(6, "0")}.jsonl`;
export const countsName = (step: number): string => `eval-${String(step).padStart(6, "0")}.counts.json`;

/** @throws TrainError tool when the run directory cannot be written */
export function jsonlTracker(options: JsonlOptions): JsonlTracker {
  const now = options.now ?? Date.now;
  const path = join(options.runDir, "metrics.jsonl");
  const samples = join(options.runDir, "samples");
  let lines: AppendFile;
  try {
    ensureDir(samples);
    lines = openAppend(path, cutTornLine);
  } catch (error) {
    throw ioError(error, "open", path);
  }

  return {
    metrics(step, metrics) {
      try {
        lines.append(`${encodeMetrics(step, now(), metrics)}\n`);
      } catch (error) {
        throw ioError(error, "append to", path);
      }
    },
    samples(step, split, rows) {
      const text = rows.map((row) => `${JSON.stringify(row)}\n`).join("");
      writeAtomic(join(samples, samplesName(split, step)), text);
    },
    counts(counts) {
      writeAtomic(join(samples, countsName(counts.step)), `${JSON.stringify(counts)}\n`);
    },
    rewind(step) {
      lines.close();
      const { kept, bad } = linesUpTo(readFileSync(path, "utf8"), step);
      if (bad > 0) options.warn(`${path}: ${bad} unreadable lines are dropped`);
      writeAtomic(path, kept);
      for (const name of readdirSync(samples)) {
        const digits = /^(?:train|eval)-(\d+)\.(?:jsonl|counts\.json)$/.exec(name)?.[1];
        if (digits !== undefined && Number(digits) > step) rmSync(join(samples, name));
      }
      lines = openAppend(path, cutTornLine);
    },
    sync() {
      lines.sync();
    },
    async close() {
      lines.sync();
      lines.close();
    },
  };
}

/** `{"step":…,"time":…,…}`; time in seconds since 1970. Numbers that JSON cannot hold become null. */
export function encodeMetrics(step: number, ms: number, metrics: Metrics): string {
  return JSON.stringify({ step, time: ms / 1000, ...metrics });
}

/** The lines of a metrics file whose step is at most `step`, as they were, and how many could not be read. */
export function linesUpTo(text: string, step: number): { kept: string; bad: number } {
  const kept: string[] = [];
  let bad = 0;
  for (const line of text.split("\n")) {
    if (line === "") continue;
    const at = stepOf(line);
    if (at === null) bad++;
    else if (at <= step) kept.push(`${line}\n`);
  }
  return { kept: kept.join(""), bad };
}

function stepOf(line: string): number | null {
  try {
    const { step } = JSON.parse(line);
    return typeof step === "number" ? step : null;
  } catch {
    return null;
  }
}
