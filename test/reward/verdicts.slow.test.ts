/** Equal rewrites pass, wrong designs do not: on a simulator, with hand-written pairs. */

import { afterAll, describe, expect, it } from "vitest";
import { open, problem, signal } from "./harness.js";

const bench = open();
afterAll(() => bench.close());

const ports = "input clk, input rst, input en, input [7:0] d, output reg [7:0] q";
const accumulator = `module top_module(${ports}); always @(posedge clk) if (rst) q <= 0; else if (en) q <= q + d; endmodule`;
const asynchronous = `module top_module(${ports}); always @(posedge clk or posedge rst) if (rst) q <= 0; else if (en) q <= q + d; endmodule`;
const adder = "module top_module(input [7:0] a, b, output [8:0] s); assign s = a + b; endmodule";
const fsm = `module top_module(input clk, input areset, input x, output z);
  reg [1:0] s, n; localparam A=0, B=1, C=2;
  always @(*) case (s) A: n = x ? B : A; B: n = x ? B : C; C: n = x ? B : A; default: n = A; endcase
  always @(posedge clk or posedge areset) if (areset) s <= A; else s <= n;
  assign z = (s == C) && x;
endmodule`;
const oneHot = `module top_module(input clk, input areset, input x, output z);
  reg [2:0] s;
  always @(posedge clk, posedge areset) if (areset) s <= 3'b001; else begin
    s[0] <= ~x & (s[0] | s[2]); s[1] <= x; s[2] <= ~x & s[1]; end
  assign z = s[2] & x;
endmodule`;
const divider = (n: number): string => `module top_module(input clk, input rst, output reg t); reg [13:0] c;
  always @(posedge clk) if (rst) begin c <= 0; t <= 0; end else if (c == ${n - 1}) begin c <= 0; t <= ~t; end else c <= c + 1; endmodule`;
const fifo = (
  guard: string,
): string => `module top_module(input clk, input rst, input wr, input rd, input [7:0] di, output [7:0] do_, output full);
  reg [7:0] m [0:63]; reg [5:0] w, r; reg [6:0] n; assign full = n == 64; assign do_ = m[r];
  wire p = wr ${guard}; wire g = rd && n != 0;
  always @(posedge clk) if (rst) begin w <= 0; r <= 0; n <= 0; end else begin
    if (p) begin m[w] <= di; w <= w + 1; end if (g) r <= r + 1;
    if (p && !g && !full) n <= n + 1; else if (g && !p) n <= n - 1; end
endmodule`;
const lock = (
  last: number,
): string => `module top_module(input clk, input rst, input v, input [7:0] b, output u); reg [1:0] s;
  always @(posedge clk) if (rst) s <= 0; else if (v) case (s) 0: s <= (b == 8'hA5) ? 1 : 0; 1: s <= (b == 8'h3C) ? 2 : 0;
    2: s <= (b == 8'h7E) ? ${last} : 0; default: s <= 3; endcase
  assign u = s == 3; endmodule`;
const hours = (
  turn: string,
): string => `module top_module(input clk, input rst, input ena, output reg pm, output reg [7:0] hh, mm, ss);
  function [7:0] bcd(input [7:0] x); bcd = x[3:0] == 9 ? {x[7:4] + 4'd1, 4'd0} : x + 8'd1; endfunction
  always @(posedge clk) if (rst) begin pm <= 0; hh <= 8'h12; mm <= 0; ss <= 0; end else if (ena) begin
    ss <= ss == 8'h59 ? 0 : bcd(ss);
    if (ss == 8'h59) begin mm <= mm == 8'h59 ? 0 : bcd(mm);
      if (mm == 8'h59) begin hh <= hh == 8'h12 ? 8'h01 : bcd(hh); if (hh == ${turn}) pm <= ~pm; end end end
endmodule`;
const unresetAdder =
  "module top_module(input clk, input d, output reg q); reg p; always @(posedge clk) begin p <= d; q <= p; end endmodule";
const dontCare =
  "module top_module(input [1:0] a, output reg y); always @* case (a) 0: y = 0; 1: y = 1; default: y = 1'bx; endcase endmodule";
const twoClocks = (
  order: string,
): string => `module top_module(input wclk, input rclk, input rst, input [3:0] d, output reg [3:0] q); reg [3:0] t;
  always @(posedge wclk or posedge rst) if (rst) t <= 0; else t <= d;
  always @(posedge ${order} or posedge rst) if (rst) q <= 0; else q <= t; endmodule`;

