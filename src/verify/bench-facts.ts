/** What a prepared golden is checked with, counted. */

import type { Prepared } from "../equiv/checker.js";
import { scriptOf } from "../equiv/explain.js";
import type { Bench } from "./report.js";

/** What `verify` and `testbench` say about the checks that a prepared golden makes. */
export function benchOf(p: Prepared): Bench {
  const script = scriptOf(p);
  return {
    top: p.top,
    iface: p.iface,
    samples: p.samples,
    vectors: vectorsOf(p, script.steps),
    exhaustive: p.stimulus.exhaustive,
    longRuns: script.runs.map((r) => r.cycles),
    definedBits: p.definedBits,
    outputBits: p.outputBits,
    quality: p.quality,
  };
}

/** Active edges of the fastest clock; steps where there is none, distinct ones where all values are tried. */
function vectorsOf(p: Prepared, steps: readonly bigint[]): number {
  if (p.stimulus.exhaustive) return new Set(steps).size;
  if (p.iface.clocks.length === 0) return steps.length;
  return Math.max(
    ...p.iface.clocks.map((c) => {
      const offset = BigInt(p.stimulus.fields.find((f) => f.name === c.name)!.offset);
      let edges = 0;
      for (let i = 1; i < steps.length; i++) {
        const [a, b] = [(steps[i - 1]! >> offset) & 1n, (steps[i]! >> offset) & 1n];
        if (a !== b && (c.edge === "both" || (c.edge === "pos") === (b === 1n))) edges++;
      }
      return edges;
    }),
  );
}
