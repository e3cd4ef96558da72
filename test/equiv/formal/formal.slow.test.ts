/** Proofs of known pairs: equal and unequal designs of every kind, what is not decided, and what the machinery does. */

import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import type { Proof } from "../../../src/equiv/formal/proof.js";
import { makeProver, type ProverDeps } from "../../../src/equiv/formal/prover.js";
import { readInterfaces } from "../../../src/equiv/golden/netlists.js";
import { interfaceOf } from "../../../src/equiv/golden/prepare.js";
import { secretNames } from "../../../src/equiv/testbench/names.js";
import { openSandbox, withProc } from "../../../src/sim/sandbox.js";
import { DEFAULT_LIMITS } from "../../../src/sim/simulator.js";
import { makeSpawnSimulator } from "../../../src/sim/spawn.js";
import { gate } from "../../../src/verilog/gate.js";
import { render } from "../../../src/verilog/lexer.js";
import { signal, tools } from "../../reward/harness.js";

const dir = mkdtempSync(join(tmpdir(), "formal-test-"));
const simulator = makeSpawnSimulator({
  tools: tools(),
  scratchDir: join(dir, "simulator"),
  limits: DEFAULT_LIMITS,
});
const yosys = tools().yosys;
const openProver = (more: Partial<ProverDeps> = {}) =>
  makeProver({
    yosys: yosys?.path ?? null,
    simulator,
    names: secretNames,
    scratchDir: join(dir, "prover"),
    ...more,
  });
const prover = openProver();
afterAll(async () => {
  await prover.close();
  await simulator.close();
  rmSync(dir, { recursive: true, force: true });
});

const admitted = (text: string) => {
  const gated = gate(text);
  if (!gated.ok) throw new Error(gated.reason);
  return gated.admitted;
};

async function prove(golden: string, candidate: string, by = prover, seconds = 20): Promise<Proof> {
  const g = admitted(golden);
  const source = render(g.tokens);
  const deps = { yosys: yosys!.path, scratchDir: join(dir, "interfaces") };
  const [netlist] = await readInterfaces([{ source, top: "m" }], deps, signal());
  const iface = interfaceOf(g, "m", netlist!);
  if (!iface.ok) throw new Error(iface.reason);
  const job = { golden: g, candidate: admitted(candidate), top: "m", iface: iface.iface };
  return by.prove({ ...job, seconds }, signal());
}

const ADDER = "module m(input [7:0] a, b, output [7:0] y); assign y = a + b; endmodule";
const COUNTER = (body: string): string =>
  `module m(input clk, input rst, input en, output reg [7:0] q); ${body} endmodule`;
const SYNC = COUNTER("always @(posedge clk) if (rst) q <= 0; else if (en) q <= q + 1;");
const ASYNC = COUNTER("always @(posedge clk or posedge rst) if (rst) q <= 0; else if (en) q <= q + 1;");
const FIFO = (guard: string): string => `module m(input clk, input rst, input put, input take, input [3:0] d,
  output [3:0] q, output full, output empty);
  reg [3:0] mem [0:3]; reg [2:0] n; reg [1:0] w, r;
  assign full = n == 4; assign empty = n == 0; assign q = mem[r];
  wire doput = put ${guard}; wire dotake = take && !empty;
  always @(posedge clk) if (rst) begin n <= 0; w <= 0; r <= 0; end
    else begin
      if (doput) begin mem[w] <= d; w <= w + 1; end
      if (dotake) r <= r + 1;
      n <= n + doput - dotake;
    end
endmodule`;
const TWO_CLOCKS = (
  edge: string,
): string => `module m(input ca, input cb, input d, output reg qa, output reg qb);
  always @(posedge ca) qa <= d; always @(${edge} cb) qb <= qa; endmodule`;

