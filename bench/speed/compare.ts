/**
 * The speed benches beside the figures stored for this class of machine: `npx tsx bench/speed/compare.ts [--only NAMES] [--save]`.
 * NAMES are some of engine, throughput, main-thread, with commas. A figure that is worse by more than its tolerance is a
 * warning and never a failure, because a machine's other work moves it too. `--save` stores what was measured.
 */

import { readFileSync, writeFileSync } from "node:fs";
import { availableParallelism, cpus } from "node:os";
import { join } from "node:path";
import { readArgs } from "../args.js";
import { lastLine } from "../last-line.js";
import { compared, type Stored } from "./compared.js";

const BENCHES = {
  engine: { script: "bench/speed/engine/run.ts", args: ["--no-tfjs"], better: "higher", tolerance: 0.15 },
  throughput: {
    script: "bench/speed/rewarder/throughput/run.ts",
    args: ["--designs", "20", "--mutants", "4", "--seconds", "2", "--rounds", "2"],
    better: "higher",
    tolerance: 0.25,
  },
  "main-thread": {
    script: "bench/speed/rewarder/main-thread/run.ts",
    args: [],
    better: "lower",
    tolerance: 0.8,
  },
} as const;
type Name = keyof typeof BENCHES;

const args = readArgs({ only: Object.keys(BENCHES).join(","), save: false });
const names = args.only.split(",");
const strange = names.filter((name) => !(name in BENCHES));
if (strange.length > 0)
  throw new Error(
    `no bench called ${strange.join(", ")}: expected some of ${Object.keys(BENCHES).join(", ")}`,
  );

const file = join(import.meta.dirname, "baseline.json");
const stored = JSON.parse(readFileSync(file, "utf8")) as Record<string, Record<string, Stored>>;
const machine = `${availableParallelism()} x ${cpus()[0]?.model.trim() ?? "unknown"}`;
const known = stored[machine] ?? {};
for (const name of names as Name[]) {
  const { script, args: words, better, tolerance } = BENCHES[name];
  const result = (await lastLine(script, words)) as { figure: number; unit: string };
  console.log(compared(name, result, known[name] ?? null, better, tolerance));
  known[name] = { figure: result.figure, unit: result.unit, date: new Date().toISOString().slice(0, 10) };
}
if (args.save) writeFileSync(file, `${JSON.stringify({ ...stored, [machine]: known }, null, 2)}\n`);
else if (stored[machine] === undefined)
  console.log(`no figures are stored for ${machine}: --save stores these`);
