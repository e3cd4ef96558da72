/**
 * How well the house is in order, as a table with a target a row: `npx tsx scripts/house.ts [--places]`.
 * `--places` lists what each row counts. test/repo/house.test.ts holds the rows to their limits.
 */

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { importsOf, layerOf, withoutComments } from "./check-imports.js";
import { readSyntax } from "./syntax.js";

export interface Row {
  readonly key: string;
  readonly what: string;
  /** A count, or a share in percent. */
  readonly value: number;
  readonly target: string;
  readonly met: boolean;
  /** What was counted: a place a line. For a share, what is missing. */
  readonly places: readonly string[];
}

/** Functions longer than this are listed. */
const LONG = 100;
/** What is saved and read back passes through these layers. */
const SAVED = ["stages", "run", "rl", "rl/algo", "rl/loop"];
const PAGES = ["CONTRIBUTING.md", "ARCHITECTURE.md"];
const READMES = ["src/equiv", "src/engine", "src/data/primer", "bench", "designs"].map(
  (f) => `${f}/README.md`,
);

/** Every row of the table, for the repository at `root`. */
export function measure(root: string): Row[] {
  const src = join(root, "src");
  const syntax = readSyntax(join(root, "tsconfig.build.json"), src);
  const graph = importGraph(src);
  const row = (
    key: string,
    what: string,
    target: string,
    value: number,
    met: boolean,
    places: readonly string[],
  ): Row => ({ key, what, value, target, met, places });
  const atMost = (key: string, what: string, most: number, places: readonly string[]): Row =>
    row(key, what, `<= ${most}`, places.length, places.length <= most, places);

  const long = syntax.functions
    .filter((f) => f.lines > LONG)
    .sort((a, b) => b.lines - a.lines)
    .map((f) => `${f.file}:${f.line} ${f.name} (${f.lines} lines)`);
  const casts = syntax.casts
    .filter((c) => SAVED.includes(layerOf(c.file)))
    .map((c) => `${c.file}:${c.line} as unknown as ${c.name}`);
  const bare = syntax.exported.filter((e) => !e.documented);
  const share = Math.round(1000 * (1 - bare.length / syntax.exported.length)) / 10;
  const missing = [...PAGES, ...READMES].filter((page) => !existsSync(join(root, page)));
  return [
    atMost("mutual", "pairs of folders that import each other", 0, mutualPairs(graph)),
    atMost("inner", "files of reward and equiv that stages import", 5, innerFiles(graph)),
    atMost("long", `functions above ${LONG} lines`, 7, long),
    atMost(
      "longStages",
      `functions above ${LONG} lines in stages`,
      0,
      long.filter((place) => place.startsWith("stages/")),
    ),
    atMost("casts", "`as unknown as` on saved state", 0, casts),
    row(
      "documented",
      "exported functions and classes with a doc comment, %",
      ">= 85",
      share,
      share >= 85,
      bare.map((e) => `${e.file}:${e.line} ${e.name}`),
    ),
    atMost("pages", "missing pages: CONTRIBUTING, ARCHITECTURE, READMEs", 0, missing),
  ];
}

/** Share of exported functions and classes with a doc comment by top folder, in percent. */
export function documentedByFolder(root: string): ReadonlyMap<string, number> {
  const { exported } = readSyntax(join(root, "tsconfig.build.json"), join(root, "src"));
  const counts = new Map<string, { all: number; documented: number }>();
  for (const { file, documented } of exported) {
    const folder = file.split("/")[0]!;
    const so = counts.get(folder) ?? { all: 0, documented: 0 };
    counts.set(folder, { all: so.all + 1, documented: so.documented + (documented ? 1 : 0) });
  }
  return new Map([...counts].map(([folder, c]) => [folder, Math.round((100 * c.documented) / c.all)]));
}

/** File -> files it imports, all from the root of the source tree. */
function importGraph(src: string): ReadonlyMap<string, readonly string[]> {
  const files = readdirSync(src, { recursive: true, encoding: "utf8" }).filter((f) => f.endsWith(".ts"));
  return new Map(
    files.map((f) => {
      const targets = importsOf(withoutComments(readFileSync(join(src, f), "utf8")))
        .filter(({ name }) => name.startsWith("."))
        .map(({ name }) => relative(src, resolve(src, dirname(f), name)).replace(/\.js$/, ".ts"));
      return [f, targets.map((t) => t.replaceAll("\\", "/"))];
    }),
  );
}

/** Folders as the import check knows them. A schema may be read from anywhere and counts for none. */
function mutualPairs(graph: ReadonlyMap<string, readonly string[]>): string[] {
  const edges = new Set<string>();
  for (const [file, targets] of graph)
    for (const target of targets) {
      const [from, to] = [layerOf(file), layerOf(target)];
      if (from !== to && !target.endsWith("schema.ts")) edges.add(`${from} ${to}`);
    }
  return [...edges]
    .map((edge) => edge.split(" ") as [string, string])
    .filter(([from, to]) => from < to && edges.has(`${to} ${from}`))
    .map(([from, to]) => `${from} and ${to}`);
}

/** Each inner file once, with one of the stages that import it. */
function innerFiles(graph: ReadonlyMap<string, readonly string[]>): string[] {
  const found = new Map<string, string>();
  for (const [file, targets] of graph) {
    if (!file.startsWith("stages/")) continue;
    for (const target of targets)
      if (/^(?:reward|equiv)\//.test(target) && !target.endsWith("schema.ts")) found.set(target, file);
  }
  return [...found].map(([target, file]) => `${target} (by ${file})`).sort();
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const root = fileURLToPath(new URL("..", import.meta.url)).replace(/\/$/, "");
  const rows = measure(root);
  for (const r of rows) {
    console.log(
      `${r.met ? "ok  " : "NO  "}  ${r.what.padEnd(54)} ${String(r.value).padStart(5)}   target ${r.target}`,
    );
    if (process.argv.includes("--places")) for (const place of r.places) console.log(`        ${place}`);
  }
  if (process.argv.includes("--places"))
    for (const [folder, share] of documentedByFolder(root))
      console.log(`documented in ${folder}: ${share} %`);
}
