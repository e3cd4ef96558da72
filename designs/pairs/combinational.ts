/** Without state: arithmetic, selection, don't-cares, rare input values. */

import { type Case, other, same, top } from "./pair.js";

const ADD = "input [15:0] a, b, input cin, output [15:0] s, output cout";
const MUX = "input [3:0] sel, input [15:0] a, b, c, d, output reg [15:0] y";
const PRIO = "input [7:0] in, output reg [2:0] pos";
const COUNT = "input [254:0] in, output reg [7:0] out";
const LESS = "input [31:0] a, b, output y";
const SHIFT = "input [31:0] a, input [4:0] n, output [31:0] y";
const KMAP = "input a, b, c, d, output reg y";
const EQUAL = "input [31:0] a, b, output y";
const OVER = "input [7:0] a, b, output [7:0] s, output overflow";
const ZEROS = "input [15:0] x, output reg [4:0] n";
const BCD = "input [3:0] a, b, input cin, output [3:0] s, output cout";
const MUL = "input [7:0] a, b, output [15:0] p";
const CODE = "input [15:0] scancode, output reg left, down, right, up";
const REV = "input [99:0] in, output [99:0] out";
const DIV = "input [7:0] a, b, output [7:0] q, r";
const GRAY = "input [7:0] g, output [7:0] b";
const ALU = "input [31:0] a, b, input [2:0] op, output reg [31:0] y, output zero";
const TRI = "input en, input [3:0] a, output [3:0] y";
const SAT = "input signed [11:0] x, output signed [7:0] y";
const PARITY = "input [63:0] d, output [6:0] p";

const restoring = (atZero: string, loop = 8): string => `
  reg [8:0] acc; reg [7:0] quo; integer i;
  always @* begin
    acc = 0; quo = 0;
    for (i = 7; i >= ${8 - loop}; i = i - 1) begin
      acc = {acc[7:0], a[i]};
      if (acc >= {1'b0, b}) begin acc = acc - {1'b0, b}; quo[i] = 1'b1; end
    end
    if (b == 0) begin quo = ${atZero}; acc = ${atZero}; end
  end
  assign q = quo; assign r = acc[7:0];`;

