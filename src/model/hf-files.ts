/** Small file work for model directories, with errors that say what was being read. */

import { open, readdir, readFile, rename } from "node:fs/promises";
import { messageOf, TrainError } from "../core/errors.js";

/** Names in a model directory, sorted. @throws TrainError data when it cannot be read */
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

/** First line of the file that git keeps in the place of a large one. */
const LFS_POINTER = "version https://git-lfs.github.com/spec/";

/** Says that a file is a Git LFS pointer; null when it is not. @param start the file's first bytes as text */
export const lfsPointer = (path: string, start: string): TrainError | null =>
  start.startsWith(LFS_POINTER)
    ? new TrainError("data", `${path} is a Git LFS pointer, not the file itself`, {
        hint: "fetch the file in the repository that holds it: git lfs pull",
      })
    : null;

/** Reads a JSON file, with or without a byte order mark. @throws TrainError data naming the file */
export async function readJson(path: string): Promise<unknown> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (e) {
    throw new TrainError("data", `cannot read ${path}: ${messageOf(e)}`, { cause: e });
  }
  const pointer = lfsPointer(path, text);
  if (pointer !== null) throw pointer;
  try {
    return JSON.parse(text.replace(/^\uFEFF/, ""));
  } catch (e) {
    throw new TrainError("data", `${path} is not JSON: ${messageOf(e)}`, { cause: e });
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
