/**
 * What `scripts/setup --gpu` or `--cpu-tfjs` put under one folder of the repository, as its manifest tells it. The
 * manifest is written last, so a folder without one is a set-up that was cut short.
 *
 *   .gpu/manifest.json   this record
 *   .gpu/env.sh          LD_LIBRARY_PATH and TensorFlow's switches, to be set before the process starts
 *   .gpu/npm/            the tfjs package with its binding, built for N-API
 *   .gpu/tensorflow/     libtensorflow_{cc,framework}.so.2 and the C headers the binding is built from
 *   .gpu/cuda/           names under which TensorFlow and onnxruntime look for CUDA, linked to what the host has
 *   .gpu/onnxruntime/    onnxruntime's CUDA provider, linked into node_modules/onnxruntime-node
 */

import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";

/** The folder, relative to the root of the repository. */
export const ACCELERATOR_FOLDER = ".gpu";
export const MANIFEST = "manifest.json";

export const fileRecord = z.strictObject({
  path: z.string().describe("relative to the folder"),
  bytes: z.number().int().nonnegative(),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
});
export type FileRecord = z.infer<typeof fileRecord>;

export const tfjsPart = z.strictObject({
  package: z.enum(["tfjs-node", "tfjs-node-gpu"]),
  packageVersion: z.string(),
  tensorflow: z.strictObject({
    version: z.string(),
    build: z.enum(["cpu", "cuda"]),
    cuda: z.string().optional().describe("the CUDA version it was built with"),
    source: z.string().describe("where the libraries came from"),
  }),
  binding: z.strictObject({
    napi: z.number().int(),
    arch: z.string(),
    platform: z.string(),
    made: z.string().describe("the compiler, or `carried`"),
  }),
  files: z.array(fileRecord),
});
export type TfjsPart = z.infer<typeof tfjsPart>;

export const ortPart = z.strictObject({
  version: z.string().describe("of onnxruntime; the one in node_modules must be equal"),
  cudaMajor: z.number().int(),
  source: z.string(),
  files: z.array(fileRecord),
});
export type OrtPart = z.infer<typeof ortPart>;

const cudaPart = z.strictObject({
  major: z.number().int().describe("of the CUDA libraries the links lead to"),
  dirs: z.array(z.string()).describe("folders of the host that hold CUDA libraries"),
  links: z.array(z.strictObject({ name: z.string(), target: z.string() })),
});
export type CudaPart = z.infer<typeof cudaPart>;

const manifest = z.strictObject({
  format: z.literal(1),
  made: z.string().describe("ISO time"),
  tfjs: tfjsPart.optional(),
  cuda: cudaPart.optional(),
  ort: ortPart.optional(),
});
export type AcceleratorManifest = z.infer<typeof manifest>;

export type Installed =
  | { readonly kind: "absent" }
  /** Cut short, damaged or moved; the problem says which and where. */
  | { readonly kind: "broken"; readonly problem: string }
  | { readonly kind: "there"; readonly manifest: AcceleratorManifest };

/** `.gpu` of the checkout or package this module belongs to: three folders above it, in src/ as in dist/. */
export const acceleratorRoot = (): string =>
  join(fileURLToPath(new URL("../../..", import.meta.url)), ACCELERATOR_FOLDER);

export const parseManifest = (text: string): AcceleratorManifest => manifest.parse(JSON.parse(text));

/** Reads the manifest and compares the size of every file it names; hashes are for `--from-bundle` and doctor. */
export function readInstalled(root: string): Installed {
  if (!existsSync(root)) return { kind: "absent" };
  const path = join(root, MANIFEST);
  if (!existsSync(path))
    return { kind: "broken", problem: `${root} has no ${MANIFEST}: a set-up was cut short` };
  let found: AcceleratorManifest;
  try {
    found = parseManifest(readFileSync(path, "utf8"));
  } catch {
    return { kind: "broken", problem: `${path} is not a manifest of this version` };
  }
  for (const { path: name, bytes } of [...(found.tfjs?.files ?? []), ...(found.ort?.files ?? [])]) {
    const at = join(root, name);
    const size = existsSync(at) ? statSync(at).size : -1;
    if (size !== bytes)
      return {
        kind: "broken",
        problem: `expected ${at} of ${bytes} bytes, got ${size < 0 ? "no such file" : `${size} bytes`}`,
      };
  }
  return { kind: "there", manifest: found };
}
