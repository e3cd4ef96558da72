/**
 * What a verdict costs the thread that asks for it: CPU milliseconds of the main thread for each verdict of candidates that
 * no cache has seen, with the rewarder in a process of its own, and in the asking thread as baseline. Linux only: the
 * kernel's account of one thread's time.
 *
 * usage: npx tsx bench/speed/rewarder/main-thread/run.ts [--verdicts 400] [--concurrency CORES]
 */

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { primerGoldens } from "../../../../designs/primer.js";
import { scoreAll } from "../../../../src/core/score-all.js";
import { problemId, seed } from "../../../../src/core/units.js";
import { makeRewarderProcess } from "../../../../src/reward/process/rewarder-process.js";
import { makeRewarder, type SimulatorRewarder } from "../../../../src/reward/rewarder.js";
import { locateTools } from "../../../../src/sim/tools.js";
import { formatCompletion } from "../../../../src/text/format.js";
import { readArgs } from "../../../args.js";
import { benchMachine } from "../../../machine.js";

const { verdicts, concurrency } = readArgs({ verdicts: 400, concurrency: availableParallelism() });

/** CPU milliseconds of this thread so far. */
const cpuMs = (): number =>
  Number(readFileSync(`/proc/self/task/${process.pid}/schedstat`, "utf8").split(" ")[0]) / 1e6;

const designs = primerGoldens(40);
const thinking = "Let me think about the registers and the reset of this design. ".repeat(120);
const requests = Array.from({ length: verdicts }, (_, k) => {
  const { name, golden, top } = designs[k % designs.length]!;
  const at = golden.lastIndexOf("endmodule");
  const code = `${golden.slice(0, at)}wire fresh_${k} = 1'b0; ${golden.slice(at)}`;
  return {
    problem: {
      id: problemId(name),
      prompt: [],
      task: { golden, top },
      meta: { source: "bench", split: "test" as const },
    },
    text: formatCompletion(thinking, code),
    seed: seed(k),
  };
});
const signal = new AbortController().signal;

async function measure(rewarder: SimulatorRewarder) {
  await rewarder.prepare(
    requests.slice(0, designs.length).map((r) => r.problem),
    () => {},
    signal,
  );
  let passed = 0;
  const began = performance.now();
  const before = cpuMs();
  for await (const { verdict } of scoreAll(rewarder, requests, { inFlight: 64 }, signal))
    if (verdict.kind === "scored" && verdict.passed) passed++;
  const cpu = cpuMs() - before;
  const seconds = (performance.now() - began) / 1000;
  await rewarder.close();
  if (passed !== verdicts) throw new Error(`${passed} of ${verdicts} equal designs pass`);
  return { msPerVerdict: cpu / verdicts, verdictsPerSecond: verdicts / seconds };
}

const dir = mkdtempSync(join(tmpdir(), "main-thread-"));
try {
  const tools = locateTools(process.env.PATH ?? "");
  const settings = {
    tools,
    cacheDir: join(dir, "cache"),
    scratchDir: "/dev/shm",
    concurrency,
    mutants: 0,
    audit: { share: 0, vectors: 16 },
  };
  const inThread = await measure(makeRewarder(settings));
  const separate = await measure(makeRewarderProcess(settings));
  console.log(
    JSON.stringify({
      figure: separate.msPerVerdict,
      unit: "main-thread CPU ms per verdict",
      baseline: inThread.msPerVerdict,
      ratio: separate.msPerVerdict / inThread.msPerVerdict,
      target: 0.2,
      verdicts,
      concurrency,
      verdictsPerSecond: { separate: separate.verdictsPerSecond, inThread: inThread.verdictsPerSecond },
      machine: benchMachine(tools),
    }),
  );
} finally {
  rmSync(dir, { recursive: true, force: true });
}
