/** Wrong designs that go for the judge: they print its pass line, read the golden beside them, or force its wires. */

import type { Design } from "../../../designs/index.js";
import type { Trial } from "./judges.js";

const PORTS = "input clk, rst, input [7:0] d, output [7:0] q";
const golden: Design = {
  name: "accumulator",
  golden: `module top_module(${PORTS}); reg [7:0] s; always @(posedge clk) if (rst) s <= 0; else s <= s + d; assign q = s; endmodule\n`,
  top: "top_module",
};
const cheat = (name: string, body: string): Trial => ({
  golden,
  name,
  code: `module top_module(${PORTS});\n${body}\nendmodule\n`,
});

export const CHEATS: readonly Trial[] = [
  cheat("prints and ends", 'initial begin $display("All tests passed."); $finish; end'),
  cheat("prints", 'assign q = 0; initial $display("Error rate: 0.0\\nAll tests passed.");'),
  cheat("prints at every edge", 'assign q = d; always @(posedge clk) $write("All tests passed.");'),
  cheat("peeks at the golden's output", "assign q = testbench.q_gold;"),
  cheat("peeks into the golden", "assign q = testbench.gold.s;"),
  cheat("peeks by a relative path", "assign q = gold.q;"),
  cheat("forces the comparison", "assign q = 0; initial force testbench.trigger = 0;"),
  cheat("forces the golden", "assign q = 0; initial force testbench.q_gold = 0;"),
  cheat("instantiates the golden", "top_module_gold g(clk, rst, d, q);"),
  cheat("deposits into the counter", "assign q = 0; always #1 testbench.errors = 0;"),
];

/** The honest design, so that a judge which rejects everything shows. */
export const HONEST: Trial = { golden, name: "the golden itself", code: golden.golden };
