/**
 * The goldens in use: in memory, else from disk, else prepared, several in one Yosys process. Requests that come
 * while others are being read are gathered, so scoring without an explicit `prepare` is batched too. A golden in
 * quarantine stays there, in this process and in later ones, until its file is deleted.
 */

import { setMaxListeners } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { messageOf } from "../../core/errors.js";
import type { VerilogTask } from "../../core/types.js";
import { makeMemo } from "../../sim/memo.js";
import type { Admitted } from "../../verilog/gate.js";
import type { InterfaceResult } from "../../verilog/interface.js";
import { render } from "../../verilog/lexer.js";
import { admitGolden, type GoldenDeps, goldenKey, PrepareFault, prepareGolden } from "./prepare.js";
import {
  isRefused,
  PREPARED_VERSION,
  type Preparation,
  type Prepared,
  type StimulusFiles,
} from "./prepared.js";
import { provability } from "./provable.js";
import type { Store } from "./store.js";

export interface Ready {
  readonly preparation: Preparation;
  /** Where its words lie; meaningless when refused. */
  readonly files: StimulusFiles;
}

export interface GoldensDeps extends Omit<GoldenDeps, "place"> {
  readonly store: Store;
  /** The words of the stimuli are put in its folder `stimuli`. */
  readonly scratchDir: string;
  /** Interfaces of several designs by Yosys; null where it could not read one. */
  readonly readInterfaces: (
    jobs: readonly { source: string; top: string }[],
    signal: AbortSignal,
  ) => Promise<readonly (InterfaceResult | null)[]>;
  readonly batch: number;
}

interface Wanted {
  readonly task: VerilogTask;
  readonly key: string;
  readonly admitted: Admitted;
  readonly resolve: (r: Ready) => void;
  readonly reject: (fault: unknown) => void;
}

/** Goldens whose provability is remembered. */
const MAX_ATTEMPTS = 100_000;

const NO_FILES: StimulusFiles = { steps: "", runs: "", mask: "" };

/** What simulations read. */
export const stimuliDir = (scratchDir: string): string => join(scratchDir, "stimuli");

