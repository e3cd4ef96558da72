import { expect, it } from "vitest";
import { folder } from "./fixtures.js";

const HEAD = "the config has a mistake; nothing was started";
const HINT = "-> every key with its default and meaning: train config reference --stage rl";

it("reports two mistakes as two messages, each with its place and the nearest key", () => {
  const dir = folder({ "a.yaml": "rl:\n  setps: 3\n  groups: x\n" });
  expect(dir.mistakes(["a.yaml"])).toEqual([
    "the config has 2 mistakes; nothing was started",
    "a.yaml:2:3 rl.setps: unknown key; did you mean rl.steps?",
    'a.yaml:3:11 rl.groups: expected a whole number >= 1, got "x"',
    HINT,
  ]);
});

it("reports mistakes of files and overrides together, files first and by line", () => {
  const dir = folder({
    "a.yaml":
      "rl:\n  steps: 1.5\n  strategy: adaptiv\n  bank: yes\n  share: 1\n  minutes: .nan\n  families: [a, 3]\n  weights: {x: y}\n  clip: {low: 0.5, high: 0.3}\nfoo: 1\n",
  });
  expect(
    dir.mistakes(["a.yaml"], ["rl.setps=3", "learner.lr=-1", "+rl.steps=4", "~rl.groups", "rl.bank"]),
  ).toEqual([
    "the config has 14 mistakes; nothing was started",
    "a.yaml:2:10 rl.steps: expected a whole number >= 0, got 1.5",
    'a.yaml:3:13 rl.strategy: expected one of fixed, dynamic, adaptive, got "adaptiv"',
    'a.yaml:4:9 rl.bank: expected true or false, got "yes"',
    "a.yaml:5:10 rl.share: expected a number >= 0 and < 1, got 1",
    "a.yaml:6:12 rl.minutes: expected a number > 0 or null, got NaN",
    "a.yaml:7:17 rl.families.1: expected a string, got 3",
    'a.yaml:8:16 rl.weights.x: expected a number, got "y"',
    "a.yaml:9:26 rl.clip.high: must be >= low (0.5) (got 0.3)",
    "a.yaml:10:1 foo: unknown key; the sections are run, learner, rl",
    "override +rl.steps=4: rl.steps is already set at a.yaml:2:10; write rl.steps=4 to change it",
    "override ~rl.groups: nothing to take away: no file sets rl.groups, it has its default",
    "override rl.bank: expected a value; write rl.bank=value",
    "override learner.lr=-1: expected a number > 0, got -1",
    "override rl.setps=3: unknown key; did you mean rl.steps?",
    HINT,
  ]);
});

it("points a cross-field rule at the section when the offending value is a default", () => {
  const dir = folder({ "a.yaml": "rl:\n  clip:\n    low: 0.9\n" });
  expect(dir.mistakes(["a.yaml"])[1]).toBe("a.yaml:2:3 rl.clip.high: must be >= low (0.9) (by default)");
});

it.each([
  [
    "an empty file",
    "",
    "1:1: the file is empty; expected sections such as `rl:` (write {} for a config of defaults)",
  ],
  [
    "comments only",
    "# rl:\n",
    "1:1: the file is empty; expected sections such as `rl:` (write {} for a config of defaults)",
  ],
  ["a list at the top", "- rl\n", "1:1: expected a map of sections at the top level, got a list"],
  ["a word at the top", "hello\n", '1:1: expected a map of sections at the top level, got "hello"'],
  ["a duplicate key", "rl:\n  steps: 3\n  steps: 4\n", "3:3: the same key twice; keep one"],
  ["a tab as the first indent", "rl:\n\tsteps: 3\n", "2:1: a tab; indent with spaces"],
  ["a tab later on", "rl:\n  steps: 3\n\tgroups: 3\n", "3:1: a tab; indent with spaces"],
  [
    "several documents",
    "rl: {}\n---\nrl: {}\n",
    "2:1: expected one YAML document, got several (--- separates documents)",
  ],
  ["a tag", "rl:\n  steps: !foo 3\n", "2:10: tags (!name) are not used in configs; remove it"],
  [
    "a merge key",
    "rl:\n  <<: {steps: 3}\n",
    "2:3 rl: merge keys (<<) are YAML 1.1; use `extends:` for shared values",
  ],
  ["an alias inside its anchor", "rl: &a\n  clip: *a\n", "2:9 rl.clip: *a refers to itself"],
  ["a list as a key", "? [a]\n: b\n", "1:3: expected a name as the key"],
  ["a dotted key", "rl.steps: 5\n", "1:1 rl.steps: unknown key; in a file, nest it: rl: { steps: … }"],
  ["a key of the wrong section", "rl:\n  lr: 1\n", "2:3 rl.lr: unknown key; did you mean learner.lr?"],
  [
    "a section that is a number",
    "rl: 5\n",
    "1:5 rl: expected a section with the keys steps, groups, strategy, bank, share, minutes, families, weights, clip, got 5",
  ],
  [
    "a key of the prototype",
    "constructor: 3\n",
    "1:1 constructor: unknown key; the sections are run, learner, rl",
  ],
  ["__proto__", "__proto__: {a: 1}\n", "1:1 __proto__: unknown key; the sections are run, learner, rl"],
  [
    "a pattern in its own words",
    "run:\n  name: a b\n",
    '2:9 run.name: 1 to 80 letters, digits and . _ - (got "a b")',
  ],
])("%s", (_what, text, message) => {
  expect(folder({ "x.yaml": text }).mistakes(["x.yaml"])).toEqual([HEAD, `x.yaml:${message}`, HINT]);
});

