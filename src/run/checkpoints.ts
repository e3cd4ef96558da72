/**
 * Checkpoints that survive a kill at any moment. A save writes into `step-000042.tmp-<pid>`, fsyncs every file, writes
 * the manifest last, renames the folder to `step-000042`, fsyncs the parent and repoints `latest`; so a folder named
 * `step-<n>` was complete when it got that name. `latest` is for people: the store itself looks at the folders.
 */

import { lstatSync, mkdirSync, readdirSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { messageOf, TrainError } from "../core/errors.js";
import { discard, fsyncDir, fsyncFile, ioError, requireFree, writeAtomic } from "./files.js";
import { type Host, systemHost } from "./host.js";
import {
  CHECKPOINT_FORMAT,
  describeFiles,
  filesBelow,
  type Manifest,
  readManifest,
  verifyFiles,
} from "./manifest.js";
import { prunable } from "./prune.js";

export interface CheckpointOptions {
  readonly runDir: string;
  readonly keepLast: number;
  readonly keepBest: number;
  /** Version of the program, and hash of the resolved config: written into every manifest. */
  readonly version: string;
  readonly configHash: string;
  readonly warn: (text: string) => void;
  /** Runs when the files are written and before the checkpoint counts: makes the metrics durable up to it. */
  readonly beforeCommit?: () => void;
  readonly host?: Host;
}

export interface Checkpoint {
  readonly step: number;
  readonly dir: string;
  readonly manifest: Manifest;
}

export interface CheckpointStore {
  /**
   * `write` fills the empty folder `dir`. Prunes afterwards.
   * @throws TrainError tool when the disk is full or not writable; what was saved before is then intact
   */
  save(
    step: number,
    about: { readonly metric?: number },
    write: (dir: string) => Promise<void>,
  ): Promise<Checkpoint>;
  /**
   * The newest checkpoint whose checksums hold; null when none was ever saved. Corrupt ones are warned about and left.
   * @throws TrainError checkpoint when there are some and all are corrupt
   */
  latest(): Promise<Checkpoint | null>;
  /** The intact one with the highest metric (the later of equals); null when none has a metric. */
  best(): Promise<Checkpoint | null>;
  /** @throws TrainError checkpoint when it is absent or corrupt, naming the file */
  load(step: number): Promise<Checkpoint>;
  /** Those with a readable manifest, by step; checksums not verified. */
  list(): Checkpoint[];
  /** Deletes all but the newest `keepLast`, the best `keepBest` and the one last loaded; returns the steps deleted. */
  prune(): number[];
}

export const stepName = (step: number): string => `step-${String(step).padStart(6, "0")}`;

export function makeCheckpointStore(options: CheckpointOptions): CheckpointStore {
  const { runDir, warn } = options;
  const host = options.host ?? systemHost();
  let loaded: number | null = null;
  const pathOf = (step: number, suffix = "") => join(runDir, `${stepName(step)}${suffix}`);

  clearLeftovers(runDir, host);

  /** [step, error or checkpoint] of every `step-<n>` folder, by step. */
  function scan(): (readonly [number, Checkpoint | Error])[] {
    let names: string[];
    try {
      names = readdirSync(runDir);
    } catch (error) {
      throw ioError(error, "read", runDir);
    }
    return names
      .flatMap((name) => {
        const digits = /^step-(\d{6,})$/.exec(name)?.[1];
        return digits === undefined ? [] : [Number(digits)];
      })
      .sort((a, b) => a - b)
      .map((step) => {
        try {
          return [step, { step, dir: pathOf(step), manifest: readManifest(pathOf(step)) }] as const;
        } catch (error) {
          return [step, error as Error] as const;
        }
      });
  }

  const list = (): Checkpoint[] => scan().flatMap(([, c]) => (c instanceof Error ? [] : [c]));

  /** The first of `order` whose checksums hold; the others are warned about. */
  async function firstIntact(
    order: readonly (readonly [number, Checkpoint | Error])[],
  ): Promise<Checkpoint | null> {
    for (const [step, found] of order) {
      try {
        if (found instanceof Error) throw found;
        await verifyFiles(found.dir, found.manifest);
        loaded = step;
        return found;
      } catch (error) {
        warn(`checkpoint ${pathOf(step)} is corrupt and passed over: ${messageOf(error)}`);
      }
    }
    return null;
  }

  function prune(): number[] {
    const all = list();
    const doomed = prunable(
      all.map((c) => ({ step: c.step, metric: c.manifest.metric })),
      { keepLast: options.keepLast, keepBest: options.keepBest, keep: loaded },
    );
    for (const step of doomed) {
      // Renamed first: a kill in the middle of the deletion must not leave what looks like a corrupt checkpoint.
      const dying = pathOf(step, `.del-${host.pid}`);
      rmSync(dying, { recursive: true, force: true });
      renameSync(pathOf(step), dying);
      rmSync(dying, { recursive: true, force: true });
    }
    return doomed;
  }

  function repoint(step: number): void {
    const temporary = join(runDir, `latest.tmp-${host.pid}`);
    try {
      rmSync(temporary, { force: true });
      symlinkSync(stepName(step), temporary, "dir");
      renameSync(temporary, join(runDir, "latest"));
    } catch {
      discard(temporary); // no symbolic links here; nothing of ours reads it
    }
  }

  /** Gives the finished folder its name. An earlier folder of that step is replaced, or set aside if corrupt. */
  async function install(temporary: string, step: number): Promise<void> {
    const path = pathOf(step);
    let aside: string | null = null;
    if (exists(path)) {
      const intact = await isIntact(path);
      aside = intact ? pathOf(step, `.old-${host.pid}`) : freeName(`${path}.corrupt`);
      if (!intact) warn(`the corrupt checkpoint ${path} is set aside as ${aside}`);
      rmSync(`${path}.old-${host.pid}`, { recursive: true, force: true });
      renameSync(path, aside);
    }
    renameSync(temporary, path);
    fsyncDir(runDir, host.fsync);
    if (aside?.endsWith(`.old-${host.pid}`)) rmSync(aside, { recursive: true, force: true });
  }

  return {
    async save(step, about, write) {
      const before = list();
      const size = Math.max(0, ...before.map((c) => sizeOf(c.manifest)));
      const kept = before.length === 0 ? "" : `checkpoint ${stepName(before.at(-1)!.step)} is intact`;
      const temporary = pathOf(step, `.tmp-${host.pid}`);
      let manifest: Manifest;
      try {
        requireFree(runDir, size * 1.1, `saving step ${step}`, host.freeBytes(runDir), kept);
        rmSync(temporary, { recursive: true, force: true });
        mkdirSync(temporary);
        await write(temporary);
        const files = await describeFiles(temporary);
        for (const path of filesBelow(temporary)) fsyncFile(join(temporary, path), host.fsync);
        for (const dir of foldersOf(Object.keys(files))) fsyncDir(join(temporary, dir), host.fsync);
        options.beforeCommit?.();
        manifest = {
          format: CHECKPOINT_FORMAT,
          step,
          created: host.now().toISOString(),
          version: options.version,
          configHash: options.configHash,
          metric: about.metric ?? null,
          files,
        };
        writeAtomic(join(temporary, "manifest.json"), `${JSON.stringify(manifest, null, 2)}\n`, host.fsync);
        await install(temporary, step);
      } catch (error) {
        discard(temporary);
        throw ioError(error, `save step ${step} in`, runDir, kept);
      }
      repoint(step);
      try {
        prune();
      } catch (error) {
        warn(`old checkpoints could not be deleted: ${messageOf(error)}`);
      }
      return { step, dir: pathOf(step), manifest };
    },
    async latest() {
      const all = scan().reverse();
      const found = await firstIntact(all);
      if (found === null && all.length > 0) {
        throw new TrainError(
          "checkpoint",
          `no intact checkpoint is left in ${runDir}; ${all.length} are corrupt`,
          {
            hint: "start another run with run.name=OTHER; the corrupt folders are left for you to look at",
          },
        );
      }
      return found;
    },
    best() {
      const rated = list().filter((c) => c.manifest.metric !== null);
      rated.sort((a, b) => b.manifest.metric! - a.manifest.metric! || b.step - a.step);
      return firstIntact(rated.map((c) => [c.step, c] as const));
    },
    async load(step) {
      const dir = pathOf(step);
      try {
        const manifest = readManifest(dir);
        await verifyFiles(dir, manifest);
        loaded = step;
        return { step, dir, manifest };
      } catch (error) {
        const steps = list().map((c) => c.step);
        throw new TrainError("checkpoint", `checkpoint ${dir} cannot be used: ${messageOf(error)}`, {
          hint:
            steps.length === 0 ? "there are no others in this run" : `this run has steps ${steps.join(", ")}`,
          cause: error,
        });
      }
    },
    list,
    prune,
  };
}

/**
 * What killed processes left. A replaced checkpoint whose successor never got its name is put back; all else that
 * carries a dead process's number is unfinished or doomed and goes.
 */
function clearLeftovers(runDir: string, host: Host): void {
  let names: string[];
  try {
    names = readdirSync(runDir);
  } catch {
    return;
  }
  for (const name of names) {
    const match = /^(step-\d{6,}|latest)\.(tmp|old|del)-(\d+)$/.exec(name);
    if (match === null) continue;
    const [, base, kind, digits] = match;
    const pid = Number(digits);
    if (pid !== host.pid && host.isAlive(pid)) continue;
    try {
      if (kind === "old" && !names.includes(base!)) renameSync(join(runDir, name), join(runDir, base!));
      else rmSync(join(runDir, name), { recursive: true, force: true });
    } catch (error) {
      throw ioError(error, "clear", join(runDir, name));
    }
  }
}

async function isIntact(dir: string): Promise<boolean> {
  try {
    await verifyFiles(dir, readManifest(dir));
    return true;
  } catch {
    return false;
  }
}

const exists = (path: string): boolean => lstatSync(path, { throwIfNoEntry: false }) !== undefined;

function freeName(path: string): string {
  for (let i = 1; ; i++) if (!exists(`${path}-${i}`)) return `${path}-${i}`;
}

const sizeOf = (m: Manifest): number => Object.values(m.files).reduce((sum, f) => sum + f.bytes, 0);

function foldersOf(files: readonly string[]): string[] {
  const folders = new Set<string>(["."]);
  for (const file of files) for (let d = dirname(file); d !== "."; d = dirname(d)) folders.add(d);
  return [...folders];
}
