/** Pairs of designs whose equality is argued by hand. Every one has to be judged right. */

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CASES } from "../../designs/pairs/index.js";
import { open, problem, signal } from "../reward/harness.js";

describe("pairs judged by hand", () => {
  // As the vectors are, before mutants of the golden have asked for more: that costs a test minutes.
  const bench = open({ mutants: 0 });
  const problems = new Map(CASES.map((c) => [c.name, problem(c.golden, c.name.replace(/\W+/g, "-"))]));
  beforeAll(async () => {
    const refused = await bench.rewarder.prepare([...problems.values()], () => {}, signal());
    expect([...refused]).toEqual([]);
  }, 180_000);
  afterAll(() => bench.close());

  it("are many, and of both kinds", () => {
    const all = CASES.flatMap((c) => c.variants);
    expect(problems.size).toBe(CASES.length);
    expect(all.filter((v) => v.equal).length).toBeGreaterThanOrEqual(60);
    expect(all.filter((v) => !v.equal).length).toBeGreaterThanOrEqual(100);
  });

  it.each(CASES.map((c) => [c.name, c] as const))("%s", async (name, c) => {
    const p = problems.get(name)!;
    const itself = await bench.scored(p, c.golden);
    expect(itself.passed).toBe(true);
    const verdicts = await Promise.all(c.variants.map((v) => bench.scored(p, v.code)));
    const wrong = c.variants.flatMap((v, k) => {
      const { passed, outcome, log } = verdicts[k]!;
      // A variant that does not compile would be rejected for the wrong reason.
      return passed === v.equal && outcome !== "compile" ? [] : [`${v.why}: ${outcome} ${log}`];
    });
    expect(wrong).toEqual([]);
  });
});
