/**
 * Draws the held-out curve of runs into a picture:
 *   npx tsx scripts/plot-curve.ts RUN… -o docs/img/curve.png [--x step|tokens]
 */

import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { parseArgs } from "node:util";
import { drawCharts } from "../src/run/report/charts.js";
import { curveSpec } from "../src/run/report/curve.js";
import { readRun } from "../src/run/report/read.js";

/** Writes a PNG (or an SVG, by the name) of the runs' held-out curves and returns how many runs it shows. */
export async function curvePng(
  runDirs: readonly string[],
  out: string,
  against: "step" | "tokens" = "tokens",
): Promise<number> {
  const spec = curveSpec(
    runDirs.map((dir) => readRun(dir)),
    against,
  );
  if (spec.lines.length === 0) throw new Error(`no evaluations in ${runDirs.join(", ")}`);
  const svg = (await drawCharts([spec]))[0]!;
  mkdirSync(dirname(out), { recursive: true });
  if (out.endsWith(".svg")) {
    writeFileSync(out, svg);
  } else {
    const { Resvg } = await import("@resvg/resvg-js");
    const font = { loadSystemFonts: true, defaultFontFamily: "DejaVu Sans" };
    writeFileSync(out, new Resvg(svg, { fitTo: { mode: "zoom", value: 2 }, font }).render().asPng());
  }
  return spec.lines.length;
}

if (process.argv[1]?.endsWith("plot-curve.ts")) {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { out: { type: "string", short: "o", default: "docs/img/curve.png" }, x: { type: "string" } },
  });
  if (positionals.length === 0) {
    console.error("usage: npx tsx scripts/plot-curve.ts RUN… -o docs/img/curve.png [--x step|tokens]");
    process.exitCode = 2;
  } else {
    const n = await curvePng(positionals, values.out, values.x === "step" ? "step" : "tokens");
    console.log(`${values.out}: ${n} runs`);
  }
}
