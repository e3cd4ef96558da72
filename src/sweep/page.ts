/** The sweep's report: one page, no network, no script. Pure. */

import { compactCount, compactDuration, fixed } from "../core/format.js";
import { calibrationSpec, reliabilityPoints, rolloutShares } from "../report/adaptive.js";
import { type ChartSpec, type Line, PALETTE } from "../report/charts.js";
import { type Html, html, trusted } from "../report/html.js";
import { type Point, total } from "../report/series.js";
import { STYLE } from "../report/style.js";
import { byArm, type MemberCurve } from "./curves.js";
import { type ArmRow, tInterval } from "./leaderboard.js";
import { meanCurve, type TargetResult, valueAt } from "./target.js";

export interface SweepFigure {
  readonly title: string;
  readonly caption: string;
  readonly spec: ChartSpec;
}

export function sweepFigures(curves: readonly MemberCurve[]): SweepFigure[] {
  const arms = [...byArm(curves.filter((c) => c.points.length > 0))];
  return [
    heldOut(arms, "tokens", "Held-out pass@1 against generated tokens", "generated tokens"),
    heldOut(
      arms,
      "seconds",
      "Held-out pass@1 against wall time",
      "seconds of training (evaluations left out)",
    ),
    useful(arms),
    perProblem(arms),
    calibration(arms),
    brier(arms),
    ...histograms(arms),
  ].filter((f) => f.spec.lines.some((l) => l.points.length > 0));
}

type Arms = readonly (readonly [string, readonly MemberCurve[]])[];
const color = (i: number): string => PALETTE[i % PALETTE.length]!;

function heldOut(arms: Arms, against: "tokens" | "seconds", title: string, xName: string): SweepFigure {
  const drawn = arms.map(([arm, members], i) => {
    const curves = members.map((m) => m.points.map((p) => [p[against], p.pass1] as const));
    const mid = meanCurve(curves);
    const at = mid.map(([x]) => tInterval(curves.map((c) => valueAt(c, x))));
    return {
      line: { name: arm, points: mid, color: color(i) } satisfies Line,
      band: {
        lo: mid.map(([x], k): Point => [x, Math.max(0, at[k]!.lo)]),
        hi: mid.map(([x], k): Point => [x, Math.min(1, at[k]!.hi)]),
        color: color(i),
      },
      seeds: members.length,
    };
  });
  return {
    title,
    caption: "Mean over seeds; the shade is the 95% interval over seeds (Student's t), absent with one seed.",
    spec: {
      lines: drawn.map((d) => d.line),
      bands: drawn.filter((d) => d.seeds > 1).map((d) => d.band),
      xName,
      percent: true,
      width: 900,
      height: 420,
    },
  };
}

/** Mean over an arm's seeds of a value of each step. */
function meanSeries(
  members: readonly MemberCurve[],
  value: (v: ReadonlyMap<string, number>) => number | undefined,
): Point[] {
  const sums = new Map<number, { sum: number; n: number }>();
  for (const m of members)
    for (const { step, values } of m.steps) {
      const y = value(values);
      if (y === undefined || !Number.isFinite(y)) continue;
      const s = sums.get(step) ?? { sum: 0, n: 0 };
      sums.set(step, { sum: s.sum + y, n: s.n + 1 });
    }
  return [...sums].sort(([a], [b]) => a - b).map(([step, { sum, n }]): Point => [step, sum / n]);
}

const lines = (arms: Arms, value: (v: ReadonlyMap<string, number>) => number | undefined): Line[] =>
  arms.map(([arm, members], i) => ({ name: arm, points: meanSeries(members, value), color: color(i) }));

const useful = (arms: Arms): SweepFigure => ({
  title: "Groups with a signal, of those drawn",
  caption:
    "Mean over seeds; a group has a signal when its rollouts both pass and fail, or (adaptive) surprise the estimates.",
  spec: {
    lines: lines(arms, (v) => v.get("adaptive/keep_rate")),
    xName: "steps",
    percent: true,
    yMin: 0,
  },
});

const perProblem = (arms: Arms): SweepFigure => ({
  title: "Most rollouts of a problem in a step",
  caption: "Mean over seeds; level for strategies that give every problem the same.",
  spec: { lines: lines(arms, (v) => v.get("train/rollouts_per_problem/max")), xName: "steps", yMin: 0 },
});

const calibration = (arms: Arms): SweepFigure => ({
  title: "Calibration",
  caption:
    "Predicted against observed pass rates over the whole run, the first seed of each arm that keeps estimates.",
  spec: calibrationSpec(
    arms.map(([arm, members], i) => ({
      name: arm,
      points: reliabilityPoints(members[0]!.steps),
      color: color(i),
    })),
  ),
});

/** One picture for each arm that gives problems different numbers of rollouts. */
const histograms = (arms: Arms): SweepFigure[] =>
  arms.flatMap(([arm, members]) => {
    const shares = rolloutShares(members[0]!.steps);
    if (shares.length < 2) return [];
    return [
      {
        title: `Problems by their rollouts: ${arm}`,
        caption: "Share of a step's problems that got so many rollouts; the first seed.",
        spec: { lines: shares, xName: "steps", percent: true, yMin: 0, yMax: 1 },
      },
    ];
  });

const brier = (arms: Arms): SweepFigure => ({
  title: "Brier score of the pass-rate estimates",
  caption:
    "Squared distance of the estimate from the outcome, lower is better; strategies without estimates have none.",
  spec: { lines: lines(arms, (v) => v.get("adaptive/brier")), xName: "steps", yMin: 0 },
});

