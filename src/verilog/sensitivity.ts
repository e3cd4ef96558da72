/**
 * Processes that wake on some of what they read: a simulator holds their outputs, Yosys reads them as if the list were
 * complete. Such text is left to the simulator.
 */

import { isKeyword } from "./keywords.js";
import type { Token } from "./lexer.js";
import { closing } from "./preprocess.js";

/** The first signal that a level-sensitive list lacks, with the line of its process; null where all are complete. */
export function incomplete(
  tokens: readonly Token[],
): { readonly line: number; readonly name: string } | null {
  let signals: ReadonlySet<string> | null = null;
  for (let i = 0; i + 2 < tokens.length; i++) {
    if (tokens[i]!.text !== "always" || tokens[i + 1]!.text !== "@" || tokens[i + 2]!.text !== "(") continue;
    const close = closing(tokens, i + 2);
    if (close < 0) return null; // no design: whoever reads it next says so
    const list = tokens.slice(i + 3, close).map((t) => t.text);
    // `(*)` is read as `(` and `*)`.
    if (tokens[close]!.text === "*)") continue;
    if (list.some((t) => t === "*" || t === "posedge" || t === "negedge")) continue;
    signals ??= declared(tokens);
    const listed = new Set(list);
    const read: Token[] = [];
    const written = new Set<string>();
    for (let k = close + 1; k < tokens.length; k++) {
      const t = tokens[k]!;
      if (/^(always\w*|assign|initial|endmodule|generate|function|task|module)$/.test(t.text)) break;
      if (t.kind !== "id" || isKeyword(t.text) || !signals.has(t.text)) continue;
      if (/^(;|begin|else|:|\)|end)$/.test(tokens[k - 1]!.text) && assigns(tokens, k)) written.add(t.text);
      else read.push(t);
    }
    const lacks = read.find((t) => !listed.has(t.text) && !written.has(t.text));
    if (lacks !== undefined) return { line: tokens[i]!.line, name: lacks.text };
  }
  return null;
}

function assigns(tokens: readonly Token[], at: number): boolean {
  let k = at + 1;
  while (tokens[k]?.text === "[") k = closing(tokens, k) + 1;
  return tokens[k]?.text === "=" || tokens[k]?.text === "<=";
}

function declared(tokens: readonly Token[]): Set<string> {
  const names = new Set<string>();
  for (let i = 0; i < tokens.length; i++) {
    if (!/^(input|output|wire|reg|logic|bit)$/.test(tokens[i]!.text)) continue;
    let k = i + 1;
    while (/^(wire|reg|logic|bit|signed|unsigned|\[)$/.test(tokens[k]?.text ?? "")) {
      k = tokens[k]!.text === "[" ? closing(tokens, k) + 1 : k + 1;
    }
    for (; tokens[k]?.kind === "id" && !isKeyword(tokens[k]!.text); k += 2) {
      names.add(tokens[k]!.text);
      while (tokens[k + 1]?.text === "[") k = closing(tokens, k + 1);
      if (tokens[k + 1]?.text !== ",") break;
    }
  }
  return names;
}
