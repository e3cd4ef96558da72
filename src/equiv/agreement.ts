/** How much of a wrong design is right: for the shapes with partial credit, never for the verdict. */

import type { Prepared } from "./golden/prepared.js";
import { openBitsOf } from "./golden/ready.js";
import { agreement, type Sample } from "./testbench/trace.js";

/** Agreement of a design that ran but is not equal: the share of compared moments, and of outputs, in [0, 1]. */
export interface Agreement {
  readonly vectors: number;
  readonly outputs: number;
}

/**
 * Long runs are not traced. A design that is right in every step has its fault in one of them: then all of them count as
 * wrong moments, and one output as wrong.
 */
export function agreementOf(p: Prepared, golden: readonly Sample[], candidate: readonly Sample[]): Agreement {
  const found = agreement(golden, candidate, openBitsOf(p), p.iface.outputs);
  if (found.vectors < 1) return found;
  const outputs = Math.max(1, p.iface.outputs.length);
  return {
    vectors: golden.length / (golden.length + Math.max(1, p.stimulus.numRuns)),
    outputs: (outputs - 1) / outputs,
  };
}
