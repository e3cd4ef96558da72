/** State machines: encodings, Moore and Mealy, overlapping sequences, rare states, unlock sequences. */

import { type Case, other, same, top } from "./pair.js";

const SEQ = "input clk, reset, data, output found";
const COMPLEMENT = "input clk, areset, x, output z";
const HDLC = "input clk, reset, in, output reg disc, flag, err";
const LEMMING = "input clk, areset, ground, output walking, aaah, splat";
const ONEHOT =
  "input d, done_counting, ack, input [9:0] state, output B3_next, S_next, Count_next, counting, done";
const UNLOCK = "input clk, rst, valid, input [7:0] code, output reg open";
const PS2 = "input clk, reset, input [7:0] in, output [23:0] out_bytes, output done";
const THREE = "input clk, reset, s, w, output z";
const ARBITER = "input clk, resetn, input [3:1] r, output [3:1] g";
const HYSTERESIS = "input clk, reset, input [3:1] s, output reg fr3, fr2, fr1, dfr";
const MAJORITY = "input clk, rst, x, output reg [1:0] y";
const TRAFFIC = "input clk, rst_n, car, output reg [1:0] light";

const moore = (encode: readonly string[], bits: number, done: string): string =>
  top(
    SEQ,
    `localparam [${bits - 1}:0] ${encode.map((e, k) => `S${k} = ${e}`).join(", ")};
  reg [${bits - 1}:0] s, n;
  always @(posedge clk) if (reset) s <= S0; else s <= n;
  always @* case (s) S0: n = data ? S1 : S0; S1: n = data ? S2 : S0; S2: n = data ? S2 : S3; S3: n = data ? ${done} : S0; S4: n = S4; default: n = S0; endcase
  assign found = s == S4;`,
  );
const lemming = (limit: number, count: string): string =>
  top(
    LEMMING,
    `reg [1:0] s; reg [4:0] n; localparam WALK = 0, FALL = 1, DEAD = 2;
  always @(posedge clk or posedge areset) if (areset) begin s <= WALK; n <= 0; end
    else case (s)
      WALK: begin n <= 0; if (!ground) s <= FALL; end
      FALL: begin ${count} if (ground) s <= n >= ${limit} ? DEAD : WALK; end
      default: s <= DEAD;
    endcase
  assign walking = s == WALK, aaah = s == FALL, splat = s == DEAD;`,
  );
export const unlock = (bytes: readonly string[], last = "open <= 1;"): string =>
  top(
    UNLOCK,
    `reg [1:0] n;
  always @(posedge clk) if (rst) begin n <= 0; open <= 0; end
    else if (valid) case (n)
      0: n <= code == ${bytes[0]} ? 1 : 0;
      1: n <= code == ${bytes[1]} ? 2 : 0;
      2: begin n <= 0; if (code == ${bytes[2]}) ${last} end
      default: n <= 0;
    endcase`,
  );

