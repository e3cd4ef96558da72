/** What a check says to a person or a script. */

import type { Quality } from "../equiv/checker.js";
import type { Explanation } from "../equiv/explain.js";
import type { DesignInterface } from "../verilog/interface.js";

/** What candidates of this golden are checked with. */
export interface Bench {
  readonly top: string;
  readonly iface: DesignInterface;
  /** Moments compared, those of long runs included. */
  readonly samples: number;
  /** Cycles of a clocked design, input vectors of another; long runs apart. */
  readonly vectors: number;
  readonly exhaustive: boolean;
  /** Cycles of each long run. */
  readonly longRuns: readonly number[];
  /** Output bits compared at least once, of all. */
  readonly definedBits: number;
  readonly outputBits: number;
  /** Kill rate on mutants of the golden; null where it was not measured. */
  readonly quality: Quality | null;
}

export type ProofReport =
  | { readonly kind: "none" }
  | { readonly kind: "equal"; readonly ms: number }
  | { readonly kind: "undecided"; readonly reason: string }
  | { readonly kind: "different"; readonly cycles: number; readonly replayed: boolean };

/** A place in a file of the user's. */
export interface Place {
  readonly line: number;
  readonly source: string;
}

export type Report =
  | {
      readonly verdict: "pass";
      readonly bench: Bench;
      readonly proof: ProofReport;
      readonly shown: Explanation | null;
    }
  | {
      readonly verdict: "mismatch";
      readonly by: "simulation" | "proof";
      readonly bench: Bench;
      readonly proof: ProofReport;
      /** The rewarder's own sentence. */
      readonly log: string;
      readonly shown: Explanation | null;
      /** Why nothing is shown. */
      readonly unexplained: string | null;
    }
  | {
      readonly verdict: "compile" | "timeout" | "crash" | "gate" | "format";
      readonly bench: Bench | null;
      /** Lines are of the candidate's file. */
      readonly log: string;
      readonly place: Place | null;
    }
  | { readonly verdict: "refused"; readonly log: string; readonly place: Place | null }
  | { readonly verdict: "infra"; readonly code: string; readonly retryable: boolean; readonly log: string };

export type VerdictName = Report["verdict"];
