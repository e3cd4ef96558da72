/**
 * Draws the held-out curve of runs, or of a sweep's arms (means and intervals over seeds), into a picture:
 *   npx tsx scripts/plot-curve.ts RUN… | SWEEP -o docs/img/curve.png [--x step|tokens]
 */

import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { parse } from "yaml";
import { type ChartSpec, drawCharts } from "../src/report/charts.js";
import { curveSpec } from "../src/report/curve.js";
import { readRun } from "../src/report/read.js";
import { sweepResults } from "../src/stages/sweep/report.js";
import { sweepFigures } from "../src/sweep/figures.js";
import { sweepSchema } from "../src/sweep/schema.js";

/** Writes a PNG (or an SVG, by the name) of the runs' held-out curves and returns how many runs it shows. */
export async function curvePng(
  runDirs: readonly string[],
  out: string,
  against: "step" | "tokens" = "tokens",
): Promise<number> {
  const [first] = runDirs;
  const spec =
    first !== undefined && existsSync(join(first, "members"))
      ? sweepSpec(first)
      : curveSpec(
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

/** The arms' curves against tokens, to stand outside a page. */
function sweepSpec(dir: string): ChartSpec {
  const config = parse(readFileSync(join(dir, "config.resolved.yaml"), "utf8")) as { sweep?: unknown };
  const { curves } = sweepResults(dir, sweepSchema.parse(config.sweep));
  const [figure] = sweepFigures(curves);
  if (figure === undefined) throw new Error(`no evaluations in ${dir}`);
  return { ...figure.spec, title: figure.title, height: 480, ink: "#1d2327" };
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
