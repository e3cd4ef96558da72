/**
 * What a checker runs on: one line of simulations and proofs with a bounded number at work, the engines behind it, one
 * store of prepared goldens, and a scratch folder of its own that goes with it.
 */

import { rmSync } from "node:fs";
import { availableParallelism } from "node:os";
import { makePool, type Pool } from "../sim/pool.js";
import { ownScratch, sweepScratch } from "../sim/scratch.js";
import type { CheckDeps } from "./check.js";
import { makeEngines } from "./engines.js";
import type { Environment } from "./environment.js";
import type { Prover } from "./formal/proof.js";
import { type Goldens, type GoldensDeps, makeGoldens, stimuliDir } from "./golden/in-use.js";
import { readInterfaces } from "./golden/netlists.js";
import { makeStore } from "./golden/store.js";
import { type InLine, proverInLine, simulatorInLine } from "./in-line.js";
import { CHECKER_DEFAULTS, type CheckerOptions } from "./settings.js";
import { secretNames } from "./testbench/names.js";

/** What differs between goldens of one problem that judge by different vectors. */
export type Vectors = Pick<GoldensDeps, "stimulus" | "seed" | "mutants" | "prover">;

export interface Machinery {
  /** @param later runs only when nothing else is in line; @param spent is told the milliseconds of each simulation */
  simulation(later: boolean, spent?: (ms: number) => void): CheckDeps;
  /** Works when nothing else is in line; null where there is no formal engine. */
  readonly prover: Prover | null;
  /** Goldens that judge by these vectors; all of them share the store. */
  goldens(later: boolean, vectors: Vectors): Goldens;
  readonly waiting: Pool["waiting"];
  /** @throws TrainError tool when what the settings demand cannot be had */
  environment(): Environment;
  close(): Promise<void>;
}

/** Opens nothing yet: engines start with the first job. */
export function openMachinery(options: CheckerOptions): Machinery {
  const { tools, scratchDir, cacheDir } = options;
  const { proofSeconds, retries, concurrency } = { ...CHECKER_DEFAULTS, ...options };
  const now = (): number => performance.now();
  sweepScratch(scratchDir);
  const own = ownScratch(scratchDir);
  const pool = makePool(concurrency ?? availableParallelism(), now);
  const engines = makeEngines(options, own, [stimuliDir(own)]);
  const line: InLine = { pool, simulator: engines.simulator, retries, now };
  const store = makeStore(cacheDir);
  const yosys = tools.yosys?.path ?? null;

  const simulation: Machinery["simulation"] = (later, spent) => ({
    simulator: simulatorInLine(line, later, spent),
    names: secretNames,
  });
  return {
    simulation,
    prover: engines.prover === null ? null : proverInLine(line, engines.prover),
    goldens: (later, vectors) =>
      makeGoldens({
        ...simulation(later),
        ...vectors,
        proofSeconds,
        icarus: tools.iverilog.version,
        store,
        scratchDir: own,
        readInterfaces: (jobs, signal) =>
          pool.run(() => readInterfaces(jobs, { yosys, scratchDir: own }, signal), later),
        batch: 32,
      }),
    waiting: pool.waiting,
    environment: () => engines.environment(),
    async close() {
      await engines.close();
      rmSync(own, { recursive: true, force: true });
    },
  };
}
