/** YAML 1.2 text to a tree with positions, refusing what would be read differently from how it looks. */

import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseAllDocuments,
  parseDocument,
} from "yaml";
import type { Mistake, Origin } from "./origin.js";
import { emptyMap, type LeafTree, type MapTree, type Tree } from "./tree.js";

/** More nodes than any config has: stops alias bombs. */
const MAX_NODES = 50_000;

export interface Parsed {
  readonly tree: MapTree;
  readonly mistakes: readonly Mistake[];
}

/** A whole config file: a map of sections. */
export function parseConfigText(text: string, file: string): Parsed {
  const lines = new LineCounter();
  const docs = parseAllDocuments(text, {
    lineCounter: lines,
    prettyErrors: false,
    version: "1.2",
    uniqueKeys: true,
  });
  const at = (offset: number): Origin => {
    const { line, col } = lines.linePos(offset);
    return { kind: "file", file, line: Math.max(1, line), col: Math.max(1, col) };
  };
  const top = at(0);
  const whole = (message: string, origin: Origin = top): Parsed => ({
    tree: emptyMap(top),
    mistakes: [{ origin, key: "", message }],
  });
  const doc = Array.isArray(docs) ? docs[0] : undefined;
  if (!doc || (doc.contents === null && doc.errors.length === 0)) {
    return whole("the file is empty; expected sections such as `rl:` (write {} for a config of defaults)");
  }
  if (docs.length > 1) {
    return whole(
      "expected one YAML document, got several (--- separates documents)",
      at(docs[1]!.range?.[0] ?? 0),
    );
  }
  const syntax = syntaxMistakes(doc, text, at);
  if (syntax.length > 0) return { tree: emptyMap(top), mistakes: syntax };
  if (!isMap(doc.contents)) {
    const got = isSeq(doc.contents) ? "a list" : describe(doc.toJS());
    return whole(
      `expected a map of sections at the top level, got ${got}`,
      at(doc.contents?.range?.[0] ?? 0),
    );
  }
  const mistakes: Mistake[] = [];
  const tree = treeOf(doc.contents, doc, at, mistakes);
  return { tree: tree.kind === "map" ? tree : emptyMap(top), mistakes };
}

/** The right-hand side of an override. Every value gets the override's own origin. */
export function parseValue(text: string, origin: Origin): { tree: Tree } | { error: string } {
  const doc = parseDocument(text, { prettyErrors: false, version: "1.2", uniqueKeys: true });
  const first = doc.errors[0] ?? doc.warnings[0];
  if (first)
    return {
      error: `the value is not YAML: ${plainSyntax(first.code, first.message)}; quote it if it is text`,
    };
  const mistakes: Mistake[] = [];
  if (doc.contents === null) return { tree: { kind: "leaf", origin, value: null } };
  const tree = treeOf(doc.contents, doc, () => origin, mistakes);
  return mistakes[0] ? { error: mistakes[0].message } : { tree };
}

function syntaxMistakes(doc: Document.Parsed, text: string, at: (offset: number) => Origin): Mistake[] {
  const mistakes: Mistake[] = [];
  const seen = new Set<string>();
  for (const e of [...doc.errors, ...doc.warnings]) {
    const origin = at(tabOffset(text, e.pos[0]) ?? e.pos[0]);
    const message =
      tabOffset(text, e.pos[0]) === undefined ? plainSyntax(e.code, e.message) : "a tab; indent with spaces";
    const key = JSON.stringify([origin, message]);
    if (!seen.has(key)) mistakes.push({ origin, key: "", message });
    seen.add(key);
  }
  return mistakes;
}

/** Offset of a tab in the indentation of the line an error points at, or of the line after it. */
function tabOffset(text: string, offset: number): number | undefined {
  const start = text.lastIndexOf("\n", Math.max(0, offset - 1)) + 1;
  for (const from of [start, text.indexOf("\n", offset) + 1]) {
    const tab = /^ *\t/.exec(text.slice(from, from + 200));
    if (tab && (from === start || from > 0)) return from + tab[0].length - 1;
  }
  return undefined;
}

function plainSyntax(code: string, message: string): string {
  switch (code) {
    case "DUPLICATE_KEY":
      return "the same key twice; keep one";
    case "TAB_AS_INDENT":
      return "a tab; indent with spaces";
    case "TAG_RESOLVE_FAILED":
      return "tags (!name) are not used in configs; remove it";
    default:
      return message.replace(/\s+/g, " ").trim();
  }
}

function treeOf(root: Node, doc: Document, at: (offset: number) => Origin, mistakes: Mistake[]): Tree {
  let nodes = 0;
  const open = new Set<Node>();
  const leaf = (origin: Origin, value: LeafTree["value"]): LeafTree => ({ kind: "leaf", origin, value });

  const walk = (node: Node | null, path: string, fallback: Origin, aliasAt?: Origin): Tree => {
    const origin = aliasAt ?? (node?.range ? at(node.range[0]) : fallback);
    if (node === null) return leaf(origin, null);
    if (++nodes > MAX_NODES) {
      if (nodes === MAX_NODES + 1)
        mistakes.push({ origin, key: path, message: `more than ${MAX_NODES} values` });
      return leaf(origin, null);
    }
    if (isAlias(node)) {
      const target = node.resolve(doc);
      if (!target || open.has(target)) {
        mistakes.push({ origin, key: path, message: `*${node.source} refers to itself` });
        return leaf(origin, null);
      }
      return walk(target, path, origin, origin);
    }
    open.add(node);
    const tree = inside(node, path, origin, aliasAt);
    open.delete(node);
    return tree;
  };

  const inside = (node: Node, path: string, origin: Origin, aliasAt?: Origin): Tree => {
    if (isScalar(node)) {
      const v = node.value;
      if (v === null || typeof v === "string" || typeof v === "number" || typeof v === "boolean")
        return leaf(origin, v);
      return leaf(origin, String(v));
    }
    if (isSeq(node)) {
      return {
        kind: "list",
        origin,
        items: node.items.map((item, i) => walk(item as Node | null, `${path}.${i}`, origin, aliasAt)),
      };
    }
    const map = emptyMap(origin);
    for (const pair of isMap(node) ? node.items : []) {
      const keyNode = pair.key as Node | null;
      const keyAt = aliasAt ?? (keyNode?.range ? at(keyNode.range[0]) : origin);
      if (!isScalar(keyNode) || keyNode.value === null || keyNode.value === "") {
        mistakes.push({ origin: keyAt, key: path, message: "expected a name as the key" });
        continue;
      }
      const name = String(keyNode.value);
      const below = path === "" ? name : `${path}.${name}`;
      if (name === "<<") {
        mistakes.push({
          origin: keyAt,
          key: path,
          message: "merge keys (<<) are YAML 1.1; use `extends:` for shared values",
        });
        continue;
      }
      map.entries.set(name, { at: keyAt, tree: walk(pair.value as Node | null, below, keyAt, aliasAt) });
    }
    return map;
  };
  return walk(root, "", at(0));
}

/** A value as an error message shows it. */
export function describe(value: unknown): string {
  if (value === undefined) return "nothing";
  if (typeof value === "number") return String(value);
  if (Array.isArray(value))
    return value.length === 0 ? "an empty list" : `a list (${clip(JSON.stringify(value))})`;
  if (typeof value === "object" && value !== null) return "a map";
  return clip(JSON.stringify(value));
}

const clip = (text: string): string => (text.length > 60 ? `${text.slice(0, 57)}...` : text);
