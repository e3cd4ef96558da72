/**
 * Leaves out what means nothing to hardware: prints, attributes, specify blocks and delays, as synthesis does. What a
 * design prints, or when in simulated time it acts, then cannot bear on a verdict. Where time is all that a process
 * waits for (a clock generator, a sequence of stimuli), leaving delays out would change what it is, and it is refused.
 */

import { isGate, isKeyword } from "./keywords.js";
import type { Token } from "./lexer.js";
import { statementEnd } from "./statements.js";

export type Stripped =
  | { readonly ok: true; readonly tokens: readonly Token[] }
  | { readonly ok: false; readonly line: number; readonly reason: string };

/** Tasks that only print. */
export const PRINTS: ReadonlySet<string> = new Set(
  (
    "$display $displayb $displayh $displayo $write $writeb $writeh $writeo $strobe $strobeb $strobeh $strobeo $monitor " +
    "$monitorb $monitorh $monitoro $monitoron $monitoroff $error $warning $info $timeformat $printtimescale"
  ).split(" "),
);

const fail = (line: number, reason: string): Stripped => ({ ok: false, line, reason });

/** `primitives`: names of user-defined primitives, whose instances take delays where a module's take parameters. */
export function withoutInert(tokens: readonly Token[], primitives: ReadonlySet<string>): Stripped {
  if (!tokens.some(mayBeInert)) return { ok: true, tokens };
  const timed = processOfTime(tokens, primitives);
  if (timed !== null) return timed;
  const out: Token[] = [];
  /** Line breaks of what was left out, owed to the next token, which stays apart from the one before. */
  let owed = 0;
  let apart = false;
  const keep = (t: Token): void => {
    out.push(apart ? { ...t, breaks: t.breaks + owed, space: true } : t);
    owed = 0;
    apart = false;
  };
  for (let i = 0; i < tokens.length; ) {
    const t = tokens[i]!;
    const part = mayBeInert(t) ? inertPart(tokens, i, primitives) : null;
    if (part === null) {
      keep(t);
      i++;
      continue;
    }
    if (part.fault !== null) return fail(t.line, part.fault);
    part.instead.forEach((text, k) => {
      keep({ ...t, kind: "id", text, breaks: k === 0 ? t.breaks : 0, space: true });
    });
    for (let k = part.instead.length === 0 ? i : i + 1; k < part.end; k++) owed += tokens[k]!.breaks;
    apart = true;
    i = part.end;
  }
  return { ok: true, tokens: out };
}

const mayBeInert = (t: Token): boolean =>
  t.kind === "op"
    ? t.text === "#" || t.text === "(*"
    : t.kind === "sys"
      ? PRINTS.has(t.text)
      : t.text === "specify";

interface Part {
  /** Index after it. */
  readonly end: number;
  /** Words that take its place. */
  readonly instead: readonly string[];
  readonly fault: string | null;
}

const bad = (fault: string): Part => ({ end: -1, instead: [], fault });

/** The part to leave out that starts at `i`, or null. */
function inertPart(tokens: readonly Token[], i: number, primitives: ReadonlySet<string>): Part | null {
  const t = tokens[i]!;
  const part = (end: number, instead: readonly string[] = []): Part => ({ end, instead, fault: null });
  if (t.text === "(*") {
    // `(*` and `)` with a comment between them are an event control.
    if (tokens[i + 1]?.text === ")") return null;
    const end = attributeEnd(tokens, i);
    return end < 0 ? bad("(* without *)") : part(end);
  }
  if (t.kind === "sys") {
    let end = i + 1;
    if (tokens[end]?.text === "(") end = parenEnd(tokens, end);
    if (end < 0) return bad(`${t.text} with an open argument list`);
    // An empty block stands wherever a statement may.
    return tokens[end]?.text === ";" ? part(end + 1, ["begin", "end"]) : part(end);
  }
  if (t.text === "specify") {
    let end = i + 1;
    while (end < tokens.length && tokens[end]!.text !== "endspecify") end++;
    return end === tokens.length ? bad("specify without endspecify") : part(end + 1);
  }
  if (!isDelay(tokens, i, primitives)) return null;
  const end = delayEnd(tokens, i);
  return end < 0 ? bad("# without a delay") : part(end);
}

