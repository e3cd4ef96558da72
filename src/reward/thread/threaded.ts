/**
 * The rewarder in a thread of its own, so that a verdict costs the main thread two messages. A thread that dies is
 * replaced; what it was working on is tried once more and then given back as `infra`.
 */

import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { Worker, type WorkerOptions } from "node:worker_threads";
import { TrainError } from "../../core/errors.js";
import type { Problem, Verdict } from "../../core/types.js";
import type { SimulatorRewarder } from "../rewarder.js";
import type { RewarderSettings } from "../settings.js";
import {
  type CallName,
  type Calls,
  epochMs,
  type FromThread,
  fromWire,
  GAUGE_BYTES,
  OLDEST,
  RUNNING,
  type ThreadData,
  type ToThread,
} from "./thread-protocol.js";

/** Threads that die one after the other without a single answer, before nothing is tried any more. */
const MAX_DEATHS = 3;
/** How often one call is handed to a thread. */
const MAX_TRIES = 2;

interface Pending {
  readonly call: Extract<ToThread, { kind: "call" }>;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
  readonly progress: ((done: number, total: number) => void) | undefined;
  readonly signal: AbortSignal | undefined;
  tries: number;
}

interface Sent {
  readonly number: number;
  readonly problem: Problem;
}

/** @param start how the thread is started; another one in tests */
export function makeThreadedRewarder(
  settings: RewarderSettings,
  start: (data: ThreadData) => Worker = startThread,
): SimulatorRewarder {
  const gauges = new SharedArrayBuffer(GAUGE_BYTES);
  const shown = new Float64Array(gauges);
  const pending = new Map<number, Pending>();
  const known = new Map<string, Sent>();
  const aborting = new Map<AbortSignal, { readonly ids: Set<number>; readonly listener: () => void }>();
  let worker: Worker | null = null;
  let nextId = 0;
  let nextProblem = 0;
  let deaths = 0;
  let closed: Promise<void> | null = null;
  let lastDeath = "";

  const lost = (): TrainError =>
    new TrainError("worker", `the rewarder's thread ended ${deaths} times without an answer: ${lastDeath}`, {
      hint: "look at the memory that is free (train doctor); lower reward.concurrency",
    });

  const send = (message: ToThread): void => running().postMessage(message);

  /** The thread, started when it is needed, with every problem that it has to know. */
  const running = (): Worker => {
    if (worker !== null) return worker;
    shown.fill(0);
    const fresh = start({ settings, gauges });
    worker = fresh;
    let died = false;
    const die = (how: string): void => {
      if (died) return;
      died = true;
      if (worker === fresh) worker = null;
      if (closed === null) recover(how);
    };
    fresh.on("message", (messages: readonly FromThread[]) => messages.forEach(hear));
    fresh.on("error", (error) => die(error.message));
    fresh.on("exit", (code) => die(`exit code ${code}`));
    for (const { number, problem } of known.values())
      fresh.postMessage({ kind: "problem", number, id: problem.id, task: problem.task });
    if (pending.size === 0) fresh.unref();
    return fresh;
  };

  const hear = (message: FromThread): void => {
    const entry = pending.get(message.id);
    if (entry === undefined) return; // given up meanwhile
    deaths = 0;
    if (message.kind === "progress") {
      entry.progress?.(message.done, message.total);
      return;
    }
    settle(message.id, entry);
    if (message.kind === "result") entry.resolve(message.value);
    else entry.reject(fromWire(message.error));
  };

  const settle = (id: number, { signal }: Pending): void => {
    pending.delete(id);
    if (pending.size === 0) worker?.unref();
    if (signal === undefined) return;
    const entry = aborting.get(signal);
    entry?.ids.delete(id);
    if (entry?.ids.size !== 0) return;
    signal.removeEventListener("abort", entry.listener);
    aborting.delete(signal);
  };

  const recover = (how: string): void => {
    deaths++;
    lastDeath = how;
    for (const [id, entry] of [...pending]) {
      if (deaths < MAX_DEATHS && entry.tries < MAX_TRIES) {
        entry.tries++;
        send(entry.call);
        worker?.ref();
        continue;
      }
      settle(id, entry);
      if (entry.call.name === "score") entry.resolve(infraOf(how));
      else entry.reject(lost());
    }
  };

  /** One listener a signal, however many calls it can stop. */
  const watch = (signal: AbortSignal, id: number): void => {
    const entry = aborting.get(signal);
    if (entry !== undefined) {
      entry.ids.add(id);
      return;
    }
    const ids = new Set([id]);
    const listener = (): void => {
      aborting.delete(signal);
      for (const stopped of ids) {
        const call = pending.get(stopped);
        pending.delete(stopped);
        worker?.postMessage({ kind: "abort", id: stopped } satisfies ToThread);
        call?.reject(signal.reason);
      }
      if (pending.size === 0) worker?.unref();
    };
    signal.addEventListener("abort", listener, { once: true });
    aborting.set(signal, { ids, listener });
  };

  const call = <N extends CallName>(
    name: N,
    args: Calls[N]["args"],
    signal?: AbortSignal,
    progress?: Pending["progress"],
  ): Promise<Calls[N]["result"]> =>
    new Promise<Calls[N]["result"]>((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      if (closed !== null) return reject(new TrainError("worker", "the rewarder is closed"));
      const id = nextId++;
      const message = { kind: "call", id, name, args } as Extract<ToThread, { kind: "call" }>;
      pending.set(id, {
        call: message,
        resolve: resolve as (value: unknown) => void,
        reject,
        progress,
        signal,
        tries: 1,
      });
      if (signal !== undefined) watch(signal, id);
      send(message);
      worker?.ref();
    });

  /** The thread's number for a problem; its golden crosses once. */
  const numberOf = (problem: Problem): number => {
    const sent = known.get(problem.id);
    const { golden, top } = problem.task;
    if (sent !== undefined && sent.problem.task.golden === golden && sent.problem.task.top === top)
      return sent.number;
    const fresh = { number: nextProblem++, problem };
    send({ kind: "problem", number: fresh.number, id: problem.id, task: { golden, top } });
    known.set(problem.id, fresh);
    return fresh.number;
  };

  const alive = (): void => {
    if (deaths >= MAX_DEATHS) throw lost();
  };

  return {
    async prepare(problems, progress, signal) {
      alive();
      return call("prepare", { problems: problems.map(numberOf) }, signal, progress);
    },
    async score({ problem, text, seed, tier }, signal): Promise<Verdict> {
      signal.throwIfAborted();
      if (deaths >= MAX_DEATHS) return infraOf(lastDeath);
      return call("score", { problem: numberOf(problem), text, seed, tier: tier ?? "sim" }, signal);
    },
    async explain(problem, code, signal) {
      alive();
      return call("explain", { problem: numberOf(problem), code }, signal);
    },
    waiting() {
      const oldest = shown[OLDEST]!;
      const running = shown[RUNNING]!;
      let scores = 0;
      for (const p of pending.values()) if (p.call.name === "score") scores++;
      return {
        queued: Math.max(0, scores - running),
        running,
        oldestMs: oldest === 0 ? 0 : Math.max(0, epochMs() - oldest),
      };
    },
    async stats() {
      alive();
      return call("stats", null);
    },
    async environment() {
      alive();
      return call("environment", null);
    },
    close() {
      closed ??= (async () => {
        const last = worker;
        if (last === null) return;
        const ended = call("close", null).catch(() => {});
        await ended;
        await last.terminate();
        for (const [id, entry] of [...pending]) {
          settle(id, entry);
          entry.reject(new TrainError("worker", "the rewarder is closed"));
        }
      })();
      return closed;
    },
  };
}

const infraOf = (how: string): Verdict => ({
  kind: "infra",
  code: "thread",
  retryable: true,
  log: `the rewarder's thread ended while it worked on this: ${how}`,
});

/** The built thread's file is beside this one; run from source, it needs tsx, which a thread does not inherit. */
export function startThread(data: ThreadData): Worker {
  const options: WorkerOptions = { workerData: data, execArgv: [] };
  if (!import.meta.url.endsWith(".ts"))
    return new Worker(new URL("./thread-entry.js", import.meta.url), options);
  const tsx = dirname(createRequire(import.meta.url).resolve("tsx/package.json"));
  const loader = pathToFileURL(join(tsx, "dist/esm/api/index.mjs")).href;
  const entry = new URL("./thread-entry.ts", import.meta.url).href;
  const source = `import("${loader}").then(({ register }) => { register(); return import("${entry}"); })`;
  return new Worker(source, { ...options, eval: true });
}
