/** A counterexample of the proof engine, played to both designs in the simulator. */

import type { CheckDeps } from "../check.js";
import { compareDesigns, DEFAULT_RECORDING, type Explanation } from "../explain.js";
import type { Admitted } from "../gate.js";
import type { Prepared } from "../prepared.js";
import type { Counterexample } from "../proof.js";
import type { Played } from "./compare-bench.js";

/** In each cycle the inputs settle while the clocks rest, then every clock makes its active edge and goes back. */
export async function replay(
  p: Prepared,
  found: Counterexample,
  designs: { readonly golden: Admitted; readonly candidate: Admitted },
  deps: CheckDeps,
  signal: AbortSignal,
): Promise<{ readonly shown: Explanation | null; readonly unexplained: string | null }> {
  const steps = stepsOf(p, found);
  const { bits, fields } = p.stimulus;
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

function stepsOf(p: Prepared, found: Counterexample): bigint[] {
  const clocks = p.iface.clocks.map((c) => ({
    at: 1n << BigInt(p.stimulus.fields.find((f) => f.name === c.name)!.offset),
    rest: c.edge === "neg" ? 1n : 0n,
  }));
  const steps: bigint[] = [];
  for (const cycle of found.cycles) {
    let row = 0n;
    for (const f of p.stimulus.fields) {
      const value = cycle[f.name];
      if (value !== undefined) row |= BigInt(`0b${value.replace(/[^01]/g, "0")}`) << BigInt(f.offset);
    }
    for (const c of clocks) row = c.rest === 1n ? row | c.at : row & ~c.at;
    steps.push(row);
    for (const c of [...clocks, ...clocks]) {
      row ^= c.at;
      steps.push(row);
    }
  }
  return steps;
}
