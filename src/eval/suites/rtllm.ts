/**
 * RTLLM (github.com/hkust-zhiyao/RTLLM): reference designs with the benchmark's own testbenches, from v1.1's flat layout
 * or v2's nested one.
 */

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { TrainError } from "../../core/errors.js";
import type { Problem } from "../../core/types.js";
import { problemId } from "../../core/units.js";
import type { Design } from "./design.js";
import type { FolderSuite } from "./suite.js";

const INCOMPLETE = "the checkout is incomplete; get the benchmark again";

export type RtllmVersion = "v1.1" | "v2";

export interface RtllmDesign extends Design {
  /** What the testbench instantiates and the prompt asks for: the folder's name. */
  readonly dut: string;
  readonly testbench: string;
  /** Folder with the prompt and the files that the testbench reads. */
  readonly dir: string;
}

/**
 * Every design of one version, by name; empty where the folder is absent. `root` is the folder that holds
 * `rtllm-sample`, or a checkout with a folder per version. The top is `verified_<name>`, as in the source.
 * @throws TrainError data when a design has no testbench
 */
export function rtllm(root: string, version: RtllmVersion): RtllmDesign[] {
  const base = [join(root, "rtllm-sample", version), join(root, version)].find((d) => existsSync(d));
  return base === undefined ? [] : designsBelow(base);
}

/** The design's text with its top under the name that the prompt and the testbench use. */
export const asDut = (design: RtllmDesign, code: string): string =>
  code.replace(new RegExp(`\\b${design.top}\\b`, "g"), design.dut);

/** RTLLM's problems, judged by this project's equivalence check instead of the benchmark's testbenches. */
export const rtllmSuite: FolderSuite = {
  name: "rtllm",
  describe: "RTLLM; path = the folder of one version of the benchmark",
  from: "folder",
  load(dir) {
    const designs = existsSync(dir) ? designsBelow(dir) : [];
    if (designs.length === 0) {
      throw new TrainError("data", `eval.sets: expected RTLLM in ${dir}, found no reference there`, {
        hint: "path is a folder with a folder per design, each with design_description.txt, verified_<name>.v and testbench.v",
      });
    }
    const twice = designs.find((d, i) => designs.findIndex((other) => other.dut === d.dut) !== i);
    if (twice !== undefined) {
      throw new TrainError("data", `eval.sets: ${dir} holds the design ${twice.dut} of RTLLM twice`, {
        hint: "path names the folder of one version, such as RTLLM/v2",
      });
    }
    return designs.map((design): Problem => {
      const prompt = join(design.dir, "design_description.txt");
      if (!existsSync(prompt)) {
        throw new TrainError("data", `eval.sets: ${design.dut} of RTLLM has no ${prompt}`, {
          hint: INCOMPLETE,
        });
      }
      return {
        id: problemId(`rtllm/${design.dut}`),
        prompt: [{ role: "user", content: readFileSync(prompt, "utf8").trim() }],
        task: { golden: asDut(design, design.golden), top: design.dut },
        meta: { source: "rtllm", split: "test", licence: "MIT" },
      };
    });
  },
};

const designsBelow = (base: string): RtllmDesign[] =>
  readdirSync(base, { recursive: true, encoding: "utf8" })
    .filter((path) => /^verified_.*\.v$/.test(basename(path)))
    .map((path): RtllmDesign => {
      const dir = join(base, dirname(path));
      const golden = readFileSync(join(base, path), "utf8");
      const top = basename(path, ".v");
      const testbench = join(dir, "testbench.v");
      if (!existsSync(testbench)) {
        throw new TrainError("data", `${top} of RTLLM has no ${testbench}`, { hint: INCOMPLETE });
      }
      return {
        name: top.slice("verified_".length),
        golden,
        top,
        dut: basename(dir),
        testbench: readFileSync(testbench, "utf8"),
        dir,
      };
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1));