export const machines: readonly Case[] = [
  {
    name: "1101 found once",
    golden: moore(["0", "1", "2", "3", "4"], 3, "S4"),
    variants: [
      same("one-hot", moore(["5'b00001", "5'b00010", "5'b00100", "5'b01000", "5'b10000"], 5, "S4")),
      same("other codes, high when idle", moore(["3'd7", "3'd4", "3'd1", "3'd2", "3'd0"], 3, "S4")),
      same(
        "a window of bits and a latch for the result",
        top(
          SEQ,
          "reg [2:0] w; reg f; wire hit = {w, data} == 4'b1101; always @(posedge clk) if (reset) begin w <= 0; f <= 0; end else begin w <= {w[1:0], data}; f <= f | hit; end assign found = f;",
        ),
      ),
      same(
        "the state wakes up without a value: X from an active-high reset",
        top(
          SEQ,
          "reg [2:0] s; always @(posedge clk) s <= reset ? 0 : s == 4 ? 4 : s == 3 ? (data ? 4 : 0) : data ? (s == 0 ? 1 : 2) : s == 2 ? 3 : 0; assign found = s[2];",
        ),
      ),
      other("falls back", moore(["0", "1", "2", "3", "4"], 3, "S1")),
      other(
        "a cycle early",
        top(
          SEQ,
          "reg [2:0] w; reg f; wire hit = {w, data} == 4'b1101; always @(posedge clk) if (reset) begin w <= 0; f <= 0; end else begin w <= {w[1:0], data}; f <= f | hit; end assign found = f | hit;",
        ),
      ),
      other(
        "111 loses the sequence",
        top(
          SEQ,
          "reg [2:0] s; always @(posedge clk) if (reset) s <= 0; else case (s) 0: s <= data; 1: s <= data ? 2 : 0; 2: s <= data ? 0 : 3; 3: s <= data ? 4 : 0; default: s <= 4; endcase assign found = s == 4;",
        ),
      ),
    ],
  },
  {
    name: "serial two's complement",
    golden: top(
      COMPLEMENT,
      "reg [1:0] s; always @(posedge clk, posedge areset) if (areset) s <= 0; else case (s) 0: s <= x ? 1 : 0; default: s <= x ? 2 : 1; endcase assign z = s == 1;",
    ),
    variants: [
      same(
        "a flag and a flip-flop",
        top(
          COMPLEMENT,
          "reg seen, y; always @(posedge clk or posedge areset) if (areset) {seen, y} <= 0; else begin seen <= seen | x; y <= x ^ seen; end assign z = y;",
        ),
      ),
      other(
        "Mealy",
        top(
          COMPLEMENT,
          "reg seen; always @(posedge clk or posedge areset) if (areset) seen <= 0; else seen <= seen | x; assign z = x ^ seen;",
        ),
      ),
      other(
        "one's complement",
        top(
          COMPLEMENT,
          "reg y; always @(posedge clk or posedge areset) if (areset) y <= 0; else y <= ~x; assign z = y;",
        ),
      ),
      other(
        "synchronous reset",
        top(
          COMPLEMENT,
          "reg seen, y; always @(posedge clk) if (areset) {seen, y} <= 0; else begin seen <= seen | x; y <= x ^ seen; end assign z = y;",
        ),
      ),
    ],
  },
  {
    name: "bit stuffing",
    golden: top(
      HDLC,
      "reg [2:0] n; always @(posedge clk) if (reset) begin n <= 0; {disc, flag, err} <= 0; end else begin disc <= n == 5 && !in; flag <= n == 6 && !in; err <= in && n >= 6; n <= !in ? 0 : n == 7 ? 7 : n + 1; end",
    ),
    variants: [
      same(
        "a history of seven bits",
        top(
          HDLC,
          "reg [6:0] h; always @(posedge clk) if (reset) begin h <= 0; {disc, flag, err} <= 3'b0; end else begin h <= {h[5:0], in}; disc <= {h[5:0], in} == 7'b0111110; flag <= {h[6:0], in} == 8'b01111110; err <= &{h[5:0], in}; end",
        ),
      ),
      other(
        "error lasts one cycle",
        top(
          HDLC,
          "reg [2:0] n; always @(posedge clk) if (reset) begin n <= 0; {disc, flag, err} <= 0; end else begin disc <= n == 5 && !in; flag <= n == 6 && !in; err <= in && n == 6; n <= !in ? 0 : n == 7 ? 7 : n + 1; end",
        ),
      ),
      other(
        "discards after six",
        top(
          HDLC,
          "reg [2:0] n; always @(posedge clk) if (reset) begin n <= 0; {disc, flag, err} <= 0; end else begin disc <= n >= 5 && !in; flag <= n == 6 && !in; err <= in && n >= 6; n <= !in ? 0 : n == 7 ? 7 : n + 1; end",
        ),
      ),
    ],
  },
  {
    name: "falling for more than twenty cycles",
    golden: lemming(20, "if (n != 31) n <= n + 1;"),
    variants: [
      same(
        "remembers only whether it was too long",
        top(
          LEMMING,
          "reg fall, dead, late; reg [4:0] n; always @(posedge clk or posedge areset) if (areset) begin fall <= 0; dead <= 0; n <= 0; late <= 0; end else if (!dead) begin if (!fall) begin fall <= !ground; n <= 0; late <= 0; end else begin if (n == 19) late <= 1; n <= n + 1; if (ground) begin fall <= 0; dead <= late; end end end assign walking = !fall && !dead, aaah = fall, splat = dead;",
        ),
      ),
      other("twenty-one", lemming(21, "if (n != 31) n <= n + 1;")),
      other("never", lemming(31, "if (n != 30) n <= n + 1;")),
      other("the count wraps at 32", lemming(20, "n <= n + 1;")),
    ],
  },
  {
    name: "one-hot next state",
    golden: top(
      ONEHOT,
      "assign B3_next = state[6], S_next = state[0] & ~d | state[1] & ~d | state[3] & ~d | state[9] & ack, Count_next = state[7] | state[8] & ~done_counting, counting = state[8], done = state[9];",
    ),
    variants: [
      same(
        "factored",
        top(
          ONEHOT,
          "assign B3_next = state[6], S_next = ~d & |{state[0], state[1], state[3]} | ack & state[9], Count_next = state[7] || (state[8] && !done_counting), counting = state[8], done = state[9];",
        ),
      ),
      other(
        "assumes that one state is active at a time",
        top(
          ONEHOT,
          "assign B3_next = state == 10'h40, S_next = (state == 1 || state == 2 || state == 8) && !d || state == 10'h200 && ack, Count_next = state == 10'h80 || state == 10'h100 && !done_counting, counting = state == 10'h100, done = state == 10'h200;",
        ),
      ),
    ],
  },
  {
    name: "three-byte unlock",
    golden: unlock(["8'hde", "8'had", "8'hbe"]),
    variants: [
      same(
        "progress as flags",
        top(
          UNLOCK,
          "reg a, b; always @(posedge clk) if (rst) {a, b, open} <= 0; else if (valid) begin a <= !a && !b && code == 8'hde; b <= a && code == 8'had; if (b && code == 8'hbe) open <= 1; end",
        ),
      ),
      other("never opens", unlock(["8'hde", "8'had", "8'hbe"], "open <= 0;")),
      other("another third byte", unlock(["8'hde", "8'had", "8'hbf"])),
      other("opens after two", unlock(["8'hde", "8'had", "code"])),
      other(
        "does not wait for valid",
        top(
          UNLOCK,
          "reg a, b; always @(posedge clk) if (rst) {a, b, open} <= 0; else begin a <= !a && !b && code == 8'hde; b <= a && code == 8'had; if (b && code == 8'hbe) open <= 1; end",
        ),
      ),
      other(
        "a reset does not close it",
        top(
          UNLOCK,
          "reg a, b, once; initial once = 0; always @(posedge clk) if (rst) begin {a, b} <= 0; if (!once) open <= 0; once <= 1; end else if (valid) begin a <= !a && !b && code == 8'hde; b <= a && code == 8'had; if (b && code == 8'hbe) open <= 1; end",
        ),
      ),
    ],
  },
  {
    name: "three-byte packets",
    golden: top(
      PS2,
      "reg [1:0] s; reg [23:0] b; always @(posedge clk) begin if (reset) s <= 0; else case (s) 0: s <= in[3] ? 1 : 0; 1: s <= 2; 2: s <= 3; 3: s <= in[3] ? 1 : 0; endcase b <= {b[15:0], in}; end assign done = s == 3; assign out_bytes = done ? b : 24'hx;",
    ),
    variants: [
      same(
        "bytes are zero between packets",
        top(
          PS2,
          "reg [1:0] s; reg [23:0] b; always @(posedge clk) begin if (reset) s <= 0; else case (s) 1: s <= 2; 2: s <= 3; default: s <= {1'b0, in[3]}; endcase if (reset) b <= 0; else b <= {b[15:0], in}; end assign done = &s; assign out_bytes = b & {24{done}};",
        ),
      ),
      other(
        "bytes in the other order",
        top(
          PS2,
          "reg [1:0] s; reg [23:0] b; always @(posedge clk) begin if (reset) s <= 0; else case (s) 0: s <= in[3] ? 1 : 0; 1: s <= 2; 2: s <= 3; 3: s <= in[3] ? 1 : 0; endcase b <= {in, b[23:8]}; end assign done = s == 3; assign out_bytes = b;",
        ),
      ),
      other(
        "no packet straight after another",
        top(
          PS2,
          "reg [1:0] s; reg [23:0] b; always @(posedge clk) begin if (reset) s <= 0; else case (s) 0: s <= in[3] ? 1 : 0; 1: s <= 2; 2: s <= 3; 3: s <= 0; endcase b <= {b[15:0], in}; end assign done = s == 3; assign out_bytes = b;",
        ),
      ),
    ],
  },
  {
    name: "exactly two of three",
    golden: top(
      THREE,
      "reg b, y; reg [1:0] k, n; always @(posedge clk) if (reset) begin b <= 0; k <= 0; n <= 0; y <= 0; end else begin y <= b && k == 2 && n + w == 2; if (!b) begin b <= s; k <= 0; n <= 0; end else begin k <= k == 2 ? 0 : k + 1; n <= k == 2 ? 0 : n + w; end end assign z = y;",
    ),
    variants: [
      same(
        "counts to three by shifting",
        top(
          THREE,
          "reg b, z_r; reg [1:0] h; reg [2:0] ph; always @(posedge clk) if (reset) begin b <= 0; ph <= 1; h <= 0; z_r <= 0; end else begin if (!b) begin b <= s; ph <= 1; end else begin ph <= {ph[1:0], ph[2]}; h <= {h[0], w}; end z_r <= b & ph[2] & (h[0] & h[1] & ~w | (h[0] ^ h[1]) & w); end assign z = z_r;",
        ),
      ),
      other(
        "two or more",
        top(
          THREE,
          "reg b, z_r; reg [1:0] h; reg [2:0] ph; always @(posedge clk) if (reset) begin b <= 0; ph <= 1; h <= 0; z_r <= 0; end else begin if (!b) begin b <= s; ph <= 1; end else begin ph <= {ph[1:0], ph[2]}; h <= {h[0], w}; end z_r <= b & ph[2] & (h[0] & h[1] | (h[0] ^ h[1]) & w); end assign z = z_r;",
        ),
      ),
    ],
  },
  {
    name: "arbiter",
    golden: top(
      ARBITER,
      "reg [1:0] s; always @(posedge clk) if (!resetn) s <= 0; else case (s) 0: s <= r[1] ? 1 : r[2] ? 2 : r[3] ? 3 : 0; 1: s <= r[1] ? 1 : 0; 2: s <= r[2] ? 2 : 0; 3: s <= r[3] ? 3 : 0; endcase assign g = {s == 3, s == 2, s == 1};",
    ),
    variants: [
      same(
        "the grants are the state",
        top(
          ARBITER.replace("output", "output reg"),
          "always @(posedge clk) if (!resetn) g <= 0; else if (|g) g <= g & r; else g <= r & (~r + 3'd1);",
        ),
      ),
      other(
        "grants straight after a release",
        top(
          ARBITER.replace("output", "output reg"),
          "always @(posedge clk) if (!resetn) g <= 0; else if (|(g & r)) g <= g & r; else g <= r & (~r + 3'd1);",
        ),
      ),
      other(
        "3 goes before 2",
        top(
          ARBITER,
          "reg [1:0] s; always @(posedge clk) if (!resetn) s <= 0; else case (s) 0: s <= r[1] ? 1 : r[3] ? 3 : r[2] ? 2 : 0; 1: s <= r[1] ? 1 : 0; 2: s <= r[2] ? 2 : 0; 3: s <= r[3] ? 3 : 0; endcase assign g = {s == 3, s == 2, s == 1};",
        ),
      ),
    ],
  },
  {
    name: "water level with memory",
    golden: top(
      HYSTERESIS,
      "reg [2:0] st, nx; localparam A2=0,B1=1,B2=2,C1=3,C2=4,D1=5; always @(posedge clk) if (reset) st <= A2; else st <= nx; always @* case (st) A2: nx = s[1] ? B1 : A2; B1: nx = s[2] ? C1 : s[1] ? B1 : A2; B2: nx = s[2] ? C1 : s[1] ? B2 : A2; C1: nx = s[3] ? D1 : s[2] ? C1 : B2; C2: nx = s[3] ? D1 : s[2] ? C2 : B2; D1: nx = s[3] ? D1 : C2; default: nx = 3'bx; endcase always @* case (st) A2: {fr3,fr2,fr1,dfr} = 4'b1111; B1: {fr3,fr2,fr1,dfr} = 4'b0110; B2: {fr3,fr2,fr1,dfr} = 4'b0111; C1: {fr3,fr2,fr1,dfr} = 4'b0010; C2: {fr3,fr2,fr1,dfr} = 4'b0011; D1: {fr3,fr2,fr1,dfr} = 4'b0000; default: {fr3,fr2,fr1,dfr} = 4'bx; endcase",
    ),
    variants: [
      same(
        "level and direction",
        top(
          HYSTERESIS,
          "reg [1:0] l; reg dn; reg [1:0] m; always @* case (l) 0: m = s[1] ? 1 : 0; 1: m = s[2] ? 2 : s[1] ? 1 : 0; 2: m = s[3] ? 3 : s[2] ? 2 : 1; 3: m = s[3] ? 3 : 2; endcase always @(posedge clk) if (reset) begin l <= 0; dn <= 1; end else begin l <= m; if (m < l) dn <= 1; else if (m > l) dn <= 0; end always @* begin fr3 = l < 1; fr2 = l < 2; fr1 = l < 3; dfr = dn; end",
        ),
      ),
      other(
        "forgets the direction at level two",
        top(
          HYSTERESIS,
          "reg [1:0] l; reg dn; reg [1:0] m; always @* case (l) 0: m = s[1] ? 1 : 0; 1: m = s[2] ? 2 : s[1] ? 1 : 0; 2: m = s[3] ? 3 : s[2] ? 2 : 1; 3: m = s[3] ? 3 : 2; endcase always @(posedge clk) if (reset) begin l <= 0; dn <= 1; end else begin l <= m; if (m < l) dn <= 1; else if (m > l || l == 2) dn <= 0; end always @* begin fr3 = l < 1; fr2 = l < 2; fr1 = l < 3; dfr = dn; end",
        ),
      ),
    ],
  },
  {
    name: "blocking order",
    golden: top(MAJORITY, "always @(posedge clk) if (rst) y <= 0; else begin y[0] <= x; y[1] <= y[0]; end"),
    variants: [
      same(
        "blocking in the safe order",
        top(MAJORITY, "always @(posedge clk) if (rst) y = 0; else begin y[1] = y[0]; y[0] = x; end"),
      ),
      other(
        "blocking in the other order",
        top(MAJORITY, "always @(posedge clk) if (rst) y = 0; else begin y[0] = x; y[1] = y[0]; end"),
      ),
    ],
  },
  {
    name: "traffic light with a car sensor",
    golden: top(
      TRAFFIC,
      "reg [6:0] n; always @(posedge clk or negedge rst_n) if (!rst_n) begin light <= 0; n <= 0; end else case (light) 0: if (car && n >= 60) begin light <= 1; n <= 0; end else if (n != 127) n <= n + 1; 1: if (n == 4) begin light <= 2; n <= 0; end else n <= n + 1; 2: if (n == 29 || !car) begin light <= 0; n <= 0; end else n <= n + 1; default: light <= 0; endcase",
    ),
    variants: [
      same(
        "saturates earlier",
        top(
          TRAFFIC,
          "reg [5:0] n; wire ripe = n == 60; always @(posedge clk or negedge rst_n) if (!rst_n) begin light <= 0; n <= 0; end else begin n <= n + 1; case (light) 0: begin if (ripe) n <= n; if (ripe & car) begin light <= 1; n <= 0; end end 1: if (n == 4) begin light <= 2; n <= 0; end 2: if (n == 29 | ~car) begin light <= 0; n <= 0; end default: begin light <= 0; n <= n; end endcase end",
        ),
      ),
      other(
        "waits for 61",
        top(
          TRAFFIC,
          "reg [6:0] n; always @(posedge clk or negedge rst_n) if (!rst_n) begin light <= 0; n <= 0; end else case (light) 0: if (car && n > 60) begin light <= 1; n <= 0; end else if (n != 127) n <= n + 1; 1: if (n == 4) begin light <= 2; n <= 0; end else n <= n + 1; 2: if (n == 29 || !car) begin light <= 0; n <= 0; end else n <= n + 1; default: light <= 0; endcase",
        ),
      ),
      other(
        "the patience wraps",
        top(
          TRAFFIC,
          "reg [6:0] n; always @(posedge clk or negedge rst_n) if (!rst_n) begin light <= 0; n <= 0; end else case (light) 0: if (car && n >= 60) begin light <= 1; n <= 0; end else n <= n + 1; 1: if (n == 4) begin light <= 2; n <= 0; end else n <= n + 1; 2: if (n == 29 || !car) begin light <= 0; n <= 0; end else n <= n + 1; default: light <= 0; endcase",
        ),
      ),
      other(
        "green for 31",
        top(
          TRAFFIC,
          "reg [6:0] n; always @(posedge clk or negedge rst_n) if (!rst_n) begin light <= 0; n <= 0; end else case (light) 0: if (car && n >= 60) begin light <= 1; n <= 0; end else if (n != 127) n <= n + 1; 1: if (n == 4) begin light <= 2; n <= 0; end else n <= n + 1; 2: if (n == 30 || !car) begin light <= 0; n <= 0; end else n <= n + 1; default: light <= 0; endcase",
        ),
      ),
    ],
  },
];
