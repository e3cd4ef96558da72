import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { makeRng } from "../../../src/core/rng.js";
import { policyVersion } from "../../../src/core/units.js";
import { logEvidence, logGamma } from "../../../src/rl/algo/beta.js";
import { keptShare, shiftedRate } from "../../../src/rl/algo/drift.js";
import { PassRatePosterior, type PosteriorOptions } from "../../../src/rl/algo/posterior.js";

const options: PosteriorOptions = { strength: 3, drift: "fit", warmStart: true };
const make = (size: number, over: Partial<PosteriorOptions> = {}) =>
  new PassRatePosterior(
    Array.from({ length: size }, (_, i) => ({ bucket: `b${i % 4}` })),
    { ...options, ...over },
  );
const visit = (problem: number, successes: number, failures: number) => ({
  problem,
  successes,
  failures,
  meanTokens: 50,
});
const V0 = policyVersion(0);

/** Plays a population whose logits walk with variance q and drift by delta an update; returns the fitted posterior. */
function fitted(q: number, delta: number, steps = 60, seed = 1): PassRatePosterior {
  const rng = makeRng(`drift ${seed}`);
  const size = 60;
  const logits = Array.from({ length: size }, () => 1.2 * rng.normal() - (delta * steps) / 2);
  const posterior = make(size);
  for (let v = 0; v < steps; v++) {
    const visits = Array.from({ length: 20 }, (_, k) => (v * 20 + k) % size).map((problem) => {
      const p = 1 / (1 + Math.exp(-logits[problem]!));
      let successes = 0;
      for (let j = 0; j < 12; j++) if (rng.uniform() < p) successes++;
      return visit(problem, successes, 12 - successes);
    });
    posterior.observe(visits, policyVersion(v));
    for (let i = 0; i < size; i++) logits[i]! += delta + Math.sqrt(q) * rng.normal();
  }
  return posterior;
}