/** Name, golden, candidates that are equal, candidates that are not. */
const CASES: readonly (readonly [string, string, readonly string[], readonly string[]])[] = [
  [
    "accumulator",
    accumulator,
    [
      accumulator.replace("q + d", "d + q").replace("<= 0", "<= 8'h00"),
      `module top_module(${ports.replace("output reg", "output")}); reg [7:0] r; assign q = r; always @(posedge clk) r <= rst ? 0 : r + (d & {8{en}}); endmodule`,
      // Parts in modules of their own, macros, delays of a register's update.
      `\`timescale 1ns/1ps\n\`define W 8\nmodule top_module(input clk, input rst, input en, input [\`W-1:0] d, output [\`W-1:0] q); acc #(.N(\`W)) u(clk, rst, en, d, q); endmodule\nmodule acc #(parameter N=4)(input c, r, e, input [N-1:0] d, output reg [N-1:0] q); always @(posedge c) if (r) q <= #1 0; else if (e) q <= #1 q + d; endmodule`,
    ],
    [
      asynchronous,
      accumulator.replace("q + d", "q - d"),
      accumulator.replace("posedge", "negedge"),
      accumulator.replace("if (rst) q <= 0; else ", ""),
      accumulator.replace("(en)", "(1)"),
      accumulator.replace("q <= 0", "q <= 1"),
      "module top_module(input clk, input rst, input en, input [7:0] d, output [7:0] q); endmodule",
      "module top_module(input clk, input rst, input en, input [7:0] d, output [7:0] q); assign q = 0; endmodule",
    ],
  ],
  ["asynchronous reset", asynchronous, [asynchronous.replace(" or ", ", ")], [accumulator]],
  [
    "adder",
    adder,
    ["module top_module(input [7:0] a, b, output [8:0] s); assign s = {1'b0, b} + {1'b0, a}; endmodule"],
    [
      adder.replace("a + b", "a - b"),
      adder.replace("a + b", "{1'b0, a[7:0] ^ b}"),
      adder.replace("a + b", "(a == 8'h80 && b == 8'h80) ? 0 : a + b"),
    ],
  ],
  [
    "state machine",
    fsm,
    [fsm, oneHot],
    [oneHot.replace("s[2] & x", "s[2]"), fsm.replace("B: n = x ? B : C", "B: n = x ? A : C")],
  ],
  ["divider by 10000", divider(10_000), [divider(10_000)], [divider(9999), divider(10_001), divider(3000)]],
  ["FIFO of 64 with a full guard", fifo("&& !full"), [fifo("&& n < 64")], [fifo("")]],
  ["clock of twelve hours", hours("8'h11"), [hours("8'h11")], [hours("8'h12"), hours("8'h10")]],
  ["three-byte lock", lock(3), [lock(3)], [lock(0)]],
  [
    "pipeline without a reset",
    unresetAdder,
    [unresetAdder.replace("reg p;", "reg p = 0;")],
    [unresetAdder.replace("q <= p", "q <= d")],
  ],
  [
    "golden X is open",
    dontCare,
    [dontCare, "module top_module(input [1:0] a, output y); assign y = a[0]; endmodule"],
    ["module top_module(input [1:0] a, output y); assign y = ~a[0]; endmodule"],
  ],
  [
    "two clocks",
    twoClocks("rclk"),
    [twoClocks("rclk")],
    [twoClocks("wclk"), twoClocks("rclk").replace("q <= t", "q <= d")],
  ],
];

describe.each(CASES)("%s", (name, golden, equal, wrong) => {
  const p = problem(golden, name.replace(/ /g, "-"));
  it.each(equal.map((c, k) => [k, c] as const))("passes equal design %i", async (_k, code) => {
    const v = await bench.scored(p, code);
    expect([v.outcome, v.log, v.reward]).toEqual(["pass", "", 1]);
    // A share of the passes, chosen by content and simulator, is audited with a proof.
    expect(["simulated", "formal"]).toContain(v.proof);
  });
  it.each(wrong.map((c, k) => [k, c] as const))("rejects wrong design %i", async (_k, code) => {
    const v = await bench.scored(p, code);
    expect([v.outcome, v.reward]).toEqual(["mismatch", 0]);
  });
});

it("X-pessimism of an equal design is not an error, a missing reset is", async () => {
  // While s is unknown the golden's `if` picks a branch where the candidate's operator shows X; both settle alike.
  const golden =
    "module top_module(input clk, input d, output reg q); reg s; always @(posedge clk) begin s <= d; if (s) q <= d; else q <= d; end endmodule";
  const same =
    "module top_module(input clk, input d, output q); reg s, r; always @(posedge clk) begin s <= d; r <= (s & d) | (~s & d); end assign q = r; endmodule";
  expect((await bench.scored(problem(golden, "pessimism"), same)).outcome).toBe("pass");
});

