/** What a second tier may change about a pass: a proof, a refutation, a doubt, or nothing. */

import { afterEach, describe, expect, it } from "vitest";
import type { ScoredVerdict, Verdict } from "../../src/core/types.js";
import { seed } from "../../src/core/units.js";
import type { Proof, ProofJob } from "../../src/equiv/formal/proof.js";
import type { RewarderOptions } from "../../src/reward/rewarder.js";
import { render } from "../../src/verilog/lexer.js";
import { answer, open, problem, signal, tools } from "./harness.js";

const p = problem("module top_module(input a, b, output y); assign y = a & b; endmodule");
const good = "`define OP &\nmodule top_module(input a, b, output y); assign y = b `OP a; /* c */ endmodule";
const wrong = "module top_module(input a, b, output y); assign y = a | b; endmodule";

const opened: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0)) await close();
});

const different = (replayed: boolean): Proof => ({
  kind: "different",
  counterexample: { cycles: [{ a: "1", b: "0" }], signal: "y", expected: "0", got: "1" },
  replayed,
  ms: 1,
});

/** A rewarder whose formal engine always says the same. */
function bench(proof: Proof, options: Partial<RewarderOptions> = {}) {
  const jobs: ProofJob[] = [];
  const prover = {
    prove: async (job: ProofJob) => {
      jobs.push(job);
      return proof;
    },
    close: async () => {},
  };
  const b = open({ prover, retries: 1, mutants: 0, audit: { share: 0, vectors: 64 }, ...options });
  opened.push(b.close);
  const score = (code: string, tier: "sim" | "formal", s = 1): Promise<Verdict> =>
    b.rewarder.score({ problem: p, text: answer(code), seed: seed(s), tier }, signal());
  const scored = async (code: string, tier: "sim" | "formal", s = 1): Promise<ScoredVerdict> => {
    const v = await score(code, tier, s);
    if (v.kind !== "scored") throw new Error(`infra ${v.code}: ${v.log}`);
    return v;
  };
  return { ...b, jobs, score, scored };
}

