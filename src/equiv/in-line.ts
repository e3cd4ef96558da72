/** A simulator behind the checker's line: as many jobs at once as the pool allows, failures of the machinery tried again. */

import type { Pool } from "../sim/pool.js";
import { withRetries } from "../sim/retry.js";
import type { Simulator } from "../sim/simulator.js";
import type { Prover } from "./formal/proof.js";

export interface InLine {
  readonly pool: Pool;
  readonly simulator: Simulator;
  /** Of what the machinery failed. */
  readonly retries: number;
  readonly now: () => number;
}

/**
 * A slot is not held while waiting to try again.
 * @param later runs only when nothing else is in line
 * @param spent is told the milliseconds of each job, without the wait
 */
export const simulatorInLine = (
  { pool, simulator, retries, now }: InLine,
  later: boolean,
  spent: (ms: number) => void = () => {},
): Simulator => ({
  run: (job, signal) =>
    withRetries(
      retries,
      signal,
      () =>
        pool.run(async () => {
          const began = now();
          try {
            return await simulator.run(job, signal);
          } finally {
            spent(now() - began);
          }
        }, later),
      (result) => result.kind === "infra" && result.retryable,
    ),
  close: () => simulator.close(),
});

/** Proofs run when nothing else is in line. */
export const proverInLine = ({ pool, retries }: InLine, prover: Prover): Prover => ({
  prove: (job, signal) =>
    withRetries(
      retries,
      signal,
      () => pool.run(() => prover.prove(job, signal), true),
      (proof) => proof.kind === "infra" && proof.retryable,
    ),
  close: () => prover.close(),
});

/** What a proof adds can be done without: an engine that fails decides nothing. */
export const optional = (prover: Prover): Prover => ({
  async prove(job, signal) {
    const began = performance.now();
    const proof = await prover.prove(job, signal);
    return proof.kind === "infra"
      ? { kind: "undecided", reason: `${proof.code}: ${proof.log}`, ms: performance.now() - began }
      : proof;
  },
  close: () => prover.close(),
});
