/** The report: one page that needs no network and no script, in the reader's colours, dark or light. Pure. */

import { compactCount, compactDuration, fixed, grouped } from "../core/format.js";
import type { Figure } from "./figures.js";
import { type Html, html, trusted } from "./html.js";
import { problemsSection } from "./problems.js";
import type { ReportData } from "./read.js";
import { evalBand, evalSets, last, total } from "./series.js";
import { STYLE } from "./style.js";

/** `charts[i]` is the SVG of `figures[i]`. */
export function page(
  data: ReportData,
  figures: readonly Figure[],
  charts: readonly string[],
  now: Date,
): string {
  const { record } = data;
  const drawn = figures.map((f, i) => ({ ...f, svg: charts[i]! }));
  const body = html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="color-scheme" content="light dark"><title>${data.name} · report</title><style>${trusted(STYLE)}</style></head>
<body><main>
<header><h1>${data.name}</h1><p class="sub">stage ${record.stage} · ${stateOf(data)} · written ${stamp(now)}</p></header>
${tiles(data)}
${drawn.length === 0 ? html`<p class="note">Nothing has been recorded yet.</p>` : ""}
${cards("Held-out problems", "held-out", drawn, evalNote(data))}
${problemsSection(data)}
${cards("Training", "training", drawn, html``)}
${about(data)}
</main></body></html>
`;
  return body.text;
}

type Drawn = Figure & { readonly svg: string };

function cards(title: string, section: Figure["section"], all: readonly Drawn[], note: Html): Html {
  const some = all.filter((f) => f.section === section);
  if (some.length === 0) return note.text === "" ? html`` : html`<section><h2>${title}</h2>${note}</section>`;
  const figures = some.map(
    (f) => html`<figure><h3>${f.title}</h3>${trusted(f.svg)}<figcaption>${f.caption}</figcaption></figure>`,
  );
  return html`<section><h2>${title}</h2>${note}<div class="grid">${figures}</div></section>`;
}

function evalNote(data: ReportData): Html {
  const points = evalSets(data.steps).map((set) => evalBand(data.steps, set, "step").mid.length);
  if (points.length === 0) return html`<p class="note">No evaluation has been made in this run.</p>`;
  return Math.max(...points) > 1
    ? html``
    : html`<p class="note">One evaluation so far: a second gives the comparison.</p>`;
}

function tiles(data: ReportData): Html {
  const { steps } = data;
  const out: Html[] = evalSets(steps).flatMap((set) => {
    const { mid, lo, hi } = evalBand(steps, set, "step");
    const b = mid[0]!;
    const a = mid.at(-1)!;
    const range = (i: number) => `${percent(lo.at(i)![1])} to ${percent(hi.at(i)![1])}`;
    if (mid.length === 1) return [tile(`${set} pass@1`, percent(b[1]), range(0))];
    const change = `${a[1] >= b[1] ? "+" : "−"}${(100 * Math.abs(a[1] - b[1])).toFixed(1)} points`;
    return [
      tile(`${set} pass@1, before`, percent(b[1]), range(0)),
      tile(`${set} pass@1, step ${a[0]}`, percent(a[1]), range(-1), change),
    ];
  });
  const tokens = last(steps, "train/tokens_total");
  const rollouts = last(steps, "train/rollouts_total");
  const seconds = last(steps, "timing/elapsed_s") ?? total(steps, "timing/step_s");
  const step = steps.at(-1)?.step;
  if (step !== undefined) out.push(tile("steps", grouped(step)));
  if (tokens !== null) out.push(tile("tokens sampled", compactCount(tokens)));
  if (rollouts !== null) out.push(tile("rollouts", grouped(rollouts)));
  if (seconds > 0) out.push(tile("time", compactDuration(seconds)));
  return out.length === 0 ? html`` : html`<div class="tiles">${out}</div>`;
}

const tile = (name: string, value: string, sub = "", change = ""): Html =>
  html`<div class="tile"><span>${name}</span><b>${value}</b>${change === "" ? "" : html`<em>${change}</em>`}<small>${sub}</small></div>`;

function about(data: ReportData): Html {
  const { record } = data;
  const versions = Object.entries(record.versions).map(([k, v]) => html`<tr><td>${k}</td><td>${v}</td></tr>`);
  const choices = Object.entries(record.choices).map(([k, v]) => html`<tr><td>${k}</td><td>${v}</td></tr>`);
  const attempts = record.attempts.map(
    (a, i) =>
      html`<tr><td class="n">${i + 1}</td><td>${a.started}</td><td>${a.ended ?? "no end recorded"}</td><td class="n">${a.exit === null ? "" : a.exit}</td><td><code>${a.command}</code></td></tr>`,
  );
  return html`<section><h2>How it was made</h2>
<div class="scroll"><table><tbody><tr><td>seed</td><td>${record.seed}</td></tr>
<tr><td>engine</td><td>${record.engine ?? "not recorded"}</td></tr>
<tr><td>sandbox</td><td>${record.sandbox ?? "not recorded"}</td></tr>
<tr><td>config hash</td><td><code>${record.configHash}</code></td></tr>${versions}</tbody></table></div>
${choices.length === 0 ? "" : html`<h3>What “auto” chose</h3><div class="scroll"><table><tbody>${choices}</tbody></table></div>`}
<h3>Attempts</h3><div class="scroll"><table><thead><tr><th></th><th>started</th><th>ended</th><th>exit</th><th>command</th></tr></thead><tbody>${attempts}</tbody></table></div>
<details><summary>Config</summary><pre>${data.config}</pre></details>
<details><summary>Last values of every metric</summary><div class="scroll"><table><tbody>${metricRows(data)}</tbody></table></div></details></section>`;
}

function metricRows(data: ReportData): Html[] {
  const keys = new Set(data.steps.flatMap((s) => [...s.values.keys()]));
  keys.delete("time");
  return [...keys].sort().map((key) => {
    const value = last(data.steps, key)!;
    return html`<tr><td>${key}</td><td class="n">${Number.isInteger(value) ? value : value.toPrecision(5)}</td></tr>`;
  });
}

function stateOf(data: ReportData): string {
  const { state, reason } = data.record;
  const words = { running: "not finished", stopped: "stopped early", done: "finished", failed: "failed" }[
    state
  ];
  return reason === null ? words : `${words}: ${reason}`;
}

const stamp = (d: Date): string => `${d.toISOString().slice(0, 16).replace("T", " ")} UTC`;
const percent = (x: number): string => `${fixed(100 * x, 1)}%`;
