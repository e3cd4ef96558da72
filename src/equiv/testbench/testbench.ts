/**
 * Testbench text. One design alone in the process: inputs come from a file made beforehand, outputs go into a 64-bit
 * signature (or, for people and for partial credit, into a printed trace). Every name is secret to the run, and the
 * mark on the verdict line is a different secret from the one in the scope names, which `%m` could reveal.
 *
 * signature: s <- ({s[31:0], s[63:32]} + (outputs | ignore)) * K mod 2^64, chunk by chunk. K is odd and the halves
 * swap, so a step is a bijection of s: one wrong sample always shows, several cancel with probability 2^-64. An X or Z
 * in a compared bit makes the whole signature X and keeps it so. (The sum is one machine word's in vvp; an exclusive or
 * would go bit by bit.)
 */

import type { DesignInterface, Port } from "../../verilog/interface.js";
import type { Field, Stimulus } from "../stimulus/stimulus.js";

export interface Names {
  /** Secret in the names of scopes and variables. */
  readonly scope: string;
  /** Secret at the head of the verdict line. */
  readonly verdict: string;
  /** Secret suffix of the design's own modules. */
  readonly suffix: string;
}

/** Output bits the golden leaves open: none, the same everywhere, or step by step from a file. */
export type Ignore =
  | { readonly kind: "none" }
  | { readonly kind: "constant"; readonly hex: string }
  | { readonly kind: "file"; readonly path: string };

export interface BenchPlan {
  readonly iface: DesignInterface;
  readonly stimulus: Pick<Stimulus, "bits" | "fields" | "start"> & {
    readonly numSteps: number;
    readonly numRuns: number;
  };
  readonly stepsPath: string;
  readonly runsPath: string;
}

/** Early exits: after step `at` (exclusive), stop when the signature is not the golden's. */
export interface Checkpoint {
  readonly at: number;
  readonly signature: string | null;
}

const K = "64'h9e3779b97f4a7c15";
const SEED = "64'h243f6a8885a308d3";

export const rootName = (n: Names): string => `t${n.scope}`;

/** One instance: inputs from slices of the row, outputs to slices of `out`. */
export function instanceOf(
  ports: { readonly inputs: readonly Field[]; readonly outputs: readonly Port[] },
  n: Names,
  module: string,
  name: string,
  out: string,
): string {
  const slice = (v: string, offset: number, width: number): string =>
    width === 1 ? `${v}[${offset}]` : `${v}[${offset + width - 1}:${offset}]`;
  const wires = ports.inputs.map((f) => `.${f.name}(${slice(`r${n.scope}`, f.offset, f.width)})`);
  let offset = 0;
  for (const o of ports.outputs) {
    wires.push(`.${o.name}(${slice(out, offset, o.width)})`);
    offset += o.width;
  }
  return `${module} ${name}(${wires.join(",")});`;
}

const instance = (plan: BenchPlan, n: Names, module: string, name: string, out: string): string =>
  instanceOf({ inputs: plan.stimulus.fields, outputs: plan.iface.outputs }, n, module, name, out);

