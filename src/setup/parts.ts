/**
 * Parts of the set-up: folders below `.gpu` that are made beside their place and renamed into it, each with a record of
 * what it holds. A part whose record asks for the same thing and whose files have their sizes is not made again.
 */

import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { FileRecord } from "../engine/accelerator/installed.js";

const RECORD = "part.json";

export interface PartRecord {
  /** Everything the part depends on; another key means another part. */
  readonly key: string;
  readonly source: string;
  /** Paths relative to `.gpu`. */
  readonly files: readonly FileRecord[];
}

/** The part as it lies there, or undefined when it is absent, damaged, or was made for another key. */
export function donePart(root: string, name: string, key?: string): PartRecord | undefined {
  const path = join(root, name, RECORD);
  if (!existsSync(path)) return undefined;
  let record: PartRecord;
  try {
    record = JSON.parse(readFileSync(path, "utf8")) as PartRecord;
  } catch {
    return undefined;
  }
  const whole = record.files.every((f) => {
    const at = join(root, f.path);
    return existsSync(at) && statSync(at).size === f.bytes;
  });
  return whole && (key === undefined || record.key === key) ? record : undefined;
}

/** Makes the part in a folder of its own, then puts it in its place whole. */
export async function makePart(
  root: string,
  name: string,
  make: (dir: string) => Promise<PartRecord>,
): Promise<PartRecord> {
  const fresh = join(root, `${name}.new`);
  rmSync(fresh, { recursive: true, force: true });
  mkdirSync(fresh, { recursive: true });
  try {
    const record = await make(fresh);
    writeFileSync(join(fresh, RECORD), `${JSON.stringify(record, null, 2)}\n`);
    rmSync(join(root, name), { recursive: true, force: true });
    renameSync(fresh, join(root, name));
    return record;
  } catch (error) {
    rmSync(fresh, { recursive: true, force: true });
    throw error;
  }
}
