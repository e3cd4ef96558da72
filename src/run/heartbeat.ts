/** After `seconds` of silence, one line that says what is waited for; then after twice as long, up to ten minutes. */

import { compactDuration } from "../core/format.js";
import type { Clock, Reporter } from "../core/ports.js";

export interface Heartbeat {
  /** Something was said or done: the silence starts again. */
  beat(): void;
  stop(): void;
}

const LONGEST_MS = 600_000;

export function startHeartbeat(options: {
  readonly clock: Clock;
  readonly reporter: Reporter;
  readonly seconds: number;
  /** For example `sampling: 120 of 256 rollouts done, oldest reward 3 s`. */
  readonly describe: () => string;
}): Heartbeat {
  const { clock, reporter, describe } = options;
  const first = options.seconds * 1000;
  const stopped = new AbortController();
  let since = clock.now();
  let wait = first;

  const watch = async (): Promise<void> => {
    let due = since + wait;
    while (!stopped.signal.aborted) {
      // Short sleeps, so that the silence after a long one is noticed in time too.
      await clock.sleep(Math.max(1, Math.min(due - clock.now(), first / 3)), stopped.signal);
      if (stopped.signal.aborted) return;
      if (clock.now() >= since + wait) {
        reporter.line(`still working, ${compactDuration((clock.now() - since) / 1000)}: ${describe()}`);
        wait = Math.min(wait * 2, Math.max(first, LONGEST_MS));
      }
      due = since + wait;
    }
  };
  // A sleep may end by rejecting when it is aborted; that is how the watch ends.
  watch().catch((error) => {
    if (!stopped.signal.aborted) reporter.warn(`the heartbeat stopped: ${String(error)}`);
  });

  return {
    beat() {
      since = clock.now();
      wait = first;
    },
    stop: () => stopped.abort(),
  };
}
