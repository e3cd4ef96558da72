/**
 * The run directory: opened by one process at a time, made whole or not at all. Its layout is an API (docs/runs.md).
 */

import { appendFileSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { TrainError } from "../core/errors.js";
import { differences, isFree } from "./compare.js";
import { discard, ensureDir, errnoOf, fsyncDir, ioError, requireFree, writeAtomic } from "./files.js";
import { type Host, systemHost } from "./host.js";
import { claim, livingOwner, release } from "./owner.js";
import { encodeRecord, RUN_FORMAT, type RunRecord, type RunState, readRecord } from "./record.js";

export interface OpenRun {
  /** Folder that holds run directories (`run.dir`, resolved). */
  readonly root: string;
  /** null: a new run gets `<base>-YYYYMMDD-HHMMSS`, a resume takes the newest unfinished run of the stage. */
  readonly name: string | null;
  /** The config's name (`adaptive-dapo`) or the stage's, for the default name. */
  readonly base: string;
  readonly stage: string;
  readonly resume: boolean;
  readonly configText: string;
  readonly configHash: string;
  readonly command: string;
  readonly seed: number;
  readonly versions: Readonly<Record<string, string>>;
  readonly engine?: string;
  readonly sandbox?: string;
  readonly choices?: Readonly<Record<string, string>>;
  /** Bytes that must be free before work starts (two checkpoints and the logs). */
  readonly needBytes?: number;
  readonly host?: Host;
}

export interface RunDirectory {
  readonly path: string;
  readonly name: string;
  /** From 1; every start of the run is one attempt. */
  readonly attempt: number;
  readonly resumed: boolean;
  /** State that an earlier attempt left; null for a new run. `running` = it was killed. */
  readonly before: RunState | null;
  readonly record: RunRecord;
  file(...parts: readonly string[]): string;
  /** Rewrites run.json with these fields changed. */
  update(patch: Partial<Pick<RunRecord, "step" | "engine" | "sandbox" | "choices" | "versions">>): void;
  /** Appends a line to logs/attempt-<n>/events.jsonl. Never throws: a log must not stop a run. */
  event(kind: string, data?: Readonly<Record<string, unknown>>): void;
  /** Ends the attempt and lets another process have the run. */
  close(state: Exclude<RunState, "running">, exit: number, reason?: string): void;
}

/**
 * @throws TrainError usage: name taken, nothing to resume, other stage, other config, another writer;
 *   tool: not writable or not enough space. Nothing is left behind.
 */
export function openRun(open: OpenRun): RunDirectory {
  const host = open.host ?? systemHost();
  return open.resume ? resumeRun(open, host) : createRun(open, host);
}

/** `<base>-YYYYMMDD-HHMMSS` in local time. */
export function defaultRunName(base: string, now: Date): string {
  const two = (n: number) => String(n).padStart(2, "0");
  const date = `${now.getFullYear()}${two(now.getMonth() + 1)}${two(now.getDate())}`;
  const clean = base.replace(/\.ya?ml$/, "").replace(/[^\w.-]+/g, "-");
  return `${clean.slice(0, 64)}-${date}-${two(now.getHours())}${two(now.getMinutes())}${two(now.getSeconds())}`;
}

function createRun(open: OpenRun, host: Host): RunDirectory {
  const { root } = open;
  let name = open.name ?? defaultRunName(open.base, host.now());
  try {
    ensureDir(root);
    clearLeftovers(root, host);
    if (open.name === null) {
      const first = name;
      for (let i = 2; existsAsRun(join(root, name)); i++) name = `${first}-${i}`; // two starts in one second
    }
    if (existsAsRun(join(root, name))) throw nameTaken(root, name);
    requireFree(root, open.needBytes ?? 0, "this run", host.freeBytes(root));
    const path = join(root, name);
    const temporary = join(root, `.${name}.tmp-${host.pid}`);
    rmSync(temporary, { recursive: true, force: true });
    try {
      mkdirSync(temporary);
      writeAtomic(join(temporary, "config.resolved.yaml"), open.configText);
      const attempt = claim(temporary, name, host);
      const record = freshRecord(open, name, host);
      writeAtomic(join(temporary, "run.json"), encodeRecord(record));
      try {
        renameSync(temporary, path); // replaces an empty folder, fails on anything else
      } catch (error) {
        if (["ENOTEMPTY", "EEXIST", "EPERM", "ENOTDIR"].includes(errnoOf(error) ?? ""))
          throw nameTaken(root, name);
        throw error;
      }
      fsyncDir(root);
      return directory(path, attempt, record, null, host);
    } finally {
      discard(temporary);
    }
  } catch (error) {
    throw ioError(error, "make the run", join(root, name));
  }
}

function resumeRun(open: OpenRun, host: Host): RunDirectory {
  const { root } = open;
  const name = open.name ?? newestResumable(open, host);
  const path = join(root, name);
  const old = readRecord(path);
  if (old === null) {
    const names = runsOf(root).map((r) => r.name);
    throw new TrainError("usage", `--resume: there is no run ${name} in ${root}`, {
      hint:
        names.length === 0
          ? "leave out --resume to start it"
          : `leave out --resume to start it, or name one of these with run.name=: ${names.slice(0, 8).join(", ")}`,
    });
  }
  if (old.stage !== open.stage) {
    throw new TrainError("usage", `--resume: run ${name} is of stage ${old.stage}, not ${open.stage}`, {
      hint: `type --stage ${old.stage}, or another run.name`,
    });
  }
  refuseOtherConfig(open, path, name, old);
  requireFree(path, open.needBytes ?? 0, "this run", host.freeBytes(path));
  const attempt = claim(path, name, host);
  const record: RunRecord = {
    ...old,
    state: "running",
    reason: null,
    attempts: [...old.attempts, newAttempt(open, host)],
    configHash: open.configHash,
    versions: { ...open.versions },
    engine: open.engine ?? old.engine,
    sandbox: open.sandbox ?? old.sandbox,
    choices: { ...old.choices, ...open.choices },
  };
  try {
    if (old.configHash !== open.configHash) writeAtomic(join(path, "config.resolved.yaml"), open.configText);
    writeAtomic(join(path, "run.json"), encodeRecord(record));
  } catch (error) {
    release(path, attempt);
    throw error;
  }
  return directory(path, attempt, record, old.state, host);
}

function refuseOtherConfig(open: OpenRun, path: string, name: string, old: RunRecord): void {
  if (old.configHash === open.configHash) return;
  const file = join(path, "config.resolved.yaml");
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    throw ioError(error, "read", file);
  }
  const blocking = differences(text, open.configText).filter((d) => !isFree(d.key));
  if (blocking.length === 0) return;
  throw new TrainError("usage", `--resume: run ${name} was started with another config`, {
    details: blocking.map((d) => `${d.key}: the run has ${d.before}, now ${d.after}`),
    hint:
      `give the values that the run has, or resume exactly it with --config ${file}; ` +
      "to change them, start another run with run.name=OTHER",
  });
}

