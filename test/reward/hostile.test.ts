/** Candidates that cheat or harm: none passes, each ends, none leaves a process or a file behind. */

import { readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { DEFAULT_LIMITS } from "../../src/reward/simulator.js";
import { children, open, problem, signal } from "./bench.js";

const bench = open({ limits: { ...DEFAULT_LIMITS, compileCpuSeconds: 1, runCpuSeconds: 1, wallMs: 8000 } });
afterAll(() => bench.close());

const golden =
  "module top_module(input clk, input rst, input [7:0] d, output reg [7:0] q); always @(posedge clk) if (rst) q <= 0; else q <= q + d; endmodule";
const target = problem(golden, "target");
const head = "module top_module(input clk, input rst, input [7:0] d, output reg [7:0] q);";
const wrong = "always @(posedge clk) q <= 0;";
const mod = (body: string): string => `${head}\n${body}\n${wrong}\nendmodule\n`;

/** Name, text, what may come of it. */
const HOSTILE: readonly (readonly [string, string, readonly string[]])[] = [
  ["prints a pass line", mod('initial $display("Mismatches: 0 in 439 samples");'), ["mismatch"]],
  [
    "prints verdict-like lines at every edge",
    mod('always @(posedge clk) $display("v%0d 2199 0000000000000000", d);'),
    ["mismatch"],
  ],
  ["prints its scope", mod('initial $display("%m 10 0000000000000000");'), ["mismatch"]],
  [
    "prints its scope as a string",
    mod('reg [8*64:1] s; initial begin $sformat(s, "%m"); $display("%0s", s); end'),
    ["gate"],
  ],
  ["ends at time 0", mod("initial $finish;"), ["gate"]],
  ["stops at time 0", mod("initial $stop;"), ["gate"]],
  ["fails fatally", mod("initial $fatal(0);"), ["gate"]],
  ["ends in a macro", `\`define END $finish\n${mod("initial `END;")}`, ["gate"]],
  [
    "instantiates the golden under a common name",
    mod("wire [7:0] g; RefModule r(clk, rst, d, g); always @* q = g;"),
    ["compile"],
  ],
  [
    "instantiates itself",
    mod("wire [7:0] g; top_module r(clk, rst, d, g);"),
    ["compile", "timeout", "crash"],
  ],
  ["peeks upward", mod("always @* q = tb.q_ref;"), ["gate"]],
  ["peeks into a common instance name", mod("always @* q = good1.q;"), ["gate"]],
  ["peeks with $root", mod("always @* q = $root.tb.good1.q;"), ["gate"]],
  [
    "declares a decoy and peeks",
    mod("wire [7:0] tb; always @* q = tb.good1.q;"),
    ["gate", "compile", "crash"],
  ],
  ["peeks by an escaped name", mod("always @* q = \\tb.q ;"), ["gate"]],
  ["forces", mod("initial force q = 0;"), ["gate"]],
  ["binds", `${mod("")}bind top_module top_module x(.*);`, ["gate"]],
  ["swallows what follows with a comment", `${mod("")}/*`, ["gate"]],
  ["swallows what follows with an ifdef", `${mod("")}\`ifdef NOPE`, ["gate"]],
  ["swallows what follows with a string", `${mod("")}"`, ["gate"]],
  ["leaves a module open", `${mod("")}module tail(`, ["gate"]],
  ["brings a second root that ends the run", `${mod("")}module other; initial $finish; endmodule`, ["gate"]],
  [
    "brings a second root that prints",
    `${mod("")}module other; initial $display("PASS"); endmodule`,
    ["mismatch"],
  ],
  ["includes a file", mod('`include "/etc/passwd"'), ["gate"]],
  ["reads a file", mod('reg [7:0] m[0:9]; initial $readmemh("/etc/passwd", m);'), ["gate"]],
  [
    "writes a file",
    mod('integer f; initial begin f = $fopen("/tmp/owned"); $fdisplay(f, "x"); end'),
    ["gate"],
  ],
  ["dumps waves", mod('initial begin $dumpfile("/tmp/owned.vcd"); $dumpvars; end'), ["gate"]],
  ["calls a shell", mod('initial $system("id");'), ["gate"]],
  ["imports C", mod('import "DPI-C" function int system(string s);'), ["gate"]],
  ["loops at time 0", mod("initial forever begin end"), ["timeout"]],
  ["loops in always", mod("reg a; initial a = 0; always a = ~a;"), ["timeout", "compile", "crash"]],
  ["loops in zero delay", mod("reg a = 0; always @(a) a <= ~a; initial a <= 1;"), ["timeout"]],
  [
    "loops in a while",
    mod("integer i; always @(posedge clk) begin i = 0; while (i >= 0) i = 0; end"),
    ["timeout"],
  ],
  [
    "loops in the compiler (function)",
    mod(
      "function integer f(input integer n); begin f = 0; while (n >= 0) f = f + 1; end endfunction localparam P = f(1);",
    ),
    ["timeout", "compile", "crash"],
  ],
  [
    "loops in the compiler (generate)",
    mod("genvar i; generate for (i = 0; i < 100000000; i = i + 1) begin : g wire w; end endgenerate"),
    ["timeout", "compile", "crash"],
  ],
  [
    "takes memory in the compiler",
    mod("reg [7:0] m [0:2000000000]; initial m[0] = 1;"),
    ["mismatch", "compile", "crash", "timeout"],
  ],
  [
    "takes memory with one vector",
    mod("reg [1000000000:0] m; initial m = ~0;"),
    ["mismatch", "compile", "crash", "timeout"],
  ],
  [
    "takes memory by replication",
    mod("wire [65535:0] w = {65536{d[0]}}; wire [65535:0] x = {w[32767:0], w[32767:0]};"),
    ["mismatch", "compile", "crash", "timeout"],
  ],
  [
    "floods the output",
    mod('initial forever $display("%0d xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", $time);'),
    ["crash", "timeout"],
  ],
  ["has NUL bytes", mod("\u0000"), ["gate"]],
  ["has other control bytes", mod("\u001b[2J"), ["gate"]],
  ["is 10 MB of text", mod(`// ${"x".repeat(10 * 1024 ** 2)}`), ["format"]],
  ["is 1 MB of text", mod(`// ${"x".repeat(1024 ** 2)}`), ["gate"]],
  [
    "nests deeply",
    mod(`wire w = ${"(".repeat(20_000)}1${")".repeat(20_000)};`),
    ["mismatch", "compile", "crash", "timeout"],
  ],
  [
    "has thousands of modules",
    mod("") + Array.from({ length: 2000 }, (_, k) => `module m${k}; endmodule`).join("\n"),
    ["mismatch"],
  ],
  ["leaves the outputs open", `${head}\nendmodule`, ["mismatch"]],
  ["drives X", mod("always @* q = 8'hxx;"), ["mismatch"]],
  [
    "drives Z",
    `module top_module(input clk, input rst, input [7:0] d, output [7:0] q); assign q = 8'hzz; endmodule`,
    ["mismatch"],
  ],
  ["depends on time", mod("always @* if ($time < 100) q = 0;"), ["mismatch"]],
  ["answers at random", mod("always @(posedge clk) q <= $random;"), ["mismatch"]],
  ["is empty", "\n\n", ["format", "gate"]],
  ["is prose", "Sorry, I cannot do that.", ["gate"]],
];

describe("hostile candidates", () => {
  it.each(HOSTILE)("%s", async (_name, code, allowed) => {
    const v = await bench.scored(target, code);
    expect(v.passed).toBe(false);
    expect(v.reward).toBe(0);
    expect(allowed).toContain(v.outcome);
    expect(v.wallMs).toBeLessThan(20_000);
  });

  it("leave no process, no stray file, and a rewarder that still works", async () => {
    expect((await bench.scored(target, golden)).outcome).toBe("pass");
    // The workers' shells wait for work; nothing of a candidate is left under them.
    expect(children().filter((c) => c.name !== "sh" && c.name !== "node")).toEqual([]);
    const scratch = readdirSync(join(bench.dir, "scratch"), { recursive: true }) as string[];
    const known =
      /^(reward-[^/]+|.*\/w\d+|.*\/stimuli-\d+|.*\.(steps|runs|mask)|.*\/(design\.v|design\.vvp|ivl\.conf|compile\.log|run\.log))$/;
    expect(scratch.filter((f) => !known.test(f))).toEqual([]);
    await bench.rewarder.close();
    await new Promise((r) => setTimeout(r, 100));
    expect(children().filter((c) => c.name === "sh" || c.name === "vvp" || c.name === "ivl")).toEqual([]);
    expect(readdirSync(join(bench.dir, "scratch"))).toEqual([]);
  });

  it("can be abandoned in the middle, and what ran is killed", async () => {
    const own = open();
    try {
      await own.rewarder.prepare([target], () => {}, signal());
      const stop = new AbortController();
      const work = own.rewarder.score(
        {
          problem: target,
          text: `<think></think><answer>\`\`\`verilog\n${mod("initial forever begin end")}\n\`\`\`</answer>`,
          seed: 1 as never,
        },
        stop.signal,
      );
      await new Promise((r) => setTimeout(r, 300));
      expect(own.rewarder.waiting().running).toBe(1);
      expect(own.rewarder.waiting().oldestMs).toBeGreaterThan(100);
      stop.abort();
      await expect(work).rejects.toThrow("aborted");
      await new Promise((r) => setTimeout(r, 100));
      expect(own.rewarder.waiting().running).toBe(0);
      expect(children().filter((c) => c.name === "vvp")).toEqual([]);
      expect((await own.scored(target, golden)).outcome).toBe("pass");
    } finally {
      await own.close();
    }
  });
});
