/**
 * Verdicts per second and CPU per verdict, on a corpus made here: small designs, each with its own text (a pass) and
 * faulty variants. `npx tsx bench/reward/run.ts [seconds=8]`; the last line is one JSON object. The floor is what
 * this machine needs to start `true` twice, which is the least a compile and a simulation can cost.
 */

import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { availableParallelism, cpus, tmpdir } from "node:os";
import { join } from "node:path";
import type { Problem } from "../../src/core/types.js";
import { problemId, seed } from "../../src/core/units.js";
import { makeRewarder } from "../../src/reward/rewarder.js";
import { locateTools } from "../../src/reward/tools.js";
import { formatCompletion } from "../../src/text/format.js";

const seconds = Number(process.argv[2] ?? 8);
const head = (ports: string): string => `module top_module(${ports});`;
const designs: readonly string[] = [
  `${head("input [7:0] a, b, output [8:0] s")} assign s = a + b; endmodule`,
  `${head("input [3:0] s, input [15:0] d, output y")} assign y = d[s]; endmodule`,
  `${head("input [7:0] a, b, output lt, eq")} assign lt = a < b; assign eq = a == b; endmodule`,
  `${head("input clk, rst, en, output reg [7:0] q")} always @(posedge clk) if (rst) q <= 0; else if (en) q <= q + 1; endmodule`,
  `${head("input clk, arst, input d, output reg [3:0] q")} always @(posedge clk or posedge arst) if (arst) q <= 0; else q <= {q[2:0], d}; endmodule`,
  `${head("input clk, rst, x, output z")} reg [1:0] s; always @(posedge clk) if (rst) s <= 0; else case (s) 0: s <= x + 0; 1: s <= x + 1; 2: s <= x + 2; default: s <= 0; endcase assign z = s == 3; endmodule`,
  `${head("input clk, rst, input [7:0] d, output reg [15:0] acc")} always @(posedge clk) if (rst) acc <= 0; else acc <= acc + d; endmodule`,
  `${head("input clk, we, input [3:0] a, input [7:0] d, output [7:0] q")} reg [7:0] m [0:15]; always @(posedge clk) if (we) m[a] <= d; assign q = m[a]; endmodule`,
];
const faults: readonly (readonly [RegExp, string])[] = [
  [/\+/, "-"],
  [/<= 0/, "<= 1"],
  [/assign (\w+) = /, "assign $1 = ~"],
  [/posedge clk/, "negedge clk"],
  [/;/, ""],
  [/==/, "!="],
];
const problem = (golden: string, k: number): Problem => ({
  id: problemId(`bench-${k}`),
  prompt: [],
  task: { golden, top: "top_module" },
  meta: { source: "bench", split: "train" },
});
const problems = designs.map(problem);
const candidates = designs.flatMap((d, k) => [
  [problems[k]!, d] as const,
  ...faults.map(([from, to]) => [problems[k]!, d.replace(from, to)] as const).filter(([, c]) => c !== d),
]);

/** CPU milliseconds of this process and of children it has waited for (the workers wait for theirs). */
const cpuOf = (): { own: number; children: number } => {
  const f = readFileSync("/proc/self/stat", "utf8").split(") ")[1]!.split(" ").map(Number);
  return { own: (f[11]! + f[12]!) * 10, children: (f[13]! + f[14]!) * 10 };
};

async function spawnFloor(concurrency: number, forMs: number): Promise<number> {
  let n = 0;
  const began = performance.now();
  const one = (): Promise<void> =>
    new Promise((r) => spawn("/bin/true", [], { stdio: "ignore" }).once("exit", () => r()));
  await Promise.all(
    Array.from({ length: concurrency }, async () => {
      while (performance.now() - began < forMs) {
        await one();
        n++;
      }
    }),
  );
  return (n * 1000) / (performance.now() - began);
}

const tools = locateTools(process.env.PATH ?? "");
const dir = mkdtempSync(join(process.env.BENCH_SCRATCH ?? tmpdir(), "bench-reward-"));
const concurrency = availableParallelism();
const rewarder = makeRewarder({
  tools,
  cacheDir: join(dir, "cache"),
  scratchDir: join(dir, "scratch"),
  concurrency,
});
const signal = new AbortController().signal;
const floor = await spawnFloor(concurrency, 1500);
const prepareBegan = performance.now();
const refused = await rewarder.prepare(problems, () => {}, signal);
const prepareMs = performance.now() - prepareBegan;
if (refused.size > 0) throw new Error(`refused: ${[...refused].join("; ")}`);

const outcomes: Record<string, number> = {};
let verdicts = 0;
let at = 0;
const before = cpuOf();
const began = performance.now();
await Promise.all(
  Array.from({ length: concurrency * 2 }, async () => {
    while (performance.now() - began < seconds * 1000) {
      const serial = at++;
      const [p, code] = candidates[serial % candidates.length]!;
      // A renamed wire makes every text new, so that nothing comes from the cache.
      const fresh = code.replace("endmodule", `wire fresh_${serial} = 0; endmodule`);
      const v = await rewarder.score(
        { problem: p, text: formatCompletion("x", fresh), seed: seed(serial) },
        signal,
      );
      const outcome = v.kind === "scored" ? v.outcome : `infra ${v.code}`;
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
      verdicts++;
    }
  }),
);
const wall = (performance.now() - began) / 1000;
await rewarder.close();
await new Promise((r) => setTimeout(r, 100));
const after = cpuOf();
rmSync(dir, { recursive: true, force: true });
const round = (x: number): number => Math.round(x * 100) / 100;
const figure = verdicts / wall;
console.error(`outcomes ${JSON.stringify(outcomes)}`);
console.log(
  JSON.stringify({
    figure: round(figure),
    unit: "verdicts/s",
    baseline: round(floor / 2),
    baselineIs: "starting `true` twice per verdict",
    ratio: round(figure / (floor / 2)),
    cpuMsPerVerdict: {
      children: round((after.children - before.children) / verdicts),
      node: round((after.own - before.own) / verdicts),
    },
    prepareMsPerGolden: round(prepareMs / problems.length),
    verdicts,
    outcomes,
    concurrency,
    load: Number(readFileSync("/proc/loadavg", "utf8").split(" ")[0]),
    machine: `${cpus()[0]?.model ?? "unknown"} x ${availableParallelism()}`,
    versions: {
      node: process.version,
      iverilog: tools.iverilog.version,
      yosys: tools.yosys?.version ?? null,
      git: execFileSync("git", ["rev-parse", "--short", "HEAD"], { encoding: "utf8" }).trim(),
    },
  }),
);
