/**
 * Who may write a run: at most one process. Every start of a run is an attempt with a folder `logs/attempt-<n>`, and the
 * folder comes into being by one rename that carries the owner's name in it, which the file system lets only one
 * process win. The run is taken while the newest attempt's `owner.json` names a process that lives; a dead owner
 * needs no clearing up, the next attempt simply gets the next number.
 */

import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { TrainError } from "../core/errors.js";
import { discard, errnoOf, fsyncDir, ioError, writeAtomic } from "./files.js";
import type { Host } from "./host.js";

interface Owner {
  readonly pid: number;
  readonly host: string;
  readonly birthmark: string | null;
  readonly started: string;
}

/** Number of the newest attempt in `logs`; 0 when there is none. */
export function newestAttempt(logs: string): number {
  let names: string[];
  try {
    names = readdirSync(logs);
  } catch {
    return 0;
  }
  return Math.max(0, ...names.map((n) => Number(/^attempt-(\d+)$/.exec(n)?.[1] ?? 0)));
}

/** The living owner of a run, or null when anyone may take it. */
export function livingOwner(run: string, host: Host): Owner | null {
  return ownerOf(run, newestAttempt(join(run, "logs")), host);
}

function ownerOf(run: string, attempt: number, host: Host): Owner | null {
  let owner: Owner;
  try {
    owner = JSON.parse(readFileSync(join(run, "logs", `attempt-${attempt}`, "owner.json"), "utf8"));
  } catch {
    return null; // released, or torn by a crash of the whole machine
  }
  if (owner.host !== host.hostname) return owner; // cannot be checked from here: believe it
  if (!host.isAlive(owner.pid)) return null;
  const mark = host.birthmark(owner.pid);
  return owner.birthmark !== null && mark !== null && mark !== owner.birthmark ? null : owner;
}

/**
 * Claims the run `run` (its folder exists) and returns the attempt's number.
 * @throws TrainError usage when another process has it
 */
export function claim(run: string, name: string, host: Host): number {
  const logs = join(run, "logs");
  const temporary = join(logs, `.claim-${host.pid}`);
  try {
    mkdirSync(logs, { recursive: true });
    // Read once: were it read again after the check, another claim in between would be stepped over.
    const newest = newestAttempt(logs);
    refuseIfOwned(run, name, newest, host);
    const attempt = newest + 1;
    rmSync(temporary, { recursive: true, force: true });
    mkdirSync(temporary);
    const owner: Owner = {
      pid: host.pid,
      host: host.hostname,
      birthmark: host.birthmark(host.pid),
      started: host.now().toISOString(),
    };
    writeAtomic(join(temporary, "owner.json"), `${JSON.stringify(owner)}\n`);
    try {
      renameSync(temporary, join(logs, `attempt-${attempt}`));
    } catch (error) {
      if (!["ENOTEMPTY", "EEXIST", "EPERM"].includes(errnoOf(error) ?? "")) throw error;
      refuseIfOwned(run, name, attempt, host);
      throw takenError(run, name, "another process that started at the same moment");
    }
    fsyncDir(logs);
    return attempt;
  } catch (error) {
    discard(temporary);
    throw ioError(error, "claim", run);
  }
}

export function release(run: string, attempt: number): void {
  rmSync(join(run, "logs", `attempt-${attempt}`, "owner.json"), { force: true });
}

function refuseIfOwned(run: string, name: string, attempt: number, host: Host): void {
  const owner = ownerOf(run, attempt, host);
  if (owner === null) return;
  const where = owner.host === host.hostname ? "" : ` on ${owner.host}`;
  throw takenError(run, name, `process ${owner.pid}${where} (since ${owner.started})`);
}

function takenError(run: string, name: string, who: string): TrainError {
  return new TrainError("usage", `run ${name} is being written by ${who}; ${run} can have one writer`, {
    hint:
      "wait for it or stop it, or start another run with run.name=OTHER; " +
      "if that machine is gone, delete owner.json in the newest folder of logs/",
  });
}
