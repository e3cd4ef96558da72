import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { groupAdvantages } from "../../../src/rl/algo/advantages.js";

const flat = { a: 1, b: 1 };

describe("group advantages", () => {
  it("group_std equals the published values (ddof 1, eps 1e-6)", () => {
    const a = groupAdvantages([1, 0, 0, 1, 1, 0, 0, 0], "group_std", flat);
    expect(a[0]).toBeCloseTo(1.2076124, 5);
    expect(a[1]).toBeCloseTo(-0.7245674, 5);
  });

  it("leave_one_out is the difference to the mean of the others", () => {
    expect(groupAdvantages([1, 0, 0, 0], "leave_one_out", flat)).toEqual([1, -1 / 3, -1 / 3, -1 / 3]);
  });

  it("history shrinks the others' mean to the posterior", () => {
    // a = 1, b = 3: (1 + 0) / (4 + 1) for the winner, (1 + 1) / 5 for the loser.
    expect(groupAdvantages([1, 0], "history", { a: 1, b: 3 })).toEqual([1 - 1 / 5, -2 / 5]);
    expect(groupAdvantages([1], "history", { a: 1, b: 3 })).toEqual([0.75]);
  });

  it("history tends to leave_one_out as the prior vanishes", () => {
    const rewards = [1, 0, 1, 0, 0];
    const loo = groupAdvantages(rewards, "leave_one_out", flat);
    groupAdvantages(rewards, "history", { a: 1e-9, b: 1e-9 }).forEach((a, i) => {
      expect(a).toBeCloseTo(loo[i]!, 6);
    });
  });

  it.each(["group_std", "leave_one_out"] as const)("%s refuses a group of one", (mode) => {
    expect(() => groupAdvantages([1], mode, flat)).toThrow(/groups of at least 2, got 1/);
  });

  it("group modes sum to zero and keep the order of the rewards", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 1 }), { minLength: 2, maxLength: 48 }), (rewards) => {
        for (const mode of ["group_std", "leave_one_out"] as const) {
          const a = groupAdvantages(rewards, mode, flat);
          expect(a.reduce((x, y) => x + y, 0)).toBeCloseTo(0, 6);
          for (let i = 1; i < a.length; i++) {
            expect(Math.sign(a[i]! - a[0]!)).toBe(Math.sign(rewards[i]! - rewards[0]!));
          }
        }
      }),
    );
  });

  it("history is unbiased: the score-weighted mean does not depend on the prior", () => {
    // Two outcomes with score s(1) = 1 - p, s(0) = -p; E[A * s] over all draws of N must equal p(1 - p) for any prior.
    const p = 0.3;
    for (const prior of [
      { a: 0.5, b: 4 },
      { a: 9, b: 1 },
    ]) {
      let expected = 0;
      for (let draw = 0; draw < 8; draw++) {
        const rewards = [draw & 1, (draw >> 1) & 1, (draw >> 2) & 1];
        const probability = rewards.reduce((q, r) => q * (r === 1 ? p : 1 - p), 1);
        const a = groupAdvantages(rewards, "history", prior);
        expected += probability * a.reduce((s, x, i) => s + x * (rewards[i] === 1 ? 1 - p : -p), 0);
      }
      expect(expected / 3).toBeCloseTo(p * (1 - p), 10);
    }
  });
});
