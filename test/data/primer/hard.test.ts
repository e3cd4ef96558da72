/** The hard level: what every family of it promises, and that it leaves the basic level as it is. */

import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { goldenKey, identicalSets, promptKey } from "../../../src/data/identity.js";
import {
  FAMILIES,
  familiesOf,
  instanceOf,
  instances,
  primerSource,
  primerTexts,
  promptOf,
} from "../../../src/data/primer/index.js";
import { dataSchema } from "../../../src/data/schema.js";
import { extractAnswer } from "../../../src/text/format.js";
import { expectSlipRates } from "./slip-rates.js";

const sha256 = (value: unknown): string => createHash("sha256").update(JSON.stringify(value)).digest("hex");

describe("the basic level", () => {
  // The shipped policy was distilled from these texts, and prepared goldens are kept under their hash.
  it("is the default and byte for byte what it was", () => {
    expect(sha256(primerSource())).toBe("6efacd492d09f2d11587e7615fadc20e0caf924b74504fb6436532b0aecd5ad9");
    expect(sha256([...primerTexts({ seed: 1, count: 2000, rlOnlyShare: 0.2 })])).toBe(
      "c4deba1dc5366e7dbfd8be6ecec36a6433e8bd923d72e9ad02fd1adf8d3ec994",
    );
    expect(dataSchema.parse({}).level).toBe("basic");
  });

  it("is the first part of all, and the hard level the second", () => {
    const ids = (level: "basic" | "hard" | "all") => instances(level).map((i) => i.id);
    expect(ids("all")).toEqual([...ids("basic"), ...ids("hard")]);
    expect(new Set(ids("all")).size).toBe(ids("all").length);
    expect(new Set(familiesOf("all").map((f) => f.name)).size).toBe(familiesOf("all").length);
  });
});

describe("the hard level", () => {
  const hard = instances("hard");
  const families = familiesOf("hard");
  const taught = families.filter((f) => f.role === "trained");
  const source = primerSource({ level: "hard" });

  it("has its own families, taught and untaught, each with many parameters", () => {
    expect(taught.length).toBeGreaterThanOrEqual(30);
    expect(families.filter((f) => f.role === "combination").length).toBeGreaterThanOrEqual(4);
    expect(families.filter((f) => f.role === "unseen").length).toBeGreaterThanOrEqual(6);
    expect(families.filter((f) => FAMILIES.includes(f))).toEqual([]);
    for (const family of taught) {
      expect(hard.filter((i) => i.family === family).length, family.name).toBeGreaterThanOrEqual(100);
      expect(source.test.filter((p) => p.meta.bucket === family.name).length, family.name).toBeGreaterThan(5);
    }
    expect(source.train.every((p) => instanceOf(p.id).family.role === "trained")).toBe(true);
    const mean = (of: readonly { difficulty: number }[]) =>
      of.reduce((n, f) => n + f.difficulty, 0) / of.length;
    expect(mean(families)).toBeGreaterThan(mean(FAMILIES) + 0.2);
  });

  it("never shares a prompt, in any wording, or a golden, nor with the basic level", () => {
    const owner = new Map<string, string>();
    for (const instance of instances("all")) {
      const prompts = instance.circuit.say.map((_, i) =>
        promptKey({ prompt: promptOf(instance, i), task: { golden: "", top: "" } }),
      );
      const golden = goldenKey({ prompt: [], task: { golden: instance.golden, top: "top_module" } });
      for (const key of [golden, ...prompts]) {
        expect(owner.get(key), `${instance.id}: ${key}`).toBeUndefined();
        owner.set(key, instance.id);
      }
    }
    const everything = [...source.train, ...source.test];
    expect(identicalSets(everything)).toEqual(everything.map((_, i) => i));
  });

  it("describes every port by its name in every wording", () => {
    for (const { id, circuit } of hard) {
      const names = circuit.ports.map((p) => p.split(" ").at(-1)!);
      expect(new Set(names).size, id).toBe(names.length);
      for (const say of circuit.say) {
        for (const name of names) expect(new RegExp(`\\b${name}\\b`).test(say), `${id}: ${name}`).toBe(true);
        expect(say).not.toMatch(/undefined|NaN|\[object|\.\.|;;/);
      }
    }
  });

  it("reasons in several steps, from the interface on, and a fault stands in trace and code alike", () => {
    for (const { id, circuit, family } of hard) {
      for (const draft of [circuit.golden, ...circuit.faults]) {
        const steps = draft.think.split("\n");
        expect(steps[0], id).toMatch(/^Inputs .*; outputs .*\.$/);
        if (family.role === "trained") expect(steps.length, id).toBeGreaterThanOrEqual(4);
        expect(`${draft.think}${draft.code}`, id).not.toMatch(/undefined|NaN|\[object/);
      }
      const drafts = [circuit.golden, ...circuit.faults];
      expect(new Set(drafts.map((d) => d.code)).size, id).toBe(drafts.length);
      expect(new Set(drafts.map((d) => d.think)).size, id).toBe(drafts.length);
      if (family.role === "trained") expect(circuit.faults.length, id).toBeGreaterThanOrEqual(1);
    }
  });

  it("slips at its family's rate, mostly in one way, in answers of the right form", () => {
    const drawn = new Map<string, (string | null)[]>();
    for (const { problemId, completion, fault } of primerTexts({ seed: 5, count: 12_000, level: "hard" })) {
      const name = problemId.split("/")[1]!;
      drawn.set(name, [...(drawn.get(name) ?? []), fault]);
      const extracted = extractAnswer(completion);
      expect(extracted.ok).toBe(true);
      if (extracted.ok) expect(extracted.code.trim() === instanceOf(problemId).golden).toBe(fault === null);
    }
    expectSlipRates(taught, drawn);
  });

  it("is asked for by data.level, which a jsonl set does not have", () => {
    expect(dataSchema.parse({ level: "hard" }).level).toBe("hard");
    expect(() => dataSchema.parse({ source: "jsonl", path: "x.jsonl", level: "hard" })).toThrow(
      /have levels/,
    );
    expect(() => dataSchema.parse({ level: "harder" })).toThrow();
  });
});
