/** What this machine has: an NVIDIA GPU, and which of the optional engines are installed. Looks; loads nothing. */

import { execFile } from "node:child_process";
import { messageOf } from "../../core/errors.js";
import type { Machine } from "./choose.js";
import { acceleratorRoot, readInstalled } from "./installed.js";
import { tfjsPart } from "./locate.js";
import { providerProblem } from "./ort-providers.js";

const SECONDS = 10;

export async function lookAround(): Promise<Machine> {
  const [gpu = null] = await gpus();
  return {
    gpu: gpu?.name ?? null,
    gpuBytes: gpu?.bytes ?? null,
    missing: {
      "ort-cuda": providerProblem("cuda"),
      "tfjs-node-gpu": tfjsProblem(),
    },
  };
}

export interface Gpu {
  readonly name: string;
  readonly bytes: number | null;
}

/** The GPUs that the driver's own tool names, in its order; none without a driver or an answer. */
export function gpus(): Promise<readonly Gpu[]> {
  return new Promise((resolve) => {
    const words = ["--query-gpu=name,memory.total", "--format=csv,noheader,nounits"];
    const options = { timeout: SECONDS * 1000, killSignal: "SIGKILL" as const };
    execFile("nvidia-smi", words, options, (error, stdout) => {
      const lines = error === null ? stdout.trim().split("\n") : [];
      const rows = lines.map((line) => line.split(/,\s*/)).filter(([name = ""]) => name !== "");
      resolve(
        rows.map(([name, mib = ""]) => ({
          name: name!,
          bytes: mib !== "" && Number.isFinite(Number(mib)) ? Number(mib) * 2 ** 20 : null,
        })),
      );
    });
  });
}

/** Why the GPU package of tfjs cannot be loaded, by what is installed; null = it can, as far as files tell. */
function tfjsProblem(): string | null {
  const runtime = { napi: Number(process.versions.napi), arch: process.arch, platform: process.platform };
  try {
    tfjsPart(readInstalled(acceleratorRoot()), runtime, "tfjs-node-gpu");
    return null;
  } catch (thrown) {
    return messageOf(thrown);
  }
}
