/** Ports of a module, read from its header (ANSI or not): names, directions and, where they are plain constants, widths. */

import { evaluate, LONGEST_EXPRESSION } from "./constant.js";
import type { DesignInterface } from "./interface.js";
import { BIT_TYPES, DIRECTIONS, isKeyword, OTHER_TYPES, TYPE_WIDTH } from "./keywords.js";
import type { Token } from "./lexer.js";
import { closing } from "./preprocess.js";

export type Direction = "input" | "output" | "inout";

export interface HeaderPort {
  readonly direction: Direction;
  /** Null = not a constant this reader knows. */
  readonly width: number | null;
  /** Why the port cannot be one of plain bits, or null. */
  readonly odd: string | null;
  readonly line: number;
}

const OPENS_PORT: ReadonlySet<string> = new Set([...DIRECTIONS, "ref"]);

/** Tokens of one module, without `endmodule`; null when it is not defined. */
export function moduleBody(tokens: readonly Token[], name: string): readonly Token[] | null {
  const start = tokens.findIndex(
    (t, i) =>
      t.text === "module" &&
      (tokens[i + 1]?.text === name ||
        (/^(automatic|static)$/.test(tokens[i + 1]?.text ?? "") && tokens[i + 2]?.text === name)),
  );
  if (start < 0) return null;
  let end = start;
  while (end < tokens.length && tokens[end]!.text !== "endmodule") end++;
  return tokens.slice(start, end);
}

interface Type {
  readonly width: number | null;
  readonly odd: string | null;
  /** Index after it. */
  readonly end: number;
  readonly explicit: boolean;
}

/** Net type, data type and packed ranges that start at `k`. */
function readType(body: readonly Token[], k: number, params: ReadonlyMap<string, number>): Type {
  let width: number | null = 1;
  let odd: string | null = null;
  const from = k;
  for (; k < body.length; k++) {
    const t = body[k]!;
    if (t.text === "[") {
      const close = closing(body, k, k + 2 * LONGEST_EXPRESSION);
      if (close < 0) return { width: null, odd, end: k, explicit: true };
      const w = rangeWidth(body.slice(k + 1, close), params);
      width = w === null || width === null ? null : width * w;
      k = close;
    } else if (OTHER_TYPES.has(t.text)) odd = `has type ${t.text}`;
    else if (BIT_TYPES.has(t.text)) width = TYPE_WIDTH[t.text] ?? width;
    else if (
      t.kind === "id" &&
      !isKeyword(t.text) &&
      ((body[k + 1]?.kind === "id" && !isKeyword(body[k + 1]!.text)) || body[k + 1]?.text === "::")
    ) {
      // a type of the designer's own
      width = null;
      if (body[k + 1]?.text === "::") k++;
    } else break;
  }
  return { width, odd, end: k, explicit: k > from };
}

/** In source order. */
export function readPorts(body: readonly Token[]): ReadonlyMap<string, HeaderPort> {
  const params = parameters(body);
  const ports = new Map<string, HeaderPort>();
  // Functions and tasks have inputs of their own; ports of the module come before any of them.
  let limit = body.findIndex((t) => t.kind === "id" && (t.text === "function" || t.text === "task"));
  if (limit < 0) limit = body.length;
  let i = 2;
  while (i < limit) {
    if (!OPENS_PORT.has(body[i]!.text)) {
      i++;
      continue;
    }
    const word = body[i]!.text;
    let type = readType(body, i + 1, params);
    let k = type.end;
    for (;;) {
      const t = body[k];
      if (t === undefined || t.kind !== "id" || isKeyword(t.text)) break;
      const array = body[k + 1]?.text === "[" ? "is an unpacked array" : null;
      const odd = word === "ref" ? "is passed by reference" : (type.odd ?? array);
      const direction = word === "ref" ? "inout" : (word as Direction);
      ports.set(t.text, { direction, width: type.width, odd, line: t.line });
      k++;
      while (body[k]?.text === "[") {
        const close = closing(body, k);
        if (close < 0) break;
        k = close + 1;
      }
      if (body[k]?.text === "=") k = defaultEnd(body, k);
      if (body[k]?.text !== "," || OPENS_PORT.has(body[k + 1]?.text ?? "")) break;
      const next = readType(body, k + 1, params);
      if (next.explicit) type = next;
      k = next.end;
    }
    i = Math.max(k, i + 1);
  }
  redeclared(body, params, ports);
  interfaces(body, ports);
  return ports;
}

/** `output q; reg [7:0] q;`: the later range counts. */
function redeclared(
  body: readonly Token[],
  params: ReadonlyMap<string, number>,
  ports: Map<string, HeaderPort>,
): void {
  for (let i = 3; i < body.length; i++) {
    if (body[i - 1]!.text !== ";" || !/^(reg|wire|logic)$/.test(body[i]!.text)) continue;
    const type = readType(body, i, params);
    if (type.width === 1) continue;
    for (let k = type.end; body[k]?.kind === "id"; k += 2) {
      const port = ports.get(body[k]!.text);
      if (port !== undefined && port.width === 1) ports.set(body[k]!.text, { ...port, width: type.width });
      if (body[k + 1]?.text !== ",") break;
    }
  }
}

