/**
 * A config before validation: plain YAML values, each with the place it was written. Later trees win over earlier
 * ones key by key; lists are replaced whole.
 */

import type { Origin } from "./origin.js";

export interface MapTree {
  readonly kind: "map";
  readonly origin: Origin;
  readonly entries: Map<string, { readonly at: Origin; readonly tree: Tree }>;
}
export interface ListTree {
  readonly kind: "list";
  readonly origin: Origin;
  readonly items: readonly Tree[];
}
export interface LeafTree {
  readonly kind: "leaf";
  readonly origin: Origin;
  readonly value: string | number | boolean | null;
}
export type Tree = MapTree | ListTree | LeafTree;

export const emptyMap = (origin: Origin): MapTree => ({ kind: "map", origin, entries: new Map() });

/** `later` over `earlier`; neither is changed. An empty section (`rl:` with nothing below it) changes nothing. */
export function merge(earlier: Tree | undefined, later: Tree): Tree {
  if (earlier?.kind !== "map") return later;
  if (later.kind === "leaf" && later.value === null && later.origin.kind === "file") return earlier;
  if (later.kind !== "map") return later;
  const entries = new Map(earlier.entries);
  for (const [key, entry] of later.entries) {
    entries.set(key, { at: entry.at, tree: merge(entries.get(key)?.tree, entry.tree) });
  }
  return { kind: "map", origin: later.origin, entries };
}

/** The tree as plain data, for the schema. */
export function plain(tree: Tree): unknown {
  switch (tree.kind) {
    case "leaf":
      return tree.value;
    case "list":
      return tree.items.map(plain);
    case "map": {
      const out: Record<string, unknown> = {};
      for (const [key, { tree: value }] of tree.entries) {
        // defineProperty, so that a key named __proto__ stays a key (and is then reported as unknown).
        Object.defineProperty(out, key, {
          value: plain(value),
          enumerable: true,
          writable: true,
          configurable: true,
        });
      }
      return out;
    }
    default:
      return tree satisfies never;
  }
}

export type Path = readonly (string | number)[];
export const dotted = (path: Path): string => path.join(".");

/** The subtree at a path. */
export function find(tree: Tree, path: Path): Tree | undefined {
  let at: Tree | undefined = tree;
  for (const part of path) {
    if (at?.kind === "map") at = at.entries.get(String(part))?.tree;
    else if (at?.kind === "list") at = at.items[Number(part)];
    else return undefined;
  }
  return at;
}

/** Where to point for a path: the value, else the key of the closest section around it. */
export function locate(tree: Tree, path: Path): Origin {
  let at: Tree = tree;
  let origin = tree.origin;
  for (const [i, part] of path.entries()) {
    if (at.kind === "map") {
      const entry = at.entries.get(String(part));
      if (!entry) return origin;
      at = entry.tree;
      origin = i === path.length - 1 && at.kind !== "map" ? at.origin : entry.at;
    } else if (at.kind === "list") {
      const item: Tree | undefined = at.items[Number(part)];
      if (!item) return origin;
      at = item;
      origin = at.origin;
    } else return origin;
  }
  return origin;
}

/** A copy with the value at `path` set; sections on the way are made where they are missing. */
export function setIn(tree: MapTree, path: readonly string[], value: Tree): MapTree {
  const [head, ...rest] = path;
  if (head === undefined) throw new RangeError("setIn needs a path");
  const entries = new Map(tree.entries);
  const below = entries.get(head)?.tree;
  const child =
    rest.length === 0
      ? merge(below, value)
      : setIn(below?.kind === "map" ? below : emptyMap(value.origin), rest, value);
  entries.set(head, { at: value.origin, tree: child });
  return { ...tree, entries };
}

/** A copy without the value at `path`. */
export function removeIn(tree: MapTree, path: readonly string[]): MapTree {
  const [head, ...rest] = path;
  const entry = head === undefined ? undefined : tree.entries.get(head);
  if (head === undefined || !entry) return tree;
  const entries = new Map(tree.entries);
  if (rest.length === 0) entries.delete(head);
  else if (entry.tree.kind === "map") entries.set(head, { at: entry.at, tree: removeIn(entry.tree, rest) });
  return { ...tree, entries };
}
