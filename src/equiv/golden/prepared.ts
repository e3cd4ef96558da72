/** A golden, prepared once: everything a candidate is checked with, and nothing it could copy. Plain JSON. */

import type { DesignInterface } from "../../verilog/interface.js";
import type { Quality } from "../mutate/quality.js";
import type { Field } from "../stimulus/stimulus.js";
import type { BenchPlan, Ignore } from "../testbench/testbench.js";

/** Part of the cache key: change it whenever stimuli, testbench or comparison change. */
export const PREPARED_VERSION = 6;

export interface Prepared {
  readonly version: number;
  readonly key: string;
  readonly top: string;
  readonly iface: DesignInterface;
  readonly stimulus: {
    readonly bits: number;
    readonly fields: readonly Field[];
    readonly start: number;
    readonly numSteps: number;
    readonly numRuns: number;
    readonly exhaustive: boolean;
  };
  /** `$readmemh` words, one per line. */
  readonly steps: string;
  readonly runs: string;
  /** Output bits the golden leaves open: hex of a constant mask, or words by step and then by run. */
  readonly ignore: { readonly kind: "none" } | { readonly kind: "constant" | "file"; readonly text: string };
  readonly checkpoints: readonly { readonly at: number; readonly signature: string }[];
  readonly signature: string;
  /** Moments compared. */
  readonly samples: number;
  /** CPU seconds a candidate's simulation may take: few where the golden is quick, null = the configured limit. */
  readonly cpuSeconds: number | null;
  /** Output bits compared at least once, of all. */
  readonly definedBits: number;
  readonly outputBits: number;
  readonly icarus: string;
  /** How many faults of the golden the bench finds; null where that was not measured. */
  readonly quality: Quality | null;
  /** Whether a formal engine proves the golden equal to a rewrite of itself; null before the first attempt. */
  readonly provable: boolean | null;
}

export interface Refused {
  readonly version: number;
  readonly key: string;
  readonly refused: string;
}

export type Preparation = Prepared | Refused;

export const isRefused = (p: Preparation): p is Refused => "refused" in p;

/** Where the words of a prepared golden lie while it is in use. */
export interface StimulusFiles {
  readonly steps: string;
  readonly runs: string;
  readonly mask: string;
}

export const planOf = (p: Prepared, files: StimulusFiles): BenchPlan => ({
  iface: p.iface,
  stimulus: p.stimulus,
  stepsPath: files.steps,
  runsPath: files.runs,
});

export const ignoreOf = (p: Prepared, files: StimulusFiles): Ignore =>
  p.ignore.kind === "none"
    ? { kind: "none" }
    : p.ignore.kind === "constant"
      ? { kind: "constant", hex: p.ignore.text }
      : { kind: "file", path: files.mask };
