/** The golden that the hostile candidates are written against, and the parts they are made of. */

import type { Outcome } from "../../src/core/types.js";

export type Case = readonly [name: string, code: string, allowed: readonly Outcome[]];

/** The golden: an accumulator with a synchronous reset. */
export const GOLDEN =
  "module top_module(input clk, input rst, input [7:0] d, output reg [7:0] q); always @(posedge clk) if (rst) q <= 0; else q <= q + d; endmodule";

export const HEAD = "module top_module(input clk, input rst, input [7:0] d, output reg [7:0] q);";
export const WRONG = "always @(posedge clk) q <= 0;";
export const RIGHT = "always @(posedge clk) if (rst) q <= 0; else q <= q + d;";

/** The golden's header, what a case adds, and a body that is wrong. */
export const mod = (body: string): string => `${HEAD}\n${body}\n${WRONG}\nendmodule\n`;
/** The same with the right body. */
export const right = (body: string): string => `${HEAD}\n${body}\n${RIGHT}\nendmodule\n`;

/** Outcomes of what no limit of ours decides alone. */
export const STOPPED: readonly Outcome[] = ["timeout", "crash", "compile", "gate"];
