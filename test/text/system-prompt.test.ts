import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { Message } from "../../src/core/types.js";
import { extractAnswer } from "../../src/text/format.js";
import { badSystemPrompt, systemPromptOf, withSystemPrompt } from "../../src/text/system-prompt.js";
import { loadTokenizer } from "../../src/text/tokenizer.js";

const card = readFileSync(new URL("codev-r1-system-prompt.txt", import.meta.url));
const user: Message = { role: "user", content: "Invert a." };

test("codev-r1 is the system prompt of the model card, byte for byte", () => {
  expect(Buffer.from(systemPromptOf("codev-r1")!, "utf8").equals(card)).toBe(true);
});

test("none adds nothing, and any other text is itself", () => {
  expect(systemPromptOf("none")).toBeNull();
  expect(systemPromptOf("Write Verilog.")).toBe("Write Verilog.");
});

test("the answer that codev-r1 asks for is the one that is scored", () => {
  const answer = "<think> t </think><answer> ```verilog\nmodule top_module(); endmodule ``` </answer>";
  expect(extractAnswer(answer)).toEqual({ ok: true, code: "module top_module(); endmodule\n" });
});

describe("a setting", () => {
  test.each(["none", "codev-r1", "Write Verilog.", "two\nwords"])("%j is accepted", (setting) => {
    expect(badSystemPrompt(setting)).toBeNull();
  });

  test.each(["codev_r1", "None", "CodeV-R1", "", "  ", "Verilog\n"])(
    "%j is refused with what was expected",
    (bad) => {
      expect(badSystemPrompt(bad)).toBe(
        `expected none, codev-r1 or the text of a system prompt (two words or more), got ${JSON.stringify(bad)}`,
      );
    },
  );
});

test("a prompt's own system message wins", () => {
  const own: readonly Message[] = [{ role: "system", content: "Be brief." }, user];
  expect(withSystemPrompt(own, "Write Verilog.")).toEqual(own);
  expect(withSystemPrompt([user], "Write Verilog.")).toEqual([
    { role: "system", content: "Write Verilog." },
    user,
  ]);
});

test("the shipped chat template renders it before the user's turn", async () => {
  const tokenizer = await loadTokenizer(new URL("../../checkpoints/primer-base", import.meta.url).pathname);
  const system = systemPromptOf("codev-r1")!;
  const messages = withSystemPrompt([user], system);
  expect(tokenizer.applyChatTemplate(messages, { addGenerationPrompt: true })).toBe(
    `<|im_start|>system\n${system}<|im_end|>\n<|im_start|>user\nInvert a.<|im_end|>\n<|im_start|>assistant\n`,
  );
  expect(tokenizer.encodePrompt(messages).length).toBeGreaterThan(
    tokenizer.encodePrompt([user]).length + 100,
  );
});
