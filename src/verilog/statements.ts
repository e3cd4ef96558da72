/** Where statements end, on tokens. */

import type { Token } from "./lexer.js";

const OPENS = /^(begin|case|casez|casex|fork|randcase)$/;
const CLOSES = /^(end|endcase|join|join_any|join_none)$/;

/** Index after the statement that starts at `at` (begin…end balanced, case…endcase inside), at most `end`. */
export function statementEnd(tokens: readonly Token[], at: number, end = tokens.length): number {
  let depth = 0;
  let paren = 0;
  for (let i = at; i < end; i++) {
    const { text, kind } = tokens[i]!;
    if (kind === "op") {
      // `(*` and `*)` may be halves of an event control: `@( *)`.
      if (text === "(" || text === "(*") paren++;
      else if (text === ")" || text === "*)") paren--;
      else if (text === ";" && depth === 0 && paren === 0 && !elseFollows(tokens, i)) return i + 1;
    } else if (kind === "id") {
      if (OPENS.test(text)) {
        if (text !== "fork" || !/^(disable|wait)$/.test(tokens[i - 1]?.text ?? "")) depth++;
      } else if (CLOSES.test(text)) {
        depth--;
        if (depth <= 0 && !elseFollows(tokens, i)) return i + 1;
      } else if (text === "endmodule") return i;
    }
  }
  return end;
}

const elseFollows = (tokens: readonly Token[], i: number): boolean => {
  let n = i + 1;
  if (tokens[n]?.text === ":" && tokens[n + 1]?.kind === "id") n += 2; // end : label
  return tokens[n]?.text === "else";
};
