import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Message } from "../../src/core/types.js";
import { loadTokenizer, type Tokenizer } from "../../src/text/tokenizer.js";
import { saveTokenizer } from "../../src/text/tokenizer-files.js";
import { corpus, corpusTokenizer } from "../text/fixtures.js";
import { describeExternal, runPython } from "./python.js";

interface Reply {
  readonly ids: number[][];
  readonly split: number[][];
  readonly decoded: string[];
  readonly chats: string[];
  readonly chatIds: number[][];
  readonly fast: number[][];
  readonly rows: string[];
  readonly rowsWithoutSpecials: string[];
  readonly eos: number;
}

/** Their encodings are kept in test/text/golden, made here and checked there without Python. */
const tricky = [
  "a  =  b;\n\n\n   \t x\r\n\r\ny  ",
  "naïve café 日本語 \u00a0nbsp \u3000wide 🙂👩‍👩‍👧 e\u0301 ½ ٣ Ⅳ ²",
  "x<|im_end|>y<|im_start|>z<|endoftext|>",
  "<think></think><answer>```verilog\n```</answer>",
  "_a__b_1_2 $display(\"%d\", a[3:0]); `define X 8'hFF // don't\n",
  "\u0085\u2028\ufeff\u200b\0\u0001",
];
const random = fc.sample(fc.string({ unit: "binary", maxLength: 40 }), { numRuns: 300, seed: 5 });
const texts = [...corpus(), ...tricky, ...random].filter((t) => t !== "");

/** What a sampler may draw: any ids, broken UTF-8 and special tokens among them. */
const rows = fc.sample(fc.array(fc.nat(399), { minLength: 1, maxLength: 30 }), { numRuns: 300, seed: 6 });

const chats: readonly (readonly Message[])[] = [
  [{ role: "user", content: "a 4-bit adder" }],
  [
    { role: "system", content: "be brief" },
    { role: "user", content: " two\nlines " },
    { role: "assistant", content: "<think>\n</think>" },
    { role: "user", content: "again {{ x }} {% y %}" },
  ],
];

/** Each tokenizer's directory is filled by `make`. */
const made: readonly (readonly [string, (dir: string) => Promise<unknown>])[] = [
  ["made here", (dir) => saveTokenizer(dir, corpusTokenizer())],
  ["of Qwen2's kind, made by HF tokenizers", (dir) => runPython("qwen2_tokenizer.py", [dir], corpus())],
];

for (const [title, make] of made) {
  describeExternal(`HF tokenizers and transformers, on a tokenizer ${title}`, () => {
    let dir: string;
    let ours: Tokenizer;
    let theirs: Reply;
    beforeAll(async () => {
      dir = await mkdtemp(join(tmpdir(), "external-"));
      await make(dir);
      ours = await loadTokenizer(dir);
      theirs = (await runPython("tokenizer.py", [], { dir, texts, chats, rows })) as Reply;
    }, 120_000);
    afterAll(() => rm(dir, { recursive: true }));

    test("give the same ids, special tokens parsed", () => {
      texts.forEach((text, i) => {
        expect(Array.from(ours.encode(text, { specials: "parse" })), JSON.stringify(text)).toEqual(
          theirs.ids[i],
        );
        expect(theirs.fast[i]).toEqual(theirs.ids[i]);
      });
    });

    test("give the same ids where special tokens are ordinary text", () => {
      texts.forEach((text, i) => {
        expect(Array.from(ours.encode(text)), JSON.stringify(text)).toEqual(theirs.split[i]);
      });
    });

    test("decode to the same text", () => {
      texts.forEach((_, i) => {
        expect(ours.decode(theirs.ids[i]!, { specials: "keep" })).toBe(theirs.decoded[i]);
      });
    });

    test("decode any ids to the same text", () => {
      rows.forEach((ids, i) => {
        expect(ours.decode(ids, { specials: "keep" })).toBe(theirs.rows[i]);
        expect(ours.decode(ids)).toBe(theirs.rowsWithoutSpecials[i]);
      });
    });

    test("render the chat template to the same text and ids", () => {
      chats.forEach((messages, i) => {
        expect(ours.applyChatTemplate(messages)).toBe(theirs.chats[i]);
        expect(Array.from(ours.encodePrompt(messages))).toEqual(theirs.chatIds[i]);
      });
      expect(ours.eosIds).toContain(theirs.eos);
      expect(ours.turnEndId).toBe(ours.specials.get("<|im_end|>"));
    });

    if (title === "made here") {
      test("are the source of the golden encodings", async () => {
        const lines = tricky.map((text) => JSON.stringify({ text, ids: theirs.ids[texts.indexOf(text)] }));
        await expect(`${lines.join("\n")}\n`).toMatchFileSnapshot("../text/golden/encodings.jsonl");
      });
    }
  });
}
