/** A counterexample of the proof engine, played to both designs in the simulator. */

import type { Admitted } from "../verilog/gate.js";
import type { CheckDeps } from "./check.js";
import { compareDesigns, DEFAULT_RECORDING, type Explained } from "./explain.js";
import { assignments } from "./formal/play.js";
import type { Counterexample } from "./formal/proof.js";
import type { Prepared } from "./golden/prepared.js";
import { rowOf } from "./stimulus/rows.js";
import type { Played } from "./testbench/compare-bench.js";

export async function explainProof(
  p: Prepared,
  found: Counterexample,
  designs: { readonly golden: Admitted; readonly candidate: Admitted },
  deps: CheckDeps,
  signal: AbortSignal,
): Promise<Explained> {
  const { bits, fields } = p.stimulus;
  const steps = assignments(found.cycles, p.iface).map((inputs) => rowOf(fields, inputs));
  const played: Played = {
    bits,
    fields,
    outputs: p.iface.outputs,
    clocks: p.iface.clocks.map((c) => c.name),
    start: 0,
    numSteps: steps.length,
    numRuns: 0,
    steps: { words: steps.map((s) => s.toString(16)) },
    runsPath: "",
  };
  const script = { iface: p.iface, fields, steps, runs: [], open: () => 0n };
  const options = { ...DEFAULT_RECORDING, after: steps.length };
  return compareDesigns(played, script, p.top, { kind: "none" }, designs, deps, signal, options);
}
