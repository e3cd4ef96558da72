import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { PAGE, updatedPage } from "../../../scripts/primer-table.js";
import { makeRng } from "../../../src/core/rng.js";
import { goldenKey, identicalSets, promptKey } from "../../../src/data/identity.js";
import {
  completionText,
  FAMILIES,
  instanceOf,
  instances,
  isRlOnly,
  primerSource,
  primerTexts,
  promptOf,
  teach,
} from "../../../src/data/primer/index.js";
import { expectSlipRates } from "./slip-rates.js";

/** A count near that of a small byte-level BPE: words, single digits, runs of punctuation. */
const tokens = (text: string): number =>
  text.match(/[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s+/gu)?.length ?? 0;

const source = primerSource();
const everything = [...source.train, ...source.test];

describe("the problems", () => {
  it("are many, of many families, at graded difficulty", () => {
    expect(FAMILIES.length).toBeGreaterThanOrEqual(40);
    expect(new Set(FAMILIES.map((f) => f.name)).size).toBe(FAMILIES.length);
    expect(everything.length).toBeGreaterThanOrEqual(4000);
    const difficulties = everything.map((p) => p.meta.difficulty!).sort((a, b) => a - b);
    expect(difficulties[0]).toBeGreaterThanOrEqual(0);
    expect(difficulties.at(-1)).toBeLessThanOrEqual(1);
    expect(difficulties.at(-1)! - difficulties[0]!).toBeGreaterThan(0.5);
  });

  it("split into train and test as documented", () => {
    expect(source.test.length).toBeGreaterThanOrEqual(500);
    expect(source.test.length).toBeLessThanOrEqual(700);
    const share = (role: string) =>
      source.test.filter((p) => instanceOf(p.id).family.role === role).length / source.test.length;
    expect(share("combination")).toBeGreaterThan(0.06);
    expect(share("combination")).toBeLessThan(0.1);
    expect(share("unseen")).toBeGreaterThan(0.05);
    expect(share("unseen")).toBeLessThan(0.09);
    expect(source.train.every((p) => instanceOf(p.id).family.role === "trained")).toBe(true);
    const taught = FAMILIES.filter((f) => f.role === "trained").map((f) => f.name);
    expect(taught.filter((name) => !source.test.some((p) => p.meta.bucket === name))).toEqual([]);
  });

  it("never share a prompt, in any wording, or a golden", () => {
    const owner = new Map<string, string>();
    for (const instance of instances()) {
      const prompts = instance.circuit.say.map((_, i) =>
        promptKey({ prompt: promptOf(instance, i), task: { golden: "", top: "" } }),
      );
      expect(new Set(prompts).size).toBe(prompts.length);
      const golden = goldenKey({ prompt: [], task: { golden: instance.golden, top: "top_module" } });
      for (const key of [golden, ...prompts]) {
        expect(owner.get(key), key).toBeUndefined();
        owner.set(key, instance.id);
      }
    }
    const sets = identicalSets(everything);
    expect(sets).toEqual(sets.map((_, i) => i));
  });

  it("do not depend on the seed, but for the wording", () => {
    const other = primerSource({ seed: 7 });
    expect(other.train.map((p) => [p.id, p.task, p.meta])).toEqual(
      source.train.map((p) => [p.id, p.task, p.meta]),
    );
    expect(other.test.map((p) => p.id)).toEqual(source.test.map((p) => p.id));
    expect(other.train.some((p, i) => p.prompt[0]!.content !== source.train[i]!.prompt[0]!.content)).toBe(
      true,
    );
    expect(primerSource()).toEqual(source);
  });

  it("state the header that the golden has", () => {
    for (const problem of everything) {
      const header = problem.task.golden.split("\n")[0]!;
      expect(header).toMatch(/^module top_module\(.*\);$/);
      expect(problem.prompt[0]!.content.endsWith(`\n${header}`)).toBe(true);
    }
  });

  it("keep prompts and answers short", () => {
    const longest = { prompt: 0, answer: 0 };
    let sum = 0;
    for (const instance of instances()) {
      const { circuit } = instance;
      for (let i = 0; i < circuit.say.length; i++) {
        longest.prompt = Math.max(longest.prompt, tokens(promptOf(instance, i)[0]!.content));
      }
      for (const draft of [circuit.golden, ...circuit.faults]) {
        longest.answer = Math.max(longest.answer, tokens(completionText(circuit.ports, draft)));
      }
      sum += tokens(completionText(circuit.ports, circuit.golden));
    }
    expect(longest.prompt).toBeLessThanOrEqual(75);
    expect(longest.answer).toBeLessThanOrEqual(190);
    expect(sum / instances().length).toBeLessThan(80);
  });
});

describe("the teacher", () => {
  it("writes the answer format, each tag once and in order", () => {
    for (const { completion } of primerTexts({ seed: 3, count: 2000 })) {
      expect(completion).toMatch(
        /^<think>[^<>]?.*<\/think><answer>```verilog\nmodule top_module\([\s\S]*\nendmodule\n```<\/answer>$/,
      );
      for (const tag of ["<think>", "</think>", "<answer>", "</answer>", "```verilog"]) {
        expect(completion.split(tag).length).toBe(2);
      }
    }
  });

  it("slips at its family's rate, mostly in one way", () => {
    const taught = FAMILIES.filter((f) => f.role === "trained");
    const rates = taught.map((f) => f.slipRate);
    expect(Math.min(...rates)).toBeLessThan(0.2);
    expect(Math.max(...rates)).toBeGreaterThan(0.75);
    const mean = rates.reduce((a, b) => a + b, 0) / rates.length;
    expect(mean).toBeGreaterThan(0.42);
    expect(mean).toBeLessThan(0.58);
    const drawn = new Map<string, (string | null)[]>();
    for (const { problemId, fault } of primerTexts({ seed: 5, count: 25_000 })) {
      const name = problemId.split("/")[1]!;
      drawn.set(name, [...(drawn.get(name) ?? []), fault]);
    }
    expectSlipRates(taught, drawn);
  });

  it("has at least one fault for every taught problem, each with a code and a trace of its own", () => {
    for (const { id, family, circuit } of instances()) {
      if (family.role !== "trained") continue;
      expect(circuit.faults.length, id).toBeGreaterThanOrEqual(1);
      const codes = [circuit.golden, ...circuit.faults].map((d) => d.code);
      expect(new Set(codes).size, id).toBe(codes.length);
      for (const fault of circuit.faults)
        expect(fault.think, `${id} ${fault.name}`).not.toBe(circuit.golden.think);
    }
  });

  it("is a function of the problem and the stream, and never errs at slip scale 0", () => {
    fc.assert(
      fc.property(fc.nat(source.train.length - 1), fc.nat(1e6), (i, s) => {
        const problem = source.train[i]!;
        const lesson = teach(problem, makeRng(s));
        expect(teach(instanceOf(problem.id), makeRng(s))).toEqual(lesson);
        expect(lesson.text.includes(problem.task.golden)).toBe(lesson.fault === null);
        expect(teach(problem, makeRng(s), 0)).toMatchObject({ fault: null });
      }),
    );
  });

  it("shows train problems only, leaves out the share kept for reinforcement learning, and repeats by seed", () => {
    const train = new Set<string>(source.train.map((p) => p.id));
    const all = [...primerTexts({ seed: 1, count: 9000, rlOnlyShare: 0.25 })];
    expect(all.length).toBe(9000);
    for (const { problemId } of all) {
      expect(train.has(problemId)).toBe(true);
      expect(isRlOnly(problemId, 0.25)).toBe(false);
    }
    const shown = new Set(all.map((t) => t.problemId)).size / train.size;
    expect(shown).toBeGreaterThan(0.72);
    expect(shown).toBeLessThan(0.78);
    const head = [...primerTexts({ seed: 1, count: 50, rlOnlyShare: 0.25 })];
    expect(head).toEqual(all.slice(0, 50));
    expect([...primerTexts({ seed: 2, count: 50 })]).not.toEqual(head);
    expect(() => [...primerTexts({ seed: 1, count: 1, rlOnlyShare: 1 })]).toThrow(/rlOnlyShare/);
  });

  it("refuses an id that is no built-in problem", () => {
    expect(() => instanceOf("primer/nothing/w=1")).toThrow(/no built-in problem/);
  });
});

it("docs/primer.md holds the table of the families as they are", () => {
  const page = readFileSync(PAGE, "utf8");
  expect(updatedPage(page), "run: npx tsx scripts/primer-table.ts").toBe(page);
});
