/** What must be in the environment before a process that uses the GPU starts; the dynamic linker reads it once. */

import { join } from "node:path";
import { quoted } from "../core/shell-words.js";
import type { AcceleratorManifest } from "../engine/accelerator/installed.js";

/** Folders for LD_LIBRARY_PATH, ours first: TensorFlow's CUDA 12 names, then the host's own folders. */
export const libraryDirs = (root: string, manifest: Pick<AcceleratorManifest, "cuda">): string[] =>
  manifest.cuda === undefined ? [] : [join(root, "cuda"), ...manifest.cuda.dirs];

/** TensorFlow's own, where the user has not set them. */
const switches = (manifest: Pick<AcceleratorManifest, "cuda">): Record<string, string> => ({
  TF_FORCE_GPU_ALLOW_GROWTH: "true",
  TF_CPP_MIN_LOG_LEVEL: "2",
  // Beside a GPU the host's kernels do next to nothing; with oneDNN they say at every start that they are on.
  ...(manifest.cuda !== undefined && { TF_ENABLE_ONEDNN_OPTS: "0" }),
});

/** The variables for a process that uses what is installed below `root`; `inherited` is its LD_LIBRARY_PATH so far. */
export function environment(
  root: string,
  manifest: Pick<AcceleratorManifest, "cuda">,
  inherited: string | undefined,
): Record<string, string> {
  const dirs = libraryDirs(root, manifest);
  const before = (inherited ?? "").split(":").filter((d) => d !== "" && !dirs.includes(d));
  const path = [...dirs, ...before].join(":");
  return {
    ...switches(manifest),
    ...(path !== "" && { LD_LIBRARY_PATH: path }),
  };
}

/** `.gpu/env.sh`, to be sourced by a POSIX shell; what the user has set stays behind ours or wins. */
export function envScript(root: string, manifest: Pick<AcceleratorManifest, "cuda">): string {
  const dirs = libraryDirs(root, manifest).join(":");
  return [
    "# Source this before a node process that uses the GPU: the dynamic linker reads its path when a process starts.",
    ...Object.entries(switches(manifest)).map(([name, value]) => `export ${name}="\${${name}:-${value}}"`),
    ...(dirs === ""
      ? []
      : [`export LD_LIBRARY_PATH=${quoted(dirs)}"\${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"`]),
    "",
  ].join("\n");
}
