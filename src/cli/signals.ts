/**
 * Signals of a running stage. The first SIGINT, SIGTERM or SIGHUP asks it to finish its micro-step, save and leave; the
 * second leaves at once. SIGUSR2 asks for a checkpoint and goes on (not SIGUSR1: Node keeps that for its debugger).
 */

import { constants } from "node:os";

/** The part of `process` that is needed here. */
export interface SignalSource {
  on(signal: NodeJS.Signals, listener: () => void): unknown;
  off(signal: NodeJS.Signals, listener: () => void): unknown;
}

export interface Signals {
  readonly stop: AbortSignal;
  /** True once for each SIGUSR2. */
  saveRequested(): boolean;
  /** The signal that asked to stop. */
  stoppedBy(): NodeJS.Signals | null;
  close(): void;
}

/** Wrappers such as npm pass on a signal that the terminal has already sent: a second one this soon is the same one. */
const SAME_MS = 250;

/** Listens until it is closed. `now` is in milliseconds; `say` tells the user what a signal has done. */
export function watchSignals(options: {
  readonly source: SignalSource;
  readonly now: () => number;
  readonly say: (text: string) => void;
  /** Ends the process at once, children included. */
  readonly leave: (exitCode: number) => void;
}): Signals {
  const controller = new AbortController();
  let first: { signal: NodeJS.Signals; at: number } | null = null;
  let saves = 0;

  const onStop = (signal: NodeJS.Signals) => (): void => {
    if (first === null) {
      first = { signal, at: options.now() };
      options.say("stopping after this micro-step; press again to leave at once");
      controller.abort(signal);
    } else if (options.now() - first.at >= SAME_MS) {
      options.say("leaving at once; the last checkpoint stays");
      options.leave(128 + constants.signals[signal]);
    }
  };
  const listeners: [NodeJS.Signals, () => void][] = [
    ["SIGINT", onStop("SIGINT")],
    ["SIGTERM", onStop("SIGTERM")],
    ["SIGHUP", onStop("SIGHUP")],
    [
      "SIGUSR2",
      () => {
        saves++;
        options.say("saving at the end of this step");
      },
    ],
  ];
  for (const [signal, listener] of listeners) options.source.on(signal, listener);
  return {
    stop: controller.signal,
    saveRequested: () => {
      if (saves === 0) return false;
      saves--;
      return true;
    },
    stoppedBy: () => first?.signal ?? null,
    close: () => {
      for (const [signal, listener] of listeners) options.source.off(signal, listener);
    },
  };
}