const EQUAL: readonly (readonly [string, string, string])[] = [
  ["a sum in another order", ADDER, ADDER.replace("a + b", "b + a")],
  ["a subtraction of the complement", ADDER, ADDER.replace("a + b", "a - (~b + 8'd1)")],
  [
    "a complete list of what a process reads",
    ADDER,
    "module m(input [7:0] a, b, output reg [7:0] y); parameter Z = 0; reg [7:0] t; always @(a or b) begin t = a + Z; y = t + b; end endmodule",
  ],
  [
    "casts to an enumeration",
    `module m(input clk, input rst, input x, output y); typedef enum logic [1:0] {A, B, C} states; states s, n;
      always_comb case (s) A: n = states'(x ? B : A); B: n = states'(x ? B : C); default: n = states'(x ? B : A); endcase
      always_ff @(posedge clk) if (rst) s <= A; else s <= n; assign y = s == C; endmodule`,
    `module m(input clk, input rst, input x, output y); reg [1:0] s; assign y = s == 2;
      always @(posedge clk) if (rst) s <= 0; else if (x) s <= 1; else s <= s == 1 ? 2 : 0; endmodule`,
  ],
  [
    "a process on everything",
    ADDER,
    "module m(input [7:0] a, b, output reg [7:0] y); always @(*) y = a + b; endmodule",
  ],
  ["products", ADDER.replace("a + b", "a * b"), ADDER.replace("a + b", "b * a")],
  [
    "signed division",
    "module m(input signed [4:0] a, b, output signed [4:0] q, r); assign q = a / b; assign r = a % b; endmodule",
    `module m(input signed [4:0] a, b, output reg signed [4:0] q, r);
      wire [4:0] x = a < 0 ? -a : a, y = b < 0 ? -b : b;
      always @* begin q = (a[4] ^ b[4]) ? -(x / y) : x / y; r = a[4] ? -(x % y) : x % y; end endmodule`,
  ],
  [
    "shifts",
    "module m(input signed [7:0] a, input [3:0] n, output signed [7:0] l, s, output [7:0] r); assign l = a << n; assign r = a >> n; assign s = a >>> n; endmodule",
    `module m(input signed [7:0] a, input [3:0] n, output reg signed [7:0] l, s, output reg [7:0] r);
      integer i; always @* begin l = a; r = a; s = a;
      for (i = 0; i < n; i = i + 1) if (i < 15) begin l = {l[6:0], 1'b0}; r = {1'b0, r[7:1]}; s = {s[7], s[7:1]}; end end endmodule`.replace(
      "i < n; i = i + 1) if (i < 15)",
      "i < 15; i = i + 1) if (i < n)",
    ),
  ],
  [
    "an indexed part select",
    "module m(input [15:0] a, input [1:0] i, output [3:0] y); assign y = a[i*4 +: 4]; endmodule",
    "module m(input [15:0] a, input [1:0] i, output [3:0] y); assign y = i[1] ? (i[0] ? a[15:12] : a[11:8]) : i[0] ? a[7:4] : a[3:0]; endmodule",
  ],
  ["an enable written out", SYNC, COUNTER("always @(posedge clk) q <= rst ? 8'd0 : q + {7'd0, en};")],
  [
    "a register kept inverted",
    SYNC,
    "module m(input clk, input rst, input en, output [7:0] q); reg [7:0] n; assign q = ~n; always @(posedge clk) if (rst) n <= 8'hff; else if (en) n <= n - 1; endmodule",
  ],
  [
    "another encoding of states",
    `module m(input clk, input rst, input x, output y); reg [1:0] s; assign y = s == 2;
      always @(posedge clk) if (rst) s <= 0; else case (s) 0: s <= x; 1: s <= x ? 1 : 2; 2: s <= x; default: s <= 0; endcase endmodule`,
    `module m(input clk, input rst, input x, output y); reg [2:0] s; assign y = s[2];
      always @(posedge clk) if (rst) s <= 1; else s <= {s[1] & ~x, x, (s[0] | s[2]) & ~x}; endmodule`,
  ],
  ["an asynchronous reset", ASYNC, ASYNC.replace("q + 1", "1 + q")],
  [
    "an asynchronous reset of the other polarity, inverted",
    ASYNC,
    COUNTER("wire n = !rst; always @(posedge clk or negedge n) if (!n) q <= 0; else if (en) q <= q + 1;"),
  ],
  [
    "no reset at all",
    "module m(input clk, input d, output reg q); always @(posedge clk) q <= d; endmodule",
    "module m(input clk, input d, output q); reg other; assign q = other; always @(posedge clk) other <= d; endmodule",
  ],
  [
    "both edges",
    "module m(input clk, input d, output q); reg p, n; always @(posedge clk) p <= d; always @(negedge clk) n <= d; assign q = clk ? p : n; endmodule",
    "module m(input clk, input d, output q); reg p, n; assign q = (clk & p) | (~clk & n); always @(negedge clk) n <= d; always @(posedge clk) p <= d; endmodule",
  ],
  [
    "a clock that its own register reads",
    "module m(input clk, input [3:0] d, output reg [3:0] q); always @(posedge clk) q <= clk ? d : ~d; endmodule",
    "module m(input clk, input [3:0] d, output reg [3:0] q); always @(posedge clk) q <= d; endmodule",
  ],
  ["two clocks", TWO_CLOCKS("posedge"), TWO_CLOCKS("posedge").replace("qb <= qa", "qb <= qa ? 1'b1 : 1'b0")],
  [
    "a latch",
    "module m(input en, input [3:0] d, output reg [3:0] q); always @* if (en) q = d; endmodule",
    "module m(input en, input [3:0] d, output reg [3:0] q); always_latch begin if (en == 1'b1) q <= d; end endmodule",
  ],
  ["a memory", FIFO("&& !full"), FIFO("&& (n != 4)")],
  [
    "a golden with open bits",
    "module m(input [1:0] s, output reg y); always @* case (s) 0: y = 0; 1: y = 1; default: y = 1'bx; endcase endmodule",
    "module m(input [1:0] s, output y); assign y = s[0]; endmodule",
  ],
  [
    "a golden that wakes up open",
    "module m(input clk, input load, input [3:0] d, output reg [3:0] q); always @(posedge clk) q <= load ? d : q + 1; endmodule",
    "module m(input clk, input load, input [3:0] d, output reg [3:0] q); initial q = 5; always @(posedge clk) q <= load ? d : q + 1; endmodule",
  ],
  [
    "hints that only a synthesiser obeys",
    "module m(input [1:0] s, output reg y); always @* begin y = 0; if (s == 1) y = 1; end endmodule",
    "module m(input [1:0] s, output reg y); (* keep *) wire u; always @* begin y = 0; (* full_case, parallel_case *) case (s) /* synopsys full_case */ 1: y = 1; endcase end endmodule",
  ],
];

