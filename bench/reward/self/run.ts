/**
 * Self-equivalence of every golden of both VerilogEval data sets and both RTLLM samples, on several stimulus seeds.
 * `npx tsx bench/reward/self/run.ts [--data DIR] [--seeds 5]`; the last line is one JSON object.
 */

import { DATA_ROOT, type Design, rtllm, VERILOG_EVAL_SETS, verilogEval } from "../../../designs/index.js";
import { selfEquivalence } from "../../../designs/self.js";
import { locateTools } from "../../../src/sim/tools.js";
import { readArgs } from "../../args.js";
import { benchMachine } from "../../machine.js";

const { data: root, seeds: numSeeds } = readArgs({ data: DATA_ROOT, seeds: 5 });
const tools = locateTools(process.env.PATH ?? "");
const named = (set: string, designs: readonly Design[]): Design[] =>
  designs.map((d) => ({ ...d, name: `${set}/${d.name}` }));
const designs = [
  ...VERILOG_EVAL_SETS.flatMap((set) => named(set, verilogEval(root, set))),
  ...(["v1.1", "v2"] as const).flatMap((version) => named(`rtllm-${version}`, rtllm(root, version))),
];
if (designs.length === 0) throw new Error(`no benchmark data below ${root}: give its folder as the argument`);
const seeds = Array.from({ length: numSeeds }, (_, k) => k + 1);
const result = await selfEquivalence(designs, seeds, tools, new AbortController().signal);
for (const [name, reason] of result.refused) console.error(`refused  ${name}: ${reason}`);
for (const r of result.rejected) console.error(`REJECTED ${r.name}, seed ${r.seed}: ${r.log}`);
console.log(
  JSON.stringify({
    figure: result.rejected.length,
    unit: "goldens judged unequal to themselves",
    baseline: null,
    ratio: null,
    designs: designs.length,
    seeds: numSeeds,
    judged: result.judged,
    refused: Object.fromEntries(result.refused),
    rejected: result.rejected,
    machine: benchMachine(tools),
  }),
);
