/** Whether a formal engine decides a golden at all, found out when a proof is first wanted and then kept with the golden. */

import type { Admitted } from "../../verilog/gate.js";
import type { Prover } from "../formal/proof.js";
import { rewritten } from "../mutate/rewrite.js";
import type { Prepared } from "./prepared.js";
import { PrepareFault } from "./simulate.js";

/**
 * A formal attempt of the golden against a rewrite of itself.
 * @param seconds wall-time cap of the proof
 * @throws PrepareFault when the engine failed, which says nothing about the golden
 */
export async function provability(
  p: Prepared,
  admitted: Admitted,
  prover: Prover,
  seconds: number,
  signal: AbortSignal,
): Promise<boolean> {
  const { top, iface } = p;
  const candidate = { ...admitted, tokens: rewritten(admitted.tokens) };
  const proof = await prover.prove({ golden: admitted, candidate, top, iface, seconds }, signal);
  if (proof.kind === "infra") throw new PrepareFault(proof);
  return proof.kind === "equal";
}
