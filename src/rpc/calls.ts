/** The side that calls: open calls by number, their answers, aborts, and what becomes of them when the other side ends. */

import { TrainError } from "../core/errors.js";
import { type Answer, type Call, type CallTable, fromWire, type Request } from "./wire.js";

export interface Transport<T extends CallTable<T>> {
  /** Carries a message over. `transfer`: buffers that change their owner, where the carrier can do that. */
  send(message: Request<T>, transfer: readonly ArrayBuffer[]): void;
  /** Told when the first call opens and when the last one is answered: whether the carrier keeps the program alive. */
  hold?(on: boolean): void;
  /**
   * What an abort does to its call. `wait`: the other side is asked to stop, and its answer is the call's end, so that the
   * caller knows whether the work was done. `leave`: the call rejects at once, and a late answer is dropped.
   */
  readonly onAbort: "wait" | "leave";
}

export interface CallOptions<Item> {
  readonly signal?: AbortSignal | undefined;
  /** Told everything that the call streams, before it ends. */
  readonly item?: (value: Item) => void;
  readonly transfer?: readonly ArrayBuffer[];
}

/** What becomes of an open call whose other side has ended. */
export type Fate = "again" | { readonly value: unknown } | { readonly error: unknown };

export interface Calls<T extends CallTable<T>> {
  /** @throws what the other side threw, the signal's reason, or what `end` was given */
  call<N extends keyof T>(
    name: N,
    args: T[N]["args"],
    options?: CallOptions<T[N]["item"]>,
  ): Promise<T[N]["result"]>;
  /** The items of a call as they come. Leaving the loop early aborts the call. @throws as `call` does */
  stream<N extends keyof T>(
    name: N,
    args: T[N]["args"],
    signal?: AbortSignal,
  ): AsyncGenerator<T[N]["item"], void, undefined>;
  /** Takes an answer. False when its call is not open any more. */
  hear(answer: Answer): boolean;
  /** Open calls of this name, or of all. */
  open(name?: keyof T): number;
  /** The other side has ended and another one may take its place. @param decide gets a call and how often it was sent */
  lost(decide: (name: keyof T, tries: number) => Fate): void;
  /** Rejects all open calls and every later one. */
  end(error: Error): void;
}

interface Pending<T extends CallTable<T>> {
  readonly message: Call<T>;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
  readonly item: ((value: unknown) => void) | undefined;
  readonly signal: AbortSignal | undefined;
  tries: number;
}

export function makeCalls<T extends CallTable<T>>(transport: Transport<T>): Calls<T> {
  const pending = new Map<number, Pending<T>>();
  const watched = new Map<AbortSignal, { readonly ids: Set<number>; readonly listener: () => void }>();
  let nextId = 0;
  let ended: Error | null = null;

  const settle = (id: number, { signal }: Pending<T>): void => {
    pending.delete(id);
    if (pending.size === 0) transport.hold?.(false);
    if (signal === undefined) return;
    const entry = watched.get(signal);
    entry?.ids.delete(id);
    if (entry?.ids.size !== 0) return;
    signal.removeEventListener("abort", entry.listener);
    watched.delete(signal);
  };

  /** One listener a signal, however many calls it can stop: a step's signal stops thousands. */
  const watch = (signal: AbortSignal, id: number): void => {
    const entry = watched.get(signal);
    if (entry !== undefined) {
      entry.ids.add(id);
      return;
    }
    const ids = new Set([id]);
    const listener = (): void => {
      for (const stopped of [...ids]) {
        const call = pending.get(stopped);
        if (call === undefined) continue;
        transport.send({ kind: "abort", id: stopped }, []);
        if (transport.onAbort === "wait") continue;
        settle(stopped, call);
        call.reject(signal.reason);
      }
    };
    signal.addEventListener("abort", listener, { once: true });
    watched.set(signal, { ids, listener });
  };

  const calls: Calls<T> = {
    call: (name, args, { signal, item, transfer = [] } = {}) =>
      new Promise((resolve, reject) => {
        if (ended !== null) return reject(ended);
        if (signal?.aborted) return reject(signal.reason);
        const id = nextId++;
        const message = { kind: "call", id, name, args } as Call<T>;
        pending.set(id, {
          message,
          resolve,
          reject: (error) => reject(signal?.aborted && isStop(error) ? signal.reason : error),
          item: item as ((value: unknown) => void) | undefined,
          signal,
          tries: 1,
        });
        if (signal !== undefined) watch(signal, id);
        transport.send(message, transfer);
        if (pending.size === 1) transport.hold?.(true);
      }),

    stream: (name, args, signal) => streamOf(calls, name, args, signal),

    hear(answer) {
      const call = pending.get(answer.id);
      if (call === undefined) return false;
      if (answer.kind === "item") {
        call.item?.(answer.value);
        return true;
      }
      settle(answer.id, call);
      if (answer.kind === "result") call.resolve(answer.value);
      else call.reject(fromWire(answer.error));
      return true;
    },

    open(name) {
      if (name === undefined) return pending.size;
      let n = 0;
      for (const { message } of pending.values()) if (message.name === name) n++;
      return n;
    },

    lost(decide) {
      for (const [id, call] of [...pending]) {
        const fate = decide(call.message.name, call.tries);
        if (fate === "again") {
          call.tries++;
          transport.send(call.message, []);
          continue;
        }
        settle(id, call);
        if ("value" in fate) call.resolve(fate.value);
        else call.reject(fate.error);
      }
    },

    end(error) {
      ended ??= error;
      for (const [id, call] of [...pending]) {
        settle(id, call);
        call.reject(ended);
      }
    },
  };
  return calls;
}

/** The other side says that it stopped on request. */
const isStop = (error: unknown): boolean => error instanceof TrainError && error.code === "interrupted";

async function* streamOf<T extends CallTable<T>, N extends keyof T>(
  calls: Calls<T>,
  name: N,
  args: T[N]["args"],
  signal: AbortSignal | undefined,
): AsyncGenerator<T[N]["item"], void, undefined> {
  const leave = new AbortController();
  const stop = signal === undefined ? leave.signal : AbortSignal.any([signal, leave.signal]);
  const items: T[N]["item"][] = [];
  let wake: () => void = () => {};
  let ended = false;
  const item = (value: T[N]["item"]): void => {
    items.push(value);
    wake();
  };
  const done = calls.call(name, args, { signal: stop, item }).finally(() => {
    ended = true;
    wake();
  });
  done.catch(() => {}); // awaited below; this keeps an early failure from counting as unhandled
  try {
    for (;;) {
      while (items.length > 0) yield items.shift() as T[N]["item"];
      if (ended) break;
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    await done;
    signal?.throwIfAborted();
  } finally {
    if (!ended) leave.abort();
  }
}