const UNEQUAL: readonly (readonly [string, string, string])[] = [
  ["one wrong corner", ADDER, ADDER.replace("a + b", "(a == 8'h9c && b == 8'h31) ? 8'h00 : a + b")],
  [
    "a constant, without inputs",
    "module m(output y); assign y = 0; endmodule",
    "module m(output y); assign y = 1; endmodule",
  ],
  ["a clock in the place of a reset", SYNC, SYNC.replace("if (rst)", "if (clk)")],
  ["a reset that is synchronous", ASYNC, SYNC],
  ["a reset that is asynchronous", SYNC, ASYNC],
  ["the other edge", SYNC, SYNC.replace("posedge", "negedge")],
  ["the other edge of one of two clocks", TWO_CLOCKS("posedge"), TWO_CLOCKS("negedge")],
  ["a counter that wraps early", SYNC, SYNC.replace("q + 1", "(q == 8'd99 ? 8'd0 : q + 8'd1)")],
  ["a memory without a guard", FIFO("&& !full"), FIFO("")],
  [
    "a latch for the other level",
    "module m(input en, input d, output reg q); always @* if (en) q = d; endmodule",
    "module m(input en, input d, output reg q); always @* if (!en) q = d; endmodule",
  ],
  ["an output that nothing drives", ADDER, "module m(input [7:0] a, b, output [7:0] y); endmodule"],
  ["X where the golden is defined", ADDER, ADDER.replace("a + b", "a == 8'h77 ? 8'bx : a + b")],
  ["a reset that is missing", SYNC, COUNTER("always @(posedge clk) if (en) q <= q + 1;")],
];

describe.skipIf(yosys === null)("pairs that are equal", () => {
  it.each(EQUAL)("%s", async (_name, golden, candidate) => {
    expect(await prove(golden, candidate)).toMatchObject({ kind: "equal" });
  });
});

describe.skipIf(yosys === null)("pairs that differ, as the simulator shows", () => {
  it.each(UNEQUAL)("%s", async (_name, golden, candidate) => {
    expect(await prove(golden, candidate)).toMatchObject({ kind: "different", replayed: true });
  });
});

