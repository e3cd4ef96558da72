/** What this machine has: an NVIDIA GPU, and which of the optional engines are installed. Looks; loads nothing. */

import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type { Machine } from "./choose.js";

const SECONDS = 10;

export async function lookAround(): Promise<Machine> {
  const gpu = await firstGpu();
  return {
    gpu: gpu?.name ?? null,
    gpuBytes: gpu?.bytes ?? null,
    missing: {
      "ort-cuda": cudaProviderProblem(),
      "tfjs-node-gpu": "not installed",
    },
  };
}

/** The first GPU the driver's own tool names; null without a driver, a GPU, or an answer. */
function firstGpu(): Promise<{ name: string; bytes: number | null } | null> {
  return new Promise((resolve) => {
    const words = ["--query-gpu=name,memory.total", "--format=csv,noheader,nounits"];
    const options = { timeout: SECONDS * 1000, killSignal: "SIGKILL" as const };
    execFile("nvidia-smi", words, options, (error, stdout) => {
      const [name = "", mib = ""] = (stdout.trim().split("\n")[0] ?? "").split(/,\s*/);
      if (error !== null || name === "") resolve(null);
      else resolve({ name, bytes: Number.isFinite(Number(mib)) ? Number(mib) * 2 ** 20 : null });
    });
  });
}

/** onnxruntime looks for its CUDA provider beside its own library. */
function cudaProviderProblem(): string | null {
  const entry = createRequire(import.meta.url).resolve("onnxruntime-node");
  const folder = join(dirname(entry), "../bin/napi-v6", process.platform, process.arch);
  const name = "libonnxruntime_providers_cuda.so";
  return existsSync(join(folder, name)) ? null : "not installed";
}
