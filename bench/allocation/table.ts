/** A study as a table of at most 80 columns. */

import type { Row } from "./study.js";

const COLUMNS: readonly (readonly [head: string, width: number, cell: (r: Row) => string])[] = [
  ["arm", 15, (r) => r.label.slice(0, 15)],
  ["snr/1k", 7, (r) => r.snrPerRollouts.toFixed(1)],
  ["/100kt", 7, (r) => r.snrPerTokens.toFixed(1)],
  ["useful", 7, (r) => r.useful.toFixed(1)],
  ["solved", 7, (r) => percent(r.solved)],
  ["failed", 7, (r) => percent(r.failed)],
  ["lost", 5, (r) => percent(r.stale + r.surplus)],
  ["round", 6, (r) => r.rounds.toFixed(2)],
  ["regret", 7, (r) => percent(r.regret)],
  ["seen", 5, (r) => percent(r.visited)],
  ["rate", 6, (r) => r.rateAtEqualTokens.toFixed(3)],
];

const percent = (x: number): string => `${Math.round(100 * x)}%`;

export function tableOf(rows: readonly Row[]): string[] {
  const line = (cells: readonly string[]): string =>
    cells
      .map((c, k) => (k === 0 ? c.padEnd(COLUMNS[k]![1]) : c.padStart(COLUMNS[k]![1])))
      .join("")
      .trimEnd();
  const populations = [...new Set(rows.map((r) => r.population))];
  return populations.flatMap((name) => [
    `population: ${name}`,
    line(COLUMNS.map(([head]) => head)),
    ...rows.filter((r) => r.population === name).map((r) => line(COLUMNS.map(([, , cell]) => cell(r)))),
    "",
  ]);
}
