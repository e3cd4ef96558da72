import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it, onTestFinished } from "vitest";
import { parse } from "yaml";
import { shippedConfigs } from "../../src/config/files.js";
import { keysOf } from "../../src/config/keys.js";
import { loadConfig } from "../../src/config/load.js";
import { referenceYaml } from "../../src/config/reference.js";
import {
  distillStageSchema,
  evalStageSchema,
  rlStageSchema,
  sweepStageSchema,
} from "../../src/stages/schema.js";

const root = fileURLToPath(new URL("../..", import.meta.url)).replace(/\/$/, "");
const schemas = {
  rl: rlStageSchema,
  distill: distillStageSchema,
  eval: evalStageSchema,
  sweep: sweepStageSchema,
};
const stages = Object.keys(schemas) as (keyof typeof schemas)[];

it("configs/reference.yaml is what the schemas say (npm run reference writes it)", () => {
  expect(readFileSync(`${root}/configs/reference.yaml`, "utf8")).toBe(referenceYaml(schemas));
});

it("the reference holds exactly the defaults of every stage", () => {
  const reference = parse(referenceYaml(schemas)) as Record<string, unknown>;
  for (const stage of stages) {
    const { config } = loadConfig<Record<string, unknown>>({
      stage,
      schemas,
      configs: [],
      overrides: [],
      cwd: root,
      root,
    });
    const shown = Object.fromEntries(Object.keys(config).map((section) => [section, reference[section]]));
    expect(shown).toEqual(config);
  }
});

describe.each(stages)("stage %s", (stage) => {
  it("has a sentence for every key", () => {
    const silent = keysOf(schemas[stage]).filter((k) => !k.section && !k.schema.description);
    expect(silent.map((k) => k.key)).toEqual([]);
  });
});

it("every shipped config loads in the stage it is for", () => {
  const configs = shippedConfigs(root);
  expect(configs).toContain("adaptive-dapo.yaml");
  for (const name of configs) {
    const fitting = stages.filter((stage) => {
      try {
        loadConfig({ stage, schemas, configs: [name], overrides: [], cwd: "/", root });
        return true;
      } catch {
        return false;
      }
    });
    expect(fitting.length, name).toBeGreaterThanOrEqual(1);
  }
});

it.each(["adaptive-dapo.yaml", "dapo.yaml", "grpo.yaml"])("the resolved config of %s loads again", (name) => {
  const load = (configs: string[], overrides: string[] = [], cwd = "/") =>
    loadConfig({ stage: "rl", schemas, configs, overrides, cwd, root });
  const whole = load([name]);
  const dir = mkdtempSync(join(tmpdir(), "resolved-"));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  writeFileSync(join(dir, "config.resolved.yaml"), whole.text);
  expect(load(["config.resolved.yaml"], [], dir).hash).toBe(whole.hash);
  expect(load(["config.resolved.yaml"], ["rl.sampling.strategy=batch_min"], dir).config).toBeDefined();
  expect(() =>
    load(["config.resolved.yaml"], ["rl.sampling.strategy=batch_min", "rl.sampling.kappa=3"], dir),
  ).toThrow("a mistake");
});
