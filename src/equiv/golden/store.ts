/**
 * Prepared goldens on disk, one file each, by content. A file is written beside and renamed, so a reader never sees half
 * of it, and carries a checksum, so one that was damaged, cut or put there by somebody else is made again.
 */

import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { threadId } from "node:worker_threads";
import { PREPARED_VERSION, type Preparation } from "./prepared.js";

export interface Stored {
  readonly preparation: Preparation;
  /** Why the golden may not judge any more; null when it may. */
  readonly quarantined: string | null;
}

export interface Store {
  read(key: string): Stored | null;
  /** Keeps a quarantine that is on record. */
  write(p: Preparation): void;
  /** Puts a stored golden in quarantine. */
  quarantine(p: Preparation, reason: string): void;
  pathOf(key: string): string;
}

export const contentKey = (...parts: readonly (string | number)[]): string =>
  createHash("sha256").update(parts.join("\u0000")).digest("hex").slice(0, 32);

let serial = 0;

export function makeStore(cacheDir: string): Store {
  const pathOf = (key: string): string => join(cacheDir, "goldens", key.slice(0, 2), `${key}.json`);

  const read = (key: string): Stored | null => {
    try {
      const { sha256, ...stored } = JSON.parse(readFileSync(pathOf(key), "utf8")) as Stored & {
        sha256: string;
      };
      const { preparation: p, quarantined } = stored;
      if (p.version !== PREPARED_VERSION || p.key !== key) return null;
      if (quarantined !== null && typeof quarantined !== "string") return null;
      return sha256 === checksum({ preparation: p, quarantined }) ? { preparation: p, quarantined } : null;
    } catch {
      return null; // absent or damaged: made again
    }
  };

  const put = (stored: Stored): void => {
    const path = pathOf(stored.preparation.key);
    mkdirSync(dirname(path), { recursive: true });
    const beside = `${path}.${process.pid}-${threadId}-${serial++}.part`;
    try {
      writeFileSync(beside, JSON.stringify({ sha256: checksum(stored), ...stored }));
      renameSync(beside, path);
    } catch (error) {
      rmSync(beside, { force: true });
      throw error;
    }
  };

  return {
    read,
    write: (preparation) => put({ preparation, quarantined: read(preparation.key)?.quarantined ?? null }),
    quarantine: (preparation, reason) => put({ preparation, quarantined: reason }),
    pathOf,
  };
}

const checksum = ({ preparation, quarantined }: Stored): string =>
  createHash("sha256")
    .update(JSON.stringify([preparation, quarantined]))
    .digest("hex");