it("an output that depends on power-up is open even where simulation shows a level", async () => {
  const golden =
    "module top_module(input clk, input a, output reg y); reg s; always @(posedge clk) s <= s; always @(posedge clk) if (s) y <= a; else y <= ~a; endmodule";
  const refused = await bench.rewarder.prepare([problem(golden, "powerup")], () => {}, signal());
  expect(refused.get("powerup" as never)).toMatch(/^golden's outputs are never defined \(line \d+: module/);
});

describe("goldens that cannot serve are refused with the reason", () => {
  it.each([
    ["no-outputs", "module top_module(input a); endmodule", "golden has no outputs"],
    ["inout", "module top_module(inout a, output y); assign y = a; endmodule", "line 1: port a is inout"],
    [
      "delays",
      "module top_module(output reg y); initial y = 0; always #5 y = ~y; endmodule",
      "golden, line 1: a process that waits for time",
    ],
    ["undefined", "module top_module(input a, output y); endmodule", "golden's outputs are never defined"],
    [
      "random",
      "module top_module(input a, output y); assign y = $random; endmodule",
      "golden, line 1: system task $random (is not determined by inputs)",
    ],
    [
      "syntax",
      "module top_module(input a, output y);\nassign y = a +;\nendmodule",
      "golden does not compile: line 2: syntax error",
    ],
    [
      "other-top",
      "module other(input a, output y); assign y = a; endmodule",
      "golden has no module top_module (it has other)",
    ],
    [
      "file",
      'module top_module(input a, output y); reg [1:0] m [0:1]; initial $readmemh("x", m); assign y = m[a]; endmodule',
      "golden, line 1: system task $readmemh",
    ],
    [
      "loops",
      "module top_module(input a, output y); wire b; assign b = ~(b & a); assign y = b; initial forever begin end endmodule",
      "golden is too slow: the simulation used up its CPU limit",
    ],
  ])("%s", async (id, golden, reason) => {
    const refused = await bench.rewarder.prepare([problem(golden, id)], () => {}, signal());
    expect(refused.get(id as never)?.slice(0, reason.length)).toBe(reason);
    const v = await bench.score(
      problem(golden, id),
      "module top_module(input a, output y); assign y = a; endmodule",
    );
    expect(v.kind === "infra" && [v.code, v.retryable]).toEqual(["refused", false]);
  });
});

describe("a verdict says where and why", () => {
  const p = problem(accumulator, "where");
  it("for text that never reaches a simulator", async () => {
    const say = async (text: string) => {
      const v = await bench.rewarder.score({ problem: p, text, seed: 1 as never }, signal());
      return v.kind === "scored" ? [v.outcome, v.reached, v.log] : [v.code];
    };
    expect(await say("no tags")).toEqual(["format", "extract", "<think> is missing"]);
    expect(await say(`<think></think><answer>\`\`\`verilog\n${"initial $finish;"}\n\`\`\`</answer>`)).toEqual(
      ["gate", "lint", "line 1: system task $finish (ends the run)"],
    );
  });
  it("for compile errors, with the candidate's own line numbers", async () => {
    const v = await bench.scored(
      p,
      "module top_module(input clk,\n  output reg [7:0] q);\n  assign q = nothing;\nendmodule",
    );
    expect([v.outcome, v.reached]).toEqual(["compile", "elaborate"]);
    expect(v.log).toMatch(/port|line 3/);
    const named = await bench.scored(p, "module other(input a); endmodule");
    expect([named.outcome, named.log]).toEqual(["compile", "no module top_module: the text defines other"]);
  });
  it("for a mismatch, on demand: sample, signal, expected, got", async () => {
    const e = await bench.rewarder.explain(p, accumulator.replace("q + d", "q + d + 1"), signal());
    expect(e.equal).toBe(false);
    expect(e.first?.signal).toBe("q");
    expect(Number.parseInt(e.first!.got, 2)).toBe((Number.parseInt(e.first!.expected, 2) + 1) % 256);
    expect(Object.keys(e.first!.inputs).sort()).toEqual(["clk", "d", "en", "rst"]);
    expect((await bench.rewarder.explain(p, accumulator, signal())).equal).toBe(true);
  });
});

it("scores the same text once: twins in flight share the work, later ones come from the cache", async () => {
  const p = problem(accumulator, "twins");
  const wrong = accumulator.replace("q + d", "q ^ d");
  const [a, b] = await Promise.all([bench.scored(p, wrong), bench.scored(p, `// a comment\n${wrong}`)]);
  const c = await bench.scored(p, wrong.replace("; ", ";\n"));
  expect([a.cached, b.cached, c.cached]).toEqual([false, true, true]);
  expect([a.outcome, b.outcome, c.outcome]).toEqual(["mismatch", "mismatch", "mismatch"]);
  // The same text for another golden is another question.
  expect((await bench.scored(problem(wrong, "twins-2"), wrong)).outcome).toBe("pass");
});
