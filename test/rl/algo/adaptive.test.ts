import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { makeRng } from "../../../src/core/rng.js";
import { policyVersion, problemId, seed, step } from "../../../src/core/units.js";
import { type AdaptiveOptions, AdaptiveStrategy } from "../../../src/rl/algo/adaptive.js";
import { dynamicStrategy } from "../../../src/rl/algo/strategies/dynamic.js";
import { fixedStrategy } from "../../../src/rl/algo/strategies/fixed.js";
import type { PlannedProblem, Strategy } from "../../../src/rl/algo/strategy.js";

/** Problem i of M passes with probability i / (M - 1). */
const rateOf = (i: number, size: number): number => i / (size - 1);

const options = (size: number, over: Partial<AdaptiveOptions> = {}): AdaptiveOptions => ({
  problems: Array.from({ length: size }, (_, i) => ({
    id: problemId(`p${i}`),
    bucket: `b${Math.floor((i * 8) / size)}`,
  })),
  groupSize: 8,
  keep: { kind: "mixed" },
  nMin: 4,
  nMax: 48,
  explore: 0.1,
  kappa: 2,
  kappaFinal: 2,
  kappaSchedule: "linear",
  stepTokens: null,
  warmStart: true,
  drift: "fit",
  totalSteps: 50,
  priorStrength: 3,
  revisit: 4,
  retire: true,
  objective: "curriculum",
  seed: seed(5),
  ...over,
});

/** Plays steps against a population with fixed pass rates; returns all plans. */
function play(strategy: Strategy, size: number, from: number, steps: number): PlannedProblem[][] {
  const plans: PlannedProblem[][] = [];
  for (let s = from; s < from + steps; s++) {
    const version = policyVersion(s);
    const rng = makeRng(`outcomes ${s}`);
    const plan = [...strategy.plan({ step: step(s + 1), version, round: 0, needed: 16, spent: 0 })];
    plans.push(plan);
    strategy.observe(
      version,
      plan.map(({ problem, rollouts }) => {
        let successes = 0;
        for (let k = 0; k < rollouts; k++) if (rng.uniform() < rateOf(problem, size)) successes++;
        return { problem, successes, failures: rollouts - successes, meanTokens: 80 };
      }),
    );
  }
  return plans;
}

const meanDistance = (plans: PlannedProblem[][], size: number): number => {
  const all = plans.flat();
  return all.reduce((d, p) => d + Math.abs(rateOf(p.problem, size) - 0.5), 0) / all.length;
};

