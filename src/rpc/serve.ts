/** The side that is called: runs handlers, streams what they say on the way, and passes on what they throw. */

import { type Answer, type CallTable, type Request, toWire } from "./wire.js";

export interface CallContext<Item> {
  /** Aborts when the caller gives the call up. */
  readonly signal: AbortSignal;
  /** Streams a value to the caller. */
  readonly item: (value: Item) => void;
}

export type Handlers<T extends CallTable<T>> = {
  readonly [N in keyof T]: (
    args: T[N]["args"],
    context: CallContext<T[N]["item"]>,
  ) => T[N]["result"] | Promise<T[N]["result"]>;
};

export interface ServeOptions {
  /** True: one call after another, in the order of their arrival; false: all at once. */
  readonly inOrder: boolean;
  /** Makes what is thrown into what the caller sees; default: as it is. */
  readonly failure?: (thrown: unknown) => unknown;
}

/** @param handlers may still be on their way; when they fail to come, every call fails with the reason */
export function serveCalls<T extends CallTable<T>>(
  handlers: Handlers<T> | Promise<Handlers<T>>,
  send: (answer: Answer) => void,
  { inOrder, failure = (thrown) => thrown }: ServeOptions,
): (request: Request<T>) => void {
  const aborts = new Map<number, AbortController>();
  let queue: Promise<void> = Promise.resolve();

  const answer = async (
    request: Extract<Request<T>, { kind: "call" }>,
    signal: AbortSignal,
  ): Promise<void> => {
    const { id, name, args } = request;
    try {
      const item = (value: unknown): void => send({ kind: "item", id, value });
      const value = await (await handlers)[name](args, { signal, item });
      send({ kind: "result", id, value });
    } catch (thrown) {
      send({ kind: "error", id, error: toWire(failure(thrown)) });
    } finally {
      aborts.delete(id);
    }
  };

  return (request) => {
    if (request.kind === "abort") {
      aborts.get(request.id)?.abort();
      return;
    }
    const abort = new AbortController();
    aborts.set(request.id, abort);
    if (inOrder) queue = queue.then(() => answer(request, abort.signal));
    else void answer(request, abort.signal);
  };
}
