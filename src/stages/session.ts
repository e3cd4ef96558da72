/** What every stage that leaves a run directory shares: the directory, checkpoints, trackers and the heartbeat. */

import { resolve } from "node:path";
import { messageOf, TrainError } from "../core/errors.js";
import type { Reporter, Tracker } from "../core/ports.js";
import { type CheckpointStore, makeCheckpointStore } from "../run/checkpoints.js";
import { openRun, type RunDirectory } from "../run/directory.js";
import { type Heartbeat, startHeartbeat } from "../run/heartbeat.js";
import type { RunSection } from "../run/schema.js";
import { openTrackers, type TrackSection } from "../run/trackers/index.js";
import { jsonlTracker } from "../run/trackers/jsonl.js";
import { multiTracker } from "../run/trackers/multi.js";
import type { StageContext, StageResult } from "./stage.js";

export interface Session {
  readonly dir: RunDirectory;
  /** Folder of the run as the user would type it. */
  readonly shown: string;
  readonly checkpoints: CheckpointStore;
  readonly tracker: Tracker;
  readonly reporter: Reporter;
  /** What the heartbeat says the run waits for. */
  waitFor(what: () => string): void;
  /** Seconds since this attempt began. */
  seconds(): number;
}

export interface OpenSession {
  readonly stage: string;
  readonly run: RunSection;
  readonly track: TrackSection;
  readonly ctx: StageContext;
  readonly engine: string;
  readonly sandbox: string;
  readonly choices?: Readonly<Record<string, string>>;
  readonly versions: Readonly<Record<string, string>>;
  readonly needBytes: number;
  /** Runs when the run is closed in its final state: writes what shows the run, such as the report. */
  readonly afterwards?: (runDir: string) => Promise<unknown>;
}

/**
 * Opens the run, works, and closes it with the state that the work ended in, whatever happens.
 * @param work returns the result and the state to leave behind
 */
export async function inSession(
  open: OpenSession,
  work: (
    session: Session,
  ) => Promise<StageResult & { readonly state: "done" | "stopped"; readonly reason?: string }>,
): Promise<StageResult> {
  const { ctx, run } = open;
  const dir = openRun({
    root: resolve(ctx.cwd, run.dir),
    name: run.name,
    base: ctx.configName,
    stage: open.stage,
    resume: ctx.resume,
    configText: ctx.configText,
    configHash: ctx.configHash,
    command: ctx.command,
    seed: run.seed,
    versions: open.versions,
    engine: open.engine,
    needBytes: open.needBytes,
    sandbox: open.sandbox,
    ...(open.choices === undefined ? {} : { choices: open.choices }),
  });
  const started = ctx.clock.now();
  const warn = (text: string) => ctx.reporter.warn(text);
  let tracker: Tracker | null = null;
  let heartbeat: Heartbeat | null = null;
  let waiting: () => string = () => "starting";
  try {
    const jsonl = jsonlTracker({ runDir: dir.path, warn });
    tracker = withRequired(jsonl, multiTracker(openTrackers(open.track, dir.path), warn));
    const durable = tracker;
    heartbeat = startHeartbeat({
      clock: ctx.clock,
      reporter: ctx.reporter,
      seconds: run.heartbeat_s,
      describe: () => waiting(),
    });
    const beat = heartbeat;
    const session: Session = {
      dir,
      shown: shownPath(dir.path, ctx.cwd),
      checkpoints: makeCheckpointStore({
        runDir: dir.path,
        keepLast: run.keep_last,
        keepBest: run.keep_best,
        version: open.versions.veriloop ?? "unknown",
        configHash: ctx.configHash,
        warn,
        beforeCommit: () => durable.sync(),
      }),
      tracker,
      reporter: {
        line: (text) => {
          beat.beat();
          ctx.reporter.line(text);
        },
        status: (text) => ctx.reporter.status(text),
        warn,
      },
      waitFor: (what) => {
        waiting = what;
      },
      seconds: () => (ctx.clock.now() - started) / 1000,
    };
    const { state, reason, ...result } = await work(session);
    await tracker.close();
    tracker = null;
    dir.close(state, result.exitCode, reason);
    await open.afterwards?.(dir.path);
    return result;
  } catch (error) {
    const exit = error instanceof TrainError ? error.exitCode : 1;
    try {
      dir.close("failed", exit, messageOf(error));
    } catch {
      // The first error is the one to show; a full disk would only say the same again.
    }
    throw error;
  } finally {
    heartbeat?.stop();
    ctx.reporter.status(null);
    await tracker?.close().catch(() => undefined);
  }
}

/** The record in metrics.jsonl must succeed, so its errors end the run; those of the other trackers do not. */
function withRequired(required: Tracker, others: Tracker): Tracker {
  const all = [required, others];
  return {
    metrics: (step, metrics) => {
      for (const t of all) t.metrics(step, metrics);
    },
    samples: (step, source, rows) => {
      for (const t of all) t.samples(step, source, rows);
    },
    counts: (counts) => {
      for (const t of all) t.counts(counts);
    },
    rewind: (step) => {
      for (const t of all) t.rewind(step);
    },
    sync: () => {
      for (const t of all) t.sync();
    },
    close: async () => {
      for (const t of all) await t.close();
    },
  };
}

/** Relative to the working directory when it is below it. */
export function shownPath(path: string, cwd: string): string {
  return path.startsWith(`${cwd}/`) ? path.slice(cwd.length + 1) : path;
}
