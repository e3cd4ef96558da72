/**
 * Makes and uses bundles. Making one needs registries, a compiler and strip, but no GPU; using one needs a GPU host with
 * CUDA libraries and tar, but no network and no compiler: the binding is carried, and built there only if it does not load.
 */

import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { TrainError } from "../core/errors.js";
import type { AcceleratorManifest, FileRecord, TfjsPart } from "../engine/accelerator/installed.js";
import type { OrtModuleDir } from "../engine/accelerator/ort-providers.js";
import { bindingPath, buildBinding } from "./binding.js";
import { type Archive, BUNDLE, type Bundle, type Compression, readBundle } from "./bundle-manifest.js";
import { planLinks, requireGpu, type Use } from "./cuda.js";
import { bytesBelow, type Effects, endedBy, megabytes, sha256Of } from "./effects.js";
import { environment } from "./env.js";
import { thin } from "./fatbin.js";
import {
  backendsOf,
  makeLinks,
  makeProvider,
  makeRuntime,
  makeTfjs,
  type Places,
  transaction,
  wheelPlaces,
} from "./install.js";
import { lookAtHost } from "./look-at-host.js";
import { linkProvider } from "./ort-cuda.js";
import { donePart, makePart } from "./parts.js";
import { checkPieces, chooseCompression, packPieces, unpackPieces } from "./pieces.js";
import { CUDART_12, ORT_CUDA_MAJOR } from "./pins.js";

export interface BundleOptions {
  readonly uses: readonly Use[];
  /** Of the CPU build of tfjs, for hosts without a GPU. */
  readonly cpu: boolean;
  readonly bytesPerPiece: number;
  /** Compute capability to keep code for, times ten (90 for 9.0); all when absent. */
  readonly capability?: number;
  readonly compression?: Compression;
  /** Of the compressor, 1 to 9 (zstd: 19). */
  readonly level?: number;
}

const PARTS: Readonly<Record<Use, readonly string[]>> = {
  tfjs: ["npm", "tensorflow", "cuda12"],
  "ort-cuda": ["onnxruntime"],
};

/**
 * Writes into `dir` what another host needs to install without a network: archives cut into pieces, and a manifest.
 *
 * @throws TrainError usage: TensorFlow is an installed package, of which no wheel is known
 */
export async function makeBundle(
  dir: string,
  options: BundleOptions,
  places: Places,
  ort: OrtModuleDir,
  effects: Effects,
): Promise<Bundle> {
  const { cpu, capability } = options;
  const work = join(dir, "work");
  mkdirSync(join(work, "downloads"), { recursive: true });
  const at: Places = { ...places, root: work };
  const compression = options.compression ?? (await chooseCompression(effects));
  rmSync(join(dir, BUNDLE), { force: true });
  const archives: Partial<Record<Use, Archive>> = {};
  let tfjs: TfjsPart | undefined;
  let provider: AcceleratorManifest["ort"];
  for (const use of options.uses) {
    let files: FileRecord[];
    if (use === "tfjs") {
      tfjs = await makeTfjs(at, cpu ? "tfjs-node" : "tfjs-node-gpu", cpu ? "cpu" : "cuda", effects);
      if (tfjs.tensorflow.source.startsWith("installed"))
        throw new TrainError("usage", "expected a TensorFlow wheel for a bundle, got an installed package", {
          hint: "leave --tensorflow out, or deactivate the Python environment that holds it",
        });
      if (!cpu && donePart(work, "cuda12", CUDART_12.version) === undefined)
        await makePart(work, "cuda12", (d) => makeRuntime(d, wheelPlaces(at), effects));
      files = tfjs.files;
    } else {
      provider = await makeProvider(work, ort, ORT_CUDA_MAJOR, wheelPlaces(at), effects);
      files = provider.files;
    }
    const slim = join(dir, "slim");
    const parts = PARTS[use].filter((name) => existsSync(join(work, name)));
    files = await slimDown(work, slim, parts, files, capability, effects);
    if (use === "tfjs" && tfjs !== undefined) tfjs = { ...tfjs, files };
    if (use === "ort-cuda" && provider !== undefined) provider = { ...provider, files };
    const unpackedBytes = bytesBelow(slim);
    effects.say(`packing ${use}: ${megabytes(unpackedBytes)} with ${compression} (minutes)`);
    for (const old of readdirSync(dir)) if (old.startsWith(`${use}.tar.`)) rmSync(join(dir, old));
    const prefix = join(dir, `${use}.tar.${compression}`);
    const pieces = await packPieces(slim, parts, compression, prefix, options.bytesPerPiece, options.level);
    archives[use] = { compression, parts, unpackedBytes, files, pieces };
    rmSync(slim, { recursive: true, force: true });
    effects.say(`  ${pieces.length} pieces, ${megabytes(pieces.reduce((sum, p) => sum + p.bytes, 0))}`);
  }
  const made: Bundle = {
    format: 1,
    made: new Date().toISOString(),
    ...(capability !== undefined && { capability: capability / 10 }),
    archives,
    ...(tfjs !== undefined && { tfjs }),
    ...(provider !== undefined && { ort: provider }),
  };
  writeFileSync(join(dir, `${BUNDLE}.part`), `${JSON.stringify(made, null, 2)}\n`);
  renameSync(join(dir, `${BUNDLE}.part`), join(dir, BUNDLE));
  rmSync(work, { recursive: true, force: true });
  return made;
}

