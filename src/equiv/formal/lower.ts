/** From an admitted design to what Yosys reads, and the passes that turn it into gates. Pure: tokens in, text out. */

import type { Admitted } from "../../verilog/gate.js";
import { render, type Token } from "../../verilog/lexer.js";
import { closing } from "../../verilog/preprocess.js";
import { incomplete } from "../../verilog/sensitivity.js";
import { forYosys } from "../../verilog/yosys-dialect.js";

export type Lowered =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly reason: string };

/**
 * Text without what Yosys obeys and a simulator does not: comments (pragmas), attributes, `unique` and `priority`.
 * Refused is what the two would read differently and no netlist shows.
 */
export function forProof(design: Admitted): Lowered {
  const kept: Token[] = [];
  const tokens = [...design.tokens];
  for (let i = 0; i < tokens.length; i++) {
    const t = tokens[i]!;
    if (t.text === "(*") {
      const from = i;
      while (i < tokens.length && tokens[i]!.text !== "*)") i++;
      // Line breaks inside stay, so that messages name the right line.
      const breaks = tokens.slice(from, i + 1).reduce((n, x) => n + x.breaks, 0);
      const after = tokens[i + 1];
      if (after !== undefined) tokens[i + 1] = { ...after, breaks: after.breaks + breaks, space: true };
      continue;
    }
    if (t.kind === "id" && /^(unique0?|priority)$/.test(t.text)) {
      const after = tokens[i + 1];
      if (after !== undefined) tokens[i + 1] = { ...after, breaks: after.breaks + t.breaks, space: true };
      continue;
    }
    if (t.kind === "sys" && /^\$(isunknown|u?random\w*|s?time|realtime)$/.test(t.text)) {
      return { ok: false, reason: `line ${t.line}: ${t.text} is not modelled` };
    }
    if (t.kind === "id" && /^(rand|randc|checker|global)$/.test(t.text)) {
      return { ok: false, reason: `line ${t.line}: ${t.text} is not modelled` };
    }
    kept.push(t);
  }
  sizeCasts(kept);
  const lacks = incomplete(kept);
  if (lacks !== null) {
    return { ok: false, reason: `line ${lacks.line}: the sensitivity list lacks ${lacks.name}` };
  }
  return { ok: true, text: `${forYosys(render(kept))}\n` };
}

/** Casts to an enumeration, which Yosys 0.23 does not read, as casts to its width. */
function sizeCasts(tokens: Token[]): void {
  const widths = new Map<string, number>();
  for (let i = 0; i < tokens.length; i++) {
    if (tokens[i]!.text !== "enum") continue;
    const open = tokens.findIndex((t, k) => k > i && t.text === "{");
    const close = open < 0 ? -1 : closing(tokens, open);
    const name = tokens[close + 1];
    if (close < 0 || name?.kind !== "id") continue;
    const base = tokens.slice(i + 1, open).map((t) => t.text);
    const range = /^(?:logic|reg|bit)(?:\[(\d+):(\d+)\])?$/.exec(base.join(""));
    if (range !== null) widths.set(name.text, Math.abs(Number(range[1] ?? 0) - Number(range[2] ?? 0)) + 1);
    else if (base.length === 0) widths.set(name.text, 32);
  }
  for (let i = 0; i + 2 < tokens.length; i++) {
    const width = widths.get(tokens[i]!.text);
    if (width !== undefined && tokens[i + 1]!.text === "'" && tokens[i + 2]!.text === "(") {
      tokens[i] = { ...tokens[i]!, kind: "num", text: String(width) };
    }
  }
}

/**
 * To operators, flip-flops and latches. X stays X (`-keepdc`), registers keep their power-up values apart (no
 * `opt_merge`, no `opt_dff`), so that what is unknown is known to be.
 */
export const PASSES: readonly string[] = [
  "proc",
  "flatten",
  "opt_clean",
  "memory_collect",
  "memory_map",
  "dffunmap",
  "opt_expr -keepdc",
  "opt_clean",
];
