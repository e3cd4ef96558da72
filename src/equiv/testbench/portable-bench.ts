/**
 * A testbench that people read and any simulator runs: one file, named ports, one line per step, expected outputs in it.
 * An x in an expected value is a bit that the golden leaves open. Long runs are compared by a signature of the outputs,
 * folded as in testbench.ts.
 */

import { type DesignInterface, labelOf } from "../../verilog/interface.js";
import type { Field } from "../stimulus/stimulus.js";

export interface TbStep {
  readonly row: bigint;
  readonly compared: boolean;
  /** Output bits that are open. */
  readonly open: bigint;
}

export interface TbPart {
  readonly title: string;
  readonly steps: readonly TbStep[];
}

export interface TbRun {
  readonly title: string;
  readonly row: bigint;
  readonly vary: boolean;
  readonly open: bigint;
  /** Cycles of each stretch. */
  readonly stretches: readonly number[];
}

export interface TbPlan {
  readonly top: string;
  readonly iface: DesignInterface;
  readonly fields: readonly Field[];
  readonly bits: number;
  readonly exhaustive: boolean;
  readonly parts: readonly TbPart[];
  readonly runs: readonly TbRun[];
}

/** What the golden did: outputs of every step in binary (first output lowest), signatures of every stretch. */
export interface Expected {
  readonly steps: readonly string[];
  readonly runs: readonly (readonly string[])[];
}

export interface TbOptions {
  /** Lines for the head of the file, without slashes. */
  readonly head: readonly string[];
  /**
   * `check` compares and ends with PASS or FAIL. `record` prints `MARK outputs` at every step and `MARK signature` at
   * every stretch. `plain`: no compiler directives, for a compiler behind no preprocessor.
   */
  readonly mode:
    | { readonly kind: "check"; readonly plain?: true }
    | { readonly kind: "record"; readonly mark: string };
  readonly module: string;
  readonly dut: string;
}

const MAX_SHOWN = 20;

export function testbenchText(plan: TbPlan, expected: Expected | null, options: TbOptions): string {
  const t = prefixOf(plan);
  const { mode } = options;
  const plain = mode.kind === "record" || mode.plain === true;
  const { inputs, outputs } = plan.iface;
  const ports = [...inputs, ...outputs];
  const range = (width: number): string => (width === 1 ? "" : `[${width - 1}:0] `);
  const body: string[] = [
    ...options.head.map((l) => `// ${l}`.trimEnd()),
    ...(plain ? [] : ["`timescale 1ns / 1ns", ""]),
    `module ${options.module};`,
    ...inputs.map((p) => `  reg  ${range(p.width)}${p.name};`),
    ...outputs.map((p) => `  wire ${range(p.width)}${p.name};`),
    "",
    `  ${options.dut} dut (`,
    ports.map((p) => `    .${p.name}(${p.name})`).join(",\n"),
    "  );",
    "",
    `  integer ${t}samples, ${t}failed, ${t}shown;`,
    `  reg [8*64-1:0] ${t}part;  // what is being played, for messages`,
    `  reg ${t}bad;`,
    "",
    ...stepTasks(plan, t, options),
    ...(plan.runs.length === 0 ? [] : runTasks(plan, t, options)),
  ];
  let at = 0;
  const calls: string[] = [];
  plan.parts.forEach((part, k) => {
    const name = `${t}part_${k + 1}`;
    calls.push(`${name};`);
    body.push(
      ...partTask(
        plan,
        part,
        k,
        name,
        t,
        expected === null ? null : expected.steps.slice(at, at + part.steps.length),
      ),
    );
    at += part.steps.length;
  });
  plan.runs.forEach((run, k) => {
    const name = `${t}run_${k + 1}`;
    calls.push(`${name};`);
    body.push(...runTask(plan, run, k, name, t, expected?.runs[k] ?? null));
  });
  body.push(
    "  initial begin",
    `    ${t}samples = 0; ${t}failed = 0; ${t}shown = 0; ${t}part = "";`,
    ...(plan.runs.length > 0 ? [`    ${t}data = 64'd1; ${t}open = 0;`] : []),
    ...(mode.kind === "record"
      ? []
      : [
          `    if ($test$plusargs("vcd")) begin`,
          `      $dumpfile("${options.module}.vcd");`,
          `      $dumpvars(0, ${options.module});`,
          "    end",
        ].filter(() => !plain)),
    ...calls.map((c) => `    ${c}`),
    ...endLines(t, mode.kind, plain),
    "  end",
    "endmodule",
  );
  return `${body.join("\n")}\n`;
}

