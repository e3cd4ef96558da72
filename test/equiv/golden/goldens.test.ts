/** Goldens of real life: each is served, and equals itself, or is refused with the reason and the line. */

import { afterAll, describe, expect, it } from "vitest";
import { DEFAULT_LIMITS } from "../../../src/sim/simulator.js";
import { everyIcarus, open, problem, signal } from "../../reward/harness.js";

const top = (ports: string, ...body: string[]): string =>
  `module top_module(${ports});\n${body.join("\n")}\nendmodule\n`;
const AND = top("input a, b, output y", "assign y = a & b;");

/** Name, golden, one that is not it. */
const SERVED: readonly (readonly [string, string, string])[] = [
  [
    "delays of updates",
    top("input clk, d, output reg q", "always @(posedge clk) q <= #1 d;"),
    top("input clk, d, output reg q", "always @(posedge clk) q <= #1 ~d;"),
  ],
  [
    "delays of nets and gates",
    top("input a, b, output y", "wire #2 w = a & b; buf #(1,2) g(y, w);"),
    AND.replace("&", "|"),
  ],
  [
    "user-defined primitives",
    `primitive mx(o, s, a, b); output o; input s, a, b; table 0 1 ? : 1; 0 0 ? : 0; 1 ? 1 : 1; 1 ? 0 : 0; endtable endprimitive\n${top("input s, a, b, output y", "mx #1 m(y, s, a, b);")}`,
    top("input s, a, b, output y", "assign y = s ? a : b;"),
  ],
  [
    "sequential primitives",
    `primitive ff(q, c, d); output q; reg q; input c, d; table (01) 0 : ? : 0; (01) 1 : ? : 1; (0x) 1 : 1 : 1; (?0) ? : ? : -; ? * : ? : -; endtable endprimitive\n${top("input clk, d, output q", "ff m(q, clk, d);")}`,
    top("input clk, d, output reg q", "always @(negedge clk) q <= d;"),
  ],
  [
    "specify blocks",
    top(
      "input clk, d, output reg q",
      "always @(posedge clk) q <= d;",
      "specify",
      "  $setup(d, posedge clk, 1); (clk => q) = (1, 2);",
      "endspecify",
    ),
    top("input clk, d, output reg q", "always @(posedge clk) q <= !d;"),
  ],
  [
    "functions, tasks and generate",
    top(
      "input [3:0] a, output reg [3:0] y",
      "function [3:0] f; input [3:0] x; f = x ^ 4'h5; endfunction",
      "task t; input [3:0] x; output [3:0] z; z = x + 1; endtask",
      "wire [3:0] w; genvar i; generate for (i = 0; i < 4; i = i + 1) begin : g assign w[i] = f(a) >> i; end endgenerate",
      "always @* t(w, y);",
    ),
    top("input [3:0] a, output [3:0] y", "assign y = a;"),
  ],
  [
    "timescale and macros with arguments",
    `\`timescale 1 ns / 1 ps\n\`define AND(x, z = b) ((x) & (z))\n${top("input a, b, output y", "assign y = `AND(a);")}`,
    AND.replace("a & b", "a"),
  ],
  [
    "BOM, CR LF, tabs and Latin-1",
    `\ufeff// caf\u00e9 \ufffd\n${AND}`.replaceAll("\n", "\r\n").replaceAll(" ", "\t"),
    AND.replace("&", "^"),
  ],
  ["CR alone", `// x\n${AND}`.replaceAll("\n", "\r"), AND.replace("&", "^")],
  [
    "escaped names",
    top("input \\a[0] , \\b.c , output \\y! ", "assign \\y! = \\a[0] & \\b.c ;"),
    top("input \\a[0] , \\b.c , output \\y! ", "assign \\y! = \\a[0] ;"),
  ],
  [
    "parameters set on an instance",
    `module s(input a, output y); parameter I = 0; assign y = a ^ I; endmodule\n${top("input a, output y", "s u(a, y); defparam u.I = 1;")}`,
    top("input a, output y", "assign y = a;"),
  ],
  [
    "stable loops",
    top("input s, r, output q, qn", "nand (q, s, qn);", "nand (qn, r, q);"),
    top("input s, r, output q, qn", "assign q = !s, qn = !r;"),
  ],
  [
    "state from initial alone",
    top(
      "input [1:0] a, output [7:0] y",
      "reg [7:0] m [0:3]; initial begin m[0]=1; m[1]=2; m[2]=3; m[3]=4; end assign y = m[a];",
    ),
    top("input [1:0] a, output [7:0] y", "assign y = a;"),
  ],
  [
    "an unused clock",
    top("input clk, a, output y", "assign y = a;"),
    top("input clk, a, output y", "assign y = a & clk;"),
  ],
  [
    "gated clocks",
    top(
      "input clk, en, d, output reg q",
      "reg l; always @* if (!clk) l = en; wire g = clk & l; always @(posedge g) q <= d;",
    ),
    top("input clk, en, d, output reg q", "always @(posedge clk) q <= d;"),
  ],
  [
    "tri-state outputs",
    top("input en, a, output y", "assign y = en ? a : 1'bz;"),
    top("input en, a, output y", "assign y = !a;"),
  ],
  [
    "negative edges",
    top("input clk, d, output reg q", "always @(negedge clk) q <= d;"),
    top("input clk, d, output reg q", "always @(posedge clk) q <= d;"),
  ],
  [
    "signed ports",
    top("input signed [7:0] a, b, output lt", "assign lt = a < b;"),
    top("input [7:0] a, b, output lt", "assign lt = a < b;"),
  ],
  [
    "ranges that go up or below zero",
    top("input [0:7] a, input [-1:-8] b, output [0:7] y", "assign y = a ^ b;"),
    top("input [0:7] a, input [7:0] b, output [0:7] y", "assign y = a ^ ~b;"),
  ],
  [
    "packed arrays",
    top("input [3:0][7:0] a, output [7:0] y", "assign y = a[2];"),
    top("input [31:0] a, output [7:0] y", "assign y = a[7:0];"),
  ],
  [
    "structs and packages",
    `package p; localparam W = 4; endpackage\ntypedef struct packed { logic [3:0] a; logic b; } st;\n${top("input st s, output [p::W:0] y", "assign y = s;")}`,
    top("input [4:0] s, output [4:0] y", "assign y = ~s;"),
  ],
  [
    "hundreds of ports",
    top(
      `${Array.from({ length: 300 }, (_, k) => `input i${k}, `).join("")}output y`,
      "assign y = i0 ^ i299;",
    ),
    top(`${Array.from({ length: 300 }, (_, k) => `input i${k}, `).join("")}output y`, "assign y = i0;"),
  ],
  [
    "two thousand bits",
    top("input [1999:0] a, output [1999:0] y", "assign y = ~a;"),
    top("input [1999:0] a, output [1999:0] y", "assign y = {~a[1999:1], a[0]};"),
  ],
  [
    "some undriven outputs",
    top("input a, output y, z", "assign y = a;"),
    top("input a, output y, z", "assign y = ~a;"),
  ],
  ["no inputs", top("output [3:0] y", "assign y = 5;"), top("output [3:0] y", "assign y = 6;")],
];

