/** VerilogEval v2: 156 reference designs in each of its two data sets. */

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Design } from "./design.js";

export const VERILOG_EVAL_SETS = ["dataset_spec-to-rtl", "dataset_code-complete-iccad2023"] as const;
export type VerilogEvalSet = (typeof VERILOG_EVAL_SETS)[number];

/**
 * The references of one data set, by name; empty where the folder is absent. `root` is the folder that holds
 * `verilog-eval-v2`, or that folder itself. The top is `RefModule`.
 */
export function verilogEval(root: string, dataset: VerilogEvalSet = "dataset_spec-to-rtl"): Design[] {
  const dir = [join(root, "verilog-eval-v2", dataset), join(root, dataset)].find((d) => existsSync(d));
  if (dir === undefined) return [];
  return readdirSync(dir)
    .filter((file) => file.endsWith("_ref.sv"))
    .sort()
    .map((file) => ({
      name: file.slice(0, -"_ref.sv".length),
      golden: readFileSync(join(dir, file), "utf8"),
      top: "RefModule",
    }));
}
