/** Every golden of VerilogEval v2 that the simulator can read equals itself, and none is refused by the gate. */

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { gate } from "../../src/reward/gate.js";
import { open, problem, signal, tools } from "./bench.js";

const DATA = join(import.meta.dirname, "../../../shared/data/verilog-eval-v2/dataset_spec-to-rtl");
const present = existsSync(DATA);
/** Enum casts, which Icarus 11 does not know. */
const UNREADABLE_11 = ["Prob151", "Prob156"];
/** A simulation of seconds. */
const SLOW = ["Prob144"];

describe.skipIf(!present)("VerilogEval v2 goldens", () => {
  const bench = open();
  afterAll(() => bench.close());
  const goldens = (present ? readdirSync(DATA) : [])
    .filter((f) => f.endsWith("_ref.sv"))
    .map(
      (f) =>
        [f.slice(0, 7), readFileSync(join(DATA, f), "utf8").replace(/\bRefModule\b/g, "TopModule")] as const,
    );

  it("pass the gate", () => {
    expect(goldens.length).toBe(156);
    for (const [id, text] of goldens) expect(gate(text), id).toMatchObject({ ok: true });
  });

  it("equal themselves, renamed and reformatted", async () => {
    const problems = goldens
      .filter(([id]) => !SLOW.includes(id))
      .map(([id, text]) => problem(text, id, "TopModule"));
    const refused = await bench.rewarder.prepare(problems, () => {}, signal());
    const old = tools().iverilog.version.startsWith("11");
    expect([...refused.keys()].map(String)).toEqual(old ? UNREADABLE_11 : []);
    const served = problems.filter((p) => !refused.has(p.id));
    const verdicts = await Promise.all(
      served.map((p) => bench.scored(p, `// again\n${p.task.golden.replace(/\n\s*/g, "\n\t")}`)),
    );
    const failed = served.filter((_, k) => !verdicts[k]!.passed).map((p, k) => [p.id, verdicts[k]!.log]);
    expect(failed).toEqual([]);
  }, 120_000);
});
