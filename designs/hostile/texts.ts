/** Candidates whose text or ports are not what they seem. */

import { type Case, GOLDEN, HEAD, mod, RIGHT, STOPPED, WRONG } from "./base.js";

export const texts = (): Case[] => [
  ["swallows what follows with a comment", `${mod("")}/*`, ["gate"]],
  ["swallows what follows with an ifdef", `${mod("")}\`ifdef NOPE`, ["gate"]],
  ["swallows what follows with a string", `${mod("")}"`, ["gate"]],
  ["swallows what follows with an escaped name", `${mod("")}\\x`, ["compile", "gate"]],
  ["swallows what follows with an attribute", `${mod("")}(* x = 1`, ["gate"]],
  ["swallows what follows with a definition", `${mod("")}\`define X \\`, ["mismatch", "gate"]],
  ["leaves a module open", `${mod("")}module tail(`, ["gate"]],
  ["leaves a primitive open", `${mod("")}primitive p(o, i);`, ["gate"]],
  ["closes what it did not open", `endmodule\n${mod("")}`, ["gate"]],
  ["defines its module twice", mod("") + GOLDEN, ["gate"]],
  ["defines its module in a comment", `/* ${GOLDEN} */ // ${GOLDEN}`, ["gate"]],
  [
    "defines its module behind a conditional",
    `\`ifdef NOPE\n${GOLDEN}\n\`else\n${mod("")}\n\`endif`,
    ["mismatch"],
  ],
  [
    "has the right code in a comment for others",
    `${HEAD}\n// synthesis translate_off\n${WRONG}\n// synthesis translate_on\n/* ${RIGHT} */\nendmodule`,
    ["mismatch"],
  ],
  ["hides code behind a carriage return", `${HEAD} // c\r${WRONG}\r// ${RIGHT}\nendmodule`, ["mismatch"]],
  ["has NUL bytes", mod("\u0000"), ["gate"]],
  ["has other control bytes", mod("\u001b[2J"), ["gate"]],
  ["has a byte order mark inside", mod("\ufeff"), ["gate"]],
  ["turns its text around", mod("\u202e wire w; \u202c"), ["gate"]],
  [
    "has a letter that looks like another",
    GOLDEN.replace("module top", "module t\u043ep"),
    ["gate", "compile"],
  ],
  ["has full-width letters", GOLDEN.replace("<=", "\uff1c\uff1d"), ["gate"]],
  ["has half a surrogate", mod("\ud800"), ["gate"]],
  ["is 10 MB of text", mod(`// ${"x".repeat(10 * 1024 ** 2)}`), ["format", "gate"]],
  ["is 1 MB of text", mod(`// ${"x".repeat(1024 ** 2)}`), ["format", "gate"]],
  ["is 60 KB of blanks", mod(" ".repeat(60_000)), ["mismatch"]],
  ["is 60 KB of line breaks", mod("\n".repeat(60_000)), ["mismatch"]],
  ["is 60 KB of brackets", mod("[".repeat(60_000)), STOPPED],
  ["is 60 KB of quotes", mod('"'.repeat(60_000)), STOPPED],
  ["is 60 KB of backquotes", mod("`".repeat(60_000)), ["gate"]],
  ["is 60 KB of dots after brackets", mod(`${"[".repeat(20_000)}${"].".repeat(20_000)}`), STOPPED],
  ["changes the kind of nets", `\`default_nettype tri1\n${mod("")}`, ["gate"]],
  ["sets units", `\`timescale 1s/1s\n${mod("timeunit 1s;")}`, ["gate"]],
  ["is empty", "\n\n", ["format", "gate"]],
  ["is prose", "Sorry, I cannot do that.", ["gate"]],
  [
    "is another language",
    "library ieee; entity top_module is end; architecture a of top_module is begin end;",
    ["gate"],
  ],
  [
    "is a fence in a fence",
    `${mod("")}\n\`\`\`\n${GOLDEN}\n\`\`\`verilog\n${mod("")}`,
    ["format", "gate", "mismatch"],
  ],
];

const MODULE = (header: string, body = RIGHT): string => `module top_module(${header}); ${body} endmodule`;
const COMB = (q: string): string =>
  `reg [7:0] r; always @(posedge clk) if (rst) r <= 0; else r <= r + d; ${q}`;

