/**
 * Finished sampling rounds, kept until a checkpoint covers them: `rounds/step-000043.0.safetensors`. A run that was
 * killed reads them back instead of sampling again, which matters where sampling is expensive or not repeatable. A file
 * that cannot be read counts as absent: sampling again is always right.
 *
 * One file holds a round: its arrays, and its JSON as UTF-8 bytes under the name `json`. So it is there or not there,
 * and tokens never belong to another round's JSON.
 */

import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Packed } from "../core/packed.js";
import { readArrays, writeArrays } from "./arrays.js";
import { ensureDir } from "./files.js";

export interface RoundFiles {
  /** The value saved for this round, or null. */
  load(step: number, round: number): Promise<Packed | null>;
  /** @throws TrainError tool when the disk is full or not writable; a half-written file is never seen */
  save(step: number, round: number, value: Packed): Promise<void>;
  /** Drops the rounds of steps up to and including `step`: the checkpoint has them. */
  covered(step: number): void;
}

/** `.json.gz` is the name of earlier versions. */
const NAME = /^step-(\d+)\.(\d+)\.(?:safetensors|json\.gz)$/;
const JSON_NAME = "json";

/** The file of a round in the folder `rounds/`. */
export const roundFileName = (step: number, round: number, ending = "safetensors"): string =>
  `step-${String(step).padStart(6, "0")}.${round}.${ending}`;

/** Every round that a run keeps, once each, by step and number. */
export function roundsKept(runDir: string): { readonly step: number; readonly round: number }[] {
  const found = namesIn(join(runDir, "rounds")).flatMap((name) => {
    const m = NAME.exec(name);
    return m === null ? [] : [{ step: Number(m[1]), round: Number(m[2]) }];
  });
  found.sort((a, b) => a.step - b.step || a.round - b.round);
  // A round of an earlier version that could not be read has been sampled again, so both files are there.
  return found.filter((r, i) => r.step !== found[i - 1]?.step || r.round !== found[i - 1]?.round);
}

export function roundFiles(runDir: string): RoundFiles {
  const dir = join(runDir, "rounds");
  return {
    async load(step, round) {
      try {
        const { [JSON_NAME]: json, ...arrays } = await readArrays(join(dir, roundFileName(step, round)));
        if (json === undefined) return null;
        return { json: JSON.parse(new TextDecoder().decode(json)), arrays };
      } catch {
        return null;
      }
    },
    async save(step, round, { json, arrays }) {
      ensureDir(dir);
      const text = new TextEncoder().encode(JSON.stringify(json));
      await writeArrays(join(dir, roundFileName(step, round)), { ...arrays, [JSON_NAME]: text });
    },
    covered(step) {
      for (const name of namesIn(dir)) {
        const found = NAME.exec(name);
        if (found === null || Number(found[1]) <= step) rmSync(join(dir, name), { force: true });
      }
    },
  };
}

function namesIn(dir: string): string[] {
  try {
    return readdirSync(dir);
  } catch {
    return []; // nothing has been kept
  }
}