function endLines(t: string, kind: "check" | "record", plain: boolean): string[] {
  if (kind === "record") return ["    $finish(0);"];
  const last = [
    `    if (${t}failed == 0) $display("PASS: %0d samples", ${t}samples);`,
    `    else if (${t}shown > ${MAX_SHOWN}) $display("... %0d more mismatches", ${t}shown - ${MAX_SHOWN});`,
    `    if (${t}failed != 0) $display("FAIL: %0d of %0d samples", ${t}failed, ${t}samples);`,
  ];
  if (plain) return [...last, "    $finish(0);"];
  return [
    ...last,
    "`ifdef __ICARUS__",
    `    if (${t}failed != 0) $finish_and_return(1);`,
    "`else",
    `    if (${t}failed != 0) $fatal(1);`,
    "`endif",
    "    $finish(0);",
  ];
}

/** No port may be called like something of the testbench's own. */
function prefixOf(plan: TbPlan): string {
  const names = [...plan.iface.inputs, ...plan.iface.outputs].map((p) => p.name);
  let t = "tb_";
  while (names.some((n) => n.startsWith(t) || n === "dut")) {
    if (!names.some((n) => n.startsWith(t))) break;
    t = `tb${t}`;
  }
  return t;
}

function stepTasks(plan: TbPlan, t: string, options: TbOptions): string[] {
  const { inputs, outputs } = plan.iface;
  const range = (width: number): string => (width === 1 ? "" : `[${width - 1}:0] `);
  const args = inputs.map((p) => `input ${range(p.width)}${t}i_${p.name}`);
  const wants = outputs.map((p) => `input ${range(p.width)}${t}x_${p.name}`);
  const assign = inputs.map((p) => `      ${p.name} = ${t}i_${p.name};`);
  const { mode } = options;
  if (mode.kind === "record") {
    const all = `{${outputs
      .map((p) => p.name)
      .reverse()
      .join(", ")}}`;
    return [
      `  task ${t}apply(${args.join(", ")});`,
      "    begin",
      ...assign,
      "      #100;",
      `      $display("${mode.mark} %b", ${all});`,
      "    end",
      "  endtask",
      `  task ${t}step(${[...args, ...wants].join(", ")});`,
      `    ${t}apply(${inputs.map((p) => `${t}i_${p.name}`).join(", ")});`,
      "  endtask",
    ];
  }
  return [
    "  // New input values, and time for the design to settle.",
    `  task ${t}apply(`,
    `${args.map((a) => `    ${a}`).join(",\n")}`,
    "  );",
    "    begin",
    ...assign,
    "      #100;",
    "    end",
    "  endtask",
    "",
    "  // The same, and the outputs are compared: x in an expected value is a bit that does not matter.",
    `  task ${t}step(`,
    `${[...args, ...wants].map((a) => `    ${a}`).join(",\n")}`,
    "  );",
    "    begin",
    `      ${t}apply(${inputs.map((p) => `${t}i_${p.name}`).join(", ")});`,
    `      ${t}samples = ${t}samples + 1;`,
    `      ${t}bad = 1'b0;`,
    ...outputs.flatMap((p) => [
      `      if (${t}x_${p.name} !== (${t}x_${p.name} ^ ${p.name} ^ ${t}x_${p.name})) begin`,
      `        ${t}bad = 1'b1;`,
      `        if (${t}shown < ${MAX_SHOWN})`,
      `          $display("mismatch at %0d ns, %0s: ${labelOf(p.name, p.width)} is %${p.width === 1 ? "b" : "h"}, expected %${p.width === 1 ? "b" : "h"}",`,
      `                   $time, ${t}part, ${p.name}, ${t}x_${p.name});`,
      `        ${t}shown = ${t}shown + 1;`,
      "      end",
    ]),
    `      if (${t}bad) ${t}failed = ${t}failed + 1;`,
    "    end",
    "  endtask",
    "",
  ];
}

