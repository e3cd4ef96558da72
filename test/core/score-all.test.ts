/** Scoring a stream: every request once, bounded, in the order of finishing, and nothing left under way. */

import fc from "fast-check";
import { expect, it } from "vitest";
import type { ScoreRequest } from "../../src/core/ports.js";
import { scoreAll } from "../../src/core/score-all.js";
import type { Verdict } from "../../src/core/types.js";
import { seed } from "../../src/core/units.js";
import { answer, open, problem, signal } from "../reward/harness.js";

const p = problem("module top_module(input a, output y); assign y = a; endmodule");
const request = (n: number): ScoreRequest & { n: number } => ({
  problem: p,
  text: String(n),
  seed: seed(n),
  n,
});
const verdict = (log: string): Verdict => ({ kind: "infra", code: "test", retryable: false, log });
const turn = (): Promise<void> => new Promise((go) => setImmediate(go));

it("gives every request one verdict, never with more under way or waiting to be taken than allowed", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.nat(4), { maxLength: 30 }),
      fc.integer({ min: 1, max: 5 }),
      fc.nat(2),
      async (delays, inFlight, readerDelay) => {
        let under = 0;
        let read = 0;
        let taken = 0;
        let most = 0;
        const rewarder = {
          async score({ text }: ScoreRequest): Promise<Verdict> {
            most = Math.max(most, ++under);
            for (let k = 0; k < delays[Number(text)]!; k++) await turn();
            under--;
            return verdict(text);
          },
        };
        async function* source() {
          for (let n = 0; n < delays.length; n++) {
            expect(read - taken).toBeLessThanOrEqual(inFlight);
            read++;
            yield request(n);
          }
        }
        const seen: number[] = [];
        for await (const { request: r, verdict: v } of scoreAll(rewarder, source(), { inFlight }, signal())) {
          expect(v.log).toBe(r.text);
          seen.push(r.n);
          taken++;
          for (let k = 0; k < readerDelay; k++) await turn();
        }
        expect([...seen].sort((a, b) => a - b)).toEqual(delays.map((_, n) => n));
        expect(most).toBeLessThanOrEqual(inFlight);
        expect(under).toBe(0);
      },
    ),
    { numRuns: 60 },
  );
});

/** Scores that take until they are told to stop; `live` of them are under way. */
function patient(failAt: number) {
  const it = {
    live: 0,
    asked: 0,
    score: ({ text }: ScoreRequest, s: AbortSignal): Promise<Verdict> => {
      it.asked++;
      if (Number(text) === failAt) return Promise.reject(new Error("disk full"));
      it.live++;
      return new Promise((_, reject) => {
        const stop = (): void => {
          it.live--;
          reject(s.reason);
        };
        if (s.aborted) stop();
        else s.addEventListener("abort", stop, { once: true });
      });
    },
  };
  return it;
}

async function drain(it: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of it);
}

it("the first error stops everything, a source that waits included", async () => {
  const rewarder = patient(3);
  let stopped = false;
  async function* source(stop: AbortSignal) {
    for (let n = 0; n < 4; n++) yield request(n);
    await new Promise<void>((go) => stop.addEventListener("abort", () => go(), { once: true }));
    stopped = true;
  }
  await expect(drain(scoreAll(rewarder, source, { inFlight: 8 }, signal()))).rejects.toThrow("disk full");
  expect([stopped, rewarder.live, rewarder.asked]).toEqual([true, 0, 4]);
});

it("an error of the source stops the scores", async () => {
  const rewarder = patient(-1);
  async function* source() {
    yield request(0);
    yield request(1);
    throw new Error("no more");
  }
  await expect(drain(scoreAll(rewarder, source(), { inFlight: 8 }, signal()))).rejects.toThrow("no more");
  expect([rewarder.live, rewarder.asked]).toEqual([0, 2]);
});

it("an abort ends it with its reason, also while a source that knows nothing of it is silent", async () => {
  const rewarder = patient(-1);
  const abort = new AbortController();
  async function* source() {
    yield request(0);
    await new Promise(() => {});
  }
  const ended = drain(scoreAll(rewarder, source(), { inFlight: 8 }, abort.signal));
  await turn();
  abort.abort(new Error("enough"));
  await expect(ended).rejects.toThrow("enough");
  expect(rewarder.live).toBe(0);
});

it("leaving the loop stops what is under way", async () => {
  const rewarder = patient(-1);
  const first = {
    score: (r: ScoreRequest, s: AbortSignal) =>
      r.text === "0" ? Promise.resolve(verdict("0")) : rewarder.score(r, s),
  };
  for await (const { verdict: v } of scoreAll(first, [0, 1, 2].map(request), { inFlight: 3 }, signal())) {
    expect(v.log).toBe("0");
    break;
  }
  expect([rewarder.asked > 0, rewarder.live]).toEqual([true, 0]);
});

it("scores designs with the real tools", async () => {
  const bench = open();
  try {
    const codes = Array.from({ length: 12 }, (_, k) =>
      answer(
        `module top_module(input a, output y); assign y = ${k % 2 === 0 ? "a" : "~a"} /* ${k} */ & 1'b${k % 3 === 0 ? 1 : 0}; endmodule`,
      ),
    );
    const requests = codes.map((text, n) => ({ problem: p, text, seed: seed(n), n }));
    const passed: number[] = [];
    for await (const { request: r, verdict: v } of scoreAll(
      bench.rewarder,
      requests,
      { inFlight: 3 },
      signal(),
    ))
      if (v.kind === "scored" && v.passed) passed.push(r.n);
    expect(passed.sort((a, b) => a - b)).toEqual([0, 6]);
  } finally {
    await bench.close();
  }
});
