/**
 * The lexical gate: what may reach a simulator. It runs before any process starts (about 0.2 ms), on fully expanded
 * tokens, and keeps out whatever could read or write files, reach outside the module, stop the run or swallow the
 * text that follows. It is one of several layers; what it lets through is harmless under the others.
 */

import { isLabel, PRINTS, withoutInert } from "./inert.js";
import { isKeyword } from "./keywords.js";
import { type Lexed, lex, normalForm, render, type Token } from "./lexer.js";
import { preprocess } from "./preprocess.js";

export const MAX_SOURCE_BYTES = 65_536;

/** System functions that a design's outputs may depend on. */
const SYSTEM_ALLOWED = new Set(
  (
    "$signed $unsigned $clog2 $bits $size $left $right $high $low $increment $dimensions $countones $onehot $onehot0 " +
    "$isunknown $rtoi $itor $realtobits $bitstoreal $floor $ceil $pow $sqrt $ln $log10 $exp $abs $min $max " +
    "$cast $typename"
  ).split(" "),
);

/** Allowed as an argument of a print, which is left out. */
const TIMES = new Set("$time $stime $realtime".split(" "));

/** What a refused task does, for those that real texts use. */
const TASK_DOES: readonly (readonly [RegExp, string])[] = [
  [
    /^\$(readmem|f(open|close|get|gets|scanf|read|seek|tell|display|write|strobe|monitor)|sdf|dump)/,
    "uses files",
  ],
  [/^\$(finish|stop|exit|fatal)/, "ends the run"],
  [/^\$(random|urandom|dist_)/, "is not determined by inputs"],
  [/^\$(time|stime|realtime)$/, "depends on simulated time"],
];

const FORBIDDEN = new Set(
  (
    "force release bind final export assume restrict cover expect program endprogram checker config " +
    "library include timeunit timeprecision macromodule covergroup alias"
  ).split(" "),
);

/** Tokens of a text that passed. */
export interface Admitted {
  readonly tokens: readonly Token[];
  readonly modules: readonly string[];
  /** User-defined primitives, renamed like modules. */
  readonly primitives?: readonly string[];
}

export type GateResult =
  | { readonly ok: true; readonly admitted: Admitted }
  | { readonly ok: false; readonly reason: string };

/** Lexing alone, with the size rule: what the cache key is made of. */
export function tokenize(source: string): Lexed {
  if (source.length > MAX_SOURCE_BYTES || Buffer.byteLength(source) > MAX_SOURCE_BYTES) {
    return { ok: false, line: 1, reason: `source is larger than ${MAX_SOURCE_BYTES} bytes` };
  }
  return lex(source.charCodeAt(0) === 0xfeff ? source.slice(1) : source);
}

export { normalForm };

/** The rules on tokens; see the file's head. */
export function admit(raw: readonly Token[]): GateResult {
  const expanded = preprocess(raw);
  if (!expanded.ok) return refuse(expanded.line, expanded.reason);
  const all = expanded.tokens;
  const modules: string[] = [];
  const primitives: string[] = [];
  const seen = new Set<string>();
  /** The module or primitive that is open. */
  let inside: "module" | "primitive" | null = null;
  let timing = false;
  let dotted = false;
  for (let i = 0; i < all.length; i++) {
    const t = all[i]!;
    if (t.kind === "sys") {
      if (!timing && !SYSTEM_ALLOWED.has(t.text) && !PRINTS.has(t.text) && !TIMES.has(t.text))
        return refuseTask(t);
    } else if (t.kind === "dir") {
      if (t.text !== "`default_nettype") return refuse(t.line, `directive ${t.text}`);
    } else if (t.kind === "id") {
      if (FORBIDDEN.has(t.text)) return refuse(t.line, `keyword ${t.text}`);
      if (t.text === "module" || t.text === "primitive") {
        if (inside !== null)
          return refuse(t.line, `${t.text} inside a ${inside} (or end${inside} is missing)`);
        inside = t.text;
        let n = all[i + 1];
        if (n?.text === "automatic" || n?.text === "static") n = all[i + 2];
        if (n === undefined || n.kind !== "id" || isKeyword(n.text))
          return refuse(t.line, `${t.text} without a name`);
        if (seen.has(n.text)) return refuse(n.line, `${t.text} ${n.text} defined twice`);
        seen.add(n.text);
        (t.text === "module" ? modules : primitives).push(n.text);
      } else if (t.text === "endmodule" || t.text === "endprimitive") {
        const opens = t.text.slice(3);
        if (inside !== opens) return refuse(t.line, `${t.text} without ${opens}`);
        inside = null;
      } else if (t.text === "import" && (all[i + 1]?.kind !== "id" || all[i + 2]?.text !== "::")) {
        return refuse(t.line, "keyword import");
      } else if (t.text === "specify" || t.text === "endspecify") timing = t.text === "specify";
    } else if (t.text === "." && i > 0) {
      const p = all[i - 1]!;
      if (p.kind === "id" || p.text === "]") dotted = true;
    }
  }
  if (inside !== null) return refuse(all.at(-1)?.line ?? 1, `${inside} without end${inside}`);
  if (modules.length === 0) return refuse(1, "no module");
  const stripped = withoutInert(all, new Set(primitives));
  if (!stripped.ok) return refuse(stripped.line, stripped.reason);
  const { tokens } = stripped;
  // Once more, since what is left out may have hidden how the rest is read.
  for (const t of tokens) if (t.kind === "sys" && !SYSTEM_ALLOWED.has(t.text)) return refuseTask(t);
  if (dotted) {
    const bad = foreignPath(tokens, seen);
    if (bad !== null) return bad;
  }
  return {
    ok: true,
    admitted: primitives.length > 0 ? { tokens, modules, primitives } : { tokens, modules },
  };
}

