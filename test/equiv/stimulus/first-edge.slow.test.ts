/** How simulations begin must not cost a candidate that is equal: the clock's first level, processes that sleep. */

import { describe, expect, it } from "vitest";
import { open, problem } from "../../reward/harness.js";

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

/** Candidate's declarations and process behind a register that has its value from the start. */
const TOGGLE = (rest: string): string =>
  `module top_module(input clk, input x, output z); reg [2:0] s = 0; always @(posedge clk) s <= {s[1:0], x}; ${rest} endmodule`;

describe("a process that sleeps until something changes", () => {
  const golden = TOGGLE("assign z = ~|s;");
  const seeds = [1, 2, 3];
  const outcomes = async (candidate: string): Promise<string[]> => {
    const out: string[] = [];
    for (const seed of seeds) {
      const bench = open({ seed, mutants: 0, audit: { share: 0, vectors: 0 } });
      out.push((await bench.scored(problem(golden), candidate)).outcome);
      await bench.close();
    }
    return out;
  };

  it.each(["always @*", "always @(*)", "always @ ( * )"])("passes as %s", async (head) => {
    const process = `reg v; ${head} v = ~|s; assign z = v;`;
    expect(await outcomes(TOGGLE(process))).toEqual(seeds.map(() => "pass"));
  });

  it("is a mismatch where it is wrong all the same", async () => {
    const wrong = "reg v; always @* v = ~|s[1:0]; assign z = v;";
    expect(await outcomes(TOGGLE(wrong))).toEqual(seeds.map(() => "mismatch"));
  });

  it("is a mismatch where it keeps X", async () => {
    const open = "reg v; always @* v = s == 3 ? 1'bx : ~|s; assign z = v;";
    expect(await outcomes(TOGGLE(open))).toEqual(seeds.map(() => "mismatch"));
  });
});
