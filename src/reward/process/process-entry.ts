/** The rewarder's process: one rewarder, driven by messages. Its proxy is `rewarder-process.ts`. */

import type { Problem } from "../../core/types.js";
import { serveCalls } from "../../rpc/serve.js";
import type { Answer } from "../../rpc/wire.js";
import { makeRewarder } from "../rewarder.js";
import type { RewarderSettings } from "../settings.js";
import {
  epochMs,
  type FromProcess,
  type Gauges,
  type RewardCalls,
  type ToProcess,
} from "./process-protocol.js";

const GAUGE_MS = 100;
/** Answers that follow the last ones within this time go together, because waking the other process is what is expensive. */
const GATHER_MS = 10;

function serve(settings: RewarderSettings): (message: ToProcess) => void {
  const rewarder = makeRewarder(settings);
  const problems = new Map<number, Problem>();
  let gathered: Answer[] = [];
  let sentAt = Number.NEGATIVE_INFINITY;
  let shown: Gauges = { running: 0, oldest: 0 };

  const gauges = (): Gauges => {
    const { running, oldestMs } = rewarder.waiting();
    return { running, oldest: running === 0 ? 0 : epochMs() - oldestMs };
  };
  const flush = (): void => {
    shown = gauges();
    const message: FromProcess = { answers: gathered, gauges: shown };
    gathered = [];
    sentAt = performance.now();
    // Where the other side has just ended, `disconnect` follows.
    if (process.connected) process.send?.(message, undefined, undefined, () => {});
  };
  const send = (message: Answer): void => {
    gathered.push(message);
    if (gathered.length > 1) return; // the first of them has scheduled the flush
    const wait = sentAt + GATHER_MS - performance.now();
    if (wait <= 0) flush();
    else setTimeout(flush, wait);
  };
  setInterval(() => {
    const { running, oldest } = gauges();
    // The oldest job's beginning is found by subtraction: not to the millisecond.
    if (running !== shown.running || Math.abs(oldest - shown.oldest) > GAUGE_MS) flush();
  }, GAUGE_MS).unref();

  const problem = (number: number): Problem => {
    const known = problems.get(number);
    if (known === undefined) throw new Error(`problem number ${number} has not been sent`);
    return known;
  };

  const take = serveCalls<RewardCalls>(
    {
      score: ({ problem: number, ...request }, { signal }) =>
        rewarder.score({ ...request, problem: problem(number) }, signal),
      prepare: ({ problems: numbers }, { signal, item }) =>
        rewarder.prepare(numbers.map(problem), (done, total) => item({ done, total }), signal),
      explain: ({ problem: number, code }, { signal }) => rewarder.explain(problem(number), code, signal),
      stats: () => rewarder.stats(),
      environment: () => rewarder.environment(),
      close: async () => {
        await rewarder.close();
        return null;
      },
    },
    send,
    { inOrder: false },
  );

  return (message) => {
    if (message.kind === "problem") {
      const { number, id, task } = message;
      problems.set(number, { id, task, prompt: [], meta: { source: "process", split: "train" } });
    } else if (message.kind !== "settings") {
      take(message);
    }
  };
}

// The program decides when this process ends: a signal to the whole group (Ctrl-C, a job's end) is the program's to handle.
for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(name, () => {});
// The program has ended, perhaps by kill -9; this process ends too, with everything that it has started.
process.on("disconnect", () => process.exit());

let take: ((message: ToProcess) => void) | null = null;
process.on("message", (messages: readonly ToProcess[]) => {
  for (const message of messages) {
    if (message.kind === "settings") take = serve(message.settings);
    else take?.(message);
  }
});
