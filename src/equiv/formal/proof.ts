/** The seam to a formal engine: two designs in, a proof, a counterexample or neither out. */

import type { SimResult } from "../../sim/simulator.js";
import type { Admitted } from "../../verilog/gate.js";
import type { DesignInterface } from "../../verilog/interface.js";

/** Inputs of one clock cycle (of one evaluation, for combinational designs): port name -> binary, as wide as the port. */
export type CycleInputs = Readonly<Record<string, string>>;

export interface Counterexample {
  /** From power-up on; the last cycle is the one in which the outputs differ. */
  readonly cycles: readonly CycleInputs[];
  /** First output that differs in the last cycle, with both values in binary as the engine saw them. */
  readonly signal: string;
  readonly expected: string;
  readonly got: string;
}

export type Proof =
  | { readonly kind: "equal"; readonly ms: number }
  /** `replayed`: the simulator shows the same difference when it is driven with the counterexample. */
  | {
      readonly kind: "different";
      readonly counterexample: Counterexample;
      readonly replayed: boolean;
      readonly ms: number;
    }
  /** Out of time, out of depth, or a construct that the engine does not model. */
  | { readonly kind: "undecided"; readonly reason: string; readonly ms: number }
  | Extract<SimResult, { kind: "infra" }>;

export interface ProofJob {
  /** Both as the gate let them through: macros expanded, modules under their own names. */
  readonly golden: Admitted;
  readonly candidate: Admitted;
  readonly top: string;
  readonly iface: DesignInterface;
  /** Wall-time cap of the attempt, seconds. */
  readonly seconds: number;
}

export interface Prover {
  prove(job: ProofJob, signal: AbortSignal): Promise<Proof>;
  close(): Promise<void>;
}
