import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { curvePng } from "../../scripts/plot-curve.js";
import { drawCharts } from "../../src/report/charts.js";
import { escapeHtml, html } from "../../src/report/html.js";
import { byBucket, changes } from "../../src/report/improved.js";
import { readMetrics } from "../../src/report/read.js";
import { evalBand } from "../../src/report/series.js";
import { openRun } from "../../src/run/directory.js";
import { writeReport } from "../../src/stages/report.js";
import { rejectionOf, scratch } from "../run/help.js";
import { opening } from "../run/opening.js";
import { syntheticRun } from "../run/synthetic.js";

const report = async (run: string) => readFileSync(await writeReport(run), "utf8");

describe("the report", () => {
  it("stands alone: no script, no address to fetch, and all that it promises", async () => {
    const page = await report(syntheticRun(scratch()));
    expect(page).not.toMatch(/<script/i);
    expect(
      page.replaceAll("http://www.w3.org/2000/svg", "").replaceAll("http://www.w3.org/1999/xlink", ""),
    ).not.toMatch(/https?:|url\((?!#)|src=|@import/);
    for (const title of [
      "Held-out pass@1 against steps",
      "Held-out pass@1 against tokens",
      "Reward and pass rate in training",
      "Entropy",
      "Loss",
      "Gradient norm",
      "Clipped tokens",
      "Groups kept of those drawn",
      "Rollouts without use in the step",
      "Rollouts per problem",
      "Problems by their rollouts",
      "Calibration",
      "Where the time goes",
    ]) {
      expect(page).toContain(`<figure><h3>${title}</h3><svg`);
    }
    expect(page.match(/<details class="problem">/g)).toHaveLength(10);
    expect(page).toContain("mismatch at cycle 3");
    expect(page).toContain("bubblewrap");
    expect(page.length).toBeLessThan(400_000);
    const ids = [...page.matchAll(/ id="([^"]+)"/g)].map((m) => m[1]);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it("shows hostile text as text", async () => {
    const hostile = `</pre><script>alert(1)</script><img src=x onerror=alert(2)>"'\u202e\0 ]]> <style>`;
    const page = await report(syntheticRun(scratch(), { hostile, steps: 20 }));
    expect(page).not.toMatch(/<script|<img/i);
    expect(page.match(/<style>/g)).toHaveLength(1);
    expect(page).toContain(
      "&lt;/pre&gt;&lt;script&gt;alert(1)&lt;/script&gt;&lt;img src=x onerror=alert(2)&gt;&quot;&#39;\\u{202e}\\u{0}",
    );
    expect(page).not.toMatch(/[\u202e\0]/);
  });

  it("works on a run that has only just begun, that is still running, and without evaluations", async () => {
    const root = scratch();
    const empty = openRun(opening(root, { name: "empty" })).path;
    expect(await report(empty)).toContain("Nothing has been recorded yet.");
    const running = syntheticRun(root, { name: "running", steps: 7, close: false });
    appendFileSync(join(running, "metrics.jsonl"), '{"step":8,"polic');
    const page = await report(running);
    expect(page).toContain("not finished");
    expect(page).toContain("One evaluation so far");
    const none = await report(syntheticRun(root, { name: "none", steps: 5, evalEvery: 0 }));
    expect(none).toContain("No evaluation has been made in this run.");
    expect(none).not.toContain("What it learned");
  });

  it("passes over samples and counts that are torn", async () => {
    const run = syntheticRun(scratch(), { steps: 20 });
    writeFileSync(join(run, "samples", "eval-000020.test.counts.json"), '{"step":20,"probl');
    writeFileSync(join(run, "samples", "eval-000000.test.jsonl"), '{"step":0}\nnonsense');
    expect(await report(run)).not.toContain("What it learned");
  });

  it("of something else says what it is not", async () => {
    const dir = scratch();
    mkdirSync(join(dir, "x"));
    expect((await rejectionOf(writeReport(join(dir, "x")))).message).toBe(
      `${join(dir, "x")} is not a run directory: it has no run.json`,
    );
  });
});

describe("the html tag", () => {
  it("escapes values, however they are nested, and not what it made itself", () => {
    expect(html`<p>${"<b>"}${html`<i>${"&"}</i>`}${[html`1`, html`2`]}${null}${3}</p>`.text).toBe(
      "<p>&lt;b&gt;<i>&amp;</i>123</p>",
    );
  });

  it("lets no text out of an element or an attribute", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect(escapeHtml(text)).not.toMatch(/[<>"'\0\u202e\ufeff]|[\ud800-\udbff](?![\udc00-\udfff])/);
      }),
    );
  });
});

describe("what improved", () => {
  const at = (step: number, rows: [string, string, number, number][]) => ({
    step,
    set: "test",
    problems: rows.map(([id, bucket, passed, n]) => ({ id, bucket, passed, n })),
  });
  const counts = [
    at(0, [
      ["a/1", "a", 0, 4],
      ["a/2", "a", 2, 4],
      ["b/1", "b", 4, 4],
      ["gone", "b", 1, 4],
    ]),
    at(10, [["a/1", "a", 4, 4]]),
    at(20, [
      ["a/1", "a", 6, 8],
      ["a/2", "a", 6, 8],
      ["b/1", "b", 4, 8],
      ["new", "b", 1, 8],
    ]),
  ];

  it("compares the first with the last, by rates, on the problems of both", () => {
    expect(changes(counts).map((c) => [c.id, c.gain])).toEqual([
      ["a/1", 0.75],
      ["a/2", 0.25],
      ["b/1", -0.5],
    ]);
    expect(changes(counts.slice(0, 1))).toEqual([]);
  });

  it("has a paired interval for each bucket and for all", () => {
    const rows = byBucket(changes(counts));
    expect(rows.map((r) => [r.bucket, r.problems, r.before, r.after, r.gain])).toEqual([
      ["a", 2, 0.25, 0.75, 0.5],
      ["b", 1, 1, 0.5, -0.5],
      ["all", 3, 0.5, 2 / 3, expect.closeTo(1 / 6)],
    ]);
    // gains .75 and .25: standard deviation .35355, so 1.96 * .35355 / sqrt 2 = .49
    expect([rows[0]!.lo, rows[0]!.hi]).toEqual([expect.closeTo(0.01), expect.closeTo(0.99)]);
  });
});

it("takes the curve's tokens from the step that it evaluates", () => {
  const path = join(scratch(), "metrics.jsonl");
  writeFileSync(
    path,
    [
      { step: 0, "eval/test/pass@1": 0.1 },
      { step: 1, "train/tokens_total": 500, note: "x", "policy/loss": null },
      { step: 2, "train/tokens_total": 900 },
      { step: 2, "eval/test/pass@1": 0.2, "eval/test/pass@1/lo": 0.15, "eval/test/pass@1/hi": 0.25 },
    ]
      .map((r) => `${JSON.stringify(r)}\n`)
      .join(""),
  );
  expect(evalBand(readMetrics(path), "test", "tokens")).toEqual({
    mid: [
      [0, 0.1],
      [900, 0.2],
    ],
    lo: [
      [0, 0.1],
      [900, 0.15],
    ],
    hi: [
      [0, 0.1],
      [900, 0.25],
    ],
  });
});

describe("charts", () => {
  it("draw the interval between its ends", async () => {
    const lo = [
      [0, 0.2],
      [10, 0.4],
    ] as const;
    const hi = [
      [0, 0.4],
      [10, 0.6],
    ] as const;
    const mid = [
      [0, 0.3],
      [10, 0.5],
    ] as const;
    const spec = {
      lines: [{ name: "a", points: mid }],
      bands: [{ lo, hi, color: "#aa0000" }],
      xName: "x",
      yMin: 0,
      yMax: 1,
    };
    const svg = (await drawCharts([spec]))[0]!;
    const area = /<path d="M([\d. LZ]+)"[^>]*fill="#aa0000"/.exec(svg)?.[1];
    const ys = area!
      .split(/[ LZ]+/)
      .filter(Boolean)
      .map(Number)
      .filter((_, i) => i % 2 === 1);
    const line = /<path d="M([\d. L]+)"[^>]*stroke="#3b82c4"/.exec(svg)?.[1];
    const [, y0, , y1] = line!.split(/[ L]+/).map(Number);
    // 0.4 and 0.2 lie evenly around 0.3, and so at the other end.
    const sorted = [...ys].sort((a, b) => a - b);
    expect(sorted[0]! + sorted.at(-1)!).toBeCloseTo(y0! + y1!, 0);
    expect(svg).toContain("currentColor");
  });

  it("become a picture of several runs", async () => {
    const root = scratch();
    const runs = ["one", "two"].map((name) => syntheticRun(root, { name, steps: 10, evalEvery: 5 }));
    const out = join(root, "img", "curve.png");
    expect(await curvePng(runs, out)).toBe(2);
    const png = readFileSync(out);
    expect(png.subarray(1, 4).toString()).toBe("PNG");
    expect([png.readUInt32BE(16), png.readUInt32BE(20)]).toEqual([1800, 960]);
  });
});
