/**
 * The families table of docs/primer.md. `tsx scripts/primer-table.ts` writes it into the page; a test holds the page to
 * what this prints.
 */

import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { FAMILIES, instances } from "../src/data/primer/index.js";

export const PAGE = new URL("../docs/primer.md", import.meta.url);
const START = "<!-- families: written by scripts/primer-table.ts -->";
const END = "<!-- end of families -->";

/** The generated block: totals, then a row per family. */
export function familyTable(): string {
  const all = instances();
  const count = (split: string) => all.filter((i) => i.split === split).length;
  const rows = FAMILIES.map((family) => {
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
    `${FAMILIES.length} families, ${all.length} problems: ${count("train")} to train on, ${count("test")} to test on.`,
    "",
    "| family | theme | train | test | difficulty | slip rate | faults and their weights |",
    "| --- | --- | --- | --- | --- | --- | --- |",
    ...rows,
  ].join("\n");
}

/** The page with its block replaced. */
export function updatedPage(page: string): string {
  const from = page.indexOf(START);
  const to = page.indexOf(END);
  if (from < 0 || to < from) throw new Error(`docs/primer.md must hold ${START} and then ${END}`);
  return `${page.slice(0, from + START.length)}\n${familyTable()}\n${page.slice(to)}`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(PAGE, updatedPage(readFileSync(PAGE, "utf8")));
}
