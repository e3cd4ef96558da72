import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { readInterfaces } from "../../../src/equiv/golden/netlists.js";
import { gate } from "../../../src/verilog/gate.js";
import { readHeader } from "../../../src/verilog/header.js";
import type { DesignInterface, InterfaceResult } from "../../../src/verilog/interface.js";
import { activeLevelByName, looksLikeReset } from "../../../src/verilog/interface.js";
import { signal, tools } from "../../reward/harness.js";

const dir = mkdtempSync(join(tmpdir(), "netlists-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const read = (sources: readonly string[]): Promise<(InterfaceResult | null)[]> =>
  readInterfaces(
    sources.map((source) => ({ source, top: "m" })),
    { yosys: tools().yosys?.path ?? null, scratchDir: dir },
    signal(),
  );
const brief = (r: InterfaceResult | null): unknown =>
  r?.ok
    ? {
        clocks: r.iface.clocks.map((c) => `${c.name} ${c.edge}`),
        resets: r.iface.resets.map((x) => `${x.name} ${x.active} ${x.style}`),
        enables: r.iface.enables,
      }
    : r;

const DESIGNS: readonly (readonly [string, string, unknown])[] = [
  [
    "combinational",
    "module m(input [3:0] a, input b, output y); assign y = ^a & b; endmodule",
    { clocks: [], resets: [], enables: [] },
  ],
  [
    "asynchronous, active low, enable",
    "module m(input clk, input rst_n, input en, input [7:0] d, output reg [7:0] q); always @(posedge clk or negedge rst_n) if (!rst_n) q <= 0; else if (en) q <= d; endmodule",
    { clocks: ["clk pos"], resets: ["rst_n 0 async"], enables: ["en"] },
  ],
  [
    "synchronous, negative edge",
    "module m(input ck, input clear, input d, output reg q); always @(negedge ck) if (clear) q <= 0; else q <= d; endmodule",
    { clocks: ["ck neg"], resets: ["clear 1 sync"], enables: [] },
  ],
  [
    "clock through an inverter",
    "module m(input clk, input d, output reg q); wire n = ~clk; always @(posedge n) q <= d; endmodule",
    { clocks: ["clk neg"], resets: [], enables: [] },
  ],
  [
    "both edges",
    "module m(input clk, input d, output q); reg p, n; always @(posedge clk) p <= d; always @(negedge clk) n <= d; assign q = clk ? p : n; endmodule",
    { clocks: ["clk both"], resets: [], enables: [] },
  ],
  [
    "two clocks",
    "module m(input wclk, input rclk, input d, output reg q); reg t; always @(posedge wclk) t <= d; always @(posedge rclk) q <= t; endmodule",
    { clocks: ["wclk pos", "rclk pos"], resets: [], enables: [] },
  ],
  [
    "reset folded into logic: the name decides",
    "module m(input clk, input reset, output reg [3:0] q); always @(posedge clk) if (reset || q == 9) q <= 0; else q <= q + 1; endmodule",
    { clocks: ["clk pos"], resets: ["reset 1 sync"], enables: [] },
  ],
  [
    "a reset under an odd name",
    "module m(input clk, input r, input d, output reg q); always @(posedge clk) if (r) q <= 0; else q <= d; endmodule",
    { clocks: ["clk pos"], resets: ["r 1 soft"], enables: [] },
  ],
  [
    "a submodule",
    "module ff(input c, input n, input d, output reg q); always @(posedge c, negedge n) if (!n) q <= 0; else q <= d; endmodule module m(input clk, input arst, input d, output q); ff u(clk, ~arst, d, q); endmodule",
    { clocks: ["clk pos"], resets: ["arst 1 async"], enables: [] },
  ],
  [
    "always_comb that infers a latch",
    "module m(input s, input d, output reg q); always_comb if (s) q = d; endmodule",
    { clocks: [], resets: [], enables: ["s"] },
  ],
];

it("finds clocks, resets and enables, many designs in one process", async () => {
  const found = await read(DESIGNS.map(([, source]) => source));
  DESIGNS.forEach(([name, , expected], k) => {
    expect(brief(found[k]!), name).toEqual(expected);
  });
});

it("leaves out only the design Yosys cannot read", async () => {
  const good = DESIGNS[1]![1];
  const found = await read([good, "module m(input a; endmodule", good]);
  expect(found[1]).toBeNull();
  expect(brief(found[0]!)).toEqual(DESIGNS[1]![2]);
  expect(brief(found[2]!)).toEqual(DESIGNS[1]![2]);
});

const header = (source: string): DesignInterface => {
  const g = gate(source);
  if (!g.ok) throw new Error(g.reason);
  const r = readHeader(g.admitted.tokens, "m");
  if (!r.ok) throw new Error(r.reason);
  return r.iface;
};

it("reads headers where Yosys cannot: ANSI, old style, parameters, shared directions", () => {
  const ansi = header(
    "module m #(parameter W = 4, D = 2*W)(input wire clk, arst_n, input signed [W-1:0] a, b, output reg [D:1] y, output logic z); always @(posedge clk or negedge arst_n) y <= a; endmodule",
  );
  expect(ansi.inputs).toEqual([
    { name: "clk", width: 1 },
    { name: "arst_n", width: 1 },
    { name: "a", width: 4 },
    { name: "b", width: 4 },
  ]);
  expect(ansi.outputs).toEqual([
    { name: "y", width: 8 },
    { name: "z", width: 1 },
  ]);
  expect(ansi.clocks).toEqual([{ name: "clk", edge: "pos" }]);
  expect(ansi.resets).toEqual([{ name: "arst_n", active: 0, style: "async" }]);
  const old = header(
    "module m(a, b, y); input [1:0] a, b; output y; reg y; function f; input q; f = q; endfunction always @* y = f(a[0]); endmodule",
  );
  expect(old.inputs).toEqual([
    { name: "a", width: 2 },
    { name: "b", width: 2 },
  ]);
  expect(old.outputs).toEqual([{ name: "y", width: 1 }]);
  expect(old.stateful).toBe(false);
});

it("agrees with Yosys on the ports of every design above", async () => {
  const found = await read(DESIGNS.map(([, source]) => source));
  DESIGNS.forEach(([name, source], k) => {
    const r = found[k]!;
    if (!r?.ok) throw new Error(name);
    expect({ i: header(source).inputs, o: header(source).outputs }, name).toEqual({
      i: r.iface.inputs,
      o: r.iface.outputs,
    });
  });
});

it("knows resets and their level by name", () => {
  for (const n of [
    "rst",
    "reset",
    "areset",
    "rst_n",
    "nrst",
    "sys_rst",
    "i_rst_n",
    "clr",
    "aclr",
    "resetn",
  ]) {
    expect(looksLikeReset(n), n).toBe(true);
  }
  for (const n of ["d", "restart_value", "first", "burst", "clock", "r"])
    expect(looksLikeReset(n), n).toBe(false);
  expect(["rst_n", "resetn", "nrst", "rst_b", "areset_n"].map(activeLevelByName)).toEqual([0, 0, 0, 0, 0]);
  expect(["rst", "reset", "areset", "clr", "reset_i"].map(activeLevelByName)).toEqual([1, 1, 1, 1, 1]);
});
