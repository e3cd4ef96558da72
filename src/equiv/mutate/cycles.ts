/** A counterexample's cycles as steps of a stimulus: the inputs of each cycle, then one tick of every clock. */

import type { DesignInterface } from "../../verilog/interface.js";
import type { CycleInputs } from "../formal/proof.js";
import { rowOf } from "../stimulus/rows.js";
import type { Step, Stimulus } from "../stimulus/stimulus.js";

export function cyclesToSteps(
  iface: DesignInterface,
  stimulus: Pick<Stimulus, "fields" | "steps">,
  cycles: readonly CycleInputs[],
): Step[] {
  const steps: Step[] = [];
  // Where inputs have to change one at a time, a cycle is not one row.
  if (iface.derivedClock || (iface.stateful && iface.clocks.length === 0)) return steps;
  const clocks = new Set(iface.clocks.map((c) => c.name));
  const offsets = stimulus.fields.filter((f) => clocks.has(f.name)).map((f) => 1n << BigInt(f.offset));
  let level = 0n;
  for (const f of stimulus.fields) {
    if (clocks.has(f.name)) level |= (stimulus.steps.at(-1)?.value ?? 0n) & (1n << BigInt(f.offset));
  }
  const data = stimulus.fields.filter((f) => !clocks.has(f.name));
  // From power-up on means: after every reset has been active once.
  const first = cycles[0];
  if (first !== undefined && iface.resets.length > 0) {
    let row = rowOf(data, first);
    for (const f of stimulus.fields) {
      const r = iface.resets.find((x) => x.name === f.name);
      if (r === undefined) continue;
      const bit = 1n << BigInt(f.offset);
      row = r.active === 1 ? row | bit : row & ~bit;
    }
    tick(row);
  }
  for (const cycle of cycles) tick(rowOf(data, cycle));
  return steps;

  function tick(row: bigint): void {
    steps.push({ value: row | level, quiet: false });
    for (const bit of offsets) {
      steps.push({ value: row | (level ^ bit), quiet: false });
      steps.push({ value: row | level, quiet: false });
    }
  }
}