export function makeGoldens(deps: GoldensDeps) {
  const ready = new Map<string, Promise<Ready>>();
  const abort = new AbortController();
  setMaxListeners(0, abort.signal);
  let queue: Wanted[] = [];
  let scheduled = false;
  const dir = stimuliDir(deps.scratchDir);
  const keys = new WeakMap<VerilogTask, string>();
  /** Why, by key: from disk, and of this process. */
  const quarantines = new Map<string, string>();
  const looked = new Set<string>();
  /** Preparations in use, by key. */
  const inUse = new Map<string, Preparation>();
  const attempts = makeMemo<boolean>(MAX_ATTEMPTS, () => true);

  const keyOf = (task: VerilogTask): string => {
    let key = keys.get(task);
    if (key === undefined) {
      key = goldenKey(task, deps.seed, deps.stimulus, deps.icarus, deps);
      keys.set(task, key);
    }
    return key;
  };

  const stored = (key: string): Preparation | null => {
    looked.add(key);
    const found = deps.store.read(key);
    if (found === null) return null;
    if (found.quarantined !== null) quarantines.set(key, found.quarantined);
    return found.preparation;
  };

  /** Why the golden may not judge any more, or null. */
  const quarantined = (task: VerilogTask): string | null => {
    const key = keyOf(task);
    if (!looked.has(key)) stored(key);
    return quarantines.get(key) ?? null;
  };

  /** From now on, and for whoever reads the cache. Returns the reason with how to lift it. */
  const quarantine = (task: VerilogTask, reason: string): string => {
    const key = keyOf(task);
    const p = inUse.get(key);
    if (p === undefined) throw new Error(`quarantine of a golden that nothing was checked with: ${task.top}`);
    const path = deps.store.pathOf(key);
    let full = `${reason}; to lift the quarantine, delete ${path}`;
    try {
      deps.store.quarantine(p, full);
    } catch (error) {
      full = `${reason}; it holds for this process only, because ${path} cannot be written (${messageOf(error)})`;
    }
    quarantines.set(key, full);
    return full;
  };

  const place = (key: string, parts: { steps: string; runs: string; mask: string }): StimulusFiles => {
    mkdirSync(dir, { recursive: true });
    const put = (kind: string, text: string): string => {
      if (text === "") return "";
      const path = join(dir, `${key}.${kind}`);
      writeFileSync(path, text);
      return path;
    };
    return { steps: put("steps", parts.steps), runs: put("runs", parts.runs), mask: put("mask", parts.mask) };
  };

  const loaded = (p: Preparation): Ready => {
    inUse.set(p.key, p);
    if (isRefused(p)) return { preparation: p, files: NO_FILES };
    const mask = p.ignore.kind === "file" ? p.ignore.text : "";
    return { preparation: p, files: place(p.key, { steps: p.steps, runs: p.runs, mask }) };
  };

  const flush = async (): Promise<void> => {
    scheduled = false;
    const all = queue;
    queue = [];
    for (let i = 0; i < all.length; i += deps.batch) void prepareBatch(all.slice(i, i + deps.batch));
  };

  const prepareBatch = async (batch: readonly Wanted[]): Promise<void> => {
    let netlists: readonly (InterfaceResult | null)[];
    try {
      netlists = await deps.readInterfaces(
        batch.map((w) => ({ source: render(w.admitted.tokens), top: w.task.top })),
        abort.signal,
      );
    } catch (fault) {
      for (const w of batch) w.reject(asFault(fault));
      return;
    }
    await Promise.all(
      batch.map(async (w, k) => {
        try {
          const p = await prepareGolden(
            w.task,
            w.key,
            w.admitted,
            netlists[k]!,
            { ...deps, place },
            abort.signal,
          );
          deps.store.write(p);
          w.resolve(loaded(p));
        } catch (fault) {
          w.reject(asFault(fault));
        }
      }),
    );
  };

  /** Rejects with PrepareFault when the machinery failed; the next call tries again. */
  const ensure = (task: VerilogTask): Promise<Ready> => {
    const key = keyOf(task);
    const known = ready.get(key);
    if (known !== undefined) return known;
    const made = (async (): Promise<Ready> => {
      const found = stored(key);
      if (found !== null) {
        try {
          return loaded(found);
        } catch (fault) {
          throw asFault(fault);
        }
      }
      const gated = admitGolden(task);
      if (!gated.ok) {
        return { preparation: { version: PREPARED_VERSION, key, refused: gated.reason }, files: NO_FILES };
      }
      return new Promise<Ready>((resolve, reject) => {
        queue.push({ task, key, admitted: gated.admitted, resolve, reject });
        if (!scheduled) {
          scheduled = true;
          setImmediate(() => void flush());
        }
      });
    })();
    ready.set(key, made);
    made.catch(() => ready.delete(key));
    return made;
  };

  /**
   * Whether a proof about the golden can be hoped for: one attempt at its first use, kept with the golden. Rejects with
   * PrepareFault when the engine failed.
   */
  const provable = async (task: VerilogTask, p: Prepared, signal: AbortSignal): Promise<boolean | null> => {
    const { prover, proofSeconds = 3 } = deps;
    if (p.provable !== null || prover == null) return p.provable;
    return attempts.run(p.key, signal, async (s) => {
      const gated = admitGolden(task);
      if (!gated.ok) return false;
      const found = await provability(p, gated.admitted, prover, proofSeconds, s);
      try {
        deps.store.write({ ...p, provable: found });
      } catch {
        // It holds for this process; a later one finds it out again.
      }
      return found;
    });
  };

  const close = (): void => abort.abort(new Error("the checker is closed"));
  return { ensure, keyOf, provable, quarantined, quarantine, close };
}

export type Goldens = ReturnType<typeof makeGoldens>;

/** File-system and spawn faults are the machinery's; anything else is a bug and stays what it is. */
function asFault(fault: unknown): unknown {
  const code = (fault as NodeJS.ErrnoException)?.code;
  return typeof code === "string" && !(fault instanceof PrepareFault) && /^E[A-Z]+$/.test(code)
    ? new PrepareFault({ kind: "infra", code, retryable: true, log: (fault as Error).message }, false)
    : fault;
}
