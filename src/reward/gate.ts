/**
 * The lexical gate: what may reach a simulator. It runs before any process starts (about 0.2 ms), on fully expanded
 * tokens, and keeps out whatever could read or write files, reach outside the module, stop the run or swallow the
 * text that follows. It is one of several layers; what it lets through is harmless under the others.
 */

import { type Lexed, lex, normalForm, render, type Token } from "./lexer.js";
import { preprocess } from "./preprocess.js";

export const MAX_SOURCE_BYTES = 65_536;

/** System tasks and functions that neither touch the host nor end the run. */
const SYSTEM_ALLOWED = new Set(
  (
    "$signed $unsigned $clog2 $bits $size $left $right $high $low $increment $dimensions $countones $onehot $onehot0 " +
    "$isunknown $rtoi $itor $realtobits $bitstoreal $floor $ceil $pow $sqrt $ln $log10 $exp $abs $min $max " +
    "$display $displayb $displayh $displayo $write $writeb $writeh $strobe $monitor $error $warning $info " +
    "$time $stime $realtime $random $urandom $urandom_range $cast $typename"
  ).split(" "),
);

const FORBIDDEN = new Set(
  (
    "force release bind defparam final import export assume restrict cover expect program endprogram checker config " +
    "library include timeunit timeprecision macromodule covergroup alias specify primitive"
  ).split(" "),
);

const KEYWORDS = new Set(
  (
    "module endmodule input output inout wire reg logic bit integer real time genvar parameter localparam assign always " +
    "always_comb always_ff always_latch initial begin end if else case casez casex endcase for while repeat forever " +
    "function endfunction task endtask generate endgenerate posedge negedge or and not xor nand nor xnor buf default " +
    "signed unsigned automatic typedef enum struct packed union return int byte shortint longint supply0 supply1 tri " +
    "unique priority unique0 inside do break continue const static void string fork join join_any join_none wait event " +
    "disable interface endinterface modport package endpackage deassign tri0 tri1 triand trior wand wor localparam " +
    "assert property let var ref foreach"
  ).split(" "),
);

export const isKeyword = (text: string): boolean => KEYWORDS.has(text);

/** Tokens of a text that passed. */
export interface Admitted {
  readonly tokens: readonly Token[];
  readonly modules: readonly string[];
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
  const tokens = expanded.tokens;
  const modules: string[] = [];
  const seen = new Set<string>();
  let depth = 0;
  let dotted = false;
  for (let i = 0; i < tokens.length; i++) {
    const t = tokens[i]!;
    if (t.kind === "sys") {
      if (!SYSTEM_ALLOWED.has(t.text)) return refuse(t.line, `system task ${t.text}`);
    } else if (t.kind === "dir") {
      if (t.text !== "`default_nettype") return refuse(t.line, `directive ${t.text}`);
    } else if (t.kind === "id") {
      if (FORBIDDEN.has(t.text)) return refuse(t.line, `keyword ${t.text}`);
      if (t.text === "module") {
        if (depth > 0) return refuse(t.line, "module inside a module (or endmodule is missing)");
        depth++;
        let n = tokens[i + 1];
        if (n?.text === "automatic" || n?.text === "static") n = tokens[i + 2];
        if (n === undefined || n.kind !== "id" || KEYWORDS.has(n.text))
          return refuse(t.line, "module without a name");
        if (seen.has(n.text)) return refuse(n.line, `module ${n.text} defined twice`);
        seen.add(n.text);
        modules.push(n.text);
      } else if (t.text === "endmodule") {
        if (--depth < 0) return refuse(t.line, "endmodule without module");
      }
    } else if (t.text === "." && i > 0) {
      const p = tokens[i - 1]!;
      if (p.kind === "id" || p.text === "]") dotted = true;
    }
  }
  if (depth > 0) return refuse(tokens.at(-1)?.line ?? 1, "module without endmodule");
  if (modules.length === 0) return refuse(1, "no module");
  if (dotted) {
    const bad = foreignPath(tokens, seen);
    if (bad !== null) return bad;
  }
  return { ok: true, admitted: { tokens, modules } };
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
    if (t.kind !== "id" || KEYWORDS.has(t.text)) continue;
    const p = tokens[i - 1]!;
    const typed =
      p.kind === "id" && p.text !== "assign" && p.text !== "begin" && p.text !== "else" && p.text !== "or";
    if (typed || p.text === "]" || p.text === "}" || p.text === "," || p.text === ")" || p.text === ":") {
      // A name before a dot is a use, not a declaration.
      if (tokens[i + 1]?.text !== ".") declared.add(t.text);
    }
  }
  for (let i = 2; i < tokens.length; i++) {
    if (tokens[i]!.text !== "." || tokens[i]!.kind !== "op") continue;
    let b = i - 1;
    while (b > 0 && tokens[b]!.text === "]") {
      let depth = 0;
      for (; b >= 0; b--) {
        if (tokens[b]!.text === "]") depth++;
        else if (tokens[b]!.text === "[" && --depth === 0) break;
      }
      b--;
    }
    const base = tokens[b];
    if (base === undefined || base.kind !== "id" || KEYWORDS.has(base.text)) continue;
    if (tokens[b - 1]?.text === ".") continue; // inside a longer path, judged at its base
    if (modules.has(base.text) || !declared.has(base.text)) {
      return refuse(base.line, `hierarchical name ${base.text}.${tokens[i + 1]?.text ?? ""} reaches outside`);
    }
  }
  return null;
}

/** The admitted text with every module of its own renamed by a suffix; ports keep their names. */
export function withSuffix(admitted: Admitted, suffix: string): string {
  const names = new Set(admitted.modules);
  const tokens = admitted.tokens;
  return render(
    tokens.map((t, i) => {
      if (t.kind !== "id" || !names.has(t.text)) return t;
      const p = tokens[i - 1];
      const n = tokens[i + 1];
      const declares =
        p?.text === "module" ||
        ((p?.text === "automatic" || p?.text === "static") && tokens[i - 2]?.text === "module");
      const labels = p?.text === ":" && tokens[i - 2]?.text === "endmodule";
      const instantiates =
        p?.text !== "." &&
        n !== undefined &&
        ((n.kind === "id" && !KEYWORDS.has(n.text)) || n.text === "#") &&
        (p === undefined || p.kind !== "id" || KEYWORDS.has(p.text));
      return declares || labels || instantiates ? { ...t, text: t.text + suffix } : t;
    }),
  );
}
