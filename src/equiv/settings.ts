/** What a checker is made from. */

import type { SandboxMode } from "../sim/sandbox.js";
import { DEFAULT_LIMITS, type Limits, type Simulator } from "../sim/simulator.js";
import type { EngineChoice } from "../sim/simulators.js";
import type { Tools } from "../sim/tools.js";
import type { Prover } from "./formal/proof.js";
import { DEFAULT_MUTANTS } from "./mutate/mutants.js";
import { DEFAULT_STIMULUS, type StimulusOptions } from "./stimulus/stimulus.js";

/** Plain data, so that it can be sent to another process. */
export interface CheckerSettings {
  readonly tools: Tools;
  /** Prepared goldens, kept from run to run. */
  readonly cacheDir: string;
  /** Working files, best on a tmpfs. */
  readonly scratchDir: string;
  /** Simulations and proofs at once; null = one per core. */
  readonly concurrency?: number | null;
  readonly limits?: Limits;
  /** Seed of the stimuli. */
  readonly seed?: number;
  readonly stimulus?: StimulusOptions;
  /** Faulty copies of each golden that its vectors have to tell from it. */
  readonly mutants?: number;
  /** Input vectors of a second check (`again`), drawn from another seed. */
  readonly auditVectors?: number;
  /** Wall-time cap of one proof while a golden is prepared, seconds. */
  readonly proofSeconds?: number;
  /** How often a failure of the machinery is tried again. */
  readonly retries?: number;
  readonly sandbox?: SandboxMode;
  /** How simulator processes start. */
  readonly engine?: EngineChoice;
  /** Keeps what the forked engine compiles, from run to run; beside the goldens when absent. */
  readonly nativeDir?: string;
  /** Where a C compiler for the forked engine is looked for, as in PATH. */
  readonly searchPath?: string;
}

export interface CheckerOptions extends CheckerSettings {
  /** Another way to run simulations; closed with the checker. */
  readonly simulator?: Simulator;
  /** Another formal engine, null for none; closed with the checker. */
  readonly prover?: Prover | null;
}

export const CHECKER_DEFAULTS = {
  concurrency: null,
  limits: DEFAULT_LIMITS,
  seed: 1,
  stimulus: DEFAULT_STIMULUS,
  mutants: DEFAULT_MUTANTS,
  auditVectors: 10_000,
  proofSeconds: 3,
  retries: 3,
  sandbox: "auto",
  engine: "auto",
} as const;