describe("tier formal", () => {
  it("equal: the pass is proved", async () => {
    const b = bench({ kind: "equal", ms: 1 }, { formal: { when: "never", seconds: 2.5 } });
    const v = await b.scored(good, "formal");
    expect([v.passed, v.reward, v.proof, v.log]).toEqual([true, 1, "formal", ""]);
    expect(v.second).toEqual({ audited: true, formal: "equal", alarm: null });
    const [job] = b.jobs;
    expect(job).toMatchObject({ top: "top_module", seconds: 2.5 });
    const text = render(job!.candidate.tokens);
    expect(text).not.toMatch(/`|\/\*/);
    expect(text.replace(/\s/g, "")).toContain("assigny=b&a;");
    expect(job!.iface.outputs.map((o) => o.name)).toEqual(["y"]);
    // The twin is neither simulated nor proved again.
    expect((await b.scored(`${good}\n// again`, "formal", 2)).proof).toBe("formal");
    expect(b.jobs.length).toBe(1);
  });

  it("undecided: the pass stands, with the reason in its log", async () => {
    const b = bench({ kind: "undecided", reason: "out of time", ms: 3000 });
    const v = await b.scored(good, "formal");
    expect([v.passed, v.proof, v.log]).toEqual([true, "simulated", "not proved: out of time"]);
    expect((await b.rewarder.stats()).formal.undecided).toBe(1);
  });

  it("different, and the simulator agrees: wrong, and an alarm", async () => {
    const b = bench(different(true));
    const v = await b.scored(good, "formal");
    expect([v.passed, v.reward, v.outcome, v.proof]).toEqual([false, 0, "mismatch", "none"]);
    expect(v.log).toMatch(/refuted by the formal engine and the simulator: y is 1, expected 0, in cycle 1/);
    expect(v.second).toMatchObject({ formal: "refuted", alarm: expect.stringContaining("delete ") });
    const later = await b.score(good, "sim");
    expect(later).toMatchObject({ kind: "infra", code: "quarantined", retryable: false });
    expect((await b.rewarder.stats()).quarantined.get(p.id)).toContain("refuted");
  });

  it("different, but the simulator does not show it: the pass stands and is counted", async () => {
    const b = bench(different(false));
    const v = await b.scored(good, "formal");
    expect([v.passed, v.proof, v.second?.formal, v.second?.alarm]).toEqual([
      true,
      "simulated",
      "unconfirmed",
      null,
    ]);
    expect(v.log).toContain("not confirmed by the simulator");
    expect((await b.rewarder.stats()).formal.unconfirmed).toBe(1);
  });

  it("a failing engine takes nothing from the pass, and is tried again", async () => {
    const b = bench({ kind: "infra", code: "EAGAIN", retryable: true, log: "no process" });
    const v = await b.scored(good, "formal");
    expect([v.passed, v.proof, v.second?.formal]).toEqual([true, "simulated", "undecided"]);
    expect(v.log).toBe("not proved: EAGAIN: no process");
    expect(b.jobs.length).toBe(2);
  });

  it("no engine: said in the log", async () => {
    const b = bench({ kind: "equal", ms: 1 }, { prover: null });
    expect((await b.scored(good, "formal")).log).toBe("not proved: there is no formal engine");
    expect((await b.rewarder.environment()).formal).toBeNull();
  });

  it("what fails the simulation is not proved", async () => {
    const b = bench({ kind: "equal", ms: 1 });
    expect((await b.scored(wrong, "formal")).outcome).toBe("mismatch");
    expect(b.jobs.length).toBe(0);
  });
});

describe("reward.formal.when", () => {
  it.each([
    ["never", 1, 0],
    ["audit", 0, 0],
    ["audit", 1, 1],
    ["always", 0, 1],
  ] as const)("%s, with an audit share of %d: %d proofs of a pass", async (when, share, proofs) => {
    const b = bench(
      { kind: "equal", ms: 1 },
      { audit: { share, vectors: 64 }, formal: { when, seconds: 1 } },
    );
    const v = await b.scored(good, "sim");
    // Before the first proof that the config chooses, the golden is tried against itself.
    expect([b.jobs.length, v.proof]).toEqual([2 * proofs, proofs === 1 ? "formal" : "simulated"]);
  });
});

it("a golden that cannot be proved equal to itself is passed over, unless the request asks", async () => {
  const b = bench(
    { kind: "undecided", reason: "out of time", ms: 1 },
    { formal: { when: "always", seconds: 1 } },
  );
  const v = await b.scored(good, "sim");
  expect([b.jobs.length, v.proof, v.second?.formal ?? "none"]).toEqual([1, "simulated", "none"]);
  expect((await b.scored(good, "formal")).second?.formal).toBe("undecided");
  expect(b.jobs.length).toBe(2);
});

describe.skipIf(tools().yosys === null)("with Yosys", () => {
  const wide = problem("module top_module(input [23:0] a, output y); assign y = ^a; endmodule", "wide");
  const real = (): ReturnType<typeof open> => {
    const b = open({ mutants: 0, formal: { when: "always", seconds: 20 }, audit: { share: 0, vectors: 64 } });
    opened.push(b.close);
    return b;
  };

  it("proves an equal design", async () => {
    const v = await real().scored(
      wide,
      "module top_module(input [23:0] a, output y); assign y = ~(~^a); endmodule",
    );
    expect([v.passed, v.proof, v.log]).toEqual([true, "formal", ""]);
  });

  it("finds the one input in sixteen million that simulation does not try", async () => {
    const b = real();
    const v = await b.scored(
      wide,
      "module top_module(input [23:0] a, output y); assign y = (a * 24'd77 == 24'd5150127) ^ (^a); endmodule",
    );
    expect([v.outcome, v.second?.formal]).toEqual(["mismatch", "refuted"]);
    const next = await b.score(wide, "module top_module(input [23:0] a, output y); assign y = ^a; endmodule");
    expect(next).toMatchObject({ kind: "infra", code: "quarantined" });
  });
});
