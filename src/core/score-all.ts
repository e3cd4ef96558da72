/** Scores a stream of requests with a bound on how many are under way: the source is read no faster than that. */

import type { Rewarder, ScoreRequest } from "./ports.js";
import type { Verdict } from "./types.js";

export interface ScoreAllOptions {
  /** Requests under way at most. */
  readonly inFlight: number;
}

export interface ScoredRequest<R extends ScoreRequest> {
  readonly request: R;
  readonly verdict: Verdict;
}

/** Plain requests, or a function that makes them and stops making them when its signal aborts. */
export type RequestSource<R> = Iterable<R> | AsyncIterable<R> | ((signal: AbortSignal) => AsyncIterable<R>);

/**
 * Verdicts in the order in which they are reached. An error of the source or of a score, an abort, or leaving the loop
 * early stops everything; nothing is under way any more when the iteration has ended.
 */
export async function* scoreAll<R extends ScoreRequest>(
  rewarder: Pick<Rewarder, "score">,
  requests: RequestSource<R>,
  { inFlight }: ScoreAllOptions,
  signal: AbortSignal,
): AsyncGenerator<ScoredRequest<R>, void, undefined> {
  const stop = new AbortController();
  const either = AbortSignal.any([signal, stop.signal]);
  const done: ScoredRequest<R>[] = [];
  const under = new Set<Promise<void>>();
  let failed: { readonly error: unknown } | null = null;
  let ended = false;
  let wake: () => void = () => {};
  const change = (): void => wake();
  const changed = (): Promise<void> =>
    new Promise((resolve) => {
      wake = resolve;
    });
  const fail = (error: unknown): void => {
    failed ??= { error };
    stop.abort(error);
    change();
  };

  const start = (request: R): void => {
    const work = rewarder
      .score(request, either)
      .then((verdict) => void done.push({ request, verdict }), fail)
      .finally(() => {
        under.delete(work);
        change();
      });
    under.add(work);
  };

  /** Reads ahead of whoever takes the verdicts, as far as the bound allows. */
  const feed = async (): Promise<void> => {
    try {
      for await (const request of typeof requests === "function" ? requests(either) : requests) {
        either.throwIfAborted();
        start(request);
        // What is finished but not taken counts too, or a slow reader would be buried.
        while (under.size + done.length >= inFlight && !either.aborted) await room();
        either.throwIfAborted();
      }
    } catch (error) {
      fail(error);
    } finally {
      ended = true;
      change();
    }
  };
  let roomy: () => void = () => {};
  const room = (): Promise<void> =>
    new Promise((resolve) => {
      roomy = resolve;
    });

  either.addEventListener(
    "abort",
    () => {
      roomy();
      change();
    },
    { once: true },
  );
  const feeding = feed();
  try {
    for (;;) {
      if (either.aborted) break;
      const next = done.shift();
      if (next !== undefined) {
        roomy();
        yield next;
        continue;
      }
      if (ended && under.size === 0) break;
      await changed();
    }
  } finally {
    stop.abort(new Error("no verdict is wanted any more"));
    // A source that knows nothing of the signal may never say another word; whatever it says is not scored.
    if (typeof requests === "function") await feeding;
    await Promise.all(under);
  }
  signal.throwIfAborted();
  if (failed !== null) throw (failed as { error: unknown }).error;
}
