/** A golden's file as a problem: gated, and with the module that is meant. Pure. */

import type { Problem } from "../core/types.js";
import { problemId } from "../core/units.js";
import { type Admitted, gate } from "../verilog/gate.js";
import { topsOf } from "../verilog/tops.js";

export type GoldenText =
  | { readonly kind: "golden"; readonly problem: Problem }
  /** `reason` with the line it speaks of. */
  | { readonly kind: "refused"; readonly reason: string }
  /** The wanted top is not among the modules. `likely`: the best guess at what was meant. */
  | { readonly kind: "no such top"; readonly modules: readonly string[]; readonly likely: string }
  /** No top was named, and several modules (or none) are instantiated by no other one. */
  | { readonly kind: "ambiguous"; readonly tops: readonly string[] };

/** @param name of the file, for messages; @param top module that is meant, undefined = the only one at the top */
export function goldenText(name: string, text: string, top: string | undefined): GoldenText {
  const gated = gate(text);
  if (!gated.ok) return { kind: "refused", reason: gated.reason };
  const { modules } = gated.admitted;
  const chosen = topOf(gated.admitted, top);
  if (typeof chosen !== "string") return chosen;
  if (!modules.includes(chosen)) {
    return { kind: "no such top", modules, likely: topsOf(gated.admitted)[0] ?? modules[0]! };
  }
  const problem: Problem = {
    id: problemId(name),
    prompt: [],
    task: { golden: text, top: chosen },
    meta: { source: "verify", split: "test" },
  };
  return { kind: "golden", problem };
}

function topOf(
  admitted: Admitted,
  wanted: string | undefined,
): string | Extract<GoldenText, { kind: "ambiguous" }> {
  if (wanted !== undefined) return wanted;
  const tops = topsOf(admitted);
  return tops.length === 1
    ? tops[0]!
    : { kind: "ambiguous", tops: tops.length === 0 ? admitted.modules : tops };
}
