/**
 * The fallback where Yosys cannot read a golden: ports from the module's header (ANSI or not), widths from constant
 * expressions over parameters, clocks and resets from sensitivity lists and names.
 */

import {
  activeLevelByName,
  type ClockPort,
  type InterfaceResult,
  looksLikeClock,
  looksLikeReset,
  type Port,
  type ResetPort,
} from "./interface.js";
import type { Token } from "./lexer.js";
import { constantOf } from "./numbers.js";
import { closing } from "./preprocess.js";

type Direction = "input" | "output" | "inout";
const DIRECTIONS = new Set(["input", "output", "inout"]);
const TYPE_WORDS = new Set("wire reg logic bit signed unsigned var tri integer int byte".split(" "));
const TYPE_WIDTH: Readonly<Record<string, number>> = { integer: 32, int: 32, byte: 8 };

export function readHeader(tokens: readonly Token[], top: string): InterfaceResult {
  const start = tokens.findIndex((t, i) => t.text === "module" && tokens[i + 1]?.text === top);
  if (start < 0) return { ok: false, reason: `module ${top} is not defined` };
  let end = start;
  while (end < tokens.length && tokens[end]!.text !== "endmodule") end++;
  const body = tokens.slice(start, end);
  const params = parameters(body);
  const ports = new Map<string, { direction: Direction; width: number }>();
  for (let i = 2; i < body.length; i++) {
    if (!DIRECTIONS.has(body[i]!.text)) continue;
    // Functions and tasks have inputs of their own; ports of the module come before any of them.
    if (body.slice(0, i).some((t) => t.text === "function" || t.text === "task")) break;
    const direction = body[i]!.text as Direction;
    let width = 1;
    let k = i + 1;
    while (k < body.length) {
      const t = body[k]!;
      if (TYPE_WORDS.has(t.text)) {
        width = TYPE_WIDTH[t.text] ?? width;
        k++;
      } else if (t.text === "[") {
        const close = closing(body, k);
        const w = rangeWidth(body.slice(k + 1, close), params);
        if (w === null)
          return {
            ok: false,
            reason: `line ${t.line}: the width of a port is not a constant this reader knows`,
          };
        width *= w;
        k = close + 1;
      } else break;
    }
    while (k < body.length) {
      const t = body[k]!;
      if (t.kind !== "id" || DIRECTIONS.has(t.text)) break;
      if (body[k + 1]?.text === "[") return { ok: false, reason: `port ${t.text} is an unpacked array` };
      ports.set(t.text, { direction, width });
      k++;
      if (body[k]?.text === "=") while (k < body.length && !",;)".includes(body[k]!.text)) k++;
      const next = body[k + 1];
      if (body[k]?.text !== "," || next === undefined || DIRECTIONS.has(next.text)) break;
      k++;
    }
    i = k - 1;
  }
  const inputs: Port[] = [];
  const outputs: Port[] = [];
  for (const [name, p] of ports) {
    if (p.direction === "inout") return { ok: false, reason: `port ${name} is inout` };
    (p.direction === "input" ? inputs : outputs).push({ name, width: p.width });
  }
  const edges = new Map<string, Set<string>>();
  let stateful = body.some((t) => t.text === "always_ff" || t.text === "always_latch");
  for (let i = 0; i < body.length; i++) {
    const t = body[i]!.text;
    if (t !== "posedge" && t !== "negedge") continue;
    stateful = true;
    const name = body[i + 1]!.text;
    edges.set(name, (edges.get(name) ?? new Set()).add(t));
  }
  const oneBit = inputs.filter((p) => p.width === 1).map((p) => p.name);
  const edged = oneBit.filter((n) => edges.has(n));
  const isReset = (n: string): boolean => looksLikeReset(n) && !looksLikeClock(n);
  let clockNames = edged.filter((n) => !isReset(n));
  if (clockNames.length > 1 && clockNames.some(looksLikeClock))
    clockNames = clockNames.filter(looksLikeClock);
  const clocks: ClockPort[] = clockNames.map((name) => {
    const e = edges.get(name)!;
    return { name, edge: e.size > 1 ? "both" : e.has("posedge") ? "pos" : "neg" };
  });
  const resets: ResetPort[] = oneBit
    .filter((n) => stateful && !clockNames.includes(n) && (isReset(n) || edges.has(n)))
    .map((name) =>
      edges.has(name)
        ? { name, active: edges.get(name)!.has("posedge") ? 1 : 0, style: "async" }
        : { name, active: activeLevelByName(name), style: "sync" },
    );
  return {
    ok: true,
    iface: {
      inputs,
      outputs,
      clocks,
      resets,
      enables: oneBit.filter((n) => /(?:^|_)(?:en|ena|enable|ce|we|valid)(?:_|$)/i.test(n)),
      registers: [],
      stateBits: 0,
      memoryWords: 0,
      stateful,
      derivedClock: false,
      source: "header",
    },
  };
}

