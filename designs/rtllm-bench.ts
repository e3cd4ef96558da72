/** RTLLM's own judgement of a design: its testbench, in a copy of its folder; "Pass" anywhere in the output decides. */

import { copyFileSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runLimited } from "../src/sim/run-limited.js";
import type { Tools } from "../src/sim/tools.js";
import type { RtllmDesign } from "./corpus.js";

/** The benchmark's wall limit, and room enough for any of its testbenches. */
const LIMITS = { wallMs: 8000, memoryBytes: 4 * 1024 ** 3, fileBytes: 64 * 1024 ** 2 };

/** `code` has a module called `design.dut`. */
export async function rtllmVerdict(
  design: RtllmDesign,
  code: string,
  tools: Tools,
  signal: AbortSignal,
): Promise<"pass" | "fail" | "compile"> {
  const dir = mkdtempSync(join(tmpdir(), "rtllm-"));
  try {
    for (const file of readdirSync(design.dir)) {
      const from = join(design.dir, file);
      if (/\.(dat|txt|hex|mem)$/.test(file) && statSync(from).isFile()) copyFileSync(from, join(dir, file));
    }
    writeFileSync(join(dir, "testbench.v"), design.testbench);
    writeFileSync(join(dir, "design.v"), code);
    const run = (command: readonly string[]) => runLimited(command, dir, LIMITS, undefined, signal);
    const compiled = await run([tools.iverilog.path, "-g2012", "-o", "a.out", "design.v", "testbench.v"]);
    if (compiled.kind !== "done" || compiled.code !== 0) return "compile";
    const ran = await run([tools.vvp.path, "-n", "a.out"]);
    return ran.kind === "done" && /[Pp]ass/.test(ran.output) ? "pass" : "fail";
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}
