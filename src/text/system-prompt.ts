/** System prompts by name, and how one joins a problem's messages. Pure. */

import type { Message } from "../core/types.js";

/**
 * Word for word the system prompt of the model card of CodeV-R1-Qwen-7B ("Usage Recommendations"), without the line break
 * that ends it there. CodeV-R1 was trained with it, so the missing blank before `<answer>` stays.
 */
const CODEV_R1 =
  "You are a helpful assistant. The assistant first thinks about the reasoning process in the mind and then provides " +
  "the user with the answer. The reasoning process and answer are enclosed within <think> </think> and<answer> " +
  "</answer> tags, respectively, i.e., <think> reasoning process here </think><answer> answer here </answer>. Now the " +
  "user asks you to write verilog code. After thinking, when you finally reach a conclusion, enclose the final verilog " +
  "code in ```verilog ``` within <answer> </answer> tags. i.e., <answer> ```verilog\n" +
  "module top_module(in, out, ...) ... ``` </answer>.";

const NAMED: ReadonlyMap<string, string | null> = new Map([
  ["none", null],
  ["codev-r1", CODEV_R1],
]);

/** The text that a setting stands for: that of the name, or the setting itself; null = no system message is added. */
export const systemPromptOf = (setting: string): string | null => {
  const named = NAMED.get(setting);
  return named === undefined ? setting : named;
};

/** What is wrong with a setting, as a sentence, or null. A single word is a misspelt name, not a prompt. */
export function badSystemPrompt(setting: string): string | null {
  if (NAMED.has(setting) || /\S\s+\S/.test(setting)) return null;
  const names = [...NAMED.keys()].join(", ");
  return `expected ${names} or the text of a system prompt (two words or more), got ${JSON.stringify(setting)}`;
}

/** The messages with the system prompt first. A prompt with a system message of its own keeps that one alone. */
export function withSystemPrompt(prompt: readonly Message[], system: string): readonly Message[] {
  return prompt.some((m) => m.role === "system") ? prompt : [{ role: "system", content: system }, ...prompt];
}
