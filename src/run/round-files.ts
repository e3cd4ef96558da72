/**
 * Finished sampling rounds, kept until a checkpoint covers them: `rounds/step-000043.0.json.gz`. A run that was
 * killed reads them back instead of sampling again, which matters where sampling is dear or not repeatable. A file
 * that cannot be read counts as absent: sampling again is always right.
 */

import { readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { gunzip, gzip } from "node:zlib";
import { ensureDir, writeAtomic } from "./files.js";

export interface RoundFiles {
  /** The value saved for this round, or null. */
  load(step: number, round: number): Promise<unknown>;
  /** @throws TrainError tool when the disk is full or not writable; a half-written file is never seen */
  save(step: number, round: number, value: unknown): Promise<void>;
  /** Drops the rounds of steps up to and including `step`: the checkpoint has them. */
  covered(step: number): void;
}

const NAME = /^step-(\d+)\.(\d+)\.json\.gz$/;
const nameOf = (step: number, round: number): string =>
  `step-${String(step).padStart(6, "0")}.${round}.json.gz`;

const pack = promisify(gzip);
const unpack = promisify(gunzip);

export function roundFiles(runDir: string): RoundFiles {
  const dir = join(runDir, "rounds");
  return {
    async load(step, round) {
      const path = join(dir, nameOf(step, round));
      try {
        return JSON.parse((await unpack(readFileSync(path))).toString("utf8"));
      } catch {
        return null;
      }
    },
    async save(step, round, value) {
      ensureDir(dir);
      // The file lives for a few steps: speed matters more than the last tenth of its size.
      writeAtomic(join(dir, nameOf(step, round)), await pack(JSON.stringify(value), { level: 1 }));
    },
    covered(step) {
      let names: string[];
      try {
        names = readdirSync(dir);
      } catch {
        return; // nothing has been kept
      }
      for (const name of names) {
        const found = NAME.exec(name);
        if (found === null || Number(found[1]) <= step) rmSync(join(dir, name), { force: true });
      }
    },
  };
}
