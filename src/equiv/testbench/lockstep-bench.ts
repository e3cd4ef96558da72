/**
 * One simulation of a golden and many variants of it, side by side. Each variant has inputs of its own, which stop
 * changing once it has differed, so that a dead one costs nothing further. For our own texts only: a candidate is
 * always alone in its process.
 *
 * Prints `<verdict> differs <variant> <slot>` at a variant's first definite difference, `<verdict> unknown <variant> <slot>`
 * at its first X or Z where the golden is defined, and `<verdict> end`.
 */

import { outputBits } from "../../verilog/interface.js";
import type { BenchPlan, Ignore, Names } from "./testbench.js";
import { declarations, instanceOf, play, rootName } from "./testbench.js";

export interface RacePlan {
  readonly plan: BenchPlan;
  readonly golden: string;
  /** Modules of the golden with other power-up values: where they disagree, nothing is compared. */
  readonly awake: readonly string[];
  readonly variants: readonly string[];
  /** Open output bits by slot. */
  readonly ignore: Ignore;
}

/** Samples with X or Z after which a variant counts as one that stays unknown. */
const PATIENCE = 32;

export function raceBench({ plan, golden, awake, variants, ignore }: RacePlan, n: Names): string {
  const bits = outputBits(plan.iface);
  const ports = { inputs: plan.stimulus.fields, outputs: plan.iface.outputs };
  const id = (letter: string, k: number | string = ""): string => `${letter}${n.scope}${k}`;
  const [row, out, good, diff, left] = [id("r"), id("o"), id("g"), id("v"), id("n")];
  const mask = id("q");
  const slots = plan.stimulus.numSteps + plan.stimulus.numRuns;
  let text = `module ${rootName(n)};${declarations(plan, n)}wire [${bits - 1}:0] ${out};bit [${bits - 1}:0] ${good};reg [${bits - 1}:0] ${diff};integer ${left};`;
  if (ignore.kind === "file") text += `reg [${bits - 1}:0] ${mask} [0:${slots - 1}];`;
  text += instanceOf(ports, n, golden, id("x"), out);
  awake.forEach((m, k) => {
    text += `wire [${bits - 1}:0] ${id("w", k)};${instanceOf(ports, n, m, id("y", k), id("w", k))}`;
  });
  variants.forEach((m, k) => {
    const own: Names = { ...n, scope: `${n.scope}_${k}` };
    text +=
      `wire [${bits - 1}:0] ${id("o", k)};reg ${id("d", k)};integer ${id("u", k)};reg [${plan.stimulus.bits}:0] ${id("r", `_${k}`)};` +
      instanceOf(ports, own, m, id("z", k), id("o", k)) +
      `initial begin ${id("d", k)}=0;${id("u", k)}=0;${id("r", `_${k}`)}=${row};while(!${id("d", k)}) @(${row}) ${id("r", `_${k}`)}=${row};end `;
  });
  const unstable = awake.slice(1).map((_, k) => `|(${id("w", 0)}^${id("w", k + 1)})`);
  const stored = (index: string): string =>
    ignore.kind === "none"
      ? ""
      : ignore.kind === "constant"
        ? `|${bits}'h${ignore.hex}`
        : `|${mask}[${index}]`;
  const gone = `${left}=${left}-1;if(${left}==0) begin $display("${n.verdict} end");$finish(0);end `;
  const sample = (index: string): string =>
    variants
      .map(
        (_, k) =>
          `if(!${id("d", k)}) if(${id("o", k)}!==${out}) begin ${good}=~((${out}^${out})${unstable.join("")}${stored(index)});` +
          `${diff}=(${id("o", k)}^${out})&${good};` +
          `if(|${diff}) begin ${id("d", k)}=1;$display("${n.verdict} differs ${k} %0d",${index});${gone}end ` +
          `else if(${diff}!==0) begin ${id("u", k)}=${id("u", k)}+1;if(${id("u", k)}==1) $display("${n.verdict} unknown ${k} %0d",${index});` +
          `if(${id("u", k)}==${PATIENCE}) begin ${id("d", k)}=1;${gone}end end end `,
      )
      .join("");
  return (
    `${text}initial begin ${left}=${variants.length};` +
    (ignore.kind === "file" ? `$readmemh("${ignore.path}",${mask});` : "") +
    `${play(plan, n, sample, [])}$display("${n.verdict} end");$finish(0);end endmodule\n`
  );
}
