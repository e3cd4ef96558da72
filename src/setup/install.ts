/**
 * The set-up itself: parts made or kept, a test of what was made, and last the manifest. A run that fails or is killed
 * leaves either what was there before or a folder without a manifest, which every reader treats as not installed; the
 * next run keeps the parts that are whole.
 */

import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { TrainError } from "../core/errors.js";
import { type AcceleratorManifest, MANIFEST, type TfjsPart } from "../model/accelerator/installed.js";
import type { TfjsPackage } from "../model/accelerator/locate.js";
import { buildBinding } from "./binding.js";
import { asDiskError, bytesBelow, type Effects, megabytes } from "./effects.js";
import { environment, envScript } from "./env.js";
import { makeNpmPackage, npmKey } from "./npm-package.js";
import { donePart, makePart, type PartRecord } from "./parts.js";
import {
  BINDING_NAPI,
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

export interface Places {
  /** `.gpu` of the checkout. */
  readonly root: string;
  /** Folder of wheels brought along. */
  readonly wheels?: string;
  /** Package folder of an installed TensorFlow. */
  readonly tensorflow?: string;
}

export const downloadsOf = (root: string): string => join(root, "downloads");

export async function cpuTfjs(places: Places, effects: Effects): Promise<AcceleratorManifest> {
  return transaction(
    places.root,
    effects,
    async () => {
      const tfjs = await makeTfjs(places, "tfjs-node", "cpu", effects);
      return { tfjs };
    },
    ["tfjs-node"],
  );
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
      makeTensorFlow(
        dir,
        source,
        { downloads: downloadsOf(root), ...(places.wheels !== undefined && { given: places.wheels }) },
        effects,
      ),
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
  const path = join(root, MANIFEST);
  try {
    mkdirSync(downloadsOf(root), { recursive: true });
    const parts = await make();
    const manifest: AcceleratorManifest = { format: 1, made: new Date().toISOString(), ...parts };
    writeFileSync(join(root, "env.sh"), envScript(root, manifest));
    writeFileSync(`${path}.new`, `${JSON.stringify(manifest, null, 2)}\n`);
    renameSync(`${path}.new`, path);
    await testAll(root, manifest, backends, effects);
    rmSync(downloadsOf(root), { recursive: true, force: true });
    effects.say(`${root} takes ${megabytes(bytesBelow(root))}`);
    return manifest;
  } catch (error) {
    throw asDiskError(error, root);
  }
}

/** What does not compute is not installed: the manifest goes, the parts stay for the next try. */
async function testAll(
  root: string,
  manifest: AcceleratorManifest,
  backends: readonly Backend[],
  effects: Effects,
): Promise<void> {
  const env = environment(root, manifest, effects.libraryPath);
  for (const backend of backends) {
    const result = await selfTest(root, backend, env, effects);
    if (!result.ok) {
      rmSync(join(root, MANIFEST), { force: true });
      throw new TrainError("tool", `${backend} was set up but does not compute: ${result.value}`, {
        hint: result.hint ?? "train doctor looks at each piece",
      });
    }
    effects.say(`${backend}: ${result.value}`);
  }
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
