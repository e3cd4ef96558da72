/** The stimulus to compare with: uniform random inputs, reset at the start only, one assignment per cycle. */

import type { Rng } from "../../../src/core/rng.js";
import { layoutOf, randomBits, type Step, type Stimulus } from "../../../src/equiv/stimulus/stimulus.js";
import type { DesignInterface } from "../../../src/verilog/interface.js";

export function uniformStimulus(iface: DesignInterface, rng: Rng, vectors: number): Stimulus {
  const { fields, bits } = layoutOf(iface);
  const clocks = new Set(iface.clocks.map((c) => c.name));
  const resets = new Map(iface.resets.map((r) => [r.name, r.active]));
  const steps: Step[] = [];
  const vector = (resetting: boolean): void => {
    let row = 0n;
    for (const f of fields) {
      const active = resets.get(f.name);
      if (active !== undefined) row |= BigInt(resetting ? active : 1 - active) << BigInt(f.offset);
      else if (!clocks.has(f.name)) row |= randomBits(rng, f.width) << BigInt(f.offset);
    }
    steps.push({ value: row, quiet: false });
    for (const f of fields) {
      if (!clocks.has(f.name)) continue;
      steps.push({ value: row | (1n << BigInt(f.offset)), quiet: false });
      steps.push({ value: row, quiet: false });
    }
  };
  if (resets.size > 0) for (let k = 0; k < 4; k++) vector(true);
  const start = steps.length;
  for (let k = 0; k < vectors; k++) vector(false);
  return { bits, fields, steps, start, runs: [], exhaustive: false };
}
