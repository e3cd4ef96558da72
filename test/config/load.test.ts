import { describe, expect, it } from "vitest";
import { hashOf, withRunName } from "../../src/config/load.js";
import { printConfig } from "../../src/config/print.js";
import { folder } from "./fixtures.js";

describe("layers", () => {
  const files = {
    "base.yaml": "rl:\n  steps: 1\n  groups: 1\n  families: [a, b]\n",
    "dir/mid.yaml": "extends: ../base\nrl:\n  groups: 2\n  families: [c]\n",
    "top.yaml": "rl:\n  strategy: fixed\nextends: [base.yaml, dir/mid.yaml]\n",
    "over.yaml": "learner: {lr: 1e-6}\nrl:\n",
  };

  it("lays extends below the file, later files over earlier ones, overrides over all; lists are replaced", () => {
    const { config, files: read } = folder(files).load(
      ["top.yaml", "over.yaml"],
      ["rl.steps=7", "rl.steps=9"],
    );
    expect(config.rl).toMatchObject({ steps: 9, groups: 2, strategy: "fixed", families: ["c"], share: 0.1 });
    expect(config.learner.lr).toBe(1e-6);
    expect(read).toEqual(["base.yaml", "base.yaml", "dir/mid.yaml", "top.yaml", "over.yaml"]);
  });

  it("remembers where each value came from", () => {
    const { provenance } = folder(files).load(
      ["top.yaml", "over.yaml"],
      ["rl.steps=9", "rl.clip={low: 0.1}"],
    );
    const source = (key: string): string | undefined => provenance.get(key)?.source;
    expect(source("rl.steps")).toBe("override");
    expect(source("rl.groups")).toBe("dir/mid.yaml:3");
    expect(source("rl.strategy")).toBe("top.yaml:2");
    expect(source("rl.families")).toBe("dir/mid.yaml:4");
    expect(source("learner.lr")).toBe("over.yaml:1");
    expect(source("rl.clip.low")).toBe("override");
    expect(source("rl.clip.high")).toBe("default");
    expect(source("rl")).toBeUndefined();
  });

  it("takes a value away, back to the default", () => {
    const { config, provenance } = folder(files).load(["top.yaml"], ["~rl.groups", "~rl.families"]);
    expect([config.rl.groups, config.rl.families]).toEqual([32, []]);
    expect(provenance.get("rl.groups")).toEqual({ source: "default" });
  });

  it("finds a config here first, then under the package's configs, with and without .yaml", () => {
    const dir = folder({
      "package/configs/a.yaml": "rl: {steps: 1}\n",
      "package/configs/sub/b.yaml": "rl: {steps: 2}\n",
    });
    expect(dir.load(["a"]).config.rl.steps).toBe(1);
    expect(dir.load(["sub/b.yaml"]).config.rl.steps).toBe(2);
    dir.write("a.yaml", "rl: {steps: 3}\n");
    expect(dir.load(["a"]).config.rl.steps).toBe(3);
    expect(dir.load([`${dir.path}/a.yaml`]).config.rl.steps).toBe(3);
  });
});

it("reads 1e-6 as a number, `no` as a string, and suffixes where only numbers fit", () => {
  const dir = folder({
    "a.yaml": "learner: {lr: 1e-6, tokens: 32K}\nrun: {name: 8k}\nrl: {families: [no, 1k]}\n",
  });
  const { config } = dir.load(["a.yaml"], ["rl.steps=1.5k", "rl.minutes=2m"]);
  expect(config.learner).toEqual({ lr: 1e-6, tokens: 32768 });
  expect([config.run.name, config.rl.families]).toEqual(["8k", ["no", "1k"]]);
  expect([config.rl.steps, config.rl.minutes]).toEqual([1500, 2e6]);
  expect(dir.mistakes(["a.yaml"], ["rl.steps=1.0005k"])[1]).toBe(
    "override rl.steps=1.0005k: expected a whole number >= 0, got 1000.5",
  );
});

it("takes a section with everything commented out for one of defaults", () => {
  const { config } = folder({ "a.yaml": "rl:\n  # steps: 3\nlearner:\n" }).load(["a.yaml"]);
  expect([config.rl.steps, config.learner.lr]).toEqual([60, 1e-4]);
});

it("resolves to YAML that loads to the same config and hash", () => {
  const dir = folder({ "a.yaml": "rl: {families: ['on', \"8k\"], weights: {a.b: 1}, minutes: 0.5}\n" });
  const first = dir.load(["a.yaml"], ["rl.clip.low=0.01"]);
  dir.write("resolved.yaml", first.text);
  const again = dir.load(["resolved.yaml"]);
  expect(again.config).toEqual(first.config);
  expect(again.hash).toBe(first.hash);
  expect(again.text).toBe(first.text);
});

it("hashes what is trained, not where the run is stored", () => {
  const dir = folder();
  const plain = dir.load([]);
  expect(plain.hash).toMatch(/^[0-9a-f]{16}$/);
  expect(dir.load([], ["run.name=x", "run.dir=/tmp/y"]).hash).toBe(plain.hash);
  expect(dir.load([], ["run.seed=2"]).hash).not.toBe(plain.hash);
  expect(dir.load([], ["rl.steps=61"]).hash).not.toBe(plain.hash);
  const renamed = withRunName(plain, "later");
  expect([hashOf(renamed.config), renamed.config.run.name]).toEqual([plain.hash, "later"]);
  expect(renamed.text).toContain("name: later");
  expect(plain.config.run.name).toBeNull();
});

it("prints where each value came from in lined-up comments, and stays the same YAML", () => {
  const dir = folder({ "a.yaml": "rl:\n  families: [a, b]\n  weights: {x: 2}\n" });
  const loaded = dir.load(["a.yaml"], ["learner.lr=3e-5"]);
  const text = printConfig(loaded, true);
  expect(text.split("\n").slice(0, 10)).toEqual([
    "run:",
    "  name: null            # default",
    "  dir: checkpoints/runs # default",
    "  seed: 1               # default",
    "learner:",
    "  lr: 0.00003           # override",
    "  tokens: 8192          # default",
    "rl:",
    "  steps: 60             # default",
    "  groups: 32            # default",
  ]);
  expect(text).toMatch(/families: \[ a, b \] +# a\.yaml:2\n/);
  expect(text).toMatch(/ {4}x: 2 +# a\.yaml:3\n/);
  dir.write("printed.yaml", text);
  expect(dir.load(["printed.yaml"]).config).toEqual(loaded.config);
});
