/** A problem's golden as candidates meet it: prepared with retries, or why it cannot judge; and its don't-care bits. */

import type { Problem } from "../../core/types.js";
import { withRetries } from "../../sim/retry.js";
import type { SimResult } from "../../sim/simulator.js";
import type { Goldens, Ready } from "./in-use.js";
import { PrepareFault } from "./prepare.js";
import { isRefused, type Prepared, type StimulusFiles } from "./prepared.js";

/** The machinery failed, which says nothing about a design. */
export type Infra = Extract<SimResult, { kind: "infra" }>;

export type Served =
  /** It can judge; `files` hold its stimuli. */
  | { readonly kind: "serving"; readonly preparation: Prepared; readonly files: StimulusFiles }
  /** The golden itself cannot judge. */
  | { readonly kind: "refused"; readonly reason: string }
  | Infra;

/** Failures of the machinery are returned after the last retry, not thrown; a bug is thrown. */
export async function readyGolden(
  goldens: Goldens,
  problem: Problem,
  retries: number,
  signal: AbortSignal,
): Promise<Served> {
  let retried = false;
  const ready = await withRetries<Ready | Infra>(
    retries,
    signal,
    async () => {
      try {
        return await goldens.ensure(problem.task);
      } catch (fault) {
        if (!(fault instanceof PrepareFault)) throw fault;
        const { code, retryable, message } = fault;
        retried = fault.retried;
        return { kind: "infra", code, retryable, log: message };
      }
    },
    (r) => "kind" in r && r.retryable && !retried,
  );
  if ("kind" in ready) return ready;
  const { preparation, files } = ready;
  return isRefused(preparation)
    ? { kind: "refused", reason: preparation.refused }
    : { kind: "serving", preparation, files };
}

/** Don't-care masks of the outputs (bit 0 = lowest bit of the first output), by step and then by run. */
export function openBitsOf(p: Prepared): bigint[] {
  const slots = p.stimulus.numSteps + p.stimulus.numRuns;
  if (p.ignore.kind === "none") return new Array(slots).fill(0n);
  if (p.ignore.kind === "constant") return new Array(slots).fill(BigInt(`0x${p.ignore.text}`));
  return p.ignore.text.split("\n").map((w) => BigInt(`0x${w}`));
}
