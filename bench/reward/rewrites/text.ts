/** Rewrites of the text that keep its function by construction; a prover says so again, because this is a small parser. */

import { isKeyword } from "../../../src/verilog/keywords.js";
import { render, type Token } from "../../../src/verilog/lexer.js";
import { closing } from "../../../src/verilog/preprocess.js";

type Tokens = readonly Token[];
const op = (text: string): Token => ({ kind: "op", text, breaks: 0, space: true, line: 0 });
const text = (t: Tokens): string => render(t);

/** Rewrites by name; null where the text has nothing of that kind. */
export const TEXT_REWRITES: Readonly<Record<string, (t: Tokens) => string | null>> = {
  "renamed internals": renamed,
  "branches swapped": swapped,
  "case as if": caseAsIf,
  "items reordered": reordered,
  "always_comb as always @*": (t) =>
    t.some((x) => x.text === "always_comb")
      ? text(t.map((x) => (x.text === "always_comb" ? { ...x, text: "always @*" } : x)))
      : null,
  "assign as always @*": assignAsAlways,
  "values through temporaries": throughTemporaries,
};

/** Index after the statement at `at`, else branches included. */
function statementEnd(t: Tokens, at: number): number {
  let i = at;
  if (t[i]!.text === "begin") {
    let depth = 0;
    for (; i < t.length; i++) {
      const x = t[i]!.text;
      if (/^(begin|case[xz]?)$/.test(x)) depth++;
      else if (/^(end|endcase)$/.test(x) && --depth === 0) break;
    }
    i++;
    if (t[i]?.text === ":") i += 2;
    return i;
  }
  if (t[i]!.text === "if") {
    i = statementEnd(t, closing(t, i + 1) + 1);
    return t[i]?.text === "else" ? statementEnd(t, i + 1) : i;
  }
  if (/^case[xz]?$/.test(t[i]!.text)) {
    let depth = 0;
    for (; i < t.length; i++) {
      if (/^case[xz]?$/.test(t[i]!.text)) depth++;
      else if (t[i]!.text === "endcase" && --depth === 0) return i + 1;
    }
  }
  if (/^(for|while|repeat)$/.test(t[i]!.text)) return statementEnd(t, closing(t, i + 1) + 1);
  if (t[i]!.text === "@" || t[i]!.text === "#") return statementEnd(t, closing(t, i + 1) + 1);
  while (i < t.length && t[i]!.text !== ";") i++;
  return i + 1;
}

/** `if (c) A else B` as `if (!(c)) B else A`, everywhere. */
function swapped(t: Tokens): string | null {
  let done = false;
  const walk = (from: number, to: number): Token[] => {
    const out: Token[] = [];
    for (let i = from; i < to; ) {
      if (t[i]!.text === "if" && t[i + 1]?.text === "(") {
        const close = closing(t, i + 1);
        const first = statementEnd(t, close + 1);
        if (t[first]?.text === "else" && !insideGenerate(t, i)) {
          const last = statementEnd(t, first + 1);
          const body = (a: number, b: number): Token[] => [op("begin"), ...walk(a, b), op("end")];
          out.push(op("if"), op("("), op("!"), ...t.slice(i + 1, close + 1), op(")"));
          out.push(...body(first + 1, last), op("else"), ...body(close + 1, first));
          done = true;
          i = last;
          continue;
        }
      }
      out.push(t[i]!);
      i++;
    }
    return out;
  };
  const out = walk(0, t.length);
  return done ? text(out) : null;
}

const insideGenerate = (t: Tokens, at: number): boolean => {
  for (let i = at; i >= 0; i--) {
    if (/^(always|always_comb|always_ff|always_latch|initial|function|task)$/.test(t[i]!.text)) return false;
    if (/^(generate|genvar|module)$/.test(t[i]!.text)) return true;
  }
  return true;
};