describe("pass-rate posterior", () => {
  it("conserves counts: within one version, the posterior is prior plus all counts", () => {
    const counts = fc.array(fc.tuple(fc.nat(7), fc.nat(20), fc.nat(20)), { minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(counts, (visits) => {
        const posterior = make(8);
        const sums = new Map<number, [number, number]>();
        for (const [problem, s, f] of visits) {
          posterior.observe([visit(problem, s, f)], V0);
          const [a, b] = sums.get(problem) ?? [0, 0];
          sums.set(problem, [a + s, b + f]);
        }
        for (const [problem, [s, f]] of sums) {
          const { a, b } = posterior.at(problem, V0);
          expect(a + b).toBeCloseTo(3 + s + f, 4);
          expect(a).toBeGreaterThanOrEqual(s - 1e-4);
          expect(b).toBeGreaterThanOrEqual(f - 1e-4);
        }
      }),
    );
  });

  it("takes the visits of a step in any order", () => {
    const rng = makeRng(4);
    const rounds = Array.from({ length: 6 }, () =>
      rng.shuffle([0, 1, 2, 3, 4, 5, 6, 7]).map((i) => visit(i, rng.int(9), rng.int(9))),
    );
    const [forward, backward] = [make(8), make(8)];
    rounds.forEach((visits, v) => {
      forward.observe(visits, policyVersion(3 * v));
      backward.observe([...visits].reverse(), policyVersion(3 * v));
    });
    for (let i = 0; i < 8; i++) {
      expect(backward.at(i, policyVersion(20)).a).toBeCloseTo(forward.at(i, policyVersion(20)).a, 4);
    }
  });

  it("restores from JSON to the last bit, and undoes to a mark", () => {
    const one = fitted(0.05, 0.02, 20);
    const saved = JSON.parse(JSON.stringify(one.state()));
    const two = make(60);
    two.restore(saved);
    expect(two.state()).toEqual(one.state());
    const undo = one.mark();
    one.observe([visit(3, 5, 5), visit(9, 1, 0)], policyVersion(25));
    expect(one.state()).not.toEqual(saved);
    undo();
    expect(one.state()).toEqual(saved);
    expect(one.at(3, policyVersion(30))).toEqual(two.at(3, policyVersion(30)));
  });

  it("refuses a state of another set", () => {
    expect(() => make(5).restore(make(6).state())).toThrow("bytes");
  });

  it("warm-starts from counts and their tokens, unless told not to", () => {
    const problems = [{ bucket: "a", prior: { successes: 9, failures: 1, tokens: 420 } }, { bucket: "b" }];
    const warm = new PassRatePosterior(problems, options);
    expect(warm.visited(0)).toBe(true);
    expect(warm.at(0, V0).a / (warm.at(0, V0).a + warm.at(0, V0).b)).toBeGreaterThan(0.75);
    expect(warm.cost(0)).toBe(42);
    const cold = new PassRatePosterior(problems, { ...options, warmStart: false });
    expect(cold.visitedCount).toBe(0);
    expect(cold.at(0, V0)).toEqual(cold.at(1, V0));
  });
});

describe("strength of the prior", () => {
  /** First visits of problems whose rates follow `rate`. */
  const strengthAfter = (rate: (u: number) => number, strength: number | null = null) => {
    const rng = makeRng("first visits");
    const posterior = make(400, { strength });
    for (let v = 0; v < 10; v++) {
      posterior.observe(
        Array.from({ length: 40 }, (_, k) => {
          const p = rate(rng.uniform());
          let successes = 0;
          for (let j = 0; j < 8; j++) if (rng.uniform() < p) successes++;
          return visit(v * 40 + k, successes, 8 - successes);
        }),
        policyVersion(v),
      );
    }
    return posterior.strength;
  };

  it("is weak where problems are nearly always or nearly never solved, strong where they are alike", () => {
    const unlike = strengthAfter((u) => (u < 0.5 ? 0.02 : 0.98));
    const uniform = strengthAfter((u) => u);
    const alike = strengthAfter(() => 0.5);
    expect(unlike).toBeLessThan(0.6);
    // A uniform rate is Beta(1, 1): two pseudo-counts.
    expect(uniform).toBeGreaterThan(1.3);
    expect(uniform).toBeLessThan(3);
    expect(alike).toBeGreaterThan(6);
    expect(strengthAfter((u) => u, 5)).toBe(5);
  });
});

describe("drift", () => {
  it("logEvidence is the Beta function's ratio, for few counts and many", () => {
    const logBeta = (a: number, b: number) => logGamma(a) + logGamma(b) - logGamma(a + b);
    for (const [a, b, s, f] of [
      [1.5, 2.5, 3, 5],
      [0.06, 2.94, 0, 48],
      [4, 4, 60, 60],
      [2, 1, 1.5, 0.25],
    ] as const) {
      expect(logEvidence(a, b, s, f)).toBeCloseTo(logBeta(a + s, b + f) - logBeta(a, b), 9);
    }
  });

  it("fades by the rule, and shifts nothing at delta 0", () => {
    const before = { successes: 6, failures: 2, age: 5, priorMean: 0.5, strength: 4 };
    const m = 8 / 12;
    expect(keptShare(before, 0.02)).toBeCloseTo(1 / (1 + 0.02 * 5 * 8 * m * (1 - m)), 12);
    expect(keptShare(before, 0)).toBe(1);
    expect(shiftedRate(before, 0)).toBe(0.75);
    expect(shiftedRate(before, 0.1)).toBeGreaterThan(0.75);
    expect(shiftedRate({ ...before, successes: 0, failures: 8 }, -0.1)).toBe(0);
  });

  it("finds that rates stand still, that they walk, and that they rise", () => {
    const still = fitted(0, 0).drift;
    const walking = fitted(0.15, 0).drift;
    const rising = fitted(0, 0.05).drift;
    expect(still.q).toBeLessThan(0.02);
    expect(walking.q).toBeGreaterThan(0.03);
    expect(walking.q).toBeGreaterThan(5 * still.q);
    expect(Math.abs(still.delta)).toBeLessThan(0.01);
    expect(rising.delta).toBeGreaterThan(0.015);
    expect(rising.delta).toBeLessThan(0.1);
  });

  it("never fades where it is off", () => {
    const off = make(60, { drift: "off" });
    off.observe([visit(7, 12, 0)], V0);
    expect(off.drift).toEqual({ q: 0, delta: 0 });
    const [soon, late] = [off.at(7, policyVersion(1)), off.at(7, policyVersion(100))];
    expect(late.a + late.b).toBeCloseTo(soon.a + soon.b, 9);
    const fit = make(60);
    fit.observe([visit(7, 6, 6)], V0);
    expect(fit.at(7, policyVersion(100)).a).toBeLessThan(fit.at(7, policyVersion(1)).a);
  });
});