function parameters(body: readonly Token[]): Map<string, number> {
  const out = new Map<string, number>();
  for (let i = 0; i < body.length; i++) {
    if (body[i]!.text !== "parameter" && body[i]!.text !== "localparam") continue;
    for (let k = i + 1; k < body.length && body[k]!.text !== ";"; k++) {
      if (body[k]!.text !== "=" || body[k - 1]!.kind !== "id") continue;
      let depth = 0;
      let e = k + 1;
      for (; e < body.length; e++) {
        const c = body[e]!.text;
        if ("([{".includes(c)) depth++;
        else if (")]}".includes(c) && --depth < 0) break;
        if (depth === 0 && (c === "," || c === ";")) break;
      }
      const value = evaluate(body.slice(k + 1, e), out);
      if (value !== null) out.set(body[k - 1]!.text, value);
    }
  }
  return out;
}

function rangeWidth(tokens: readonly Token[], params: ReadonlyMap<string, number>): number | null {
  const colon = tokens.findIndex((t) => t.text === ":");
  if (colon < 0) return null;
  const hi = evaluate(tokens.slice(0, colon), params);
  const lo = evaluate(tokens.slice(colon + 1), params);
  return hi === null || lo === null ? null : Math.abs(hi - lo) + 1;
}

/** Constant expressions over + - * / % << >> ( ) $clog2 and known parameters; null where it knows no better. */
export function evaluate(tokens: readonly Token[], params: ReadonlyMap<string, number>): number | null {
  let at = 0;
  const peek = (): string | undefined => tokens[at]?.text;
  const LEVELS: readonly (readonly string[])[] = [
    ["<<", ">>"],
    ["+", "-"],
    ["*", "/", "%"],
  ];
  const apply = (op: string, a: number, b: number): number =>
    op === "+"
      ? a + b
      : op === "-"
        ? a - b
        : op === "*"
          ? a * b
          : op === "/"
            ? Math.trunc(a / b)
            : op === "%"
              ? a % b
              : op === "<<"
                ? a * 2 ** b
                : Math.floor(a / 2 ** b);
  const level = (k: number): number | null => {
    if (k === LEVELS.length) return unary();
    let left = level(k + 1);
    while (left !== null && LEVELS[k]!.includes(peek() ?? "")) {
      const op = tokens[at++]!.text;
      const right = level(k + 1);
      left = right === null ? null : apply(op, left, right);
    }
    return left;
  };
  const unary = (): number | null => {
    const t = tokens[at++];
    if (t === undefined) return null;
    if (t.text === "-" || t.text === "+") {
      const v = unary();
      return v === null ? null : t.text === "-" ? -v : v;
    }
    if (t.text === "(") {
      const v = level(0);
      return tokens[at++]?.text === ")" ? v : null;
    }
    if (t.text === "$clog2" && tokens[at]?.text === "(") {
      at++;
      const v = level(0);
      return tokens[at++]?.text === ")" && v !== null ? Math.ceil(Math.log2(Math.max(1, v))) : null;
    }
    if (t.kind === "num") {
      const c = constantOf(t.text);
      return c === null ? null : Number(c.value);
    }
    return params.get(t.text) ?? null;
  };
  const value = level(0);
  return at === tokens.length && value !== null && Number.isFinite(value) ? value : null;
}
