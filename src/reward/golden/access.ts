/** A problem's golden as the reward uses it: prepared, with retries; its open bits; its trace, when somebody asks. */

import type { Problem } from "../../core/types.js";
import type { Sample } from "../bench/trace.js";
import { type CheckDeps, traceDesign } from "../candidate/check.js";
import { withRetries } from "../queue/retry.js";
import type { SimResult } from "../sim/simulator.js";
import { admitGolden, PrepareFault } from "./golden.js";
import type { Goldens, Ready } from "./goldens.js";
import { isRefused, type Prepared } from "./prepared.js";

export type Infra = Extract<SimResult, { kind: "infra" }>;

/** Traces kept in memory. */
const MAX_TRACES = 32;

/** What failed while preparing is given back, not thrown; a bug is thrown. */
export async function readyGolden(
  goldens: Goldens,
  problem: Problem,
  retries: number,
  signal: AbortSignal,
): Promise<Ready | Infra> {
  let retried = false;
  return withRetries<Ready | Infra>(
    retries,
    signal,
    async () => {
      try {
        return await goldens.ensure(problem.task);
      } catch (fault) {
        if (!(fault instanceof PrepareFault)) throw fault;
        const { code, retryable, message } = fault;
        retried = fault.retried;
        return { kind: "infra", code, retryable, log: `preparing ${problem.id}: ${message}` };
      }
    },
    (r) => "kind" in r && r.retryable && !retried,
  );
}

export const refusal = (problem: Problem, reason: string): Infra => ({
  kind: "infra",
  code: "refused",
  retryable: false,
  log: `problem ${problem.id} cannot serve: ${reason}`,
});

/** Output bits left open, by step and then by run. */
export function openBitsOf(p: Prepared): bigint[] {
  const slots = p.stimulus.numSteps + p.stimulus.numRuns;
  if (p.ignore.kind === "none") return new Array(slots).fill(0n);
  if (p.ignore.kind === "constant") return new Array(slots).fill(BigInt(`0x${p.ignore.text}`));
  return p.ignore.text.split("\n").map((w) => BigInt(`0x${w}`));
}

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
