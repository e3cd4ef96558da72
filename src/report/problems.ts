/**
 * Of each evaluation set the ten problems that improved most, each with a passing sample of the last evaluation and a
 * failing one of the first. Pure.
 */

import { clip } from "../core/format.js";
import type { SampleRow } from "../core/ports.js";
import { type Html, html } from "./html.js";
import { byBucket, type Change, changes } from "./improved.js";
import type { ReportData } from "./read.js";
import { evalSets } from "./series.js";

const SHOWN = 10;
const LONGEST = 4000;

/** One section for each set that was evaluated at two steps at least. */
export function problemsSection(data: ReportData): Html {
  const sets = evalSets(data.steps);
  return html`${sets.map((set) => setSection(data, set, sets.length > 1))}`;
}

/** @param several whether the heading has to say which set it is about */
function setSection(data: ReportData, set: string, several: boolean): Html {
  const counts = data.counts.filter((c) => c.set === set);
  const all = changes(counts);
  if (all.length === 0) return html``;
  const first = counts[0]!.step;
  const last = counts.at(-1)!.step;
  const before = data.samples({ set }, first);
  const after = data.samples({ set }, last);
  const better = all.filter((c) => c.gain > 0).slice(0, SHOWN);
  const worse = all.filter((c) => c.gain < 0).length;
  return html`
<section>
<h2>What it learned${several ? `: ${set}` : ""}</h2>
<p>${all.length} held-out problems were sampled both at step ${first} and at step ${last}:
${all.filter((c) => c.gain > 0).length} improved, ${worse} got worse.</p>
<h3>By kind of problem</h3>
${bucketTable(all)}
<h3>Problems that improved most</h3>
${better.length === 0 ? html`<p>None improved.</p>` : better.map((c) => problem(c, before, after))}
</section>`;
}

function bucketTable(all: readonly Change[]): Html {
  const rows = byBucket(all).map(
    (
      b,
    ) => html`<tr${b.bucket === "all" ? html` class="total"` : ""}><td>${b.bucket}</td><td class="n">${b.problems}</td>
<td class="n">${percent(b.before)}</td><td class="n">${percent(b.after)}</td><td class="n ${sign(b.gain)}">${points(b.gain)}</td>
<td class="n">${b.problems < 2 ? "" : `${points(b.lo)} to ${points(b.hi)}`}</td></tr>`,
  );
  return html`<div class="scroll"><table><thead><tr><th>kind</th><th class="n">problems</th><th class="n">before</th>
<th class="n">after</th><th class="n">change, points</th><th class="n">95% interval</th></tr></thead><tbody>${rows}</tbody></table></div>`;
}

function problem(c: Change, before: readonly SampleRow[], after: readonly SampleRow[]): Html {
  const of = (rows: readonly SampleRow[], passed: boolean) =>
    rows
      .filter((r) => r.problemId === c.id && (r.outcome === "pass") === passed)
      .sort((a, b) => b.reward - a.reward)[0];
  const good = of(after, true);
  const bad = of(before, false) ?? of(after, false);
  const prompt = (good ?? bad)?.prompt;
  return html`<details class="problem"><summary><span class="id">${c.id}</span>
<span class="bar">${bar(c.before)}<span class="arrow">→</span>${bar(c.after)}</span></summary>
${prompt === undefined ? html`<p>No samples of it were kept.</p>` : html`<h4>Problem</h4><pre>${cut(prompt)}</pre>`}
${
  bad === undefined
    ? ""
    : html`<h4>A failing answer <small>step ${bad.step}, ${bad.outcome}</small></h4>
<pre class="log">${cut(bad.log === "" ? "(no message)" : bad.log)}</pre><pre>${cut(bad.text)}</pre>`
}
${good === undefined ? "" : html`<h4>A passing answer <small>step ${good.step}</small></h4><pre>${cut(good.text)}</pre>`}
</details>`;
}

const bar = ({ n, passed }: { n: number; passed: number }): Html =>
  html`<span class="meter"><i style="width:${Math.round((100 * passed) / n)}%"></i></span><b>${passed}/${n}</b>`;

const cut = (text: string): string => clip(text.trim(), LONGEST);
const percent = (x: number): string => `${(100 * x).toFixed(1)}%`;
const points = (x: number): string => `${x >= 0 ? "+" : "−"}${(100 * Math.abs(x)).toFixed(1)}`;
const sign = (x: number): string => (x > 0 ? "up" : x < 0 ? "down" : "");
