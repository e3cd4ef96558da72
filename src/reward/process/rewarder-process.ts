/**
 * The rewarder in a process of its own, so that a verdict costs the main thread two messages and programs are started by a
 * small process. A process that dies is replaced; what it was working on is tried once more and then given back as
 * `infra`.
 */

import { TrainError } from "../../core/errors.js";
import type { Problem, Verdict } from "../../core/types.js";
import type { SimulatorRewarder } from "../rewarder.js";
import type { RewarderSettings } from "../settings.js";
import { type Child, startChild } from "./child.js";
import {
  type Answer,
  type CallName,
  type Calls,
  epochMs,
  type FromProcess,
  fromWire,
  type Gauges,
  type ToProcess,
} from "./process-protocol.js";

/** Processes that die one after the other without a single answer, before nothing is tried any more. */
const MAX_DEATHS = 3;
/** How often one call is handed to a process. */
const MAX_TRIES = 2;

interface Pending {
  readonly call: Extract<ToProcess, { kind: "call" }>;
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

const IDLE: Gauges = { running: 0, oldest: 0 };

/** @param start how the process is started; another one in tests */
export function makeRewarderProcess(
  settings: RewarderSettings,
  start: () => Child = startRewarder,
): SimulatorRewarder {
  let shown = IDLE;
  const pending = new Map<number, Pending>();
  const known = new Map<string, Sent>();
  const aborting = new Map<AbortSignal, { readonly ids: Set<number>; readonly listener: () => void }>();
  let child: Child | null = null;
  let nextId = 0;
  let nextProblem = 0;
  let deaths = 0;
  let closed: Promise<void> | null = null;
  let lastDeath = "";

  const lost = (): TrainError =>
    new TrainError("worker", `the rewarder's process ended ${deaths} times without an answer: ${lastDeath}`, {
      hint: "look at the memory that is free (train doctor); lower reward.concurrency",
    });

  const send = (message: ToProcess): void => running().send(message);

  /** The process, started when it is needed, with every problem that it has to know. */
  const running = (): Child => {
    if (child !== null) return child;
    shown = IDLE;
    const fresh = start();
    child = fresh;
    fresh.onEnd((how) => {
      if (child === fresh) child = null;
      if (closed === null) recover(how);
      else abandon();
    });
    fresh.onMessage((message) => {
      const { answers, gauges } = message as FromProcess;
      shown = gauges;
      answers.forEach(hear);
    });
    fresh.send({ kind: "settings", settings } satisfies ToProcess);
    for (const { number, problem } of known.values())
      fresh.send({ kind: "problem", number, id: problem.id, task: problem.task } satisfies ToProcess);
    if (pending.size === 0) fresh.hold(false);
    return fresh;
  };

  const hear = (message: Answer): void => {
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
    if (pending.size === 0) child?.hold(false);
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
        child?.hold(true);
        continue;
      }
      settle(id, entry);
      if (entry.call.name === "score") entry.resolve(infraOf(how));
      else entry.reject(lost());
    }
  };

  /** Nothing answers any more. */
  const abandon = (): void => {
    for (const [id, entry] of [...pending]) {
      settle(id, entry);
      entry.reject(new TrainError("worker", "the rewarder is closed"));
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
        child?.send({ kind: "abort", id: stopped } satisfies ToProcess);
        call?.reject(signal.reason);
      }
      if (pending.size === 0) child?.hold(false);
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
      const message = { kind: "call", id, name, args } as Extract<ToProcess, { kind: "call" }>;
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
      child?.hold(true);
    });

  /** The process's number for a problem; its golden crosses once. */
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
      const { oldest, running } = shown;
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
        const last = child;
        if (last === null) return;
        await call("close", null).catch(() => {});
        await last.kill();
        abandon();
      })();
      return closed;
    },
  };
}

const infraOf = (how: string): Verdict => ({
  kind: "infra",
  code: "process",
  retryable: true,
  log: `the rewarder's process ended while it worked on this: ${how}`,
});

/** The entry is beside this file, built or as source. */
export const startRewarder = (): Child =>
  startChild(
    new URL(import.meta.url.endsWith(".ts") ? "./process-entry.ts" : "./process-entry.js", import.meta.url),
  );