const K = "64'h9e3779b97f4a7c15";
const SEED = "64'h243f6a8885a308d3";

function runTasks(plan: TbPlan, t: string, options: TbOptions): string[] {
  const { outputs } = plan.iface;
  const width = outputs.reduce((s, o) => s + o.width, 0);
  const clocks = plan.iface.clocks.map((c) => c.name);
  const data = plan.fields.filter((f) => f.width > 1);
  const dataFrom = data.reduce((m, f) => Math.min(m, f.offset), plan.bits);
  // Everything from the lowest wide input up, as the bench of the verdict varies it.
  const varied = plan.fields.filter((f) => f.offset >= dataFrom).sort((a, b) => b.offset - a.offset);
  const dataWidth = plan.bits - dataFrom;
  const copies = Math.ceil(dataWidth / 32);
  const all = `{${outputs
    .map((p) => p.name)
    .reverse()
    .join(", ")}}`;
  const mix: string[] = [];
  for (let lo = 0; lo < width; lo += 64) {
    const hi = Math.min(width, lo + 64) - 1;
    const part = width === 1 ? `${t}seen` : `${t}seen[${hi}:${lo}]`;
    const wide = hi - lo + 1 === 64 ? part : `{${64 - (hi - lo + 1)}'b0, ${part}}`;
    mix.push(`      ${t}sig = ({${t}sig[31:0], ${t}sig[63:32]} ^ ${wide}) * ${K};`);
  }
  const flips = [...clocks, ...clocks].map((c) => `        ${c} = ~${c}; #100; ${t}mix;`);
  const { mode } = options;
  return [
    ...(mode.kind === "record"
      ? []
      : [
          "  // Long runs: outputs are folded into a signature, in which one wrong moment shows; open bits count as 1.",
        ]),
    `  reg [63:0] ${t}sig;`,
    `  reg [63:0] ${t}data;  // pseudo-random data`,
    `  reg [${width - 1}:0] ${t}open, ${t}seen;`,
    ...(dataWidth > 0 ? [`  reg [${32 * copies - 1}:0] ${t}words;`] : []),
    "",
    `  task ${t}mix;`,
    "    begin",
    `      ${t}seen = ${all} | ${t}open;`,
    ...mix,
    "    end",
    "  endtask",
    "",
    `  task ${t}cycles(input integer ${t}count, input ${t}vary, input [63:0] ${t}expected);`,
    `    integer ${t}n;`,
    "    begin",
    `      for (${t}n = 0; ${t}n < ${t}count; ${t}n = ${t}n + 1) begin`,
    ...flips,
    ...(dataWidth > 0
      ? [
          `        if (${t}vary) begin`,
          `          ${t}data = ${t}data * 64'h5851f42d4c957f2d + 64'd1;`,
          `          ${t}words = {${copies}{${t}data[63:32]}};`,
          `          {${varied.map((f) => f.name).join(", ")}} = ${t}words[${dataWidth - 1}:0];`,
          "        end",
          "        #100;",
        ]
      : []),
    "      end",
    ...(mode.kind === "record"
      ? [`      $display("${mode.mark} %h", ${t}sig);`]
      : [
          `      ${t}samples = ${t}samples + 1;`,
          `      if (${t}sig !== ${t}expected) begin`,
          `        ${t}failed = ${t}failed + 1;`,
          `        if (${t}shown < ${MAX_SHOWN})`,
          `          $display("mismatch in the %0d cycles before %0d ns, %0s: signature is %h, expected %h",`,
          `                   ${t}count, $time, ${t}part, ${t}sig, ${t}expected);`,
          `        ${t}shown = ${t}shown + 1;`,
          "      end",
        ]),
    `      ${t}sig = ${SEED};`,
    "    end",
    "  endtask",
    "",
  ];
}

