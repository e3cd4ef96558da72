/** What `scripts/setup --gpu` or `--cpu-tfjs` installed, whether it fits this host, and a test of each backend in a child. */

import { join } from "node:path";
import { TrainError } from "../../core/errors.js";
import {
  ACCELERATOR_FOLDER,
  type AcceleratorManifest,
  readInstalled,
} from "../../engine/accelerator/installed.js";
import { SETUP_CPU_TFJS, SETUP_GPU } from "../../engine/accelerator/locate.js";
import { type Host, planLinks, requireGpu, type Use } from "../../setup/cuda.js";
import type { Effects } from "../../setup/effects.js";
import { environment } from "../../setup/env.js";
import { lookAtHost } from "../../setup/look-at-host.js";
import { type Backend, selfTest } from "../../setup/self-test.js";
import { type Check, note, ok } from "./check.js";

export async function acceleratorChecks(checkout: string, effects: Effects): Promise<Check[]> {
  const root = join(checkout, ACCELERATOR_FOLDER);
  const installed = readInstalled(root);
  const given = installed.kind === "there" ? installed.manifest.cuda?.dirs.join(":") : undefined;
  const host = await lookAtHost(effects, given);
  const hasGpu = host.gpus.length > 0;
  const cuda = hasGpu ? cudaChecks(host) : [];
  if (installed.kind === "absent")
    return [
      ...cuda,
      hasGpu
        ? note("tfjs", "not installed: the GPU is not used for learning", SETUP_GPU)
        : ok("tfjs", "not installed (not needed)"),
    ];
  if (installed.kind === "broken")
    return [...cuda, note("tfjs", installed.problem, `${SETUP_GPU}, or ${SETUP_CPU_TFJS}`)];
  const { manifest } = installed;
  return [...cuda, ...contents(manifest, hasGpu), ...(await backends(root, manifest, hasGpu, effects))];
}

/** Driver, card and libraries, against what the two backends need. */
function cudaChecks(host: Host): Check[] {
  const each: readonly (readonly [string, Use])[] = [
    ["cuda for tfjs", "tfjs"],
    ["cuda for onnxruntime", "ort-cuda"],
  ];
  return each.map(([name, use]) => {
    try {
      requireGpu(host, [use]);
      const { major, dirs, fetchRuntime } = planLinks(host, [use]);
      const where = dirs.length === 0 ? "the system's folders" : dirs.join(", ");
      return ok(
        name,
        `CUDA ${major} in ${where}${fetchRuntime ? "; the CUDA 12 runtime is brought along" : ""}`,
      );
    } catch (error) {
      if (!(error instanceof TrainError)) throw error;
      return note(name, [error.message, ...error.details].join("; "), error.hint);
    }
  });
}

function contents(manifest: AcceleratorManifest, hasGpu: boolean): Check[] {
  const { tfjs, ort } = manifest;
  const out: Check[] = [];
  if (tfjs !== undefined) {
    const built = tfjs.tensorflow.cuda === undefined ? "CPU" : `CUDA ${tfjs.tensorflow.cuda}`;
    const value = `${tfjs.package} ${tfjs.packageVersion}, TensorFlow ${tfjs.tensorflow.version} (${built}), N-API ${tfjs.binding.napi}`;
    out.push(
      hasGpu && tfjs.package === "tfjs-node"
        ? note("tfjs", `${value}: of the CPU, on a host with a GPU`, SETUP_GPU)
        : ok("tfjs", value),
    );
  }
  if (ort !== undefined)
    out.push(ok("onnxruntime cuda", `provider of ${ort.version} for CUDA ${ort.cudaMajor}`));
  return out;
}

async function backends(
  root: string,
  manifest: AcceleratorManifest,
  hasGpu: boolean,
  effects: Effects,
): Promise<Check[]> {
  const list: Backend[] = [
    ...(manifest.tfjs === undefined ? [] : (["tfjs-node"] as const)),
    ...(manifest.tfjs?.package === "tfjs-node-gpu" && hasGpu ? (["tfjs-node-gpu"] as const) : []),
    ...(manifest.ort !== undefined && hasGpu ? (["ort-cuda"] as const) : []),
    ...(hasGpu ? (["ort-webgpu"] as const) : []),
  ];
  const env = environment(root, manifest, effects.libraryPath);
  const out: Check[] = [];
  // One after the other: two at once would share the card and the second of each test.
  for (const backend of list) {
    const result = await selfTest(root, backend, env, effects);
    out.push(
      result.ok
        ? ok(backend, result.value)
        : note(backend, result.value, result.hint ?? `scripts/setup --remove-gpu && ${SETUP_GPU}`),
    );
  }
  return out;
}
