/**
 * Macro expansion and conditional compilation on tokens, so that no preprocessor process runs and nothing can hide
 * in a macro. Directives that could read a file, or that would reach beyond the text, are refused.
 */

import type { Token } from "./lexer.js";

export type Preprocessed =
  | { readonly ok: true; readonly tokens: Token[] }
  | { readonly ok: false; readonly line: number; readonly reason: string };

interface Macro {
  readonly params: readonly { readonly name: string; readonly fallback: readonly Token[] | null }[] | null;
  readonly body: readonly Token[];
}

const MAX_TOKENS = 240_000;
const MAX_DEPTH = 32;
/** Dropped: they set units, marks and delays that mean nothing here. The rest of the line goes with some. */
const DROPPED = new Set(
  (
    "`resetall `celldefine `endcelldefine `timescale `delay_mode_path `delay_mode_zero `delay_mode_unit " +
    "`delay_mode_distributed `nounconnected_drive `suppress_faults `nosuppress_faults `enable_portfaults " +
    "`disable_portfaults `end_keywords `begin_keywords"
  ).split(" "),
);
const WITH_ITS_LINE = new Set(["`timescale", "`begin_keywords"]);

class Refusal extends Error {
  readonly line: number;
  constructor(line: number, reason: string) {
    super(reason);
    this.line = line;
  }
}

export function preprocess(tokens: readonly Token[]): Preprocessed {
  // Most texts have no directive at all.
  if (!tokens.some((t) => t.kind === "dir")) return { ok: true, tokens: tokens as Token[] };
  try {
    return { ok: true, tokens: new Expander().run(tokens) };
  } catch (thrown) {
    if (thrown instanceof Refusal) return { ok: false, line: thrown.line, reason: thrown.message };
    throw thrown;
  }
}

class Expander {
  private readonly macros = new Map<string, Macro>();
  private readonly out: Token[] = [];
  private work = 0;
  /** Line breaks of what was left out, owed to the next token. */
  private owed = 0;

  run(tokens: readonly Token[]): Token[] {
    /** One entry per open `ifdef: is this branch live, and was one taken already. */
    const open: { live: boolean; taken: boolean; outer: boolean; line: number }[] = [];
    let live = true;
    let i = 0;
    while (i < tokens.length) {
      const t = tokens[i]!;
      if (t.kind !== "dir") {
        if (live) this.emit(t);
        else this.owed += t.breaks;
        i++;
        continue;
      }
      const next = tokens[i + 1];
      const sameLine = next !== undefined && next.breaks === 0;
      switch (t.text) {
        case "`ifdef":
        case "`ifndef": {
          if (!sameLine || next.kind !== "id") throw new Refusal(t.line, `${t.text} without a name`);
          const on = this.macros.has(next.text) === (t.text === "`ifdef");
          open.push({ live: on, taken: on, outer: live, line: t.line });
          live = live && on;
          this.owed += t.breaks;
          i += 2;
          continue;
        }
        case "`elsif":
        case "`else": {
          const top = open.at(-1);
          if (top === undefined) throw new Refusal(t.line, `${t.text} without \`ifdef`);
          let on = !top.taken;
          if (t.text === "`elsif") {
            if (!sameLine || next.kind !== "id") throw new Refusal(t.line, "`elsif without a name");
            on = on && this.macros.has(next.text);
            i++;
          }
          top.live = on;
          top.taken = top.taken || on;
          live = top.outer && on;
          this.owed += t.breaks;
          i++;
          continue;
        }
        case "`endif": {
          const top = open.pop();
          if (top === undefined) throw new Refusal(t.line, "`endif without `ifdef");
          live = top.outer;
          this.owed += t.breaks;
          i++;
          continue;
        }
      }
      if (!live) {
        this.owed += t.breaks;
        i++;
        continue;
      }
      if (t.text === "`define") {
        i = this.define(tokens, i);
      } else if (t.text === "`undef") {
        if (sameLine) this.macros.delete(next.text);
        this.owed += t.breaks;
        i += 2;
      } else if (t.text === "`undefineall") {
        this.macros.clear();
        this.owed += t.breaks;
        i++;
      } else if (t.text === "`default_nettype") {
        if (!sameLine || !/^(wire|none)$/.test(next.text)) {
          throw new Refusal(t.line, "`default_nettype other than wire or none");
        }
        this.emit({ ...t, breaks: Math.max(1, t.breaks) });
        this.emit(next);
        // The directive ends with its line.
        const after = tokens[i + 2];
        if (after !== undefined && after.breaks === 0) this.owed++;
        i += 2;
      } else if (DROPPED.has(t.text)) {
        this.owed += t.breaks;
        i++;
        if (WITH_ITS_LINE.has(t.text)) while (i < tokens.length && tokens[i]!.breaks === 0) i++;
      } else {
        i = this.use(tokens, i, 0, (x) => this.emit(x));
      }
    }
    const unclosed = open.at(-1);
    if (unclosed !== undefined) throw new Refusal(unclosed.line, "`ifdef without `endif");
    return this.out;
  }

