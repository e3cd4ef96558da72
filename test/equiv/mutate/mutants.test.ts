/** Mutants are what they claim to be: other texts, deterministic, spread over the operators, and mostly designs. */

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { makeRng } from "../../../src/core/rng.js";
import { OPERATORS } from "../../../src/equiv/mutate/fault.js";
import { flipped, plus } from "../../../src/equiv/mutate/literals.js";
import { type Mutant, makeMutants } from "../../../src/equiv/mutate/mutants.js";
import { rewritten } from "../../../src/equiv/mutate/rewrite.js";
import { gate, normalForm, withSuffix } from "../../../src/verilog/gate.js";

const admitted = (source: string) => {
  const gated = gate(source);
  if (!gated.ok) throw new Error(gated.reason);
  return gated.admitted;
};

const machine = `module top_module(input clk, input areset, input [3:0] d, input go, output reg [7:0] q, output z);
  localparam IDLE = 0, RUN = 1, DONE = 2;
  reg [1:0] s, n;
  reg [7:0] m [0:15];
  wire [7:0] sum = m[d] + {4'd0, d};
  always @(*) begin
    case (s)
      IDLE: n = go ? RUN : IDLE;
      RUN: n = (q >= 8'd200) ? DONE : RUN;
      default: n = IDLE;
    endcase
  end
  always @(posedge clk or posedge areset)
    if (areset) begin s <= IDLE; q <= 8'd1; end
    else begin
      s <= n;
      if (s == RUN) q <= sum ^ q; else q <= q - 1;
      m[d] <= q;
    end
  assign z = s == DONE && d[0];
endmodule`;
const adder = "module top_module(input [7:0] a, b, output [8:0] s); assign s = a + b; endmodule";
const gates = "module top_module(input a, b, output y); wire t; and g1(t, a, b); not (y, t); endmodule";
const parts = `module half(input a, b, output s, c); assign s = a ^ b; assign c = a & b; endmodule
module top_module(input a, b, ci, output s, co); wire s1, c1, c2;
  half h1(.a(a), .b(b), .s(s1), .c(c1)); half h2(s1, ci, s, c2); assign co = c1 | c2; endmodule`;
const designs = [machine, adder, gates, parts];

const shown = (m: Mutant): string => `${m.operator} ${m.line} ${m.before} => ${m.after}`;

