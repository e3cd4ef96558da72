/** What a rewarder is made from. */

import type { Prover } from "../equiv/formal/proof.js";
import { DEFAULT_STIMULUS, type StimulusOptions } from "../equiv/stimulus/stimulus.js";
import { DEFAULT_LIMITS, type Limits, type Simulator } from "../sim/simulator.js";
import type { Tools } from "../sim/tools.js";
import { DEFAULT_SHAPE, type ShapeOptions } from "./shape.js";
import {
  type AuditOptions,
  DEFAULT_AUDIT,
  DEFAULT_FORMAL,
  DEFAULT_MUTANTS,
  type FormalOptions,
} from "./tiers.js";

/** Plain data, so that it can be sent to a process. */
export interface RewarderSettings {
  readonly tools: Tools;
  /** Prepared goldens, kept from run to run. */
  readonly cacheDir: string;
  /** Working files, best on a tmpfs. */
  readonly scratchDir: string;
  /** Candidates at once; null = one per core. */
  readonly concurrency?: number | null;
  readonly shape?: ShapeOptions;
  readonly limits?: Limits;
  /** Seed of the stimuli. */
  readonly seed?: number;
  readonly stimulus?: StimulusOptions;
  readonly mutants?: number;
  readonly audit?: AuditOptions;
  readonly formal?: FormalOptions;
  readonly retries?: number;
  readonly sandbox?: "auto" | "required" | "off";
  /** How simulator processes start. */
  readonly engine?: "auto" | "forked" | "spawn";
  /** Keeps what the forked engine compiles, from run to run; beside the goldens when absent. */
  readonly nativeDir?: string;
  /** Where a C compiler for the forked engine is looked for, as in PATH. */
  readonly searchPath?: string;
}

export interface RewarderOptions extends RewarderSettings {
  /** Another way to run simulations; closed with the rewarder. */
  readonly simulator?: Simulator;
  /** Another formal engine, null for none; closed with the rewarder. */
  readonly prover?: Prover | null;
}

export const DEFAULTS = {
  concurrency: null,
  shape: DEFAULT_SHAPE,
  limits: DEFAULT_LIMITS,
  seed: 1,
  stimulus: DEFAULT_STIMULUS,
  mutants: DEFAULT_MUTANTS,
  audit: DEFAULT_AUDIT,
  formal: DEFAULT_FORMAL,
  retries: 3,
  sandbox: "auto",
  engine: "auto",
} as const;