/** Plain `case` with labels and a default as a chain of `if`. */
function caseAsIf(t: Tokens): string | null {
  let done = false;
  const walk = (from: number, to: number): Token[] => {
    const out: Token[] = [];
    for (let i = from; i < to; ) {
      if (t[i]!.text === "case" && t[i + 1]?.text === "(") {
        const close = closing(t, i + 1);
        const subject = t.slice(i + 1, close + 1);
        const end = statementEnd(t, i);
        const arms: { labels: Token[][] | null; from: number; to: number }[] = [];
        let k = close + 1;
        while (k < end - 1) {
          const isDefault = t[k]!.text === "default";
          const labels: Token[][] = [[]];
          while (t[k]!.text !== ":" && k < end) {
            if (t[k]!.text === ",") labels.push([]);
            else if (/^[({[]$/.test(t[k]!.text)) {
              const c = closing(t, k);
              labels.at(-1)!.push(...t.slice(k, c + 1));
              k = c;
            } else labels.at(-1)!.push(t[k]!);
            k++;
            if (isDefault && t[k]!.text !== ":") break;
          }
          const start = t[k]!.text === ":" ? k + 1 : k;
          k = statementEnd(t, start);
          arms.push({ labels: isDefault ? null : labels, from: start, to: k });
        }
        const ordered = [...arms.filter((a) => a.labels !== null), ...arms.filter((a) => a.labels === null)];
        if (ordered.length > 0 && ordered[0]!.labels !== null) {
          ordered.forEach((a, n) => {
            if (n > 0) out.push(op("else"));
            if (a.labels !== null) {
              out.push(op("if"), op("("));
              a.labels.forEach((l, j) => {
                if (j > 0) out.push(op("||"));
                out.push(op("("), ...subject, op("=="), op("("), ...l, op(")"), op(")"));
              });
              out.push(op(")"));
            }
            out.push(op("begin"), ...walk(a.from, a.to), op("end"));
          });
          done = true;
          i = end;
          continue;
        }
      }
      out.push(t[i]!);
      i++;
    }
    return out;
  };
  const out = walk(0, t.length);
  return done ? text(out) : null;
}

/** Range with which a name is declared, "" for one bit; null where it is not found or has several. */
function rangeOf(t: Tokens, name: string): string | null {
  let found: string | null = null;
  for (let i = 1; i < t.length; i++) {
    if (!/^(reg|logic|wire|output|integer)$/.test(t[i]!.text)) continue;
    let k = i + 1;
    while (/^(reg|logic|wire|signed)$/.test(t[k]?.text ?? "")) k++;
    let range = t[i]!.text === "integer" ? "[31:0]" : "";
    if (t[k]?.text === "[") {
      const close = closing(t, k);
      range = text(t.slice(k, close + 1));
      k = close + 1;
    }
    // The names of the list, up to what is no name: a value, an unpacked range, the next port.
    for (; t[k]?.kind === "id" && !isKeyword(t[k]!.text); k += 2) {
      if (t[k]!.text === name) {
        if (t[k + 1]?.text === "[") return null;
        found = range;
      }
      if (t[k + 1]?.text !== ",") break;
    }
  }
  return found;
}

interface Item {
  readonly head: string;
  readonly tokens: Token[];
}

/** The parts of a module that nothing else encloses, after its header; null where it holds what is not split here. */
function itemsOf(t: Tokens): { before: Tokens; items: Item[]; after: Tokens } | null {
  if (t.filter((x) => x.text === "module").length !== 1) return null;
  if (t.some((x) => /^(generate|genvar|function|task|typedef|initial)$/.test(x.text))) return null;
  let i = t.findIndex((x) => x.text === "module");
  while (t[i]!.text !== ";") i = t[i]!.text === "(" ? closing(t, i) + 1 : i + 1;
  const before = t.slice(0, ++i);
  const end = t.findIndex((x) => x.text === "endmodule");
  const items: Item[] = [];
  while (i < end) {
    const from = i;
    const head = t[i]!.text;
    if (/^always/.test(head)) {
      i++;
      if (t[i]!.text === "@") i = t[i + 1]!.text === "(" ? closing(t, i + 1) + 1 : i + 2;
      i = statementEnd(t, i);
    } else while (t[i++]!.text !== ";");
    items.push({ head, tokens: t.slice(from, i) });
  }
  return { before, items, after: t.slice(end) };
}

/** Processes and assignments last first; declarations keep their place before them. */
function reordered(t: Tokens): string | null {
  const split = itemsOf(t);
  if (split === null) return null;
  const moves = (x: Item): boolean => /^(always\w*|assign)$/.test(x.head);
  const moving = split.items.filter(moves);
  if (moving.length < 2) return null;
  const items = [...split.items.filter((x) => !moves(x)), ...moving.reverse()];
  return text([...split.before, ...items.flatMap((x) => x.tokens), ...split.after]);
}

/** `assign w = e;` of a `logic` or net output as a process with a variable of its own. */
function assignAsAlways(t: Tokens): string | null {
  const split = itemsOf(t);
  if (split === null) return null;
  let k = 0;
  const out = split.items.flatMap((x): Token[] => {
    // Constants alone never wake a process; wide concatenations on the left have no variable of that shape.
    const reads = x.tokens.slice(3).some((y) => y.kind === "id" && !isKeyword(y.text));
    if (x.head !== "assign" || x.tokens[2]?.text !== "=" || !reads) return x.tokens;
    const target = x.tokens[1]!;
    const range = rangeOf(t, target.text);
    if (range === null) return x.tokens;
    const name = `v_${k++}`;
    const sized = `reg ${range} ${name};`;
    const body = x.tokens.slice(2);
    return [op(`\n${sized} always @* ${name}`), ...body, op(`\nassign ${target.text} = ${name};`)];
  });
  return k === 0 ? null : text([...split.before, ...out, ...split.after]);
}

/** `q <= e;` in clocked processes as `begin t = e; q <= t; end` with a temporary as wide as the register. */
function throughTemporaries(t: Tokens): string | null {
  const split = itemsOf(t);
  if (split === null) return null;
  let k = 0;
  const declared: Token[] = [];
  const items = split.items.map((x): Item => {
    if (!/^always/.test(x.head) || !x.tokens.some((y) => /^(pos|neg)edge$/.test(y.text))) return x;
    const out: Token[] = [];
    for (let i = 0; i < x.tokens.length; i++) {
      const [a, b] = [x.tokens[i]!, x.tokens[i + 1]];
      const starts = /^(begin|end|else|;|\)|:)$/.test(x.tokens[i - 1]?.text ?? "");
      const range = b?.text === "<=" && starts && !isKeyword(a.text) ? rangeOf(t, a.text) : null;
      if (a.kind === "id" && range !== null) {
        const end = statementEnd(x.tokens, i);
        const name = `t_${k++}`;
        declared.push(op(`\nreg ${range} ${name};`));
        out.push(op(`begin ${name} =`), ...x.tokens.slice(i + 2, end), op(`${a.text} <= ${name}; end`));
        i = end - 1;
      } else out.push(a);
    }
    return { ...x, tokens: out };
  });
  if (k === 0) return null;
  const plain = items.findIndex((x) => /^(always\w*|assign)$/.test(x.head));
  return text([
    ...split.before,
    ...items.slice(0, plain).flatMap((x) => x.tokens),
    ...declared,
    ...items.slice(plain).flatMap((x) => x.tokens),
    ...split.after,
  ]);
}

/** Every name but the ports of the header and the module becomes another. */
function renamed(t: Tokens): string | null {
  if (t.filter((x) => x.text === "module").length !== 1) return null;
  const start = t.findIndex((x) => x.text === "module");
  let header = start;
  while (t[header]!.text !== ";") header = t[header]!.text === "(" ? closing(t, header) + 1 : header + 1;
  const kept = new Set(t.slice(start, header).map((x) => x.text));
  for (let i = header; i < t.length; i++) {
    // Ports of the old style are declared below the header; they are named in it as well.
    if (t[i]!.text === "endmodule" && t[i + 1]?.text === ":") kept.add(t[i + 2]!.text);
  }
  const names = new Map<string, string>();
  const out = t.map((x, i): Token => {
    if (i <= header || x.kind !== "id" || isKeyword(x.text) || kept.has(x.text)) return x;
    if (t[i - 1]?.text === ".") return x;
    const name = names.get(x.text) ?? `z${names.size}_q`;
    names.set(x.text, name);
    return { ...x, text: name };
  });
  return names.size === 0 ? null : text(out);
}
