/**
 * Overrides on the command line, the useful part of Hydra's grammar:
 *   `a.b=value` sets, `+a.b=value` adds a key that no file sets, `~a.b` takes a file's value away (back to the default).
 * Values are YAML: `x=1e-4`, `x=[a, b]`, `x=null`, `x="quoted: text"`.
 */

import type { Mistake, Origin } from "./origin.js";
import { showOrigin } from "./origin.js";
import { parseValue } from "./parse.js";
import { find, type MapTree, removeIn, setIn, type Tree } from "./tree.js";

export type Override =
  | {
      readonly op: "set" | "add";
      readonly path: readonly string[];
      readonly value: Tree;
      readonly origin: Origin;
    }
  | { readonly op: "remove"; readonly path: readonly string[]; readonly origin: Origin };

const GRAMMAR = /^(?<mark>[+~]?)(?<key>[A-Za-z_][\w-]*(?:\.[\w-]+)*)(?:(?<eq>=)(?<value>.*))?$/s;

/** True for words that are meant as an override, well-formed or not. */
export const looksLikeOverride = (word: string): boolean => word.includes("=") || /^[+~]/.test(word);

export function parseOverride(text: string): Override | Mistake {
  const origin: Origin = { kind: "override", text };
  const fail = (message: string): Mistake => ({ origin, key: "", message });
  const parts = GRAMMAR.exec(text)?.groups;
  if (!parts) return fail("expected section.key=value, +section.key=value or ~section.key");
  const path = parts.key!.split(".");
  if (parts.mark === "~") {
    return parts.eq === undefined
      ? { op: "remove", path, origin }
      : fail(`~ takes a value away and has none itself; write ~${parts.key}`);
  }
  if (parts.eq === undefined) return fail(`expected a value; write ${parts.mark}${parts.key}=value`);
  const value = parseValue(parts.value ?? "", origin);
  if ("error" in value) return fail(value.error);
  return { op: parts.mark === "+" ? "add" : "set", path, value: value.tree, origin };
}

/** Applies overrides left to right. What does not apply is reported; unknown keys are left to the schema. */
export function applyOverrides(
  tree: MapTree,
  words: readonly string[],
  known: (key: string) => boolean,
): { tree: MapTree; mistakes: Mistake[] } {
  const mistakes: Mistake[] = [];
  let out = tree;
  for (const word of words) {
    const override = parseOverride(word);
    if (!("op" in override)) {
      mistakes.push(override);
      continue;
    }
    const key = override.path.join(".");
    const existing = find(out, override.path);
    if (override.op === "remove") {
      if (existing) out = removeIn(out, override.path);
      else if (known(key)) {
        mistakes.push({
          origin: override.origin,
          key,
          message: `nothing to take away: no file sets ${key}, it has its default`,
        });
        // An unknown key is put in, so that the schema reports it with the nearest one.
      } else out = setIn(out, override.path, { kind: "leaf", origin: override.origin, value: null });
    } else if (override.op === "add" && existing) {
      mistakes.push({
        origin: override.origin,
        key,
        message: `${key} is already set at ${showOrigin(existing.origin)}; write ${word.slice(1)} to change it`,
      });
    } else out = setIn(out, override.path, override.value);
  }
  return { tree: out, mistakes };
}
