/** Candidates to judge: every golden as it is, and mutants of it. */

import { type Design, primerGoldens, spread, verilogEval } from "../../../../designs/index.js";
import { makeRng } from "../../../../src/core/rng.js";
import { admitGolden } from "../../../../src/equiv/golden/prepare.js";
import { makeMutants } from "../../../../src/equiv/mutate/mutants.js";
import { render } from "../../../../src/verilog/lexer.js";

export interface Case {
  readonly design: Design;
  readonly code: string;
}

/** VerilogEval's references where they are, else the built-in goldens. */
export function designsOf(
  root: string,
  count: number,
): { readonly name: string; readonly designs: Design[] } {
  const references = verilogEval(root);
  return references.length > 0
    ? { name: "VerilogEval v2", designs: spread(references, count) }
    : { name: "built-in problems", designs: primerGoldens(count) };
}

/** In an order that is the same on every machine, with no two candidates of a design in a row. */
export function casesOf(designs: readonly Design[], mutants: number): Case[] {
  const rng = makeRng("throughput");
  const rows = designs.map((design) => {
    const gated = admitGolden({ golden: design.golden, top: design.top });
    if (!gated.ok) return [];
    const made = makeMutants(gated.admitted, rng.fork(design.name), mutants);
    return [design.golden, ...made.map((m) => render(m.admitted.tokens))].map((code) => ({ design, code }));
  });
  return Array.from({ length: mutants + 1 }, (_, k) => rows.flatMap((r) => r.slice(k, k + 1))).flat();
}

/** The same design in a text that no cache has seen. */
export const fresh = (code: string, serial: number): string => {
  const at = code.lastIndexOf("endmodule");
  return `${code.slice(0, at)}wire fresh_${serial} = 1'b0; ${code.slice(at)}`;
};
