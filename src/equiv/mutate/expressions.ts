/** Faults inside expressions: operators, constants, bounds, names, indices, exchanged alternatives. */

import { isKeyword } from "../../verilog/keywords.js";
import type { Token } from "../../verilog/lexer.js";
import type { Expression, Span } from "../../verilog/outline.js";
import { closing } from "../../verilog/preprocess.js";
import type { Edit, Operator, Site } from "./fault.js";
import { flipped, plus } from "./literals.js";
import { dependsOn, type Wiring } from "./wiring.js";

const SWAPPED: Readonly<Record<string, readonly string[]>> = {
  "+": ["-"],
  "-": ["+"],
  "*": ["+"],
  "/": ["*"],
  "%": ["/"],
  "&": ["|", "^"],
  "|": ["&", "^"],
  "^": ["~^", "|"],
  "~^": ["^"],
  "^~": ["^"],
  "&&": ["||"],
  "||": ["&&"],
  "==": ["!="],
  "!=": ["=="],
  "===": ["!=="],
  "!==": ["==="],
  "<": ["<=", ">"],
  "<=": ["<", ">="],
  ">": [">=", "<"],
  ">=": [">", "<="],
  "<<": [">>"],
  ">>": ["<<"],
  ">>>": [">>"],
  "<<<": [">>"],
};
const UNARY: Readonly<Record<string, string>> = {
  "~": "",
  "!": "",
  "&": "|",
  "|": "&",
  "^": "&",
  "~&": "~|",
  "~|": "~&",
  "-": "",
};
const COMPARES = new Set(["==", "!=", "<", ">", "<=", ">=", "===", "!=="]);

export function expressionSites(
  tokens: readonly Token[],
  e: Expression,
  wires: Wiring,
  add: (operator: Operator, site: Site) => void,
): void {
  const text = (i: number): string => tokens[i]?.text ?? "";
  const [from, to] = e.span;
  const replace = (at: number, by: string | null): readonly Edit[] | null =>
    by === null ? null : [{ span: [at, at + 1], text: by }];
  const own = new Set(e.target === null ? [] : tokens.slice(e.target[0], e.target[1]).map((t) => t.text));
  for (let i = from; i < to; i++) {
    const t = tokens[i]!;
    const p = i > from ? tokens[i - 1]! : null;
    if (t.text === "[" && p?.kind === "id") {
      indexSites(tokens, i, add);
      if (e.role === "target") {
        i = closing(tokens, i);
        continue;
      }
    }
    if (e.role === "target") continue;
    if (t.kind === "num") {
      const compared = COMPARES.has(p?.text ?? "") || COMPARES.has(i + 1 < to ? text(i + 1) : "");
      const inRange = text(i + 1) === "]" || text(i + 1) === ":" || p?.text === "[";
      if (compared) for (const d of [1n, -1n]) add("bound", () => replace(i, plus(t.text, d)));
      else if (!inRange || e.role === "label") {
        add("constant", (rng) =>
          replace(i, rng.int(2) === 0 ? flipped(t.text, rng) : plus(t.text, rng.int(2) === 0 ? 1n : -1n)),
        );
      }
    } else if (t.kind === "op") {
      if (t.text === "?") ternarySites(tokens, i, to, add);
      const operand = p === null || (p.kind === "op" && !/^[)\]}]$/.test(p.text));
      if (operand) {
        const swapped = UNARY[t.text];
        if (swapped !== undefined) add("operator", () => replace(i, swapped));
      } else {
        for (const s of SWAPPED[t.text] ?? []) add("operator", () => replace(i, s));
      }
    } else if (t.kind === "id" && !isKeyword(t.text) && text(i + 1) !== "(" && p?.text !== ".") {
      const { nets, constants } = e.scope;
      const kind = nets.has(t.text)
        ? nets
        : constants.has(t.text) && e.role !== "parameter"
          ? constants
          : null;
      if (kind === null) continue;
      const width = kind.get(t.text);
      // What reads itself through wires alone would never settle.
      const loops = (name: string): boolean => e.process === 0 && dependsOn(wires, e.scope, name, own);
      const others = [...kind]
        .filter(([n, w]) => n !== t.text && w === width && !own.has(n) && !loops(n))
        .map(([n]) => n);
      if (others.length > 0) add("identifier", (rng) => replace(i, rng.pick(others)));
    }
  }
}

function indexSites(tokens: readonly Token[], open: number, add: (o: Operator, s: Site) => void): void {
  const close = closing(tokens, open);
  const inner = tokens.slice(open + 1, close);
  const shifted = (delta: bigint): readonly Edit[] | null => {
    const edits: Edit[] = [];
    for (let i = open + 1; i < close; i++) {
      const t = tokens[i]!;
      if (t.text === ":" || t.text === "+:" || t.text === "-:") {
        if (t.text !== ":") break;
        continue;
      }
      const to = t.kind === "num" ? plus(t.text, delta) : null;
      if (to === null) return null;
      edits.push({ span: [i, i + 1], text: to });
    }
    return edits.length > 0 ? edits : null;
  };
  if (inner.every((t) => t.kind === "num" || t.text === ":")) {
    for (const d of [1n, -1n]) add("index", () => shifted(d));
  } else if (inner.length === 1 && inner[0]!.kind === "id") {
    add("index", () => [{ span: [close, close], text: "+1" }]);
  }
}

/** `c ? a : b` with a and b exchanged. */
function ternarySites(
  tokens: readonly Token[],
  at: number,
  to: number,
  add: (o: Operator, s: Site) => void,
): void {
  let colon = -1;
  let depth = 0;
  let end = at + 1;
  for (; end < to; end++) {
    const c = tokens[end]!.text;
    if (c === "(" || c === "[" || c === "{") {
      end = closing(tokens, end);
      if (end < 0) return;
    } else if (c === ")" || c === "]" || c === "}" || c === ",") break;
    else if (c === "?") depth++;
    else if (c === ":") {
      if (depth > 0) depth--;
      else if (colon < 0) colon = end;
      else break;
    }
  }
  if (colon < 0) return;
  const [a, b]: Span[] = [
    [at + 1, colon],
    [colon + 1, end],
  ];
  // A nested choice keeps its own reading only in parentheses.
  add("branches", () => [
    { span: a!, text: [bracket("("), ...tokens.slice(b![0], b![1]), bracket(")")] },
    { span: b!, text: tokens.slice(a![0], a![1]) },
  ]);
}

const bracket = (text: string): Token => ({ kind: "op", text, breaks: 0, space: false, line: 0 });
