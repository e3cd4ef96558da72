/** The output trace of a golden, simulated when somebody first asks for it. */

import type { Problem } from "../core/types.js";
import { type CheckDeps, traceDesign } from "./check.js";
import type { Ready } from "./golden/in-use.js";
import { admitGolden } from "./golden/prepare.js";
import { isRefused } from "./golden/prepared.js";
import type { Sample } from "./testbench/trace.js";

/** Traces kept in memory. */
const MAX_TRACES = 32;

/** The golden's outputs, simulated when first asked for; null when that cannot be done again. */
export function makeGoldenTraces(check: CheckDeps) {
  const traces = new Map<string, readonly Sample[]>();
  return async (
    task: Problem["task"],
    ready: Ready,
    signal: AbortSignal,
  ): Promise<readonly Sample[] | null> => {
    const p = ready.preparation;
    const known = traces.get(p.key);
    if (known !== undefined || isRefused(p)) return known ?? null;
    const gated = admitGolden(task);
    if (!gated.ok) return null;
    const traced = await traceDesign(p, ready.files, gated.admitted, check, signal);
    if (traced.kind !== "traced") return null;
    if (traces.size >= MAX_TRACES) traces.delete(traces.keys().next().value!);
    traces.set(p.key, traced.samples);
    return traced.samples;
  };
}
