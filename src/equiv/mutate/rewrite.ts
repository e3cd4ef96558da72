/** The same design in other words: operands of commutative operators change places. */

import { isKeyword } from "../../verilog/keywords.js";
import type { Token } from "../../verilog/lexer.js";
import { outlineOf } from "../../verilog/outline-reader.js";

const COMMUTES = new Set(["+", "*", "&", "|", "^", "==", "!="]);

export function rewritten(tokens: readonly Token[]): Token[] {
  const out = [...tokens];
  const plain = (i: number): boolean => {
    const t = out[i];
    return t !== undefined && (t.kind === "num" || (t.kind === "id" && !isKeyword(t.text)));
  };
  // Only where both operands stand alone: between brackets, commas and ends.
  for (const e of outlineOf(tokens).expressions) {
    for (let i = e.span[0] + 1; i + 1 < e.span[1]; i++) {
      const before = i - 2 < e.span[0] ? "" : out[i - 2]!.text;
      const after = i + 2 >= e.span[1] ? "" : out[i + 2]!.text;
      if (!COMMUTES.has(out[i]!.text) || !plain(i - 1) || !plain(i + 1)) continue;
      if (!/^[({,]?$/.test(before) || !/^[)},]?$/.test(after)) continue;
      const [a, b] = [out[i - 1]!, out[i + 1]!];
      out[i - 1] = { ...a, kind: b.kind, text: b.text };
      out[i + 1] = { ...b, kind: a.kind, text: a.text };
    }
  }
  return out;
}
