import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { loadTokenizer, type Tokenizer } from "../../src/text/tokenizer.js";
import { saveTokenizer, trainTokenizer } from "../../src/text/tokenizer-files.js";
import { corpus, corpusTokenizer } from "./fixtures.js";

let dir: string;
let tokenizer: Tokenizer;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "tokenizer-"));
  await saveTokenizer(dir, corpusTokenizer());
  tokenizer = await loadTokenizer(dir);
});
afterAll(() => rm(dir, { recursive: true }));

/** A directory with the trained tokenizer and some files changed; null removes one. */
async function variant(name: string, files: Record<string, string | null>): Promise<string> {
  const at = join(dir, name);
  await saveTokenizer(at, corpusTokenizer());
  for (const [file, text] of Object.entries(files)) {
    if (text === null) await rm(join(at, file));
    else await writeFile(join(at, file), text);
  }
  return at;
}

test("training twice gives the same files", () => {
  expect(JSON.stringify(corpusTokenizer())).toBe(JSON.stringify(corpusTokenizer()));
  expect(corpusTokenizer(300).vocabSize).toBe(300);
});

test("cuts Verilog into readable pieces", () => {
  const pieces = (text: string) => Array.from(tokenizer.encode(text), (id) => tokenizer.decode([id]));
  expect(pieces("  always @(posedge clk) begin\n    q <= q + 4'd12;\n  end")).toMatchInlineSnapshot(`
    [
      " ",
      " a",
      "l",
      "w",
      "ay",
      "s",
      " @(",
      "posedge",
      " clk",
      ")",
      " begin",
      "
        ",
      "q",
      " <=",
      " q",
      " +",
      " ",
      "4",
      "'d",
      "1",
      "2",
      ";
      ",
      "end",
    ]
  `);
});

test("encodes as HF tokenizers does", async () => {
  const golden = await readFile(new URL("golden/encodings.jsonl", import.meta.url), "utf8");
  const lines = golden.trimEnd().split("\n");
  expect(lines).toHaveLength(6);
  for (const line of lines) {
    const { text, ids } = JSON.parse(line) as { text: string; ids: number[] };
    expect(Array.from(tokenizer.encode(text, { specials: "parse" })), text).toEqual(ids);
  }
});

test("decode undoes encode, whatever the text", () => {
  const text = fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom(...corpus()));
  fc.assert(
    fc.property(
      fc.array(text, { maxLength: 3 }).map((t) => t.join("<|im_end|>")),
      (s) => {
        expect(tokenizer.decode(tokenizer.encode(s))).toBe(s);
      },
    ),
  );
});

test("digits are one token each", () => {
  for (let d = 0; d < 10; d++) expect(tokenizer.encode(`${d}`)).toHaveLength(1);
  expect(tokenizer.encode("1234567890")).toHaveLength(10);
});

test("the four tags are one token each and survive decoding", () => {
  const ids = tokenizer.encode("<think></think><answer></answer>");
  expect(ids).toHaveLength(4);
  expect(tokenizer.decode(ids)).toBe("<think></think><answer></answer>");
});

test("special tokens: ordinary text by default, parsed when asked, dropped in decoding", () => {
  const text = "a<|im_end|>";
  const end = tokenizer.specials.get("<|im_end|>")!;
  expect(tokenizer.encode(text)).not.toContain(end);
  expect(tokenizer.decode(tokenizer.encode(text))).toBe(text);
  const parsed = tokenizer.encode(text, { specials: "parse" });
  expect(parsed.at(-1)).toBe(end);
  expect(tokenizer.decode(parsed)).toBe("a");
  expect(tokenizer.decode(parsed, { specials: "keep" })).toBe(text);
  expect(tokenizer.decode([])).toBe("");
  expect(tokenizer.decode([tokenizer.vocabSize + 5])).toBe("");
});

test("ids that end a turn, and the vocabulary", () => {
  expect(tokenizer.vocabSize).toBe(400);
  expect(tokenizer.turnEndId).toBe(tokenizer.specials.get("<|im_end|>"));
  expect(tokenizer.eosIds).toEqual([tokenizer.turnEndId]);
  expect(tokenizer.padId).toBe(tokenizer.specials.get("<|endoftext|>"));
  const completion = tokenizer.encodeCompletion("ok");
  expect(completion.at(-1)).toBe(tokenizer.turnEndId);
});

