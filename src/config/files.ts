/** Finding config files, reading them, and following `extends`. */

import { readdirSync, readFileSync, statSync } from "node:fs";
import { basename, dirname, extname, isAbsolute, join, relative, resolve } from "node:path";
import { TrainError } from "../core/errors.js";
import { nearNames } from "./nearest.js";
import type { Mistake, Origin } from "./origin.js";
import { parseConfigText } from "./parse.js";
import { emptyMap, type MapTree, merge, type Tree } from "./tree.js";

const MAX_BYTES = 1 << 20;

const isFile = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
const withExtensions = (path: string): string[] =>
  extname(path) === ".yaml" || extname(path) === ".yml" ? [path] : [path, `${path}.yaml`, `${path}.yml`];

const bare = (file: string): string => file.replace(/\.ya?ml$/, "");

/** A path as messages show it: relative to the working directory when it lies below it. */
export function showPath(path: string, cwd: string): string {
  const short = relative(cwd, path);
  return short === "" || short.startsWith("..") || isAbsolute(short) ? path : short;
}

/** Names of the configs that come with the package. */
export function shippedConfigs(root: string): string[] {
  const dir = join(root, "configs");
  const out: string[] = [];
  const walk = (at: string, prefix: string): void => {
    for (const entry of readdirSync(at, { withFileTypes: true })) {
      if (entry.isDirectory()) walk(join(at, entry.name), `${prefix}${entry.name}/`);
      else if (/\.ya?ml$/.test(entry.name) && `${prefix}${entry.name}` !== "reference.yaml")
        out.push(prefix + entry.name);
    }
  };
  if (statSync(dir, { throwIfNoEntry: false })?.isDirectory()) walk(dir, "");
  return out.sort();
}

/** `--config X`: as given, then under the package's configs/; each also with .yaml added. */
export function findConfig(name: string, cwd: string, root: string): string {
  const places = [...withExtensions(resolve(cwd, name)), ...withExtensions(resolve(root, "configs", name))];
  const found = places.find(isFile);
  if (found !== undefined) return found;
  const shipped = shippedConfigs(root);
  const local = listYaml(cwd);
  const near = nearNames(bare(name).replace(/^.*\//, ""), [...shipped, ...local].map(bare));
  throw new TrainError(
    "config",
    `--config ${name}: no such file, neither here nor in ${showPath(join(root, "configs"), cwd)}`,
    {
      hint:
        near.length > 0
          ? `did you mean ${near.map((n) => `--config ${n}.yaml`).join(" or ")}?`
          : `the configs that come with the package: ${shipped.join(", ")}`,
    },
  );
}

export interface LoadedFile {
  readonly tree: MapTree;
  readonly mistakes: readonly Mistake[];
  /** All files read, those extended first. */
  readonly files: readonly string[];
}

/** One file over the files it extends. Mistakes are collected; `chain` holds the files being read, to see cycles. */
export function loadFile(
  path: string,
  cwd: string,
  chain: readonly string[] = [],
  from?: Origin,
): LoadedFile {
  const shown = showPath(path, cwd);
  const origin: Origin = from ?? { kind: "file", file: shown, line: 1, col: 1 };
  const fail = (message: string, at: Origin = origin): LoadedFile => ({
    tree: emptyMap(origin),
    mistakes: [{ origin: at, key: from ? "extends" : "", message }],
    files: [],
  });
  if (chain.includes(path)) {
    return fail(
      `a cycle: ${[...chain.slice(chain.indexOf(path)), path].map((p) => showPath(p, cwd)).join(" -> ")}`,
    );
  }
  let text: string;
  try {
    const size = statSync(path).size;
    if (size > MAX_BYTES) return fail(`${shown} has ${size} bytes; a config has at most ${MAX_BYTES}`);
    text = readFileSync(path, "utf8");
  } catch (e) {
    return fail(`${shown} cannot be read (${(e as NodeJS.ErrnoException).code ?? String(e)})`);
  }
  const parsed = parseConfigText(text, shown);
  const mistakes: Mistake[] = [...parsed.mistakes];
  const own = { ...parsed.tree, entries: new Map(parsed.tree.entries) };
  const parents = own.entries.get("extends");
  own.entries.delete("extends");
  let tree: Tree = emptyMap(own.origin);
  const files: string[] = [];
  for (const parent of parents ? namesOf(parents.tree, mistakes) : []) {
    const target = withExtensions(resolve(dirname(path), parent.name)).find(isFile);
    if (target === undefined) {
      const folder = dirname(resolve(dirname(path), parent.name));
      const near = nearNames(bare(basename(parent.name)), listYaml(folder).map(bare), 1)[0];
      const guess = near === undefined ? "" : `; did you mean ${join(dirname(parent.name), near)}.yaml?`;
      mistakes.push({
        origin: parent.origin,
        key: "extends",
        message: `no such file: ${parent.name}${guess}`,
      });
      continue;
    }
    const loaded = loadFile(target, cwd, [...chain, path], parent.origin);
    mistakes.push(...loaded.mistakes);
    files.push(...loaded.files);
    tree = merge(tree, loaded.tree);
  }
  return { tree: merge(tree, own) as MapTree, mistakes, files: [...files, path] };
}

const listYaml = (dir: string): string[] =>
  statSync(dir, { throwIfNoEntry: false })?.isDirectory()
    ? readdirSync(dir).filter((f) => /\.ya?ml$/.test(f))
    : [];

function namesOf(tree: Tree, mistakes: Mistake[]): { name: string; origin: Origin }[] {
  const items = tree.kind === "list" ? tree.items : [tree];
  const out: { name: string; origin: Origin }[] = [];
  for (const item of items) {
    if (item.kind === "leaf" && typeof item.value === "string" && item.value !== "") {
      out.push({ name: item.value, origin: item.origin });
    } else {
      mistakes.push({
        origin: item.origin,
        key: "extends",
        message: "expected the name of a config file, or a list of them",
      });
    }
  }
  return out;
}