export const combinational: readonly Case[] = [
  {
    name: "adder",
    golden: top(ADD, "assign {cout, s} = a + b + cin;"),
    variants: [
      same(
        "ripple carry",
        top(
          ADD,
          `wire [16:0] k; assign k[0] = cin; genvar i;
  generate for (i = 0; i < 16; i = i + 1) begin : g
    assign s[i] = a[i] ^ b[i] ^ k[i]; assign k[i+1] = a[i] & b[i] | k[i] & (a[i] ^ b[i]);
  end endgenerate
  assign cout = k[16];`,
        ),
      ),
      same(
        "the carry in selects between two sums",
        top(ADD, "assign {cout, s} = cin ? {1'b0, a} + {1'b0, b} + 17'd1 : {1'b0, a} + {1'b0, b};"),
      ),
      other("the carry in is lost", top(ADD, "assign {cout, s} = a + b;")),
      other(
        "the sum is cut before the carry out",
        top(ADD, "wire [15:0] t = a + b; assign s = t + cin; assign cout = t < a;"),
      ),
      other(
        "the carry chain breaks between bits 7 and 8",
        top(
          ADD,
          "wire [8:0] l = a[7:0] + b[7:0] + cin; assign s[7:0] = l[7:0]; assign {cout, s[15:8]} = a[15:8] + b[15:8];",
        ),
      ),
    ],
  },
  {
    name: "mux with a default",
    golden: top(
      MUX,
      "always @* case (sel) 0: y = a; 1: y = b; 2: y = c; 3: y = d; default: y = 16'hffff; endcase",
    ),
    variants: [
      same(
        "nested conditions",
        top(
          MUX.replace("reg ", ""),
          "assign y = |sel[3:2] ? ~16'h0 : sel[1] ? (sel[0] ? d : c) : (sel[0] ? b : a);",
        ),
      ),
      other(
        "the default is zero",
        top(MUX, "always @* case (sel) 0: y = a; 1: y = b; 2: y = c; 3: y = d; default: y = 16'h0; endcase"),
      ),
      other(
        "no default: a latch",
        top(MUX, "always @* case (sel) 0: y = a; 1: y = b; 2: y = c; 3: y = d; endcase"),
      ),
      other(
        "sel = 15 aliases 3",
        top(
          MUX,
          "always @* case (sel) 0: y = a; 1: y = b; 2: y = c; 3, 15: y = d; default: y = 16'hffff; endcase",
        ),
      ),
    ],
  },
  {
    name: "priority encoder",
    golden: top(
      PRIO,
      "always @* casez (in) 8'bzzzzzzz1: pos = 0; 8'bzzzzzz10: pos = 1; 8'bzzzzz100: pos = 2; 8'bzzzz1000: pos = 3; 8'bzzz10000: pos = 4; 8'bzz100000: pos = 5; 8'bz1000000: pos = 6; 8'b10000000: pos = 7; default: pos = 0; endcase",
    ),
    variants: [
      same(
        "loop from the top down",
        top(
          PRIO,
          "integer i; always @* begin pos = 0; for (i = 7; i >= 0; i = i - 1) if (in[i]) pos = i; end",
        ),
      ),
      same(
        "isolate the lowest bit, then encode",
        top(
          PRIO.replace("reg ", ""),
          "wire [7:0] o = in & (~in + 8'd1); assign pos = {|o[7:4], |(o & 8'hcc), |(o & 8'haa)};",
        ),
      ),
      other(
        "the highest bit wins",
        top(
          PRIO,
          "integer i; always @* begin pos = 0; for (i = 0; i < 8; i = i + 1) if (in[i]) pos = i; end",
        ),
      ),
      other(
        "exact one-hot only",
        top(
          PRIO,
          "always @* case (in) 1: pos = 0; 2: pos = 1; 4: pos = 2; 8: pos = 3; 16: pos = 4; 32: pos = 5; 64: pos = 6; 128: pos = 7; default: pos = 0; endcase",
        ),
      ),
    ],
  },
  {
    name: "population count",
    golden: top(
      COUNT,
      "integer i; always @* begin out = 0; for (i = 0; i < 255; i = i + 1) out = out + in[i]; end",
    ),
    variants: [
      same(
        "counted from the other end",
        top(
          COUNT,
          "integer i; always @* begin out = 8'd255; for (i = 254; i >= 0; i = i - 1) out = out - {7'd0, ~in[i]}; end",
        ),
      ),
      other(
        "all ones counts as 254",
        top(
          COUNT,
          "integer i; always @* begin out = 0; for (i = 0; i < 255; i = i + 1) out = out + in[i]; if (&in) out = 8'd254; end",
        ),
      ),
      other(
        "the last bit is forgotten",
        top(
          COUNT,
          "integer i; always @* begin out = 0; for (i = 0; i < 254; i = i + 1) out = out + in[i]; end",
        ),
      ),
    ],
  },
  {
    name: "signed less",
    golden: top(LESS, "assign y = $signed(a) < $signed(b);"),
    variants: [
      same(
        "flip the sign bits, compare unsigned",
        top(LESS, "assign y = {~a[31], a[30:0]} < {~b[31], b[30:0]};"),
      ),
      same(
        "sign of a wider difference",
        top(LESS, "wire [32:0] d = {a[31], a} - {b[31], b}; assign y = d[32];"),
      ),
      other("unsigned", top(LESS, "assign y = a < b;")),
      other("sign of the difference overflows", top(LESS, "wire [31:0] d = a - b; assign y = d[31];")),
      other("less or equal", top(LESS, "assign y = $signed(a) <= $signed(b);")),
    ],
  },
  {
    name: "arithmetic shift",
    golden: top(SHIFT, "assign y = $signed(a) >>> n;"),
    variants: [
      same(
        "barrel stages",
        top(
          SHIFT,
          "wire s = a[31]; wire [31:0] t0 = n[0] ? {s, a[31:1]} : a, t1 = n[1] ? {{2{s}}, t0[31:2]} : t0, t2 = n[2] ? {{4{s}}, t1[31:4]} : t1, t3 = n[3] ? {{8{s}}, t2[31:8]} : t2; assign y = n[4] ? {{16{s}}, t3[31:16]} : t3;",
        ),
      ),
      same("complement, shift, complement", top(SHIFT, "assign y = a[31] ? ~(~a >> n) : a >> n;")),
      other("logical", top(SHIFT, "assign y = a >> n;")),
      other("an unsigned term makes the shift logical", top(SHIFT, "assign y = ($signed(a) >>> n) + 32'd0;")),
    ],
  },
  {
    name: "map with don't-cares",
    golden: top(
      KMAP,
      "always @* case ({a, b, c, d}) 0, 2, 5, 7, 8: y = 1; 1, 3, 4, 6: y = 0; 9, 15: y = 0; default: y = 1'bx; endcase",
    ),
    variants: [
      same(
        "don't-cares as 0",
        top(KMAP, "always @* case ({a, b, c, d}) 0, 2, 5, 7, 8: y = 1; default: y = 0; endcase"),
      ),
      same(
        "don't-cares as 1",
        top(KMAP, "always @* case ({a, b, c, d}) 1, 3, 4, 6, 9, 15: y = 0; default: y = 1; endcase"),
      ),
      same(
        "still undefined",
        top(
          KMAP,
          "always @* case ({a, b, c, d}) 0, 2, 5, 7, 8: y = 1; 1, 3, 4, 6, 9, 15: y = 0; default: y = 1'bx; endcase",
        ),
      ),
      other(
        "one defined cell is wrong",
        top(KMAP, "always @* case ({a, b, c, d}) 0, 2, 5, 7: y = 1; default: y = 0; endcase"),
      ),
      other(
        "a defined cell is undefined",
        top(
          KMAP,
          "always @* case ({a, b, c, d}) 0, 2, 5, 7: y = 1; 1, 3, 4, 6, 9, 15: y = 0; default: y = 1'bx; endcase",
        ),
      ),
    ],
  },
  {
    name: "equality of words",
    golden: top(EQUAL, "assign y = a == b;"),
    variants: [
      same("no bit differs", top(EQUAL, "assign y = ~|(a ^ b);")),
      same("neither is less", top(EQUAL, "assign y = !(a < b) && !(b < a);")),
      other("never", top(EQUAL, "assign y = 1'b0;")),
      other("bit 17 is not compared", top(EQUAL, "assign y = {a[31:18], a[16:0]} == {b[31:18], b[16:0]};")),
      other("zero is not equal to zero", top(EQUAL, "assign y = a == b && a != 0;")),
    ],
  },
  {
    name: "signed overflow",
    golden: top(OVER, "assign s = a + b; assign overflow = (a[7] == b[7]) && (s[7] != a[7]);"),
    variants: [
      same(
        "carries into and out of the sign differ",
        top(
          OVER,
          "wire [7:0] l = a[6:0] + b[6:0]; wire [8:0] t = a + b; assign s = t[7:0]; assign overflow = l[7] ^ t[8];",
        ),
      ),
      other("carry out", top(OVER, "assign {overflow, s} = a + b;")),
      other(
        "misses -128 + -128",
        top(
          OVER,
          "assign s = a + b; assign overflow = (a[7] == b[7]) && (s[7] != a[7]) && !(a == 8'h80 && b == 8'h80);",
        ),
      ),
    ],
  },
  {
    name: "leading zeros",
    golden: top(
      ZEROS,
      "integer i; always @* begin n = 16; for (i = 0; i < 16; i = i + 1) if (x[i]) n = 15 - i; end",
    ),
    variants: [
      same(
        "search from the top with a flag",
        top(
          ZEROS,
          "integer i; reg hit; always @* begin n = 0; hit = 0; for (i = 15; i >= 0; i = i - 1) begin if (x[i]) hit = 1; if (!hit) n = n + 1; end end",
        ),
      ),
      other(
        "zero gives 15",
        top(
          ZEROS,
          "integer i; always @* begin n = 15; for (i = 0; i < 16; i = i + 1) if (x[i]) n = 15 - i; end",
        ),
      ),
      other(
        "trailing zeros",
        top(ZEROS, "integer i; always @* begin n = 16; for (i = 15; i >= 0; i = i - 1) if (x[i]) n = i; end"),
      ),
    ],
  },
  {
    name: "decimal digit adder",
    golden: top(BCD, "wire [4:0] t = a + b + cin; assign cout = t > 9; assign s = cout ? t + 6 : t;"),
    variants: [
      same(
        "subtract ten",
        top(
          BCD,
          "wire [4:0] t = a + b + cin; assign {cout, s} = t >= 10 ? {1'b1, t[3:0] - 4'd10} : {1'b0, t[3:0]};",
        ),
      ),
      other(
        "corrects at nine",
        top(BCD, "wire [4:0] t = a + b + cin; assign cout = t > 8; assign s = cout ? t + 6 : t;"),
      ),
      other(
        "carry of the binary sum only",
        top(BCD, "wire [4:0] t = a + b + cin; assign cout = t[4]; assign s = t > 9 ? t + 6 : t;"),
      ),
    ],
  },
  {
    name: "multiplier",
    golden: top(MUL, "assign p = a * b;"),
    variants: [
      same(
        "shift and add",
        top(
          MUL.replace("output", "output reg"),
          "integer i; always @* begin p = 0; for (i = 0; i < 8; i = i + 1) if (b[i]) p = p + ({8'd0, a} << i); end",
        ),
      ),
      other("signed", top(MUL, "assign p = $signed(a) * $signed(b);")),
      other("8 bits of product", top(MUL, "wire [7:0] t = a * b; assign p = t;")),
      other("255 x 255 is one off", top(MUL, "assign p = a * b - (&a & &b);")),
    ],
  },
  {
    name: "scan codes",
    golden: top(
      CODE,
      "always @* begin {left, down, right, up} = 0; case (scancode) 16'he06b: left = 1; 16'he072: down = 1; 16'he074: right = 1; 16'he075: up = 1; endcase end",
    ),
    variants: [
      same(
        "comparisons",
        top(
          CODE.replace("reg ", ""),
          "assign left = scancode == 16'he06b, down = scancode == 16'he072, right = scancode == 16'he074, up = scancode == 16'he075;",
        ),
      ),
      other(
        "two are swapped",
        top(
          CODE.replace("reg ", ""),
          "assign left = scancode == 16'he06b, down = scancode == 16'he072, right = scancode == 16'he075, up = scancode == 16'he074;",
        ),
      ),
      other(
        "the low byte only",
        top(
          CODE.replace("reg ", ""),
          "assign left = scancode[7:0] == 8'h6b, down = scancode[7:0] == 8'h72, right = scancode[7:0] == 8'h74, up = scancode[7:0] == 8'h75;",
        ),
      ),
      other(
        "never up",
        top(
          CODE.replace("reg ", ""),
          "assign left = scancode == 16'he06b, down = scancode == 16'he072, right = scancode == 16'he074, up = 0;",
        ),
      ),
    ],
  },
  {
    name: "reversal of 100 bits",
    golden: top(
      REV,
      "genvar i; generate for (i = 0; i < 100; i = i + 1) begin : g assign out[i] = in[99 - i]; end endgenerate",
    ),
    variants: [
      same(
        "by assignment in a loop",
        top(
          REV.replace("output", "output reg"),
          "integer i; always @* for (i = 0; i < 100; i = i + 1) out[99 - i] = in[i];",
        ),
      ),
      same(
        "streaming by halves",
        top(
          REV,
          "function [49:0] rev(input [49:0] x); integer i; for (i = 0; i < 50; i = i + 1) rev[i] = x[49 - i]; endfunction assign out = {rev(in[49:0]), rev(in[99:50])};",
        ),
      ),
      other(
        "two neighbours are swapped",
        top(
          REV,
          "genvar i; generate for (i = 0; i < 100; i = i + 1) begin : g assign out[i] = in[i == 63 ? 37 : i == 62 ? 36 : 99 - i]; end endgenerate",
        ),
      ),
    ],
  },
  {
    name: "division",
    golden: top(DIV, "assign q = a / b; assign r = a % b;"),
    variants: [
      same("restoring; division by zero is undefined in the golden", top(DIV, restoring("8'h00"))),
      same("another answer for division by zero", top(DIV, restoring("8'hff"))),
      other("the last bit is not computed", top(DIV, restoring("8'h00", 7))),
      other("remainder of equal numbers", top(DIV, "assign q = a / b; assign r = a == b ? a : a % b;")),
    ],
  },
  {
    name: "gray to binary",
    golden: top(
      GRAY,
      "genvar i; generate for (i = 0; i < 8; i = i + 1) begin : each assign b[i] = ^(g >> i); end endgenerate",
    ),
    variants: [
      same(
        "prefix by doubling",
        top(GRAY, "wire [7:0] t = g ^ (g >> 4), u = t ^ (t >> 2); assign b = u ^ (u >> 1);"),
      ),
      other("binary to gray", top(GRAY, "assign b = g ^ (g >> 1);")),
    ],
  },
  {
    name: "ALU",
    golden: top(
      ALU,
      "always @* case (op) 0: y = a + b; 1: y = a - b; 2: y = a & b; 3: y = a | b; 4: y = a ^ b; 5: y = {31'd0, $signed(a) < $signed(b)}; 6: y = a << b[4:0]; default: y = a >> b[4:0]; endcase assign zero = y == 0;",
    ),
    variants: [
      same(
        "masks instead of a case",
        top(
          ALU.replace("output reg", "output"),
          "wire [32:0] d = {a[31], a} - {b[31], b}; assign y = {32{op == 0}} & (a + b) | {32{op == 1}} & d[31:0] | {32{op == 2}} & a & b | {32{op == 3}} & (a | b) | {32{op == 4}} & (a ^ b) | {32{op == 5}} & {31'd0, d[32]} | {32{op == 6}} & (a << b[4:0]) | {32{op == 7}} & (a >> b[4:0]); assign zero = ~|y;",
        ),
      ),
      other(
        "shift amount of six bits",
        top(
          ALU,
          "always @* case (op) 0: y = a + b; 1: y = a - b; 2: y = a & b; 3: y = a | b; 4: y = a ^ b; 5: y = {31'd0, $signed(a) < $signed(b)}; 6: y = a << b[5:0]; default: y = a >> b[4:0]; endcase assign zero = y == 0;",
        ),
      ),
      other(
        "set-less-than is unsigned",
        top(
          ALU,
          "always @* case (op) 0: y = a + b; 1: y = a - b; 2: y = a & b; 3: y = a | b; 4: y = a ^ b; 5: y = {31'd0, a < b}; 6: y = a << b[4:0]; default: y = a >> b[4:0]; endcase assign zero = y == 0;",
        ),
      ),
      other(
        "zero looks at 31 bits",
        top(
          ALU,
          "always @* case (op) 0: y = a + b; 1: y = a - b; 2: y = a & b; 3: y = a | b; 4: y = a ^ b; 5: y = {31'd0, $signed(a) < $signed(b)}; 6: y = a << b[4:0]; default: y = a >> b[4:0]; endcase assign zero = y[30:0] == 0;",
        ),
      ),
    ],
  },
  {
    name: "three states",
    golden: top(TRI, "assign y = en ? a : 4'bz;"),
    variants: [
      same("an undriven level is a don't-care", top(TRI, "assign y = en ? a : 4'd0;")),
      other("inverted enable", top(TRI, "assign y = en ? 4'bz : a;")),
    ],
  },
  {
    name: "saturation",
    golden: top(SAT, "assign y = x > 127 ? 8'sd127 : x < -128 ? -8'sd128 : x[7:0];"),
    variants: [
      same(
        "the five top bits agree",
        top(SAT, "assign y = (&x[11:7] || ~|x[11:7]) ? x[7:0] : {x[11], {7{~x[11]}}};"),
      ),
      other("truncates", top(SAT, "assign y = x[7:0];")),
      other("-128 becomes -127", top(SAT, "assign y = x > 127 ? 8'sd127 : x < -127 ? -8'sd127 : x[7:0];")),
    ],
  },
  {
    name: "parities of positions",
    golden: top(
      PARITY.replace("output", "output reg"),
      "integer i, j; always @* begin p = 0; for (i = 0; i < 64; i = i + 1) for (j = 0; j < 6; j = j + 1) if (i[j]) p[j] = p[j] ^ d[i]; p[6] = ^d; end",
    ),
    variants: [
      same(
        "masks",
        top(
          PARITY,
          "assign p = {^d, ^(d & 64'hffffffff00000000), ^(d & 64'hffff0000ffff0000), ^(d & 64'hff00ff00ff00ff00), ^(d & 64'hf0f0f0f0f0f0f0f0), ^(d & 64'hcccccccccccccccc), ^(d & 64'haaaaaaaaaaaaaaaa)};",
        ),
      ),
      other(
        "one bit of a mask is missing",
        top(
          PARITY,
          "assign p = {^d, ^(d & 64'hffffffff00000000), ^(d & 64'hffff0000ffff0000), ^(d & 64'hff00ff00ff00ff00), ^(d & 64'hf0f0f0f0f0f0f0f0), ^(d & 64'hccccccccc8cccccc), ^(d & 64'haaaaaaaaaaaaaaaa)};",
        ),
      ),
    ],
  },
  {
    name: "sensitivity",
    golden: top("input a, b, output y", "assign y = a & b;"),
    variants: [
      same(
        "a table",
        top("input a, b, output reg y", "always @* case ({a, b}) 2'b11: y = 1; default: y = 0; endcase"),
      ),
      other("only a change of a is seen", top("input a, b, output reg y", "always @(a) y = a & b;")),
    ],
  },
];
