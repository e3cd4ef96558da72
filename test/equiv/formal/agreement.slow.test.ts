/** On VerilogEval designs, what the prover says and what the simulated tier says go together. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { verilogEval } from "../../../designs/index.js";
import { makeProver } from "../../../src/equiv/formal/prover.js";
import { readInterfaces } from "../../../src/equiv/golden/netlists.js";
import { interfaceOf } from "../../../src/equiv/golden/prepare.js";
import { secretNames } from "../../../src/equiv/testbench/names.js";
import { DEFAULT_LIMITS } from "../../../src/sim/simulator.js";
import { makeSpawnSimulator } from "../../../src/sim/spawn.js";
import { type Admitted, gate } from "../../../src/verilog/gate.js";
import { render } from "../../../src/verilog/lexer.js";
import { open, problem, signal, tools } from "../../reward/harness.js";

const root = process.env.VERILOOP_DATA ?? join(import.meta.dirname, "../../../../shared/data");
/** Combinational, counters, FSMs, shift registers, both edges, a latch, wide words; none that takes seconds. */
const SAMPLE =
  /^Prob0(05|12|16|25|29|35|36|37|40|44|47|50|53|57|63|66|68|70|78|81|89|92|99)|^Prob1(03|07|10|19|21|28|33|39|45|46|50)/;
const designs = verilogEval(root).filter((d) => SAMPLE.test(d.name));
const SWAPS: Readonly<Record<string, string>> = {
  "+": "-",
  "&": "|",
  "|": "&",
  "^": "|",
  "==": "!=",
  "&&": "||",
  "||": "&&",
  posedge: "negedge",
};

/** The first operator that has a partner, swapped. */
function mutant(a: Admitted): Admitted | null {
  const at = a.tokens.findIndex((t, i) => t.text in SWAPS && !/^[(,=?:[]$/.test(a.tokens[i - 1]!.text));
  const first = at < 0 ? a.tokens.findIndex((t) => t.text === "posedge") : at;
  if (first < 0) return null;
  return { ...a, tokens: a.tokens.map((t, i) => (i === first ? { ...t, text: SWAPS[t.text]! } : t)) };
}

describe.skipIf(designs.length === 0 || tools().yosys === null)("the two tiers agree", () => {
  const dir = mkdtempSync(join(tmpdir(), "agreement-test-"));
  const bench = open({ mutants: 0, audit: { share: 0, vectors: 0 } });
  const simulator = makeSpawnSimulator({
    tools: tools(),
    scratchDir: join(dir, "simulator"),
    limits: DEFAULT_LIMITS,
  });
  const prover = makeProver({
    yosys: tools().yosys!.path,
    simulator,
    names: secretNames,
    scratchDir: join(dir, "prover"),
  });
  afterAll(async () => {
    await prover.close();
    await simulator.close();
    await bench.close();
    rmSync(dir, { recursive: true, force: true });
  });

  it("on goldens and on their mutants", async () => {
    const gated = designs.map((d) => {
      const g = gate(d.golden);
      if (!g.ok) throw new Error(`${d.name}: ${g.reason}`);
      return { ...d, admitted: g.admitted, source: render(g.admitted.tokens) };
    });
    const netlists = await readInterfaces(
      gated.map((d) => ({ source: d.source, top: d.top })),
      { yosys: tools().yosys!.path, scratchDir: join(dir, "interfaces") },
      signal(),
    );
    const disagreements: string[] = [];
    const decided = { self: 0, equal: 0, different: 0 };
    let mutants = 0;
    for (const [k, d] of gated.entries()) {
      const iface = interfaceOf(d.admitted, d.top, netlists[k]!);
      if (!iface.ok) throw new Error(`${d.name}: ${iface.reason}`);
      const prove = (candidate: Admitted) =>
        prover.prove(
          { golden: d.admitted, candidate, top: d.top, iface: iface.iface, seconds: 10 },
          signal(),
        );
      const self = await prove(d.admitted);
      if (self.kind === "equal") decided.self++;
      else disagreements.push(`${d.name} is not itself: ${JSON.stringify(self).slice(0, 300)}`);
      const wrong = mutant(d.admitted);
      if (wrong === null) continue;
      mutants++;
      const p = await prove(wrong);
      const v = await bench.scored(problem(d.golden, d.name, d.top), render(wrong.tokens));
      if (p.kind === "equal") {
        decided.equal++;
        if (!v.passed) disagreements.push(`${d.name}: proven equal, simulated ${v.outcome} ${v.log}`);
      } else if (p.kind === "different" && p.replayed) {
        decided.different++;
        if (v.passed)
          disagreements.push(`${d.name}: ${JSON.stringify(p.counterexample)}, simulated as equal`);
      }
    }
    expect(disagreements).toEqual([]);
    expect(decided.self).toBe(designs.length);
    expect(mutants).toBeGreaterThan(20);
    expect((decided.equal + decided.different) / mutants).toBeGreaterThan(0.9);
  }, 120_000);
});
