/**
 * The part `onnxruntime`: the CUDA provider of the onnxruntime in node_modules, kept in `.gpu` and linked beside
 * libonnxruntime.so.1, where onnxruntime looks. The wheel's provider is linked to CUDA 13; on a host with CUDA 12 alone the
 * one of onnxruntime-node's own installer is taken.
 */

import { copyFileSync, existsSync, lstatSync, mkdirSync, readlinkSync, rmSync, symlinkSync } from "node:fs";
import { cp } from "node:fs/promises";
import { dirname, join } from "node:path";
import { TrainError } from "../core/errors.js";
import type { FileRecord } from "../engine/accelerator/installed.js";
import { type OrtModuleDir, PROVIDER_LIBRARIES } from "../engine/accelerator/ort-providers.js";
import { type Effects, sha256Of } from "./effects.js";
import type { PartRecord } from "./parts.js";
import { ORT_CUDA } from "./pins.js";
import { obtainWheel, type WheelPlaces } from "./wheels.js";
import { extractEntry, zipEntries } from "./zip.js";

/** What the part is known by: an installed part with the same key is kept. */
export const ortKey = (version: string, cudaMajor: number): string =>
  `onnxruntime ${version} cuda ${cudaMajor}`;

/** Fills `dir` with the CUDA provider for `ort`. @throws TrainError tool: no provider is pinned for this version */
export async function makeOrtCuda(
  dir: string,
  ort: OrtModuleDir,
  cudaMajor: number,
  places: WheelPlaces,
  effects: Effects,
): Promise<PartRecord> {
  const made =
    cudaMajor === 12 ? await ownInstaller(dir, ort, effects) : await fromWheel(dir, ort, places, effects);
  return { key: ortKey(ort.version, cudaMajor), ...made };
}

async function fromWheel(dir: string, ort: OrtModuleDir, places: WheelPlaces, effects: Effects) {
  const pin = ORT_CUDA[ort.version];
  if (pin === undefined)
    throw new TrainError(
      "tool",
      `expected onnxruntime-node ${Object.keys(ORT_CUDA).join(" or ")}, got ${ort.version}: no provider is pinned for it`,
      { hint: "npm ci restores the locked version; a new one needs its wheel in src/setup/pins.ts" },
    );
  const wheel = await obtainWheel(pin, places, effects);
  effects.say(`unpacking the CUDA provider of onnxruntime ${ort.version}`);
  const files: FileRecord[] = [];
  for (const entry of await zipEntries(wheel)) {
    const name = entry.name.replace(/^onnxruntime\/capi\//, "");
    if (!(PROVIDER_LIBRARIES as readonly string[]).includes(name)) continue;
    const { bytes, sha256 } = await extractEntry(wheel, entry, join(dir, name));
    files.push({ path: `onnxruntime/${name}`, bytes, sha256 });
  }
  if (files.length !== PROVIDER_LIBRARIES.length)
    throw new TrainError(
      "data",
      `expected ${PROVIDER_LIBRARIES.join(" and ")} in ${wheel}, got ${files.length}`,
    );
  return { files, source: `PyPI: ${pin.file}` };
}

/** Runs the package's installer on a copy of it, so that a download cut short leaves node_modules as it was. */
async function ownInstaller(dir: string, ort: OrtModuleDir, effects: Effects) {
  effects.say(`fetching onnxruntime ${ort.version}'s provider for CUDA 12 with its own installer`);
  const packageDir = join(ort.libDir, "../../../..");
  const copy = join(dir, "copy/node_modules/onnxruntime-node");
  mkdirSync(copy, { recursive: true });
  for (const name of ["script", "package.json"])
    await cp(join(packageDir, name), join(copy, name), { recursive: true });
  const libDir = join(copy, ort.libDir.slice(packageDir.length));
  mkdirSync(libDir, { recursive: true });
  const ran = await effects.run(
    "node",
    [join(copy, "script/install.js"), "--onnxruntime-node-install=cuda12"],
    {
      cwd: copy,
      env: { NODE_PATH: dirname(packageDir) },
    },
  );
  if (ran.code !== 0 || !PROVIDER_LIBRARIES.every((name) => existsSync(join(libDir, name))))
    throw new TrainError("tool", "onnxruntime-node's own installer did not bring its provider for CUDA 12", {
      details: ran.output.trim().split("\n").slice(-3),
      hint: "install CUDA 13 libraries, for which a wheel from PyPI serves: python3 -m pip install nvidia-cublas nvidia-cuda-runtime nvidia-curand nvidia-cufft nvidia-cudnn-cu13",
    });
  const files: FileRecord[] = [];
  for (const name of PROVIDER_LIBRARIES) {
    copyFileSync(join(libDir, name), join(dir, name));
    const { size } = lstatSync(join(dir, name));
    files.push({ path: `onnxruntime/${name}`, bytes: size, sha256: await sha256Of(join(dir, name)) });
  }
  rmSync(join(dir, "copy"), { recursive: true });
  return { files, source: "onnxruntime-node's installer (cuda12)" };
}

/** Links the provider into node_modules; a real file there is onnxruntime-node's own and stays. */
export function linkProvider(root: string, ort: OrtModuleDir): void {
  for (const name of PROVIDER_LIBRARIES) {
    const [at, target] = [join(ort.libDir, name), join(root, "onnxruntime", name)];
    const there = lstatSync(at, { throwIfNoEntry: false });
    if (there !== undefined && !there.isSymbolicLink()) continue;
    if (there !== undefined) {
      if (readlinkSync(at) === target) continue;
      rmSync(at);
    }
    symlinkSync(target, at);
  }
}

/** Takes away links into `root`, and only those. */
export function unlinkProvider(root: string, ort: OrtModuleDir): void {
  for (const name of PROVIDER_LIBRARIES) {
    const at = join(ort.libDir, name);
    if (
      lstatSync(at, { throwIfNoEntry: false })?.isSymbolicLink() &&
      readlinkSync(at).startsWith(join(root, "/"))
    )
      rmSync(at);
  }
}
