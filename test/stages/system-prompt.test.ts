/** `data.system_prompt` from the config to the prompt, the room check, the dry run's line and the exported card. */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import type { Problem } from "../../src/core/types.js";
import { dataSchema } from "../../src/data/schema.js";
import { modelCard } from "../../src/stages/model-card.js";
import { requireRoom } from "../../src/stages/policy.js";
import { loadProblems, systemPromptLine } from "../../src/stages/problems.js";
import { systemPromptOf } from "../../src/text/system-prompt.js";
import { loadTokenizer } from "../../src/text/tokenizer.js";

const root = fileURLToPath(new URL("../..", import.meta.url));
const dir = mkdtempSync(join(tmpdir(), "system-prompt-"));
afterAll(() => rmSync(dir, { recursive: true }));

const own = [
  { role: "system", content: "Be brief." },
  { role: "user", content: "Invert b." },
];
const problem = (id: string, prompt: unknown, split: string) => ({
  id,
  prompt,
  golden: `module top_module(input ${id},output y);assign y=~${id};endmodule`,
  split,
});
const path = join(dir, "problems.jsonl");
writeFileSync(
  path,
  [problem("a", "Invert a.", "train"), problem("b", own, "train"), problem("c", "Invert c.", "test")]
    .map((line) => JSON.stringify(line))
    .join("\n"),
);

const data = (system_prompt: string) => dataSchema.parse({ source: "jsonl", path, system_prompt });
const load = (system_prompt: string) => loadProblems(data(system_prompt), { cwd: dir, root });
const CODEV = systemPromptOf("codev-r1")!;

describe("the problems", () => {
  it("get it in both splits, except those with a system message of their own", async () => {
    const { train, test } = await load("codev-r1");
    expect(train[0]!.prompt).toEqual([
      { role: "system", content: CODEV },
      { role: "user", content: "Invert a." },
    ]);
    expect(train[1]!.prompt).toEqual(own);
    expect(test[0]!.prompt[0]).toEqual({ role: "system", content: CODEV });
  });

  it("stay as they are by default", async () => {
    expect((await load("none")).train.map((p) => p.prompt)).toEqual([
      [{ role: "user", content: "Invert a." }],
      own,
    ]);
  });

  it("keep ids, goldens and splits whatever the prompt", async () => {
    const bare = ({ train, test }: Awaited<ReturnType<typeof load>>) =>
      [...train, ...test].map(({ id, task, meta }) => ({ id, task, meta }));
    expect(bare(await load("Write Verilog."))).toEqual(bare(await load("none")));
  });
});

it("counts as part of the prompt where there must be room for an answer", async () => {
  const tokenizer = await loadTokenizer(join(root, "checkpoints/primer-base"));
  const { train } = await load("codev-r1");
  const without = (await load("none")).train;
  const policy = (contextTokens: number) => ({
    contextTokens,
    tokenizer,
    promptIds: (p: Problem) => tokenizer.encodePrompt(p.prompt),
  });
  const needed = tokenizer.encodePrompt(train[0]!.prompt).length + 10;
  expect(() => requireRoom(policy(needed), train, 10)).not.toThrow();
  expect(() => requireRoom(policy(needed - 1), train, 10)).toThrow(
    /1 of 2 prompts leave no room for 10 tokens/,
  );
  expect(() => requireRoom(policy(needed - 1), without, 10)).not.toThrow();
});

describe("the line of a dry run", () => {
  it("shows the text and the prompts that keep their own", async () => {
    expect(systemPromptLine(data("codev-r1"), await load("codev-r1"))).toBe(
      `system     codev-r1: ${JSON.stringify(CODEV)}; 1 of 3 prompts have a system message of their own`,
    );
    expect(systemPromptLine(data("Write Verilog."), await load("Write Verilog."))).toMatch(
      /^system {5}"Write Verilog\."; 1 of 3/,
    );
    expect(systemPromptLine(data("none"), await load("none"))).toBe(
      "system     none added; 1 of 3 prompts have a system message of their own",
    );
  });
});

describe("the card of an export", () => {
  it("holds the system prompt inside a fence that the prompt cannot close", () => {
    expect(modelCard("m", data("codev-r1"))).toContain(`\n\`\`\`\`text\n${CODEV}\n\`\`\`\`\n`);
  });

  it("says that there is none", () => {
    expect(modelCard("m", data("none"))).toMatch(/added no system message/);
  });
});

it("a bad value names the names", () => {
  const result = dataSchema.safeParse({ system_prompt: "codev_r1" });
  expect(result.success).toBe(false);
  expect(result.error?.issues[0]).toMatchObject({
    path: ["system_prompt"],
    message: 'expected none, codev-r1 or the text of a system prompt (two words or more), got "codev_r1"',
  });
});