/** Plays the steps and runs; `sample(index)` is what happens at each compared moment. */
export function play(
  plan: BenchPlan,
  n: Names,
  sample: (index: string) => string,
  cuts: readonly { at: number; after: string }[],
  runs: { sample: (index: string) => string; before: string; after: string } = {
    sample,
    before: "",
    after: "",
  },
): string {
  const { bits, start, numSteps, numRuns } = plan.stimulus;
  const r = `r${n.scope}`;
  const i = `i${n.scope}`;
  const m = `m${n.scope}`;
  const loop = (from: number, to: number, body: string): string =>
    to > from ? `for(${i}=${from};${i}<${to};${i}=${i}+1) begin ${r}=${m}[${i}];#100;${body} end ` : "";
  // A clock's first level is an edge from X: what the clocks sample must have settled by then, or wires race with it.
  const low = plan.iface.clocks.length;
  const settle = low === 0 || low >= bits ? "" : `${r}[${bits - 1}:${low}]=${m}[0][${bits - 1}:${low}];#100;`;
  let out = `$readmemh("${plan.stepsPath}",${m});${settle}${loop(0, start, "")}`;
  let at = start;
  for (const c of cuts) {
    if (c.at <= at || c.at >= numSteps) continue;
    out += loop(at, c.at, `if(!${r}[${bits}]) begin ${sample(i)} end`) + c.after;
    at = c.at;
  }
  out += loop(at, numSteps, `if(!${r}[${bits}]) begin ${sample(i)} end`);
  out += runs.before;
  if (numRuns > 0) {
    const l = `l${n.scope}`;
    const u = `u${n.scope}`;
    const k = `k${n.scope}`;
    const clocks = plan.iface.clocks.map((c) => plan.stimulus.fields.find((f) => f.name === c.name)!.offset);
    const flips = clocks
      .map((o) => `${r}[${o}]=~${r}[${o}];#100;${runs.sample(`${i}+${numSteps}`)}`)
      .join("");
    // Data of a period of its own: counting modulo 2^n would write the same word at the same place of a FIFO.
    const low = plan.stimulus.fields.filter((f) => f.width > 1).reduce((v, f) => Math.min(v, f.offset), bits);
    const z = `z${n.scope}`;
    const copies = Math.ceil((bits - low) / 32);
    const step =
      low === bits
        ? ""
        : `if(${u}[${bits + 24}]) begin ${z}=${z}*64'h5851f42d4c957f2d+1;${r}[${bits - 1}:${low}]={${copies}{${z}[63:32]}};end `;
    out +=
      `$readmemh("${plan.runsPath}",${l});${z}=1;for(${i}=0;${i}<${numRuns};${i}=${i}+1) begin ${u}=${l}[${i}];` +
      `${r}={1'b0,${u}[${bits - 1}:0]};#100;${runs.sample(`${i}+${numSteps}`)}` +
      `for(${k}=0;${k}<${u}[${bits + 23}:${bits}];${k}=${k}+1) begin ${flips}${flips}${step}${step === "" ? "" : "#100;"} end ${runs.after} end `;
  }
  return out;
}

export function declarations(plan: BenchPlan, n: Names): string {
  const { bits, numSteps, numRuns } = plan.stimulus;
  const runs =
    numRuns > 0
      ? `reg [${bits + 24}:0] l${n.scope} [0:${numRuns - 1}];reg [${bits + 24}:0] u${n.scope};integer k${n.scope};reg [63:0] z${n.scope};`
      : "";
  return `reg [${bits}:0] m${n.scope} [0:${Math.max(1, numSteps) - 1}];reg [${bits}:0] r${n.scope};integer i${n.scope};${runs}`;
}

const width = (plan: BenchPlan): number => plan.iface.outputs.reduce((s, o) => s + o.width, 0);

/** One line of text; the verdict line is `<verdict> <samples> <signature at each checkpoint…> <signature>`. */
export function signatureBench(
  plan: BenchPlan,
  n: Names,
  top: string,
  ignore: Ignore,
  checkpoints: readonly Checkpoint[],
): string {
  const bits = width(plan);
  const s = `s${n.scope}`;
  const o = `o${n.scope}`;
  const c = `c${n.scope}`;
  const g = `g${n.scope}`;
  const d = `d${n.scope}`;
  const masked = ignore.kind === "none" ? o : `q${n.scope}`;
  const chunks: string[] = [];
  for (let lo = 0; lo < bits; lo += 64) {
    const part = bits <= 64 ? masked : `${masked}[${Math.min(bits, lo + 64) - 1}:${lo}]`;
    chunks.push(`${s}=({${s}[31:0],${s}[63:32]}+${part})*${K};`);
  }
  const mix = (index: string): string => {
    const mask =
      ignore.kind === "none"
        ? ""
        : ignore.kind === "constant"
          ? `${masked}=${o}|${bits}'h${ignore.hex};`
          : `${masked}=${o}|${g}[${index}];`;
    return `${mask}${chunks.join("")}${c}=${c}+1;`;
  };
  const total = plan.stimulus.numSteps + plan.stimulus.numRuns;
  const extra =
    (ignore.kind === "none" ? "" : `reg [${bits - 1}:0] ${masked};`) +
    (ignore.kind === "file" ? `reg [${bits - 1}:0] ${g} [0:${total - 1}];` : "");
  const cuts = checkpoints.map((cp, k) => ({
    at: cp.at,
    after:
      `${d}${k}=${s};` +
      (cp.signature === null
        ? ""
        : `if(${s}!==64'h${cp.signature}) begin $display("${n.verdict} %0d${" %h".repeat(checkpoints.length)} %h",${c},${checkpoints
            .map((_, j) => `${d}${j}`)
            .join(",")},${s});$finish(0);end `),
  }));
  const held = checkpoints.map((_, k) => `reg [63:0] ${d}${k};`).join("");
  const list = checkpoints.map((_, k) => `${d}${k},`).join("");
  return (
    `module ${rootName(n)};${declarations(plan, n)}wire [${bits - 1}:0] ${o};reg [63:0] ${s};integer ${c};${extra}${held}` +
    `${instance(plan, n, `${top}${n.suffix}`, `x${n.scope}`, o)}initial begin ${c}=0;${s}=${SEED};` +
    checkpoints.map((_, k) => `${d}${k}=0;`).join("") +
    (ignore.kind === "file" ? `$readmemh("${ignore.path}",${g});` : "") +
    play(plan, n, mix, cuts) +
    `$display("${n.verdict} %0d${" %h".repeat(checkpoints.length)} %h",${c},${list}${s});$finish(0);end endmodule\n`
  );
}

