/**
 * `npx tsx test/endurance/soak-run.ts [verdicts=10000]`: a third right, a third wrong, a third hostile. Afterwards no
 * process is left, the scratch is empty, descriptors and memory have stayed put, and nothing was an infrastructure
 * fault; exits with 1 where that is not so. The last line is one JSON object.
 */

import { benchMachine } from "../../bench/machine.js";
import { locateTools } from "../../src/sim/tools.js";
import { soak } from "./soak.js";

const verdicts = Number(process.argv[2] ?? 10_000);
const tools = locateTools(process.env.PATH ?? "");
const machine = benchMachine(tools);
const scratch = process.env.BENCH_SCRATCH;
const result = await soak({
  verdicts,
  tools,
  concurrency: machine.cores,
  ...(scratch === undefined ? {} : { scratch }),
  report: (line) => console.error(line),
});
const clean =
  result.infra === 0 &&
  result.surprises.length === 0 &&
  result.left.processes.length === 0 &&
  result.left.scratch.length === 0 &&
  !result.left.outside;
console.log(
  JSON.stringify({
    figure:
      result.left.processes.length + result.left.scratch.length + result.infra + result.surprises.length,
    unit: "processes, files, infrastructure faults and surprises left",
    baseline: 0,
    ratio: null,
    clean,
    ...result,
    machine,
    versions: {
      iverilog: tools.iverilog.version,
      yosys: tools.yosys?.version ?? null,
      node: process.version,
    },
  }),
);
if (!clean) process.exitCode = 1;
