/**
 * The direction of imports and the purity of the core, checked over every file of a source tree:
 *
 *   cli -> stages -> { rl/loop, sampler, reward, learner, eval, run } -> { data, model, text } -> core
 *                      rl/loop -> rl/algo -> core;  config -> any schema.ts
 *
 * Nothing imports sideways between sampler, reward, learner, run and eval; `rl` and `core` touch no file, process, network,
 * clock or Math.random; only `cli` touches process.argv, process.env and process.exit; there are no cycles.
 *
 * usage: tsx scripts/check-imports.ts [FOLDER]     (default: src)
 */

import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";

/**
 * Layer -> layers it may import besides itself. Every layer may import `core`; a `schema.ts` may import others of its kind.
 * The longest entry that a file's path begins with is its layer, so inner folders have an order of their own.
 */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  core: [],
  text: [],
  rpc: [],
  verilog: [],
  sim: [],
  model: ["text"],
  data: ["text", "model", "verilog"],
  "rl/algo": [],
  rl: ["rl/algo"],
  "rl/loop": ["rl/algo", "rl"],
  "equiv/stimulus": ["verilog"],
  "equiv/testbench": ["verilog", "equiv/stimulus"],
  "equiv/formal": ["verilog", "sim", "equiv/stimulus", "equiv/testbench"],
  "equiv/mutate": ["verilog", "sim", "equiv/stimulus", "equiv/testbench", "equiv/formal"],
  "equiv/golden": ["verilog", "sim", "equiv/stimulus", "equiv/testbench", "equiv/formal", "equiv/mutate"],
  equiv: [
    "verilog",
    "sim",
    "equiv/stimulus",
    "equiv/testbench",
    "equiv/formal",
    "equiv/mutate",
    "equiv/golden",
  ],
  // Those who use the checker see its face, never its rooms.
  reward: ["rpc", "verilog", "sim", "equiv", "text"],
  verify: ["verilog", "equiv", "text"],
  "engine/onnx": [],
  "engine/accelerator": ["engine/onnx", "model"],
  "engine/qwen2": ["engine/onnx", "model"],
  "engine/step": ["engine/qwen2", "model"],
  "engine/ort": ["engine/step", "engine/qwen2", "engine/onnx", "engine/accelerator", "model"],
  "engine/tfjs": ["engine/step", "engine/qwen2", "engine/accelerator", "model"],
  engine: [
    "rpc",
    "engine/ort",
    "engine/tfjs",
    "engine/step",
    "engine/qwen2",
    "engine/onnx",
    "engine/accelerator",
    "model",
  ],
  sampler: ["engine", "engine/accelerator", "data", "model", "text"],
  learner: ["engine", "engine/accelerator", "data", "model", "text"],
  eval: ["data", "model", "text"],
  run: [],
  report: ["run"],
  sweep: ["run", "report"],
  config: [],
  setup: ["engine/accelerator"],
  stages: [
    "setup",
    "rl/loop",
    "rl/algo",
    "rl",
    "sampler",
    "sim",
    "equiv",
    "reward",
    "verify",
    "learner",
    "eval",
    "run",
    "report",
    "sweep",
    "data",
    "engine",
    "engine/accelerator",
    "model",
    "text",
    "config",
  ],
  cli: ["stages", "config", "run"],
};

const PURE = ["core", "rl", "rl/algo", "rl/loop"];
/** What a pure layer may not name, and what it is. */
const IMPURE: readonly (readonly [RegExp, string])[] = [
  [/from\s+"node:(?!assert")[\w/]+"|import\("node:/, "a Node module"],
  [/\bprocess\s*\./, "process"],
  [/\bfetch\s*\(/, "the network"],
  [
    /\b(?:Date\s*\.\s*now|new\s+Date\b|performance\s*\.\s*now|setTimeout|setInterval|setImmediate)\b/,
    "a clock",
  ],
];
/** What nothing outside cli may name. */
const CLI_ONLY: readonly (readonly [RegExp, string])[] = [
  [/\bprocess\s*\.\s*(?:argv|exit|exitCode|env)\b/, "process.argv, process.env or process.exit"],
];
const NOWHERE: readonly (readonly [RegExp, string])[] = [
  [/\bMath\s*\.\s*random\b/, "Math.random (draw from core/rng)"],
];
/** The one place of each exception, with its reason. */
const EXCEPTIONS: ReadonlyMap<string, string> = new Map([
  ["engine/onnx/runtime.ts", "switches telemetry off before the native module is loaded"],
  [
    "reward/process/process-entry.ts",
    "is a program of its own, which ends itself with the program that started it",
  ],
  ["engine/accelerator/load-tfjs.ts", "sets TensorFlow's switches before the native module is loaded"],
]);

