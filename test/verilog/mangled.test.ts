/** Real designs with their text damaged: the gate answers, quickly, and what it renders it reads again as the same. */

import fc from "fast-check";
import { expect, it } from "vitest";
import { mod } from "../../designs/hostile/base.js";
import { primerGoldens } from "../../designs/index.js";
import { withPowerUp } from "../../src/equiv/testbench/powerup.js";
import { gate, MAX_SOURCE_BYTES, withSuffix } from "../../src/verilog/gate.js";
import { lex, normalForm, render } from "../../src/verilog/lexer.js";
import { readPorts } from "../../src/verilog/ports.js";

const DESIGNS = [
  ...primerGoldens(60).map((d) => d.golden),
  `\`timescale 1ns/1ps\n\`define W 4\n\`define F(a, b = 2) ((a) + (b))\n\`ifdef W\n${mod('(* keep *) wire #1 [`W:0] w = `F(d); initial $display("%m", $time); specify (clk => q) = 1; endspecify')}\n\`else\nx\n\`endif\n`,
  `primitive p(o, i); output o; input i; table 0 : 1; endtable endprimitive\n${mod("wire \\a[0] ; p #2 u(\\a[0] , clk); genvar g; generate for (g = 0; g < 2; g = g + 1) begin : b sub s(.a(d[g])); end endgenerate")}module sub(input a); endmodule`,
];
const NOISE = [
  "`",
  '"',
  "\\",
  "/*",
  "*/",
  "//",
  "(*",
  "*)",
  "`define ",
  "`endif",
  "#",
  "[",
  "]",
  "(",
  ")",
  "\r",
  "\n",
  "\0",
  "é",
  "\ud83d",
  "$finish",
  "specify",
  "endmodule",
  "'",
  ".",
  "begin ",
];

const mangled = fc
  .record({
    design: fc.constantFrom(...DESIGNS),
    edits: fc.array(
      fc.record({
        kind: fc.constantFrom("flip", "cut", "move", "repeat", "noise", "truncate"),
        at: fc.double({ min: 0, max: 1, noNaN: true }),
        to: fc.double({ min: 0, max: 1, noNaN: true }),
        code: fc.nat(255),
      }),
      { minLength: 1, maxLength: 8 },
    ),
  })
  .map(({ design, edits }) => {
    let text = design;
    for (const e of edits) {
      const at = Math.floor(e.at * text.length);
      const end = Math.min(text.length, at + 1 + Math.floor(e.to * 40));
      const part = text.slice(at, end);
      if (e.kind === "flip") text = text.slice(0, at) + String.fromCharCode(e.code) + text.slice(at + 1);
      else if (e.kind === "cut") text = text.slice(0, at) + text.slice(end);
      else if (e.kind === "repeat")
        text = text.slice(0, at) + part.repeat(1 + (e.code % 30)) + text.slice(at);
      else if (e.kind === "noise") text = text.slice(0, at) + NOISE[e.code % NOISE.length] + text.slice(at);
      else if (e.kind === "truncate" && e.code < 60) text = text.slice(0, at);
      else if (e.kind === "move") {
        const rest = text.slice(0, at) + text.slice(end);
        const to = Math.floor(e.to * rest.length);
        text = rest.slice(0, to) + part + rest.slice(to);
      }
    }
    return text;
  });

/** Tokens in another order. */
const shuffled = fc
  .tuple(fc.constantFrom(...DESIGNS), fc.array(fc.nat(), { minLength: 1, maxLength: 20 }))
  .map(([design, swaps]) => {
    const l = lex(design);
    if (!l.ok) throw new Error(l.reason);
    const tokens = [...l.tokens];
    swaps.forEach((n, k) => {
      const [a, b] = [n % tokens.length, (n * 31 + k * 7) % tokens.length];
      [tokens[a], tokens[b]] = [tokens[b]!, tokens[a]!];
    });
    return render(tokens);
  });

it("answers, and reads what it renders as the same", () => {
  let admitted = 0;
  fc.assert(
    fc.property(fc.oneof(mangled, shuffled), (text) => {
      const g = gate(text);
      if (!g.ok) {
        expect(g.reason).toMatch(/^line \d+: ./);
        return;
      }
      admitted++;
      const once = withSuffix(g.admitted, "");
      const again = gate(once);
      if (!again.ok) throw new Error(`${again.reason}\n${once}`);
      expect(withSuffix(again.admitted, "")).toBe(once);
      expect(normalForm(again.admitted.tokens)).toBe(normalForm(g.admitted.tokens));
      expect(again.admitted.modules).toEqual(g.admitted.modules);
      // Nothing refused can have come back, and no line moved.
      expect(again.admitted.tokens.map((t) => t.line)).toEqual(g.admitted.tokens.map((t) => t.line));
      readPorts(g.admitted.tokens);
      withPowerUp(g.admitted, "zeros", "n");
    }),
    { numRuns: 3000, seed: 7 },
  );
  // Damage that is still a design must be common enough to mean something.
  expect(admitted).toBeGreaterThan(300);
});

it("takes time in proportion to the text, whatever it is made of", () => {
  const slowest: [string, number][] = [];
  const parts = [
    ...NOISE,
    "`x ",
    "`define A `B\n",
    "always @* if (",
    "begin : b ",
    "a[b].",
    "x.y[",
    "{",
    "module m; endmodule ",
    "always begin #",
    "#(",
    "1 ",
    "1e",
    "'h",
    "(* a ",
    "? ",
    "input [",
    "parameter x = ",
    "a <= ",
    "initial ",
  ];
  for (const part of parts) {
    for (const [open, close] of [
      ["", ""],
      ["module m(input a);", "endmodule"],
      ["/*", ""],
      ['"', ""],
    ] as const) {
      const room = MAX_SOURCE_BYTES - open.length - close.length;
      const text = open + part.repeat(Math.floor(room / Math.max(1, Buffer.byteLength(part)))) + close;
      const began = performance.now();
      const g = gate(text);
      if (g.ok) {
        readPorts(g.admitted.tokens);
        withSuffix(g.admitted, "x");
      }
      slowest.push([open + part, performance.now() - began]);
    }
  }
  slowest.sort((a, b) => b[1] - a[1]);
  expect(slowest[0]![1], JSON.stringify(slowest.slice(0, 3))).toBeLessThan(1500);
});

it("stops at 64 KB", () => {
  const text = mod("");
  const pad = (n: number): string => `${text}//${"x".repeat(n - text.length - 2)}`;
  expect(gate(pad(MAX_SOURCE_BYTES))).toMatchObject({ ok: true });
  expect(gate(pad(MAX_SOURCE_BYTES + 1))).toMatchObject({ ok: false });
  expect(gate(`${text}//${"é".repeat(33_000)}`)).toMatchObject({ ok: false });
});
