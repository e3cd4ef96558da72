/** Latches, memories, queues and what they hold. */

import { type Case, other, same, top } from "./pair.js";

const LATCH = "input d, ena, output reg q";
const LATCH_WIRE = "input d, ena, output q";
const LATCH_RESET = "input rst_n, en, input [3:0] d, output reg [3:0] q";
const RAM = "input clk, we, input [5:0] addr, input [7:0] din, output reg [7:0] dout";
const RAM2 = "input clk, we, input [3:0] wa, ra, input [7:0] din, output [7:0] dout";
const FIFO = "input clk, rst, wr, rd, input [7:0] din, output [7:0] dout, output full, empty";
const ROM = "input clk, input [3:0] a, output reg [7:0] q";
const REGFILE = "input clk, we, input [4:0] rs, rt, rd, input [31:0] d, output [31:0] a, b";
const STACK = "input clk, rst, push, pop, input [7:0] d, output [7:0] top_of, output empty, full";
const BYTES = "input clk, resetn, input [1:0] byteena, input [15:0] d, output reg [15:0] q";
const SKID =
  "input clk, rst, in_valid, out_ready, input [7:0] in_data, output in_ready, output reg out_valid, output reg [7:0] out_data";
const CAM = "input clk, rst, we, input [1:0] slot, input [11:0] key, output hit, output [1:0] where";

/** Depth is a power of two; without its guard a full queue is overwritten and its count runs on. */
export const fifo = (depth: number, guarded = true): string => {
  const a = Math.log2(depth);
  return top(
    FIFO,
    `reg [7:0] m [0:${depth - 1}]; reg [${a}:0] n; reg [${a - 1}:0] w, r;
  assign full = n == ${depth}, empty = n == 0, dout = empty ? 8'd0 : m[r];
  wire push = wr${guarded ? " & ~full" : ""}, pop = rd & ~empty;
  always @(posedge clk) if (rst) begin n <= 0; w <= 0; r <= 0; end else begin
    if (push) begin m[w] <= din; w <= w + 1; end
    if (pop) r <= r + 1;
    n <= n + push - pop;
  end`,
  );
};
/** The same queue with one more bit in its pointers instead of a count. */
const fifoPointers = (depth: number, full = "w[A] != r[A] && w[A-1:0] == r[A-1:0]"): string => {
  const a = Math.log2(depth);
  return top(
    FIFO,
    `localparam A = ${a}; reg [7:0] m [0:${depth - 1}]; reg [A:0] w, r;
  assign empty = w == r, full = ${full}, dout = m[r[A-1:0]] & {8{~empty}};
  always @(posedge clk) begin
    if (wr && !full) m[w[A-1:0]] <= din;
    w <= rst ? 0 : w + (wr && !full); r <= rst ? 0 : r + (rd && !empty);
  end`,
  ).replace("dout = m[r[A-1:0]] & {8{~empty}}", "dout = empty ? 8'h00 : m[r[A-1:0]]");
};