/** Is the `#` at `i` a delay, or the head of a parameter list? */
function isDelay(tokens: readonly Token[], i: number, primitives: ReadonlySet<string>): boolean {
  const p = tokens[i - 1];
  if (p === undefined) return true;
  if (tokens[i + 1]?.text === "(" && /^(parameter|localparam|type|\))$/.test(tokens[i + 2]?.text ?? ""))
    return false;
  if (p.kind !== "id" || isKeyword(p.text)) return true;
  return primitives.has(p.text) || isLabel(tokens, i - 1) || tokens[i - 2]?.text === "@" || isGate(p.text);
}

/** Is the name at `i` the label of a block or of an end (`begin : name`, `endmodule : name`)? */
export const isLabel = (tokens: readonly Token[], i: number): boolean =>
  tokens[i - 1]?.text === ":" && /^(begin|fork|end\w*|join\w*)$/.test(tokens[i - 2]?.text ?? "");

function delayEnd(tokens: readonly Token[], i: number): number {
  const t = tokens[i + 1];
  if (t === undefined) return -1;
  if (t.text === "(") return parenEnd(tokens, i + 1);
  if (t.kind === "num") {
    const unit = tokens[i + 2];
    const joined = unit !== undefined && unit.breaks === 0 && !unit.space;
    return joined && /^([munpf]?s|step)$/.test(unit.text) ? i + 3 : i + 2;
  }
  if (t.kind !== "id" || isKeyword(t.text)) return t.kind === "sys" ? i + 2 : -1;
  let end = i + 2;
  while ((tokens[end]?.text === "." || tokens[end]?.text === "::") && tokens[end + 1]?.kind === "id")
    end += 2;
  return end;
}

/** A process that waits for nothing but time, or an initial block that waits for time at all. */
function processOfTime(tokens: readonly Token[], primitives: ReadonlySet<string>): Stripped | null {
  for (let i = 0; i < tokens.length; i++) {
    const t = tokens[i]!;
    if (t.kind !== "id" || (t.text !== "initial" && t.text !== "always")) continue;
    const end = statementEnd(tokens, i + 1);
    let delay: Token | null = null;
    let waits = false;
    for (let k = i + 1; k < end; k++) {
      const x = tokens[k]!;
      if (x.text === "#" && delay === null && isDelay(tokens, k, primitives)) delay = x;
      if (x.text === "@" || x.text === "wait") waits = true;
    }
    if (delay !== null && (t.text === "initial" || !waits)) {
      return fail(
        delay.line,
        `${t.text === "initial" ? "an initial block" : "a process"} that waits for time`,
      );
    }
    i = end - 1;
  }
  return null;
}

function attributeEnd(tokens: readonly Token[], open: number): number {
  let depth = 0;
  for (let i = open + 1; i < tokens.length; i++) {
    const c = tokens[i]!;
    if (c.kind !== "op") {
      // An attribute holds constants: a statement here means that it was never closed.
      if (c.text === "endmodule") return -1;
      continue;
    }
    if (c.text === "(") depth++;
    else if (c.text === ")") depth--;
    else if (c.text === "*)" && depth === 0) return i + 1;
    else if (c.text === ";" || depth < 0) return -1;
  }
  return -1;
}

/** Index after the parenthesis that closes the one at `open`, or -1. */
function parenEnd(tokens: readonly Token[], open: number): number {
  let depth = 0;
  for (let i = open; i < tokens.length; i++) {
    const c = tokens[i]!;
    if (c.kind !== "op") continue;
    if (c.text === "(" || c.text === "(*") depth++;
    else if (c.text === ")" || c.text === "*)") {
      if (--depth === 0) return i + 1;
    } else if (c.text === ";") return -1;
  }
  return -1;
}
