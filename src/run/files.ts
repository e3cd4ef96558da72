/**
 * Durable file operations. Everything that a crash must not tear goes through here: written beside its final name,
 * fsynced, renamed, and the folder fsynced. A name either has its old content or its new one.
 */

import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  statfsSync,
  statSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";
import { TrainError } from "../core/errors.js";

/** Makes what was written to an open file or folder durable. */
export type Fsync = (fd: number) => void;

/** Makes the names in `dir` durable. Windows and some network file systems cannot; then the rename alone must do. */
export function fsyncDir(dir: string, fsync: Fsync = fsyncSync): void {
  let fd: number;
  try {
    fd = openSync(dir, "r");
  } catch {
    return;
  }
  try {
    fsync(fd);
  } catch {
    // EINVAL or EPERM: this file system does not sync folders.
  } finally {
    closeSync(fd);
  }
}

export function fsyncFile(path: string, fsync: Fsync = fsyncSync): void {
  const fd = openSync(path, "r+");
  try {
    fsync(fd);
  } finally {
    closeSync(fd);
  }
}

/** Writes all of `data`; `writeSync` alone may write less on a nearly full disk. */
export function writeAll(fd: number, data: Uint8Array): void {
  let done = 0;
  while (done < data.length) done += writeSync(fd, data, done, data.length - done);
}

/** Deletes what a failed operation left. Never throws: the failure that led here is the one to report. */
export function discard(path: string): void {
  try {
    rmSync(path, { recursive: true, force: true });
  } catch {
    // The next start clears what carries a dead process's number.
  }
}

/**
 * Makes a folder and those above it. Node's recursive mkdir reports ENOENT on a read-only file system; this one keeps the
 * system's own reason. @throws the system's error
 */
export function ensureDir(path: string): void {
  const make = (): unknown => {
    try {
      mkdirSync(path);
      return null;
    } catch (error) {
      return statSync(path, { throwIfNoEntry: false })?.isDirectory() ? null : error;
    }
  };
  let error = make();
  if (errnoOf(error) === "ENOENT" && dirname(path) !== path) {
    ensureDir(dirname(path));
    error = make();
  }
  if (error !== null) throw error;
}

/** Replaces `path` by `data` in one durable step. Leaves nothing behind on failure. */
export function writeAtomic(path: string, data: string | Uint8Array, fsync: Fsync = fsyncSync): void {
  const temporary = `${path}.tmp-${process.pid}`;
  try {
    const fd = openSync(temporary, "w");
    try {
      writeAll(fd, typeof data === "string" ? Buffer.from(data) : data);
      fsync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(temporary, path);
  } catch (error) {
    discard(temporary);
    throw ioError(error, "write", path);
  }
  fsyncDir(dirname(path), fsync);
}

export const errnoOf = (error: unknown): string | undefined =>
  error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;

/** A file system failure as one clear error. `rest` is appended to the message (what is still intact, for example). */
export function ioError(error: unknown, doing: string, path: string, rest = ""): TrainError {
  if (error instanceof TrainError) return error;
  const tail = rest === "" ? "" : `; ${rest}`;
  const code = errnoOf(error);
  switch (code) {
    case "ENOSPC":
    case "EDQUOT":
      return new TrainError("tool", `no space left to ${doing} ${path} (${code})${tail}`, {
        hint: "free some space, or put the run elsewhere with run.dir=FOLDER; then start again with --resume",
        cause: error,
      });
    case "EROFS":
    case "EACCES":
    case "EPERM":
      return new TrainError("tool", `cannot ${doing} ${path}: not writable by this user (${code})${tail}`, {
        hint: "choose a folder that you can write to with run.dir=FOLDER",
        cause: error,
      });
    case "ENOTDIR":
    case "ENAMETOOLONG":
    case "ELOOP":
      return new TrainError("usage", `cannot ${doing} ${path}: not a usable path (${code})${tail}`, {
        hint: "choose another folder with run.dir=FOLDER",
        cause: error,
      });
    default:
      return new TrainError(
        "tool",
        `cannot ${doing} ${path}: ${error instanceof Error ? error.message : String(error)}${tail}`,
        { hint: "check the disk that holds run.dir", cause: error },
      );
  }
}

/** Bytes that this user can still write in the file system of `path`; null where the system does not say. */
export function freeBytes(path: string): number | null {
  try {
    const s = statfsSync(path);
    return s.bavail * s.bsize;
  } catch {
    return null;
  }
}

/** Throws when fewer than `bytes` are free. */
export function requireFree(path: string, bytes: number, what: string, free: number | null, rest = ""): void {
  if (free === null || free >= bytes) return;
  throw new TrainError(
    "tool",
    `${what} needs ${formatBytes(bytes)} free in ${path}, but only ${formatBytes(free)} are${rest === "" ? "" : `; ${rest}`}`,
    { hint: "free some space, or put the run elsewhere with run.dir=FOLDER; then start again with --resume" },
  );
}

export function formatBytes(n: number): string {
  const units = ["B", "kB", "MB", "GB", "TB", "PB"];
  let i = 0;
  let x = n;
  while (x >= 999.5 && i < units.length - 1) {
    x /= 1000;
    i++;
  }
  return `${i === 0 || x >= 99.5 ? Math.round(x) : x.toPrecision(2)} ${units[i]}`;
}
