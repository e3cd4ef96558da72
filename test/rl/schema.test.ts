import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { keysOf } from "../../src/config/keys.js";
import { loadConfig } from "../../src/config/load.js";
import type { TrainError } from "../../src/core/errors.js";
import { LEARNERS } from "../../src/learner/index.js";
import { type LossOption, unsupportedLoss } from "../../src/learner/learner-engine.js";
import { STRATEGIES } from "../../src/rl/algo/strategies/index.js";
import { rlStageSchema } from "../../src/stages/schema.js";

/** The messages for a config file with this text, extending `base.yaml` where it says so. */
function mistakes(text: string, overrides: readonly string[] = [], base = "{}\n"): string[] {
  const dir = mkdtempSync(join(tmpdir(), "rl-config-"));
  try {
    writeFileSync(join(dir, "a.yaml"), text);
    writeFileSync(join(dir, "base.yaml"), base);
    loadConfig({
      stage: "rl",
      schemas: { rl: rlStageSchema },
      configs: ["a.yaml"],
      overrides,
      cwd: dir,
      root: dir,
    });
    return [];
  } catch (error) {
    return [...((error as TrainError).details ?? [])];
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

describe("contradictions of the rl section", () => {
  it.each([
    [
      "n_min above the mean group size",
      "rl:\n  groups: 32\n  group_size: 8\n  sampling: {n_min: 9}\n",
      "a.yaml:3:15 rl.group_size: a step of 32 groups has 256 rollouts on average, but n_min asks for at least 9 x 32 = 288; raise group_size or lower sampling.n_min (got 8)",
    ],
    [
      "a token budget that n_min x groups cannot meet",
      "rl:\n  sampling:\n    step_tokens: 100\n",
      "a.yaml:3:18 rl.sampling.step_tokens: n_min x groups is 4 x 32 = 128 rollouts, which no budget of 100 tokens can meet (got 100)",
    ],
    [
      "a run's budget that ends before its first step",
      "rl:\n  max_generated_tokens: 100\n  sampling: {strategy: dynamic}\n",
      "a.yaml:2:25 rl.max_generated_tokens: one step has at least 8 x 32 = 256 rollouts, so this budget ends before the first step does (got 100)",
    ],
    [
      "n_max below n_min",
      "rl:\n  sampling:\n    n_max: 3\n",
      "a.yaml:3:12 rl.sampling.n_max: must be >= n_min (4) (got 3)",
    ],
    [
      "group_std with groups of one",
      "rl:\n  group_size: 1\n  advantage: group_std\n",
      "a.yaml:2:15 rl.group_size: a group of one has no spread: use at least 2, or advantage: history (got 1)",
    ],
    [
      "leave_one_out with problems of one rollout",
      "rl:\n  advantage: leave_one_out\n  sampling:\n    n_min: 1\n",
      "a.yaml:4:12 rl.sampling.n_min: a group of one has no spread: use at least 2, or advantage: history (got 1)",
    ],
    [
      "overlong masking and punishment",
      "rl:\n  loss:\n    overlong: mask\n    overlong_factor: 0.5\n",
      "a.yaml:4:22 rl.loss.overlong_factor: overlong: mask leaves completions that were cut out of the loss, so there is nothing to punish; choose overlong: punish, or leave this out (got 0.5)",
    ],
    [
      "both as a list",
      "rl:\n  loss:\n    overlong: [mask, punish]\n",
      'a.yaml:3:15 rl.loss.overlong: expected one of mask, punish, none, got a list (["mask","punish"])',
    ],
    [
      "a punishment that starts before the first token",
      "rl:\n  loss: {overlong: punish, overlong_buffer: 500}\nsampler:\n  max_tokens: 200\n",
      "a.yaml:2:45 rl.loss.overlong_buffer: must be <= sampler.max_tokens (200) (got 500)",
    ],
  ])("%s", (_what, text, message) => {
    expect(mistakes(text)).toContain(message);
  });

  it.each([
    "rl:\n  group_size: 2\n",
    "rl:\n  group_size: 1\n  groups: 8\n  advantage: history\n",
    "rl:\n  group_size: 1\n",
    "rl:\n  loss: {overlong: punish, overlong_buffer: 20}\n",
    "rl:\n  sampling: {step_tokens: 20000, n_min: 2}\n  loss: {importance_cap: 2, dual_clip: 3, kl_coef: 0.01, entropy_coef: 0.01}\n",
  ])("lets %j pass", (text) => {
    expect(mistakes(text)).toEqual([]);
  });
});

describe("a setting that nothing reads", () => {
  it.each([
    [
      "of another strategy, in a file",
      "rl:\n  sampling:\n    strategy: dynamic\n    kappa: 3\n",
      [],
      "a.yaml:4:12 rl.sampling.kappa: the strategy dynamic does not read it; set rl.sampling.strategy=adaptive, or leave this out (got 3)",
    ],
    [
      "of another strategy, as an override",
      "rl:\n  sampling: {strategy: fixed}\n",
      ["rl.sampling.oversample=2"],
      "override rl.sampling.oversample=2: the strategy fixed does not read it; set rl.sampling.strategy=dynamic, or leave this out (got 2)",
    ],
    [
      "under the default strategy",
      "{}\n",
      ["rl.sampling.oversample=2"],
      "override rl.sampling.oversample=2: the strategy adaptive does not read it; set rl.sampling.strategy=dynamic, or leave this out (got 2)",
    ],
    [
      "that is set before its choice on the command line",
      "{}\n",
      ["rl.sampling.explore=0.2", "rl.sampling.strategy=batch_min"],
      "override rl.sampling.explore=0.2: the strategy batch_min does not read it; set rl.sampling.strategy=adaptive, or leave this out (got 0.2)",
    ],
    [
      "of a bank that is off",
      "rl:\n  sampling: {bank: false, bank_max_age: 3}\n",
      [],
      "a.yaml:2:41 rl.sampling.bank_max_age: read only where groups are banked; set rl.sampling.bank=true, or leave this out (got 3)",
    ],
    [
      "of surprising groups that are not kept",
      "rl:\n  sampling: {keep: mixed, min_surprise: 0.2}\n",
      [],
      "a.yaml:2:41 rl.sampling.min_surprise: read with keep: surprising only; set rl.sampling.keep=surprising, or leave this out (got 0.2)",
    ],
    [
      "of an advantage without estimates",
      "rl:\n  advantage: group_std\n  sampling: {min_surprise: 0.2}\n",
      [],
      "a.yaml:3:28 rl.sampling.min_surprise: read with advantage: history only; set rl.advantage=history, or leave this out (got 0.2)",
    ],
    [
      "of a schedule that never moves",
      "rl:\n  sampling: {kappa_schedule: fixed, kappa_final: 2}\n",
      [],
      "a.yaml:2:50 rl.sampling.kappa_final: kappa_schedule: fixed never leaves kappa; set rl.sampling.kappa_schedule=linear or signal, or leave this out (got 2)",
    ],
    [
      "of stale rollouts where there are none",
      "rl:\n  sampling: {bank: false}\n  loss: {importance_cap: 2}\n",
      [],
      "a.yaml:3:26 rl.loss.importance_cap: no rollout is stale without a bank and without overlap; set rl.sampling.bank=true or rl.async.max_lag=1, or leave this out (got 2)",
    ],
  ])("%s is refused with what would read it", (_what, text, overrides, message) => {
    expect(mistakes(text, overrides)).toEqual([message]);
  });

  it("is reported with every other one", () => {
    const text = "rl:\n  sampling: {strategy: fixed, oversample: 2, kappa: 2, retire: false}\n";
    expect(mistakes(text).map((m) => m.split(" ")[1])).toEqual([
      "rl.sampling.oversample:",
      "rl.sampling.kappa:",
      "rl.sampling.retire:",
    ]);
  });

  it("is reported beside a typo and a value of the wrong type", () => {
    const text = "rl:\n  setps: 3\n  groups: none\n  sampling: {strategy: dynamic, kappa: 2}\n";
    expect(mistakes(text)).toEqual([
      "a.yaml:2:3 rl.setps: unknown key; did you mean rl.steps?",
      'a.yaml:3:11 rl.groups: expected a whole number >= 1, got "none"',
      "a.yaml:4:40 rl.sampling.kappa: the strategy dynamic does not read it; set rl.sampling.strategy=adaptive, or leave this out (got 2)",
    ]);
  });

  it("is not judged by a choice that is misspelt", () => {
    expect(mistakes("rl:\n  sampling: {strategy: dynamc, oversample: 2}\n")).toEqual([
      'a.yaml:2:24 rl.sampling.strategy: expected one of fixed, dynamic, batch_min, batch_window, adaptive, got "dynamc"',
    ]);
  });

  it("is left alone where a base config set it and the choice came later", () => {
    const base =
      "rl:\n  sampling: {strategy: adaptive, kappa: 2}\n  loss: {overlong: punish, overlong_buffer: 20}\n";
    const child = "extends: base.yaml\nrl:\n  sampling: {strategy: dynamic}\n  loss: {overlong: mask}\n";
    expect(mistakes(child, [], base)).toEqual([]);
    expect(mistakes("extends: base.yaml\n", ["rl.sampling.strategy=dynamic"], base)).toEqual([]);
    expect(
      mistakes("extends: base.yaml\nrl:\n  sampling: {strategy: dynamic, kappa: 3}\n", [], base),
    ).toEqual([
      "a.yaml:3:40 rl.sampling.kappa: the strategy dynamic does not read it; set rl.sampling.strategy=adaptive, or leave this out (got 3)",
    ]);
  });
});

describe("the table of strategies", () => {
  it("gives every knob a default and a description that names its readers", () => {
    const knobs = STRATEGIES.flatMap((s) => Object.keys(s.knobs));
    expect(new Set(knobs).size).toBe(knobs.length);
    const keys = new Map(keysOf(rlStageSchema).map((k) => [k.key, k.schema]));
    for (const { name, knobs } of STRATEGIES) {
      for (const key of Object.keys(knobs)) {
        const schema = keys.get(`rl.sampling.${key}`);
        expect(schema?.description).toMatch(new RegExp(`^${name}: `));
        expect(schema).toHaveProperty("default");
      }
    }
  });
});

describe("an engine's own keys", () => {
  it.each([
    [
      "a learner and a sampler between which weights cannot travel",
      "learner: {engine: fake}\nsampler:\n  engine: embedded\n",
      'a.yaml:3:11 sampler.engine: the fake learner gives its weights as the file of the fake learner, which the embedded sampler does not take; use it with sampler.engine: fake, or this sampler with learner.engine: embedded (got "embedded")',
    ],
    [
      "a key that only another engine reads",
      "learner: {engine: fake}\nsampler:\n  engine: fake\n  slots: 3\n",
      "a.yaml:4:3 sampler.slots: not read with engine: fake, only with engine: embedded",
    ],
    [
      "a typo beside an engine's own keys",
      "learner:\n  treads: 3\n",
      "a.yaml:2:3 learner.treads: unknown key; did you mean learner.threads?",
    ],
    [
      "an engine that is not there",
      "sampler:\n  engine: vlm\n",
      'a.yaml:2:11 sampler.engine: expected one of embedded, fake, got "vlm"',
    ],
    [
      "a value of another type, in the words of the engine that reads it",
      "sampler: {slots: 0}\n",
      "a.yaml:1:18 sampler.slots: expected a whole number >= 1 and <= 4096 or null, got 0",
    ],
  ])("%s", (_what, text, message) => {
    expect(mistakes(text)).toEqual([message]);
  });

  it.each([
    "learner: {engine: fake}\nsampler: {engine: fake, max_tokens: 1k}\n",
    "sampler:\n  slots: 1k\nlearner:\n",
  ])("lets %j pass", (text) => {
    expect(mistakes(text)).toEqual([]);
  });
});

describe("what a learner computes", () => {
  const loss = { dual_clip: 3, kl_coef: 0, entropy_coef: 0.01, importance_cap: null };

  it("names the options that are on and that it does not", () => {
    expect(unsupportedLoss(loss, new Set<LossOption>(["entropy_coef"]))).toEqual(["dual_clip"]);
    expect(unsupportedLoss(loss, LEARNERS.embedded.loss)).toEqual([]);
  });
});
