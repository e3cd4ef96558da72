import { describe, expect, it } from "vitest";
import { ARMS, type Change, makeArm } from "./arms.js";
import { POPULATIONS, Population } from "./populations.js";
import { type NamedArm, namedArm, type Row, runStudy } from "./study.js";
import { tableOf } from "./table.js";

/** Small, but with gaps between the arms that are many times the spread over seeds. */
const options = { problems: 1000, steps: 30, groups: 24, groupSize: 8, seeds: 2 };
const wide = (label: string, change: Change): NamedArm => ({
  label,
  make: (population, setup) =>
    makeArm("adaptive", population, setup, { groups: 96, groupSize: 2, ...change }),
});
const arms = [
  ...ARMS.map(namedArm),
  wide("surprising", {}),
  wide("mixed", { keep: "mixed", nMin: 2 }),
  wide("surprising of two", { nMin: 2 }),
];
const rows = runStudy(POPULATIONS, arms, options);
const of = (label: string, population: string): Row =>
  rows.find((r) => r.label === label && r.population === population)!;

describe("allocators on synthetic populations", () => {
  it.each(POPULATIONS)(
    "%s: adaptive buys more signal for a token than dynamic, and the oracle most of all",
    (p) => {
      const [dynamic, adaptive, oracle] = [of("dynamic", p), of("adaptive", p), of("oracle", p)];
      expect(adaptive.snrPerTokens).toBeGreaterThan((p === "rising" ? 1.05 : 1.2) * dynamic.snrPerTokens);
      expect(adaptive.useful).toBeGreaterThan((p === "rising" ? 0.9 : 1) * dynamic.useful);
      expect(oracle.snrPerRollouts).toBeGreaterThan(1.2 * adaptive.snrPerRollouts);
      expect(oracle.regret).toBe(0);
    },
  );

  it("two rollouts a problem pay where surprising groups are kept, and not where mixed ones alone are", () => {
    for (const p of POPULATIONS) {
      const [surprising, both, mixed] = [of("surprising", p), of("surprising of two", p), of("mixed", p)];
      expect(surprising.snrPerTokens).toBeGreaterThan(both.snrPerTokens);
      expect(both.snrPerTokens).toBeGreaterThan(1.15 * mixed.snrPerTokens);
      expect(surprising.useful).toBeGreaterThan(1.5 * mixed.useful);
    }
  });

  it("refuses changes that an arm does not have, and rules that do not go together", () => {
    const population = new Population("bimodal", 10, 1);
    const setup = { groupSize: 2, groups: 4, steps: 1, seed: 1 };
    const make = (name: (typeof ARMS)[number], change: object) => () =>
      makeArm(name, population, setup, change as Change);
    expect(make("dynamic", { kappa: 1 })).toThrow("dynamic has no kappa; it has groupSize, groups, baseline");
    expect(make("adaptive", { kapa: 1 })).toThrow("adaptive has no kapa");
    expect(make("adaptive", { keep: "all" })).toThrow("keep is mixed or surprising, not all");
    expect(make("adaptive", { keep: "mixed" })).toThrow("add nMin=2");
    expect(make("adaptive", { keep: "surprising", baseline: "leave_one_out" })).toThrow("add keep=mixed");
    expect(make("adaptive", { keep: "mixed", nMin: 2 })().strategy.keep).toEqual({ kind: "mixed" });
    expect(make("adaptive", {})().strategy.keep).toEqual({ kind: "surprising", least: 0.1 });
    expect(make("dynamic", { groups: 3 })().options.groups).toBe(3);
  });

  it("dropping all-equal groups buys no signal: dynamic is worth what fixed is, rollout for rollout", () => {
    for (const p of POPULATIONS) {
      expect(of("dynamic", p).snrPerRollouts / of("fixed", p).snrPerRollouts).toBeGreaterThan(0.85);
      expect(of("dynamic", p).snrPerRollouts / of("fixed", p).snrPerRollouts).toBeLessThan(1.15);
    }
  });

  it("throwing the surplus away costs what is thrown away, and a window needs fewer rounds than refilling", () => {
    for (const p of POPULATIONS) {
      expect(of("batch_min", p).surplus).toBeGreaterThan(0.02);
      expect(of("batch_min", p).snrPerRollouts).toBeLessThan(of("batch_window", p).snrPerRollouts);
      expect(of("batch_window", p).rounds).toBeLessThan(of("dynamic", p).rounds);
      expect(of("batch_window", p).surplus).toBe(0);
    }
  });

  it("waste adds up to less than everything, and is smaller where problems are chosen", () => {
    for (const r of rows) expect(r.solved + r.failed + r.stale + r.surplus).toBeLessThan(1);
    for (const p of POPULATIONS) {
      const [a, d] = [of("adaptive", p), of("dynamic", p)];
      expect(a.solved + a.failed).toBeLessThan(d.solved + d.failed);
    }
  });

  it("prints tables of at most 80 columns", () => {
    for (const line of tableOf(rows)) expect(line.length).toBeLessThanOrEqual(80);
  });
});
