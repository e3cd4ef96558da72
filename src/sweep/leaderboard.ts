/** The sweep's table: one row an arm, best first. Pure. */

import { compactCount, compactDuration, fixed } from "../core/format.js";
import { type Interval, mean, std } from "../core/stats.js";
import { last, total } from "../report/series.js";
import { byArm, type MemberCurve } from "./curves.js";
import type { TargetResult } from "./target.js";

export interface ArmRow {
  readonly arm: string;
  readonly done: number;
  readonly members: number;
  readonly failed: number;
  /** Last held-out pass@1 over the seeds that are done; interval by Student's t. */
  readonly pass1: Interval | null;
  /** Means over the seeds that are done. */
  readonly tokens: number;
  readonly seconds: number;
  /** Rollouts in groups that were trained on, of all. */
  readonly useful: number;
  readonly target: TargetResult | null;
}

const WASTE = ["all_solved", "all_failed", "stale", "surplus", "infra"] as const;

export function armRows(curves: readonly MemberCurve[], targets: readonly TargetResult[]): ArmRow[] {
  const rows = [...byArm(curves)].map(([arm, all]): ArmRow => {
    const done = all.filter((c) => c.state === "done" && c.points.length > 0);
    const avg = (f: (c: MemberCurve) => number): number => mean(done.map(f));
    return {
      arm,
      done: done.length,
      members: all.length,
      failed: all.filter((c) => c.state === "failed").length,
      pass1: done.length === 0 ? null : tInterval(done.map((c) => c.points.at(-1)!.pass1)),
      tokens: avg((c) => c.points.at(-1)!.tokens),
      seconds: avg((c) => last(c.steps, "timing/elapsed_s") ?? c.points.at(-1)!.seconds),
      useful: avg((c) => 1 - wasted(c) / Math.max(1, last(c.steps, "train/rollouts_total") ?? 0)),
      target: targets.find((t) => t.arm === arm) ?? null,
    };
  });
  return rows.sort((a, b) => (b.pass1?.mean ?? -1) - (a.pass1?.mean ?? -1));
}

/** Rollouts that no step was trained on; of surplus ones those that were banked may have been used later. */
export const wasted = (c: MemberCurve): number =>
  WASTE.reduce((n, kind) => n + (kind === "surplus" ? 0 : total(c.steps, `waste/${kind}`)), 0);

/** Mean with the 95% interval of Student's t over seeds; without an interval (lo = hi) for one seed. */
export function tInterval(xs: readonly number[]): Interval {
  const m = mean(xs);
  const half =
    xs.length < 2 ? 0 : (T95[Math.min(xs.length - 2, T95.length - 1)]! * std(xs)) / Math.sqrt(xs.length);
  return { mean: m, lo: m - half, hi: m + half };
}

/** Student's t, 97.5% quantile, for 1, 2, … degrees of freedom. */
const T95 = [
  12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145, 2.131,
  2.12, 2.11, 2.101, 2.093, 2.086, 2.08, 2.074, 2.069, 2.064, 2.06, 2.056, 2.052, 2.048, 2.045, 2.042, 1.96,
];

/** At most 80 columns where arm names have at most 24 characters. */
export function leaderboardLines(rows: readonly ArmRow[], target: number): string[] {
  const width = Math.min(24, Math.max(3, ...rows.map((r) => r.arm.length)));
  const head = `${"arm".padEnd(width)}  seeds  pass@1  95% interval    tokens  to target     time`;
  const lines = rows.map((r) => {
    const p = r.pass1;
    const range = p === null ? "-" : r.done < 2 ? "one seed" : `${fixed(p.lo, 3)}..${fixed(p.hi, 3)}`;
    return [
      r.arm.padEnd(width),
      `${r.done}/${r.members}`.padStart(6),
      (p === null ? "-" : fixed(p.mean, 3)).padStart(7),
      range.padStart(13),
      compactCount(r.tokens).padStart(9),
      reach(r.target).padStart(10),
      compactDuration(r.seconds).padStart(8),
    ].join(" ");
  });
  const note = Number.isFinite(target)
    ? [
        `to target: generated tokens until the mean curve reaches pass@1 ${fixed(target, 3)} ("-": not reached)`,
      ]
    : [];
  return [head, ...lines, ...note];
}

const reach = (t: TargetResult | null): string => (t?.tokens == null ? "-" : compactCount(t.tokens));