function defaultEnd(body: readonly Token[], k: number): number {
  let depth = 0;
  for (; k < body.length; k++) {
    const c = body[k]!.text;
    if (c === "(" || c === "[" || c === "{") depth++;
    else if (c === ")" || c === "]" || c === "}") {
      if (--depth < 0) break;
    } else if ((c === "," || c === ";") && depth === 0) break;
  }
  return k;
}

const article = (d: string): string => (d === "inout" ? "inout" : `an ${d}`);

/** `bus.master b`, and `bus b` before any direction. */
function interfaces(body: readonly Token[], ports: Map<string, HeaderPort>): void {
  let k = 2;
  while (k < body.length && body[k]!.text !== "(" && body[k]!.text !== ";") {
    k = body[k]!.text === "#" ? closing(body, k + 1) + 1 : k + 1;
    if (k === 0) return;
  }
  for (k++; k < body.length && !OPENS_PORT.has(body[k]!.text) && body[k]!.text !== ";"; k++) {
    const [kind, a, b, c] = [body[k]!, body[k + 1], body[k + 2], body[k + 3]];
    if (kind.kind !== "id" || isKeyword(kind.text)) continue;
    const name = a?.text === "." ? (b?.kind === "id" ? c : undefined) : a;
    if (name === undefined || name.kind !== "id" || isKeyword(name.text)) continue;
    ports.set(name.text, { direction: "inout", width: null, odd: "is an interface", line: name.line });
  }
}

/** "line N", of a module's name, for reasons that concern it as a whole. */
export function placeOf(tokens: readonly Token[], top: string): string {
  const body = moduleBody(tokens, top);
  return body === null ? `module ${top}` : `line ${body[1]!.line}: module ${top}`;
}

/** A parameter without a value, which nobody could set. */
export function unsetParameter(body: readonly Token[]): string | null {
  for (let i = 2; i < body.length; i++) {
    const t = body[i]!;
    if (t.text !== "parameter") continue;
    let k = i + 1;
    while (k < body.length && !/^[,;)=]$/.test(body[k]!.text))
      k = body[k]!.text === "[" ? closing(body, k) + 1 || k + 1 : k + 1;
    if (body[k]?.text !== "=") return `line ${t.line}: parameter ${body[k - 1]!.text} has no value`;
  }
  return null;
}

/**
 * Why a module cannot stand in for another by its ports: a port that is there with another direction or width. What
 * the header does not tell is left to the compiler.
 */
export function portMisfit(tokens: readonly Token[], top: string, iface: DesignInterface): string | null {
  const body = moduleBody(tokens, top);
  if (body === null) return null;
  const ports = readPorts(body);
  const wanted = [
    ...iface.inputs.map((p) => ({ ...p, direction: "input" })),
    ...iface.outputs.map((p) => ({ ...p, direction: "output" })),
  ];
  for (const w of wanted) {
    const p = ports.get(w.name);
    if (p === undefined) continue;
    const at = `line ${p.line}: port ${w.name}`;
    if (p.odd !== null) return `${at} ${p.odd}`;
    if (p.direction !== w.direction) return `${at} is ${article(p.direction)}, not ${article(w.direction)}`;
    if (p.width !== null && p.width !== w.width) {
      return `${at} is ${p.width} bit${p.width === 1 ? "" : "s"} wide, not ${w.width}`;
    }
  }
  return null;
}

/** Values of parameters that are plain constants. Every token is looked at once, and no long expression twice. */
function parameters(body: readonly Token[]): Map<string, number> {
  const out = new Map<string, number>();
  let inside = false;
  for (let i = 1; i < body.length; i++) {
    const c = body[i]!.text;
    if (c === "parameter" || c === "localparam") inside = true;
    else if (c === ";") inside = false;
    else if (inside && c === "=" && body[i - 1]!.kind === "id") {
      const value = evaluate(body.slice(i + 1, constantEnd(body, i + 1)), out);
      if (value !== null) out.set(body[i - 1]!.text, value);
    }
  }
  return out;
}

/** Where an expression ends, looking no further than `evaluate` would. */
function constantEnd(body: readonly Token[], from: number): number {
  let depth = 0;
  const limit = Math.min(body.length, from + LONGEST_EXPRESSION + 1);
  for (let e = from; e < limit; e++) {
    const c = body[e]!.text;
    if (c === "(" || c === "[" || c === "{") depth++;
    else if (c === ")" || c === "]" || c === "}") {
      if (--depth < 0) return e;
    } else if (depth === 0 && (c === "," || c === ";")) return e;
  }
  return limit;
}

function rangeWidth(tokens: readonly Token[], params: ReadonlyMap<string, number>): number | null {
  const colon = tokens.findIndex((t) => t.text === ":");
  if (colon < 0) return null;
  const hi = evaluate(tokens.slice(0, colon), params);
  const lo = evaluate(tokens.slice(colon + 1), params);
  return hi === null || lo === null ? null : Math.abs(hi - lo) + 1;
}
