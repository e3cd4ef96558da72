import { describe, expect, it } from "vitest";
import { makeRng } from "../../../src/core/rng.js";
import { policyVersion, step } from "../../../src/core/units.js";
import { batchMinStrategy } from "../../../src/rl/algo/strategies/batch-min.js";
import { batchWindowStrategy } from "../../../src/rl/algo/strategies/batch-window.js";
import type { Strategy } from "../../../src/rl/algo/strategy.js";

const base = { problems: 4000, groupSize: 8, rng: makeRng(3) };
const V = policyVersion(0);

/** Plans a round and answers that its first `kept` groups are mixed; returns the number drawn. */
function play(s: Strategy, round: number, needed: number, kept: number): number {
  const plan = s.plan({ step: step(1), version: V, round, needed, spent: 0 });
  s.observe(
    V,
    plan.map(({ problem }, k) => ({
      problem,
      successes: k < kept ? 4 : 0,
      failures: k < kept ? 4 : 8,
      meanTokens: 50,
    })),
  );
  return plan.length;
}

describe("batch_min, as released", () => {
  it("draws need / min(R, R_part) in chunks of 8, and R never rises", () => {
    const s = batchMinStrategy(base);
    // R = R_part = 1: 128 drawn, 64 kept; then 64 / (1/2) = 128 drawn, 100 kept: full, R = 164 / 256.
    expect(play(s, 0, 128, 64)).toBe(128);
    expect(play(s, 1, 64, 100)).toBe(128);
    expect(play(s, 0, 128, 128)).toBe(Math.ceil(128 / (164 / 256) / 8) * 8);
    // That step's yield was better (128 of 200), so R stays at 164 / 256 = 0.640625 or falls to 0.64.
    expect(play(s, 0, 128, 200)).toBe(200);
    expect(play(s, 0, 128, 200)).toBe(200);
  });

  it("does not divide by zero when a round keeps none", () => {
    const s = batchMinStrategy(base);
    expect(play(s, 0, 16, 0)).toBe(16);
    const next = play(s, 1, 16, 0);
    expect(next).toBe(512); // half a group of 16: 16 * 32
    expect(Number.isFinite(next)).toBe(true);
  });

  it("forgets the partial yield when a step is closed before it is full", () => {
    const s = batchMinStrategy(base);
    play(s, 0, 16, 1);
    expect(play(s, 0, 16, 16)).toBe(16);
  });
});

describe("batch_window, as described", () => {
  it("follows the yield down and up again, which a running minimum cannot", () => {
    const s = batchWindowStrategy(base);
    expect(play(s, 0, 32, 16)).toBe(32);
    for (let k = 0; k < 8; k++) play(s, 0, 32, 8);
    const low = play(s, 0, 32, 32);
    for (let k = 0; k < 10; k++) play(s, 0, 32, 1000);
    const high = play(s, 0, 32, 32);
    expect(low).toBeGreaterThan(100);
    expect(high).toBeLessThan(40);
  });

  it("reaches the need in one round in about nine of ten, at a steady yield", () => {
    const s = batchWindowStrategy(base);
    const rng = makeRng(8);
    let [full, steps] = [0, 0];
    for (let k = 0; k < 300; k++) {
      const plan = s.plan({ step: step(1), version: V, round: 0, needed: 32, spent: 0 });
      const mixed = plan.map(() => rng.uniform() < 0.5);
      s.observe(
        V,
        plan.map(({ problem }, i) => ({
          problem,
          successes: mixed[i] ? 4 : 8,
          failures: mixed[i] ? 4 : 0,
          meanTokens: 50,
        })),
      );
      if (k < 10) continue;
      steps++;
      if (mixed.filter(Boolean).length >= 32) full++;
    }
    expect(full / steps).toBeGreaterThan(0.8);
    expect(full / steps).toBeLessThan(0.99);
  });
});

describe.each([
  ["batch_min", batchMinStrategy],
  ["batch_window", batchWindowStrategy],
] as const)("%s", (_name, make) => {
  it("restores, undoes to a mark, and never plans what is excluded", () => {
    const one = make(base);
    one.exclude([0, 1, 2]);
    play(one, 0, 32, 10);
    const saved = JSON.parse(JSON.stringify(one.state()));
    const two = make(base);
    two.restore(saved);
    const undo = one.mark();
    const first = one.plan({ step: step(2), version: V, round: 0, needed: 32, spent: 0 });
    play(one, 1, 20, 3);
    undo();
    expect(one.plan({ step: step(2), version: V, round: 0, needed: 32, spent: 0 })).toEqual(first);
    expect(two.plan({ step: step(2), version: V, round: 0, needed: 32, spent: 0 })).toEqual(first);
    for (const p of first) expect(p.problem).toBeGreaterThan(2);
  });

  it("learns nothing from a round whose rollouts were all lost to the machinery", () => {
    const s = make(base);
    const plan = s.plan({ step: step(1), version: V, round: 0, needed: 16, spent: 0 });
    s.observe(
      V,
      plan.map(({ problem }) => ({ problem, successes: 0, failures: 0, meanTokens: 0 })),
    );
    expect(s.plan({ step: step(1), version: V, round: 0, needed: 16, spent: 0 })).toHaveLength(plan.length);
  });
});
