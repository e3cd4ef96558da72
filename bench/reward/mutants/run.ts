/**
 * Share of non-equivalent mutants that the reward's benches tell from their golden, on VerilogEval and RTLLM goldens.
 * `npx tsx bench/reward/mutants/run.ts [--data DIR] [--limit N] [--per 20] [--only PATTERN] [--proofs SECONDS]
 * [--seed 1] [--baseline]`: `--limit` takes N designs spread over each set, `--proofs` decides survivors formally, `--baseline`
 * asks CodeV-R1's published check about every mutant (slow). Survivors are named; the last line is one JSON object.
 */

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DATA_ROOT, type Design, rtllm, spread, verilogEval } from "../../../designs/index.js";
import { makeProver } from "../../../src/equiv/formal/prover.js";
import { readInterfaces } from "../../../src/equiv/golden/netlists.js";
import { admitGolden } from "../../../src/equiv/golden/prepare.js";
import type { GoldenDeps } from "../../../src/equiv/golden/simulate.js";
import { DEFAULT_STIMULUS } from "../../../src/equiv/stimulus/stimulus.js";
import { secretNames } from "../../../src/equiv/testbench/names.js";
import { DEFAULT_LIMITS } from "../../../src/sim/simulator.js";
import { makeSpawnSimulator } from "../../../src/sim/spawn.js";
import { locateTools } from "../../../src/sim/tools.js";
import { render } from "../../../src/verilog/lexer.js";
import { readArgs } from "../../args.js";
import { benchMachine } from "../../machine.js";
import { codevVerdict } from "../rival/codev.js";
import { type Surveyed, survey } from "./survey.js";

const args = readArgs({
  data: DATA_ROOT,
  limit: Number.POSITIVE_INFINITY,
  per: 20,
  only: "",
  proofs: 0,
  seed: 1,
  baseline: false,
});
const { data: root, limit, per, proofs: seconds } = args;
const only = new RegExp(args.only);
const sets: readonly (readonly [string, readonly Design[]])[] = [
  ["verilog-eval", verilogEval(root)],
  ["rtllm", rtllm(root, "v2")],
];

const tools = locateTools(process.env.PATH ?? "");
const dir = mkdtempSync(join(tmpdir(), "mutants-"));
const simulator = makeSpawnSimulator({ tools, scratchDir: join(dir, "sim"), limits: DEFAULT_LIMITS });
mkdirSync(join(dir, "stimuli"));
const deps: GoldenDeps = {
  simulator,
  names: secretNames,
  place: (key, parts) => {
    const put = (kind: string, text: string): string => {
      const path = join(dir, "stimuli", `${key}.${kind}`);
      if (text !== "") writeFileSync(path, text);
      return text === "" ? "" : path;
    };
    return { steps: put("steps", parts.steps), runs: put("runs", parts.runs), mask: put("mask", parts.mask) };
  },
  stimulus: DEFAULT_STIMULUS,
  seed: args.seed,
  icarus: tools.iverilog.version,
};
const prover = makeProver({
  yosys: tools.yosys?.path ?? null,
  simulator,
  names: secretNames,
  scratchDir: join(dir, "proofs"),
});
const signal = new AbortController().signal;
const options = {
  per,
  longVectors: 20_000,
  seed: 2,
  prover: seconds > 0 ? { prover, seconds } : null,
  baseline: args.baseline
    ? async (golden: string, candidate: string, top: string) =>
        (await codevVerdict(golden, candidate, top, tools, { sandbox: false })).verdict
    : null,
};

const rows: (Surveyed & { readonly set: string })[] = [];
const refused: Record<string, string> = {};
let designs = 0;
let steps = 0;
try {
  for (const [set, all] of sets) {
    const queue = spread(
      all.filter((d) => only.test(d.name)),
      limit,
    );
    await Promise.all(
      [0, 1].map(async () => {
        for (let d = queue.shift(); d !== undefined; d = queue.shift()) {
          const gated = admitGolden(d);
          const source = gated.ok ? render(gated.admitted.tokens) : "";
          const netlists = await readInterfaces(
            [{ source, top: d.top }],
            { yosys: tools.yosys?.path ?? null, scratchDir: dir },
            signal,
          );
          const found = await survey(d, netlists[0] ?? null, deps, options, signal);
          if (found.refused !== null) refused[d.name] = found.refused;
          else designs++;
          steps += found.steps;
          rows.push(...found.mutants.map((m) => ({ ...m, set })));
          const missed = found.mutants.filter((m) => m.truth === "different" && !m.prepared);
          for (const m of missed)
            console.error(
              `SURVIVES ${d.name} line ${m.line}: ${m.operator}: ${m.before} => ${m.after} (${m.by})`,
            );
          for (const m of found.mutants.filter((x) => x.truth === "different" && x.prepared && !x.plain))
            console.error(`taken in ${d.name} line ${m.line}: ${m.operator}: ${m.before} => ${m.after}`);
          for (const m of found.mutants.filter((x) => x.truth === "unknown"))
            console.error(`unknown  ${d.name} line ${m.line}: ${m.operator}: ${m.before} => ${m.after}`);
        }
      }),
    );
  }
} finally {
  await simulator.close();
  await prover.close();
  rmSync(dir, { recursive: true, force: true });
}

/** Percent of the non-equivalent ones, two decimals; null of none. */
const rate = (of: readonly Surveyed[], killed: (m: Surveyed) => boolean): number | null => {
  const different = of.filter((m) => m.truth === "different");
  return different.length === 0
    ? null
    : Math.round((10_000 * different.filter(killed).length) / different.length) / 100;
};
const table = (of: readonly Surveyed[]) => ({
  mutants: of.length,
  different: of.filter((m) => m.truth === "different").length,
  equal: of.filter((m) => m.truth === "equal").length,
  unknown: of.filter((m) => m.truth === "unknown").length,
  prepared: rate(of, (m) => m.prepared),
  unseen: rate(
    of.filter((m) => !m.seen),
    (m) => m.prepared,
  ),
  plain: rate(of, (m) => m.plain),
  uniform: rate(of, (m) => m.uniform),
  baseline: rate(
    of.filter((m) => m.baseline !== null),
    (m) => m.baseline === true,
  ),
});
const by = (key: (m: (typeof rows)[number]) => string) =>
  Object.fromEntries(
    [...new Set(rows.map(key))].sort().map((k) => [k, table(rows.filter((r) => key(r) === k))]),
  );
const all = table(rows);
console.log(
  JSON.stringify({
    figure: all.prepared,
    unit: "% of non-equivalent mutants killed",
    baseline: all.uniform,
    baselineIs: `uniform random, ${DEFAULT_STIMULUS.vectors} vectors`,
    ratio:
      all.prepared === null || all.uniform === null
        ? null
        : Math.round((1000 * (100 - all.uniform)) / Math.max(0.01, 100 - all.prepared)) / 1000,
    ratioIs: "share of survivors: uniform random / ours",
    designs,
    per,
    stepsPerDesign: Math.round(steps / Math.max(1, designs)),
    all,
    bySet: by((m) => m.set),
    byOperator: by((m) => m.operator),
    refused,
    machine: benchMachine(tools),
  }),
);
