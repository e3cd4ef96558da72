/** The part `tensorflow`: two libraries and the C headers, from an installed TensorFlow (linked) or a wheel (unpacked). */

import { existsSync, readFileSync, statSync, symlinkSync } from "node:fs";
import { cp } from "node:fs/promises";
import { join } from "node:path";
import { TrainError } from "../core/errors.js";
import type { FileRecord } from "../engine/accelerator/installed.js";
import { type Effects, megabytes, sha256Of } from "./effects.js";
import type { PartRecord } from "./parts.js";
import { TENSORFLOW_CPU, TENSORFLOW_GPU } from "./pins.js";
import { obtainWheel, type WheelPlaces } from "./wheels.js";
import { extractEntry, zipEntries } from "./zip.js";

export const TENSORFLOW_LIBRARIES = ["libtensorflow_cc.so.2", "libtensorflow_framework.so.2"] as const;
/** What the binding includes of the 13,000 headers of a wheel. */
export const HEADER =
  /^include\/(?:tensorflow\/c\/[^/]+\.h|tensorflow\/c\/eager\/c_api\.h|tensorflow\/core\/platform\/ctstring(?:_internal)?\.h|tsl\/platform\/ctstring(?:_internal)?\.h|xla\/tsl\/c\/[^/]+\.h)$/;

export type Build = "cpu" | "cuda";

export interface TensorFlowSource {
  readonly kind: "installed" | "wheel";
  readonly version: string;
  readonly build: Build;
  readonly cuda?: string;
  /** Of an installed one: its package folder. */
  readonly dir?: string;
}

/** What the part is known by: an installed part with the same key is kept. */
export const keyOf = (s: TensorFlowSource): string =>
  `tensorflow ${s.version} ${s.build} ${s.kind === "wheel" ? "wheel" : s.dir}`;

/**
 * An installed TensorFlow of 2.16 or newer: the folder given, or the package `python3` would import (not imported).
 * @throws TrainError `tool` when a folder is given that does not hold one that fits.
 */
export async function installedTensorFlow(
  build: Build,
  given: string | undefined,
  effects: Effects,
): Promise<TensorFlowSource | undefined> {
  const dir = given ?? (await packageOfPython(effects));
  if (dir === undefined) return undefined;
  const found = describe(dir);
  const problem =
    typeof found === "string"
      ? found
      : build === "cuda" && found.build !== "cuda"
        ? `it is a build without CUDA`
        : undefined;
  if (problem === undefined) return found as TensorFlowSource;
  if (given === undefined) return undefined;
  throw new TrainError("tool", `expected a TensorFlow package of 2.16 or newer in ${given}: ${problem}`, {
    hint: "give the folder that holds libtensorflow_cc.so.2, or leave --tensorflow out to use PyPI's wheel",
  });
}

async function packageOfPython(effects: Effects): Promise<string | undefined> {
  const program =
    "import importlib.util as u; s = u.find_spec('tensorflow'); print(s.submodule_search_locations[0] if s else '')";
  const ran = await effects.run("python3", ["-c", program]);
  const dir = ran.code === 0 ? (ran.output.trim().split("\n").at(-1) ?? "") : "";
  return dir === "" ? undefined : dir;
}

function describe(dir: string): TensorFlowSource | string {
  for (const name of TENSORFLOW_LIBRARIES) if (!existsSync(join(dir, name))) return `${name} is missing`;
  const header = join(dir, "include/tensorflow/core/public/release_version.h");
  const info = join(dir, "python/platform/build_info.py");
  if (!existsSync(join(dir, "include/tensorflow/c/c_api.h")) || !existsSync(header))
    return "its headers are missing";
  const text = readFileSync(header, "utf8");
  const [major, minor, patch] = ["MAJOR", "MINOR", "PATCH"].map(
    (w) => new RegExp(`#define TF_${w}_VERSION\\s+(\\d+)`).exec(text)?.[1],
  );
  if (major !== "2" || Number(minor) < 16) return `its version is ${major}.${minor}`;
  const built = existsSync(info) ? readFileSync(info, "utf8") : "";
  const cuda = /'is_cuda_build', True/.test(built)
    ? /'cuda_version', '([\d.]+)'/.exec(built)?.[1]
    : undefined;
  return {
    kind: "installed",
    version: `${major}.${minor}.${patch}`,
    build: cuda === undefined ? "cpu" : "cuda",
    ...(cuda !== undefined && { cuda }),
    dir,
  };
}

/** Fills `dir` with TensorFlow's libraries and headers: links to an installed package, or files unpacked from a wheel. */
export async function makeTensorFlow(
  dir: string,
  source: TensorFlowSource,
  places: WheelPlaces,
  effects: Effects,
): Promise<PartRecord> {
  const record = (files: readonly FileRecord[], from: string): PartRecord => ({
    key: keyOf(source),
    source: from,
    files,
  });
  if (source.dir !== undefined) {
    const files: FileRecord[] = [];
    for (const name of TENSORFLOW_LIBRARIES) {
      const at = join(source.dir, name);
      symlinkSync(at, join(dir, name));
      files.push({ path: `tensorflow/${name}`, bytes: statSync(at).size, sha256: await sha256Of(at) });
    }
    await cp(join(source.dir, "include"), join(dir, "include"), {
      recursive: true,
      filter: (from) => statSync(from).isDirectory() || HEADER.test(from.slice(source.dir!.length + 1)),
    });
    return record(files, `installed: ${source.dir}`);
  }
  const pin = source.build === "cuda" ? TENSORFLOW_GPU : TENSORFLOW_CPU;
  const wheel = await obtainWheel(pin, places, effects);
  effects.say(`unpacking ${pin.name} ${pin.version}`);
  const files: FileRecord[] = [];
  for (const entry of await zipEntries(wheel)) {
    const name = entry.name.replace(/^tensorflow\//, "");
    const library = (TENSORFLOW_LIBRARIES as readonly string[]).includes(name);
    if (!library && !HEADER.test(name)) continue;
    const { bytes, sha256 } = await extractEntry(wheel, entry, join(dir, name));
    if (library) files.push({ path: `tensorflow/${name}`, bytes, sha256 });
  }
  if (files.length !== TENSORFLOW_LIBRARIES.length)
    throw new TrainError(
      "data",
      `expected ${TENSORFLOW_LIBRARIES.join(" and ")} in ${wheel}, got ${files.length}`,
    );
  effects.say(`  ${megabytes(files.reduce((sum, f) => sum + f.bytes, 0))} of libraries`);
  return record(files, `PyPI: ${pin.file}`);
}
