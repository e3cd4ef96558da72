/** zod's findings in the words of the person who wrote the config: where, which key, what was expected, what was got. */

import type { z } from "zod";
import { expectation, type JsonSchema, type KeyInfo, readersOf, schemaAt } from "./keys.js";
import { nearestKey } from "./nearest.js";
import type { Mistake } from "./origin.js";
import { describe } from "./parse.js";
import { dotted, find, locate, type MapTree, type Path, plain } from "./tree.js";

type Issue = z.core.$ZodIssue;

export function explainIssues(
  issues: readonly Issue[],
  tree: MapTree,
  schema: JsonSchema,
  keys: readonly KeyInfo[],
): Mistake[] {
  const names = keys.map((k) => k.key);
  return issues.flatMap((issue) => {
    const path = issue.path as Path;
    if (issue.code === "unrecognized_keys")
      return issue.keys.map((key) => unknownKey([...path, key], tree, names, schema));
    const at = find(tree, path);
    const got = at ? describe(plain(at)) : "nothing";
    const expected = schemaAt(schema, path);
    // A rule in words of its own (custom, a named pattern) says more than the type.
    const own = issue.code === "custom" || issue.code === "invalid_format" || !expected;
    const message = own
      ? `${issue.message} (${at ? `got ${got}` : "by default"})`
      : `expected ${expectation(expected)}, got ${got}`;
    return [{ origin: locate(tree, path), key: dotted(path), message }];
  });
}

function unknownKey(path: Path, tree: MapTree, all: readonly string[], schema: JsonSchema): Mistake {
  const key = dotted(path);
  const names = all.filter((n) => strangerIn(n.split("."), tree, schema) === null);
  const entry = find(tree, path);
  const parent = find(tree, path.slice(0, -1));
  const at = parent?.kind === "map" ? parent.entries.get(String(path.at(-1)))?.at : undefined;
  const origin = at ?? entry?.origin ?? locate(tree, path);
  const last = String(path.at(-1));
  if (origin.kind === "file" && last.includes(".") && names.includes(key)) {
    const [head, ...rest] = last.split(".");
    return {
      origin,
      key,
      message: `unknown key; in a file, nest it: ${head}: { ${rest.join(": { ")}: … ${"}".repeat(rest.length)}`,
    };
  }
  const stranger = strangerIn(path, tree, schema);
  if (stranger !== null) return { origin, key, message: stranger };
  const near = nearestKey(key, names);
  if (near !== undefined) return { origin, key, message: `unknown key; did you mean ${near}?` };
  const section = dotted(path.slice(0, -1));
  const siblings = names.filter(
    (n) => n.startsWith(section === "" ? "" : `${section}.`) && depth(n) === depth(section) + 1,
  );
  const where = section === "" ? "the sections are" : `${section} has`;
  return {
    origin,
    key,
    message: `unknown key; ${where} ${siblings.map((s) => s.slice(s.lastIndexOf(".") + 1)).join(", ")}`,
  };
}

/** Why a key that the schema has is not read here: another variant of its section was chosen. Null for all others. */
function strangerIn(path: Path, tree: MapTree, schema: JsonSchema): string | null {
  const parent = path.slice(0, -1);
  const section = schemaAt(schema, parent);
  const readers = section === undefined ? null : readersOf(section, String(path.at(-1)));
  if (readers === null || readers.values.length === 0) return null;
  const set = find(tree, [...parent, readers.key]);
  const chosen = set?.kind === "leaf" ? String(set.value) : readers.preset;
  if (chosen === null || readers.values.includes(chosen)) return null;
  return `not read with ${readers.key}: ${chosen}, only with ${readers.key}: ${readers.values.join(", ")}`;
}

const depth = (key: string): number => (key === "" ? 0 : key.split(".").length);
