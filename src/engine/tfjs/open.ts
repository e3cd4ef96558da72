/** The kernels of an installed tfjs-node. */

import { type LoadedTfjs, loadTfjs } from "../accelerator/load-tfjs.js";
import { bindingOf } from "./binding.js";
import type { Kernels } from "./kernels.js";
import { nativeKernels } from "./native.js";
import { plainKernels } from "./plain.js";

/** @throws TrainError `tool` when it is not installed or does not load */
export async function openKernels(want?: "tfjs-node" | "tfjs-node-gpu"): Promise<Kernels> {
  return kernelsOf(await loadTfjs(want === undefined ? {} : { want }));
}

export function kernelsOf({ tf, package: name, device, versions }: LoadedTfjs): Kernels {
  const found = bindingOf(tf);
  if (found === null) return plainKernels(tf);
  const cuda = versions.cuda === null ? "" : `, CUDA ${versions.cuda}`;
  const runtime = `${name} ${versions.tfjs} (TensorFlow ${versions.tensorflow}${cuda})`;
  return nativeKernels({ binding: found.binding, runtime, device });
}