describe("adaptive strategy", () => {
  it("moves to problems with a pass rate near one half", () => {
    const plans = play(new AdaptiveStrategy(options(400)), 400, 0, 30);
    // A choice at random has a mean distance of 1/4.
    expect(meanDistance(plans.slice(-10), 400)).toBeLessThan(0.75 / 4);
  });

  it("restore(state()) then k steps equals k steps", () => {
    const one = new AdaptiveStrategy(options(200));
    play(one, 200, 0, 12);
    const saved = JSON.parse(JSON.stringify(one.state()));
    const two = new AdaptiveStrategy(options(200));
    two.restore(saved);
    expect(two.state()).toEqual(one.state());
    expect(play(two, 200, 12, 6)).toEqual(play(one, 200, 12, 6));
  });

  it("does not depend on the order of the data set", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1000 }), (s) => {
        const base = options(60, { seed: seed(s) });
        const turned = { ...base, problems: [...base.problems].reverse() };
        const ids = (o: AdaptiveOptions) =>
          new AdaptiveStrategy(o)
            .plan({ step: step(1), version: policyVersion(0), round: 0, needed: 8, spent: 0 })
            .map((p) => o.problems[p.problem]!.id);
        expect(ids(turned)).toEqual(ids(base));
      }),
      { numRuns: 25 },
    );
  });

  it("sizes the first round to reach the needed groups, spends at most the mean group size, and refills once", () => {
    const s = new AdaptiveStrategy(options(300));
    const context = { step: step(1), version: policyVersion(0), needed: 16, spent: 0 };
    const first = s.plan({ ...context, round: 0 });
    expect(first.length).toBeGreaterThanOrEqual(16);
    expect(first.length).toBeLessThanOrEqual(64);
    expect(first.reduce((n, p) => n + p.rollouts, 0)).toBeLessThanOrEqual(8 * first.length);
    const refill = s.plan({ ...context, round: 1, needed: 4, spent: 0 });
    const drawn = new Set(first.map((p) => p.problem));
    expect(refill.length).toBeGreaterThan(0);
    expect(refill.some((p) => drawn.has(p.problem))).toBe(false);
    expect(s.plan({ ...context, round: 2, needed: 2, spent: 0 })).toEqual([]);
  });

  it("takes a problem of unknown length for an average one, not for a cheap one", () => {
    const s = new AdaptiveStrategy(options(400, { explore: 1 }));
    play(s, 400, 0, 1);
    const plan = s.plan({ step: step(2), version: policyVersion(1), round: 0, needed: 16, spent: 0 });
    expect(plan.reduce((n, p) => n + p.rollouts, 0)).toBeLessThanOrEqual(8 * plan.length);
  });

  it("never plans an excluded problem", () => {
    const s = new AdaptiveStrategy(options(40));
    s.exclude(Array.from({ length: 30 }, (_, i) => i));
    for (const p of play(s, 40, 0, 10).flat()) expect(p.problem).toBeGreaterThanOrEqual(30);
  });

  it("visits every problem within the revisit horizon or retires it", () => {
    const size = 60;
    const s = new AdaptiveStrategy(options(size, { explore: 0.5, revisit: 2 }));
    const seen = new Set(
      play(s, size, 0, 40)
        .flat()
        .map((p) => p.problem),
    );
    expect(seen.size).toBe(size);
  });

  it("objective uniform weighs rarely drawn problems up, with a mean of one", () => {
    const s = new AdaptiveStrategy(options(200, { objective: "uniform" }));
    const weights = play(s, 200, 0, 15)
      .at(-1)!
      .map((p) => p.weight);
    expect(weights.reduce((a, b) => a + b, 0) / weights.length).toBeCloseTo(1, 1);
    expect(Math.max(...weights)).toBeGreaterThan(Math.min(...weights));
  });

  it("never plans more expected tokens than the step's budget, refill included", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 400, max: 40_000 }),
        fc.integer({ min: 1, max: 32 }),
        (stepTokens, needed) => {
          const s = new AdaptiveStrategy(options(120, { stepTokens }));
          play(s, 120, 0, 3);
          const context = { step: step(4), version: policyVersion(3) };
          const first = s.plan({ ...context, round: 0, needed, spent: 0 });
          const refill = s.plan({ ...context, round: 1, needed: Math.ceil(needed / 2), spent: 0 });
          // Every rollout of this population has 80 tokens.
          const rollouts = [...first, ...refill].reduce((n, p) => n + p.rollouts, 0);
          expect(80 * rollouts).toBeLessThanOrEqual(stepTokens);
        },
      ),
      { numRuns: 30 },
    );
  });

  it("does not depend on the order of the data set after visits, overdue problems included", () => {
    const base = options(60, { explore: 0.4, revisit: 1 });
    const turned = { ...base, problems: [...base.problems].reverse() };
    const [one, two] = [new AdaptiveStrategy(base), new AdaptiveStrategy(turned)];
    for (let s = 0; s < 12; s++) {
      const version = policyVersion(s);
      const plan = (a: AdaptiveStrategy, o: AdaptiveOptions) =>
        a
          .plan({ step: step(s + 1), version, round: 0, needed: 6, spent: 0 })
          .map((p) => ({ ...p, id: o.problems[p.problem]!.id }));
      const [p, q] = [plan(one, base), plan(two, turned)];
      expect(q.map((x) => [x.id, x.rollouts])).toEqual(p.map((x) => [x.id, x.rollouts]));
      const outcome = (problem: number, rollouts: number, id: string) => {
        const successes = Number(id.slice(1)) % (rollouts + 1);
        return { problem, successes, failures: rollouts - successes, meanTokens: 80 };
      };
      one.observe(
        version,
        p.map((x) => outcome(x.problem, x.rollouts, x.id)),
      );
      two.observe(
        version,
        q.map((x) => outcome(x.problem, x.rollouts, x.id)),
      );
    }
  });

  it("goes back to a mark as if the step had not been", () => {
    const s = new AdaptiveStrategy(options(100));
    play(s, 100, 0, 5);
    const before = JSON.stringify(s.state());
    const undo = s.mark();
    play(s, 100, 5, 2);
    s.exclude([1, 2]);
    s.widen();
    undo();
    expect(JSON.stringify(s.state())).toBe(before);
  });

  it("knows how well it predicts: calibrated after some steps, and better than the mean rate alone", () => {
    const s = new AdaptiveStrategy(options(200));
    play(s, 200, 0, 40);
    const gauges = s.metrics();
    expect(gauges["adaptive/calibration_error"]).toBeLessThan(0.06);
    // The Brier score of the best constant on outcomes near one half is 1/4.
    expect(gauges["adaptive/brier"]).toBeLessThan(0.25);
    const bins = Object.keys(gauges).filter((k) => /reliability\/\d\/rollouts/.test(k));
    expect(bins.length).toBeGreaterThan(4);
    expect(s.metrics()["adaptive/brier"]).toBeUndefined();
  });

  it("keeps at most 200 bytes of state a problem", () => {
    const s = new AdaptiveStrategy(options(2000));
    play(s, 2000, 0, 5);
    expect(JSON.stringify(s.state()).length / 2000).toBeLessThan(200);
  });

  it("starts from earlier evaluation counts where the data set has them", () => {
    const base = options(100);
    const problems = base.problems.map((p, i) => ({
      ...p,
      prior: { successes: i < 50 ? 20 : 10, failures: i < 50 ? 0 : 10 },
    }));
    const s = new AdaptiveStrategy({ ...base, problems, explore: 0 });
    const plan = s.plan({ step: step(1), version: policyVersion(0), round: 0, needed: 16, spent: 0 });
    expect(plan.filter((p) => p.problem >= 50).length / plan.length).toBeGreaterThan(0.9);
  });
});

