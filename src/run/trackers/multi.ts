/**
 * Several trackers as one. A tracker that throws never stops the run: the first failure of each is reported, the rest are
 * counted.
 */

import { messageOf } from "../../core/errors.js";
import type { Tracker } from "../../core/ports.js";

/** A tracker under the name that its failures are reported by. */
export interface Named {
  readonly name: string;
  readonly tracker: Tracker;
}

export interface MultiTracker extends Tracker {
  /** Calls that failed, by tracker. */
  readonly failures: ReadonlyMap<string, number>;
}

export function multiTracker(trackers: readonly Named[], warn: (text: string) => void): MultiTracker {
  const failures = new Map<string, number>();

  function failed(name: string, error: unknown): void {
    const n = (failures.get(name) ?? 0) + 1;
    failures.set(name, n);
    if (n === 1) warn(`tracker ${name} failed and the run goes on without its records: ${messageOf(error)}`);
  }

  function each(call: (tracker: Tracker) => void): void {
    for (const { name, tracker } of trackers) {
      try {
        call(tracker);
      } catch (error) {
        failed(name, error);
      }
    }
  }

  return {
    failures,
    metrics: (step, metrics) => each((t) => t.metrics(step, metrics)),
    samples: (step, source, rows) => each((t) => t.samples(step, source, rows)),
    counts: (counts) => each((t) => t.counts(counts)),
    rewind: (step) => each((t) => t.rewind(step)),
    sync: () => each((t) => t.sync()),
    async close() {
      for (const { name, tracker } of trackers) {
        try {
          await tracker.close();
        } catch (error) {
          failed(name, error);
        }
      }
    },
  };
}
