/** The share of passes that is checked again: which ones, with what, and what comes of it. */

import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { seed } from "../../src/core/units.js";
import type { RewarderOptions } from "../../src/reward/rewarder.js";
import { makeSecondLook } from "../../src/reward/second-look.js";
import { makePool } from "../../src/sim/pool.js";
import type { SimJob, SimResult, Simulator } from "../../src/sim/simulator.js";
import { DEFAULT_LIMITS } from "../../src/sim/simulator.js";
import { makeSpawnSimulator } from "../../src/sim/spawn.js";
import { answer, open, problem, signal, tools } from "./harness.js";

const p = problem(
  "module top_module(input clk, input d, output reg q); always @(posedge clk) q <= d; endmodule",
);
const good =
  "module top_module(input clk, input d, output reg q); always @(posedge clk) q <= d & 1'b1; endmodule";
/** Right for its first 2999 clock edges. */
const slowPoison = `module top_module(input clk, input d, output reg q); reg [15:0] n = 0;
always @(posedge clk) begin n <= n + 1; q <= d ^ (n >= 3000); end endmodule`;

const opened: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0)) await close();
});
const bench = (options: Partial<RewarderOptions> = {}) => {
  const b = open({
    prover: null,
    retries: 0,
    mutants: 0,
    stimulus: { vectors: 200, exhaustiveBits: 10 },
    ...options,
  });
  opened.push(b.close);
  return b;
};

describe("audit", () => {
  it("finds what the ordinary vectors do not reach", async () => {
    const without = bench({ audit: { share: 0, vectors: 10_000 } });
    expect((await without.scored(p, slowPoison)).outcome).toBe("pass");
    const b = bench({ audit: { share: 1, vectors: 10_000 } });
    const fine = await b.scored(p, good);
    expect([fine.passed, fine.second]).toEqual([true, { audited: true, formal: "none", alarm: null }]);
    const v = await b.scored(p, slowPoison);
    expect([v.outcome, v.reward, v.passed, v.proof]).toEqual(["mismatch", 0, false, "none"]);
    expect(v.log).toMatch(/^passes the check, but fails an audit with 10000 other vectors: outputs differ/);
    expect(v.second?.alarm).toMatch(/^a design that passes the check of p fails an audit/);
    expect((await b.rewarder.stats()).audits).toEqual({ made: 2, unmade: 0 });
    // Also what passed before: the problem cannot be judged.
    expect(await b.score(p, good)).toMatchObject({ kind: "infra", code: "quarantined" });
  });

  it("a design with few inputs is not simply enumerated again", async () => {
    const small = problem("module top_module(input [3:0] a, output y); assign y = ^a; endmodule");
    // Latches on what it is given: wrong after thirty different inputs in a row.
    const counting = `module top_module(input [3:0] a, output y); reg [15:0] n = 0;
always @(a) n = n + 1; assign y = ^a ^ (n > 400); endmodule`;
    const b = bench({ audit: { share: 1, vectors: 2000 } });
    expect((await b.scored(small, counting)).outcome).toBe("mismatch");
  });

  it("chooses by golden, candidate and seed: about the share, and the same again", async () => {
    const looks = makeSecondLook({
      audit: { share: 0.02, vectors: 10 },
      formal: { when: "audit", seconds: 1 },
      checker: {
        canProve: false,
        checkAgain: () => Promise.reject(new Error("not used")),
        provable: () => Promise.reject(new Error("not used")),
        prove: () => Promise.reject(new Error("not used")),
      },
    });
    const chosen = (golden: string): number[] =>
      Array.from({ length: 20_000 }, (_, k) => k).filter(
        (k) => looks.looksFor(golden, `c${k % 100}`, k, "sim").audit,
      );
    const first = chosen("g");
    expect(first.length).toBeGreaterThan(300);
    expect(first.length).toBeLessThan(500);
    expect(chosen("g")).toEqual(first);
    expect(chosen("h")).not.toEqual(first);
    expect(looks.looksFor("g", "c", 0, "formal")).toEqual({ audit: true, formal: "asked" });
  });

  it("of a cached pass, when another rollout of the same text is chosen", async () => {
    const b = bench({ audit: { share: 0.5, vectors: 300 } });
    const audited: boolean[] = [];
    for (let s = 0; s < 24; s++) {
      const v = await b.rewarder.score({ problem: p, text: answer(good), seed: seed(s) }, signal());
      if (v.kind !== "scored") throw new Error(v.log);
      expect([v.passed, v.cached]).toEqual([true, s > 0]);
      audited.push(v.second?.audited === true);
    }
    expect(new Set(audited).size).toBe(2);
  });

  it("works when nothing else is in line", async () => {
    const pool = makePool(1, () => 0);
    const order: string[] = [];
    const go = (name: string, later: boolean): Promise<void> =>
      pool.run(async () => {
        order.push(name);
        await new Promise((done) => setImmediate(done));
      }, later);
    const first = go("first", false);
    const audits = [go("audit 1", true), go("audit 2", true)];
    const checks = [go("check 1", false), go("check 2", false)];
    expect(pool.waiting()).toMatchObject({ queued: 4, running: 1 });
    await Promise.all([first, ...audits, ...checks]);
    expect(order).toEqual(["first", "check 1", "check 2", "audit 1", "audit 2"]);
  });
});

describe("an audit that cannot be made", () => {
  /** The real simulator until `fault` is set. */
  const faulty = (): Simulator & { fault: SimResult | null } => {
    const real = makeSpawnSimulator({
      tools: tools(),
      scratchDir: mkdtempSync(join(tmpdir(), "audit-")),
      limits: DEFAULT_LIMITS,
    });
    const it = {
      fault: null as SimResult | null,
      run: async (job: SimJob, s: AbortSignal): Promise<SimResult> => it.fault ?? real.run(job, s),
      close: () => real.close(),
    };
    return it;
  };
  const formal = (b: ReturnType<typeof bench>) =>
    b.rewarder.score({ problem: p, text: answer(good), seed: seed(1), tier: "formal" }, signal());

  it("for the machinery's fault: infra, and made when it heals", async () => {
    const simulator = faulty();
    const b = bench({ simulator, audit: { share: 0, vectors: 300 } });
    expect((await b.scored(p, good)).passed).toBe(true);
    simulator.fault = { kind: "infra", code: "ENOSPC", retryable: true, log: "disk full" };
    expect(await formal(b)).toMatchObject({ kind: "infra", code: "ENOSPC" });
    simulator.fault = null;
    expect(await formal(b)).toMatchObject({ kind: "scored", passed: true, second: { audited: true } });
  });

  it("for want of time: the pass stands, and is counted", async () => {
    const simulator = faulty();
    const b = bench({ simulator, audit: { share: 0, vectors: 300 } });
    expect((await b.scored(p, good)).passed).toBe(true);
    simulator.fault = { kind: "timeout", stage: "run", log: "2 s of CPU" };
    const v = await formal(b);
    expect(v).toMatchObject({ kind: "scored", passed: true, second: { audited: false, alarm: null } });
    expect(v.log).toContain("no audit: golden is too slow");
    expect((await b.rewarder.stats()).audits).toEqual({ made: 0, unmade: 1 });
  });
});