describe("uniform strategies", () => {
  const base = { problems: 50, groupSize: 8, rng: makeRng(3) };

  it("fixed draws what is needed, once", () => {
    const s = fixedStrategy(base);
    expect(s.plan({ step: step(1), version: policyVersion(0), round: 0, needed: 16, spent: 0 })).toHaveLength(
      16,
    );
    expect(s.plan({ step: step(1), version: policyVersion(0), round: 1, needed: 3, spent: 0 })).toEqual([]);
  });

  it("dynamic draws a multiple of what is missing, each round", () => {
    const s = dynamicStrategy({ ...base, oversample: 1.5 });
    expect(s.plan({ step: step(1), version: policyVersion(0), round: 0, needed: 16, spent: 0 })).toHaveLength(
      24,
    );
    expect(s.plan({ step: step(1), version: policyVersion(0), round: 1, needed: 3, spent: 0 })).toHaveLength(
      5,
    );
  });

  it("a pass visits every problem once, and the cursor survives restore", () => {
    const s = fixedStrategy(base);
    const take = (n: number, t = s) =>
      t
        .plan({ step: step(1), version: policyVersion(0), round: 0, needed: n, spent: 0 })
        .map((p) => p.problem);
    const first = [...take(20), ...take(20)];
    const t = fixedStrategy(base);
    t.restore(structuredClone(s.state()));
    const rest = take(10);
    expect(take(10, t)).toEqual(rest);
    expect(new Set([...first, ...rest]).size).toBe(50);
  });
});
