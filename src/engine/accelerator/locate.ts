/** From what is installed to what may be loaded: pure, with a reason and a command for each refusal. */

import { TrainError } from "../../core/errors.js";
import type { Installed, OrtPart, TfjsPart } from "./installed.js";

export const SETUP_GPU = "scripts/setup --gpu";
export const SETUP_CPU_TFJS = "scripts/setup --cpu-tfjs";

/** The Node that loads the binding; `napi` is the highest N-API version it speaks. */
export interface Runtime {
  readonly napi: number;
  readonly arch: string;
  readonly platform: string;
}

export type TfjsPackage = TfjsPart["package"];

/**
 * The tfjs package to load.
 * @throws TrainError `tool` when it is absent, broken, of the CPU where the GPU's is asked for, or built for another Node.
 */
export function tfjsPart(installed: Installed, runtime: Runtime, wanted?: TfjsPackage): TfjsPart {
  const command = wanted === "tfjs-node-gpu" ? SETUP_GPU : SETUP_CPU_TFJS;
  const hint =
    wanted === undefined ? `${SETUP_CPU_TFJS}, or ${SETUP_GPU} on a host with an NVIDIA GPU` : command;
  const name = `@tensorflow/${wanted ?? "tfjs-node"}`;
  if (installed.kind === "absent")
    throw new TrainError("tool", `expected ${name}, got none installed`, { hint });
  if (installed.kind === "broken")
    throw new TrainError("tool", `expected ${name}, got a set-up that cannot be used: ${installed.problem}`, {
      hint,
    });
  const part = installed.manifest.tfjs;
  if (part === undefined)
    throw new TrainError(
      "tool",
      `expected ${name}, got a set-up without it (onnxruntime's CUDA provider alone)`,
      {
        hint,
      },
    );
  // The GPU package runs on the CPU too; the CPU package cannot do the reverse.
  if (wanted === "tfjs-node-gpu" && part.package !== wanted)
    throw new TrainError("tool", `expected ${name}, got @tensorflow/${part.package}, which has no CUDA`, {
      hint,
    });
  const { binding } = part;
  const again = part.package === "tfjs-node-gpu" ? SETUP_GPU : SETUP_CPU_TFJS;
  if (binding.napi > runtime.napi)
    throw new TrainError(
      "tool",
      `expected a Node with N-API ${binding.napi} for the binding of ${name}, got N-API ${runtime.napi}`,
      { hint: `use a newer Node, or build it for this one: ${again}` },
    );
  if (binding.arch !== runtime.arch || binding.platform !== runtime.platform)
    throw new TrainError(
      "tool",
      `expected a binding of ${name} for ${runtime.platform}-${runtime.arch}, got one for ${binding.platform}-${binding.arch}`,
      { hint: `scripts/setup --remove-gpu && ${again}` },
    );
  return part;
}

/** The CUDA provider that fits the onnxruntime in node_modules, or why there is none. */
export function ortProblem(
  installed: Installed,
  ortVersion: string,
): { part: OrtPart } | { problem: string } {
  if (installed.kind === "absent") return { problem: "the CUDA provider of onnxruntime is not installed" };
  if (installed.kind === "broken") return { problem: installed.problem };
  const part = installed.manifest.ort;
  if (part === undefined) return { problem: "the set-up has no CUDA provider of onnxruntime" };
  if (part.version !== ortVersion)
    return {
      problem: `expected the CUDA provider of onnxruntime ${ortVersion}, got that of ${part.version}`,
    };
  return { part };
}