/** A copy of the parts with symbols stripped and other cards' code blanked. @returns the files as they are now */
async function slimDown(
  from: string,
  to: string,
  parts: readonly string[],
  files: readonly FileRecord[],
  capability: number | undefined,
  effects: Effects,
): Promise<FileRecord[]> {
  rmSync(to, { recursive: true, force: true });
  mkdirSync(to, { recursive: true });
  const copied = await effects.run("cp", ["-a", "--reflink=auto", ...parts.map((p) => join(from, p)), to]);
  if (copied.code !== 0) {
    if (/No space left/.test(copied.output))
      throw Object.assign(new Error(copied.output), { code: "ENOSPC" });
    throw new TrainError("tool", "the parts could not be copied", {
      details: copied.output.trim().split("\n").slice(0, 3),
    });
  }
  const out: FileRecord[] = [];
  for (const file of files) {
    const path = join(to, file.path);
    if (/\.so(?:\.\d+)*$/.test(path)) {
      const stripped = await effects.run("strip", ["--strip-unneeded", path]);
      if (stripped.code !== 0)
        effects.say("  strip is not here: the bundle is larger than it could be (apt-get install binutils)");
      if (capability !== undefined) {
        const blanked = await thin(path, capability);
        if (blanked > 0)
          effects.say(`  ${file.path}: ${megabytes(blanked)} of code for other cards left out`);
      }
      chmodSync(path, 0o755);
    }
    out.push({ path: file.path, bytes: statSync(path).size, sha256: await sha256Of(path) });
  }
  // The record of each part names its files: what was made smaller is written down as it is now.
  for (const part of parts) {
    const record = donePart(from, part);
    if (record === undefined) continue;
    const renewed = { ...record, files: record.files.map((f) => out.find((o) => o.path === f.path) ?? f) };
    writeFileSync(join(to, part, "part.json"), `${JSON.stringify(renewed, null, 2)}\n`);
  }
  return out;
}

/** Sets up from a bundle. Archives none of whose pieces are there are left out, with a line that says so. */
export async function fromBundle(
  dir: string,
  only: readonly Use[] | undefined,
  places: Places,
  ort: OrtModuleDir,
  effects: Effects,
): Promise<AcceleratorManifest> {
  const { root } = places;
  const bundle = readBundle(dir);
  const uses: Use[] = [];
  for (const [use, archive] of Object.entries(bundle.archives) as [Use, Archive][]) {
    if (only !== undefined && !only.includes(use)) continue;
    if ((await checkPieces(dir, archive.pieces)) === "all") uses.push(use);
    else effects.say(`${use}: no piece of it is in ${dir}; left out`);
  }
  const lacking = only?.find((use) => !uses.includes(use));
  if (uses.length === 0 || lacking !== undefined)
    throw new TrainError(
      "data",
      `expected the pieces of ${lacking ?? "tfjs or ort-cuda"} in ${dir}, got none`,
      {
        hint: `${BUNDLE} names them`,
      },
    );
  const cpu = uses.includes("tfjs") && bundle.tfjs?.package === "tfjs-node";
  if (uses.includes("ort-cuda") && bundle.ort?.version !== ort.version)
    throw new TrainError(
      "tool",
      `expected the CUDA provider of onnxruntime ${ort.version}, got that of ${bundle.ort?.version} in ${dir}`,
      { hint: "bundle and checkout must have the same package-lock.json" },
    );
  const host = cpu ? undefined : await lookAtHost(effects, places.cuda);
  const links = host === undefined ? undefined : planLinks(host, uses);
  if (host !== undefined) checkCard(bundle, requireGpu(host, uses).capability);
  if (uses.includes("ort-cuda") && links !== undefined && bundle.ort?.cudaMajor !== links.major)
    throw new TrainError(
      "tool",
      `expected CUDA ${bundle.ort?.cudaMajor} libraries for the carried provider, got CUDA ${links.major}`,
      {
        hint: "name the folders of the other version with --cuda DIR[:DIR...], or carry tfjs alone: --only tfjs",
      },
    );
  const make = async () => {
    for (const use of uses) await unpackArchive(dir, bundle.archives[use]!, root, effects);
    const provider = uses.includes("ort-cuda") ? bundle.ort : undefined;
    if (provider !== undefined) linkProvider(root, ort);
    const cuda = links === undefined ? undefined : await makeLinks(root, links, wheelPlaces(places), effects);
    // TensorFlow aborts while it is loaded when it finds no CUDA libraries, so the links come before the binding.
    const env = environment(root, cuda === undefined ? {} : { cuda }, effects.libraryPath);
    const carried =
      uses.includes("tfjs") && bundle.tfjs !== undefined
        ? await bindingOf(root, bundle.tfjs, env, effects)
        : undefined;
    return {
      ...(carried !== undefined && { tfjs: carried }),
      ...(provider !== undefined && { ort: provider }),
      ...(cuda !== undefined && { cuda }),
    };
  };
  return transaction(root, effects, make, cpu ? ["tfjs-node"] : backendsOf(uses));
}