it("gives an alias the place where it stands, not that of its anchor", () => {
  const dir = folder({ "a.yaml": "rl: &a\n  steps: 3\nlearner: *a\n" });
  expect(dir.mistakes(["a.yaml"])[1]).toBe("a.yaml:3:10 learner.steps: unknown key; did you mean rl.steps?");
});

it("stops an alias bomb", () => {
  const levels = [..."abcdefg"].map((name, i) => {
    const below = i === 0 ? "x" : `*${"abcdefg"[i - 1]}`;
    return `${name}: &${name} [${Array(10).fill(below).join(", ")}]`;
  });
  const [, detail] = folder({ "a.yaml": `${levels.join("\n")}\n` }).mistakes(["a.yaml"]);
  expect(detail).toMatch(/more than 50000 values|Excessive alias/);
});

it("recognises a config of another stage", () => {
  const dir = folder({ "d.yaml": "# x\ndistill:\n  steps: 3\n" });
  expect(dir.mistakes(["d.yaml"])).toEqual([
    "this looks like a distill config: d.yaml:2 has a section `distill`, which --stage rl does not know",
    "-> use --stage distill, or take the section away",
  ]);
  expect(dir.mistakes(["d.yaml"], [], "distill")).toEqual([]);
});

it("names the near configs when there is no such file, and all shipped ones when none is near", () => {
  const dir = folder({
    "package/configs/adaptive-dapo.yaml": "{}\n",
    "package/configs/reference.yaml": "{}\n",
    "mine.yaml": "{}\n",
  });
  const shown = "no such file, neither here nor in package/configs";
  expect(dir.mistakes(["adpative-dapo.yaml"])).toEqual([
    `--config adpative-dapo.yaml: ${shown}`,
    "-> did you mean --config adaptive-dapo.yaml?",
  ]);
  expect(dir.mistakes(["mien"])[1]).toBe("-> did you mean --config mine.yaml?");
  expect(dir.mistakes(["zzz"])).toEqual([
    `--config zzz: ${shown}`,
    "-> the configs that come with the package: adaptive-dapo.yaml",
  ]);
});

it("reports cycles, missing files and wrong types of extends where they are written", () => {
  const dir = folder({
    "a.yaml": "extends: b.yaml\n",
    "b.yaml": "extends: [a.yaml]\n",
    "c.yaml": "rl: {}\nextends: [basse.yaml, 3]\n",
    "base.yaml": "{}\n",
  });
  expect(dir.mistakes(["a.yaml"]).slice(1, -1)).toEqual([
    "b.yaml:1:11 extends: a cycle: a.yaml -> b.yaml -> a.yaml",
  ]);
  expect(dir.mistakes(["c.yaml"]).slice(1, -1)).toEqual([
    "c.yaml:2:11 extends: no such file: basse.yaml; did you mean base.yaml?",
    "c.yaml:2:23 extends: expected the name of a config file, or a list of them",
  ]);
});

it("does not check the rest when a file does not parse", () => {
  const dir = folder({ "a.yaml": "rl: [1,2\nfoo: 3\n" });
  const found = dir.mistakes(["a.yaml"], ["rl.setps=3"]);
  expect(found.slice(1, -1).every((line) => line.startsWith("a.yaml:"))).toBe(true);
});