export const storage: readonly Case[] = [
  {
    name: "latch",
    golden: top(LATCH, "always @* if (ena) q = d;"),
    variants: [
      same("a wire that feeds itself", top(LATCH_WIRE, "assign q = ena ? d : q;")),
      same("a level-sensitive process", top(LATCH, "always @(ena or d) begin if (ena) q <= d; end")),
      same("always_latch", top("input logic d, ena, output logic q", "always_latch if (ena) q <= d;")),
      other("a flip-flop", top(LATCH, "always @(posedge ena) q <= d;")),
      other("transparent when low", top(LATCH, "always @* if (!ena) q = d;")),
      other("zero when closed", top(LATCH_WIRE, "assign q = ena & d;")),
    ],
  },
  {
    name: "latch with reset",
    golden: top(LATCH_RESET, "always @* if (!rst_n) q = 0; else if (en) q = d;"),
    variants: [
      same(
        "a wire that feeds itself",
        top(LATCH_RESET.replace("output reg", "output"), "assign q = !rst_n ? 4'd0 : en ? d : q;"),
      ),
      other(
        "the release lets data through: the gate closes after the mask opens",
        top(LATCH_RESET, "wire open = en | ~rst_n; always @* if (open) q = d & {4{rst_n}};"),
      ),
      other("the enable comes first", top(LATCH_RESET, "always @* if (en) q = d; else if (!rst_n) q = 0;")),
      other("no reset", top(LATCH_RESET, "always @* if (en) q = d;")),
    ],
  },
  {
    name: "RAM, read first",
    golden: top(
      RAM,
      "reg [7:0] m [0:63]; always @(posedge clk) begin if (we) m[addr] <= din; dout <= m[addr]; end",
    ),
    variants: [
      same(
        "two processes",
        top(
          RAM,
          "reg [7:0] m [63:0]; always @(posedge clk) dout <= m[addr]; always @(posedge clk) if (we) m[addr] <= din;",
        ),
      ),
      same(
        "two banks",
        top(
          RAM.replace("output reg", "output"),
          "reg [7:0] a [0:31], b [0:31], x, y; reg s; always @(posedge clk) begin s <= addr[0]; x <= a[addr[5:1]]; y <= b[addr[5:1]]; if (we & ~addr[0]) a[addr[5:1]] <= din; if (we & addr[0]) b[addr[5:1]] <= din; end assign dout = s ? y : x;",
        ),
      ),
      other(
        "write first",
        top(
          RAM,
          "reg [7:0] m [0:63]; always @(posedge clk) begin if (we) m[addr] = din; dout <= m[addr]; end",
        ),
      ),
      other(
        "no read while writing",
        top(RAM, "reg [7:0] m [0:63]; always @(posedge clk) if (we) m[addr] <= din; else dout <= m[addr];"),
      ),
      other(
        "asynchronous read",
        top(
          RAM.replace("output reg", "output"),
          "reg [7:0] m [0:63]; always @(posedge clk) if (we) m[addr] <= din; assign dout = m[addr];",
        ),
      ),
      other(
        "the last word is missing",
        top(
          RAM,
          "reg [7:0] m [0:62]; always @(posedge clk) begin if (we) m[addr] <= din; dout <= m[addr]; end",
        ),
      ),
      other(
        "the top address bit is ignored",
        top(
          RAM,
          "reg [7:0] m [0:31]; always @(posedge clk) begin if (we) m[addr[4:0]] <= din; dout <= m[addr[4:0]]; end",
        ),
      ),
    ],
  },
  {
    name: "RAM with two ports",
    golden: top(RAM2, "reg [7:0] m [0:15]; always @(posedge clk) if (we) m[wa] <= din; assign dout = m[ra];"),
    variants: [
      same(
        "one long register",
        top(
          RAM2,
          "reg [127:0] m; always @(posedge clk) if (we) m[wa * 8 +: 8] <= din; assign dout = m[ra * 8 +: 8];",
        ),
      ),
      other(
        "forwards the word being written",
        top(
          RAM2,
          "reg [7:0] m [0:15]; always @(posedge clk) if (we) m[wa] <= din; assign dout = we && wa == ra ? din : m[ra];",
        ),
      ),
      other(
        "word 0 stays",
        top(
          RAM2,
          "reg [7:0] m [0:15]; initial m[0] = 0; always @(posedge clk) if (we && wa != 0) m[wa] <= din; assign dout = m[ra];",
        ),
      ),
      other(
        "falling edge",
        top(RAM2, "reg [7:0] m [0:15]; always @(negedge clk) if (we) m[wa] <= din; assign dout = m[ra];"),
      ),
      other(
        "writes through a latch",
        top(RAM2, "reg [7:0] m [0:15]; always @* if (we) m[wa] = din; assign dout = m[ra];"),
      ),
    ],
  },
  {
    name: "queue of 16",
    golden: fifo(16),
    variants: [
      same("pointers with one more bit", fifoPointers(16)),
      other("no full guard", fifo(16, false)),
      other("full at 15", fifoPointers(16, "w - r == 15")),
      other("depth 8", fifo(8)),
    ],
  },
  {
    name: "queue of 64",
    golden: fifo(64),
    variants: [
      same("pointers with one more bit", fifoPointers(64)),
      other("no full guard", fifo(64, false)),
      other("full a word early", fifoPointers(64, "w - r == 63")),
    ],
  },
  {
    name: "queue of 256",
    golden: fifo(256),
    variants: [
      same("pointers with one more bit", fifoPointers(256)),
      other("no full guard", fifo(256, false)),
      other("never full", fifoPointers(256, "1'b0")),
    ],
  },
  {
    name: "ROM",
    golden: top(
      ROM,
      "always @(posedge clk) case (a) 0: q <= 8'h3f; 1: q <= 8'h06; 2: q <= 8'h5b; 3: q <= 8'h4f; 4: q <= 8'h66; 5: q <= 8'h6d; 6: q <= 8'h7d; 7: q <= 8'h07; 8: q <= 8'h7f; 9: q <= 8'h6f; default: q <= 8'h00; endcase",
    ),
    variants: [
      same(
        "a memory set up at the start",
        top(
          ROM,
          "reg [7:0] m [0:15]; integer i; initial begin for (i = 10; i < 16; i = i + 1) m[i] = 0; m[0] = 8'h3f; m[1] = 8'h06; m[2] = 8'h5b; m[3] = 8'h4f; m[4] = 8'h66; m[5] = 8'h6d; m[6] = 8'h7d; m[7] = 8'h07; m[8] = 8'h7f; m[9] = 8'h6f; end always @(posedge clk) q <= m[a];",
        ),
      ),
      same(
        "one constant",
        top(
          ROM,
          "wire [127:0] m = {48'd0, 80'h6f7f077d6d664f5b063f}; always @(posedge clk) q <= m[8 * a +: 8];",
        ),
      ),
      other(
        "keeps its output above nine",
        top(
          ROM,
          "wire [127:0] m = {48'd0, 80'h6f7f077d6d664f5b063f}; always @(posedge clk) if (a < 10) q <= m[8 * a +: 8];",
        ),
      ),
      other(
        "asynchronous",
        top(
          ROM.replace("output reg", "output"),
          "wire [127:0] m = {48'd0, 80'h6f7f077d6d664f5b063f}; assign q = m[8 * a +: 8];",
        ),
      ),
    ],
  },
  {
    name: "register file",
    golden: top(
      REGFILE,
      "reg [31:0] r [0:31]; always @(posedge clk) if (we && rd != 0) r[rd] <= d; assign a = rs == 0 ? 0 : r[rs], b = rt == 0 ? 0 : r[rt];",
    ),
    variants: [
      same(
        "register zero is written with zero",
        top(
          REGFILE,
          "reg [31:0] r [31:0]; initial r[0] = 0; always @(posedge clk) if (we) r[rd] <= rd == 0 ? 32'd0 : d; assign a = r[rs]; assign b = r[rt];",
        ),
      ),
      other(
        "register zero can be written",
        top(
          REGFILE,
          "reg [31:0] r [31:0]; initial r[0] = 0; always @(posedge clk) if (we) r[rd] <= d; assign a = r[rs]; assign b = r[rt];",
        ),
      ),
      other(
        "the second port reads zero as a register",
        top(
          REGFILE,
          "reg [31:0] r [0:31]; always @(posedge clk) if (we) r[rd] <= d; assign a = rs == 0 ? 0 : r[rs], b = r[rt];",
        ),
      ),
      other(
        "forwards on the first port",
        top(
          REGFILE,
          "reg [31:0] r [0:31]; always @(posedge clk) if (we && rd != 0) r[rd] <= d; assign a = rs == 0 ? 0 : we && rd == rs ? d : r[rs], b = rt == 0 ? 0 : r[rt];",
        ),
      ),
    ],
  },
  {
    name: "stack",
    golden: top(
      STACK,
      "reg [7:0] m [0:7]; reg [3:0] n; wire [3:0] below = n - 4'd1; assign empty = n == 0, full = n == 8, top_of = empty ? 8'd0 : m[below[2:0]]; always @(posedge clk) if (rst) n <= 0; else if (push && !full) begin m[n[2:0]] <= d; n <= n + 1; end else if (pop && !empty) n <= n - 1;",
    ),
    variants: [
      same(
        "shifting registers",
        top(
          STACK,
          "reg [63:0] m; reg [8:0] v; assign empty = v[0], full = v[8], top_of = empty ? 8'd0 : m[7:0]; always @(posedge clk) if (rst) v <= 1; else if (push & ~full) begin m <= {m[55:0], d}; v <= v << 1; end else if (pop & ~empty) begin m <= m >> 8; v <= v >> 1; end",
        ),
      ),
      other(
        "pop comes before push",
        top(
          STACK,
          "reg [63:0] m; reg [8:0] v; assign empty = v[0], full = v[8], top_of = empty ? 8'd0 : m[7:0]; always @(posedge clk) if (rst) v <= 1; else if (pop & ~empty) begin m <= m >> 8; v <= v >> 1; end else if (push & ~full) begin m <= {m[55:0], d}; v <= v << 1; end",
        ),
      ),
      other(
        "a full stack overwrites its top",
        top(
          STACK,
          "reg [7:0] m [0:7]; reg [3:0] n; wire [3:0] below = n - 4'd1; assign empty = n == 0, full = n == 8, top_of = empty ? 8'd0 : m[below[2:0]]; always @(posedge clk) if (rst) n <= 0; else if (push) begin m[full ? 3'd7 : n[2:0]] <= d; if (!full) n <= n + 1; end else if (pop && !empty) n <= n - 1;",
        ),
      ),
    ],
  },
  {
    name: "byte enables",
    golden: top(
      BYTES,
      "always @(posedge clk) if (!resetn) q <= 0; else begin if (byteena[1]) q[15:8] <= d[15:8]; if (byteena[0]) q[7:0] <= d[7:0]; end",
    ),
    variants: [
      same(
        "mask",
        top(
          BYTES,
          "wire [15:0] k = {{8{byteena[1]}}, {8{byteena[0]}}}; always @(posedge clk) q <= resetn ? d & k | q & ~k : 16'd0;",
        ),
      ),
      other(
        "swapped",
        top(
          BYTES,
          "wire [15:0] k = {{8{byteena[0]}}, {8{byteena[1]}}}; always @(posedge clk) q <= resetn ? d & k | q & ~k : 16'd0;",
        ),
      ),
      other(
        "asynchronous reset",
        top(
          BYTES,
          "always @(posedge clk or negedge resetn) if (!resetn) q <= 0; else begin if (byteena[1]) q[15:8] <= d[15:8]; if (byteena[0]) q[7:0] <= d[7:0]; end",
        ),
      ),
    ],
  },
  {
    name: "handshake register",
    golden: top(
      SKID,
      "assign in_ready = !out_valid || out_ready; always @(posedge clk) begin if (rst) out_valid <= 0; else if (in_ready) out_valid <= in_valid; if (in_ready && in_valid) out_data <= in_data; end",
    ),
    variants: [
      same(
        "wakes up with a word",
        top(
          SKID,
          "initial out_data = 8'h5a; assign in_ready = ~out_valid | out_ready; always @(posedge clk) begin out_valid <= ~rst & (in_valid | out_valid & ~out_ready); if (in_ready & in_valid) out_data <= in_data; end",
        ),
      ),
      other(
        "data moves without being taken",
        top(
          SKID,
          "assign in_ready = !out_valid || out_ready; always @(posedge clk) begin if (rst) out_valid <= 0; else if (in_ready) out_valid <= in_valid; if (in_valid) out_data <= in_data; end",
        ),
      ),
      other(
        "accepts only when empty",
        top(
          SKID,
          "assign in_ready = !out_valid; always @(posedge clk) begin if (rst) out_valid <= 0; else if (in_ready) out_valid <= in_valid; else if (out_ready) out_valid <= 0; if (in_ready && in_valid) out_data <= in_data; end",
        ),
      ),
    ],
  },
  {
    name: "associative slots",
    golden: top(
      CAM,
      "reg [11:0] k [0:3]; reg [3:0] v; always @(posedge clk) if (rst) v <= 0; else if (we) begin k[slot] <= key; v[slot] <= 1; end wire [3:0] m = {v[3] && k[3] == key, v[2] && k[2] == key, v[1] && k[1] == key, v[0] && k[0] == key}; assign hit = |m, where = m[0] ? 0 : m[1] ? 1 : m[2] ? 2 : m[3] ? 3 : 0;",
    ),
    variants: [
      same(
        "long register",
        top(
          CAM,
          "reg [47:0] k; reg [3:0] v; always @(posedge clk) begin if (we && !rst) k[12 * slot +: 12] <= key; v <= rst ? 4'd0 : v | ({3'd0, we} << slot); end integer i; reg h; reg [1:0] w; always @* begin h = 0; w = 0; for (i = 3; i >= 0; i = i - 1) if (v[i] && k[12 * i +: 12] == key) begin h = 1; w = i; end end assign hit = h, where = w;",
        ),
      ),
      other("never hits", top(CAM, "assign hit = 0, where = 0;")),
      other(
        "compares eleven bits",
        top(
          CAM,
          "reg [11:0] k [0:3]; reg [3:0] v; always @(posedge clk) if (rst) v <= 0; else if (we) begin k[slot] <= key; v[slot] <= 1; end wire [3:0] m = {v[3] && k[3][10:0] == key[10:0], v[2] && k[2][10:0] == key[10:0], v[1] && k[1][10:0] == key[10:0], v[0] && k[0][10:0] == key[10:0]}; assign hit = |m, where = m[0] ? 0 : m[1] ? 1 : m[2] ? 2 : m[3] ? 3 : 0;",
        ),
      ),
      other(
        "the highest slot wins",
        top(
          CAM,
          "reg [11:0] k [0:3]; reg [3:0] v; always @(posedge clk) if (rst) v <= 0; else if (we) begin k[slot] <= key; v[slot] <= 1; end wire [3:0] m = {v[3] && k[3] == key, v[2] && k[2] == key, v[1] && k[1] == key, v[0] && k[0] == key}; assign hit = |m, where = m[3] ? 3 : m[2] ? 2 : m[1] ? 1 : 0;",
        ),
      ),
    ],
  },
];
