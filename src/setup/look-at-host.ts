/** Looks at the machine: cards and driver by nvidia-smi, CUDA libraries wherever they are kept. Changes nothing. */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Gpu, Host } from "./cuda.js";
import type { Effects } from "./effects.js";

/** Libraries of interest, by the start of their names. */
const NAMES =
  /^lib(?:cudart|cublas|cublasLt|cufft|cusolver|cusparse|cudnn|curand|cupti|nccl|nvJitLink)\.so\.\d+$/;

/** What this machine has; `given` are folders of CUDA libraries to look into first, separated by colons. */
export async function lookAtHost(effects: Effects, given: string | undefined): Promise<Host> {
  const { gpus, driver } = await cards(effects);
  const libraries = new Map<string, string>();
  const add = (dir: string): void => {
    for (const name of listed(dir))
      if (NAMES.test(name) && !libraries.has(name)) libraries.set(name, join(dir, name));
  };
  // What the user names first, then Python's packages (most complete), the toolkit, the system.
  for (const dir of splitPath(given)) add(dir);
  for (const dir of splitPath(effects.libraryPath)) if (!dir.endsWith("/.gpu/cuda")) add(dir);
  for (const dir of await pythonDirs(effects)) add(dir);
  for (const name of listed("/usr/local")
    .filter((n) => n.startsWith("cuda"))
    .sort()
    .reverse()) {
    for (const below of ["lib64", "targets/x86_64-linux/lib", "extras/CUPTI/lib64"])
      add(join("/usr/local", name, below));
  }
  const cache = await effects.run("ldconfig", ["-p"]);
  for (const [, name = "", path = ""] of cache.output.matchAll(/^\s*(\S+) \(.*x86-64.*\) => (\S+)$/gm))
    if (NAMES.test(name) && !libraries.has(name)) libraries.set(name, path);
  return { gpus, libraries, ...(driver !== undefined && { driver }) };
}

async function cards(effects: Effects): Promise<{ gpus: Gpu[]; driver?: string }> {
  const ran = await effects.run(
    "nvidia-smi",
    ["--query-gpu=name,compute_cap,driver_version", "--format=csv,noheader"],
    { seconds: 10 },
  );
  if (ran.code === 0) {
    const rows = ran.output
      .trim()
      .split("\n")
      .map((line) => line.split(",").map((cell) => cell.trim()));
    const driver = rows[0]?.[2];
    const gpus = rows.map(([name = "GPU", capability]) => ({ name, capability: Number(capability) || 0 }));
    return { gpus, ...(driver !== undefined && { driver }) };
  }
  try {
    const driver = /Kernel Module\s+(?:for x86_64\s+)?([\d.]+)/.exec(
      readFileSync("/proc/driver/nvidia/version", "utf8"),
    )?.[1];
    return { gpus: [], ...(driver !== undefined && { driver }) };
  } catch {
    return { gpus: [] };
  }
}

/** `nvidia/X/lib` below every folder Python imports from, where pip's CUDA packages lie. */
async function pythonDirs(effects: Effects): Promise<string[]> {
  const ran = await effects.run("python3", ["-c", "import sys; print('\\n'.join(p for p in sys.path if p))"]);
  if (ran.code !== 0) return [];
  return ran.output
    .trim()
    .split("\n")
    .flatMap((site) => listed(join(site, "nvidia")).map((name) => join(site, "nvidia", name, "lib")));
}

function listed(dir: string): string[] {
  try {
    return readdirSync(dir);
  } catch {
    return [];
  }
}

const splitPath = (path: string | undefined): string[] => (path ?? "").split(":").filter((d) => d !== "");
