/**
 * How much the prover decides: every golden beside itself, beside its gates (Yosys `synth`) and beside one mutant.
 * `npx tsx bench/reward/rewrites/decided.ts [--data DIR] [--limit N] [--seconds 3] [--only PART-OF-A-NAME] [--rtllm]`;
 * the last line is one JSON object, `figure` the share decided within the time.
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DATA_ROOT, rtllm, spread, verilogEval } from "../../../designs/index.js";
import { makeRng } from "../../../src/core/rng.js";
import { makeProver } from "../../../src/equiv/formal/prover.js";
import { readInterfaces } from "../../../src/equiv/golden/netlists.js";
import { admitGolden, interfaceOf } from "../../../src/equiv/golden/prepare.js";
import { makeMutants } from "../../../src/equiv/mutate/mutants.js";
import { secretNames } from "../../../src/equiv/testbench/names.js";
import { openSimulator } from "../../../src/sim/simulators.js";
import { locateTools } from "../../../src/sim/tools.js";
import { gate } from "../../../src/verilog/gate.js";
import { render } from "../../../src/verilog/lexer.js";
import { readArgs } from "../../args.js";
import { benchMachine } from "../../machine.js";
import { yosysRewrite } from "./yosys.js";

const args = readArgs({
  data: DATA_ROOT,
  limit: Number.POSITIVE_INFINITY,
  seconds: 3,
  only: "",
  rtllm: false,
});
const { data: root, seconds } = args;
const tools = locateTools(process.env.PATH ?? "");
const yosys = tools.yosys?.path;
if (yosys === undefined) throw new Error("proofs need Yosys");
const all = (args.rtllm ? rtllm(root, "v2") : verilogEval(root)).filter((d) => d.name.includes(args.only));
if (all.length === 0) throw new Error(`no benchmark data below ${root}: give its folder as the argument`);
const designs = spread(all, args.limit);
const dir = mkdtempSync(join(tmpdir(), "decided-"));
const scratch = join(dir, "proofs");
const { simulator } = openSimulator({ tools, scratchDir: join(dir, "simulator"), readOnly: [scratch] });
const prover = makeProver({ yosys, simulator, names: secretNames, scratchDir: scratch });
const signal = new AbortController().signal;

interface Tally {
  total: number;
  equal: number;
  replayed: number;
  unshown: number;
  readonly ms: number[];
}
const fresh = (): Tally => ({ total: 0, equal: 0, replayed: 0, unshown: 0, ms: [] });
const tallies = { itself: fresh(), gates: fresh(), mutant: fresh() };
const undecided: { design: string; pair: string; reason: string }[] = [];
/** The machine may be wrong only here: a golden that is not itself, or not its gates. */
const wrong: string[] = [];

for (const design of designs) {
  const golden = admitGolden({ golden: design.golden, top: design.top });
  if (!golden.ok) continue;
  const source = render(golden.admitted.tokens);
  const [netlist] = await readInterfaces([{ source, top: design.top }], { yosys, scratchDir: dir }, signal);
  const iface = interfaceOf(golden.admitted, design.top, netlist ?? null);
  if (!iface.ok) continue;
  const mutant = makeMutants(golden.admitted, makeRng(`decided/${design.name}`), 1)[0];
  const pairs = {
    itself: source,
    gates: yosysRewrite("gates", source, design.top, yosys, dir),
    mutant: mutant === undefined ? null : render(mutant.admitted.tokens),
  };
  for (const [pair, text] of Object.entries(pairs) as [keyof typeof tallies, string | null][]) {
    if (text === null) continue;
    const gated = gate(text);
    if (!gated.ok) continue;
    const p = await prover.prove(
      { golden: golden.admitted, candidate: gated.admitted, top: design.top, iface: iface.iface, seconds },
      signal,
    );
    if (p.kind === "infra") throw new Error(`infra ${p.code}: ${p.log}`);
    const t = tallies[pair];
    t.total++;
    t.ms.push(p.ms);
    if (p.kind === "equal") t.equal++;
    else if (p.kind === "different") {
      t[p.replayed ? "replayed" : "unshown"]++;
      if (pair !== "mutant" || !p.replayed)
        wrong.push(`${design.name}, ${pair}${p.replayed ? ", replayed" : ""}: ${p.counterexample.signal}`);
    } else undecided.push({ design: design.name, pair, reason: p.reason });
  }
}
await prover.close();
await simulator.close();
rmSync(dir, { recursive: true, force: true });

const at = (ms: readonly number[], q: number): number =>
  Math.round([...ms].sort((a, b) => a - b)[Math.min(ms.length - 1, Math.floor(ms.length * q))] ?? 0);
const rows = Object.entries(tallies).map(([pair, { ms, ...t }]) => ({
  pair,
  ...t,
  decided: Math.round((1000 * (t.equal + t.replayed)) / Math.max(1, t.total)) / 10,
  withinOneSecond: Math.round((1000 * ms.filter((x) => x < 1000).length) / Math.max(1, t.total)) / 10,
  medianMs: at(ms, 0.5),
  p90Ms: at(ms, 0.9),
}));
for (const r of rows) console.error(JSON.stringify(r));
for (const u of undecided) console.error(`undecided ${u.design}, ${u.pair}: ${u.reason}`);
for (const w of wrong) console.error(`unexpected ${w}`);
const total = rows.reduce((n, r) => n + r.total, 0);
const decided = rows.reduce((n, r) => n + r.equal + r.replayed, 0);
console.log(
  JSON.stringify({
    figure: Math.round((1000 * decided) / total) / 10,
    unit: `% of pairs decided in ${seconds} s`,
    baseline: null,
    ratio: null,
    rows,
    undecided,
    unexpected: wrong,
    machine: benchMachine(tools),
  }),
);
