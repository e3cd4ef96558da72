/** Values of constant expressions, where they are plain arithmetic over literals and parameters. */

import type { Token } from "./lexer.js";
import { constantOf } from "./numbers.js";

/** Tokens; port ranges are short, and a nest of parentheses must not become a nest of calls. */
export const LONGEST_EXPRESSION = 200;

/** Constant expressions over + - * / % << >> ( ) $clog2 and known parameters; null where it knows no better. */
export function evaluate(tokens: readonly Token[], params: ReadonlyMap<string, number>): number | null {
  if (tokens.length > LONGEST_EXPRESSION) return null;
  let at = 0;
  const peek = (): string | undefined => tokens[at]?.text;
  const LEVELS: readonly (readonly string[])[] = [
    ["<<", ">>"],
    ["+", "-"],
    ["*", "/", "%"],
  ];
  const apply = (op: string, a: number, b: number): number =>
    op === "+"
      ? a + b
      : op === "-"
        ? a - b
        : op === "*"
          ? a * b
          : op === "/"
            ? Math.trunc(a / b)
            : op === "%"
              ? a % b
              : op === "<<"
                ? a * 2 ** b
                : Math.floor(a / 2 ** b);
  const level = (k: number): number | null => {
    if (k === LEVELS.length) return unary();
    let left = level(k + 1);
    while (left !== null && LEVELS[k]!.includes(peek() ?? "")) {
      const op = tokens[at++]!.text;
      const right = level(k + 1);
      left = right === null ? null : apply(op, left, right);
    }
    return left;
  };
  const unary = (): number | null => {
    const t = tokens[at++];
    if (t === undefined) return null;
    if (t.text === "-" || t.text === "+") {
      const v = unary();
      return v === null ? null : t.text === "-" ? -v : v;
    }
    if (t.text === "(") {
      const v = level(0);
      return tokens[at++]?.text === ")" ? v : null;
    }
    if (t.text === "$clog2" && tokens[at]?.text === "(") {
      at++;
      const v = level(0);
      return tokens[at++]?.text === ")" && v !== null ? Math.ceil(Math.log2(Math.max(1, v))) : null;
    }
    if (t.kind === "num") {
      const c = constantOf(t.text);
      return c === null ? null : Number(c.value);
    }
    return params.get(t.text) ?? null;
  };
  const value = level(0);
  return at === tokens.length && value !== null && Number.isFinite(value) ? value : null;
}
