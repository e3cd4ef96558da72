/** Candidates that cheat or harm: none passes, each ends, none reads, writes or leaves behind anything. */

import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { GOLDEN, mod } from "../../designs/hostile/base.js";
import { hostile } from "../../designs/hostile/index.js";
import type { Verdict } from "../../src/core/types.js";
import { seed } from "../../src/core/units.js";
import { DEFAULT_LIMITS } from "../../src/sim/simulator.js";
import { until } from "../until.js";
import { children, everyIcarus, open, problem, signal } from "./harness.js";

const SECRET = "wsxrfvyhn";
const LIMITS = { ...DEFAULT_LIMITS, compileCpuSeconds: 1, runCpuSeconds: 1, wallMs: 8000 };
const target = problem(GOLDEN, "target");
const answerOf = (code: string): string =>
  `<think></think>\n<answer>\n\`\`\`verilog\n${code}\n\`\`\`\n</answer>`;

const outside = mkdtempSync(join(tmpdir(), "outside-"));
mkdirSync(outside, { recursive: true });
writeFileSync(join(outside, "secret.txt"), `${SECRET}\n`);
const CASES = hostile(outside);
const listing = (): string =>
  JSON.stringify([
    readdirSync(outside),
    readFileSync(join(outside, "secret.txt"), "utf8"),
    statSync(join(outside, "secret.txt")).mtimeMs,
    readdirSync("."),
  ]);
const before = listing();
const openFiles = (): number => readdirSync("/proc/self/fd").length;
const programs = (): string[] =>
  children()
    .map((c) => c.name)
    .filter((n) => n === "vvp" || n === "ivl" || n === "iverilog" || n === "yosys");

afterAll(() => rmSync(outside, { recursive: true, force: true }));

it("are at least eighty, of every family", () => {
  expect(CASES.length).toBeGreaterThanOrEqual(80);
  expect(new Set(CASES.map((c) => c.name)).size).toBe(CASES.length);
  expect(new Set(CASES.map((c) => c.family)).size).toBe(9);
});

describe.each(everyIcarus())("hostile candidates, Icarus %s", (_version, tools) => {
  const bench = open({ limits: LIMITS, tools });
  const verdicts = new Map<string, Verdict>();
  let filesBefore = 0;
  beforeAll(async () => {
    expect((await bench.scored(target, GOLDEN)).outcome).toBe("pass");
    const score = (code: string): Promise<Verdict> =>
      bench.rewarder.score({ problem: target, text: answerOf(code), seed: seed(1) }, signal());
    // Both workers have been started once these are through.
    await Promise.all([1, 2, 3, 4].map((k) => score(mod(`wire w${k};`))));
    filesBefore = openFiles();
    await Promise.all(CASES.map(async (c) => verdicts.set(c.name, await score(c.code))));
  }, 300_000);
  afterAll(() => bench.close());

  it.each(CASES.map((c) => [c.family, c.name, c] as const))("%s: %s", (_family, name, { allowed }) => {
    const v = verdicts.get(name)!;
    if (v.kind !== "scored") throw new Error(`infra ${v.code}: ${v.log}`);
    expect(v.passed).toBe(false);
    expect(v.reward).toBe(0);
    expect(allowed).toContain(v.outcome);
    expect(v.log).not.toContain(SECRET);
  });

  it("leave nothing outside, no process, no stray file, and a rewarder that still works", async () => {
    expect(listing()).toBe(before);
    expect((await bench.scored(target, GOLDEN.replace("q + d", "d + q"))).outcome).toBe("pass");
    expect(Math.abs(openFiles() - filesBefore)).toBeLessThanOrEqual(2);
    const scratch = readdirSync(join(bench.dir, "scratch"), { recursive: true }) as string[];
    const known =
      /^(reward-[^/]+|.*\/(w\d+(\/out)?|stimuli(-\d+)?|proofs)|.*\.(steps|runs|mask)|.*\/(design\.v|design\.vvp|ivl\.conf|compile\.log|run\.log|owner|pid|lock))$/;
    expect(scratch.filter((f) => !known.test(f))).toEqual([]);
    await bench.rewarder.close();
    await until("the end of all children", children, (seen) => seen.length === 0);
    expect(readdirSync(join(bench.dir, "scratch"))).toEqual([]);
  });
});

describe("a hostile candidate", () => {
  it("can be abandoned in the middle, and what ran is killed", async () => {
    const own = open({ limits: LIMITS });
    try {
      await own.rewarder.prepare([target], () => {}, signal());
      const stop = new AbortController();
      const work = own.rewarder.score(
        {
          problem: target,
          text: answerOf(mod("initial forever begin end")),
          seed: seed(1),
        },
        stop.signal,
      );
      await new Promise((r) => setTimeout(r, 300));
      expect(own.rewarder.waiting().running).toBe(1);
      expect(own.rewarder.waiting().oldestMs).toBeGreaterThan(100);
      stop.abort();
      await expect(work).rejects.toThrow("aborted");
      const running = () => own.rewarder.waiting().running;
      await until("the end of the score", running, (seen) => seen === 0);
      expect((await own.scored(target, GOLDEN)).outcome).toBe("pass");
    } finally {
      await own.close();
      await until("the end of all programs", programs, (seen) => seen.length === 0);
    }
  });
});
