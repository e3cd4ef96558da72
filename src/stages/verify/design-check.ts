/** What `verify` and `testbench` stand on: the golden read and prepared, a simulator, the rewarder's own cache. */

import { existsSync, mkdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { nearNames } from "../../config/nearest.js";
import { TrainError } from "../../core/errors.js";
import type { Problem } from "../../core/types.js";
import { problemId } from "../../core/units.js";
import type { Prover } from "../../equiv/formal/proof.js";
import { makeGoldens, type Ready } from "../../equiv/golden/in-use.js";
import { readInterfaces } from "../../equiv/golden/netlists.js";
import { admitGolden } from "../../equiv/golden/prepare.js";
import { makeStore } from "../../equiv/golden/store.js";
import { DEFAULT_STIMULUS, type StimulusOptions } from "../../equiv/stimulus/stimulus.js";
import { secretNames } from "../../equiv/testbench/names.js";
import { makeEngines } from "../../reward/engines.js";
import { DEFAULT_MUTANTS } from "../../reward/tiers.js";
import { ownScratch, sweepScratch } from "../../sim/scratch.js";
import { DEFAULT_LIMITS, type Limits, type Simulator } from "../../sim/simulator.js";
import { locateTools, type Tools } from "../../sim/tools.js";
import { type Admitted, admit, tokenize } from "../../verilog/gate.js";
import { topsOf } from "../../verilog/tops.js";
import type { Source } from "./sources.js";

export interface Machine {
  readonly cacheDir: string;
  readonly searchPath: string;
  readonly cores: number;
}

export interface BenchSettings {
  readonly seed: number;
  readonly vectors: number;
}

export const DEFAULT_SETTINGS: BenchSettings = { seed: 1, vectors: DEFAULT_STIMULUS.vectors };

export type GoldenText =
  | { readonly ok: true; readonly problem: Problem; readonly admitted: Admitted }
  /** `reason` with the line it speaks of. */
  | { readonly ok: false; readonly reason: string };

/**
 * The golden's text, and which of its modules is meant.
 * @throws TrainError usage: the top is ambiguous or not there
 */
export function readGolden(golden: Source, top: string | undefined): GoldenText {
  const lexed = tokenize(golden.text);
  if (!lexed.ok) return { ok: false, reason: `line ${lexed.line}: ${lexed.reason}` };
  const gated = admit(lexed.tokens);
  if (!gated.ok) return { ok: false, reason: gated.reason };
  const { modules } = gated.admitted;
  if (top !== undefined && !modules.includes(top)) {
    const near = nearNames(top, modules, 1)[0];
    throw new TrainError(
      "usage",
      `--top ${top}: ${golden.name} has no such module; it has ${modules.join(", ")}`,
      {
        hint: `--top ${near ?? topsOf(gated.admitted)[0] ?? modules[0]}`,
      },
    );
  }
  const tops = topsOf(gated.admitted);
  if (top === undefined && tops.length !== 1) {
    const found = tops.length === 0 ? modules : tops;
    throw new TrainError(
      "usage",
      `${golden.name} has ${found.length} modules that no other one instantiates: ${found.join(", ")}`,
      { hint: `say which is the design: --top ${found.at(-1)}` },
    );
  }
  const chosen = top ?? tops[0]!;
  const task = { golden: golden.text, top: chosen };
  const checked = admitGolden(task);
  if (!checked.ok) return { ok: false, reason: checked.reason.replace(/^golden, /, "") };
  const problem: Problem = {
    id: problemId(golden.name),
    prompt: [],
    task,
    meta: { source: "verify", split: "test" },
  };
  return { ok: true, problem, admitted: checked.admitted };
}

export interface Opened {
  readonly tools: Tools;
  readonly simulator: Simulator;
  /** Null without Yosys. */
  readonly prover: Prover | null;
  /** Working folder of this command, removed by `close`. */
  readonly scratchDir: string;
  readonly cacheDir: string;
  readonly stimulus: StimulusOptions;
  /** @throws PrepareFault when the machinery fails */
  ensure(problem: Problem): Promise<Ready>;
  close(): Promise<void>;
}

/** @throws TrainError tool, with what to type, when the simulator is missing */
export function openBench(
  machine: Machine,
  settings: BenchSettings,
  limits: Limits = DEFAULT_LIMITS,
): Opened {
  const tools = locateTools(machine.searchPath);
  const cacheDir = join(machine.cacheDir, "goldens");
  const shared = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();
  sweepScratch(shared);
  const scratchDir = ownScratch(shared);
  mkdirSync(scratchDir, { recursive: true });
  // A handful of simulations: what fork servers save, starting them costs.
  const engines = makeEngines({ tools, cacheDir, scratchDir, limits, engine: "spawn" }, scratchDir, [
    scratchDir,
  ]);
  const { simulator, prover } = engines;
  const stimulus = { ...DEFAULT_STIMULUS, vectors: settings.vectors };
  const goldens = makeGoldens({
    simulator,
    names: secretNames,
    stimulus,
    seed: settings.seed,
    icarus: tools.iverilog.version,
    store: makeStore(cacheDir),
    scratchDir,
    mutants: DEFAULT_MUTANTS,
    prover,
    readInterfaces: (jobs, signal) =>
      readInterfaces(jobs, { yosys: tools.yosys?.path ?? null, scratchDir }, signal),
    batch: 1,
  });
  return {
    tools,
    simulator,
    prover,
    scratchDir,
    cacheDir,
    stimulus,
    ensure: (problem) => goldens.ensure(problem.task),
    close: async () => {
      goldens.close();
      await engines.close();
      rmSync(scratchDir, { recursive: true, force: true });
    },
  };
}
