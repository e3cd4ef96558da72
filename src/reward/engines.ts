/** The simulator and the formal engine of a rewarder: what was handed in, or what this machine can run, opened on first use. */

import { join } from "node:path";
import type { Environment } from "./environment.js";
import type { Prover } from "./proof.js";
import { DEFAULTS, type RewarderOptions } from "./settings.js";
import type { Simulator } from "./simulator.js";
import { type OpenedSimulator, openSimulator } from "./simulators.js";

export interface Engines {
  readonly simulator: Simulator;
  /** Null where there is none. */
  readonly prover: Prover | null;
  /** @throws TrainError tool when what the settings demand cannot be had */
  environment(): Environment;
  close(): Promise<void>;
}

/** @param own scratch directory of this rewarder alone; @param readOnly what simulations read there */
export function makeEngines(options: RewarderOptions, own: string, readOnly: readonly string[]): Engines {
  const { tools } = options;
  const { limits, engine, sandbox } = { ...DEFAULTS, ...options };
  const given = options.simulator;
  let opened: OpenedSimulator | null = null;
  const open = (): OpenedSimulator => {
    opened ??= openSimulator({
      tools,
      scratchDir: own,
      limits,
      engine,
      sandbox,
      readOnly,
      cacheDir: join(options.cacheDir, "native"),
      ...(options.searchPath === undefined ? {} : { searchPath: options.searchPath }),
    });
    return opened;
  };
  const simulator: Simulator = given ?? {
    run: async (job, signal) => open().simulator.run(job, signal),
    close: async () => opened?.simulator.close(),
  };
  const prover = options.prover ?? null;
  return {
    simulator,
    prover,
    environment() {
      const formal = prover === null ? null : tools.yosys === null ? "other" : `Yosys ${tools.yosys.version}`;
      if (given !== undefined)
        return {
          sandbox: "another simulator's",
          missing: null,
          engine: "other",
          why: "it was handed in",
          formal,
        };
      const { sandbox, engine, why } = open();
      return { sandbox: sandbox.level, missing: sandbox.missing, engine, why, formal };
    },
    async close() {
      await prover?.close();
      await simulator.close();
    },
  };
}
