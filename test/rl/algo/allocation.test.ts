import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { allocateRollouts } from "../../../src/rl/algo/allocation.js";

const item = fc.record({
  value: fc.double({ min: 0.001, max: 0.25, noNaN: true }),
  weight: fc.double({ min: 0.1, max: 5, noNaN: true }),
  cost: fc.double({ min: 10, max: 200, noNaN: true }),
});
const items = fc.array(item, { minLength: 1, maxLength: 40 });
const limits = { min: 4, max: 48 };

describe("rollout allocation", () => {
  it("never exceeds the token budget, and keeps to the limits", () => {
    fc.assert(
      fc.property(items, fc.double({ min: 1, max: 50_000, noNaN: true }), (xs, budget) => {
        const n = allocateRollouts(xs, { ...limits, budget });
        const spent = n.reduce((s, k, i) => s + k * xs[i]!.cost, 0);
        expect(spent).toBeLessThanOrEqual(budget + 1e-6);
        for (const k of n) expect(k === 0 || (k >= 4 && k <= 48)).toBe(true);
      }),
    );
  });

  it("is monotone in the value at equal cost and weight", () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0.001, max: 0.25, noNaN: true }), { minLength: 2, maxLength: 20 }),
        (vs) => {
          const xs = vs.map((value) => ({ value, weight: 1, cost: 100 }));
          const n = allocateRollouts(xs, { ...limits, budget: 100 * 8 * vs.length });
          for (let i = 0; i < vs.length; i++) {
            for (let j = 0; j < vs.length; j++)
              if (vs[i]! > vs[j]!) expect(n[i]).toBeGreaterThanOrEqual(n[j]!);
          }
        },
      ),
    );
  });

  it("is monotone also where values differ in the last bit", () => {
    const values = [
      0.001, 0.001, 0.2499999999999997, 0.001, 0.001, 0.001, 0.24999999999999972, 0.001, 0.0108,
    ];
    const xs = values.map((value) => ({ value, weight: 1, cost: 100 }));
    const n = allocateRollouts(xs, { ...limits, budget: 100 * 8 * xs.length });
    const close = [0.016339869281045746, 0.24999999999999986, 0.2499999999999999, 0.001, 0.001, 0.001, 0.001];
    const m = allocateRollouts(
      close.map((value) => ({ value, weight: 1, cost: 100 })),
      { ...limits, budget: 100 * 8 * close.length },
    );
    expect(m[2]).toBeGreaterThanOrEqual(m[1]!);
    expect(n[6]).toBeGreaterThanOrEqual(n[2]!);
  });

  it("does not depend on the order of the problems", () => {
    fc.assert(
      fc.property(fc.uniqueArray(item, { minLength: 2, maxLength: 20, selector: (x) => x.value }), (xs) => {
        const distinct = xs.map((x, i) => ({ ...x, cost: 50 + i }));
        const budget = 8 * distinct.reduce((s, x) => s + x.cost, 0);
        const forward = allocateRollouts(distinct, { ...limits, budget });
        const backward = allocateRollouts([...distinct].reverse(), { ...limits, budget });
        expect(backward.reverse()).toEqual(forward);
      }),
    );
  });

  it("spends more where the outcome is less certain", () => {
    const xs = [0.25, 0.05].map((value) => ({ value, weight: 1, cost: 1 }));
    const [sure, unsure] = allocateRollouts(xs, { ...limits, budget: 24 }).reverse();
    expect(unsure! / sure!).toBeCloseTo(Math.sqrt(5), 0);
  });
});
