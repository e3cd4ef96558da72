/** Composition root of a sweep's report: reads the members' runs, draws, writes `report.html` and `leaderboard.json`. */

import { existsSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { parse } from "yaml";
import { TrainError } from "../../core/errors.js";
import { makeRng } from "../../core/rng.js";
import { drawCharts } from "../../report/charts.js";
import { writeAtomic } from "../../run/files.js";
import { byArm, type MemberCurve, readMember } from "../../sweep/curves.js";
import { membersOf } from "../../sweep/grid.js";
import { type ArmRow, armRows } from "../../sweep/leaderboard.js";
import { sweepFigures, sweepPage } from "../../sweep/page.js";
import { type SweepSection, sweepSchema } from "../../sweep/schema.js";
import { tokensToTarget } from "../../sweep/target.js";

export interface SweepResults {
  readonly curves: readonly MemberCurve[];
  readonly rows: readonly ArmRow[];
  readonly target: number;
  readonly baseline: string;
}

/** What the sweep in `dir` measured so far. */
export function sweepResults(dir: string, sweep: SweepSection): SweepResults {
  const members = membersOf(sweep);
  const curves = members.map((m) => readMember(m, join(dir, "members", m.name), sweep.eval_set));
  const done = byArm(curves.filter((c) => c.state === "done"));
  const baseline = sweep.baseline ?? members[0]!.arm;
  // Only seeds that every arm has finished: the comparison is paired.
  const seeds = [...new Set(members.map((m) => m.seed))].filter((s) =>
    [...done.values()].every((arm) => arm.some((c) => c.member.seed === s)),
  );
  const arms = new Map(
    [...done].map(([arm, all]) => [arm, seeds.map((s) => all.find((c) => c.member.seed === s)!.points)]),
  );
  const { target, arms: reached } =
    seeds.length === 0
      ? { target: sweep.target ?? Number.NaN, arms: [] }
      : tokensToTarget({
          arms,
          baseline,
          target: sweep.target,
          resamples: sweep.bootstrap,
          rng: makeRng("tokens-to-target"),
        });
  return { curves, rows: armRows(curves, reached), target, baseline };
}

/** Writes the report of the sweep in `dir` from what its members left; they may be unfinished. */
export async function writeSweepReport(dir: string, now = new Date()): Promise<string> {
  const path = join(dir, "config.resolved.yaml");
  if (!existsSync(path))
    throw new TrainError("usage", `${dir} holds no sweep: it has no config.resolved.yaml`);
  const text = readFileSync(path, "utf8");
  const results = sweepResults(dir, sweepSchema.parse((parse(text) as { sweep?: unknown }).sweep));
  const figures = sweepFigures(results.curves);
  const charts = await drawCharts(figures.map((f) => f.spec));
  writeAtomic(
    join(dir, "report.html"),
    sweepPage({ name: basename(dir), ...results, config: text, now }, figures, charts),
  );
  const { rows, target, baseline } = results;
  writeAtomic(
    join(dir, "leaderboard.json"),
    `${JSON.stringify({ target, baseline, arms: rows }, null, 2)}\n`,
  );
  return join(dir, "report.html");
}
