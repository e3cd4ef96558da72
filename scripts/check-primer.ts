/**
 * Puts the built-in problems through the reward. Every golden is prepared (interface, stimuli, signature) and the
 * teacher's right answer, which holds it, must then pass as a candidate; with --faults each of the teacher's faulty
 * answers is scored too, and the share that the reward refuses is printed by family.
 *
 *   npx tsx scripts/check-primer.ts [SHARE] [--level basic|hard|all] [--per-family N] [--family NAME] [--faults] [--cache DIR]
 *
 * SHARE of the problems (default 1), or at most N of each family. --cache keeps the prepared goldens in DIR, where a
 * run finds them when DIR is its reward cache. A few minutes for a level.
 */

import { mkdtempSync, rmSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { makeRng } from "../src/core/rng.js";
import { seed } from "../src/core/units.js";
import {
  completionText,
  type Instance,
  instanceOf,
  instances,
  LEVELS,
  type Level,
  primerSource,
} from "../src/data/primer/index.js";
import { makeRewarder } from "../src/reward/rewarder.js";
import { locateTools } from "../src/sim/tools.js";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    level: { type: "string", default: "basic" },
    "per-family": { type: "string" },
    family: { type: "string", multiple: true },
    faults: { type: "boolean", default: false },
    cache: { type: "string" },
  },
});
const level = LEVELS.find((l) => l === values.level);
if (level === undefined) throw new Error(`--level must be one of ${LEVELS.join(", ")}, got ${values.level}`);

/** The problems to check, in an order of their own. */
function sample(from: Level): Instance[] {
  const share = Number(positionals[0] ?? 1);
  const most = Number(values["per-family"] ?? Number.POSITIVE_INFINITY);
  const wanted = instances(from).filter((i) => values.family?.includes(i.family.name) ?? true);
  const shuffled = makeRng("check-primer").shuffle<Instance>(wanted);
  const taken = new Map<string, number>();
  return shuffled.slice(0, Math.ceil(shuffled.length * share)).filter((i) => {
    const n = (taken.get(i.family.name) ?? 0) + 1;
    taken.set(i.family.name, n);
    return n <= most;
  });
}

const source = primerSource({ level });
const byId = new Map([...source.train, ...source.test].map((p) => [p.id, p]));
const problems = sample(level).map((i) => byId.get(i.id)!);
const place = mkdtempSync(join(tmpdir(), "primer-"));
const tools = locateTools(process.env.PATH ?? "");
const rewarder = makeRewarder({ tools, cacheDir: values.cache ?? join(place, "cache"), scratchDir: place });
const signal = new AbortController().signal;
const began = Date.now();
const bad: string[] = [];
/** Faulty answers that pass. */
const missed: string[] = [];
/** Family -> fault -> scored and refused. */
const faults = new Map<string, Map<string, { scored: number; refused: number }>>();

async function check(problem: (typeof problems)[number]): Promise<void> {
  const { circuit, family } = instanceOf(problem.id);
  const score = (draft: { think: string; code: string }) =>
    rewarder.score({ problem, text: completionText(circuit.ports, draft), seed: seed(1) }, signal);
  const right = await score(circuit.golden);
  if (right.kind === "infra" || !right.passed) bad.push(`${problem.id}: ${right.log}`);
  if (!values.faults) return;
  for (const fault of circuit.faults) {
    const verdict = await score(fault);
    // An audit found out a faulty answer that had passed, so the problem judges no more.
    if (verdict.kind === "infra" && verdict.code === "quarantined") {
      missed.push(`${verdict.log}`);
      return;
    }
    if (verdict.kind === "infra") throw new Error(`${problem.id} ${fault.name}: ${verdict.log}`);
    const mine = faults.get(family.name) ?? new Map<string, { scored: number; refused: number }>();
    if (verdict.passed) missed.push(`${problem.id} ${fault.name}`);
    const n = mine.get(fault.name) ?? { scored: 0, refused: 0 };
    mine.set(fault.name, {
      scored: n.scored + 1,
      refused: n.refused + (verdict.passed ? 0 : 1),
    });
    faults.set(family.name, mine);
  }
}

try {
  for (let i = 0; i < problems.length; i += 256) {
    const some = problems.slice(i, i + 256);
    const refused = await rewarder.prepare(some, () => {}, signal);
    for (const [id, why] of refused) bad.push(`${id}: ${why}`);
    await Promise.all(some.filter((p) => !refused.has(p.id)).map(check));
    console.error(`${Math.min(i + 256, problems.length)} of ${problems.length}, ${bad.length} bad`);
  }
} finally {
  await rewarder.close();
  rmSync(place, { recursive: true, force: true });
}
for (const line of bad) console.error(line);
for (const line of missed) console.error(`a faulty answer passes: ${line}`);
const scored = [...faults.values()].flatMap((mine) => [...mine.values()]);
console.log(
  JSON.stringify({
    figure: "built-in goldens that pass the reward",
    level,
    value: problems.length - bad.length,
    unit: "goldens",
    of: problems.length,
    ...(values.faults
      ? {
          faulty: scored.reduce((n, f) => n + f.scored, 0),
          refused: scored.reduce((n, f) => n + f.refused, 0),
        }
      : {}),
    seconds: Math.round((Date.now() - began) / 1000),
    machine: cpus()[0]?.model,
    versions: {
      iverilog: tools.iverilog.version,
      yosys: tools.yosys?.version ?? null,
      node: process.version,
    },
  }),
);
process.exit(bad.length === 0 ? 0 : 1);
