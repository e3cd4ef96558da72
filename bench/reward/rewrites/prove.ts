/** Sorts rewrites by whether they are proven equal to their golden; the rewarder has no say in it. */

import type { Design } from "../../../designs/index.js";
import type { Prover } from "../../../src/equiv/formal/proof.js";
import { readInterfaces } from "../../../src/equiv/golden/netlists.js";
import { admitGolden, interfaceOf } from "../../../src/equiv/golden/prepare.js";
import { gate } from "../../../src/verilog/gate.js";
import { render } from "../../../src/verilog/lexer.js";
import { TEXT_REWRITES } from "./text.js";
import { PASSES, yosysRewrite } from "./yosys.js";

export interface Rewrite {
  readonly design: Design;
  readonly kind: string;
  readonly text: string;
  /** What the prover says: "equal", or why not. */
  readonly proof: string;
}

export interface ProveDeps {
  readonly prover: Prover;
  readonly yosys: string;
  readonly dir: string;
  readonly seconds: number;
}

export const KINDS: readonly string[] = [...Object.keys(PASSES), ...Object.keys(TEXT_REWRITES)];

/** Every rewrite of one golden that exists, with its proof. */
export async function rewritesOf(design: Design, deps: ProveDeps, signal: AbortSignal): Promise<Rewrite[]> {
  const golden = admitGolden({ golden: design.golden, top: design.top });
  if (!golden.ok) return [];
  const source = render(golden.admitted.tokens);
  const readers = { yosys: deps.yosys, scratchDir: deps.dir };
  const [netlist] = await readInterfaces([{ source, top: design.top }], readers, signal);
  const iface = interfaceOf(golden.admitted, design.top, netlist ?? null);
  if (!iface.ok) return [];
  const out: Rewrite[] = [];
  for (const kind of KINDS) {
    const text =
      kind in PASSES
        ? yosysRewrite(kind, source, design.top, deps.yosys, deps.dir)
        : TEXT_REWRITES[kind]!(golden.admitted.tokens);
    if (text === null) continue;
    const gated = gate(text);
    if (!gated.ok) {
      out.push({ design, kind, text, proof: `gate: ${gated.reason}` });
      continue;
    }
    const p = await deps.prover.prove(
      {
        golden: golden.admitted,
        candidate: gated.admitted,
        top: design.top,
        iface: iface.iface,
        seconds: deps.seconds,
      },
      signal,
    );
    const proof =
      p.kind === "equal"
        ? "equal"
        : p.kind === "different"
          ? `different${p.replayed ? ", replayed" : ""}`
          : p.kind === "undecided"
            ? p.reason
            : `infra ${p.code}`;
    out.push({ design, kind, text, proof });
  }
  return out;
}
