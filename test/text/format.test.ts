import fc from "fast-check";
import { expect, test } from "vitest";
import { extractAnswer, formatCompletion, lastVerilogBlock, TAGS } from "../../src/text/format.js";

const good = "<think>plan</think><answer>```verilog\nmodule m; endmodule\n```</answer>";
const tags = Object.values(TAGS);

test("reads the code", () => {
  expect(extractAnswer(good)).toEqual({ ok: true, code: "module m; endmodule\n" });
  expect(extractAnswer(`hello\n${good}\nbye`)).toEqual({ ok: true, code: "module m; endmodule\n" });
});

test.each([
  ["", "<think> is missing"],
  [good.replace("</think>", ""), "</think> is missing"],
  [`${good}<answer>`, "<answer> occurs more than once"],
  [`<think></think>${good}`, "<think> occurs more than once"],
  ["</think><think><answer>```verilog\nx\n```</answer>", "the tags are out of order"],
  ["<answer></answer><think></think>", "the tags are out of order"],
  ["<think>```verilog\nx\n```</think><answer></answer>", "no complete ```verilog block inside <answer>"],
  ["<think></think><answer></answer>```verilog\nx\n```", "no complete ```verilog block inside <answer>"],
  ["<think></think><answer>```verilog\nx</answer>```", "no complete ```verilog block inside <answer>"],
  ["<think></think><answer>```\nx\n```</answer>", "no complete ```verilog block inside <answer>"],
  ["<think></think><answer>```verilog\n \n```</answer>", "the ```verilog block is empty"],
])("%j: %s", (text, reason) => {
  expect(extractAnswer(text)).toEqual({ ok: false, reason });
});

test("the last complete block counts, as in CodeV-R1", () => {
  expect(lastVerilogBlock("```verilog\na\n```\n```verilog\nb\n``` ```verilog\nc")).toBe("\nb\n");
  expect(lastVerilogBlock("```verilog a ```verilog b ```")).toBe(" a ");
  expect(lastVerilogBlock("```c\na\n```")).toBeNull();
});

/** The published check, by its regular expressions: same answer on any mixture of the pieces. */
function reference(text: string): string | null {
  const open = tags.map((tag) => text.split(tag).length - 1);
  const [a, b, c, d] = tags.map((tag) => text.indexOf(tag)) as [number, number, number, number];
  if (open.some((n) => n !== 1) || !(a < b && b < c && c < d)) return null;
  const blocks = [...text.slice(c, d).matchAll(/```verilog([\s\S]*?)```/g)];
  return blocks.at(-1)?.[1]?.trim() || null;
}

test("agrees with a check by regular expressions on any mixture of the pieces", () => {
  const piece = fc.constantFrom(...tags, "```verilog", "```", "\n", "module m;", " ", "<", "think>");
  const ordered = fc
    .array(fc.array(piece, { maxLength: 4 }), { minLength: 5, maxLength: 5 })
    .map((gaps) =>
      gaps.flatMap((gap, i) => [...gap.filter((p) => !tags.includes(p as never)), tags[i] ?? ""]),
    );
  fc.assert(
    fc.property(fc.oneof(fc.array(piece, { maxLength: 14 }), ordered), (pieces) => {
      const text = pieces.join("");
      const got = extractAnswer(text);
      expect(got.ok ? got.code.trim() : null).toBe(reference(text));
    }),
    { numRuns: 2000 },
  );
});

test("a formatted completion gives its code back", () => {
  const clean = fc
    .string({ unit: "grapheme" })
    .filter((s) => !s.includes("```") && !/<\/?(think|answer)>/.test(s));
  fc.assert(
    fc.property(
      clean,
      clean.filter((s) => s.trim() !== ""),
      (thought, code) => {
        expect(extractAnswer(formatCompletion(thought, code))).toEqual({
          ok: true,
          code: `${code.trim()}\n`,
        });
      },
    ),
  );
  expect(() => formatCompletion("</think>", "x")).toThrow("contains </think>");
  expect(() => formatCompletion("", "```")).toThrow("code fence");
});

test("takes time in proportion to the text", () => {
  const text = `<think></think><answer>${"```verilog".repeat(200_000)}</answer>`;
  const start = performance.now();
  extractAnswer(text);
  extractAnswer("<think>".repeat(300_000));
  expect(performance.now() - start).toBeLessThan(1000);
});
