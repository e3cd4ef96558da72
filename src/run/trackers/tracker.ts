/** Trackers that live in a run directory. */

import type { Tracker } from "../../core/ports.js";

export interface RunTracker extends Tracker {
  /** Makes everything recorded so far durable: called just before a checkpoint counts. */
  sync(): void;
}
