/** The public face of equivalence checking, as the rewarder, `verify` and `testbench` use it. */

import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { type Checker, type CheckerOptions, makeChecker } from "../../src/equiv/checker.js";
import type { Proof } from "../../src/equiv/formal/proof.js";
import type { SimResult, Simulator } from "../../src/sim/simulator.js";
import { type Admitted, gate, tokenize } from "../../src/verilog/gate.js";
import { problem, signal, tools } from "../reward/harness.js";

const dir = mkdtempSync(join(tmpdir(), "checker-test-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
const opened: Checker[] = [];
afterEach(async () => {
  for (const c of opened.splice(0)) await c.close();
});

function open(options: Partial<CheckerOptions> = {}): Checker {
  const checker = makeChecker({
    tools: tools(),
    cacheDir: mkdtempSync(join(dir, "cache-")),
    scratchDir: join(dir, "scratch"),
    concurrency: 2,
    engine: "spawn",
    mutants: 0,
    prover: null,
    retries: 0,
    stimulus: { vectors: 200, exhaustiveBits: 10 },
    ...options,
  });
  opened.push(checker);
  return checker;
}
function design(text: string): Admitted {
  const gated = gate(text);
  if (!gated.ok) throw new Error(gated.reason);
  return gated.admitted;
}

const GOLDEN = "module top_module(input [3:0] a, b, output [3:0] y, output z);\n  assign y = a & b;\n";
const p = problem(`${GOLDEN}  assign z = ^a;\nendmodule`);
const equal = design(`${GOLDEN}  assign z = ~(~^a);\nendmodule`);
const wrong = design(`${GOLDEN}  assign z = |a;\nendmodule`);

describe("a check", () => {
  it("tells equal from wrong, and how much of a wrong design is right where that is asked for", async () => {
    const c = open();
    expect(await c.check(p, equal, { agreement: true }, signal())).toMatchObject({
      outcome: "pass",
      agreement: null,
    });
    const plain = await c.check(p, wrong, { agreement: false }, signal());
    expect(plain).toMatchObject({ kind: "judged", outcome: "mismatch", agreement: null });
    const measured = await c.check(p, wrong, { agreement: true }, signal());
    if (measured.kind !== "judged" || measured.agreement === null) throw new Error("not measured");
    // One of two outputs; z is right for 0 and for an odd number of ones.
    expect(measured.agreement).toEqual({ vectors: 9 / 16, outputs: 0.5 });
    expect(c.stats().latency.count).toBe(3);
    expect([...c.stats().byProblem.keys()]).toEqual([p.id]);
  });

  it("with a golden that cannot judge is a failure of the machinery; prepare says refused", async () => {
    const c = open();
    const bad = problem("module top_module(input a, output y); initial $finish; endmodule", "bad");
    expect(await c.prepare(bad, signal())).toMatchObject({ kind: "refused", reason: /^golden, line 1: / });
    const checked = await c.check(bad, equal, { agreement: false }, signal());
    expect(checked).toMatchObject({ kind: "infra", code: "refused", retryable: false });
    expect(checked).toMatchObject({ log: /^problem bad cannot serve: golden, line 1: / });
  });

  it("while the simulator fails says so, and names the problem only where a candidate waits", async () => {
    const fault: SimResult = { kind: "infra", code: "ENOSPC", retryable: false, log: "disk full" };
    const simulator: Simulator = { run: async () => fault, close: async () => {} };
    const c = open({ simulator });
    expect(await c.prepare(p, signal())).toMatchObject({ kind: "infra", code: "ENOSPC", log: "disk full" });
    expect(await c.check(p, equal, { agreement: false }, signal())).toMatchObject({
      kind: "infra",
      log: "preparing p: disk full",
    });
  });

  it("is made again with other vectors by a golden of its own", async () => {
    const clocked = (end: string): string =>
      `module top_module(input clk, input d, output reg q); reg [15:0] n = 0;
       always @(posedge clk) begin n <= n + 1; q <= d${end}; end endmodule`;
    const slow = problem(clocked(""), "slow");
    const c = open({ auditVectors: 10_000 });
    const late = design(clocked(" ^ (n >= 3000)"));
    expect(await c.check(slow, late, { agreement: false }, signal())).toMatchObject({ outcome: "pass" });
    expect(await c.checkAgain(slow, late, signal())).toMatchObject({ outcome: "mismatch" });
    expect(await c.checkAgain(slow, design(clocked("")), signal())).toMatchObject({ outcome: "pass" });
  });
});

describe("what it says beside the verdict", () => {
  it("shows the first difference of the check, and that of a counterexample", async () => {
    const c = open();
    const found = await c.explain(p, wrong, { kind: "check", record: "latest" }, signal());
    expect(found).toMatchObject({ kind: "explained", explanation: { equal: false, first: { signal: "z" } } });
    const counterexample = { cycles: [{ a: "0110", b: "0000" }], signal: "z", expected: "0", got: "1" };
    const played = await c.explain(p, wrong, { kind: "counterexample", counterexample }, signal());
    expect(played).toMatchObject({
      explanation: { first: { signal: "z", expected: "0", got: "1", inputs: { a: "0110", b: "0000" } } },
    });
    const other = design("module other(input a, output y); assign y = a; endmodule");
    expect(await c.explain(p, other, { kind: "check", record: "latest" }, signal())).toEqual({
      kind: "unexplained",
      why: "no module top_module",
    });
  });

  it("hands the prover both designs as the gate let them through", async () => {
    const seen: string[][] = [];
    const prover = {
      prove: async (job: { golden: Admitted; candidate: Admitted }): Promise<Proof> => {
        seen.push([job.golden, job.candidate].map((d) => d.modules.join()));
        return { kind: "equal", ms: 1 };
      },
      close: async () => {},
    };
    const c = open({ prover });
    expect(c.canProve).toBe(true);
    expect(await c.prove(p, equal, 1, signal())).toEqual({ kind: "equal", ms: 1 });
    expect(seen).toEqual([["top_module", "top_module"]]);
    const without = open();
    expect(without.canProve).toBe(false);
    expect(await without.prove(p, equal, 1, signal())).toMatchObject({ kind: "undecided" });
  });

  it("names candidates by text up to blanks and comments, and apart for each golden", () => {
    const c = open();
    const key = (text: string, of = p): string => {
      const lexed = tokenize(text);
      if (!lexed.ok) throw new Error(lexed.reason);
      return c.candidateKey(of, lexed.tokens);
    };
    expect(key("module m; endmodule")).toBe(key("module m ;// x\nendmodule\n"));
    expect(key("module m; endmodule")).not.toBe(key("module n; endmodule"));
    expect(key("module m; endmodule")).not.toBe(key("module m; endmodule", problem("module q;", "q")));
  });
});

describe("quarantine", () => {
  it("holds at once, and for the next process that opens the same cache", async () => {
    const cacheDir = mkdtempSync(join(dir, "shared-"));
    const first = open({ cacheDir });
    expect(() => first.quarantine(p, "too early")).toThrow("nothing was checked with");
    await first.prepare(p, signal());
    expect(first.quarantined(p)).toBeNull();
    const full = first.quarantine(p, "because");
    expect(full).toMatch(/^because; to lift the quarantine, delete .*\.json$/);
    expect([first.quarantined(p), open({ cacheDir }).quarantined(p)]).toEqual([full, full]);
    expect(open().quarantined(p)).toBeNull();
  });
});

it("keeps its goldens in one file each, and takes its working files away", async () => {
  const cacheDir = mkdtempSync(join(dir, "one-"));
  const scratchDir = mkdtempSync(join(dir, "own-"));
  const c = makeChecker({ tools: tools(), cacheDir, scratchDir, engine: "spawn", mutants: 0, prover: null });
  await c.check(p, equal, { agreement: false }, signal());
  const [golden, ...more] = readdirSync(join(cacheDir, "goldens"), {
    recursive: true,
    encoding: "utf8",
  }).filter((f) => f.endsWith(".json"));
  expect(more).toEqual([]);
  expect(JSON.parse(readFileSync(join(cacheDir, "goldens", golden!), "utf8")).preparation.key).toBe(
    c.goldenKey(p),
  );
  await c.close();
  expect(readdirSync(scratchDir)).toEqual([]);
});
