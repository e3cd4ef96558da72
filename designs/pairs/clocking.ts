/** Edges, resets, several clocks, power-up and unknown values. */

import { type Case, other, same, top } from "./pair.js";

const EDGE = "input clk, input [7:0] in, output reg [7:0] out";
const CAPTURE = "input clk, reset, input [31:0] in, output reg [31:0] out";
const DUAL = "input clk, d, output q";
const FLOP = "input clk, arst, d, output reg q";
const TWO = "input clk, ar, sr, input [3:0] d, output reg [3:0] q";
const CLOCKS = "input clka, clkb, rst, output reg [3:0] a, b";
const GATED = "input clk, en, rst, output reg [3:0] q";
const WAKE = "input clk, output reg q";
const LOAD = "input clk, load, input [3:0] d, output reg [3:0] q";
const SYNC = "input clk, rst_n, d, output q";
const PHASES = "input clk, rst, input [3:0] d, output reg [3:0] p, output reg [3:0] n";
const CLOCK12 = "input clk, reset, ena, output reg pm, output reg [7:0] hh, mm, ss";
const MULTI = "input clk, rst, input [7:0] x, output reg [7:0] y";
const SELECT = "input clk, rst, s, input [3:0] a, b, output [3:0] y";

/** A twelve-hour clock in decimal digits; `hours` is what happens to `hh` and `pm` when the minutes wrap. */
export const clock12 = (
  hours = "if (hh == 8'h11) pm <= ~pm; hh <= hh == 8'h12 ? 8'h01 : hh[3:0] == 9 ? 8'h10 : hh + 8'h01;",
): string =>
  top(
    CLOCK12,
    `function [7:0] up(input [7:0] v); up = v[3:0] == 9 ? (v[7:4] == 5 ? 8'h00 : {v[7:4] + 4'd1, 4'd0}) : v + 8'h01; endfunction
  always @(posedge clk) if (reset) begin pm <= 0; hh <= 8'h12; mm <= 0; ss <= 0; end
    else if (ena) begin
      ss <= up(ss);
      if (ss == 8'h59) begin mm <= up(mm); if (mm == 8'h59) begin ${hours} end end
    end`,
  );

const clock12Binary = (noon = 11): string =>
  top(
    CLOCK12.replace(/output reg/g, "output"),
    `reg [16:0] t; always @(posedge clk) if (reset) t <= 0; else if (ena) t <= t == 86399 ? 0 : t + 1;
  wire [4:0] h = t / 3600; wire [3:0] x = h % 12; wire [3:0] k = x == 0 ? 12 : x;
  wire [5:0] m = t / 60 % 60, s = t % 60;
  assign pm = h > ${noon}, hh = {3'd0, k > 9, k > 9 ? k - 4'd10 : k}, mm = {m / 6'd10, 4'd0} | m % 6'd10, ss = {s / 6'd10, 4'd0} | s % 6'd10;`,
  );

