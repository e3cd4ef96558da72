/**
 * Work that several callers may want: done once, remembered when it is worth it, and given up only when all who wait for
 * it have gone.
 */

interface Live<T> {
  readonly work: Promise<T>;
  readonly controller: AbortController;
  waiters: number;
}

export interface Memo<T> {
  /** A remembered result. */
  get(key: string): T | undefined;
  /** Is that work under way? */
  busy(key: string): boolean;
  /** The remembered result, or that of the work under way, or of new work. Rejects with the reason of an own abort. */
  run(key: string, signal: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T>;
}

/** @param keep which results are remembered; the oldest go first when there are more than `size` */
export function makeMemo<T>(size: number, keep: (result: T) => boolean): Memo<T> {
  const kept = new Map<string, T>();
  const live = new Map<string, Live<T>>();

  const start = (key: string, work: (signal: AbortSignal) => Promise<T>): Live<T> => {
    const controller = new AbortController();
    const begun = work(controller.signal).then((result) => {
      if (keep(result)) {
        if (kept.size >= size) kept.delete(kept.keys().next().value!);
        kept.set(key, result);
      }
      return result;
    });
    const entry: Live<T> = { work: begun, controller, waiters: 0 };
    const clear = (): void => {
      if (live.get(key) === entry) live.delete(key);
    };
    begun.then(clear, clear);
    live.set(key, entry);
    return entry;
  };

  return {
    get: (key) => kept.get(key),
    busy: (key) => live.has(key),
    async run(key, signal, work) {
      signal.throwIfAborted();
      const known = kept.get(key);
      if (known !== undefined) return known;
      const entry = live.get(key) ?? start(key, work);
      entry.waiters++;
      try {
        return await untilAborted(entry.work, signal);
      } finally {
        if (--entry.waiters === 0 && live.get(key) === entry) {
          live.delete(key); // nobody may join work that is being given up
          entry.controller.abort(new DOMException("nobody waits for this any more", "AbortError"));
        }
      }
    },
  };
}

/** Settles as the work does, or rejects with the signal's reason as soon as that aborts. */
export function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}
