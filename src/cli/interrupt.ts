/** Commands that end when they are told to, their working files removed. */

import type { constants } from "node:os";
import { TrainError } from "../core/errors.js";

/** Runs `work`; Ctrl-C and SIGTERM abort its signal. @throws TrainError interrupted */
export async function interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const stop = (): void => controller.abort(new TrainError("interrupted", "stopped by hand"));
  const signals = [
    "SIGINT",
    "SIGTERM",
    "SIGHUP",
  ] as const satisfies readonly (keyof typeof constants.signals)[];
  for (const s of signals) process.once(s, stop);
  try {
    return await work(controller.signal);
  } catch (error) {
    throw controller.signal.aborted ? controller.signal.reason : error;
  } finally {
    for (const s of signals) process.off(s, stop);
  }
}