export interface SweepPage {
  readonly name: string;
  readonly rows: readonly ArmRow[];
  readonly curves: readonly MemberCurve[];
  readonly target: number;
  readonly baseline: string;
  readonly config: string;
  readonly now: Date;
}

export function sweepPage(
  data: SweepPage,
  figures: readonly SweepFigure[],
  charts: readonly string[],
): string {
  const drawn = figures.map(
    (f, i) =>
      html`<figure><h3>${f.title}</h3>${trusted(charts[i]!)}<figcaption>${f.caption}</figcaption></figure>`,
  );
  return html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="color-scheme" content="light dark"><title>${data.name} · sweep</title><style>${trusted(STYLE)}</style></head>
<body><main><header><h1>${data.name}</h1><p class="sub">sweep of ${data.rows.length} arms · ${data.curves.filter((c) => c.state === "done").length} of ${data.curves.length} members done · written ${data.now.toISOString().slice(0, 16).replace("T", " ")} UTC</p></header>
<section><h2>Arms</h2><div class="scroll"><table><thead><tr><th>arm</th><th class="n">seeds</th><th class="n">pass@1</th><th class="n">95% over seeds</th><th class="n">tokens</th><th class="n">tokens to target</th><th class="n">95%</th><th class="n">of ${data.baseline}'s</th><th class="n">95%</th><th class="n">useful rollouts</th><th class="n">time</th></tr></thead><tbody>${data.rows.map(row)}</tbody></table></div>
<p class="note">Target: held-out pass@1 ${fixed(data.target, 3)}${Number.isFinite(data.target) ? html`` : html` (no finished baseline yet)`}. Intervals of tokens to target are percentiles of a bootstrap over seeds and held-out problems, paired over arms. “∞”: some resamples do not reach it within the budget.</p></section>
<section><h2>Curves</h2>${drawn.slice(0, 2)}</section><section><h2>How they sample</h2><div class="grid">${drawn.slice(2)}</div></section>
${wasteTable(data.curves)}${membersTable(data.curves)}
<section><details><summary>Config</summary><pre>${data.config}</pre></details></section></main></body></html>
`.text;
}

const count = (x: number | null): string => (x === null ? "-" : compactCount(x));
const ends = (lo: number | null, hi: number | null, show: (x: number) => string): string =>
  lo === null && hi === null ? "-" : `${lo === null ? "∞" : show(lo)} to ${hi === null ? "∞" : show(hi)}`;

function row(r: ArmRow): Html {
  const t: TargetResult | null = r.target;
  const p = r.pass1;
  return html`<tr><td>${r.arm}</td><td class="n">${r.done}/${r.members}</td><td class="n">${p === null ? "-" : fixed(p.mean, 3)}</td><td class="n">${p === null || r.done < 2 ? "-" : `${fixed(p.lo, 3)} to ${fixed(p.hi, 3)}`}</td><td class="n">${compactCount(r.tokens)}</td><td class="n">${count(t?.tokens ?? null)}</td><td class="n">${t === null ? "-" : ends(t.lo, t.hi, compactCount)}</td><td class="n">${t?.ratio == null ? "-" : fixed(t.ratio, 2)}</td><td class="n">${t === null ? "-" : ends(t.ratioLo, t.ratioHi, (x) => fixed(x, 2))}</td><td class="n">${fixed(100 * r.useful, 0)}%</td><td class="n">${compactDuration(r.seconds)}</td></tr>`;
}

const KINDS = ["all_solved", "all_failed", "stale", "surplus", "infra"] as const;

function wasteTable(curves: readonly MemberCurve[]): Html {
  const rows = [...byArm(curves)].map(([arm, members]) => {
    const rollouts = members.reduce((n, m) => n + total(m.steps, "train/rollouts"), 0);
    const cells = KINDS.map((k) => {
      const n = members.reduce((s, m) => s + total(m.steps, `waste/${k}`), 0);
      return html`<td class="n">${rollouts === 0 ? "-" : `${fixed((100 * n) / rollouts, 1)}%`}</td>`;
    });
    return html`<tr><td>${arm}</td><td class="n">${compactCount(rollouts)}</td>${cells}</tr>`;
  });
  return html`<section><h2>Rollouts without use, by reason</h2><div class="scroll"><table><thead><tr><th>arm</th><th class="n">rollouts</th>${KINDS.map((k) => html`<th class="n">${k.replace("_", " ")}</th>`)}</tr></thead><tbody>${rows}</tbody></table></div><p class="note">Surplus rollouts may be used in a later step when groups are banked.</p></section>`;
}

function membersTable(curves: readonly MemberCurve[]): Html {
  const rows = curves.map(
    (c) =>
      html`<tr><td>${c.member.arm}</td><td class="n">${c.member.seed}</td><td>${c.state}${c.reason === null ? "" : `: ${c.reason}`}</td><td class="n">${c.points.length === 0 ? "-" : fixed(c.points.at(-1)!.pass1, 3)}</td><td class="n">${c.points.length === 0 ? "-" : compactCount(c.points.at(-1)!.tokens)}</td></tr>`,
  );
  return html`<section><h2>Members</h2><div class="scroll"><table><thead><tr><th>arm</th><th class="n">seed</th><th>state</th><th class="n">pass@1</th><th class="n">tokens</th></tr></thead><tbody>${rows}</tbody></table></div></section>`;
}
