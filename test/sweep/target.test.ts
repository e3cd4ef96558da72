import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { makeRng } from "../../src/core/rng.js";
import type { CurvePoint } from "../../src/sweep/curves.js";
import { tInterval } from "../../src/sweep/leaderboard.js";
import { firstReach, meanCurve, tokensToTarget, valueAt } from "../../src/sweep/target.js";

const points = (curve: readonly (readonly [number, number])[]): CurvePoint[] =>
  curve.map(([tokens, pass1], i) => ({ step: i, tokens, seconds: i, pass1, byProblem: new Map() }));
const request = { target: null, resamples: 500, rng: makeRng("t") };

describe("tokens to target", () => {
  it("finds the first crossing between evaluations", () => {
    expect(
      firstReach(
        [
          [0, 0.2],
          [100, 0.4],
          [200, 0.3],
          [300, 0.6],
        ],
        0.35,
      ),
    ).toBeCloseTo(75);
    expect(
      firstReach(
        [
          [0, 0.2],
          [100, 0.4],
        ],
        0.5,
      ),
    ).toBeNull();
    expect(
      firstReach(
        [
          [0, 0.5],
          [100, 0.4],
        ],
        0.5,
      ),
    ).toBe(0);
  });

  it("averages curves only as far as every seed got", () => {
    const mid = meanCurve([
      [
        [0, 0],
        [100, 1],
      ],
      [
        [0, 0],
        [50, 0.5],
      ],
    ]);
    expect(mid.at(-1)).toEqual([50, 0.5]);
    expect(valueAt(mid, 25)).toBeCloseTo(0.25);
  });

  it("gives half the tokens to an arm that learns twice as fast, with an interval around it", () => {
    const slow = [0, 0.02, -0.02].map((d) =>
      points([
        [0, 0.3],
        [1000, 0.5 + d],
      ]),
    );
    const fast = [0, 0.02, -0.02].map((d) =>
      points([
        [0, 0.3],
        [500, 0.5 + d],
        [1000, 0.6 + d],
      ]),
    );
    const { target, arms } = tokensToTarget({
      ...request,
      baseline: "slow",
      arms: new Map([
        ["slow", slow],
        ["fast", fast],
      ]),
    });
    expect(target).toBeCloseTo(0.5);
    const [a, b] = arms;
    expect(a!.ratio).toBe(1);
    expect(b!.tokens).toBeCloseTo(500);
    expect(b!.ratio).toBeCloseTo(0.5);
    expect(b!.ratioLo!).toBeLessThanOrEqual(0.5);
    expect(b!.ratioHi!).toBeGreaterThanOrEqual(0.5);
    expect(b!.ratioHi!).toBeLessThan(1);
  });

  it("says that an arm does not get there, and leaves the upper end open when some resamples do not", () => {
    const base = [0.5, 0.52, 0.48].map((y) =>
      points([
        [0, 0.3],
        [1000, y],
      ]),
    );
    const never = [0.31, 0.32, 0.3].map((y) =>
      points([
        [0, 0.3],
        [1000, y],
      ]),
    );
    const { arms } = tokensToTarget({
      ...request,
      baseline: "base",
      arms: new Map([
        ["base", base],
        ["never", never],
      ]),
    });
    expect(arms[1]).toMatchObject({ tokens: null, ratio: null, lo: null, hi: null });
  });

  it("widens with the problems' noise: a target decided by few problems is less sure", () => {
    const curve = (n: number): CurvePoint[] =>
      [0, 1000].map((tokens, t) => {
        const byProblem = new Map(
          Array.from({ length: n }, (_, i) => [`p${i}`, t === 1 ? Number(i % 2 === 0) : Number(i % 4 === 0)]),
        );
        return { step: t, tokens, seconds: t, pass1: t === 1 ? 0.5 : 0.25, byProblem };
      });
    const spread = (n: number): number => {
      const { arms } = tokensToTarget({
        ...request,
        rng: makeRng("w"),
        target: 0.4,
        baseline: "a",
        arms: new Map([["a", [curve(n)]]]),
      });
      return (arms[0]!.hi ?? 1000) - (arms[0]!.lo ?? 0);
    };
    expect(spread(8)).toBeGreaterThan(spread(200));
  });

  it("t-interval: the textbook value for three numbers", () => {
    const { mean, lo, hi } = tInterval([1, 2, 3]);
    expect(mean).toBe(2);
    expect(hi - mean).toBeCloseTo(4.303 / Math.sqrt(3), 6);
    expect(mean - lo).toBeCloseTo(hi - mean, 12);
  });

  it("reaching is never earlier than a lower target's", () => {
    const curve = fc.array(
      fc.tuple(fc.integer({ min: 1, max: 100 }), fc.double({ min: 0, max: 1, noNaN: true })),
      { minLength: 1, maxLength: 8 },
    );
    fc.assert(
      fc.property(
        curve,
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (steps, a, b) => {
          let x = 0;
          const c = steps.map(([dx, y]) => {
            x += dx;
            return [x, y] as const;
          });
          const [lo, hi] = [firstReach(c, Math.min(a, b)), firstReach(c, Math.max(a, b))];
          return hi === null || (lo !== null && lo <= hi + 1e-9);
        },
      ),
    );
  });
});
