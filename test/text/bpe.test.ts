import fc from "fast-check";
import { expect, test } from "vitest";
import { type BpeModel, countPreTokens, PRE_TOKEN_PATTERN, trainBpe } from "../../src/text/bpe.js";
import { corpus } from "./fixtures.js";

/** The definition, without any bookkeeping: count all pairs afresh before each merge. */
function slowTrain(texts: readonly string[], vocabSize: number, minFrequency: number): BpeModel {
  const tokens = Array.from({ length: 256 }, (_, b) => [b]);
  const merges: [number, number][] = [];
  let words = [...countPreTokens(texts, [])].map(([w, n]) => ({ ids: [...new TextEncoder().encode(w)], n }));
  const order = (a: readonly number[], b: readonly number[]) => {
    const i = a.findIndex((x, j) => x !== b[j]);
    return i < 0 ? a.length - b.length : i >= b.length ? 1 : a[i]! - b[i]!;
  };
  while (tokens.length < vocabSize) {
    const counts = new Map<string, { pair: [number, number]; n: number }>();
    for (const { ids, n } of words) {
      for (let i = 1; i < ids.length; i++) {
        const key = `${ids[i - 1]},${ids[i]}`;
        const seen = counts.get(key) ?? { pair: [ids[i - 1]!, ids[i]!], n: 0 };
        counts.set(key, { ...seen, n: seen.n + n });
      }
    }
    const [best] = [...counts.values()]
      .filter((c) => c.n >= minFrequency)
      .sort(
        (a, b) =>
          b.n - a.n ||
          order(tokens[a.pair[0]]!, tokens[b.pair[0]]!) ||
          order(tokens[a.pair[1]]!, tokens[b.pair[1]]!),
      );
    if (best === undefined) break;
    const [left, right] = best.pair;
    const bytes = [...tokens[left]!, ...tokens[right]!];
    let id = tokens.findIndex((t) => order(t, bytes) === 0);
    if (id < 0) id = tokens.push(bytes) - 1;
    merges.push([left, right]);
    words = words.map(({ ids, n }) => {
      const out: number[] = [];
      for (let i = 0; i < ids.length; i++) {
        const hit = ids[i] === left && ids[i + 1] === right;
        out.push(hit ? id : ids[i]!);
        if (hit) i++;
      }
      return { ids: out, n };
    });
  }
  return { tokens: tokens.map((t) => Uint8Array.from(t)), merges };
}

test("equals training by the definition", () => {
  const text = fc.array(fc.constantFrom("a", "b", "ab", " ", "aa", "é", "\n", "_", "1", ";", "  "), {
    maxLength: 60,
  });
  fc.assert(
    fc.property(
      fc.array(
        text.map((t) => t.join("")),
        { maxLength: 4 },
      ),
      fc.integer({ min: 1, max: 3 }),
      (texts, min) => {
        const fast = trainBpe(texts, { vocabSize: 280, minFrequency: min });
        expect(fast).toEqual(slowTrain(texts, 280, min));
      },
    ),
    { numRuns: 150 },
  );
  expect(trainBpe(corpus(), { vocabSize: 340 })).toEqual(slowTrain(corpus(), 340, 2));
});

test("pre-tokens cover the text and hold at most one digit", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      const words = text.match(new RegExp(PRE_TOKEN_PATTERN, "gu")) ?? [];
      expect(words.join("")).toBe(text);
      expect(words.filter((word) => /\p{N}/u.test(word) && [...word].length > 1)).toEqual([]);
    }),
  );
});

test("cuts Verilog where a reader would", () => {
  const cut = (text: string) => text.match(new RegExp(PRE_TOKEN_PATTERN, "gu"));
  expect(cut("  assign y_out = a[12:0] <= 8'hF0;\n    end\n\n")).toEqual([
    " ",
    " assign",
    " y_out",
    " =",
    " a",
    "[",
    "1",
    "2",
    ":",
    "0",
    "]",
    " <=",
    " ",
    "8",
    "'hF",
    "0",
    ";\n    ",
    "end",
    "\n\n",
  ]);
  expect(cut(".clk(clk),\n  .q (q));")).toEqual([".clk", "(clk", "),\n  ", ".q", " (", "q", "));"]);
});

test("added tokens are cut out before pairs are counted", () => {
  const counts = countPreTokens(["<think>ab</think>ab"], ["<think>", "</think>"]);
  expect([...counts]).toEqual([["ab", 2]]);
});

test("a size outside 256 to 65535 is refused", () => {
  expect(() => trainBpe([], { vocabSize: 255 })).toThrow("got 255");
  expect(trainBpe([], { vocabSize: 300 }).tokens).toHaveLength(256);
});
