/** Prepared goldens on disk, by content; written beside and renamed, so a reader never sees half a file. */

import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { PREPARED_VERSION, type Preparation } from "./prepared.js";

export interface Store {
  read(key: string): Preparation | null;
  write(p: Preparation): void;
}

export const contentKey = (...parts: readonly (string | number)[]): string =>
  createHash("sha256").update(parts.join("\u0000")).digest("hex").slice(0, 32);

export function makeStore(cacheDir: string): Store {
  const pathOf = (key: string): string => join(cacheDir, "goldens", key.slice(0, 2), `${key}.json`);
  let serial = 0;
  return {
    read(key) {
      try {
        const p = JSON.parse(readFileSync(pathOf(key), "utf8")) as Preparation;
        return p.version === PREPARED_VERSION && p.key === key ? p : null;
      } catch {
        return null; // absent or damaged: made again
      }
    },
    write(p) {
      const path = pathOf(p.key);
      mkdirSync(dirname(path), { recursive: true });
      const beside = `${path}.${process.pid}-${serial++}.part`;
      writeFileSync(beside, JSON.stringify(p));
      renameSync(beside, path);
    },
  };
}
