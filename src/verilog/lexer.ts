/**
 * Verilog tokens: enough of the language for the gate, for macro expansion, for renaming modules and for a normal
 * form. Comments become white space; line breaks (LF, CR LF or CR alone) are kept so that the compiler's line numbers
 * stay true. Escaped identifiers become plain ones, so that nothing after here can be a name in disguise.
 */

import { isKeyword } from "./keywords.js";

export type TokenKind = "id" | "sys" | "num" | "str" | "op" | "dir";

export interface Token {
  readonly kind: TokenKind;
  readonly text: string;
  /** Line breaks before the token; a token with none but `space` had blanks or a comment. */
  readonly breaks: number;
  readonly space: boolean;
  readonly line: number;
}

export type Lexed =
  | { readonly ok: true; readonly tokens: Token[] }
  | { readonly ok: false; readonly line: number; readonly reason: string };

const TOKEN = new RegExp(
  [
    String.raw`([ \t\f\v]+|\/\/[^\n\r]*|\\(?:\r\n|\n|\r))`, // 1 blanks, line comment, continuation
    String.raw`(\r\n|\n|\r)`, // 2
    String.raw`(\/\*[\s\S]*?\*\/)`, // 3 block comment
    String.raw`([A-Za-z_][\w$]*|\\[!-~]+(?![^\s]))`, // 4 identifier, plain or escaped
    String.raw`(\d[\d_]*\.\d[\d_]*(?:[eE][+-]?\d+)?|\d[\d_]*[eE][+-]?\d+|(?:\d[\d_]*[ \t]*)?'[sS]?[bBoOdDhH][ \t]*[0-9a-fA-FxXzZ?_]+|'[01xXzZ](?![\w])|\d[\d_]*)`, // 5
    String.raw`("(?:\\[\s\S]|[^"\\\n\r])*")`, // 6
    String.raw`(\$[A-Za-z_$][\w$]*)`, // 7
    '(`[A-Za-z_][\\w$]*|``|`"|`\\\\`")', // 8
    String.raw`(<<<=|>>>=|===|!==|==\?|!=\?|<<<|>>>|<<=|>>=|\*\*|->>|->|<=|>=|==|!=|&&|\|\||~&|~\||~\^|\^~|<<|>>|\+:|-:|\+\+|--|\+=|-=|\*=|\/=|%=|&=|\|=|\^=|::|\(\*(?!\s*\))|\*\)|##|\/(?!\*)|[()\[\]{};:,.?=+\-*%&|^~!<>@#'$])`, // 9
  ].join("|"),
  "y",
);

const BREAK = /\r\n|\n|\r/g;

/** The identifier that stands for an escaped one: itself where it is one, else with its other characters in hex. */
function plainName(escaped: string): string {
  if (/^[A-Za-z_][\w$]*$/.test(escaped)) return isKeyword(escaped) ? `${escaped}_xk_` : escaped;
  const hex = (c: string): string => `_x${c.charCodeAt(0).toString(16)}_`;
  return escaped.replace(/^\d|[^\w$]|^\$/g, hex);
}

export function lex(source: string): Lexed {
  const tokens: Token[] = [];
  let line = 1;
  let breaks = 0;
  let space = false;
  let at = 0;
  const end = source.length;
  while (at < end) {
    TOKEN.lastIndex = at;
    const m = TOKEN.exec(source);
    if (m === null) return { ok: false, line, reason: lexError(source, at) };
    at = TOKEN.lastIndex;
    if (m[1] !== undefined) {
      space = true;
      if (m[1].charCodeAt(0) === 92) line++;
      continue;
    }
    if (m[2] !== undefined) {
      breaks++;
      line++;
      continue;
    }
    if (m[3] !== undefined) {
      space = true;
      const n = m[3].match(BREAK)?.length ?? 0;
      breaks += n;
      line += n;
      continue;
    }
    let kind: TokenKind = "op";
    if (m[4] !== undefined) kind = "id";
    else if (m[5] !== undefined) kind = "num";
    else if (m[6] !== undefined) kind = "str";
    else if (m[7] !== undefined) kind = "sys";
    else if (m[8] !== undefined) kind = "dir";
    const text = kind === "id" && m[0].charCodeAt(0) === 92 ? plainName(m[0].slice(1)) : m[0];
    tokens.push({ kind, text, breaks, space, line });
    breaks = 0;
    space = false;
  }
  return { ok: true, tokens };
}

function lexError(source: string, at: number): string {
  if (source.startsWith("/*", at)) return "unterminated comment";
  const c = source[at]!;
  if (c === '"') return "unterminated string";
  if (c === "\\") return "backslash without a name";
  const code = source.codePointAt(at)!;
  if (code < 32 || code === 127) return `control character 0x${code.toString(16).padStart(2, "0")}`;
  return code > 126
    ? `character U+${code.toString(16).toUpperCase().padStart(4, "0")} outside a comment`
    : `unexpected character ${JSON.stringify(c)}`;
}

/** Text again, with the line structure of the tokens. */
export function render(tokens: readonly Token[]): string {
  let out = "";
  for (const t of tokens) {
    if (t.breaks > 0) out += t.breaks === 1 ? "\n" : "\n".repeat(t.breaks);
    else if (t.space) out += " ";
    out += t.text;
  }
  return out;
}

/** A key under which two texts that differ in blanks and comments only are the same. */
export function normalForm(tokens: readonly Token[]): string {
  let out = "";
  for (const t of tokens) {
    // A directive ends with its line, so the break is part of the meaning there.
    out += t.kind === "dir" && t.breaks > 0 ? `\n${t.text}` : ` ${t.text}`;
  }
  return out;
}
