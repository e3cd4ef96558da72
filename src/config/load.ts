/**
 * Files and overrides to one validated config that remembers where each value came from:
 * defaults < extends < `--config` files left to right < overrides left to right.
 */

import { createHash } from "node:crypto";
import { stringify } from "yaml";
import type { z } from "zod";
import { TrainError } from "../core/errors.js";
import { KNOB_RULES, type KnobRule } from "../core/knobs.js";
import { explainIssues } from "./explain.js";
import { findConfig, loadFile, showPath } from "./files.js";
import { jsonSchemaOf, keysOf } from "./keys.js";
import { normalise } from "./normalise.js";
import { type Mistake, type Origin, showMistake, showSource } from "./origin.js";
import { applyOverrides } from "./override.js";
import { emptyMap, find, type MapTree, merge, type Path, plain, removeIn } from "./tree.js";
import { unreadKnobs } from "./unread.js";

export interface LoadRequest {
  readonly stage: string;
  /** The schema of every stage: the one named by `stage` is used, the others recognise a config of theirs. */
  readonly schemas: Readonly<Record<string, z.ZodType>>;
  /** Config names or paths, left to right; none = defaults. */
  readonly configs: readonly string[];
  readonly overrides: readonly string[];
  readonly cwd: string;
  /** Root of the package; configs are looked for under its configs/ too. */
  readonly root: string;
}

export interface Provenance {
  /** "default", "override", or "file:line". */
  readonly source: string;
}

export interface LoadedConfig<C = unknown> {
  readonly config: C;
  /** By dotted key of each value, in the order of the config. */
  readonly provenance: ReadonlyMap<string, Provenance>;
  /** The resolved config as YAML. */
  readonly text: string;
  readonly hash: string;
  /** Files as messages show them, those extended first. */
  readonly files: readonly string[];
}

/** Throws one TrainError("config") that lists every mistake. */
export function loadConfig<C = unknown>(request: LoadRequest): LoadedConfig<C> {
  const { stage, schemas, cwd, root } = request;
  const schema = schemas[stage];
  if (!schema) throw new TrainError("bug", `no schema of stage ${stage}`);
  const keys = keysOf(schema);
  const names = new Set(keys.map((k) => k.key));

  let tree: MapTree = emptyMap({ kind: "default" });
  const mistakes: Mistake[] = [];
  const files: string[] = [];
  for (const name of request.configs) {
    const loaded = loadFile(findConfig(name, cwd, root), cwd);
    mistakes.push(...loaded.mistakes);
    files.push(...loaded.files.map((f) => showPath(f, cwd)));
    tree = merge(tree, loaded.tree) as MapTree;
  }
  // Sections of a file that did not parse are missing, so checking the rest would report what is not wrong.
  if (mistakes.length > 0) throw failure(stage, mistakes);

  const other = otherStage(tree, stage, schemas);
  if (other !== undefined) throw other;

  const applied = applyOverrides(tree, request.overrides, (key) => names.has(key));
  mistakes.push(...applied.mistakes);
  const json = jsonSchemaOf(schema);
  tree = normalise(applied.tree, json);
  const result = schema.safeParse(plain(tree), { reportInput: false });
  if (!result.success) mistakes.push(...explainIssues(result.error.issues, tree, json, keys));
  // What the other mistakes leave of the config is asked too, so that all are reported at once.
  const left = result.success ? tree : without(tree, result.error.issues);
  const sound = result.success ? result : schema.safeParse(plain(left));
  if (sound.success) mistakes.push(...unreadKnobs(sound.data, rulesFor(schema, tree, left), tree, files));
  if (mistakes.length > 0 || !result.success) throw failure(stage, mistakes);

  const config = result.data as C;
  return {
    config,
    provenance: provenanceOf(config, tree),
    text: toYaml(config),
    hash: hashOf(config),
    files,
  };
}

