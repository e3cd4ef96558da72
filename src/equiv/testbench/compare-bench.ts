/**
 * Golden and candidate side by side in one simulation, under the stimulus of the verdict, long runs included. It stops
 * soon after the first compared difference and prints the moments around it. For people only: the golden lies in the
 * candidate's process, so a verdict is never taken from here.
 *
 * A moment is one settled assignment of the inputs; moment k is at time 100 (k + 1). What is recorded of it is a word
 * {compared, place[31:0], cycle[31:0], inputs, golden's outputs, candidate's outputs}; `place` counts steps and then
 * runs, `cycle` the cycles within a run.
 */

import type { Port } from "../../verilog/interface.js";
import type { Field } from "../stimulus/stimulus.js";
import { type Ignore, instanceOf, type Names, rootName } from "./testbench.js";

/** What is played: steps from a file or given here, then runs from a file. */
export interface Played {
  /** Width of the input vector. */
  readonly bits: number;
  readonly fields: readonly Field[];
  readonly outputs: readonly Port[];
  readonly clocks: readonly string[];
  /** Steps before this one are played but not compared. */
  readonly start: number;
  readonly numSteps: number;
  readonly numRuns: number;
  readonly steps: { readonly path: string } | { readonly words: readonly string[] };
  readonly runsPath: string;
}

export interface Recorded {
  /** Moments since power-up, this one not counted. */
  readonly index: number;
  readonly compared: boolean;
  /** Index of the step, or numSteps + index of the run. */
  readonly place: number;
  /** Cycle within the run, from 1; 0 in steps and at the start of a run. */
  readonly runCycle: number;
  /** Binary, most significant bit first. */
  readonly inputs: string;
  readonly golden: string;
  readonly candidate: string;
}

export interface Comparison {
  readonly moments: readonly Recorded[];
  /** Index of the moment of the first compared difference; null when there is none. */
  readonly differsAt: number | null;
  /** Moments compared, the differing one included. */
  readonly compared: number;
}

export interface CompareOptions {
  /** Moments to keep, rounded up to a power of two and down to what fits. */
  readonly keep: number;
  /** Moments to go on after a difference. */
  readonly after: number;
  /** Which moments to keep: the latest, or (for a run without a difference) the first. */
  readonly record: "latest" | "first";
}

/** Bits that a recording may take, so that its text stays far below the limit on a simulation's output. */
const MAX_RECORDED_BITS = 2 * 1024 ** 2;

export function compareBench(
  plan: Played,
  n: Names,
  modules: { readonly golden: string; readonly candidate: string },
  ignore: Ignore,
  options: CompareOptions,
): string {
  const { bits, numSteps, numRuns } = plan;
  const width = widthOf(plan);
  const word = 65 + bits + 2 * width;
  const depth = depthOf(options.keep, word);
  const mask =
    ignore.kind === "none" ? "x=0;" : ignore.kind === "constant" ? `x=${width}'h${ignore.hex};` : "x=o[i];";
  const keep = `h[n%${depth}]={f,i[31:0],k[31:0],r[${bits - 1}:0],g,c};`;
  const [from, to] =
    options.record === "latest" ? [`(n>${depth})?n-${depth}:0`, "n"] : ["0", `((n<${depth})?n:${depth})`];
  const end =
    `for(j=${from};j<${to};j=j+1) $display("${n.verdict} %0d %b",j,h[j%${depth}]);` +
    `$display("${n.verdict} end %0d %0d",d,q);$finish(0);`;
  const look =
    `task y;input f;begin ${options.record === "latest" ? keep : `if(n<${depth}) ${keep}`}` +
    // A golden X does not care; a candidate X or Z where the golden is defined differs.
    `if(d<0&&f) begin q=q+1;${mask}if((g|x)!==((g^c^g)|x)) d=n;end ` +
    `n=n+1;if(d>=0) begin if(e==0) begin ${end}end e=e-1;end end endtask `;
  const at = (compared: string): string => `#100;y(${compared});`;
  const load =
    "path" in plan.steps
      ? `$readmemh("${plan.steps.path}",m);`
      : plan.steps.words.map((w, s) => `m[${s}]=${bits + 1}'h${w};`).join("");
  // As in the signature bench: data settles before the clocks' first level, which is an edge from X.
  const low = plan.clocks.length;
  const settle = low === 0 || low >= bits ? "" : `r[${bits - 1}:${low}]=m[0][${bits - 1}:${low}];#100;`;
  return named(
    n,
    `reg [${bits}:0] m [0:${Math.max(1, numSteps) - 1}];reg [${bits}:0] r;integer i,k,n,q,d,e,j;` +
      `wire [${width - 1}:0] g,c;reg [${width - 1}:0] x;reg [${word - 1}:0] h [0:${depth - 1}];` +
      (ignore.kind === "file" ? `reg [${width - 1}:0] o [0:${numSteps + numRuns - 1}];` : "") +
      (numRuns > 0 ? `reg [${bits + 24}:0] l [0:${numRuns - 1}];reg [${bits + 24}:0] u;reg [63:0] z;` : "") +
      `${look}initial begin n=0;q=0;d=-1;e=${options.after};x=0;k=0;` +
      (ignore.kind === "file" ? `$readmemh("${ignore.path}",o);` : "") +
      `${load}${settle}for(i=0;i<${numSteps};i=i+1) begin r=m[i];${at(`i>=${plan.start}&&!r[${bits}]`)}end ` +
      `${playRuns(plan, at)}${end}end `,
    (["golden", "candidate"] as const).map((who) =>
      instanceOf(
        { inputs: plan.fields, outputs: plan.outputs },
        n,
        modules[who],
        `x${who[0]}${n.scope}`,
        `${who[0]}${n.scope}`,
      ),
    ),
  );
}

