/**
 * The native half of the tfjs package: two C++ files over TensorFlow's C API and N-API 8, compiled against the libraries
 * of the part `tensorflow`. Its run path is relative, so the folder may be moved whole.
 */

import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { TrainError } from "../core/errors.js";
import type { FileRecord } from "../engine/accelerator/installed.js";
import type { TfjsPackage } from "../engine/accelerator/locate.js";
import { type Effects, sha256Of } from "./effects.js";
import type { PartRecord } from "./parts.js";
import { BINDING_NAPI } from "./pins.js";
import { TENSORFLOW_LIBRARIES } from "./tensorflow.js";

/** Of the binding, relative to `.gpu`. */
export const bindingPath = (name: TfjsPackage): string =>
  `npm/node_modules/@tensorflow/${name}/lib/napi-v${BINDING_NAPI}/tfjs_binding.node`;

export interface BuiltBinding {
  readonly file: FileRecord;
  /** The compiler's first line. */
  readonly made: string;
}

const COMPILERS = ["g++", "c++", "clang++"];

/** The compiler's arguments that build the binding of package `name` below `root` into the file `to`. */
export function compileWords(root: string, name: TfjsPackage, to: string): string[] {
  const packageDir = join(root, "npm/node_modules/@tensorflow", name);
  const tensorflow = join(root, "tensorflow");
  return [
    ..."-O2 -shared -fPIC -std=c++17".split(" "),
    `-DNAPI_VERSION=${BINDING_NAPI}`,
    `-I${join(root, "npm/node_modules/node-api-headers/include")}`,
    `-I${join(tensorflow, "include")}`,
    `-I${packageDir}`,
    join(packageDir, "binding/tfjs_backend.cc"),
    join(packageDir, "binding/tfjs_binding.cc"),
    `-L${tensorflow}`,
    ...TENSORFLOW_LIBRARIES.map((l) => `-l:${l}`),
    "-Wl,-rpath,$ORIGIN/../../../../../../tensorflow",
    "-o",
    to,
  ];
}

/**
 * Builds the binding of package `name` for the TensorFlow below `root`; one built before from the same files is kept.
 *
 * @throws TrainError tool: there is no C++ compiler, or it fails
 */
export async function buildBinding(
  root: string,
  name: TfjsPackage,
  tensorflow: PartRecord,
  effects: Effects,
): Promise<BuiltBinding> {
  const path = bindingPath(name);
  const to = join(root, path);
  const key = JSON.stringify([
    BINDING_NAPI,
    process.arch,
    tensorflow.key,
    tensorflow.files.map((f) => f.sha256),
  ]);
  const kept = keptBinding(to, key);
  if (kept !== undefined) return kept;
  let compiler: string | undefined;
  let made = "";
  for (const program of COMPILERS) {
    const ran = await effects.run(program, ["--version"]);
    if (ran.code !== 0) continue;
    [compiler, made] = [program, ran.output.split("\n", 1)[0] ?? program];
    break;
  }
  if (compiler === undefined)
    throw new TrainError(
      "tool",
      `expected a C++ compiler (${COMPILERS.join(", ")}) to build the binding, got none`,
      {
        hint: "sudo apt-get install -y g++ (or dnf install gcc-c++), or carry a bundle with the binding built: --from-bundle DIR",
      },
    );
  effects.say("building the binding (some seconds)");
  mkdirSync(join(to, ".."), { recursive: true });
  const ran = await effects.run(compiler, compileWords(root, name, `${to}.part`));
  if (ran.code !== 0 || !existsSync(`${to}.part`)) {
    rmSync(`${to}.part`, { force: true });
    throw new TrainError("tool", `the binding of @tensorflow/${name} could not be built with ${made}`, {
      details: ran.output.trim().split("\n").slice(0, 5),
      hint: "a compiler with C++17 is needed: g++ 9 or newer",
    });
  }
  renameSync(`${to}.part`, to);
  const built: BuiltBinding = { file: { path, bytes: statSync(to).size, sha256: await sha256Of(to) }, made };
  writeFileSync(`${to}.json`, `${JSON.stringify({ key, ...built })}\n`);
  return built;
}

/** A binding made earlier for the same libraries; the record beside it is written after it. */
function keptBinding(to: string, key: string): BuiltBinding | undefined {
  if (!existsSync(to) || !existsSync(`${to}.json`)) return undefined;
  try {
    const record = JSON.parse(readFileSync(`${to}.json`, "utf8")) as BuiltBinding & { key: string };
    if (record.key === key && record.file.bytes === statSync(to).size)
      return { file: record.file, made: record.made };
  } catch {
    // cut off: built again
  }
  return undefined;
}
