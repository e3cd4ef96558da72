/** The sweep's report: one page, no network, no script. Pure. */

import { compactCount, compactDuration, fixed } from "../core/format.js";
import { type Html, html, trusted } from "../report/html.js";
import { total } from "../report/series.js";
import { STYLE } from "../report/style.js";
import { byArm, type MemberCurve } from "./curves.js";
import type { SweepFigure } from "./figures.js";
import type { ArmRow } from "./leaderboard.js";

/** What the page shows. */
export interface SweepPage {
  readonly name: string;
  readonly rows: readonly ArmRow[];
  readonly curves: readonly MemberCurve[];
  readonly target: number;
  readonly baseline: string;
  readonly config: string;
  readonly now: Date;
}

/** @param charts SVG of each figure; the first two figures are the learning curves */
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
<body><main>
<header><h1>${data.name}</h1><p class="sub">${subtitle(data)}</p></header>
<section><h2>Arms</h2>${armTable(data)}<p class="note">${targetNote(data.target)}</p></section>
<section><h2>Curves</h2>${drawn.slice(0, 2)}</section>
<section><h2>How they sample</h2><div class="grid">${drawn.slice(2)}</div></section>
<section><h2>Rollouts without use, by reason</h2>${wasteTable(data.curves)}
<p class="note">Surplus rollouts may be used in a later step when groups are banked.</p></section>
<section><h2>Members</h2>${membersTable(data.curves)}</section>
<section><details><summary>Config</summary><pre>${data.config}</pre></details></section>
</main></body></html>
`.text;
}

function subtitle({ rows, curves, now }: SweepPage): string {
  const done = curves.filter((c) => c.state === "done").length;
  const stamp = now.toISOString().slice(0, 16).replace("T", " ");
  return `sweep of ${rows.length} arms · ${done} of ${curves.length} members done · written ${stamp} UTC`;
}

const targetNote = (target: number): string =>
  `Target: held-out pass@1 ${fixed(target, 3)}${Number.isFinite(target) ? "" : " (no finished baseline yet)"}. ` +
  "Intervals of tokens to target are percentiles of a bootstrap over seeds and held-out problems, paired over arms. " +
  "“∞”: some resamples do not reach it within the budget.";

/** A table whose columns are numbers but for those named in `words`. */
function table(
  heads: readonly string[],
  rows: readonly (readonly string[])[],
  words: readonly string[],
): Html {
  const isNumber = heads.map((h) => !words.includes(h));
  const cells = (row: readonly string[]) =>
    row.map((text, i) => (isNumber[i] ? html`<td class="n">${text}</td>` : html`<td>${text}</td>`));
  const head = heads.map((text, i) =>
    isNumber[i] ? html`<th class="n">${text}</th>` : html`<th>${text}</th>`,
  );
  return html`<div class="scroll"><table>
<thead><tr>${head}</tr></thead>
<tbody>${rows.map((row) => html`<tr>${cells(row)}</tr>`)}</tbody>
</table></div>`;
}

function armTable({ rows, baseline }: SweepPage): Html {
  const heads = [
    ...["arm", "seeds", "pass@1", "95% over seeds", "tokens", "tokens to target", "95%"],
    ...[`of ${baseline}'s`, "95%", "useful rollouts", "time"],
  ];
  return table(heads, rows.map(armCells), ["arm"]);
}

function armCells(r: ArmRow): string[] {
  const { pass1, target } = r;
  return [
    r.arm,
    `${r.done}/${r.members}`,
    pass1 === null ? NONE : fixed(pass1.mean, 3),
    pass1 === null || r.done < 2 ? NONE : `${fixed(pass1.lo, 3)} to ${fixed(pass1.hi, 3)}`,
    compactCount(r.tokens),
    target?.tokens == null ? NONE : compactCount(target.tokens),
    target === null ? NONE : range(target.lo, target.hi, compactCount),
    target?.ratio == null ? NONE : fixed(target.ratio, 2),
    target === null ? NONE : range(target.ratioLo, target.ratioHi, (x) => fixed(x, 2)),
    `${fixed(100 * r.useful, 0)}%`,
    compactDuration(r.seconds),
  ];
}

const NONE = "-";

/** An interval; an end that some resamples never reach is infinite. */
const range = (lo: number | null, hi: number | null, show: (x: number) => string): string =>
  lo === null && hi === null ? NONE : `${lo === null ? "∞" : show(lo)} to ${hi === null ? "∞" : show(hi)}`;

const KINDS = ["all_solved", "all_failed", "stale", "surplus", "infra"] as const;

function wasteTable(curves: readonly MemberCurve[]): Html {
  const rows = [...byArm(curves)].map(([arm, members]) => {
    const sum = (key: string) => members.reduce((n, m) => n + total(m.steps, key), 0);
    const rollouts = sum("train/rollouts");
    const share = (n: number) => (rollouts === 0 ? NONE : `${fixed((100 * n) / rollouts, 1)}%`);
    return [arm, compactCount(rollouts), ...KINDS.map((kind) => share(sum(`waste/${kind}`)))];
  });
  return table(["arm", "rollouts", ...KINDS.map((kind) => kind.replace("_", " "))], rows, ["arm"]);
}

function membersTable(curves: readonly MemberCurve[]): Html {
  const rows = curves.map(({ member, state, reason, points }) => {
    const last = points.at(-1);
    return [
      member.arm,
      String(member.seed),
      reason === null ? state : `${state}: ${reason}`,
      last === undefined ? NONE : fixed(last.pass1, 3),
      last === undefined ? NONE : compactCount(last.tokens),
    ];
  });
  return table(["arm", "seed", "state", "pass@1", "tokens"], rows, ["arm", "state"]);
}
