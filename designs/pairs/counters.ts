/** Counters, dividers, shift registers: next to the reset, the rare carry, the deep wrap. */

import { type Case, other, same, top } from "./pair.js";

const MOD10 = "input clk, reset, output reg [3:0] q";
const ONE_TO_12 = "input clk, reset, enable, output reg [3:0] q";
const UPDOWN = "input clk, rst_n, load, en, up, input [7:0] d, output reg [7:0] q";
const BCD4 = "input clk, reset, output [3:1] ena, output [15:0] q";
const SHIFT18 = "input clk, load, ena, input [1:0] amount, input [63:0] data, output reg [63:0] q";
const LFSR = "input clk, reset, output reg [31:0] q";
const DIVIDER = "input clk, rst, output reg out";
const SATURATE = "input clk, areset, train_valid, train_taken, output reg [1:0] state";
const PWM = "input clk, rst, input [7:0] duty, output pwm";
const TIMER = "input clk, load, input [9:0] data, output tc";
const MAC = "input clk, rst, clear, input signed [7:0] a, b, output reg signed [15:0] acc";
const RULE = "input clk, load, input [63:0] data, output reg [63:0] q";
const RIPPLE = "input clk, rst, output [3:0] q";
const JOHNSON = "input clk, rst_n, output reg [5:0] q";

const mod10 = (body: string): string => top(MOD10, `always @(posedge clk) ${body}`);
const shift18 = (four: string): string =>
  top(
    SHIFT18,
    `always @(posedge clk) if (load) q <= data; else if (ena) case (amount) 0: q <= {q[62:0], 1'b0}; 1: q <= {q[55:0], 8'd0}; 2: ${four}; 3: q <= {{8{q[63]}}, q[63:8]}; endcase`,
  );
