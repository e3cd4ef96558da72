import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  expectedVariance,
  logGamma,
  prefixForCount,
  probAbove,
  probMixed,
} from "../../../src/rl/algo/beta.js";

describe("beta distribution", () => {
  it("logGamma gives factorials and Gamma(1/2)", () => {
    expect(logGamma(6)).toBeCloseTo(Math.log(120), 10);
    expect(logGamma(0.5)).toBeCloseTo(Math.log(Math.sqrt(Math.PI)), 10);
  });

  it("probMixed of a uniform p is (N - 1) / (N + 1)", () => {
    // Integral of 1 - p^N - (1-p)^N over [0, 1].
    for (const n of [2, 4, 8, 48]) expect(probMixed(1, 1, n)).toBeCloseTo((n - 1) / (n + 1), 9);
    expect(probMixed(1, 1, 1)).toBe(0);
  });

  it("expectedVariance of a uniform p is 1/6", () => {
    expect(expectedVariance(1, 1)).toBeCloseTo(1 / 6, 12);
  });

  it("probAbove matches closed forms and numeric integration", () => {
    expect(probAbove(9, 1, 0.9)).toBeCloseTo(1 - 0.9 ** 9, 9);
    expect(probAbove(1, 4, 0.2)).toBeCloseTo(0.8 ** 4, 9);
    const [a, b, x] = [3.5, 2.25, 0.6];
    let above = 0;
    let all = 0;
    for (let i = 0; i < 200_000; i++) {
      const p = (i + 0.5) / 200_000;
      const f = p ** (a - 1) * (1 - p) ** (b - 1);
      all += f;
      if (p > x) above += f;
    }
    expect(probAbove(a, b, x)).toBeCloseTo(above / all, 5);
  });

  it("prefixForCount is the smallest prefix that reaches the confidence", () => {
    const probabilities = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), {
      minLength: 1,
      maxLength: 9,
    });
    fc.assert(
      fc.property(probabilities, fc.integer({ min: 1, max: 4 }), (ps, needed) => {
        const reach = (k: number): number => {
          let total = 0;
          for (let mask = 0; mask < 1 << k; mask++) {
            let q = 1;
            let hits = 0;
            for (let i = 0; i < k; i++) {
              const hit = (mask >> i) & 1;
              q *= hit === 1 ? ps[i]! : 1 - ps[i]!;
              hits += hit;
            }
            if (hits >= needed) total += q;
          }
          return total;
        };
        const k = prefixForCount(ps, needed, 0.9);
        if (k < ps.length) expect(reach(k)).toBeGreaterThanOrEqual(0.9 - 1e-9);
        expect(reach(k - 1)).toBeLessThan(0.9 + 1e-9);
      }),
      { numRuns: 60 },
    );
  });
});
