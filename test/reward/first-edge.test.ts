/** The first level of a clock is an edge from X; a wire between an input and a register must not race with it. */

import { describe, expect, it } from "vitest";
import { open, problem } from "./bench.js";

/** Golden, and the same with wires in between. */
const PAIRS: readonly (readonly [string, string, string])[] = [
  [
    "a rising edge",
    "module top_module(input clk, input [7:0] in, output reg [7:0] p); reg [7:0] l; always @(posedge clk) begin l <= in; p <= in & ~l; end endmodule",
    "module top_module(input clk, input [7:0] in, output reg [7:0] p); reg [7:0] l; wire [7:0] m = ~l; wire [7:0] n = in & m; always @(posedge clk) begin l <= in; p <= n; end endmodule",
  ],
  [
    "a falling edge",
    "module top_module(input clk, input d, output reg q); always @(negedge clk) q <= d; endmodule",
    "module top_module(input clk, input d, output reg q); wire e = ~d; wire f = ~e; always @(negedge clk) q <= f; endmodule",
  ],
  [
    "both edges",
    "module top_module(input clk, input d, output q); reg p, n; always @(posedge clk) p <= d; always @(negedge clk) n <= d; assign q = clk ? p : n; endmodule",
    "module top_module(input clk, input d, output q); reg p, n; wire e = ~d; wire f = ~e; always @(posedge clk) p <= f; always @(negedge clk) n <= f; assign q = clk ? p : n; endmodule",
  ],
];

describe.each(PAIRS)("without a reset, on %s", (_name, golden, wired) => {
  it("passes whatever the stimuli", async () => {
    const outcomes: string[] = [];
    for (const seed of [1, 2, 3]) {
      const bench = open({ seed, mutants: 0, audit: { share: 0, vectors: 0 } });
      outcomes.push((await bench.scored(problem(golden), wired)).outcome);
      await bench.close();
    }
    expect(outcomes).toEqual(outcomes.map(() => "pass"));
  });
});
