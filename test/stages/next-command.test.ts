/** What a stage prints as the next command is a command that goes on with the same problems. */

import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { loadConfig } from "../../src/config/load.js";
import { dataSchema } from "../../src/data/schema.js";
import { evalCommand, rlCommand } from "../../src/stages/next-command.js";
import { type EvalConfig, evalStageSchema, type RlConfig, rlStageSchema } from "../../src/stages/schema.js";

const root = fileURLToPath(new URL("../..", import.meta.url));
const made = (data: object, maxTokens = 176) => ({
  data: dataSchema.parse(data),
  sampler: { max_tokens: maxTokens },
});
const LISTS = { families: ["alu_4", "it's"], level: "all" };
const OWN = { source: "jsonl", path: "my problems.jsonl", test_share: 0.2 };
const TOLD = { system_prompt: "Answer: in Verilog.\nIt's checked." };

const schemas = { rl: rlStageSchema, eval: evalStageSchema };

/** The words as a shell hands them on, read as a config. */
function read<C>(command: string): C {
  const words = execFileSync("sh", ["-c", `printf '%s\\n' ${command}`], { encoding: "utf8" })
    .trim()
    .split("\n");
  const [program, flag, stage, config, name, ...overrides] = words;
  expect([program, flag, config]).toEqual(["scripts/train", "--stage", "--config"]);
  return loadConfig<C>({ stage: stage!, schemas, configs: [name!], overrides, cwd: root, root }).config;
}

describe("the next command", () => {
  it("is short where everything is as usual", () => {
    expect(evalCommand("runs/a/export", made({}))).toBe(
      "scripts/train --stage eval --config eval.yaml model.path=runs/a/export",
    );
    expect(rlCommand("checkpoints/p", made({ level: "hard" }, 448))).toBe(
      "scripts/train --stage rl --config primer-gpu.yaml model.path=checkpoints/p",
    );
  });

  it("evaluates on the same problems, with room for the same answers", () => {
    for (const data of [LISTS, OWN, TOLD, { level: "hard" }]) {
      const config = read<EvalConfig>(evalCommand("a b/export", made(data, 448)));
      expect(config.data).toEqual(dataSchema.parse(data));
      expect(config.sampler.max_tokens).toBe(448);
      expect(config.model.path).toBe("a b/export");
    }
  });

  it("reinforces on the same problems", () => {
    for (const data of [LISTS, OWN, TOLD, { level: "hard" }, {}]) {
      const config = read<RlConfig>(rlCommand("a", made(data)));
      expect(config.data).toEqual(dataSchema.parse(data));
    }
  });
});