  /** What is expanded counts even where nothing comes of it. */
  private spend(tokens: number, line: number): void {
    this.work += tokens;
    if (this.work > MAX_TOKENS) throw new Refusal(line, "macros expand to too much text");
  }

  private emit(t: Token): void {
    this.spend(1, t.line);
    if (this.owed > 0) {
      this.out.push({ ...t, breaks: t.breaks + this.owed });
      this.owed = 0;
    } else this.out.push(t);
  }

  /** Reads a definition that starts at `i`; returns the index after it. */
  private define(tokens: readonly Token[], i: number): number {
    const at = tokens[i]!;
    this.owed += at.breaks;
    const name = tokens[i + 1];
    if (name === undefined || name.breaks > 0 || name.kind !== "id") {
      throw new Refusal(at.line, "`define without a name");
    }
    let end = i + 2;
    while (end < tokens.length && tokens[end]!.breaks === 0) end++;
    const rest = tokens.slice(i + 2, end);
    let params: Macro["params"] = null;
    let body = rest;
    const first = rest[0];
    if (first !== undefined && first.text === "(" && !first.space) {
      const close = closing(rest, 0);
      if (close < 0) throw new Refusal(at.line, "`define with an open parameter list");
      params = splitArguments(rest.slice(1, close)).map((p) => {
        const id = p[0];
        if (id === undefined || id.kind !== "id") throw new Refusal(at.line, "`define with a bad parameter");
        return { name: id.text, fallback: p[1]?.text === "=" ? p.slice(2) : null };
      });
      body = rest.slice(close + 1);
    }
    this.macros.set(name.text, { params, body });
    return end;
  }

  /** Expands the macro use at `i` into `sink`; returns the index after it. */
  private use(tokens: readonly Token[], i: number, depth: number, sink: (t: Token) => void): number {
    const at = tokens[i]!;
    this.spend(1, at.line);
    const macro = this.macros.get(at.text.slice(1));
    if (macro === undefined) throw new Refusal(at.line, `directive or undefined macro ${at.text}`);
    if (depth >= MAX_DEPTH) throw new Refusal(at.line, `macro ${at.text} expands without end`);
    let body = macro.body;
    let after = i + 1;
    if (macro.params !== null) {
      if (tokens[i + 1]?.text !== "(") throw new Refusal(at.line, `macro ${at.text} needs arguments`);
      const close = closing(tokens, i + 1);
      if (close < 0) throw new Refusal(at.line, `macro ${at.text} with an open argument list`);
      const given = splitArguments(tokens.slice(i + 2, close));
      const bound = new Map<string, readonly Token[]>();
      macro.params.forEach((p, k) => {
        const arg = given[k];
        if ((arg === undefined || arg.length === 0) && p.fallback !== null) bound.set(p.name, p.fallback);
        else if (arg !== undefined) bound.set(p.name, arg);
        else throw new Refusal(at.line, `macro ${at.text} has too few arguments`);
      });
      const filled: Token[] = [];
      for (const b of body) {
        const arg = b.kind === "id" ? bound.get(b.text) : undefined;
        if (arg === undefined) filled.push(b);
        else for (const a of arg) filled.push(a);
        if (filled.length > MAX_TOKENS) this.spend(filled.length, at.line);
      }
      this.spend(filled.length, at.line);
      body = filled;
      after = close + 1;
    }
    let lead = at.breaks;
    const place = (t: Token): void => {
      this.spend(1, at.line);
      sink({ ...t, breaks: lead, space: true, line: at.line });
      lead = 0;
    };
    for (let k = 0; k < body.length; ) {
      const b = body[k]!;
      if (b.kind !== "dir") {
        place(b);
        k++;
      } else if (/^`[A-Za-z_]/.test(b.text)) {
        k = this.use(body, k, depth + 1, place);
      } else {
        throw new Refusal(at.line, `token pasting (${b.text}) in a macro`);
      }
    }
    // Breaks inside the argument list keep the lines below in place.
    for (let k = i + 1; k < after; k++) this.owed += tokens[k]!.breaks;
    this.owed += lead;
    return after;
  }
}

/** Index of the bracket that closes the one at `open`, or -1 where none does before `end`. */
export function closing(tokens: readonly Token[], open: number, end = tokens.length): number {
  let depth = 0;
  for (let i = open; i < Math.min(end, tokens.length); i++) {
    const c = tokens[i]!.text;
    if (tokens[i]!.kind !== "op") continue;
    if (c === "(" || c === "[" || c === "{" || c === "(*") depth++;
    else if (c === ")" || c === "]" || c === "}" || c === "*)") {
      depth--;
      if (depth === 0) return i;
    }
  }
  return -1;
}

function splitArguments(tokens: readonly Token[]): Token[][] {
  const out: Token[][] = [[]];
  let depth = 0;
  for (const t of tokens) {
    if (t.kind === "op") {
      if ("([{".includes(t.text)) depth++;
      else if (")]}".includes(t.text)) depth--;
      else if (t.text === "," && depth === 0) {
        out.push([]);
        continue;
      }
    }
    out.at(-1)!.push(t);
  }
  return out;
}