export const ports = (): Case[] => [
  ["leaves the outputs open", `${HEAD}\nendmodule`, ["mismatch"]],
  ["drives X", mod("always @* q = 8'hxx;"), ["mismatch"]],
  [
    "drives Z",
    MODULE("input clk, input rst, input [7:0] d, output [7:0] q", "assign q = 8'hzz;"),
    ["mismatch"],
  ],
  ["has no ports", "module top_module; endmodule", ["compile", "mismatch"]],
  ["has other names", MODULE("input clock, input rst, input [7:0] d, output reg [7:0] q", ""), ["compile"]],
  ["has a wider output", MODULE("input clk, input rst, input [7:0] d, output reg [15:0] q"), ["compile"]],
  [
    "has a wider output by a parameter",
    "module top_module #(parameter W = 4) (input clk, input rst, input [7:0] d, output reg [W*4-1:0] q); always @(posedge clk) if (rst) q <= 0; else q <= q + d; endmodule",
    ["compile"],
  ],
  ["has a narrower output", MODULE("input clk, input rst, input [7:0] d, output reg [6:0] q"), ["compile"]],
  ["has a wider input", MODULE("input clk, input rst, input [8:0] d, output reg [7:0] q"), ["compile"]],
  [
    "has a wider clock",
    MODULE(
      "input [1:0] clk, input rst, input [7:0] d, output reg [7:0] q",
      "always @(posedge clk[0]) if (rst) q <= 0; else q <= q + d;",
    ),
    ["compile"],
  ],
  [
    "has an array for an output",
    MODULE("input clk, input rst, input [7:0] d, output reg q [7:0]", ""),
    ["compile"],
  ],
  [
    "has a real output",
    MODULE("input clk, input rst, input [7:0] d, output real q", COMB("assign q = r;")),
    ["compile"],
  ],
  [
    "has an inout for an output",
    MODULE("input clk, input rst, input [7:0] d, inout [7:0] q", COMB("assign q = r;")),
    ["compile"],
  ],
  [
    "has an input for an output",
    MODULE("input clk, input rst, input [7:0] d, input [7:0] q", COMB("assign q = r;")),
    ["compile"],
  ],
  [
    "has an output for the clock",
    MODULE("output reg clk, input rst, input [7:0] d, output reg [7:0] q", "initial clk = 0;"),
    ["compile"],
  ],
  [
    "has an inout for the clock",
    MODULE("inout clk, input rst, input [7:0] d, output reg [7:0] q", "assign clk = 0;"),
    ["compile"],
  ],
  [
    "passes by reference",
    MODULE("input clk, input rst, ref [7:0] d, output reg [7:0] q", "initial d = 0;"),
    ["compile"],
  ],
  [
    "drives its inputs",
    MODULE(
      "input clk, input rst, input [7:0] d, output reg [7:0] q",
      `assign d = 0; assign clk = 1; ${WRONG}`,
    ),
    ["mismatch", "compile"],
  ],
  [
    "drives its inputs hard",
    MODULE(
      "input clk, input rst, input [7:0] d, output reg [7:0] q",
      `assign (supply1, supply0) d = 0; ${RIGHT}`,
    ),
    ["mismatch", "compile"],
  ],
  [
    "ties its input to its output",
    MODULE(
      "input clk, input rst, input [7:0] d, output [7:0] q",
      "tran (d[0], q[0]); genvar i; generate for (i = 1; i < 8; i = i + 1) begin : g tran t(d[i], q[i]); end endgenerate",
    ),
    ["mismatch", "compile"],
  ],
  [
    "pulls its reset",
    MODULE("input clk, input tri0 rst, input [7:0] d, output reg [7:0] q", `pullup (rst); ${WRONG}`),
    ["mismatch", "compile"],
  ],
  [
    "supplies its clock",
    MODULE("input supply1 clk, input rst, input [7:0] d, output reg [7:0] q", WRONG),
    ["mismatch", "compile"],
  ],
  [
    "drives its output from two sides",
    MODULE("input clk, input rst, input [7:0] d, output [7:0] q", COMB("assign q = r; assign q = ~r;")),
    ["mismatch"],
  ],
  [
    "wires both levels together",
    MODULE("input clk, input rst, input [7:0] d, output wand [7:0] q", COMB("assign q = r; assign q = d;")),
    ["mismatch"],
  ],
  [
    "drives its output weakly against itself",
    MODULE(
      "input clk, input rst, input [7:0] d, output [7:0] q",
      COMB("assign (weak1, weak0) q = r; assign (strong1, highz0) q = d;"),
    ),
    ["mismatch"],
  ],
  [
    "has a default for its input",
    MODULE("input clk, input rst = 0, input [7:0] d = 3, output reg [7:0] q", WRONG),
    ["mismatch", "compile"],
  ],
  [
    "declares a port again",
    MODULE("input clk, input rst, input [7:0] d, output reg [7:0] q", `reg [3:0] q; ${RIGHT}`),
    ["mismatch", "compile"],
  ],
  [
    "resets the other way",
    MODULE(
      "input clk, input rst, input [7:0] d, output reg [7:0] q",
      "always @(posedge clk) if (!rst) q <= 0; else q <= q + d;",
    ),
    ["mismatch"],
  ],
  [
    "resets without the clock",
    MODULE(
      "input clk, input rst, input [7:0] d, output reg [7:0] q",
      "always @(posedge clk or posedge rst) if (rst) q <= 0; else q <= q + d;",
    ),
    ["mismatch"],
  ],
  [
    "takes the other edge",
    MODULE(
      "input clk, input rst, input [7:0] d, output reg [7:0] q",
      "always @(negedge clk) if (rst) q <= 0; else q <= q + d;",
    ),
    ["mismatch"],
  ],
];
