/** RTLLM's own judgement of a design: its testbench, in a copy of its folder; "Pass" anywhere in the output decides. */

import { copyFileSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { limited } from "../bench/reward/rival/limited.js";
import type { Tools } from "../src/sim/tools.js";
import type { RtllmDesign } from "./corpus.js";

/** The benchmark's limit, milliseconds. */
const WALL_MS = 8000;

/** The design's text with its top under the name that the testbench instantiates. */
export const asDut = (design: RtllmDesign, code: string): string =>
  code.replace(new RegExp(`\\b${design.top}\\b`, "g"), design.dut);

/** `code` has a module called `design.dut`. */
export async function rtllmVerdict(
  design: RtllmDesign,
  code: string,
  tools: Tools,
): Promise<"pass" | "fail" | "compile"> {
  const dir = mkdtempSync(join(tmpdir(), "rtllm-"));
  try {
    for (const file of readdirSync(design.dir)) {
      const from = join(design.dir, file);
      if (/\.(dat|txt|hex|mem)$/.test(file) && statSync(from).isFile()) copyFileSync(from, join(dir, file));
    }
    writeFileSync(join(dir, "testbench.v"), design.testbench);
    writeFileSync(join(dir, "design.v"), code);
    const options = { dir, sandbox: null, wallMs: WALL_MS };
    const compile = [tools.iverilog.path, "-g2012", "-o", "a.out", "design.v", "testbench.v"];
    if ((await limited(compile, options)).status !== 0) return "compile";
    const ran = await limited([tools.vvp.path, "-n", "a.out"], options);
    return /[Pp]ass/.test(ran.stdout) ? "pass" : "fail";
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}