test("the rendered prompt is ChatML and its ids spell it", () => {
  const messages = [
    { role: "system", content: "be brief" },
    { role: "user", content: "a mux, please" },
  ] as const;
  const text =
    "<|im_start|>system\nbe brief<|im_end|>\n<|im_start|>user\na mux, please<|im_end|>\n<|im_start|>assistant\n";
  expect(tokenizer.applyChatTemplate(messages)).toBe(text);
  expect(tokenizer.decode(tokenizer.encodePrompt(messages), { specials: "keep" })).toBe(text);
  expect(tokenizer.encodePrompt(messages)).toEqual(tokenizer.encode(text, { specials: "parse" }));
});

test("no content forges a special token; the prompt still spells what was written", () => {
  const nasty = fc
    .array(
      fc.constantFrom(
        "<|im_end|>",
        "<|im_",
        "end|>",
        "<|im_start|>",
        "\n",
        "system",
        "\u{f8d0}",
        "\u{f8d1}",
        "\u{f8d2}",
        "0",
        "x",
      ),
      {
        maxLength: 12,
      },
    )
    .map((parts) => parts.join(""));
  fc.assert(
    fc.property(nasty, (content) => {
      const messages = [{ role: "user", content }] as const;
      const ids = Array.from(tokenizer.encodePrompt(messages));
      const specials = ids.filter((id) => [...tokenizer.specials.values()].includes(id));
      const [start, end] = ["<|im_start|>", "<|im_end|>"].map((t) => tokenizer.specials.get(t));
      expect(specials).toEqual([start, end, start]);
      expect(tokenizer.decode(ids, { specials: "keep" })).toBe(tokenizer.applyChatTemplate(messages));
    }),
    { numRuns: 500 },
  );
});

test("a template's own end of turn is found, also where eos_token is another", async () => {
  const at = await variant("base", {
    "tokenizer_config.json": JSON.stringify({ eos_token: "<|endoftext|>" }),
    "chat_template.jinja": "{% for m in messages %}<|im_start|>{{ m.content }}<|im_end|>{% endfor %}",
  });
  const base = await loadTokenizer(at);
  expect(base.eosIds).toEqual(["<|im_end|>", "<|endoftext|>"].map((t) => base.specials.get(t)));
  expect(base.turnEndId).toBe(base.specials.get("<|im_end|>"));
});

test("named templates and token objects are read", async () => {
  const at = await variant("named", {
    "tokenizer_config.json": JSON.stringify({
      eos_token: { content: "<|im_end|>", lstrip: false },
      chat_template: [
        { name: "tool_use", template: "no" },
        { name: "default", template: "{{ messages[0].content }}{{ eos_token }}" },
      ],
    }),
  });
  expect((await loadTokenizer(at)).applyChatTemplate([{ role: "user", content: "hi" }])).toBe("hi<|im_end|>");
});

test.each([
  ["no tokenizer", { "tokenizer.json": null }, /holds no tokenizer.json/],
  ["broken JSON", { "tokenizer.json": "{" }, /tokenizer.json is not JSON/],
  ["another kind", { "tokenizer.json": '{"model":{"type":"Unigram"}}' }, /not a file that tokenizers/],
  ["no end token", { "tokenizer_config.json": "{}" }, /no token that ends a turn/],
  ["bad template", { "chat_template.jinja": "{% for %}" }, /chat template cannot be read/],
])("refused: %s", async (name, files, message) => {
  const at = await variant(name, files as Record<string, string | null>);
  await expect(loadTokenizer(at)).rejects.toThrow(message);
});

test("no template: encoding works, prompting says what is missing", async () => {
  const at = await variant("plain", { "tokenizer_config.json": '{"eos_token":"<|endoftext|>"}' });
  const plain = await loadTokenizer(at);
  expect(plain.turnEndId).toBe(plain.specials.get("<|endoftext|>"));
  expect(() => plain.encodePrompt([{ role: "user", content: "x" }])).toThrow("has no chat template");
});

test("a template's own refusal is passed on with the roles", async () => {
  const source = "{% if messages[0].role == 'system' %}{{ raise_exception('no system turn') }}{% endif %}ok";
  const at = await variant("refuses", { "chat_template.jinja": source });
  const strict = await loadTokenizer(at);
  expect(() => strict.applyChatTemplate([{ role: "system", content: "x" }])).toThrow(
    /\(system\): no system turn/,
  );
});

test("a tokenizer of a few megabytes of text is made in seconds", () => {
  const texts = Array.from({ length: 120 }, (_, i) => corpus().join(`\nvariant ${i}\n`));
  const start = performance.now();
  trainTokenizer(texts, 1024, 512);
  expect(texts.join("").length).toBeGreaterThan(2e6);
  expect(performance.now() - start).toBeLessThan(10_000);
});
