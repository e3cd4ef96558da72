/** What can be said about the NVIDIA card without starting a program or loading its libraries. Linux only. */

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { CudaPart } from "./installed.js";

const CARDS = "/proc/driver/nvidia/gpus";

/** `NVIDIA H200`, or `GPU` where the driver does not tell. */
export function gpuModel(): string {
  try {
    for (const card of readdirSync(CARDS).sort()) {
      const model = /^Model:\s*(.+)$/m
        .exec(readFileSync(join(CARDS, card, "information"), "utf8"))?.[1]
        ?.trim();
      if (model) return model;
    }
  } catch {
    // No such folder in some containers.
  }
  return "GPU";
}

/** Why TensorFlow saw no GPU: one line per thing that is known to be wrong. */
export function deviceProblems(root: string, cuda: CudaPart | undefined): string[] {
  const problems: string[] = [];
  if (!existsSync("/dev/nvidiactl")) problems.push("there is no NVIDIA device (/dev/nvidiactl)");
  if (cuda === undefined) problems.push("the set-up found no CUDA libraries to link");
  else {
    const gone = cuda.links.filter(({ name }) => !existsSync(join(root, "cuda", name)));
    if (gone.length > 0) problems.push(`links that lead nowhere: ${gone.map((l) => l.name).join(", ")}`);
    if (!startedWith("LD_LIBRARY_PATH").split(":").includes(join(root, "cuda")))
      problems.push(`LD_LIBRARY_PATH did not hold ${join(root, "cuda")} when this process started`);
  }
  const visible = startedWith("CUDA_VISIBLE_DEVICES");
  if (/^(-1|none|NoDevFiles)$/.test(visible))
    problems.push(`CUDA_VISIBLE_DEVICES=${visible} hides every card`);
  return problems;
}

/** The dynamic linker reads its path once, at start: what the process was started with counts, not what it set since. */
function startedWith(name: string): string {
  try {
    const all = readFileSync("/proc/self/environ", "utf8").split("\0");
    return all.find((entry) => entry.startsWith(`${name}=`))?.slice(name.length + 1) ?? "";
  } catch {
    return "";
  }
}
