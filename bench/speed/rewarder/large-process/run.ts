/**
 * What the size of the training process does to second looks, which start programs: seconds for --designs passes that are all
 * audited and proved, with the rewarder in the large process and in one of its own, and again with nothing held; and the
 * milliseconds for which starting a program holds the starting process, median of 30.
 *
 * usage: npx tsx bench/speed/rewarder/large-process/run.ts [--gigabytes 4] [--designs 40] [--concurrency CORES]
 */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { primerGoldens } from "../../../../designs/primer.js";
import { scoreAll } from "../../../../src/core/score-all.js";
import { problemId, seed } from "../../../../src/core/units.js";
import { makeRewarderProcess } from "../../../../src/reward/process/rewarder-process.js";
import { makeRewarder, type SimulatorRewarder } from "../../../../src/reward/rewarder.js";
import type { RewarderSettings } from "../../../../src/reward/settings.js";
import { locateTools } from "../../../../src/sim/tools.js";
import { formatCompletion } from "../../../../src/text/format.js";
import { readArgs } from "../../../args.js";
import { benchMachine } from "../../../machine.js";

const args = readArgs({ gigabytes: 4, designs: 40, concurrency: availableParallelism() });
const { gigabytes, designs: count, concurrency } = args;
const tools = locateTools(process.env.PATH ?? "");
const signal = new AbortController().signal;
const requests = primerGoldens(count).map(({ name, golden, top }, k) => ({
  problem: {
    id: problemId(name),
    prompt: [],
    task: { golden, top },
    meta: { source: "bench", split: "test" as const },
  },
  text: formatCompletion("A copy.", golden),
  seed: seed(k),
}));

async function seconds(make: (settings: RewarderSettings) => SimulatorRewarder): Promise<number> {
  const dir = mkdtempSync(join(tmpdir(), "large-process-"));
  const rewarder = make({
    tools,
    cacheDir: join(dir, "cache"),
    scratchDir: "/dev/shm",
    concurrency,
    mutants: 0,
    audit: { share: 1, vectors: 10_000 },
  });
  try {
    await rewarder.prepare(
      requests.map((r) => r.problem),
      () => {},
      signal,
    );
    const began = performance.now();
    let audited = 0;
    for await (const { verdict } of scoreAll(rewarder, requests, { inFlight: count }, signal))
      if (verdict.kind === "scored" && verdict.passed && verdict.second?.audited) audited++;
    if (audited !== requests.length) throw new Error(`${audited} of ${requests.length} passes were audited`);
    return (performance.now() - began) / 1000;
  } finally {
    await rewarder.close();
    rmSync(dir, { recursive: true, force: true });
  }
}

async function startMs(): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < 30; i++) {
    const began = performance.now();
    const child = spawn("true");
    times.push(performance.now() - began);
    await once(child, "exit");
  }
  return times.sort((a, b) => a - b)[15]!;
}

const startEmpty = await startMs();
const empty = { inside: await seconds(makeRewarder), separate: await seconds(makeRewarderProcess) };
const held = Array.from({ length: gigabytes }, () => Buffer.alloc(2 ** 30, 1));
const startFull = await startMs();
const full = { inside: await seconds(makeRewarder), separate: await seconds(makeRewarderProcess) };
console.log(
  JSON.stringify({
    figure: full.inside / full.separate,
    unit: `times faster in a process of its own, beside ${held.length} GB`,
    seconds: { empty, full },
    startMs: { empty: startEmpty, full: startFull },
    designs: requests.length,
    concurrency,
    machine: benchMachine(tools),
  }),
);