describe.skipIf(yosys === null)("counterexamples", () => {
  it("hold the inputs of every cycle and the first output that differs", async () => {
    const p = await prove(ADDER, ADDER.replace("a + b", "a == 8'hfe ? 8'h01 : a + b"));
    if (p.kind !== "different") throw new Error(p.kind);
    const [cycle, ...more] = p.counterexample.cycles;
    expect(more).toEqual([]);
    expect(cycle!.a).toBe("11111110");
    expect(p.counterexample.signal).toBe("y");
    expect(p.counterexample.got).toBe("00000001");
    const sum = (254 + Number.parseInt(cycle!.b!, 2)) % 256;
    expect(p.counterexample.expected).toBe(sum.toString(2).padStart(8, "0"));
  });

  it("reach back to power-up, through the reset", async () => {
    const p = await prove(SYNC, SYNC.replace("q + 1", "(q == 4 ? 8'd0 : q + 8'd1)"));
    if (p.kind !== "different") throw new Error(p.kind);
    const { cycles, expected, got } = p.counterexample;
    expect(cycles.slice(0, 3).map((c) => c.rst)).toEqual(["1", "1", "1"]);
    expect(cycles.filter((c) => c.rst === "0" && c.en === "1").length).toBeGreaterThanOrEqual(5);
    expect([expected, got]).toEqual(["00000101", "00000000"]);
  });

  it("that need a register nobody sets are not shown", async () => {
    // `if` on an unknown level takes its else branch: in simulation the output is 0.
    const clocked = (body: string): string =>
      `module m(input clk, input d, output reg y); reg never; always @(posedge clk) begin ${body} end endmodule`;
    const golden = clocked("y <= 0;");
    const lazy = clocked("if (d & ~d) never <= d; if (never) y <= 1; else y <= 0;");
    expect(await prove(golden, lazy)).toMatchObject({ kind: "different", replayed: false });
  });
});

describe.skipIf(yosys === null)("what does not fool it", () => {
  const wrong = "module m(input [1:0] s, output y); assign y = s[1];";
  const golden = "module m(input [1:0] s, output y); assign y = s[0]; endmodule";
  it.each([
    ["an assertion that is false", `${wrong} always @* assert (s == 0); endmodule`],
    ["attributes on wires", `${wrong} (* anyconst *) wire a; (* keep *) wire b; endmodule`],
    ["an attribute on a module", `(* blackbox *) ${wrong} endmodule`],
    ["an attribute on the output", `${wrong.replace("output y", "(* anyseq *) output y")} endmodule`],
    ["a script in a comment", `${wrong} /* \n; write_verilog /tmp/x \n*/ endmodule`],
  ])("%s", async (_name, candidate) => {
    expect(await prove(golden, candidate)).toMatchObject({ kind: "different", replayed: true });
  });

  it("an assumption, which the gate and the prover refuse", async () => {
    expect(gate(`${wrong} always @* assume (0); endmodule`).ok).toBe(false);
    const iface = await prove(golden, golden);
    expect(iface.kind).toBe("equal");
  });
});

describe.skipIf(yosys === null)("what is not decided", () => {
  const hard = (y: string): string =>
    `module m(input [31:0] a, b, c, output [63:0] y); assign y = ${y}; endmodule`;
  it("a product distributed over a sum, within its time", async () => {
    const began = performance.now();
    const p = await prove(hard("(a + 64'd0 + b) * c"), hard("64'd1 * a * c + 64'd1 * b * c"), prover, 1);
    expect(p).toMatchObject({ kind: "undecided", reason: expect.stringContaining("out of time") });
    expect(performance.now() - began).toBeLessThan(6000);
  });

  it.each([
    [
      "a construct that Yosys refuses, with its line",
      "module m(input [7:0] a, b, output [7:0] y);\nassign y = $pow(a, b);\nendmodule",
      /candidate, line 2/,
    ],
    [
      "a module that is not there",
      "module m(input [7:0] a, b, output [7:0] y);\nother o(a, b, y);\nendmodule",
      /other/,
    ],
    ["another width", ADDER.replace("output [7:0] y", "output [6:0] y"), /output y is 7 bits wide/],
    [
      "a look at unknown levels",
      "module m(input [7:0] a, b, output [7:0] y);\n\nassign y = $isunknown(a);\nendmodule",
      /line 3: \$isunknown/,
    ],
    [
      "a process that does not wake on all it reads",
      "module m(input [7:0] a, b, output reg [7:0] y);\nalways @(a) y = a + b;\nendmodule",
      /line 2: the sensitivity list lacks b/,
    ],
    [
      "a loop",
      "module m(input [7:0] a, b, output [7:0] y); wire [7:0] z; assign z = a ^ y; assign y = z & b | y; endmodule",
      /loop/,
    ],
    [
      "a register on data",
      "module m(input clk, input d, output reg q); wire g = clk & d; always @(posedge g) q <= d; endmodule",
      /clock made by logic/,
    ],
  ])("%s", async (_name, candidate, reason) => {
    const golden = candidate.includes("input clk")
      ? "module m(input clk, input d, output reg q); always @(posedge clk) q <= d; endmodule"
      : ADDER;
    expect(await prove(golden, candidate)).toMatchObject({
      kind: "undecided",
      reason: expect.stringMatching(reason),
    });
  });

  it("a design beyond the cap on gates", async () => {
    const small = openProver({ limits: { gates: 200 } });
    const wide = hard("a * b * c");
    expect(await prove(wide, wide, small)).toMatchObject({
      kind: "undecided",
      reason: "more than 200 gates",
    });
  });
});

