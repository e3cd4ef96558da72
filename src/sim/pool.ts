/** A bounded number of things at once, first come first served, and what can wait after everything else. */

export interface Pool {
  /** @param later runs only when nothing else is in line */
  run<T>(task: () => Promise<T>, later?: boolean): Promise<T>;
  waiting(): { readonly queued: number; readonly running: number; readonly oldestMs: number };
}

export function makePool(concurrency: number, now: () => number): Pool {
  const queue: (() => void)[] = [];
  const patient: (() => void)[] = [];
  const started = new Map<number, number>();
  let serial = 0;
  let running = 0;

  const run = async <T>(task: () => Promise<T>, later = false): Promise<T> => {
    if (running >= concurrency) await new Promise<void>((go) => (later ? patient : queue).push(go));
    else running++;
    const id = serial++;
    started.set(id, now());
    try {
      return await task();
    } finally {
      started.delete(id);
      // The slot passes straight to the next in line.
      const next = queue.shift() ?? patient.shift();
      if (next === undefined) running--;
      else next();
    }
  };

  const waiting = () => {
    const first = started.values().next();
    return { queued: queue.length + patient.length, running, oldestMs: first.done ? 0 : now() - first.value };
  };
  return { run, waiting };
}
