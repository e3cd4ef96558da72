/** How much of a wrong design is right: for the shapes with partial credit, never for the verdict. */

import type { Prepared } from "../equiv/golden/prepared.js";
import { agreement, type Sample } from "../equiv/testbench/trace.js";
import type { Partial } from "./shape.js";

/**
 * Long runs are not traced. A design that is right in every step has its fault in one of them: then all of them count as
 * wrong moments, and one output as wrong.
 */
export function partialCredit(
  p: Prepared,
  golden: readonly Sample[],
  candidate: readonly Sample[],
  open: readonly bigint[],
): Partial {
  const found = agreement(golden, candidate, open, p.iface.outputs);
  if (found.vectors < 1) return found;
  const outputs = Math.max(1, p.iface.outputs.length);
  return {
    vectors: golden.length / (golden.length + Math.max(1, p.stimulus.numRuns)),
    outputs: (outputs - 1) / outputs,
  };
}