/** Name, golden, how the reason begins. */
const REFUSED: readonly (readonly [string, string, RegExp])[] = [
  [
    "a syntax error",
    top("input a, output y", "assign y = a +;"),
    /^golden does not compile: line 2: syntax error/,
  ],
  [
    "a clock generator",
    top("output reg c", "initial c = 0;", "always #5 c = ~c;"),
    /^golden, line 3: a process that waits for time$/,
  ],
  [
    "stimuli",
    top("input a, output reg y", "initial begin y = 0; #10 y = 1; end"),
    /^golden, line 2: an initial block that waits for time$/,
  ],
  ["an inout", top("input a,\n  output y,\n  inout [7:0] z", "assign y = a;"), /^line 3: port z is inout$/],
  ["no outputs", top("input a"), /^golden has no outputs \(line 1: module top_module\)$/],
  ["no ports", "\nmodule top_module; endmodule", /^golden has no outputs \(line 2: module top_module\)$/],
  ["undriven outputs", top("input a, output y"), /^golden's outputs are never defined \(line 1/],
  [
    "outputs that are X",
    top("input a, output y", "assign y = 1'bx;"),
    /^golden's outputs are never defined \(line 1/,
  ],
  [
    "other tops",
    AND.replace("top_module", "one") + AND.replace("top_module", "two"),
    /^golden has no module top_module \(it has one, two\)/,
  ],
  ["a module defined twice", AND + AND, /^golden, line 4: module top_module defined twice$/],
  [
    "oscillating logic",
    top("input en, output y", "wire a;", "assign y = a;", "assign a = en === 1'b1 ? ~(a === 1'b1) : 1'b0;"),
    /^golden is too slow: .*\(line 4: logic feeds back into itself and may never settle\)$/,
  ],
  [
    "memories from files",
    top(
      "input [1:0] a, output [7:0] y",
      "reg [7:0] m [0:3];",
      '  initial $readmemh("rom.hex", m);',
      "assign y = m[a];",
    ),
    /^golden, line 3: system task \$readmemh \(uses files\)$/,
  ],
  [
    "randomness",
    top("input a, output y", "assign y = $random;"),
    /^golden, line 2: system task \$random \(is not determined by inputs\)$/,
  ],
  [
    "simulated time",
    top("input a, output [63:0] y", "assign y = $time;"),
    /^golden, line 2: system task \$time \(depends on simulated time\)$/,
  ],
  [
    "a parameter without a default",
    "module top_module #(parameter W)\n(input [W-1:0] a, output [W-1:0] y); assign y = a; endmodule",
    /^line 1: parameter W has no value$/,
  ],
  [
    "vendor primitives",
    top("input clk, d, output q", "wire c;", "BUFG b(.I(clk), .O(c));", "FDRE f(.C(c), .D(d), .Q(q));"),
    /^golden does not compile: line 3: error: Unknown module type: BUFG/,
  ],
  [
    "interfaces",
    "interface bus; logic a, y; endinterface\nmodule top_module(\nbus b);\nassign b.y = b.a; endmodule",
    /^line 3: port b is an interface$/,
  ],
  [
    "array ports",
    top("input [7:0] a [0:3], output [7:0] y", "assign y = a[0];"),
    /^line 1: port a is an unpacked array$/,
  ],
  ["real ports", top("input real a,\n output y", "assign y = a > 0;"), /^line 1: port a has type real$/],
  [
    "more than 64 k bits",
    top("input [70000:0] a, output [70000:0] y", "assign y = ~a;"),
    /^golden's interface has 140002 bits, more than 65536 \(line 1/,
  ],
  ["an open comment", top("input a, output y", "assign y = a; /*"), /^golden, line 2: unterminated comment$/],
  ["an include", `\`include "defs.vh"\n${AND}`, /^golden, line 1: .*`include/],
  [
    "an undefined macro",
    top("input a,\n input [`W-1:0] b, output y", "assign y = a;"),
    /^golden, line 2: directive or undefined macro `W$/,
  ],
  ["a program", `${AND}program p; endprogram`, /^golden, line 4: keyword program$/],
  ["another language", "entity top_module is end;", /^golden, line 1: no module$/],
  ["nothing", "", /^golden, line 1: no module$/],
  ["64 KB", `// ${"x".repeat(70_000)}\n${AND}`, /^golden, line 1: source is larger than 65536 bytes$/],
];

describe.each(everyIcarus())("goldens, Icarus %s", (_version, tools) => {
  const bench = open({
    tools,
    limits: { ...DEFAULT_LIMITS, compileCpuSeconds: 2, runCpuSeconds: 1 },
    mutants: 0,
  });
  afterAll(() => bench.close());

  it.each(SERVED)("with %s are served", async (name, golden, other) => {
    const p = problem(golden, name.replaceAll(" ", "-").replaceAll(",", ""));
    expect(await bench.rewarder.prepare([p], () => {}, signal())).toEqual(new Map());
    expect(await bench.scored(p, golden)).toMatchObject({ outcome: "pass", log: "" });
    expect((await bench.scored(p, other)).outcome).toBe("mismatch");
  });

  it.each(REFUSED)("with %s are refused", async (name, golden, reason) => {
    const p = problem(golden, name.replaceAll(" ", "-").replaceAll(",", ""));
    const refused = await bench.rewarder.prepare([p], () => {}, signal());
    expect(refused.get(p.id)).toMatch(reason);
  });
});
