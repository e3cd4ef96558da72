/** The rewarder's thread: one rewarder, driven by messages. Its proxy is `threaded.ts`. */

import { type MessagePort, parentPort, workerData } from "node:worker_threads";
import type { Problem } from "../../core/types.js";
import { makeRewarder } from "../rewarder.js";
import {
  type CallName,
  type Calls,
  epochMs,
  type FromThread,
  OLDEST,
  RUNNING,
  type ThreadData,
  type ToThread,
  toWire,
} from "./thread-protocol.js";

const GAUGE_MS = 100;
/** Answers that follow the last ones within this time go together: waking the other thread is what they cost. */
const GATHER_MS = 10;

function serve(port: MessagePort, { settings, gauges }: ThreadData): void {
  const rewarder = makeRewarder(settings);
  const problems = new Map<number, Problem>();
  const aborts = new Map<number, AbortController>();
  const shown = new Float64Array(gauges);
  let gathered: FromThread[] = [];
  let sentAt = Number.NEGATIVE_INFINITY;
  const flush = (): void => {
    port.postMessage(gathered);
    gathered = [];
    sentAt = performance.now();
  };
  const send = (message: FromThread): void => {
    gathered.push(message);
    if (gathered.length > 1) return; // the first of them has seen to it
    const wait = sentAt + GATHER_MS - performance.now();
    if (wait <= 0) flush();
    else setTimeout(flush, wait);
  };

  const show = (): void => {
    const { running, oldestMs } = rewarder.waiting();
    shown[RUNNING] = running;
    shown[OLDEST] = running === 0 ? 0 : epochMs() - oldestMs;
  };
  setInterval(show, GAUGE_MS).unref();

  const problem = (number: number): Problem => {
    const known = problems.get(number);
    if (known === undefined) throw new Error(`problem number ${number} has not been sent`);
    return known;
  };

  const handlers: {
    [N in CallName]: (args: Calls[N]["args"], signal: AbortSignal, id: number) => Promise<Calls[N]["result"]>;
  } = {
    score: ({ problem: number, ...request }, signal) =>
      rewarder.score({ ...request, problem: problem(number) }, signal),
    prepare: ({ problems: numbers }, signal, id) =>
      rewarder.prepare(
        numbers.map(problem),
        (done, total) => send({ kind: "progress", id, done, total }),
        signal,
      ),
    explain: ({ problem: number, code }, signal) => rewarder.explain(problem(number), code, signal),
    stats: () => rewarder.stats(),
    environment: () => rewarder.environment(),
    close: async () => {
      await rewarder.close();
      return null;
    },
  };

  const answer = async (message: Extract<ToThread, { kind: "call" }>): Promise<void> => {
    const { id, name, args } = message;
    const abort = new AbortController();
    aborts.set(id, abort);
    try {
      const handler = handlers[name] as (args: unknown, signal: AbortSignal, id: number) => Promise<unknown>;
      const value = await handler(args, abort.signal, id);
      show();
      send({ kind: "result", id, value });
    } catch (thrown) {
      show();
      send({ kind: "error", id, error: toWire(thrown) });
    } finally {
      aborts.delete(id);
    }
  };

  port.on("message", (message: ToThread) => {
    if (message.kind === "call") {
      void answer(message);
    } else if (message.kind === "abort") {
      aborts.get(message.id)?.abort();
    } else {
      const { number, id, task } = message;
      problems.set(number, { id, task, prompt: [], meta: { source: "thread", split: "train" } });
    }
  });
}

if (parentPort !== null) serve(parentPort, workerData as ThreadData);
