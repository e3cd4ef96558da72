/**
 * The rewarder in a process of its own, so that a verdict costs the main thread two messages and programs are started by a
 * small process. A process that dies is replaced; what it was working on is tried once more and then given back as
 * `infra`.
 */

import { TrainError } from "../../core/errors.js";
import type { Problem, Verdict } from "../../core/types.js";
import { makeCalls } from "../../rpc/calls.js";
import type { SimulatorRewarder } from "../rewarder.js";
import type { RewarderSettings } from "../settings.js";
import { type Child, startChild } from "./child.js";
import {
  epochMs,
  type FromProcess,
  type Gauges,
  type RewardCalls,
  type ToProcess,
} from "./process-protocol.js";

/** Processes that die one after the other without a single answer, before nothing is tried any more. */
const MAX_DEATHS = 3;
/** How often one call is handed to a process. */
const MAX_TRIES = 2;

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
  const known = new Map<string, Sent>();
  let child: Child | null = null;
  let nextProblem = 0;
  let deaths = 0;
  let closed: Promise<void> | null = null;
  let lastDeath = "";

  const lost = (): TrainError =>
    new TrainError("worker", `the rewarder's process ended ${deaths} times without an answer: ${lastDeath}`, {
      hint: "look at the memory that is free (train doctor); lower reward.concurrency",
    });

  const calls = makeCalls<RewardCalls>({
    send: (message) => {
      // An abort is for a process that works on the call; it starts none.
      if (message.kind === "abort") child?.send(message);
      else running().send(message);
    },
    hold: (on) => child?.hold(on),
    onAbort: "leave",
  });

  /** The process, started when it is needed, with every problem that it has to know. */
  const running = (): Child => {
    if (child !== null) return child;
    shown = IDLE;
    const fresh = start();
    child = fresh;
    fresh.onEnd((how) => {
      if (child === fresh) child = null;
      if (closed === null) recover(how);
      else calls.end(isClosed());
    });
    fresh.onMessage((message) => {
      const { answers, gauges } = message as FromProcess;
      shown = gauges;
      for (const answer of answers) if (calls.hear(answer)) deaths = 0;
    });
    fresh.send({ kind: "settings", settings } satisfies ToProcess);
    for (const { number, problem } of known.values())
      fresh.send({ kind: "problem", number, id: problem.id, task: problem.task } satisfies ToProcess);
    if (calls.open() === 0) fresh.hold(false);
    return fresh;
  };

  const recover = (how: string): void => {
    deaths++;
    lastDeath = how;
    calls.lost((name, tries) => {
      if (deaths < MAX_DEATHS && tries < MAX_TRIES) return "again";
      return name === "score" ? { value: infraOf(how) } : { error: lost() };
    });
  };

  const call: typeof calls.call = (name, args, options) =>
    closed === null ? calls.call(name, args, options) : Promise.reject(isClosed());

  /** The process's number for a problem; its golden crosses once. */
  const numberOf = (problem: Problem): number => {
    const sent = known.get(problem.id);
    const { golden, top } = problem.task;
    if (sent !== undefined && sent.problem.task.golden === golden && sent.problem.task.top === top)
      return sent.number;
    const fresh = { number: nextProblem++, problem };
    running().send({
      kind: "problem",
      number: fresh.number,
      id: problem.id,
      task: { golden, top },
    } satisfies ToProcess);
    known.set(problem.id, fresh);
    return fresh.number;
  };

  const alive = (): void => {
    if (deaths >= MAX_DEATHS) throw lost();
  };

  return {
    async prepare(problems, progress, signal) {
      alive();
      const args = { problems: problems.map(numberOf) };
      return call("prepare", args, { signal, item: ({ done, total }) => progress(done, total) });
    },
    async score({ problem, text, seed, tier }, signal): Promise<Verdict> {
      signal.throwIfAborted();
      if (deaths >= MAX_DEATHS) return infraOf(lastDeath);
      return call("score", { problem: numberOf(problem), text, seed, tier: tier ?? "sim" }, { signal });
    },
    async explain(problem, code, signal) {
      alive();
      return call("explain", { problem: numberOf(problem), code }, { signal });
    },
    waiting() {
      const { oldest, running } = shown;
      return {
        queued: Math.max(0, calls.open("score") - running),
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
        await calls.call("close", null).catch(() => {});
        await last.kill();
        calls.end(isClosed());
      })();
      return closed;
    },
  };
}

const isClosed = (): TrainError => new TrainError("worker", "the rewarder is closed");

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
