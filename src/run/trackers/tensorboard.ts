/**
 * `tb/events.out.tfevents.<seconds>.<host>.<pid>.<n>`: the metrics' numbers as TensorBoard scalars. Every start of the
 * program writes a new file; `rewind` begins it with a session-start event, at which TensorBoard forgets later steps.
 */

import { fstatSync, mkdirSync, readdirSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import type { Metrics, Tracker } from "../../core/ports.js";
import { ioError } from "../files.js";
import { type AppendFile, openAppend } from "./append.js";
import { type Event, encodeEvent, tfrecord } from "./tfrecord.js";

/** The row in the table of trackers. */
export const tensorboard = {
  schema: z.boolean().default(true).describe("Write TensorBoard event files into the run directory (tb/)"),
  open: (on: boolean, runDir: string): Tracker | null =>
    on ? tensorboardTracker({ runDir, hostname: hostname(), pid: process.pid }) : null,
};

/** Opens no file before the first record. */
export function tensorboardTracker(options: {
  readonly runDir: string;
  readonly hostname: string;
  readonly pid: number;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
}): Tracker {
  const now = options.now ?? Date.now;
  const dir = join(options.runDir, "tb");
  let file: AppendFile | null = null;
  let opened = 0;

  function write(step: number, what: Event["what"]): void {
    try {
      file ??= open();
      file.append(tfrecord(encodeEvent({ wallTime: now() / 1000, step, what })));
    } catch (error) {
      throw ioError(error, "write TensorBoard events to", dir);
    }
  }

  function open(): AppendFile {
    mkdirSync(dir, { recursive: true });
    // TensorBoard reads the files in the order of their names, so a later one must sort later even if the clock went back.
    const last = Math.max(
      0,
      ...readdirSync(dir).map((n) => Number(/tfevents\.(\d{10})\./.exec(n)?.[1] ?? 0)),
    );
    const seconds = String(Math.max(Math.floor(now() / 1000), last + 1)).padStart(10, "0");
    const host = options.hostname.replace(/[^\w-]/g, "-").slice(0, 60);
    const path = join(dir, `events.out.tfevents.${seconds}.${host}.${options.pid}.${opened++}`);
    const made = openAppend(path, (fd) => fstatSync(fd).size);
    made.append(tfrecord(encodeEvent({ wallTime: now() / 1000, step: 0, what: { kind: "version" } })));
    return made;
  }

  const finish = (): void => {
    file?.sync();
    file?.close();
    file = null;
  };

  return {
    metrics(step, metrics) {
      const values = scalars(metrics);
      if (values.length > 0) write(step, { kind: "scalars", values });
    },
    samples() {},
    counts() {},
    rewind(step) {
      finish();
      write(Math.max(0, step + 1), { kind: "start" });
    },
    sync: () => file?.sync(),
    async close() {
      finish();
    },
  };
}

/** The entries that are numbers; strings and nulls have no place in a scalar chart. */
const scalars = (metrics: Metrics): [string, number][] =>
  Object.entries(metrics).filter((e): e is [string, number] => typeof e[1] === "number");
