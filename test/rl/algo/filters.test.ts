import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { groupAdvantages } from "../../../src/rl/algo/advantages.js";
import { isKept, type KeepRule, probKept } from "../../../src/rl/algo/filters.js";

const all: KeepRule = { kind: "all" };
const mixed: KeepRule = { kind: "mixed" };
const surprising: KeepRule = { kind: "surprising", least: 0.1 };
const flat = { a: 1, b: 1 };

describe("which groups are trained on", () => {
  it("all of enough rollouts, mixed ones, or those that the estimates did not expect", () => {
    expect([isKept(4, 0, flat, all, 2), isKept(0, 1, flat, all, 2), isKept(0, 0, flat, all, 1)]).toEqual([
      true,
      false,
      false,
    ]);
    expect([
      isKept(3, 1, flat, mixed, 2),
      isKept(4, 0, flat, mixed, 2),
      isKept(0, 4, flat, mixed, 2),
    ]).toEqual([true, false, false]);
    const hard = { a: 0.1, b: 3.9 };
    expect([isKept(0, 2, hard, surprising, 1), isKept(2, 0, hard, surprising, 1)]).toEqual([false, true]);
    expect([isKept(1, 0, flat, surprising, 1), isKept(0, 1, flat, surprising, 1)]).toEqual([true, true]);
  });

  const counts = { s: fc.integer({ min: 0, max: 8 }), f: fc.integer({ min: 0, max: 8 }) };
  const beta = {
    a: fc.double({ min: 0.05, max: 30, noNaN: true }),
    b: fc.double({ min: 0.05, max: 30, noNaN: true }),
  };

  it("surprising goes by the largest advantage that the history baseline leaves", () => {
    fc.assert(
      fc.property(fc.record(counts), fc.record(beta), ({ s, f }, prior) => {
        fc.pre(s + f > 0);
        const rewards = [...new Array<number>(s).fill(1), ...new Array<number>(f).fill(0)];
        const largest = Math.max(...groupAdvantages(rewards, "history", prior).map(Math.abs));
        fc.pre(Math.abs(largest - 0.1) > 1e-9);
        const expected = s > 0 && f > 0 ? true : largest >= 0.1;
        expect(isKept(s, f, prior, surprising, 1)).toBe(expected);
      }),
    );
  });

  it("probKept is the share of the Beta-Binomial outcomes that are kept", () => {
    const logGammaRatio = (x: number, k: number): number => {
      let sum = 0;
      for (let i = 0; i < k; i++) sum += Math.log(x + i);
      return sum;
    };
    const choose = (n: number, k: number): number => {
      let c = 1;
      for (let i = 0; i < k; i++) c = (c * (n - i)) / (i + 1);
      return c;
    };
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 8 }), fc.record(beta), (n, prior) => {
        for (const rule of [all, mixed, surprising]) {
          let sum = 0;
          for (let s = 0; s <= n; s++) {
            const { a, b } = prior;
            const logP = logGammaRatio(a, s) + logGammaRatio(b, n - s) - logGammaRatio(a + b, n);
            if (isKept(s, n - s, prior, rule, 1)) sum += choose(n, s) * Math.exp(logP);
          }
          expect(probKept(prior, n, rule)).toBeCloseTo(sum, 8);
        }
      }),
    );
  });
});
