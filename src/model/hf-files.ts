/** Small file work for model directories, with errors that say what was being read. */

import { open, readdir, readFile, rename } from "node:fs/promises";
import { messageOf, TrainError } from "../core/errors.js";

export async function listDir(dir: string): Promise<string[]> {
  try {
    return (await readdir(dir)).sort();
  } catch (e) {
    throw new TrainError("data", `cannot read the model directory ${dir}: ${messageOf(e)}`, {
      hint: "give the path of a local directory; models are not downloaded",
      cause: e,
    });
  }
}

export async function readJson(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, "utf8"));
  } catch (e) {
    throw new TrainError("data", `cannot read ${path}: ${messageOf(e)}`, { cause: e });
  }
}

/** Appears whole or not at all. */
export async function writeJson(path: string, value: unknown): Promise<void> {
  const handle = await open(`${path}.tmp`, "w");
  try {
    await handle.writeFile(`${JSON.stringify(value, null, 2)}\n`);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(`${path}.tmp`, path);
}

const MAX_DETAILS = 20;

/** At most 20 detail lines, and how many more there are. */
export const clip = (lines: readonly string[]): string[] =>
  lines.length <= MAX_DETAILS
    ? [...lines]
    : [...lines.slice(0, MAX_DETAILS), `... and ${lines.length - MAX_DETAILS} more`];