export const clocking: readonly Case[] = [
  {
    name: "either edge of eight bits, without a reset",
    golden: top(EDGE, "reg [7:0] last; always @(posedge clk) begin last <= in; out <= in ^ last; end"),
    variants: [
      same(
        "wakes up at zero: undefined in the golden for two cycles",
        top(
          EDGE,
          "reg [7:0] last = 0; always @(posedge clk) begin last <= in; out <= (in & ~last) | (~in & last); end",
        ),
      ),
      same(
        "blocking, in the safe order",
        top(EDGE, "reg [7:0] last; always @(posedge clk) begin out = in ^ last; last = in; end"),
      ),
      other(
        "rising only",
        top(EDGE, "reg [7:0] last; always @(posedge clk) begin last <= in; out <= in & ~last; end"),
      ),
      other(
        "blocking, in the other order",
        top(EDGE, "reg [7:0] last; always @(posedge clk) begin last = in; out = in ^ last; end"),
      ),
      other(
        "a cycle later",
        top(EDGE, "reg [7:0] a, b; always @(posedge clk) begin a <= in; b <= a; out <= a ^ b; end"),
      ),
      other(
        "bit 7 is forgotten",
        top(EDGE, "reg [7:0] last; always @(posedge clk) begin last <= in; out <= (in ^ last) & 8'h7f; end"),
      ),
    ],
  },
  {
    name: "capture of falling edges",
    golden: top(
      CAPTURE,
      "reg [31:0] last; always @(posedge clk) begin last <= in; if (reset) out <= 0; else out <= out | (last & ~in); end",
    ),
    variants: [
      same(
        "the history is X when reset ends late",
        top(
          CAPTURE,
          "reg [31:0] last; integer i; always @(posedge clk) begin for (i = 0; i < 32; i = i + 1) if (reset) out[i] <= 1'b0; else if (last[i] && !in[i]) out[i] <= 1'b1; last <= in; end",
        ),
      ),
      other(
        "the history is cleared by reset",
        top(
          CAPTURE,
          "reg [31:0] last; always @(posedge clk) if (reset) begin out <= 0; last <= 0; end else begin last <= in; out <= out | (last & ~in); end",
        ),
      ),
      other(
        "no capture",
        top(
          CAPTURE,
          "reg [31:0] last; always @(posedge clk) begin last <= in; if (reset) out <= 0; else out <= last & ~in; end",
        ),
      ),
    ],
  },
  {
    name: "both edges",
    golden: top(
      DUAL,
      "reg p, n; always @(posedge clk) p <= d; always @(negedge clk) n <= d; assign q = clk ? p : n;",
    ),
    variants: [
      same(
        "exclusive or of two halves",
        top(
          DUAL,
          "reg p, n; initial {p, n} = 0; always @(posedge clk) p <= d ^ n; always @(negedge clk) n <= d ^ p; assign q = p ^ n;",
        ),
      ),
      other("rising only", top(DUAL, "reg p; always @(posedge clk) p <= d; assign q = p;")),
      other("falling only", top(DUAL, "reg p; always @(negedge clk) p <= d; assign q = p;")),
      other("a wire", top(DUAL, "assign q = d;")),
      other(
        "the halves are swapped",
        top(
          DUAL,
          "reg p, n; always @(posedge clk) p <= d; always @(negedge clk) n <= d; assign q = clk ? n : p;",
        ),
      ),
    ],
  },
  {
    name: "asynchronous reset",
    golden: top(FLOP, "always @(posedge clk or posedge arst) if (arst) q <= 0; else q <= d;"),
    variants: [
      same(
        "through an inverted clock and reset",
        top(
          FLOP,
          "wire nclk = ~clk, nrst = ~arst; always @(negedge nclk or negedge nrst) if (!nrst) q <= 0; else q <= d;",
        ),
      ),
      other("synchronous", top(FLOP, "always @(posedge clk) if (arst) q <= 0; else q <= d;")),
      other(
        "acts on the edge of the reset only",
        top(FLOP, "always @(posedge clk or posedge arst) if (arst && !clk) q <= 0; else q <= d;"),
      ),
      other(
        "the reset masks the output",
        top(
          FLOP.replace("output reg", "output"),
          "reg r; always @(posedge clk) r <= d; assign q = r & ~arst;",
        ),
      ),
      other(
        "clocked by the release too",
        top(FLOP, "always @(posedge clk or posedge arst or negedge arst) if (arst) q <= 0; else q <= d;"),
      ),
      other("sets", top(FLOP, "always @(posedge clk or posedge arst) if (arst) q <= 1; else q <= d;")),
      other("active low", top(FLOP, "always @(posedge clk or negedge arst) if (!arst) q <= 0; else q <= d;")),
      other(
        "falling clock",
        top(FLOP, "always @(negedge clk or posedge arst) if (arst) q <= 0; else q <= d;"),
      ),
    ],
  },
  {
    name: "asynchronous and synchronous reset",
    golden: top(
      TWO,
      "always @(posedge clk or posedge ar) if (ar) q <= 4'd0; else if (sr) q <= 4'd9; else q <= d;",
    ),
    variants: [
      same(
        "the synchronous one in the data",
        top(TWO, "wire [3:0] n = sr ? 4'b1001 : d; always @(posedge ar, posedge clk) q <= ar ? 4'd0 : n;"),
      ),
      other(
        "both asynchronous",
        top(
          TWO,
          "always @(posedge clk or posedge ar or posedge sr) if (ar) q <= 4'd0; else if (sr) q <= 4'd9; else q <= d;",
        ),
      ),
      other(
        "both synchronous",
        top(TWO, "always @(posedge clk) if (ar) q <= 4'd0; else if (sr) q <= 4'd9; else q <= d;"),
      ),
      other(
        "the synchronous one is stronger",
        top(
          TWO,
          "always @(posedge clk or posedge ar) if (ar & ~sr) q <= 4'd0; else if (sr) q <= 4'd9; else q <= d;",
        ),
      ),
    ],
  },
  {
    name: "two clocks",
    golden: top(
      CLOCKS,
      "always @(posedge clka or posedge rst) if (rst) a <= 0; else a <= a + 1; always @(posedge clkb or posedge rst) if (rst) b <= 0; else b <= a;",
    ),
    variants: [
      same(
        "next values in wires",
        top(
          CLOCKS,
          "wire [3:0] n = a - 4'd15; always @(posedge clka or posedge rst) a <= rst ? 4'd0 : n; always @(posedge clkb or posedge rst) b <= rst ? 4'd0 : a;",
        ),
      ),
      other(
        "one clock for both",
        top(
          CLOCKS,
          "always @(posedge clka or posedge rst) if (rst) a <= 0; else a <= a + 1; always @(posedge clka or posedge rst) if (rst) b <= 0; else b <= a;",
        ),
      ),
      other(
        "clocks are swapped",
        top(
          CLOCKS,
          "always @(posedge clkb or posedge rst) if (rst) a <= 0; else a <= a + 1; always @(posedge clka or posedge rst) if (rst) b <= 0; else b <= a;",
        ),
      ),
      other(
        "the second one on its falling edge",
        top(
          CLOCKS,
          "always @(posedge clka or posedge rst) if (rst) a <= 0; else a <= a + 1; always @(negedge clkb or posedge rst) if (rst) b <= 0; else b <= a;",
        ),
      ),
    ],
  },
  {
    name: "enable",
    golden: top(GATED, "always @(posedge clk) if (rst) q <= 0; else if (en) q <= q + 1;"),
    variants: [
      same(
        "a recirculating multiplexer",
        top(GATED, "wire [3:0] n = en ? q + 4'd1 : q; always @(posedge clk) q <= n & {4{~rst}};"),
      ),
      same(
        "a clock gate with a latch",
        top(
          GATED,
          "reg open; always @* if (!clk) open = en | rst; wire g = clk & open; always @(posedge g) if (rst) q <= 0; else q <= q + 1;",
        ),
      ),
      other(
        "a clock gate without a latch",
        top(GATED, "wire g = clk & (en | rst); always @(posedge g) if (rst) q <= 0; else q <= q + 1;"),
      ),
      other(
        "rises with the enable",
        top(GATED, "always @(posedge en or posedge rst) if (rst) q <= 0; else q <= q + 1;"),
      ),
    ],
  },
  {
    name: "state from its initial value",
    golden: top(WAKE, "initial q = 0; always @(posedge clk) q <= ~q;"),
    variants: [
      same(
        "an initialised declaration",
        top("input clk, output q", "reg r = 1'b1; always @(posedge clk) r <= !r; assign q = ~r;"),
      ),
      other("starts at one", top(WAKE, "initial q = 1; always @(posedge clk) q <= ~q;")),
      other("never defined", top(WAKE, "always @(posedge clk) q <= ~q;")),
    ],
  },
  {
    name: "load without a reset",
    golden: top(LOAD, "always @(posedge clk) if (load) q <= d; else q <= q + 1;"),
    variants: [
      same("wakes up at zero", top(LOAD, "initial q = 0; always @(posedge clk) q <= load ? d : q + 4'd1;")),
      same(
        "wakes up at seven",
        top(LOAD, "initial q = 7; always @(posedge clk) begin q <= q + 1; if (load) q <= d; end"),
      ),
      other("holds", top(LOAD, "initial q = 0; always @(posedge clk) if (load) q <= d;")),
    ],
  },
  {
    name: "synchroniser",
    golden: top(
      SYNC,
      "reg a, b; always @(posedge clk or negedge rst_n) if (!rst_n) {b, a} <= 0; else {b, a} <= {a, d}; assign q = b;",
    ),
    variants: [
      same(
        "a vector",
        top(
          SYNC,
          "reg [1:0] s; always @(posedge clk or negedge rst_n) if (~rst_n) s <= 2'b00; else s <= {s[0], d}; assign q = s[1];",
        ),
      ),
      other(
        "three stages",
        top(
          SYNC,
          "reg [2:0] s; always @(posedge clk or negedge rst_n) if (~rst_n) s <= 0; else s <= {s[1:0], d}; assign q = s[2];",
        ),
      ),
      other(
        "the first stage is not reset",
        top(
          SYNC,
          "reg a, b; always @(posedge clk) a <= d; always @(posedge clk or negedge rst_n) if (!rst_n) b <= 0; else b <= a; assign q = b;",
        ),
      ),
    ],
  },
  {
    name: "two phases of one clock",
    golden: top(
      PHASES,
      "always @(posedge clk) if (rst) p <= 0; else p <= d; always @(negedge clk) if (rst) n <= 0; else n <= p;",
    ),
    variants: [
      same(
        "masks",
        top(
          PHASES,
          "wire [3:0] k = {4{~rst}}; always @(posedge clk) p <= d & k; always @(negedge clk) n <= p & k;",
        ),
      ),
      other(
        "all rising",
        top(
          PHASES,
          "always @(posedge clk) if (rst) p <= 0; else p <= d; always @(posedge clk) if (rst) n <= 0; else n <= p;",
        ),
      ),
      other(
        "the second takes the input",
        top(
          PHASES,
          "always @(posedge clk) if (rst) p <= 0; else p <= d; always @(negedge clk) if (rst) n <= 0; else n <= d;",
        ),
      ),
    ],
  },
  {
    name: "twelve-hour clock",
    golden: clock12(),
    variants: [
      same("seconds of the day, converted", clock12Binary()),
      other(
        "pm turns at twelve",
        clock12("if (hh == 8'h12) pm <= ~pm; hh <= hh == 8'h12 ? 8'h01 : hh[3:0] == 9 ? 8'h10 : hh + 8'h01;"),
      ),
      other("pm never turns", clock12("hh <= hh == 8'h12 ? 8'h01 : hh[3:0] == 9 ? 8'h10 : hh + 8'h01;")),
      other(
        "midnight is 00",
        clock12("if (hh == 8'h11) pm <= ~pm; hh <= hh == 8'h11 ? 8'h00 : hh[3:0] == 9 ? 8'h10 : hh + 8'h01;"),
      ),
      other(
        "hours in hexadecimal",
        clock12("if (hh == 8'h11) pm <= ~pm; hh <= hh == 8'h12 ? 8'h01 : hh + 8'h01;"),
      ),
      other("pm turns at one in the afternoon", clock12Binary(12)),
    ],
  },
  {
    name: "minimum since reset",
    golden: top(MULTI, "always @(posedge clk) if (rst) y <= 8'hff; else if (x < y) y <= x;"),
    variants: [
      same(
        "by subtraction",
        top(
          MULTI,
          "wire [8:0] d = {1'b0, x} - {1'b0, y}; always @(posedge clk) y <= rst ? 8'd255 : d[8] ? x : y;",
        ),
      ),
      other(
        "signed",
        top(MULTI, "always @(posedge clk) if (rst) y <= 8'hff; else if ($signed(x) < $signed(y)) y <= x;"),
      ),
      other(
        "zero is skipped",
        top(MULTI, "always @(posedge clk) if (rst) y <= 8'hff; else if (x < y && x != 0) y <= x;"),
      ),
      other(
        "reset only once",
        top(
          MULTI,
          "reg up = 0; always @(posedge clk) begin if (rst && !up) y <= 8'hff; else if (x < y) y <= x; if (!rst) up <= 1; end",
        ),
      ),
    ],
  },
  {
    name: "registered select, X on the way",
    golden: top(SELECT, "reg r; always @(posedge clk) r <= rst ? 1'b0 : s; assign y = r ? b : a;"),
    variants: [
      same(
        "if and else",
        top(
          SELECT.replace("output", "output reg"),
          "reg r; always @(posedge clk) if (rst) r <= 0; else r <= s; always @* if (r) y = b; else y = a;",
        ),
      ),
      same(
        "and-or",
        top(SELECT, "reg r; always @(posedge clk) r <= s & ~rst; assign y = {4{r}} & b | {4{~r}} & a;"),
      ),
      other("swapped", top(SELECT, "reg r; always @(posedge clk) r <= s & ~rst; assign y = r ? a : b;")),
      other("not registered", top(SELECT, "assign y = s & ~rst ? b : a;")),
    ],
  },
];
