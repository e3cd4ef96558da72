import { describe, expect, it } from "vitest";
import { makeRng } from "../../src/core/rng.js";
import { groupAdvantages } from "../../src/rl/algo/advantages.js";
import { isKept, type KeepRule } from "../../src/rl/algo/filters.js";
import { type Baseline, groupMoments, leastSize } from "./signal.js";

const GROUPS = 60_000;
/** Standard errors that a Monte Carlo mean may be off. */
const TOLERANCE = 4.5;
/** Rounding, where every kept group is alike and the standard error is 0. */
const SLACK = 1e-9;

interface Case {
  readonly n: number;
  /** True pass rate, sigmoid(theta). */
  readonly rate: number;
  readonly prior: { readonly a: number; readonly b: number };
  readonly keep: KeepRule;
  readonly baseline: Baseline;
  readonly falsePass?: number;
  readonly falseFail?: number;
}

const seenRate = ({ rate, falsePass = 0, falseFail = 0 }: Case): number =>
  rate * (1 - falseFail) + (1 - rate) * falsePass;

/**
 * Policy gradient of a policy with two parameters, with the trainer's own advantages and filter: theta, the logit of a right
 * answer, with score y - sigmoid(theta), and a fair coin's logit that the outcome does not depend on, with score +-1.
 */
function monteCarlo(c: Case) {
  const rng = makeRng(`moments ${JSON.stringify(c)}`);
  const along: number[] = [];
  const across: number[] = [];
  for (let g = 0; g < GROUPS; g++) {
    const right = Array.from({ length: c.n }, () => rng.uniform() < c.rate);
    const rewards = right.map((y) => {
      const slip = rng.uniform() < (y ? (c.falseFail ?? 0) : (c.falsePass ?? 0));
      return y !== slip ? 1 : 0;
    });
    const passed = rewards.filter((r) => r === 1).length;
    if (!isKept(passed, c.n - passed, c.prior, c.keep, leastSize(c.baseline))) continue;
    const advantages = groupAdvantages(rewards, c.baseline, c.prior);
    along.push(advantages.reduce((s, a, j) => s + a * ((right[j] ? 1 : 0) - c.rate), 0));
    across.push(advantages.reduce((s, a) => s + a * (rng.uniform() < 0.5 ? 1 : -1), 0));
  }
  return { along, across, kept: along.length / GROUPS };
}

function meanAndError(xs: readonly number[]): [mean: number, error: number] {
  const mean = xs.reduce((a, b) => a + b, 0) / xs.length;
  const variance = xs.reduce((s, x) => s + (x - mean) ** 2, 0) / (xs.length - 1);
  return [mean, Math.sqrt(variance / xs.length)];
}

const mixed = { kind: "mixed" } as const;
const surprising = { kind: "surprising", least: 0.1 } as const;
const all = { kind: "all" } as const;
const unsure = { a: 1.2, b: 0.8 };
const sure = { a: 0.4, b: 9 };

const CASES: readonly (readonly [string, Case])[] = [
  ["all, leave-one-out", { n: 4, rate: 0.2, prior: unsure, keep: all, baseline: "leave_one_out" }],
  ["all, history", { n: 3, rate: 0.2, prior: unsure, keep: all, baseline: "history" }],
  ["mixed, leave-one-out", { n: 4, rate: 0.1, prior: unsure, keep: mixed, baseline: "leave_one_out" }],
  ["mixed, history, n = 2", { n: 2, rate: 0.7, prior: unsure, keep: mixed, baseline: "history" }],
  ["mixed, history, n = 8", { n: 8, rate: 0.05, prior: sure, keep: mixed, baseline: "history" }],
  ["surprising, n = 1", { n: 1, rate: 0.3, prior: unsure, keep: surprising, baseline: "history" }],
  ["surprising, n = 2", { n: 2, rate: 0.5, prior: unsure, keep: surprising, baseline: "history" }],
  ["surprising, one side expected", { n: 2, rate: 0.15, prior: sure, keep: surprising, baseline: "history" }],
  [
    "surprising, both sides expected",
    { n: 4, rate: 0.5, prior: unsure, keep: { kind: "surprising", least: 0.4 }, baseline: "history" },
  ],
  [
    "surprising, a verifier that errs",
    { n: 2, rate: 0.4, prior: sure, keep: surprising, baseline: "history", falsePass: 0.1, falseFail: 0.2 },
  ],
  [
    "mixed, a verifier that errs",
    { n: 4, rate: 0.4, prior: sure, keep: mixed, baseline: "history", falsePass: 0.1, falseFail: 0.2 },
  ],
];

describe("first two moments of a kept group's gradient", () => {
  it.each(CASES)("%s: as the policy gradient has them", (_, c) => {
    const p = seenRate(c);
    const covariance = (1 - (c.falsePass ?? 0) - (c.falseFail ?? 0)) * c.rate * (1 - c.rate);
    const expected = groupMoments({ rollouts: c.n, p, covariance, prior: c.prior }, c.keep, c.baseline);
    const { along, across, kept } = monteCarlo(c);
    const [signal, signalError] = meanAndError(along);
    const [noise, noiseError] = meanAndError(across.map((g) => g * g));
    expect(Math.abs(kept - expected.kept)).toBeLessThan(
      TOLERANCE * Math.sqrt((kept * (1 - kept)) / GROUPS) + SLACK,
    );
    expect(Math.abs(signal - expected.signal)).toBeLessThan(TOLERANCE * signalError + SLACK);
    expect(Math.abs(noise - expected.noise)).toBeLessThan(TOLERANCE * noiseError + SLACK);
  });

  it("a rule that keeps both kinds of all-equal groups is no condition", () => {
    const group = { rollouts: 2, p: 0.5, covariance: 0.25, prior: unsure };
    expect(groupMoments(group, surprising, "history")).toEqual(groupMoments(group, all, "history"));
    expect(groupMoments(group, surprising, "history").signal).toBe(0.5);
  });

  it("dropping all-equal groups loses signal under the history baseline, and none under leave-one-out", () => {
    const group = { rollouts: 2, p: 0.3, covariance: 0.21, prior: unsure };
    const drawn = ({ signal, kept }: { signal: number; kept: number }): number => signal * kept;
    expect(drawn(groupMoments(group, mixed, "leave_one_out"))).toBeCloseTo(0.42, 12);
    expect(drawn(groupMoments(group, mixed, "history"))).toBeCloseTo(0.42 * (1 - 0.08 - 0.28), 12);
  });
});