function newestResumable(open: OpenRun, host: Host): string {
  const candidates = runsOf(open.root).filter(
    (r) =>
      r.stage === open.stage && r.state !== "done" && livingOwner(join(open.root, r.name), host) === null,
  );
  const newest = candidates.sort((a, b) => (a.created < b.created ? 1 : -1))[0];
  if (newest === undefined) {
    throw new TrainError("usage", `--resume: no unfinished run of stage ${open.stage} in ${open.root}`, {
      hint: "name the run with run.name=NAME, or leave out --resume to start one",
    });
  }
  return newest.name;
}

/** Every run in `root` that can be read. */
export function runsOf(root: string): RunRecord[] {
  let names: string[];
  try {
    names = readdirSync(root);
  } catch {
    return [];
  }
  const runs: RunRecord[] = [];
  for (const name of names.sort()) {
    if (name.startsWith(".")) continue;
    try {
      const record = readRecord(join(root, name));
      if (record !== null) runs.push({ ...record, name });
    } catch {
      // Not ours, or of another version: listing the others is still right.
    }
  }
  return runs;
}

/** Half-made runs of processes that were killed while making them. */
function clearLeftovers(root: string, host: Host): void {
  for (const entry of readdirSync(root)) {
    const pid = Number(/^\.[\w.-]+\.tmp-(\d+)$/.exec(entry)?.[1] ?? 0);
    if (pid > 0 && pid !== host.pid && !host.isAlive(pid))
      rmSync(join(root, entry), { recursive: true, force: true });
  }
}

function existsAsRun(path: string): boolean {
  try {
    return readdirSync(path).length > 0;
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return false;
    if (errnoOf(error) === "ENOTDIR") return true;
    throw error;
  }
}

function nameTaken(root: string, name: string): TrainError {
  return new TrainError("usage", `run ${name} already exists in ${root}`, {
    hint: "add --resume to go on with it, or choose another name with run.name=OTHER",
  });
}

const newAttempt = (open: OpenRun, host: Host): RunRecord["attempts"][number] => ({
  pid: host.pid,
  host: host.hostname,
  command: open.command,
  started: host.now().toISOString(),
  ended: null,
  exit: null,
});

const freshRecord = (open: OpenRun, name: string, host: Host): RunRecord => ({
  format: RUN_FORMAT,
  name,
  stage: open.stage,
  state: "running",
  created: host.now().toISOString(),
  attempts: [newAttempt(open, host)],
  step: 0,
  seed: open.seed,
  configHash: open.configHash,
  versions: { ...open.versions },
  engine: open.engine ?? null,
  sandbox: open.sandbox ?? null,
  choices: { ...open.choices },
  reason: null,
});

function directory(
  path: string,
  attempt: number,
  first: RunRecord,
  before: RunState | null,
  host: Host,
): RunDirectory {
  let record = first;
  let closed = false;
  const save = (next: RunRecord) => {
    writeAtomic(join(path, "run.json"), encodeRecord(next));
    record = next;
  };
  return {
    path,
    name: basename(path),
    attempt,
    resumed: before !== null,
    before,
    get record() {
      return record;
    },
    file: (...parts) => join(path, ...parts),
    update(patch) {
      save({ ...record, ...patch });
    },
    event(kind, data = {}) {
      const line = JSON.stringify({ time: host.now().toISOString(), kind, ...data });
      try {
        appendFileSync(join(path, "logs", `attempt-${attempt}`, "events.jsonl"), `${line}\n`);
      } catch {
        // A full disk shows itself at the next save, with a clear error.
      }
    },
    close(state, exit, reason) {
      if (closed) return;
      closed = true;
      const last = { ...record.attempts.at(-1)!, ended: host.now().toISOString(), exit };
      try {
        save({ ...record, state, reason: reason ?? null, attempts: [...record.attempts.slice(0, -1), last] });
      } finally {
        release(path, attempt);
      }
    },
  };
}
