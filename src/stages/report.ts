/** Composition root of the report: reads a run directory, draws, writes `report.html`. */

import { join } from "node:path";
import { drawCharts } from "../report/charts.js";
import { figures } from "../report/figures.js";
import { page } from "../report/page.js";
import { readRun } from "../report/read.js";
import { writeAtomic } from "../run/files.js";

/**
 * Writes `<run>/report.html` and returns its path. The run may be unfinished or still running.
 * @throws TrainError usage when it is not a run directory; tool when the file cannot be written
 */
export async function writeReport(run: string, now = new Date()): Promise<string> {
  const data = readRun(run);
  const shown = figures(data.steps);
  const charts = await drawCharts(shown.map((f) => f.spec));
  const path = join(run, "report.html");
  writeAtomic(path, page(data, shown, charts, now));
  return path;
}
