/**
 * The run's record: `metrics.jsonl` (one line a record, append-only), `samples/train-<step>.jsonl`, and of each evaluation
 * `samples/eval-<step>.<set>.jsonl` (answers) and `samples/eval-<step>.<set>.counts.json` (passes by problem). Runs from
 * before evaluation sets had names have the last two without `.<set>`.
 * With every record of step s written before the checkpoint of step s is saved, `rewind(s)` and the same steps again
 * give the same file as a run that was never killed, wall-clock keys (keys.ts) aside.
 */

import { readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Metrics, SampleSource, Tracker } from "../../core/ports.js";
import { ensureDir, ioError, writeAtomic } from "../files.js";
import { type AppendFile, cutTornLine, openAppend } from "./append.js";

export interface JsonlOptions {
  readonly runDir: string;
  readonly warn: (text: string) => void;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
}

const stepDigits = (step: number): string => String(step).padStart(6, "0");
/** File of the answers in `samples/`. */
export const samplesName = (step: number, source: SampleSource): string =>
  source === "train" ? `train-${stepDigits(step)}.jsonl` : `eval-${stepDigits(step)}.${source.set}.jsonl`;
/** File of the counts in `samples/`. */
export const countsName = (step: number, set: string): string =>
  `eval-${stepDigits(step)}.${set}.counts.json`;

/** @throws TrainError tool when the run directory cannot be written */
export function jsonlTracker(options: JsonlOptions): Tracker {
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
    samples(step, source, rows) {
      const text = rows.map((row) => `${JSON.stringify(row)}\n`).join("");
      writeAtomic(join(samples, samplesName(step, source)), text);
    },
    counts(counts) {
      writeAtomic(join(samples, countsName(counts.step, counts.set)), `${JSON.stringify(counts)}\n`);
    },
    rewind(step) {
      lines.close();
      const { kept, bad } = linesUpTo(readFileSync(path, "utf8"), step);
      if (bad > 0) options.warn(`${path}: ${bad} unreadable lines are dropped`);
      writeAtomic(path, kept);
      for (const name of readdirSync(samples)) {
        const digits = /^(?:train|eval)-(\d+)(?:\.[\w-]+)?\.(?:jsonl|counts\.json)$/.exec(name)?.[1];
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
