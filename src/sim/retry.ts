/** Failures of the machinery are tried again with growing pauses: 50 ms, 250 ms, 1.25 s … */

/** @param again may the work be tried once more after this result? */
export async function withRetries<T>(
  retries: number,
  signal: AbortSignal,
  work: () => Promise<T>,
  again: (result: T) => boolean,
): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    const result = await work();
    if (attempt >= retries || !again(result)) return result;
    await pause(50 * 5 ** attempt, signal);
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", abort);
      resolve();
    }, ms);
    const abort = (): void => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    signal.addEventListener("abort", abort, { once: true });
  });
}