function checkCard(bundle: Bundle, capability: number): void {
  const { capability: kept } = bundle;
  if (kept === undefined || (Math.floor(kept) === Math.floor(capability) && kept <= capability)) return;
  throw new TrainError(
    "tool",
    `expected a card of compute capability ${kept.toFixed(1)}, for which the bundle was made, got ${capability.toFixed(1)}`,
    {
      hint: `scripts/setup --bundle DIR --capability ${capability.toFixed(1)}, or without it for every card`,
    },
  );
}

async function unpackArchive(dir: string, archive: Archive, root: string, effects: Effects): Promise<void> {
  const whole =
    archive.parts.every((part) => donePart(root, part) !== undefined) &&
    (await hashesHold(root, archive.files));
  if (whole) return effects.say(`${archive.parts.join(", ")}: already unpacked`);
  const free = effects.freeBytes(root);
  if (free < archive.unpackedBytes * 1.05)
    throw new TrainError(
      "tool",
      `expected ${megabytes(archive.unpackedBytes * 1.05)} free in ${root}, got ${megabytes(free)}`,
      {
        hint: "free some space, or make .gpu a link to a larger disk",
      },
    );
  const fresh = join(root, "unpacked.new");
  rmSync(fresh, { recursive: true, force: true });
  mkdirSync(fresh);
  try {
    await unpackPieces(dir, archive.pieces, archive.compression, fresh, effects);
    if (!(await hashesHold(fresh, archive.files)))
      throw new TrainError("data", `what unpacked from ${dir} differs from what was packed`, {
        hint: "copy the pieces again",
      });
    for (const part of archive.parts) {
      rmSync(join(root, part), { recursive: true, force: true });
      renameSync(join(fresh, part), join(root, part));
    }
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
}

async function hashesHold(root: string, files: readonly FileRecord[]): Promise<boolean> {
  for (const file of files) {
    const path = join(root, file.path);
    if (!existsSync(path) || statSync(path).size !== file.bytes || (await sha256Of(path)) !== file.sha256)
      return false;
  }
  return true;
}

/** The carried binding where this Node and C library can load it, else one built here. @param env of `.gpu/env.sh` */
async function bindingOf(
  root: string,
  tfjs: TfjsPart,
  env: Readonly<Record<string, string>>,
  effects: Effects,
): Promise<TfjsPart> {
  const path = join(root, bindingPath(tfjs.package));
  const load = `process.dlopen({ exports: {} }, ${JSON.stringify(path)})`;
  const ran = await effects.run(process.execPath, ["-e", load], { env });
  if (ran.code === 0) return { ...tfjs, binding: { ...tfjs.binding, made: `carried; ${tfjs.binding.made}` } };
  const why = /Error: (.*)/.exec(ran.output)?.[1] ?? endedBy(ran);
  effects.say(`the carried binding does not load here (${why}); building it`);
  rmSync(path, { force: true });
  const tensorflow = donePart(root, "tensorflow");
  if (tensorflow === undefined)
    throw new TrainError("data", `expected ${root}/tensorflow to be whole after unpacking`);
  const { file, made } = await buildBinding(root, tfjs.package, tensorflow, effects);
  return {
    ...tfjs,
    binding: { ...tfjs.binding, made },
    files: tfjs.files.map((f) => (f.path === file.path ? file : f)),
  };
}
