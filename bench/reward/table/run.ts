/**
 * The reward's target table in one command: `npx tsx bench/reward/table/run.ts [--data DIR] [--quick] [--save]
 * [--only NAMES]`. NAMES are some of deep, cheats, hostile, pairs, self, rewrites, mutants, throughput, main-thread, with commas. Every row has this
 * project's figure, that of CodeV-R1's published check on the same designs, and whether the target is met. `--save`
 * writes bench/reward/results/table.json with machine, versions and date; the last line is one JSON object.
 */

import { mkdirSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { DATA_ROOT } from "../../../designs/index.js";
import { locateTools } from "../../../src/sim/tools.js";
import { readArgs } from "../../args.js";
import { benchMachine } from "../../machine.js";
import { OTHERS, otherRows } from "./others.js";
import { cheatRow, deepRow, hostileRow, pairRows, type Row, type Setting, selfRow } from "./rows.js";

const args = readArgs({ data: DATA_ROOT, quick: false, save: false, only: "" });
const tools = locateTools(process.env.PATH ?? "");
const setting: Setting = {
  root: args.data,
  quick: args.quick,
  tools,
  signal: new AbortController().signal,
  concurrency: availableParallelism(),
};
const makers: readonly (readonly [string, () => Promise<readonly Row[]>])[] = [
  ["deep", async () => [await deepRow(setting)]],
  ["cheats", async () => [await cheatRow(setting)]],
  ["hostile", async () => [await hostileRow(setting)]],
  ["pairs", () => pairRows(setting)],
  ["self", async () => [await selfRow(setting)]],
  ...OTHERS.map((other) => [other.key, () => otherRows(other, setting)] as const),
];
const names = makers.map(([name]) => name);
const only = args.only === "" ? names : args.only.split(",");
const strange = only.filter((name) => !names.includes(name));
if (strange.length > 0)
  throw new Error(`no rows called ${strange.join(", ")}: there are ${names.join(", ")}`);

const COLUMNS = [33, 13, 13, 14, 3] as const;
const line = (cells: readonly string[]): string =>
  cells
    .map((c, k) => c.slice(0, COLUMNS[k]!).padEnd(COLUMNS[k]!))
    .join(" ")
    .trimEnd();

console.log(line(["what", "ours", "baseline", "target", "met"]));
console.log(line(COLUMNS.map((width) => "-".repeat(width))));
const rows: Row[] = [];
for (const [name, make] of makers) {
  if (!only.includes(name)) continue;
  for (const row of await make()) {
    rows.push(row);
    console.log(
      line([row.what, row.ours, row.baseline, row.target, row.met === null ? "?" : row.met ? "yes" : "NO"]),
    );
  }
}
const measured = rows.filter((r) => r.met !== null);
const result = {
  figure: measured.filter((r) => r.met).length,
  unit: `targets met of ${measured.length} measured`,
  baseline: null,
  ratio: measured.length === 0 ? null : measured.filter((r) => r.met).length / measured.length,
  quick: setting.quick,
  rows,
  machine: benchMachine(tools),
};
if (args.save) {
  const dir = join(import.meta.dirname, "../results");
  mkdirSync(dir, { recursive: true });
  writeFileSync(join(dir, "table.json"), `${JSON.stringify(result, null, 2)}\n`);
}
console.log(JSON.stringify(result));