describe("mutants", () => {
  it("differ from the golden and from one another in more than blanks, and stay designs that the gate lets in", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...designs),
        fc.nat(1000),
        fc.integer({ min: 1, max: 60 }),
        (source, seed, count) => {
          const golden = admitted(source);
          const mutants = makeMutants(golden, makeRng(seed), count);
          expect(mutants.length).toBeLessThanOrEqual(count);
          const forms = mutants.map((m) => normalForm(m.admitted.tokens));
          expect(new Set([...forms, normalForm(golden.tokens)]).size).toBe(forms.length + 1);
          for (const m of mutants) {
            // The text as it is compiled reads back as the same tokens.
            const again = gate(withSuffix(m.admitted, ""));
            expect(again.ok && normalForm(again.admitted.tokens), shown(m)).toBe(
              normalForm(m.admitted.tokens),
            );
            expect(m.admitted.modules).toEqual(golden.modules);
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  it("depend on the seed alone, and differ between seeds", () => {
    const of = (seed: number) => makeMutants(admitted(machine), makeRng(seed), 14).map(shown);
    expect(of(3)).toEqual(of(3));
    expect(of(3)).not.toEqual(of(4));
  });

  it("are as many as asked where the text allows, of many operators", () => {
    const mutants = makeMutants(admitted(machine), makeRng(1), 14);
    expect(mutants.length).toBe(14);
    expect(new Set(mutants.map((m) => m.operator)).size).toBeGreaterThanOrEqual(12);
    const every = makeMutants(admitted(machine), makeRng(1), 1000);
    expect([...new Set(every.map((m) => m.operator))].sort()).toEqual(
      OPERATORS.filter((o) => o !== "negate").sort(),
    );
    expect(every.length).toBeGreaterThan(60);
  });

  it("name the line and the text that they change", () => {
    const lines = machine.split("\n");
    for (const m of makeMutants(admitted(machine), makeRng(2), 1000)) {
      const first = m.before.split(" ")[0]!;
      expect(lines[m.line - 1], shown(m)).toContain(first);
    }
  });

  const one = (source: string, operator: string): string[] =>
    makeMutants(admitted(source), makeRng(1), 1000)
      .filter((m) => m.operator === operator)
      .map((m) => withSuffix(m.admitted, "").replace(/\s+/g, " "));
  const clocked = (body: string) =>
    `module m(input clk, input rst, input [3:0] a, output reg [3:0] q, r); always @(posedge clk or posedge rst) ${body} endmodule`;

  it.each([
    ["bound", clocked("if (a == 4'd9) q <= a;"), ["a == 4'd10", "a == 4'd8"]],
    ["edge", clocked("q <= a;"), ["negedge clk or posedge rst", "posedge clk or negedge rst"]],
    ["reset-style", clocked("if (rst) q <= 0; else q <= a;"), ["@(posedge clk ) if"]],
    ["else", clocked("if (rst) q <= 0; else q <= a;"), ["if (rst) q <= 0; endmodule"]],
    ["negate", clocked("if (a[0]) q <= a;"), ["if ( !( a[0] ) ) q"]],
    ["branches", clocked("q <= a[0] ? a : r;"), ["? ( r ) : a"]],
    ["blocking", clocked("begin q <= a; r <= q; end"), ["q = a; r <= q"]],
    ["reset-value", clocked("if (rst) q <= 4'd0; else q <= a;"), [/q<=4'd[1248];/]],
    ["drop", clocked("begin q <= a; r <= ~a; end"), ["begin ; r <=", "q <= a; ; end"]],
    ["arms", clocked("case (a) 0: q <= 1; default: q <= a; endcase"), ["0: q <= a; default: q <= 1;"]],
    ["index", "module m(input [3:0] a, output y); assign y = a[1]; endmodule", ["a[ 2 ]", "a[ 0 ]"]],
    ["width", "module m(input a, output y); reg [5:0] c; assign y = a; endmodule", ["reg [ 4 :0] c"]],
  ])("%s: is made where it should be", (operator, source, expected) => {
    const tight = (t: string): string => t.replace(/\s+/g, "");
    const made = one(source, operator).map(tight);
    for (const e of expected) {
      const found = made.some((t) => (typeof e === "string" ? t.includes(tight(e)) : e.test(t)));
      expect(found, `${made.join("\n")}\n${e}`).toBe(true);
    }
  });

  it("leave out `=` for `<=` where nothing reads the value later in the tick", () => {
    expect(one(clocked("if (rst) q <= 0; else q <= q + 1;"), "blocking")).toEqual([]);
    expect(one(clocked("begin q <= a; r <= q; end"), "blocking").length).toBe(1);
  });

  it("do not touch loop headers, power-up values or ports", () => {
    const source =
      "module m(input [7:0] a, output reg [7:0] q); integer i; initial q = 8'd3; always @* for (i = 0; i < 8; i = i + 1) q[i] = a[7 - i]; endmodule";
    for (const m of makeMutants(admitted(source), makeRng(1), 1000)) {
      const text = withSuffix(m.admitted, "");
      expect(text, shown(m)).toContain("for (i = 0; i < 8; i = i + 1)");
      expect(text, shown(m)).toContain("initial q = 8'd3");
      expect(text, shown(m)).toContain("module m(input [7:0] a, output reg [7:0] q)");
    }
  });
});

it("literals keep their form and wrap at their width", () => {
  expect(plus("4'd9", 1n)).toBe("4'd10");
  expect(plus("4'hF", 1n)).toBe("4'h0");
  expect(plus("8'h0", -1n)).toBe("8'hff");
  expect(plus("12", 1n)).toBe("13");
  expect(plus("0", -1n)).toBeNull();
  expect(plus("1'bx", 1n)).toBeNull();
  expect(plus("'1", 1n)).toBeNull();
  expect(flipped("1'b0", makeRng(1))).toBe("1'b1");
});

it("a rewrite only exchanges operands", () => {
  const text = (source: string) => normalForm(rewritten(admitted(source).tokens));
  expect(text("module m(input a, b, output y); assign y = a & b; endmodule")).toContain("y = b & a");
  expect(text("module m(input a, b, c, output y); assign y = a & b | c; endmodule")).toContain("a & b | c");
  expect(text("module m(input a, b, output y); assign y = a - b; endmodule")).toContain("a - b");
});
