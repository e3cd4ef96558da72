/** Mutants of a design: as many as asked where the text allows, spread over the operators, no two alike. */

import type { Rng } from "../../core/rng.js";
import type { Admitted } from "../../verilog/gate.js";
import { lex, normalForm, type Token } from "../../verilog/lexer.js";
import { outlineOf } from "../../verilog/outline-reader.js";
import { type Edit, OPERATORS, type Operator, type Site } from "./fault.js";
import { sitesOf } from "./operators.js";

export interface Mutant {
  readonly operator: Operator;
  /** Line of the golden's text. */
  readonly line: number;
  readonly before: string;
  readonly after: string;
  readonly admitted: Admitted;
}

export const DEFAULT_MUTANTS = 14;

export function makeMutants(golden: Admitted, rng: Rng, count = DEFAULT_MUTANTS): Mutant[] {
  const { tokens } = golden;
  const sites = sitesOf(tokens, outlineOf(tokens));
  const queues = rng
    .shuffle(OPERATORS)
    .map((operator) => ({ operator, left: rng.shuffle(sites.get(operator)!) }))
    .filter((q) => q.left.length > 0);
  const seen = new Set([normalForm(tokens)]);
  const out: Mutant[] = [];
  const attempt = (operator: Operator, site: Site): boolean => {
    const edits = site(rng);
    if (edits === null) return false;
    const changed = edited(tokens, edits);
    const form = normalForm(changed);
    if (seen.has(form)) return false;
    seen.add(form);
    const at = edits[0]!.span;
    const last = edits.at(-1)!.span;
    out.push({
      operator,
      line: (tokens[at[0]] ?? tokens.at(-1)!).line,
      before: words(tokens.slice(at[0], Math.max(last[1], at[0] + 1))),
      after: edits.map((e) => (typeof e.text === "string" ? e.text : words(e.text))).join(" … "),
      admitted: { tokens: changed, modules: golden.modules },
    });
    return true;
  };
  // One of each operator in turn; places that gave nothing new cost no turn.
  for (
    let open = queues;
    open.length > 0 && out.length < count;
    open = open.filter((q) => q.left.length > 0)
  ) {
    for (const q of open) {
      if (out.length >= count) break;
      for (let site = q.left.pop(); site !== undefined; site = q.left.pop()) {
        if (attempt(q.operator, site)) break;
      }
    }
  }
  return out;
}

function words(tokens: readonly Token[]): string {
  const text = tokens.map((t) => t.text).join(" ");
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}

/** The tokens with edits made (in order, apart); lines of what follows stay where they were. */
function edited(tokens: readonly Token[], edits: readonly Edit[]): Token[] {
  const out: Token[] = [];
  let at = 0;
  for (const e of edits) {
    for (; at < e.span[0]; at++) out.push(tokens[at]!);
    const breaks = tokens.slice(e.span[0], e.span[1]).reduce((n, t) => n + t.breaks, 0);
    const line = (tokens[at] ?? tokens.at(-1)!).line;
    const put = typeof e.text === "string" ? pieces(e.text) : e.text;
    put.forEach((t, k) => {
      out.push({ ...t, breaks: k === 0 ? breaks : 0, space: true, line });
    });
    at = e.span[1];
  }
  for (; at < tokens.length; at++) out.push(tokens[at]!);
  return out;
}

function pieces(text: string): Token[] {
  const lexed = lex(text);
  if (!lexed.ok) throw new Error(`mutant text ${JSON.stringify(text)}: ${lexed.reason}`);
  return lexed.tokens;
}