function partTask(
  plan: TbPlan,
  part: TbPart,
  k: number,
  name: string,
  t: string,
  expected: readonly string[] | null,
): string[] {
  const { inputs, outputs } = plan.iface;
  const rows = part.steps.map((s, i) => ({
    compared: s.compared,
    cells: [
      ...inputs.map((p) => inputCell(plan, p.name, s.row)),
      ...(s.compared ? outputCells(plan, s, expected?.[i] ?? null) : []),
    ],
  }));
  const names = [
    ...inputs.map((p) => p.name),
    ...(part.steps.some((s) => s.compared) ? outputs.map((p) => p.name) : []),
  ];
  const widths = names.map((n, c) =>
    Math.max(n.length, ...rows.map((r) => (r.cells[c] === undefined ? 0 : r.cells[c].length + 1))),
  );
  const line = (cells: readonly string[]): string =>
    cells.map((cell, c) => cell.padEnd(c === cells.length - 1 ? 0 : widths[c]!)).join(" ");
  const lead = `      ${t}apply(`.length;
  return [
    `  // Part ${k + 1}: ${part.title}`,
    `  task ${name};`,
    "    begin",
    `      ${t}part = "part ${k + 1}";`,
    `      //${line(names).padStart(lead - 8 + line(names).length)}`.trimEnd(),
    ...rows.map((r) => {
      const call = r.compared ? `${t}step(` : `${t}apply(`;
      const cells = r.cells.map((cell, c) => (c === r.cells.length - 1 ? cell : `${cell},`));
      return `      ${call.padEnd(lead - 6)}${line(cells)});`;
    }),
    "    end",
    "  endtask",
    "",
  ];
}

function runTask(
  plan: TbPlan,
  run: TbRun,
  k: number,
  name: string,
  t: string,
  expected: readonly string[] | null,
): string[] {
  const width = plan.iface.outputs.reduce((s, o) => s + o.width, 0);
  return [
    `  // ${run.title[0]!.toUpperCase()}${run.title.slice(1)}`,
    `  task ${name};`,
    "    begin",
    `      ${t}part = "long run ${k + 1}";`,
    `      ${t}open = ${width}'h${run.open.toString(16)};`,
    `      ${t}sig = ${SEED};`,
    ...plan.iface.inputs.map((p) => `      ${p.name} = ${inputCell(plan, p.name, run.row)};`),
    `      #100; ${t}mix;`,
    ...run.stretches.map(
      (cycles, s) => `      ${t}cycles(${cycles}, 1'b${run.vary ? 1 : 0}, 64'h${expected?.[s] ?? "0"});`,
    ),
    "    end",
    "  endtask",
    "",
  ];
}

function inputCell(plan: TbPlan, name: string, row: bigint): string {
  const f = plan.fields.find((x) => x.name === name)!;
  const value = (row >> BigInt(f.offset)) & ((1n << BigInt(f.width)) - 1n);
  return f.width === 1
    ? `1'b${value}`
    : `${f.width}'h${value.toString(16).padStart(Math.ceil(f.width / 4), "0")}`;
}

function outputCells(plan: TbPlan, step: TbStep, bits: string | null): string[] {
  let offset = 0;
  return plan.iface.outputs.map((o) => {
    let value = "";
    for (let b = offset + o.width - 1; b >= offset; b--) {
      const bit = bits === null ? "x" : bits[bits.length - 1 - b]!;
      value += ((step.open >> BigInt(b)) & 1n) === 1n || !/[01]/.test(bit) ? "x" : bit;
    }
    offset += o.width;
    return literal(value);
  });
}

/** Hexadecimal where every digit is known or open as a whole, else binary. */
function literal(bits: string): string {
  const n = bits.length;
  if (n === 1) return `1'b${bits}`;
  const padded = bits.padStart(Math.ceil(n / 4) * 4, bits[0] === "x" ? "x" : "0");
  let hex = "";
  for (let i = 0; i < padded.length; i += 4) {
    const nibble = padded.slice(i, i + 4);
    if (nibble === "xxxx") hex += "x";
    else if (/^[01]{4}$/.test(nibble)) hex += Number.parseInt(nibble, 2).toString(16);
    else return `${n}'b${bits}`;
  }
  return `${n}'h${hex}`;
}
