/** What a run needs to know of the machine, as an argument so that tests can say what it is. */

import { fsyncSync, readFileSync } from "node:fs";
import { hostname } from "node:os";
import { errnoOf, freeBytes } from "./files.js";

export interface Host {
  readonly pid: number;
  readonly hostname: string;
  /** A mark of the process that a later process with the same pid does not share; null where unknown. */
  birthmark(pid: number): string | null;
  isAlive(pid: number): boolean;
  now(): Date;
  freeBytes(path: string): number | null;
  /** Makes what was written to an open file or folder durable. */
  fsync(fd: number): void;
}

export const systemHost = (): Host => ({
  pid: process.pid,
  hostname: hostname(),
  birthmark: processBirthmark,
  isAlive: processIsAlive,
  now: () => new Date(),
  freeBytes,
  fsync: fsyncSync,
});

export function processIsAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return errnoOf(error) === "EPERM"; // alive, and another user's
  }
  return !isZombie(pid);
}

/** Linux: the boot's id and the start time in ticks (proc(5), stat field 22). Elsewhere unknown. */
function processBirthmark(pid: number): string | null {
  try {
    const ticks = procStat(pid)[19];
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    return ticks === undefined ? null : `${boot}/${ticks}`;
  } catch {
    return null;
  }
}

function isZombie(pid: number): boolean {
  try {
    return procStat(pid)[0] === "Z";
  } catch {
    return false;
  }
}

/** Fields of /proc/<pid>/stat from the third (state) on; the second may itself hold spaces and brackets. */
function procStat(pid: number): string[] {
  const text = readFileSync(`/proc/${pid}/stat`, "utf8");
  return text.slice(text.lastIndexOf(")") + 2).split(" ");
}