function refuseTask(t: Token): GateResult {
  const does = TASK_DOES.find(([name]) => name.test(t.text));
  return refuse(t.line, `system task ${t.text}${does === undefined ? "" : ` (${does[1]})`}`);
}

/** Gate from text in one go. */
export function gate(source: string): GateResult {
  const lexed = tokenize(source);
  return lexed.ok ? admit(lexed.tokens) : refuse(lexed.line, lexed.reason);
}

const refuse = (line: number, reason: string): GateResult => ({
  ok: false,
  reason: `line ${line}: ${reason}`,
});

/** A hierarchical name whose first part is not declared in this text, or is one of its modules. */
function foreignPath(tokens: readonly Token[], modules: ReadonlySet<string>): GateResult | null {
  const declared = new Set<string>();
  for (let i = 1; i < tokens.length; i++) {
    const t = tokens[i]!;
    if (t.kind !== "id" || isKeyword(t.text)) continue;
    const p = tokens[i - 1]!;
    const typed =
      p.kind === "id" && p.text !== "assign" && p.text !== "begin" && p.text !== "else" && p.text !== "or";
    if (typed || p.text === "]" || p.text === "}" || p.text === "," || p.text === ")" || p.text === ":") {
      // A name before a dot is a use, not a declaration.
      if (tokens[i + 1]?.text !== ".") declared.add(t.text);
    }
  }
  const opens = bracketOpenings(tokens);
  for (let i = 2; i < tokens.length; i++) {
    if (tokens[i]!.text !== "." || tokens[i]!.kind !== "op") continue;
    let b = i - 1;
    while (b > 0 && tokens[b]!.text === "]") b = opens[b]! - 1;
    const base = tokens[b];
    if (base === undefined || base.kind !== "id" || isKeyword(base.text)) continue;
    if (tokens[b - 1]?.text === ".") continue; // inside a longer path, judged at its base
    if (modules.has(base.text) || !declared.has(base.text)) {
      return refuse(base.line, `hierarchical name ${base.text}.${tokens[i + 1]?.text ?? ""} reaches outside`);
    }
  }
  return null;
}

/** For every `]` the index of its `[`, or 0. */
function bracketOpenings(tokens: readonly Token[]): Int32Array {
  const opens = new Int32Array(tokens.length);
  const stack: number[] = [];
  tokens.forEach((t, i) => {
    if (t.kind !== "op") return;
    if (t.text === "[") stack.push(i);
    else if (t.text === "]") opens[i] = stack.pop() ?? 0;
  });
  return opens;
}

/** The admitted text with every module of its own renamed by a suffix; ports keep their names. */
export function withSuffix(admitted: Admitted, suffix: string): string {
  const modules = new Set(admitted.modules);
  const primitives = new Set(admitted.primitives);
  const tokens = admitted.tokens;
  return render(
    tokens.map((t, i) => {
      if (t.kind !== "id") return t;
      const primitive = primitives.has(t.text);
      if (!primitive && !modules.has(t.text)) return t;
      const p = tokens[i - 1];
      const n = tokens[i + 1];
      const declares =
        p?.text === "module" ||
        p?.text === "primitive" ||
        ((p?.text === "automatic" || p?.text === "static") && tokens[i - 2]?.text === "module");
      const labels = p?.text === ":" && /^end(module|primitive)$/.test(tokens[i - 2]?.text ?? "");
      const instantiates =
        p?.text !== "." &&
        n !== undefined &&
        ((n.kind === "id" && !isKeyword(n.text)) || n.text === "#" || (primitive && n.text === "(")) &&
        (p === undefined || p.kind !== "id" || isKeyword(p.text) || isLabel(tokens, i - 1));
      return declares || labels || instantiates ? { ...t, text: t.text + suffix } : t;
    }),
  );
}