export interface TraceOptions {
  /** Registers below the first instance whose movement is reported, with their widths. */
  readonly cover?: readonly { readonly path: string; readonly width: number }[];
  /** Index of the last run of each scenario: coverage is reported after it. */
  readonly scenarioEnds?: readonly number[];
  /** What to report of runs: nothing (they are not played), or one line each with the bits that were ever open. */
  readonly runs: "skip" | "open";
}

/**
 * Prints, at every compared step, `<verdict> <step> <outputs in binary>` of the first module and, where there are
 * more, a second word with 1 or x wherever the others differ from one another; for a run one such line with the bits
 * that were open at any of its moments; and `<verdict> cover <bits>` with 1 for every register bit that has been both
 * 0 and 1, after the steps and after each scenario of runs.
 */
export function traceBench(
  plan: BenchPlan,
  n: Names,
  modules: readonly string[],
  options: TraceOptions,
): string {
  const bits = width(plan);
  const outs = modules.map((_, k) => `o${n.scope}_${k}`);
  const rest = outs.slice(1);
  const unstable = rest
    .slice(1)
    .map((x) => `(${rest[0]}^${x})`)
    .join("|");
  const cover = options.cover ?? [];
  const coverBits = cover.reduce((s, r) => s + r.width, 0);
  const [cv, c1, c0, acc] = ["cv", "cw", "cx", "ca"].map((v) => v + n.scope) as [
    string,
    string,
    string,
    string,
  ];
  const look =
    coverBits === 0
      ? ""
      : `${cv}={${cover.map((r) => `x${n.scope}_0.${r.path}`).join(",")}};${c1}=${c1}|${cv};${c0}=${c0}|~${cv};`;
  const report = coverBits === 0 ? "" : `$display("${n.verdict} cover %b",${c1}&${c0});`;
  const stepSample = (index: string): string =>
    look +
    (unstable === ""
      ? `$display("${n.verdict} %0d %b",${index},${outs[0]});`
      : `$display("${n.verdict} %0d %b %b",${index},${outs[0]},${unstable});`);
  const runSample = (): string =>
    `${look}${acc}=${acc}|(${outs[0]}^${outs[0]})${unstable === "" ? "" : `|${unstable}`};`;
  const ends = new Set(options.scenarioEnds ?? []);
  const i = `i${n.scope}`;
  const afterRun =
    `$display("${n.verdict} %0d %b %b",${i}+${plan.stimulus.numSteps},{${bits}{1'b0}},${acc});${acc}=0;` +
    (ends.size === 0 ? "" : `if(${[...ends].map((e) => `${i}==${e}`).join("||")}) begin ${report} end`);
  const played: BenchPlan =
    options.runs === "skip" ? { ...plan, stimulus: { ...plan.stimulus, numRuns: 0 } } : plan;
  return (
    `module ${rootName(n)};${declarations(played, n)}reg [${bits - 1}:0] ${acc};` +
    (coverBits === 0 ? "" : `reg [${coverBits - 1}:0] ${cv},${c1},${c0};`) +
    outs.map((o) => `wire [${bits - 1}:0] ${o};`).join("") +
    modules.map((m, k) => instance(plan, n, m, `x${n.scope}_${k}`, outs[k]!)).join("") +
    `initial begin ${acc}=0;${coverBits === 0 ? "" : `${c1}=0;${c0}=0;`}` +
    play(played, n, stepSample, [], { sample: runSample, before: report, after: afterRun }) +
    `$display("${n.verdict} end");$finish(0);end endmodule\n`
  );
}
