/** VerilogEval v2 (github.com/NVlabs/verilog-eval): 156 problems in each of its two data sets. */

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { TrainError } from "../../core/errors.js";
import type { Problem } from "../../core/types.js";
import { problemId } from "../../core/units.js";
import type { Design } from "./design.js";
import type { FolderSuite } from "./suite.js";

export const VERILOG_EVAL_SETS = ["dataset_spec-to-rtl", "dataset_code-complete-iccad2023"] as const;
export type VerilogEvalSet = (typeof VERILOG_EVAL_SETS)[number];

/** What the prompts call the module to write; the references are called RefModule. */
const TOP = "TopModule";

/**
 * The references of one data set, by name; empty where the folder is absent. `root` is the folder that holds
 * `verilog-eval-v2`, or that folder itself. The top is `RefModule`.
 */
export function verilogEval(root: string, dataset: VerilogEvalSet = "dataset_spec-to-rtl"): Design[] {
  const dir = folderOf(root, dataset);
  return dir === null ? [] : references(dir);
}

/** The spec-to-RTL problems, judged by this project's equivalence check instead of the benchmark's testbenches. */
export const verilogEvalSuite: FolderSuite = {
  name: "verilog-eval",
  describe: "VerilogEval v2, spec-to-RTL; path = a checkout of the benchmark",
  from: "folder",
  load(root) {
    const dir = folderOf(root, "dataset_spec-to-rtl");
    const designs = dir === null ? [] : references(dir);
    if (dir === null || designs.length === 0) {
      throw new TrainError(
        "data",
        `eval.sets: expected VerilogEval v2 in ${root}, found no reference there`,
        {
          hint: "path is the folder that holds dataset_spec-to-rtl, with files <problem>_prompt.txt and <problem>_ref.sv",
        },
      );
    }
    return designs.map((design): Problem => {
      const prompt = join(dir, `${design.name}_prompt.txt`);
      if (!existsSync(prompt)) {
        throw new TrainError("data", `eval.sets: ${design.name} of VerilogEval has no ${prompt}`, {
          hint: "the checkout is incomplete; get the benchmark again",
        });
      }
      return {
        id: problemId(`verilog-eval/${design.name}`),
        prompt: [{ role: "user", content: readFileSync(prompt, "utf8").trim() }],
        task: { golden: design.golden.replace(/\bRefModule\b/g, TOP), top: TOP },
        meta: { source: "verilog-eval", split: "test", licence: "MIT" },
      };
    });
  },
};

function folderOf(root: string, dataset: VerilogEvalSet): string | null {
  return [join(root, "verilog-eval-v2", dataset), join(root, dataset)].find((d) => existsSync(d)) ?? null;
}

const references = (dir: string): Design[] =>
  readdirSync(dir)
    .filter((file) => file.endsWith("_ref.sv"))
    .sort()
    .map((file) => ({
      name: file.slice(0, -"_ref.sv".length),
      golden: readFileSync(join(dir, file), "utf8"),
      top: "RefModule",
    }));