export interface Violation {
  readonly file: string;
  readonly line: number;
  readonly message: string;
}

/** Every violation below `root`, by file and line. */
export function checkImports(root: string): Violation[] {
  const files = readdirSync(root, { recursive: true, encoding: "utf8" })
    .map((f) => f.replaceAll("\\", "/"))
    .filter((f) => f.endsWith(".ts"))
    .sort();
  const violations: Violation[] = [];
  const graph = new Map<string, string[]>();
  for (const file of files) {
    const code = withoutComments(readFileSync(join(root, file), "utf8"));
    const found = importsOf(code)
      .filter(({ name }) => name.startsWith("."))
      .map(({ name, line }) => ({
        line,
        target: relative(root, resolve(root, dirname(file), name))
          .replaceAll("\\", "/")
          .replace(/\.js$/, ".ts"),
      }));
    graph.set(
      file,
      found.map((i) => i.target),
    );
    for (const { target, line } of found) {
      const message = mayImport(file, target);
      if (message !== null) violations.push({ file, line, message });
    }
    violations.push(...mentions(file, code));
  }
  return [...violations, ...cyclesOf(graph)];
}

export function layerOf(file: string): string {
  const [first = "", second] = file.split("/");
  const both = `${first}/${second}`;
  return both in ALLOWED ? both : first;
}

function mayImport(file: string, target: string): string | null {
  const [from, to] = [layerOf(file), layerOf(target)];
  if (target.startsWith("..")) return `imports ${target}, outside the source tree`;
  const allowed = ALLOWED[from];
  if (allowed === undefined) return `is in ${from}, which has no place in the order of layers`;
  if (from === to || to === "core" || allowed.includes(to)) return null;
  const schema = target.endsWith("/schema.ts");
  if (schema && (from === "config" || file.endsWith("/schema.ts") || from === "cli")) return null;
  if (from === "cli") return null; // the outermost layer may name anything
  return `${from} may not import ${to} (${target}); it may import ${["core", ...allowed].join(", ")}`;
}

function mentions(file: string, code: string): Violation[] {
  const layer = layerOf(file);
  const rules = [
    ...NOWHERE,
    ...(layer === "cli" || EXCEPTIONS.has(file) ? [] : CLI_ONLY),
    // A schema is read by config; it may not do more than the rest of its layer.
    ...(PURE.includes(layer) ? IMPURE : []),
  ];
  return code.split("\n").flatMap((text, i) =>
    rules
      .filter(([pattern]) => pattern.test(text))
      .map(([, what]) => ({
        file,
        line: i + 1,
        message: `${layer} may not touch ${what}`,
      })),
  );
}

/** Comments become blanks, so that lines keep their numbers; strings stay, because import names are strings. */
export function withoutComments(text: string): string {
  const token = /"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`|\/\/[^\n]*|\/\*[\s\S]*?\*\//g;
  return text.replace(token, (t) => (t.startsWith("/") ? t.replace(/[^\n]/g, " ") : t));
}

export function importsOf(code: string): { name: string; line: number }[] {
  const pattern =
    /(?:^|[;}\s])(?:import|export)\s[^"';]*?from\s*"([^"]+)"|(?:^|[;\s])import\s*"([^"]+)"|\bimport\(\s*"([^"]+)"/g;
  return [...code.matchAll(pattern)].map((m) => ({
    name: m[1] ?? m[2] ?? m[3]!,
    line: code.slice(0, m.index + m[0].length).split("\n").length,
  }));
}

/** One violation for each cycle, reported at its first file. */
function cyclesOf(graph: ReadonlyMap<string, readonly string[]>): Violation[] {
  const done = new Set<string>();
  const out: Violation[] = [];
  const visit = (file: string, path: readonly string[]): void => {
    const at = path.indexOf(file);
    if (at >= 0) {
      const cycle = [...path.slice(at), file];
      out.push({ file: cycle[0]!, line: 1, message: `a cycle: ${cycle.join(" -> ")}` });
      return;
    }
    if (done.has(file)) return;
    for (const next of graph.get(file) ?? []) visit(next, [...path, file]);
    done.add(file);
  };
  for (const file of graph.keys()) visit(file, []);
  return out;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const root = process.argv[2] ?? fileURLToPath(new URL("../src", import.meta.url));
  const violations = checkImports(root);
  for (const v of violations) console.error(`${join(root, v.file)}:${v.line} ${v.message}`);
  if (violations.length > 0) process.exitCode = 1;
}
