/** A folder of its own for each rewarder, below the scratch directory. */

import { randomBytes } from "node:crypto";
import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";

export const ownScratch = (scratchDir: string): string =>
  join(scratchDir, `reward-${process.pid}-${randomBytes(3).toString("hex")}`);

/** Removes what processes that were killed left behind. */
export function sweepScratch(scratchDir: string): void {
  let names: string[];
  try {
    names = readdirSync(scratchDir);
  } catch {
    return; // not there yet, or not readable: the first simulation says so
  }
  for (const name of names) {
    const pid = /^reward-(\d+)-[0-9a-f]{6}$/.exec(name)?.[1];
    if (pid === undefined || existsSync(`/proc/${pid}`) || !existsSync("/proc/self")) continue;
    rmSync(join(scratchDir, name), { recursive: true, force: true });
  }
}
