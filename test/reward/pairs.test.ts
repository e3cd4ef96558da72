/** Pairs of designs whose equality is argued by hand; every one has to be judged right. */

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { open, problem, signal } from "./bench.js";
import { CASES } from "./pairs/index.js";

describe("pairs judged by hand", () => {
  const bench = open();
  const problems = new Map(CASES.map((c) => [c.name, problem(c.golden, c.name.replace(/\W+/g, "-"))]));
  beforeAll(async () => {
    const refused = await bench.rewarder.prepare([...problems.values()], () => {}, signal());
    expect([...refused]).toEqual([]);
  }, 120_000);
  afterAll(() => bench.close());

  it("are many, and of both kinds", () => {
    const all = CASES.flatMap((c) => c.variants);
    expect(problems.size).toBe(CASES.length);
    expect(all.filter((v) => v.equal).length).toBeGreaterThanOrEqual(60);
    expect(all.filter((v) => !v.equal).length).toBeGreaterThanOrEqual(100);
  });

  it.each(CASES.map((c) => [c.name, c] as const))("%s", async (name, c) => {
    const p = problems.get(name)!;
    const verdicts = await Promise.all(
      [c.golden, ...c.variants.map((v) => v.code)].map((v) => bench.scored(p, v)),
    );
    const got = verdicts
      .slice(1)
      .map(
        (v, k) =>
          `${c.variants[k]!.why}: ${v.passed ? "equal" : "unequal"} ${v.outcome === "compile" ? v.log : ""}`,
      );
    const want = c.variants.map((v) => `${v.why}: ${v.equal ? "equal" : "unequal"} `);
    expect(verdicts[0]!.passed).toBe(true);
    expect(got).toEqual(want);
  });
});