/** The rules of a schema whose choices were not taken out of the tree: what a misspelt choice reads is not known. */
const rulesFor = (schema: z.ZodType, tree: MapTree, left: MapTree): readonly KnobRule<never>[] =>
  (KNOB_RULES.get(schema)?.rules ?? []).filter(({ choosers }) =>
    choosers
      .map((c) => c.split("."))
      .every((c) => find(left, c) !== undefined || find(tree, c) === undefined),
  );

/** The tree without the values that these issues are about. */
const without = (tree: MapTree, issues: readonly z.core.$ZodIssue[]): MapTree =>
  issues
    .flatMap((issue) =>
      issue.code === "unrecognized_keys" ? issue.keys.map((key) => [...issue.path, key]) : [issue.path],
    )
    .reduce((left, path) => removeIn(left, path.map(String)), tree);

/** The same config under a run name (generated names are not part of what a run is). */
export function withRunName<C>(loaded: LoadedConfig<C>, name: string): LoadedConfig<C> {
  const config = structuredClone(loaded.config) as C & { run: { name: string } };
  config.run = { ...config.run, name };
  return { ...loaded, config, text: toYaml(config) };
}

export const toYaml = (config: unknown): string => stringify(config, { lineWidth: 0, version: "1.2" });

/** Names what is trained: 16 hex digits of SHA-256 over everything but where the run is stored. */
export function hashOf(config: unknown): string {
  const { run, ...rest } = config as { run?: Record<string, unknown> };
  const { name: _name, dir: _dir, ...kept } = run ?? {};
  return createHash("sha256")
    .update(JSON.stringify({ run: kept, ...rest }))
    .digest("hex")
    .slice(0, 16);
}

/** Keys of the values of a config (lists are values), with where each came from. */
function provenanceOf(config: unknown, tree: MapTree): Map<string, Provenance> {
  const out = new Map<string, Provenance>();
  const walk = (value: unknown, path: Path): void => {
    if (
      typeof value === "object" &&
      value !== null &&
      !Array.isArray(value) &&
      Object.keys(value).length > 0
    ) {
      for (const [name, child] of Object.entries(value)) walk(child, [...path, name]);
    } else if (path.length > 0) {
      const origin: Origin = find(tree, path)?.origin ?? { kind: "default" };
      out.set(path.join("."), { source: showSource(origin) });
    }
  };
  walk(config, []);
  return out;
}

function failure(stage: string, mistakes: readonly Mistake[]): TrainError {
  const count = mistakes.length === 1 ? "a mistake" : `${mistakes.length} mistakes`;
  return new TrainError("config", `the config has ${count}; nothing was started`, {
    details: [...mistakes].sort(byPlace).map(showMistake),
    hint: `every key with its default and meaning: train config reference --stage ${stage}`,
  });
}

/** Files before overrides; inside a file by line. The sort is stable, so files and overrides keep their order. */
function byPlace(a: Mistake, b: Mistake): number {
  const [x, y] = [a.origin, b.origin];
  if (x.kind !== y.kind) return x.kind === "override" ? 1 : y.kind === "override" ? -1 : 0;
  if (x.kind !== "file" || y.kind !== "file" || x.file !== y.file) return 0;
  return x.line - y.line || x.col - y.col;
}

/** Sections that this stage does not know and another one does: the wrong --stage rather than so many typos. */
function otherStage(tree: MapTree, stage: string, schemas: LoadRequest["schemas"]): TrainError | undefined {
  const sections = (name: string): string[] => Object.keys(jsonSchemaOf(schemas[name]!).properties ?? {});
  const foreign = [...tree.entries.keys()].filter((key) => !sections(stage).includes(key));
  if (foreign.length === 0) return undefined;
  const fits = Object.keys(schemas).find(
    (s) => s !== stage && foreign.every((key) => sections(s).includes(key)),
  );
  if (fits === undefined) return undefined;
  const at = showSource(tree.entries.get(foreign[0]!)!.at);
  return new TrainError(
    "config",
    `this looks like ${/^[aeiou]|^rl/.test(fits) ? "an" : "a"} ${fits} config: ${at} has a section \`${foreign[0]}\`, which --stage ${stage} does not know`,
    { hint: `use --stage ${fits}, or take the section away` },
  );
}