const bcd4 = (carry3: string, wrap = "9"): string => `
module digit(input clk, reset, en, output reg [3:0] d);
  always @(posedge clk) if (reset) d <= 0; else if (en) d <= d == ${wrap} ? 0 : d + 1;
endmodule
${top(
  BCD4,
  `assign ena = {${carry3}, q[7:4] == 9 && q[3:0] == 9, q[3:0] == 9};
  digit d0(clk, reset, 1'b1, q[3:0]); digit d1(clk, reset, ena[1], q[7:4]);
  digit d2(clk, reset, ena[2], q[11:8]); digit d3(clk, reset, ena[3], q[15:12]);`,
)}`;
export const divider = (period: number, bits = 14): string =>
  top(
    DIVIDER,
    `reg [${bits - 1}:0] n; always @(posedge clk) if (rst) begin n <= 0; out <= 0; end else if (n == ${period - 1}) begin n <= 0; out <= ~out; end else n <= n + 1;`,
  );

export const counters: readonly Case[] = [
  {
    name: "decade counter",
    golden: mod10("if (reset || q == 9) q <= 0; else q <= q + 1;"),
    variants: [
      same(
        "ten and more cannot be reached after a reset",
        mod10("if (reset) q <= 0; else q <= q >= 9 ? 0 : q + 1;"),
      ),
      same(
        "next state in a wire",
        top(
          MOD10,
          "wire last = q[3] & q[0]; wire [3:0] next = {4{~last}} & (q + 4'd1); always @(posedge clk) q <= reset ? 4'd0 : next;",
        ),
      ),
      other("eleven states", mod10("if (reset || q == 10) q <= 0; else q <= q + 1;")),
      other("resets to one", mod10("if (reset) q <= 1; else q <= q == 9 ? 0 : q + 1;")),
      other(
        "asynchronous reset",
        top(MOD10, "always @(posedge clk or posedge reset) if (reset) q <= 0; else q <= q == 9 ? 0 : q + 1;"),
      ),
      other("active-low reset", mod10("if (!reset || q == 9) q <= 0; else q <= q + 1;")),
      other(
        "falling edge",
        top(MOD10, "always @(negedge clk) if (reset || q == 9) q <= 0; else q <= q + 1;"),
      ),
      other(
        "no reset",
        top(MOD10, "initial q = 0; always @(posedge clk) if (q == 9) q <= 0; else q <= q + 1;"),
      ),
    ],
  },
  {
    name: "one to twelve with enable",
    golden: top(
      ONE_TO_12,
      "always @(posedge clk) if (reset) q <= 1; else if (enable) q <= q == 12 ? 1 : q + 1;",
    ),
    variants: [
      same(
        "wrap first",
        top(
          ONE_TO_12,
          "always @(posedge clk) begin if (enable) begin q <= q + 1; if (q == 12) q <= 1; end if (reset) q <= 1; end",
        ),
      ),
      other(
        "reset needs the enable",
        top(ONE_TO_12, "always @(posedge clk) if (enable) q <= (reset || q == 12) ? 1 : q + 1;"),
      ),
      other(
        "wraps without the enable",
        top(ONE_TO_12, "always @(posedge clk) if (reset || q == 12) q <= 1; else if (enable) q <= q + 1;"),
      ),
    ],
  },
  {
    name: "up-down counter with load",
    golden: top(
      UPDOWN,
      "always @(posedge clk or negedge rst_n) if (!rst_n) q <= 0; else if (load) q <= d; else if (en) q <= up ? q + 1 : q - 1;",
    ),
    variants: [
      same(
        "add a signed step",
        top(
          UPDOWN,
          "wire [7:0] step = {{7{~up}}, 1'b1} & {8{en}}; always @(posedge clk or negedge rst_n) if (~rst_n) q <= 8'h00; else q <= load ? d : q + step;",
        ),
      ),
      other(
        "load needs the enable",
        top(
          UPDOWN,
          "always @(posedge clk or negedge rst_n) if (!rst_n) q <= 0; else if (en) q <= load ? d : up ? q + 1 : q - 1;",
        ),
      ),
      other(
        "enable before load",
        top(
          UPDOWN,
          "always @(posedge clk or negedge rst_n) if (!rst_n) q <= 0; else if (en) q <= up ? q + 1 : q - 1; else if (load) q <= d;",
        ),
      ),
      other(
        "saturates below",
        top(
          UPDOWN,
          "always @(posedge clk or negedge rst_n) if (!rst_n) q <= 0; else if (load) q <= d; else if (en) q <= up ? q + 1 : q == 0 ? 0 : q - 1;",
        ),
      ),
      other(
        "saturates above",
        top(
          UPDOWN,
          "always @(posedge clk or negedge rst_n) if (!rst_n) q <= 0; else if (load) q <= d; else if (en) q <= up ? (q == 255 ? 255 : q + 1) : q - 1;",
        ),
      ),
      other(
        "synchronous reset",
        top(
          UPDOWN,
          "always @(posedge clk) if (!rst_n) q <= 0; else if (load) q <= d; else if (en) q <= up ? q + 1 : q - 1;",
        ),
      ),
    ],
  },
  {
    name: "four decimal digits",
    golden: bcd4("q[11:8] == 9 && q[7:4] == 9 && q[3:0] == 9"),
    variants: [
      same(
        "one binary counter, converted",
        top(
          BCD4,
          `reg [13:0] n; always @(posedge clk) if (reset) n <= 0; else n <= n == 9999 ? 0 : n + 1;
  wire [3:0] a = n % 10, b = n / 10 % 10, c = n / 100 % 10, d = n / 1000; assign q = {d, c, b, a};
  assign ena = {c == 9 && b == 9 && a == 9, b == 9 && a == 9, a == 9};`,
        ),
      ),
      other("the third carry forgets the lowest digit", bcd4("q[11:8] == 9 && q[7:4] == 9")),
      other("the third carry never comes", bcd4("1'b0")),
      other("digits run to ten", bcd4("q[11:8] == 9 && q[7:4] == 9 && q[3:0] == 9", "10")),
      other("stops at 8999", bcd4("q[11:8] == 9 && q[7:4] == 9 && q[3:0] == 9 && q[15:12] != 8")),
    ],
  },
  {
    name: "arithmetic shift register",
    golden: shift18("q <= {q[63], q[63:1]}"),
    variants: [
      same(
        "signed shifts",
        top(
          SHIFT18,
          "always @(posedge clk) if (load) q <= data; else if (ena) q <= amount[1] ? (amount[0] ? $signed(q) >>> 8 : $signed(q) >>> 1) : amount[0] ? $signed(q) <<< 8 : $signed(q) <<< 1;",
        ),
      ),
      other(
        "an unsigned branch makes the right shifts logical",
        top(
          SHIFT18,
          "always @(posedge clk) if (load) q <= data; else if (ena) q <= amount[1] ? (amount[0] ? $signed(q) >>> 8 : $signed(q) >>> 1) : amount[0] ? q << 8 : q << 1;",
        ),
      ),
      other("logical", shift18("q <= {1'b0, q[63:1]}")),
      other(
        "enable is ignored",
        top(
          SHIFT18,
          "always @(posedge clk) if (load) q <= data; else q <= amount[1] ? (amount[0] ? $signed(q) >>> 8 : $signed(q) >>> 1) : amount[0] ? $signed(q) <<< 8 : $signed(q) <<< 1;",
        ),
      ),
      other(
        "load needs the enable",
        top(
          SHIFT18,
          "always @(posedge clk) if (ena) q <= load ? data : amount[1] ? (amount[0] ? $signed(q) >>> 8 : $signed(q) >>> 1) : amount[0] ? $signed(q) <<< 8 : $signed(q) <<< 1;",
        ),
      ),
    ],
  },
  {
    name: "linear feedback",
    golden: top(
      LFSR,
      "always @(posedge clk) if (reset) q <= 1; else begin q <= {q[0], q[31:1]}; q[21] <= q[22] ^ q[0]; q[1] <= q[2] ^ q[0]; q[0] <= q[1] ^ q[0]; end",
    ),
    variants: [
      same(
        "mask",
        top(LFSR, "always @(posedge clk) q <= reset ? 32'h1 : (q >> 1) ^ ({32{q[0]}} & 32'h80200003);"),
      ),
      other(
        "one tap is off",
        top(LFSR, "always @(posedge clk) q <= reset ? 32'h1 : (q >> 1) ^ ({32{q[0]}} & 32'h80400003);"),
      ),
      other(
        "starts elsewhere",
        top(LFSR, "always @(posedge clk) q <= reset ? 32'h2 : (q >> 1) ^ ({32{q[0]}} & 32'h80200003);"),
      ),
    ],
  },
  {
    name: "divider by 10000",
    golden: divider(10000),
    variants: [
      same(
        "counts down",
        top(
          DIVIDER,
          "reg [13:0] n; always @(posedge clk) if (rst) begin n <= 9999; out <= 0; end else begin n <= n == 0 ? 14'd9999 : n - 14'd1; if (n == 0) out <= !out; end",
        ),
      ),
      same(
        "prescaler of 100, then 100",
        top(
          DIVIDER,
          "reg [6:0] a, b; wire la = a == 99, lb = b == 99; always @(posedge clk) if (rst) begin a <= 0; b <= 0; out <= 0; end else begin a <= la ? 0 : a + 1; if (la) begin b <= lb ? 0 : b + 1; if (lb) out <= ~out; end end",
        ),
      ),
      other("9999", divider(9999)),
      other("10001", divider(10001)),
      other("3000", divider(3000)),
      other("never", top(DIVIDER, "always @(posedge clk) if (rst) out <= 0;")),
    ],
  },
  {
    name: "two-bit saturating counter",
    golden: top(
      SATURATE,
      "always @(posedge clk, posedge areset) if (areset) state <= 1; else if (train_valid) begin if (state < 3 && train_taken) state <= state + 1; else if (state > 0 && !train_taken) state <= state - 1; end",
    ),
    variants: [
      same(
        "table",
        top(
          SATURATE,
          "always @(posedge clk or posedge areset) if (areset) state <= 2'b01; else case ({train_valid, train_taken, state}) 4'b1000: state <= 0; 4'b1001: state <= 0; 4'b1010: state <= 1; 4'b1011: state <= 2; 4'b1100: state <= 1; 4'b1101: state <= 2; 4'b1110: state <= 3; 4'b1111: state <= 3; default: state <= state; endcase",
        ),
      ),
      other(
        "wraps",
        top(
          SATURATE,
          "always @(posedge clk, posedge areset) if (areset) state <= 1; else if (train_valid) state <= train_taken ? state + 1 : state - 1;",
        ),
      ),
      other(
        "sticks at strong",
        top(
          SATURATE,
          "always @(posedge clk, posedge areset) if (areset) state <= 1; else if (train_valid && state != 3) begin if (train_taken) state <= state + 1; else if (state > 0) state <= state - 1; end",
        ),
      ),
    ],
  },
  {
    name: "pulse width",
    golden: top(
      PWM,
      "reg [7:0] n; always @(posedge clk) if (rst) n <= 0; else n <= n + 1; assign pwm = n < duty;",
    ),
    variants: [
      same(
        "duty above n",
        top(
          PWM,
          "reg [7:0] n; always @(posedge clk) n <= {8{~rst}} & (n + 8'd1); assign pwm = |duty & (n <= duty - 8'd1);",
        ),
      ),
      other(
        "never fully off",
        top(
          PWM,
          "reg [7:0] n; always @(posedge clk) if (rst) n <= 0; else n <= n + 1; assign pwm = n <= duty;",
        ),
      ),
      other(
        "seven bits",
        top(
          PWM,
          "reg [6:0] n; always @(posedge clk) if (rst) n <= 0; else n <= n + 1; assign pwm = n < duty;",
        ),
      ),
      other(
        "period of 255",
        top(
          PWM,
          "reg [7:0] n; always @(posedge clk) if (rst) n <= 0; else n <= n == 254 ? 0 : n + 1; assign pwm = n < duty;",
        ),
      ),
    ],
  },
  {
    name: "timer",
    golden: top(
      TIMER,
      "reg [9:0] n; always @(posedge clk) if (load) n <= data; else if (n != 0) n <= n - 1; assign tc = n == 0;",
    ),
    variants: [
      same(
        "saturating subtraction",
        top(
          TIMER,
          "reg [9:0] n; wire [10:0] m = {1'b0, n} - 11'd1; always @(posedge clk) n <= load ? data : m[10] ? 10'd0 : m[9:0]; assign tc = ~|n;",
        ),
      ),
      other(
        "runs through zero",
        top(
          TIMER,
          "reg [9:0] n; always @(posedge clk) if (load) n <= data; else n <= n - 1; assign tc = n == 0;",
        ),
      ),
      other(
        "nine bits",
        top(
          TIMER,
          "reg [8:0] n; always @(posedge clk) if (load) n <= data[8:0]; else if (n != 0) n <= n - 1; assign tc = n == 0;",
        ),
      ),
      other(
        "ends at one",
        top(
          TIMER,
          "reg [9:0] n; always @(posedge clk) if (load) n <= data; else if (n != 0) n <= n - 1; assign tc = n <= 1;",
        ),
      ),
    ],
  },
  {
    name: "saturating accumulator",
    golden: top(
      MAC,
      "wire signed [16:0] t = acc + a * b; always @(posedge clk) if (rst | clear) acc <= 0; else acc <= t > 32767 ? 16'sh7fff : t < -32768 ? 16'sh8000 : t[15:0];",
    ),
    variants: [
      same(
        "overflow from the two top bits",
        top(
          MAC,
          "wire signed [15:0] p = a * b; wire signed [16:0] t = {acc[15], acc} + {p[15], p}; always @(posedge clk) if (rst || clear) acc <= 16'd0; else case (t[16:15]) 2'b01: acc <= 16'h7fff; 2'b10: acc <= 16'h8000; default: acc <= t[15:0]; endcase",
        ),
      ),
      other(
        "saturates upwards only",
        top(
          MAC,
          "wire signed [16:0] t = acc + a * b; always @(posedge clk) if (rst | clear) acc <= 0; else acc <= t > 32767 ? 16'sh7fff : t[15:0];",
        ),
      ),
      other("wraps", top(MAC, "always @(posedge clk) if (rst | clear) acc <= 0; else acc <= acc + a * b;")),
      other(
        "unsigned product",
        top(
          MAC,
          "wire signed [16:0] t = acc + $signed({1'b0, a[6:0]} * {1'b0, b[6:0]}); always @(posedge clk) if (rst | clear) acc <= 0; else acc <= t > 32767 ? 16'sh7fff : t < -32768 ? 16'sh8000 : t[15:0];",
        ),
      ),
    ],
  },
  {
    name: "rule 90",
    golden: top(
      RULE,
      "always @(posedge clk) if (load) q <= data; else q <= {1'b0, q[63:1]} ^ {q[62:0], 1'b0};",
    ),
    variants: [
      same(
        "cell by cell",
        top(
          RULE,
          "integer i; always @(posedge clk) for (i = 0; i < 64; i = i + 1) q[i] <= load ? data[i] : (i > 0 ? q[i > 0 ? i - 1 : 0] : 1'b0) ^ (i < 63 ? q[i < 63 ? i + 1 : 63] : 1'b0);",
        ),
      ),
      other(
        "the border wraps round",
        top(RULE, "always @(posedge clk) if (load) q <= data; else q <= {q[0], q[63:1]} ^ {q[62:0], q[63]};"),
      ),
      other(
        "blocking, in place",
        top(
          RULE,
          "integer i; always @(posedge clk) if (load) q = data; else for (i = 1; i < 63; i = i + 1) q[i] = q[i - 1] ^ q[i + 1];",
        ),
      ),
    ],
  },
  {
    name: "ripple counter",
    golden: top(
      RIPPLE,
      "reg [3:0] n; always @(posedge clk or posedge rst) if (rst) n <= 0; else n <= n + 1; assign q = n;",
    ),
    variants: [
      same(
        "each bit clocks the next",
        top(
          RIPPLE,
          "reg a, b, c, d; always @(posedge clk or posedge rst) if (rst) a <= 0; else a <= ~a; always @(negedge a or posedge rst) if (rst) b <= 0; else b <= ~b; always @(negedge b or posedge rst) if (rst) c <= 0; else c <= ~c; always @(negedge c or posedge rst) if (rst) d <= 0; else d <= ~d; assign q = {d, c, b, a};",
        ),
      ),
      other(
        "counts down",
        top(
          RIPPLE,
          "reg [3:0] n; always @(posedge clk or posedge rst) if (rst) n <= 0; else n <= n - 1; assign q = n;",
        ),
      ),
    ],
  },
  {
    name: "Johnson counter",
    golden: top(
      JOHNSON,
      "always @(posedge clk or negedge rst_n) if (!rst_n) q <= 0; else q <= {~q[0], q[5:1]};",
    ),
    variants: [
      same(
        "by position, the unreachable codes left alone",
        top(
          JOHNSON,
          "always @(posedge clk or negedge rst_n) if (!rst_n) q <= 0; else case (q) 6'b000000: q <= 6'b100000; 6'b100000: q <= 6'b110000; 6'b110000: q <= 6'b111000; 6'b111000: q <= 6'b111100; 6'b111100: q <= 6'b111110; 6'b111110: q <= 6'b111111; 6'b111111: q <= 6'b011111; 6'b011111: q <= 6'b001111; 6'b001111: q <= 6'b000111; 6'b000111: q <= 6'b000011; 6'b000011: q <= 6'b000001; default: q <= 0; endcase",
        ),
      ),
      other(
        "a ring",
        top(JOHNSON, "always @(posedge clk or negedge rst_n) if (!rst_n) q <= 1; else q <= {q[0], q[5:1]};"),
      ),
    ],
  },
];
