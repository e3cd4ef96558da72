/** What the set-up does to the world, as arguments, so that tests can give it a host of their own. */

import { createHash } from "node:crypto";
import { createReadStream, lstatSync, readdirSync, statfsSync } from "node:fs";
import { join } from "node:path";
import { execa } from "execa";
import { messageOf, TrainError } from "../core/errors.js";

export interface Ran {
  /** null: there is no such program. */
  readonly code: number | null;
  /** Name of the signal that ended it, where one did. */
  readonly signal?: string;
  readonly output: string;
}

/** How a program ended, for a message: `SIGABRT` or `exit code 1`. */
export const endedBy = ({ code, signal }: Ran): string =>
  signal ?? (code === null ? "not found" : `exit code ${code}`);

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Killed after this long. */
  readonly seconds?: number;
  /** Called every 10 s while it runs. */
  readonly waiting?: (seconds: number) => void;
}

export interface Effects {
  say(line: string): void;
  run(program: string, words: readonly string[], options?: RunOptions): Promise<Ran>;
  /** Bytes a process of this user may still write below `dir`. */
  freeBytes(dir: string): number;
  /** LD_LIBRARY_PATH as this process was started with. */
  readonly libraryPath: string;
}

/** This machine. `say` gets a line at a time; `libraryPath` is LD_LIBRARY_PATH as the process was started with. */
export function realEffects(say: (line: string) => void, libraryPath: string): Effects {
  return {
    say,
    libraryPath,
    async run(program, words, options = {}) {
      const start = process.hrtime.bigint();
      const timer =
        options.waiting === undefined
          ? undefined
          : setInterval(
              () => options.waiting?.(Number((process.hrtime.bigint() - start) / 1_000_000_000n)),
              10_000,
            );
      try {
        const ran = await execa(program, words, {
          reject: false,
          all: true,
          stdin: "ignore",
          ...(options.seconds !== undefined && { timeout: options.seconds * 1000, killSignal: "SIGKILL" }),
          ...(options.cwd !== undefined && { cwd: options.cwd }),
          ...(options.env !== undefined && { env: options.env }),
        });
        const absent = ran.code === "ENOENT" || ran.code === "EACCES";
        const late = ran.timedOut ? `\nno answer within ${options.seconds} s` : "";
        return {
          code: absent ? null : (ran.exitCode ?? 128),
          ...(ran.signal !== undefined && { signal: ran.signal }),
          output: (ran.all ?? "") + late,
        };
      } finally {
        clearInterval(timer);
      }
    },
    freeBytes: (dir) => {
      const disk = statfsSync(dir);
      return disk.bavail * disk.bsize;
    },
  };
}

/** The SHA-256 of a file, as hexadecimal digits; the file is read as a stream. */
export async function sha256Of(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk as Buffer);
  return hash.digest("hex");
}

/** Bytes of all files below a folder; what vanishes meanwhile is not counted, links are not followed. */
export function bytesBelow(dir: string): number {
  let sum = 0;
  let names: string[];
  try {
    names = readdirSync(dir, { recursive: true, encoding: "utf8" });
  } catch {
    return 0;
  }
  for (const name of names) {
    try {
      const found = lstatSync(join(dir, name));
      if (found.isFile()) sum += found.size;
    } catch {
      // Renamed or removed since it was listed.
    }
  }
  return sum;
}

/** Bytes for people, rounded up: `573 MB`, `1.60 GB` (powers of ten). */
export const megabytes = (bytes: number): string =>
  bytes >= 1e9 ? `${(bytes / 1e9).toFixed(2)} GB` : `${Math.ceil(bytes / 1e6)} MB`;

/** A full disk is a condition of the host, said as one; everything else passes. */
export function asDiskError(error: unknown, dir: string): unknown {
  const { code } = error as NodeJS.ErrnoException;
  if (code !== "ENOSPC" && code !== "EDQUOT") return error;
  return new TrainError("tool", `the disk of ${dir} is full: ${messageOf(error)}`, {
    hint: "free some space and run it again; what is complete is kept. scripts/setup --remove-gpu takes all of it away",
    cause: error,
  });
}
