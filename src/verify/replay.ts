/** A counterexample of the proof engine, played to both designs in the simulator. */

import type { CheckDeps } from "../equiv/check.js";
import { compareDesigns, DEFAULT_RECORDING, type Explanation } from "../equiv/explain.js";
import { assignments } from "../equiv/formal/play.js";
import type { Counterexample } from "../equiv/formal/proof.js";
import type { Prepared } from "../equiv/golden/prepared.js";
import { rowOf } from "../equiv/stimulus/rows.js";
import type { Played } from "../equiv/testbench/compare-bench.js";
import type { Admitted } from "../verilog/gate.js";

export async function replay(
  p: Prepared,
  found: Counterexample,
  designs: { readonly golden: Admitted; readonly candidate: Admitted },
  deps: CheckDeps,
  signal: AbortSignal,
): Promise<{ readonly shown: Explanation | null; readonly unexplained: string | null }> {
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
  const result = await compareDesigns(
    played,
    script,
    p.top,
    { kind: "none" },
    designs,
    deps,
    signal,
    options,
  );
  if (result.kind === "infra") return { shown: null, unexplained: `${result.code}: ${result.log}` };
  if (result.kind === "unexplained") return { shown: null, unexplained: result.why };
  return result.explanation.equal
    ? { shown: null, unexplained: "played step by step, the counterexample shows no difference" }
    : { shown: result.explanation, unexplained: null };
}
