/** What one fault is. */

import type { Rng } from "../../core/rng.js";
import type { Token } from "../../verilog/lexer.js";
import type { Span } from "../../verilog/outline.js";

export const OPERATORS = [
  "stuck",
  "operator",
  "constant",
  "bound",
  "drop",
  "identifier",
  "index",
  "blocking",
  "negate",
  "edge",
  "else",
  "branches",
  "reset-style",
  "reset-value",
  "width",
  "arms",
] as const;
export type Operator = (typeof OPERATORS)[number];

/** Spans to be replaced by new text, in order and apart from one another. */
export interface Edit {
  readonly span: Span;
  readonly text: string | readonly Token[];
}

/** One fault: its edits, or null where this place does not take it. */
export type Site = (rng: Rng) => readonly Edit[] | null;
