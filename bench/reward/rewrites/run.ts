/**
 * Wrong rejects: rewrites of goldens, each proven equal first, judged by the reward on several stimulus seeds and by
 * the published check. `npx tsx bench/reward/rewrites/run.ts [--data DIR] [--limit N] [--seeds 5] [--seconds 10]
 * [--only PART-OF-A-NAME] [--baseline] [--rtllm]`; tables and culprits go to the error stream, the last line is one JSON object.
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DATA_ROOT, problemOf, rtllm, spread, verilogEval } from "../../../designs/index.js";
import { seed } from "../../../src/core/units.js";
import { makeProver } from "../../../src/equiv/formal/prover.js";
import { secretNames } from "../../../src/equiv/testbench/names.js";
import { makeRewarder } from "../../../src/reward/rewarder.js";
import { openSimulator } from "../../../src/sim/simulators.js";
import { locateTools } from "../../../src/sim/tools.js";
import { formatCompletion } from "../../../src/text/format.js";
import { readArgs } from "../../args.js";
import { benchMachine } from "../../machine.js";
import { codevVerdict } from "../rival/codev.js";
import { KINDS, type Rewrite, rewritesOf } from "./prove.js";

const args = readArgs({
  data: DATA_ROOT,
  limit: Number.POSITIVE_INFINITY,
  seeds: 5,
  seconds: 10,
  only: "",
  baseline: false,
  rtllm: false,
});
const { data: root, seeds: numSeeds, only } = args;
const tools = locateTools(process.env.PATH ?? "");
if (tools.yosys === null) throw new Error("proofs need Yosys");
const all = [...verilogEval(root), ...(args.rtllm ? rtllm(root, "v2") : [])];
if (all.length === 0) throw new Error(`no benchmark data below ${root}: give its folder as the argument`);
const designs = spread(
  all.filter((d) => d.name.includes(only)),
  args.limit,
);
const signal = new AbortController().signal;
const dir = mkdtempSync(join(tmpdir(), "rewrites-"));

const scratch = join(dir, "proofs");
const { simulator } = openSimulator({ tools, scratchDir: join(dir, "simulator"), readOnly: [scratch] });
const prover = makeProver({ yosys: tools.yosys.path, simulator, names: secretNames, scratchDir: scratch });
const rewrites: Rewrite[] = [];
for (const [k, design] of designs.entries()) {
  const deps = { prover, yosys: tools.yosys.path, dir, seconds: args.seconds };
  rewrites.push(...(await rewritesOf(design, deps, signal)));
  if (k % 20 === 19) console.error(`rewritten and proven: ${k + 1} of ${designs.length} designs`);
}
await prover.close();
await simulator.close();

const proven = rewrites.filter((r) => r.proof === "equal");
const unproven = rewrites.filter((r) => r.proof !== "equal");
interface Reject {
  readonly rewrite: Rewrite;
  readonly seed: number;
  readonly said: string;
}
const rejects: Reject[] = [];
const refused = new Set<string>();
let judged = 0;
for (let s = 1; s <= numSeeds; s++) {
  const rewarder = makeRewarder({
    tools,
    seed: s,
    cacheDir: join(dir, `cache-${s}`),
    nativeDir: join(dir, "native"),
    scratchDir: join(dir, "scratch"),
    mutants: 0,
    audit: { share: 0, vectors: 10_000 },
  });
  const out = await rewarder.prepare(designs.map(problemOf), () => {}, signal);
  for (const [id, reason] of out) {
    if (!refused.has(String(id))) console.error(`refused  ${id}: ${reason}`);
    refused.add(String(id));
  }
  await Promise.all(
    proven
      .filter((r) => !refused.has(r.design.name))
      .map(async (rewrite) => {
        const text = formatCompletion("thinking", rewrite.text);
        const v = await rewarder.score({ problem: problemOf(rewrite.design), text, seed: seed(s) }, signal);
        if (v.kind !== "scored") throw new Error(`infra ${v.code}: ${v.log}`);
        judged++;
        if (!v.passed) rejects.push({ rewrite, seed: s, said: `${v.outcome}: ${v.log}` });
      }),
  );
  await rewarder.close();
}

const theirs = new Map<Rewrite, string>();
if (args.baseline) {
  const wanted = proven.filter((r) => !refused.has(r.design.name));
  const next = wanted.values();
  await Promise.all(
    Array.from({ length: 2 }, async () => {
      for (const r of next) {
        const v = await codevVerdict(r.design.golden, r.text, r.design.top, tools);
        theirs.set(r, v.verdict === "error" ? `error: ${v.log.split("\n")[0]}` : v.verdict);
      }
    }),
  );
}
rmSync(dir, { recursive: true, force: true });

const rows = KINDS.map((kind) => {
  const of = (list: readonly Rewrite[]): number => list.filter((r) => r.kind === kind).length;
  const said = [...theirs].filter(([r]) => r.kind === kind).map(([, v]) => v);
  return {
    kind,
    made: of(rewrites),
    proven: of(proven),
    wrongRejects: new Set(rejects.filter((r) => r.rewrite.kind === kind).map((r) => r.rewrite)).size,
    baseline:
      said.length === 0
        ? null
        : {
            fail: said.filter((v) => v === "fail").length,
            error: said.filter((v) => v.startsWith("error")).length,
          },
  };
});
for (const r of unproven) console.error(`unproven ${r.design.name}, ${r.kind}: ${r.proof}`);
for (const r of rejects)
  console.error(`REJECTED ${r.rewrite.design.name}, ${r.rewrite.kind}, seed ${r.seed}: ${r.said}`);
console.error("kind                          made  proven  wrong rejects  baseline fail/error");
for (const r of rows) {
  const base = r.baseline === null ? "-" : `${r.baseline.fail}/${r.baseline.error}`;
  console.error(
    `${r.kind.padEnd(28)}${String(r.made).padStart(6)}${String(r.proven).padStart(8)}${String(r.wrongRejects).padStart(15)}  ${base}`,
  );
}
const wrong = new Set(rejects.map((r) => r.rewrite)).size;
const failed = [...theirs.values()].filter((v) => v !== "pass").length;
console.log(
  JSON.stringify({
    figure: wrong,
    unit: "proven-equal rewrites that the reward rejects on some seed",
    baseline: theirs.size === 0 ? null : failed,
    ratio: theirs.size === 0 || failed === 0 ? null : wrong / failed,
    designs: designs.length,
    seeds: numSeeds,
    rewrites: rewrites.length,
    proven: proven.length,
    judged,
    rows,
    rejected: rejects.map((r) => ({
      design: r.rewrite.design.name,
      kind: r.rewrite.kind,
      seed: r.seed,
      said: r.said,
    })),
    unproven: unproven.map((r) => ({ design: r.design.name, kind: r.kind, proof: r.proof })),
    refused: [...refused],
    machine: benchMachine(tools),
  }),
);
