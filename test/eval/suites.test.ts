import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { DATA_ROOT } from "../../designs/index.js";
import type { Problem } from "../../src/core/types.js";
import { problemId } from "../../src/core/units.js";
import { evalSchema } from "../../src/eval/schema.js";
import { loadSets, SUITES } from "../../src/eval/suites/index.js";
import { scratch } from "../run/help.js";

const heldOut: Problem[] = [
  {
    id: problemId("a"),
    prompt: [{ role: "user", content: "?" }],
    task: { golden: "module top_module; endmodule", top: "top_module" },
    meta: { source: "own", split: "test" },
  },
];
const load = (entries: Parameters<typeof loadSets>[0]) => loadSets(entries, heldOut, (path) => path);

function write(dir: string, files: Readonly<Record<string, string>>): string {
  mkdirSync(dir, { recursive: true });
  for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, name), text);
  return dir;
}

const REF = "module RefModule (output zero); assign zero = 1'b0; endmodule // RefModule\n";

describe("evaluation sets", () => {
  it("have names that fit into metric keys and file names", () => {
    for (const { name } of SUITES) expect(name).toMatch(/^[a-z0-9-]+$/);
    expect(new Set(SUITES.map((s) => s.name)).size).toBe(SUITES.length);
  });

  it("keep the order of the config; test is the held-out split itself", () => {
    const root = scratch();
    write(join(root, "dataset_spec-to-rtl"), { "P1_ref.sv": REF, "P1_prompt.txt": "\nWrite TopModule.\n" });
    const sets = load([{ suite: "verilog-eval", path: root }, "test"]);
    expect(sets.map((s) => [s.name, s.problems.length])).toEqual([
      ["verilog-eval", 1],
      ["test", 1],
    ]);
    expect(sets[1]!.problems).toBe(heldOut);
  });

  it("read VerilogEval with the golden under the name that the prompt asks for", () => {
    const root = scratch();
    write(join(root, "dataset_spec-to-rtl"), { "P1_ref.sv": REF, "P1_prompt.txt": "\nWrite TopModule.\n" });
    expect(load([{ suite: "verilog-eval", path: root }])[0]!.problems).toEqual([
      {
        id: "verilog-eval/P1",
        prompt: [{ role: "user", content: "Write TopModule." }],
        task: { golden: REF.replaceAll("RefModule", "TopModule"), top: "TopModule" },
        meta: { source: "verilog-eval", split: "test", licence: "MIT" },
      },
    ]);
  });

  it("read RTLLM, nested or flat", () => {
    const root = scratch();
    write(join(root, "Control", "fsm"), {
      "verified_fsm.v": "module verified_fsm(input a, output b); endmodule",
      "testbench.v": "",
      "design_description.txt": "Module name: fsm",
    });
    expect(load([{ suite: "rtllm", path: root }])[0]!.problems).toMatchObject([
      { id: "rtllm/fsm", task: { golden: "module fsm(input a, output b); endmodule", top: "fsm" } },
    ]);
  });

  it.each(["verilog-eval", "rtllm"])("say what is expected where the folder of %s is not", (suite) => {
    const path = join(scratch(), "nowhere");
    expect(() => load([{ suite, path }])).toThrow(/expected .* in .*nowhere, found no reference there/);
  });

  it("name the file that an incomplete checkout lacks", () => {
    const root = scratch();
    write(join(root, "dataset_spec-to-rtl"), { "P1_ref.sv": REF });
    expect(() => load([{ suite: "verilog-eval", path: root }])).toThrow(/P1_prompt\.txt/);
    write(join(root, "fsm"), { "verified_fsm.v": "module verified_fsm; endmodule", "testbench.v": "" });
    expect(() => load([{ suite: "rtllm", path: root }])).toThrow(/design_description\.txt/);
  });

  it("refuse two versions of RTLLM as one", () => {
    const root = scratch();
    for (const version of ["v1.1", "v2"])
      write(join(root, version, "fsm"), {
        "verified_fsm.v": "module verified_fsm; endmodule",
        "testbench.v": "",
      });
    expect(() => load([{ suite: "rtllm", path: root }])).toThrow(/holds the design fsm of RTLLM twice/);
  });

  it.skipIf(!existsSync(join(DATA_ROOT, "verilog-eval-v2")))(
    "read the benchmarks as they are published",
    () => {
      const sets = load([
        { suite: "verilog-eval", path: DATA_ROOT },
        { suite: "rtllm", path: join(DATA_ROOT, "rtllm-sample", "v2") },
      ]);
      expect(sets[0]!.problems).toHaveLength(156);
      for (const { id, prompt, task } of sets.flatMap((s) => s.problems)) {
        expect(task.golden, id).toMatch(new RegExp(`\\bmodule\\s+${task.top}\\b`));
        // The published prompt of this one problem names no module.
        if (id !== "verilog-eval/Prob131_mt2015_q4") expect(prompt[0]!.content, id).toContain(task.top);
      }
    },
  );
});

describe("eval.sets", () => {
  const mistakes = (sets: unknown) => {
    const parsed = evalSchema.safeParse({ sets });
    return parsed.success ? [] : parsed.error.issues.map((i) => `${i.path.join(".")}: ${i.message}`);
  };

  it("is the held-out split unless said otherwise", () => {
    expect(evalSchema.parse({}).sets).toEqual(["test"]);
    expect(mistakes(["test", { suite: "rtllm", path: "d" }])).toEqual([]);
  });

  it("refuses a set that is not in the list, with the list", () => {
    const [mistake, ...more] = mistakes(["test", "humaneval"]);
    expect(more).toEqual([]);
    expect(mistake).toMatch(/^sets\.1: there is no evaluation set "humaneval"; known are /);
    for (const { name } of SUITES) expect(mistake).toContain(name);
  });

  it("refuses a benchmark without a folder, a folder for test, and a set named twice", () => {
    expect(mistakes(["rtllm"])).toEqual([
      "sets.0: rtllm is read from a folder: write {suite: rtllm, path: DIR}",
    ]);
    expect(mistakes([{ suite: "test", path: "d" }])).toEqual(["sets.0: test takes no path: write test"]);
    expect(mistakes(["test", "test"])).toEqual(["sets.1: test is named twice"]);
    expect(mistakes([])).toHaveLength(1);
  });
});
