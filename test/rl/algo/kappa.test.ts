import { describe, expect, it } from "vitest";
import { makeRng } from "../../../src/core/rng.js";
import { KappaSchedule } from "../../../src/rl/algo/kappa.js";
import { Reliability } from "../../../src/rl/algo/reliability.js";

const signal = () => new KappaSchedule({ schedule: "signal", kappa: 4, final: 1, totalSteps: 100 });
/** Groups of 8 with `s` passes each. */
const groups = (s: number, n = 40, inverse = 1) =>
  Array.from({ length: n }, () => ({ successes: s, failures: 8 - s, inverse }));

describe("sharpness", () => {
  it("is kappa when fixed, and a line over the steps when linear", () => {
    const base = { kappa: 4, final: 1, totalSteps: 4 };
    expect(new KappaSchedule({ ...base, schedule: "fixed" }).at(3)).toBe(4);
    const linear = new KappaSchedule({ ...base, schedule: "linear" });
    expect([1, 2, 3, 4, 9].map((s) => linear.at(s))).toEqual([4, 3, 2, 1, 1]);
    // A token budget that is used up sooner ends the line sooner.
    expect([0, 0.5, 1].map((spent) => linear.at(2, spent))).toEqual([3, 2.5, 1]);
  });

  it("is narrow while signal is at its peak and wide when half of it is gone", () => {
    const k = signal();
    expect(k.at(1)).toBe(4);
    for (let s = 0; s < 30; s++) k.observe(groups(4));
    expect(k.at(1)).toBeCloseTo(4, 9);
    const seen: number[] = [];
    for (let s = 0; s < 60; s++) {
      k.observe(groups(0));
      seen.push(k.at(1));
    }
    expect(seen.every((x, i) => i === 0 || x <= seen[i - 1]!)).toBe(true);
    expect(seen.at(-1)).toBe(1);
    for (let s = 0; s < 60; s++) k.observe(groups(4));
    expect(k.at(1)).toBeGreaterThan(3.9);
  });

  it("estimates the set's mean variance, not that of what was chosen", () => {
    // 90% of problems have p = 0 and 10% p = 1/2; the latter are drawn nine times as often, so half of the draws.
    const k = signal();
    const rng = makeRng(2);
    for (let s = 0; s < 400; s++) {
      const drawn = Array.from({ length: 32 }, () => {
        const mid = rng.uniform() < 0.5;
        let successes = 0;
        if (mid) for (let j = 0; j < 8; j++) if (rng.uniform() < 0.5) successes++;
        return { successes, failures: 8 - successes, inverse: mid ? 0.2 : 1.8 };
      });
      k.observe(drawn);
    }
    expect(k.signalLeft!).toBeGreaterThan(0.015);
    expect(k.signalLeft!).toBeLessThan(0.036);
  });

  it("survives restore", () => {
    const k = signal();
    k.observe(groups(4));
    k.observe(groups(1));
    const other = signal();
    other.restore(JSON.parse(JSON.stringify(k.state())));
    expect(other.at(7)).toBe(k.at(7));
  });
});

describe("reliability", () => {
  it("scores and bins predictions", () => {
    const r = new Reliability();
    // Prediction 1/4 with 2 of 8 passing: 2 * (3/4)^2 + 6 * (1/4)^2 over 8.
    expect(r.observe([{ prior: { a: 1, b: 3 }, successes: 2, failures: 6 }])).toBeCloseTo(0.1875, 12);
    expect(r.error).toBe(0);
    r.observe([{ prior: { a: 9, b: 1 }, successes: 0, failures: 8 }]);
    expect(r.error).toBeCloseTo(0.45, 12);
    expect(r.metrics()).toEqual({
      "adaptive/reliability/2/rollouts": 8,
      "adaptive/reliability/2/predicted": 0.25,
      "adaptive/reliability/2/observed": 0.25,
      "adaptive/reliability/9/rollouts": 8,
      "adaptive/reliability/9/predicted": 0.9,
      "adaptive/reliability/9/observed": 0,
    });
    const other = new Reliability();
    other.restore(JSON.parse(JSON.stringify(r.state())));
    expect(other.metrics()).toEqual(r.metrics());
    expect(new Reliability().observe([])).toBeNull();
  });
});
