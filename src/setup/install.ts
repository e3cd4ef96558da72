/**
 * The set-up itself: parts made or kept, a test of what was made, and last the manifest. A run that fails or is killed
 * leaves either what was there before or a folder without a manifest, which every reader treats as not installed; the
 * next run keeps the parts that are whole.
 */

import { existsSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { TrainError } from "../core/errors.js";
import {
  type AcceleratorManifest,
  type CudaPart,
  MANIFEST,
  type OrtPart,
  type TfjsPart,
} from "../engine/accelerator/installed.js";
import type { TfjsPackage } from "../engine/accelerator/locate.js";
import type { OrtModuleDir } from "../engine/accelerator/ort-providers.js";
import { buildBinding } from "./binding.js";
import { type Links, planLinks, requireGpu, type Use } from "./cuda.js";
import { asDiskError, bytesBelow, type Effects, megabytes } from "./effects.js";
import { environment, envScript } from "./env.js";
import { lookAtHost } from "./look-at-host.js";
import { makeNpmPackage, npmKey } from "./npm-package.js";
import { linkProvider, makeOrtCuda, ortKey } from "./ort-cuda.js";
import { donePart, makePart, type PartRecord } from "./parts.js";
import {
  BINDING_NAPI,
  CUDART_12,
  ORT_CUDA,
  TENSORFLOW_CPU,
  TENSORFLOW_CUDA,
  TENSORFLOW_GPU,
  TFJS_VERSION,
  type WheelPin,
} from "./pins.js";
import { type Backend, selfTest } from "./self-test.js";
import {
  type Build,
  installedTensorFlow,
  keyOf,
  makeTensorFlow,
  type TensorFlowSource,
} from "./tensorflow.js";
import { obtainWheel, type WheelPlaces } from "./wheels.js";
import { extractEntry, zipEntries } from "./zip.js";

const CUDART = "libcudart.so.12";

export interface Places {
  /** `.gpu` of the checkout. */
  readonly root: string;
  /** Folder of wheels brought along. */
  readonly wheels?: string;
  /** Package folder of an installed TensorFlow. */
  readonly tensorflow?: string;
  /** Folders of CUDA libraries, separated by colons. */
  readonly cuda?: string;
}

/** Where downloads of the installation at `root` are kept. */
export const downloadsOf = (root: string): string => join(root, "downloads");

/** tfjs on the CPU, tested; what was installed before stays when this fails. */
export async function cpuTfjs(places: Places, effects: Effects): Promise<AcceleratorManifest> {
  const make = async () => ({ tfjs: await makeTfjs(places, "tfjs-node", "cpu", effects) });
  return transaction(places.root, effects, make, ["tfjs-node"]);
}

/** tfjs on the GPU, onnxruntime's CUDA provider, or both, linked to the CUDA of this host. */
export async function gpu(
  places: Places,
  uses: readonly Use[],
  ort: OrtModuleDir,
  effects: Effects,
): Promise<AcceleratorManifest> {
  const host = await lookAtHost(effects, places.cuda);
  const card = requireGpu(host, uses);
  // Before any download: what is missing here cannot be mended by it.
  const links = planLinks(host, uses);
  effects.say(
    `${card.name}, driver ${host.driver}, CUDA ${links.major} libraries in ${links.dirs.join(", ") || "the system's folders"}`,
  );
  const wheels = wheelPlaces(places);
  const make = async () => {
    const tfjs = uses.includes("tfjs") ? await makeTfjs(places, "tfjs-node-gpu", "cuda", effects) : undefined;
    const provider = uses.includes("ort-cuda")
      ? await makeProvider(places.root, ort, links.major, wheels, effects)
      : undefined;
    if (provider !== undefined) linkProvider(places.root, ort);
    const cuda = await makeLinks(places.root, links, wheels, effects);
    return { ...(tfjs !== undefined && { tfjs }), ...(provider !== undefined && { ort: provider }), cuda };
  };
  return transaction(places.root, effects, make, backendsOf(uses));
}

/** The backends to test after these uses were installed. */
export const backendsOf = (uses: readonly Use[]): Backend[] => [
  ...(uses.includes("tfjs") ? (["tfjs-node-gpu"] as const) : []),
  ...(uses.includes("ort-cuda") ? (["ort-cuda"] as const) : []),
];

/** Where wheels are looked for before one is downloaded. */
export const wheelPlaces = (places: Places): WheelPlaces => ({
  downloads: downloadsOf(places.root),
  ...(places.wheels !== undefined && { given: places.wheels }),
});

/** onnxruntime's CUDA provider below `root`; one that is there already is kept. */
export async function makeProvider(
  root: string,
  ort: OrtModuleDir,
  cudaMajor: number,
  wheels: WheelPlaces,
  effects: Effects,
): Promise<OrtPart> {
  const key = ortKey(ort.version, cudaMajor);
  let part = donePart(root, "onnxruntime", key);
  if (part === undefined) {
    if (cudaMajor !== 12) needDisk(root, ORT_CUDA[ort.version], effects);
    part = await makePart(root, "onnxruntime", (dir) => makeOrtCuda(dir, ort, cudaMajor, wheels, effects));
  }
  return { version: ort.version, cudaMajor, source: part.source, files: [...part.files] };
}

/** The folder of CUDA names, made again each time: that is cheap and the host may have changed. */
export async function makeLinks(
  root: string,
  plan: Links,
  wheels: WheelPlaces,
  effects: Effects,
): Promise<CudaPart> {
  const runtime = join(root, "cuda12", CUDART);
  if (plan.fetchRuntime && donePart(root, "cuda12", CUDART_12.version) === undefined)
    await makePart(root, "cuda12", (dir) => makeRuntime(dir, wheels, effects));
  const links = [...plan.links, ...(plan.fetchRuntime ? [{ name: CUDART, target: runtime }] : [])];
  await makePart(root, "cuda", async (dir) => {
    for (const { name, target } of links) symlinkSync(target, join(dir, name));
    return { key: "links", source: "this host", files: [] };
  });
  return { major: plan.major, dirs: [...plan.dirs], links };
}

/** `libcudart.so.12` alone, from its wheel. */
export async function makeRuntime(dir: string, wheels: WheelPlaces, effects: Effects): Promise<PartRecord> {
  const wheel = await obtainWheel(CUDART_12, wheels, effects);
  const entry = (await zipEntries(wheel)).find((e) => e.name.endsWith(`/${CUDART}`));
  if (entry === undefined) throw new TrainError("data", `expected ${CUDART} in ${wheel}, got none`);
  const { bytes, sha256 } = await extractEntry(wheel, entry, join(dir, CUDART));
  return {
    key: CUDART_12.version,
    source: `PyPI: ${CUDART_12.file}`,
    files: [{ path: `cuda12/${CUDART}`, bytes, sha256 }],
  };
}

/** Makes or keeps the tfjs package, libtensorflow and the binding between them. */
export async function makeTfjs(
  places: Places,
  name: TfjsPackage,
  build: Build,
  effects: Effects,
): Promise<TfjsPart> {
  const { root } = places;
  const source: TensorFlowSource = (await installedTensorFlow(build, places.tensorflow, effects)) ?? {
    kind: "wheel",
    version: (build === "cuda" ? TENSORFLOW_GPU : TENSORFLOW_CPU).version,
    build,
    ...(build === "cuda" && { cuda: TENSORFLOW_CUDA.version }),
  };
  let tensorflow = donePart(root, "tensorflow", keyOf(source));
  if (tensorflow === undefined) {
    const pin = source.kind === "wheel" ? (build === "cuda" ? TENSORFLOW_GPU : TENSORFLOW_CPU) : undefined;
    needDisk(root, pin, effects);
    tensorflow = await makePart(root, "tensorflow", (dir) =>
      makeTensorFlow(dir, source, wheelPlaces(places), effects),
    );
  }
  const npm =
    donePart(root, "npm", npmKey(name)) ??
    (await makePart(root, "npm", (dir) => makeNpmPackage(dir, name, effects)));
  return assembleTfjs(root, name, source, tensorflow, npm, effects);
}

async function assembleTfjs(
  root: string,
  name: TfjsPackage,
  source: TensorFlowSource,
  tensorflow: PartRecord,
  npm: PartRecord,
  effects: Effects,
): Promise<TfjsPart> {
  const { file, made } = await buildBinding(root, name, tensorflow, effects);
  return {
    package: name,
    packageVersion: TFJS_VERSION,
    tensorflow: {
      version: source.version,
      build: source.build,
      ...(source.cuda !== undefined && { cuda: source.cuda }),
      source: tensorflow.source,
    },
    binding: { napi: BINDING_NAPI, arch: process.arch, platform: process.platform, made },
    files: [...tensorflow.files, file, ...npm.files],
  };
}

/** Free space for a wheel and what is unpacked from it (libraries are about 3.2 times the wheel). */
function needDisk(root: string, pin: WheelPin | undefined, effects: Effects): void {
  if (pin === undefined) return;
  const wanted = Math.ceil(pin.bytes * 4.3);
  const free = effects.freeBytes(root);
  if (free < wanted)
    throw new TrainError(
      "tool",
      `expected ${megabytes(wanted)} free for ${pin.name} in ${root}, got ${megabytes(free)}`,
      {
        hint: "free some space, or make the folder a link to a larger disk: ln -s /large/disk/veriloop-gpu .gpu",
      },
    );
}

/** Runs `make`, tests the backends, and only then writes manifest and env.sh. */
export async function transaction(
  root: string,
  effects: Effects,
  make: () => Promise<Omit<AcceleratorManifest, "format" | "made">>,
  backends: readonly Backend[],
): Promise<AcceleratorManifest> {
  if (process.platform !== "linux" || process.arch !== "x64")
    throw new TrainError("tool", `expected Linux on x64, got ${process.platform} on ${process.arch}`, {
      hint: "the default engine, onnxruntime on the CPU, needs none of this",
    });
  mkdirSync(root, { recursive: true });
  try {
    mkdirSync(downloadsOf(root), { recursive: true });
    const parts = await make();
    const manifest: AcceleratorManifest = { format: 1, made: new Date().toISOString(), ...parts };
    writeFileSync(join(root, "env.sh"), envScript(root, manifest));
    writeManifest(root, manifest);
    await testAll(root, manifest, backends, effects);
    rmSync(downloadsOf(root), { recursive: true, force: true });
    effects.say(`${root} takes ${megabytes(bytesBelow(root))}`);
    return manifest;
  } catch (error) {
    throw asDiskError(error, root);
  }
}

/** What does not compute is not installed: it leaves the manifest, its parts stay for the next try. */
async function testAll(
  root: string,
  manifest: AcceleratorManifest,
  backends: readonly Backend[],
  effects: Effects,
): Promise<void> {
  const env = environment(root, manifest, effects.libraryPath);
  const failed: { readonly backend: Backend; readonly value: string; readonly hint: string | undefined }[] =
    [];
  for (const backend of backends) {
    const result = await selfTest(root, backend, env, effects);
    if (result.ok) effects.say(`${backend}: ${result.value}`);
    else failed.push({ backend, value: result.value, hint: result.hint });
  }
  const [first] = failed;
  if (first === undefined) return;
  const { tfjs, ort, ...rest } = manifest;
  const left: AcceleratorManifest = {
    ...rest,
    ...(tfjs !== undefined && !failed.some((f) => f.backend.startsWith("tfjs")) && { tfjs }),
    ...(ort !== undefined && !failed.some((f) => f.backend === "ort-cuda") && { ort }),
  };
  if (left.tfjs === undefined && left.ort === undefined) rmSync(join(root, MANIFEST), { force: true });
  else writeManifest(root, left);
  const names = failed.map((f) => f.backend).join(" and ");
  const works = backends.filter((b) => !failed.some((f) => f.backend === b));
  throw new TrainError("tool", `expected ${names} to compute after the set-up, got: ${first.value}`, {
    details: [
      ...failed.slice(1).map((f) => `${f.backend}: ${f.value}`),
      ...works.map((b) => `${b} works and stays installed`),
    ],
    hint: first.hint ?? "train doctor looks at each piece",
  });
}

/** Appears whole or not at all. */
function writeManifest(root: string, manifest: AcceleratorManifest): void {
  const path = join(root, MANIFEST);
  writeFileSync(`${path}.new`, `${JSON.stringify(manifest, null, 2)}\n`);
  renameSync(`${path}.new`, path);
}

/** Takes everything away again, links in node_modules included. */
export function remove(root: string, unlink: () => void, effects: Effects): void {
  unlink();
  if (!existsSync(root)) {
    effects.say("nothing to remove");
    return;
  }
  const bytes = bytesBelow(root);
  rmSync(root, { recursive: true, force: true });
  effects.say(`removed ${root} (${megabytes(bytes)})`);
}
