/** A problem's golden as the reward uses it: prepared, with retries, and its don't-care bits. */

import type { Problem } from "../../core/types.js";
import { withRetries } from "../../sim/retry.js";
import type { SimResult } from "../../sim/simulator.js";
import type { Goldens, Ready } from "./in-use.js";
import { PrepareFault } from "./prepare.js";
import type { Prepared } from "./prepared.js";

export type Infra = Extract<SimResult, { kind: "infra" }>;

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
