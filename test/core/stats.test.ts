import { describe, expect, it } from "vitest";
import { makeRng } from "../../src/core/rng.js";
import { meanInterval, passAtK, quantile, std } from "../../src/core/stats.js";

describe("statistics", () => {
  it("pass@k equals the share of k-subsets with a correct sample", () => {
    // 5 samples, 2 correct: subsets of 3 without a correct one: C(3,3) = 1 of C(5,3) = 10.
    expect(passAtK(5, 2, 3)).toBeCloseTo(0.9, 12);
    expect(passAtK(8, 0, 4)).toBe(0);
    expect(passAtK(8, 8, 1)).toBe(1);
    expect(passAtK(20, 7, 1)).toBeCloseTo(0.35, 12);
  });

  it("std and quantile follow numpy", () => {
    expect(std([1, 2, 3, 4])).toBeCloseTo(1.2909944, 6);
    expect(quantile([4, 1, 3, 2], 0.95)).toBeCloseTo(3.85, 12);
  });

  it("a 95% interval covers the true mean about 95% of the time", () => {
    const rng = makeRng("coverage");
    let covered = 0;
    for (let t = 0; t < 1000; t++) {
      const xs = Array.from({ length: 200 }, () => (rng.uniform() < 0.4 ? 1 : 0));
      const { lo, hi } = meanInterval(xs);
      if (lo <= 0.4 && 0.4 <= hi) covered++;
    }
    expect(covered).toBeGreaterThan(930);
    expect(covered).toBeLessThan(970);
  });
});

describe("random numbers", () => {
  it("forks do not depend on what was drawn, and state() resumes the stream", () => {
    const a = makeRng(9);
    const b = makeRng(9);
    b.uint32();
    expect(a.fork("x", 1).uint32()).toBe(b.fork("x", 1).uint32());
    expect(a.fork("x", 1).uint32()).not.toBe(a.fork("x", 11).uint32());
    const saved = b.state();
    const next = [b.uniform(), b.normal(), b.int(10)];
    b.restore(saved);
    expect([b.uniform(), b.normal(), b.int(10)]).toEqual(next);
  });

  it("uniform draws fill [0, 1) evenly", () => {
    const rng = makeRng("even");
    const bins = new Array(16).fill(0);
    for (let i = 0; i < 16_000; i++) bins[Math.floor(rng.uniform() * 16)]++;
    const chi2 = bins.reduce((s, n) => s + (n - 1000) ** 2 / 1000, 0);
    expect(chi2).toBeLessThan(37.7); // 0.1% point of chi-squared with 15 degrees of freedom
  });
});
