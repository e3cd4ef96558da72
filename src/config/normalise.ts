/**
 * Two kindnesses of config files, applied before validation:
 * - suffixes of counts as vLLM reads them: small letters are decimal (8k = 8,000; 1.5m = 1,500,000), capitals binary
 *   (32K = 32,768; 1M = 1,048,576), wherever the schema takes only numbers;
 * - a section with nothing below it (`rl:`, all its keys commented out) is a section of defaults.
 */

import { isSection, type JsonSchema, numberOnly, schemaAt } from "./keys.js";
import type { MapTree, Path, Tree } from "./tree.js";

const SCALE: Readonly<Record<string, number>> = {
  k: 1e3,
  m: 1e6,
  g: 1e9,
  K: 2 ** 10,
  M: 2 ** 20,
  G: 2 ** 30,
};

export function readSuffixed(text: string): number | undefined {
  const parts = /^(\d+(?:\.\d+)?)([kmgKMG])$/.exec(text);
  return parts ? Math.round(Number(parts[1]) * SCALE[parts[2]!]! * 1e6) / 1e6 : undefined;
}

export function normalise(tree: MapTree, schema: JsonSchema): MapTree {
  const walk = (node: Tree, path: Path): Tree => {
    switch (node.kind) {
      case "map": {
        const entries: MapTree["entries"] = new Map();
        for (const [name, entry] of node.entries) {
          const below = [...path, name];
          if (isEmptySection(entry.tree, schemaAt(schema, below))) continue;
          entries.set(name, { at: entry.at, tree: walk(entry.tree, below) });
        }
        return { ...node, entries };
      }
      case "list":
        return { ...node, items: node.items.map((item, i) => walk(item, [...path, i])) };
      case "leaf": {
        if (typeof node.value !== "string" || !numberOnly(schemaAt(schema, path))) return node;
        const value = readSuffixed(node.value);
        return value === undefined ? node : { ...node, value };
      }
      default:
        return node satisfies never;
    }
  };
  return walk(tree, []) as MapTree;
}

const isEmptySection = (tree: Tree, schema: JsonSchema | undefined): boolean =>
  tree.kind === "leaf" &&
  tree.value === null &&
  tree.origin.kind === "file" &&
  schema !== undefined &&
  isSection(schema);
