/** From gated text to what Yosys reads, and the script that turns it into gates. Pure: text in, text out. */

import { lex, render, type Token } from "../lexer.js";
import { forYosys } from "../yosys.js";
import { incomplete } from "./sensitivity.js";

export type Lowered =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly reason: string };

/**
 * Text without what Yosys obeys and a simulator does not: comments (pragmas), attributes, `unique` and `priority`.
 * Refused is what the two would read differently and no netlist shows.
 */
export function forProof(source: string): Lowered {
  const lexed = lex(source);
  if (!lexed.ok) return { ok: false, reason: `line ${lexed.line}: ${lexed.reason}` };
  const kept: Token[] = [];
  const { tokens } = lexed;
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
  const lacks = incomplete(kept);
  if (lacks !== null) {
    return { ok: false, reason: `line ${lacks.line}: the sensitivity list lacks ${lacks.name}` };
  }
  return { ok: true, text: `${forYosys(render(kept))}\n` };
}

/**
 * To operators, flip-flops and latches. X stays X (`-keepdc`), registers keep their power-up values apart (no
 * `opt_merge`, no `opt_dff`), so that what is unknown is known to be.
 */
export const netlistScript = (jobs: readonly { source: string; top: string; out: string }[]): string =>
  jobs
    .map(
      (j) =>
        `read_verilog -sv ${j.source}\nhierarchy -top ${j.top}\nproc\nflatten\nopt_clean\n` +
        "memory_collect\nmemory_map\ndffunmap\nopt_expr -keepdc\nopt_clean\n" +
        `write_json ${j.out}\ndesign -reset\n`,
    )
    .join("");
