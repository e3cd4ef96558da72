/**
 * Testbench text. One design alone in the process: inputs come from a file made beforehand, outputs go into a 64-bit
 * signature (or, for people and for partial credit, into a printed trace). Every name is secret to the run, and the
 * mark on the verdict line is a different secret from the one in the scope names, which `%m` could reveal.
 *
 * signature: s <- ({s[31:0], s[63:32]} ^ (outputs | ignore)) * K mod 2^64, chunk by chunk. K is odd and the halves
 * swap, so a step is a bijection of s: one wrong sample always shows, several cancel with probability 2^-64. An X or Z
 * in a compared bit makes the whole signature X and keeps it so.
 */

import type { DesignInterface } from "./interface.js";
import type { Stimulus } from "./stimulus.js";

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

/** The connections of one instance: inputs from slices of the row, outputs to slices of `out`. */
function instance(plan: BenchPlan, n: Names, module: string, name: string, out: string): string {
  const slice = (v: string, offset: number, width: number): string =>
    width === 1 ? `${v}[${offset}]` : `${v}[${offset + width - 1}:${offset}]`;
  const wires = plan.stimulus.fields.map((f) => `.${f.name}(${slice(`r${n.scope}`, f.offset, f.width)})`);
  let offset = 0;
  for (const o of plan.iface.outputs) {
    wires.push(`.${o.name}(${slice(out, offset, o.width)})`);
    offset += o.width;
  }
  return `${module} ${name}(${wires.join(",")});`;
}

/** Plays the steps and runs; `sample(index)` is what happens at each compared moment. */
function play(
  plan: BenchPlan,
  n: Names,
  sample: (index: string) => string,
  cuts: readonly { at: number; after: string }[],
): string {
  const { bits, start, numSteps, numRuns } = plan.stimulus;
  const r = `r${n.scope}`;
  const i = `i${n.scope}`;
  const m = `m${n.scope}`;
  const loop = (from: number, to: number, body: string): string =>
    to > from ? `for(${i}=${from};${i}<${to};${i}=${i}+1) begin ${r}=${m}[${i}];#100;${body} end ` : "";
  let out = `$readmemh("${plan.stepsPath}",${m});${loop(0, start, "")}`;
  let at = start;
  for (const c of cuts) {
    if (c.at <= at || c.at >= numSteps) continue;
    out += loop(at, c.at, `if(!${r}[${bits}]) begin ${sample(i)} end`) + c.after;
    at = c.at;
  }
  out += loop(at, numSteps, `if(!${r}[${bits}]) begin ${sample(i)} end`);
  if (numRuns > 0) {
    const l = `l${n.scope}`;
    const u = `u${n.scope}`;
    const k = `k${n.scope}`;
    const clocks = plan.iface.clocks.map((c) => plan.stimulus.fields.find((f) => f.name === c.name)!.offset);
    const flips = clocks.map((o) => `${r}[${o}]=~${r}[${o}];#100;${sample(`${i}+${numSteps}`)}`).join("");
    const inc = plan.stimulus.fields
      .filter((f) => f.width > 1)
      .reduce((v, f) => v | (1n << BigInt(f.offset)), 0n);
    const step =
      inc === 0n
        ? ""
        : `if(${u}[${bits + 24}]) ${r}[${bits - 1}:0]=${r}[${bits - 1}:0]+${bits}'h${inc.toString(16)};`;
    out +=
      `$readmemh("${plan.runsPath}",${l});for(${i}=0;${i}<${numRuns};${i}=${i}+1) begin ${u}=${l}[${i}];` +
      `${r}={1'b0,${u}[${bits - 1}:0]};#100;${sample(`${i}+${numSteps}`)}` +
      `for(${k}=0;${k}<${u}[${bits + 23}:${bits}];${k}=${k}+1) begin ${flips}${flips}${step}${step === "" ? "" : "#100;"} end end `;
  }
  return out;
}

function declarations(plan: BenchPlan, n: Names): string {
  const { bits, numSteps, numRuns } = plan.stimulus;
  const runs =
    numRuns > 0
      ? `reg [${bits + 24}:0] l${n.scope} [0:${numRuns - 1}];reg [${bits + 24}:0] u${n.scope};integer k${n.scope};`
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
    chunks.push(`${s}=({${s}[31:0],${s}[63:32]}^${part})*${K};`);
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

/**
 * Prints, at every compared moment, `<verdict> <step> <outputs in binary>` of the first module and, where there are
 * more, a second word with 1 or x wherever the others differ from one another.
 */
export function traceBench(plan: BenchPlan, n: Names, modules: readonly string[]): string {
  const bits = width(plan);
  const outs = modules.map((_, k) => `o${n.scope}_${k}`);
  const rest = outs.slice(1);
  const unstable = rest
    .slice(1)
    .map((x) => `(${rest[0]}^${x})`)
    .join("|");
  const print = (index: string): string =>
    unstable === ""
      ? `$display("${n.verdict} %0d %b",${index},${outs[0]});`
      : `$display("${n.verdict} %0d %b %b",${index},${outs[0]},${unstable});`;
  return (
    `module ${rootName(n)};${declarations(plan, n)}` +
    outs.map((o) => `wire [${bits - 1}:0] ${o};`).join("") +
    modules.map((m, k) => instance(plan, n, m, `x${n.scope}_${k}`, outs[k]!)).join("") +
    `initial begin ${play(plan, n, print, [])}$display("${n.verdict} end");$finish(0);end endmodule\n`
  );
}