describe.skipIf(yosys === null)("the machinery", () => {
  const script = (name: string, text: string): string => {
    const path = join(dir, name);
    writeFileSync(path, `#!/bin/sh\n${text}\n`);
    chmodSync(path, 0o755);
    return path;
  };

  it("is to blame when Yosys is missing", async () => {
    for (const path of [null, join(dir, "no-such-yosys")]) {
      const p = await prove(ADDER, ADDER, openProver({ yosys: path }));
      expect(p).toMatchObject({ kind: "infra", code: "ENOENT", retryable: false });
    }
  });

  it("is to blame when Yosys is killed from outside", async () => {
    const killed = script("killed", "kill -9 $$");
    expect(await prove(ADDER, ADDER, openProver({ yosys: killed }))).toMatchObject({
      kind: "infra",
      code: "killed",
      retryable: true,
    });
  });

  it("ends a Yosys that hangs, with all it started, and says undecided", async () => {
    const mark = `9${process.pid}`;
    const hung = script("hung", `sleep ${mark} & sleep ${mark}`);
    const p = await prove(ADDER, ADDER, openProver({ yosys: hung }), 0.3);
    expect(p).toMatchObject({ kind: "undecided", reason: expect.stringContaining("out of time") });
    const { execFileSync } = await import("node:child_process");
    const left = execFileSync("ps", ["-eo", "args"], { encoding: "utf8" });
    expect(left).not.toContain(`sleep ${mark}`);
  });

  it("stops when it is told to", async () => {
    const abort = new AbortController();
    const hung = openProver({ yosys: script("slow", "sleep 30") });
    const iface = { ...(await ifaceOf(ADDER)) };
    const waiting = hung.prove(
      { golden: admitted(ADDER), candidate: admitted(ADDER), top: "m", iface, seconds: 20 },
      abort.signal,
    );
    setTimeout(() => abort.abort(new Error("enough")), 100);
    await expect(waiting).rejects.toThrow("enough");
  });

  it("does without ABC", async () => {
    const alone = openProver({ abc: null });
    expect(
      await prove(SYNC, COUNTER("always @(posedge clk) q <= rst ? 8'd0 : q + {7'd0, en};"), alone),
    ).toMatchObject({ kind: "equal" });
    expect(await prove(ADDER, ADDER.replace("a + b", "a - (~b + 8'd1)"), alone)).toMatchObject({
      kind: "equal",
    });
    expect(await prove(SYNC, SYNC.replace("q + 1", "q + 2"), alone)).toMatchObject({
      kind: "different",
      replayed: true,
    });
    expect(await prove(ADDER, ADDER.replace("+", "|"), alone)).toMatchObject({
      kind: "different",
      replayed: true,
    });
  });

  it("works inside the sandbox where there is one", async () => {
    const { wrap } = openSandbox({
      tools: tools(),
      mode: "auto",
      readOnly: [],
      scratchDir: join(dir, "sandbox"),
    });
    if (wrap === null) return;
    const boxed = openProver({ wrap: withProc(wrap) });
    expect(await prove(SYNC, SYNC, boxed)).toMatchObject({ kind: "equal" });
    expect(await prove(SYNC, ASYNC, boxed)).toMatchObject({ kind: "different", replayed: true });
  });
});

async function ifaceOf(golden: string) {
  const g = admitted(golden);
  const read = interfaceOf(g, "m", null);
  if (!read.ok) throw new Error(read.reason);
  return read.iface;
}
