/** Rows of the table that are judged here: the named faults and cheats, the pairs argued by hand, goldens beside themselves. */

import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { GOLDEN } from "../../../designs/hostile/base.js";
import { hostile } from "../../../designs/hostile/index.js";
import { type Design, rtllm, spread, VERILOG_EVAL_SETS, verilogEval } from "../../../designs/index.js";
import { CASES } from "../../../designs/pairs/index.js";
import { selfEquivalence } from "../../../designs/self.js";
import { DEFAULT_LIMITS } from "../../../src/sim/simulator.js";
import type { Tools } from "../../../src/sim/tools.js";
import { CHEATS, HONEST } from "./cheats.js";
import { DEEP_FAULTS, DEEP_GOLDENS } from "./deep.js";
import { type Answer, byBaseline, byReward, type Trial } from "./judges.js";

export interface Row {
  readonly what: string;
  readonly target: string;
  readonly ours: string;
  readonly baseline: string;
  /** Null where nothing was measured. */
  readonly met: boolean | null;
  /** The command that makes this row alone, and what there is to know beyond the two figures. */
  readonly command: string;
  readonly details: unknown;
}

export interface Setting {
  readonly root: string;
  readonly quick: boolean;
  readonly tools: Tools;
  readonly signal: AbortSignal;
  /** Trials of the baseline at once. */
  readonly concurrency: number;
}

const TABLE = "npx tsx bench/reward/table/run.ts --only ";
const count = (answers: readonly Answer[]): number => answers.filter((a) => a.passed).length;
const listed = (answers: readonly Answer[]): Record<string, string> =>
  Object.fromEntries(answers.map((a) => [`${a.trial.golden.name}: ${a.trial.name}`, a.said]));

export async function deepRow(s: Setting): Promise<Row> {
  const faults = s.quick ? DEEP_FAULTS.filter((t) => !t.name.includes("256")) : DEEP_FAULTS;
  const ours = await byReward([...faults, ...DEEP_GOLDENS], s.tools, s.signal);
  const theirs = await byBaseline(faults, s.tools, s.concurrency);
  const wrong = count(ours.slice(0, faults.length));
  const right = count(ours.slice(faults.length));
  return {
    what: "deep faults accepted",
    target: "0",
    ours: `${wrong} of ${faults.length}`,
    baseline: `${count(theirs)} of ${faults.length}`,
    met: wrong === 0 && right === DEEP_GOLDENS.length,
    command: `${TABLE}deep`,
    details: { ours: listed(ours), baseline: listed(theirs) },
  };
}

export async function cheatRow(s: Setting): Promise<Row> {
  const ours = await byReward([...CHEATS, HONEST], s.tools, s.signal);
  const theirs = await byBaseline([...CHEATS, HONEST], s.tools, s.concurrency);
  const wrong = count(ours.slice(0, -1));
  return {
    what: "cheats passed: print, peek, force",
    target: "0",
    ours: `${wrong} of ${CHEATS.length}`,
    baseline: `${count(theirs.slice(0, -1))} of ${CHEATS.length}`,
    met: wrong === 0 && ours.at(-1)!.passed,
    command: `${TABLE}cheats`,
    details: { ours: listed(ours), baseline: listed(theirs) },
  };
}

/** The hostile suite: what passes, and what was written where no candidate has any business. */
export async function hostileRow(s: Setting): Promise<Row> {
  const outside = mkdtempSync(join(tmpdir(), "outside-"));
  try {
    const golden: Design = { name: "hostile-target", golden: GOLDEN, top: "top_module" };
    const all = hostile(outside);
    const chosen = s.quick ? spread(all, 40) : all;
    const trials = chosen.map((h): Trial => ({ golden, name: `${h.family}: ${h.name}`, code: h.code }));
    const limits = { ...DEFAULT_LIMITS, compileCpuSeconds: 1, runCpuSeconds: 1, wallMs: 8000 };
    const answers = await byReward(trials, s.tools, s.signal, limits);
    const unexpected = answers.filter(
      (a, k) => !(chosen[k]!.allowed as readonly string[]).includes(a.said.split(":")[0]!),
    );
    const written = readdirSync(outside);
    return {
      what: "hostile candidates passed",
      target: "0",
      ours: `${count(answers)} of ${answers.length}`,
      baseline: "-",
      met: count(answers) === 0 && written.length === 0,
      command: `${TABLE}hostile`,
      details: { unexpected: listed(unexpected), writtenOutside: written },
    };
  } finally {
    rmSync(outside, { recursive: true, force: true });
  }
}

/** Two rows from one run: equal designs rejected, unequal ones accepted. */
export async function pairRows(s: Setting): Promise<Row[]> {
  const all = CASES.flatMap((c) => {
    const golden: Design = { name: c.name.replace(/\W+/g, "-"), golden: c.golden, top: "top_module" };
    return c.variants.map((v): Trial & { equal: boolean } => ({
      golden,
      name: v.why,
      code: v.code,
      equal: v.equal,
    }));
  });
  const trials = s.quick ? spread(all, 60) : all;
  const ours = await byReward(trials, s.tools, s.signal);
  const theirs = await byBaseline(trials, s.tools, s.concurrency);
  const row = (equal: boolean, what: string): Row => {
    const mine = ours.filter((_, k) => trials[k]!.equal === equal);
    const other = theirs.filter((_, k) => trials[k]!.equal === equal);
    const wrong = (of: readonly Answer[]): Answer[] => of.filter((a) => a.passed !== equal);
    return {
      what,
      target: "0",
      ours: `${wrong(mine).length} of ${mine.length}`,
      baseline: `${wrong(other).length} of ${other.length}`,
      met: wrong(mine).length === 0,
      command: `${TABLE}pairs`,
      details: { ours: listed(wrong(mine)), baseline: listed(wrong(other)) },
    };
  };
  return [row(true, "equal by hand, rejected"), row(false, "unequal by hand, accepted")];
}

export async function selfRow(s: Setting): Promise<Row> {
  const named = (set: string, designs: readonly Design[]): Design[] =>
    designs.map((d) => ({ ...d, name: `${set}/${d.name}` }));
  const all = [
    ...VERILOG_EVAL_SETS.flatMap((set) => named(set, verilogEval(s.root, set))),
    ...(["v1.1", "v2"] as const).flatMap((version) => named(`rtllm-${version}`, rtllm(s.root, version))),
  ];
  const designs = s.quick ? spread(all, 40) : all;
  const seeds = s.quick ? [1] : [1, 2, 3, 4, 5];
  const command = "npx tsx bench/reward/self/run.ts";
  const what = `goldens unequal to themselves, ${seeds.length} seed${seeds.length === 1 ? "" : "s"}`;
  if (designs.length === 0) {
    return { what, target: "0", ours: "no data", baseline: "-", met: null, command, details: null };
  }
  const found = await selfEquivalence(designs, seeds, s.tools, s.signal);
  return {
    what,
    target: "0",
    ours: `${found.rejected.length} of ${found.judged}`,
    baseline: "-",
    met: found.rejected.length === 0,
    command,
    details: { refused: Object.fromEntries(found.refused), rejected: found.rejected },
  };
}
