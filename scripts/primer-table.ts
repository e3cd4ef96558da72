/**
 * The families tables of docs/primer.md, one for each level. `tsx scripts/primer-table.ts` writes them into the page; a
 * test holds the page to what this prints.
 */

import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { familiesOf, instances, type Level } from "../src/data/primer/index.js";

export const PAGE = new URL("../docs/primer.md", import.meta.url);
const START: Record<"basic" | "hard", string> = {
  basic: "<!-- families: written by scripts/primer-table.ts -->",
  hard: "<!-- hard families: written by scripts/primer-table.ts -->",
};
const END = "<!-- end of families -->";

/** The generated block of a level: totals, then a row per family. */
export function familyTable(level: Level): string {
  const families = familiesOf(level);
  const all = instances(level);
  const count = (split: string) => all.filter((i) => i.split === split).length;
  const rows = families.map((family) => {
    const mine = all.filter((i) => i.family === family);
    const held = mine.filter((i) => i.split === "test").length;
    const weights = new Map<string, number>();
    for (const { circuit } of mine) {
      for (const fault of circuit.faults) weights.set(fault.name, fault.weight);
    }
    const faults = [...weights].sort((a, b) => b[1] - a[1]).map(([name, w]) => `${name} ${w}`);
    const slip = family.role === "trained" ? family.slipRate.toFixed(2) : family.role;
    return `| ${family.name} | ${family.theme} | ${mine.length - held} | ${held} | ${family.difficulty} | ${slip} | ${faults.join(", ")} |`;
  });
  return [
    `${families.length} families, ${all.length} problems: ${count("train")} to train on, ${count("test")} to test on.`,
    "",
    "| family | theme | train | test | difficulty | slip rate | faults and their weights |",
    "| --- | --- | --- | --- | --- | --- | --- |",
    ...rows,
  ].join("\n");
}

/** The page with its blocks replaced. */
export function updatedPage(page: string): string {
  return (["basic", "hard"] as const).reduce((text, level) => {
    const start = START[level];
    const from = text.indexOf(start);
    const to = text.indexOf(END, from);
    if (from < 0 || to < from) throw new Error(`docs/primer.md must hold ${start} and then ${END}`);
    return `${text.slice(0, from + start.length)}\n${familyTable(level)}\n${text.slice(to)}`;
  }, page);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(PAGE, updatedPage(readFileSync(PAGE, "utf8")));
}
