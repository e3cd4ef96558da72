/**
 * Plain processes, on any system. Node pays a millisecond or more for a spawn, the more the more memory it holds (fork
 * copies its page tables), so a few small shells stay alive and do the spawning: each reads one job per line, sets the
 * limits, runs the compiler and then the simulator as fresh processes, and answers with one line.
 */

import { join } from "node:path";
import { quoted } from "../core/shell-words.js";
import type { Limits, Simulator } from "./simulator.js";
import type { Tools } from "./tools.js";
import { type Engine, makeWorkersSimulator, type WorkersDeps } from "./workers.js";

export type SpawnDeps = WorkersDeps;

export const makeSpawnSimulator = (deps: SpawnDeps): Simulator =>
  makeWorkersSimulator(deps, spawnEngine(deps.tools, deps.limits));

export const spawnEngine = (tools: Tools, limits: Limits): Engine => ({
  command: ["/bin/sh", "-c", script(tools, limits)],
  readOnly: [],
  line: (job, cpuSeconds) => `${cpuSeconds} ${job.root}\n`,
});

/** Its children do not see its input. */
function script(tools: Tools, limits: Limits): string {
  const compile =
    tools.ivlBase === null
      ? `cd .. && exec ${quoted(tools.iverilog.path)} -g2012 -s "$root" -o out/design.vvp design.v </dev/null >out/compile.log 2>&1`
      : `exec ${quoted(join(tools.ivlBase, "ivl"))} -C../ivl.conf ${quoted(`-C${join(tools.ivlBase, "vvp.conf")}`)} -- - <../design.v >compile.log 2>&1`;
  return [
    "ulimit -c 0",
    "ulimit -n 32",
    `ulimit -v ${Math.floor(limits.memoryBytes / 1024)} 2>/dev/null`,
    `ulimit -f ${Math.ceil(limits.fileBytes / 512)}`,
    "while read -r cpu root; do",
    `( ulimit -S -t ${limits.compileCpuSeconds}; ${compile} ); r=$?`,
    'if [ $r -ne 0 ]; then echo "c $r"; continue; fi',
    `( ulimit -S -t $cpu; exec ${quoted(tools.vvp.path)} -n design.vvp </dev/null >run.log 2>&1 ); echo "r $?"`,
    "done",
  ].join("\n");
}
