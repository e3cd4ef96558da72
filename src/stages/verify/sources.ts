/** Files that a user names on the command line, as text; and files written for the user, whole or not at all. */

import { readFileSync, statSync } from "node:fs";
import { basename, resolve } from "node:path";
import { messageOf, TrainError } from "../../core/errors.js";
import { errnoOf, writeAtomic } from "../../run/files.js";

export interface Source {
  /** As the user wrote it; `stdin` for `-`. */
  readonly name: string;
  readonly text: string;
}

/** Far above what the gate lets through, far below what would hurt. */
const MAX_BYTES = 64 * 1024 ** 2;

/** @throws TrainError usage: absent, a folder, not readable, too large */
export function readSource(path: string, option: string, cwd: string): Source {
  const fail = (what: string, hint: string): never => {
    throw new TrainError("usage", `${option} ${path}: ${what}`, { hint });
  };
  if (path === "-") return { name: "stdin", text: decoded(readFileSync(0)) };
  const full = resolve(cwd, path);
  try {
    const stat = statSync(full);
    if (stat.isDirectory())
      fail("is a folder, expected a file", `name a file in it: ${option} ${path}/FILE.v`);
    if (stat.size > MAX_BYTES)
      fail(`is larger than ${MAX_BYTES / 1024 ** 2} MB`, "expected one Verilog design");
    return { name: path, text: decoded(readFileSync(full)) };
  } catch (error) {
    if (error instanceof TrainError) throw error;
    const code = errnoOf(error);
    if (code === "ENOENT" || code === "ENOTDIR")
      return fail(
        `there is no such file (in ${cwd})`,
        `ls ${basename(path) === path ? "*.v" : path.slice(0, path.lastIndexOf("/"))}`,
      );
    return fail(`cannot be read (${code ?? messageOf(error)})`, "check the file's permissions");
  }
}

/** UTF-8, or UTF-16 where the file says so, or else bytes as they are. No byte order mark. */
function decoded(bytes: Buffer): string {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return new TextDecoder("utf-16le").decode(bytes);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return bytes.toString("latin1");
  }
}

/** @throws TrainError usage, tool */
export function writeResult(path: string, option: string, cwd: string, text: string): void {
  const full = resolve(cwd, path);
  try {
    if (statSync(full, { throwIfNoEntry: false })?.isDirectory())
      throw new TrainError("usage", `${option} ${path}: is a folder, expected the name of a file`, {
        hint: `${option} ${path}/FILE`,
      });
    writeAtomic(full, text);
  } catch (error) {
    if (error instanceof TrainError && error.code === "usage" && error.cause === undefined) throw error;
    const cause = error instanceof TrainError ? error.cause : error;
    const code = errnoOf(cause);
    const what =
      code === "ENOENT"
        ? "its folder does not exist"
        : code === "ENOSPC" || code === "EDQUOT"
          ? "no space left"
          : `cannot be written (${code ?? messageOf(cause)})`;
    throw new TrainError(
      code === "ENOENT" || code === "ENOTDIR" ? "usage" : "tool",
      `${option} ${path}: ${what}`,
      {
        hint: `name a file that you can write to: ${option} FILE`,
        cause: error,
      },
    );
  }
}
