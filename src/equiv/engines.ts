/** The simulator and the formal engine of a checker: what was handed in, or what this machine can run, opened on first use. */

import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { type Wrap, withProc } from "../sim/sandbox.js";
import type { Simulator } from "../sim/simulator.js";
import { type OpenedSimulator, openSimulator } from "../sim/simulators.js";
import type { Environment } from "./environment.js";
import type { Prover } from "./formal/proof.js";
import { makeProver } from "./formal/prover.js";
import { CHECKER_DEFAULTS, type CheckerOptions } from "./settings.js";
import { secretNames } from "./testbench/names.js";

export interface Engines {
  readonly simulator: Simulator;
  /** Null where there is none. */
  readonly prover: Prover | null;
  /** @throws TrainError tool when what the settings demand cannot be had */
  environment(): Environment;
  close(): Promise<void>;
}

/** @param own scratch directory of this checker alone; @param readOnly what simulations read there */
export function makeEngines(options: CheckerOptions, own: string, readOnly: readonly string[]): Engines {
  const { tools } = options;
  const { limits, engine, sandbox } = { ...CHECKER_DEFAULTS, ...options };
  const given = options.simulator;
  const proofs = join(own, "proofs");
  let opened: OpenedSimulator | null = null;
  const open = (): OpenedSimulator => {
    opened ??= openSimulator({
      tools,
      scratchDir: own,
      limits,
      engine,
      sandbox,
      // Counterexamples are played from there.
      readOnly: [...readOnly, proofs],
      cacheDir: options.nativeDir ?? join(options.cacheDir, "native"),
      ...(options.searchPath === undefined ? {} : { searchPath: options.searchPath }),
    });
    return opened;
  };
  const simulator: Simulator = given ?? {
    run: async (job, signal) => open().simulator.run(job, signal),
    close: async () => opened?.simulator.close(),
  };
  const yosys = tools.yosys === null ? null : { ...tools.yosys };
  const prover =
    options.prover !== undefined
      ? options.prover
      : yosys === null
        ? null
        : proverWhenUsed(() => {
            const wrap = given === undefined ? open().sandbox.wrap : null;
            const works = wrap !== null && startsIn(withProc(wrap), yosys.path, proofs);
            if (wrap !== null && !works && sandbox === "required") return null;
            // It simulates counterexamples beside the line, because it is in a slot of it already.
            return makeProver({
              yosys: yosys.path,
              simulator,
              names: secretNames,
              scratchDir: proofs,
              ...(works ? { wrap: withProc(wrap) } : {}),
            });
          });

  return {
    simulator,
    prover,
    environment() {
      const formal =
        options.prover != null
          ? "another prover"
          : prover === null || yosys === null
            ? null
            : `Yosys ${yosys.version}`;
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

/** @param make null where no formal engine may run */
function proverWhenUsed(make: () => Prover | null): Prover {
  let made: Prover | null | undefined;
  return {
    async prove(job, signal) {
      if (made === undefined) made = make();
      return (
        made?.prove(job, signal) ?? {
          kind: "undecided",
          reason: "Yosys does not start in the sandbox",
          ms: 0,
        }
      );
    },
    close: async () => made?.close(),
  };
}

/** Some containers allow a sandbox but not a /proc in it. */
function startsIn(wrap: Wrap, program: string, dir: string): boolean {
  mkdirSync(dir, { recursive: true });
  const [command, ...words] = wrap([program, "-V"], dir);
  return spawnSync(command!, words, { timeout: 10_000, env: {}, stdio: "ignore" }).status === 0;
}