/** The long runs as `signatureBench` plays them, with a look at every moment. */
function playRuns(plan: Played, at: (compared: string) => string): string {
  const { bits, numSteps, numRuns } = plan;
  if (numRuns === 0) return "";
  const flips = plan.clocks
    .map((name) => plan.fields.find((f) => f.name === name)!.offset)
    .map((o) => `r[${o}]=~r[${o}];${at("1'b1")}`)
    .join("");
  const low = plan.fields.filter((f) => f.width > 1).reduce((s, f) => Math.min(s, f.offset), bits);
  const vary =
    low === bits
      ? ""
      : `if(u[${bits + 24}]) begin z=z*64'h5851f42d4c957f2d+1;` +
        `r[${bits - 1}:${low}]={${Math.ceil((bits - low) / 32)}{z[63:32]}};end ${at("1'b0")}`;
  return (
    `$readmemh("${plan.runsPath}",l);z=1;for(i=${numSteps};i<${numSteps + numRuns};i=i+1) begin ` +
    `u=l[i-${numSteps}];r={1'b0,u[${bits - 1}:0]};k=0;${at("1'b1")}` +
    `for(k=1;k<=u[${bits + 23}:${bits}];k=k+1) begin ${flips}${flips}${vary}end end `
  );
}

/** The bench's one-letter names made secret, beside instances whose ports keep theirs. */
const named = (n: Names, body: string, instances: readonly string[]): string =>
  `module ${rootName(n)};${body.replace(/"[^"]*"|\b\d*'[a-z][0-9a-f]+|\$?[a-z]\w*/g, (w) =>
    /^[a-z]$/.test(w) ? w + n.scope : w,
  )}${instances.join("")}endmodule\n`;

const widthOf = (plan: Played): number => plan.outputs.reduce((s, o) => s + o.width, 0);

function depthOf(keep: number, word: number): number {
  let depth = 8;
  while (depth < keep && depth * 2 * word <= MAX_RECORDED_BITS) depth *= 2;
  return depth;
}

/** Null when the bench did not reach its end. */
export function readComparison(output: string, mark: string, plan: Played): Comparison | null {
  const width = widthOf(plan);
  const moments: Recorded[] = [];
  let ended: { differsAt: number; compared: number } | null = null;
  for (const line of output.split("\n")) {
    if (!line.startsWith(mark)) continue;
    const [, first, second, third] = line.trimEnd().split(" ");
    if (first === "end") {
      ended = { differsAt: Number(second), compared: Number(third) };
      break;
    }
    const w = second!.toLowerCase();
    let from = 0;
    const take = (count: number): string => {
      from += count;
      return w.slice(from - count, from);
    };
    moments.push({
      index: Number(first),
      compared: take(1) === "1",
      place: Number.parseInt(take(32), 2),
      runCycle: Number.parseInt(take(32), 2),
      inputs: take(plan.bits),
      golden: take(width),
      candidate: take(width),
    });
  }
  if (ended === null) return null;
  return { moments, differsAt: ended.differsAt < 0 ? null : ended.differsAt, compared: ended.compared };
}
