/**
 * Loads tfjs with TensorFlow's own kernels, on the GPU or the CPU, from the folder `scripts/setup --gpu` or `--cpu-tfjs`
 * made. One instance a process: TensorFlow keeps its devices for the life of the process, so the first call decides.
 * The instance is apart from any `@tensorflow/tfjs` in node_modules: use the returned `tf` and nothing else.
 *
 * TensorFlow reads the real environment, so a worker that calls this must share it.
 */

import { createRequire } from "node:module";
import { join } from "node:path";
import type * as Tfjs from "@tensorflow/tfjs";
import { messageOf, TrainError } from "../../core/errors.js";
import { deviceProblems, gpuModel } from "./device.js";
import { acceleratorRoot, readInstalled, type TfjsPart } from "./installed.js";
import { SETUP_CPU_TFJS, SETUP_GPU, type TfjsPackage, tfjsPart } from "./locate.js";

export type TfjsModule = typeof Tfjs;

export interface LoadedTfjs {
  readonly tf: TfjsModule;
  /** What computes: the GPU package on a host without a GPU is `tfjs-node`. */
  readonly package: TfjsPackage;
  /** Name of the card, or `cpu`. */
  readonly device: string;
  readonly versions: {
    readonly tfjs: string;
    readonly tensorflow: string;
    /** CUDA version TensorFlow was built with; null for its CPU build. */
    readonly cuda: string | null;
    readonly napi: number;
  };
}

export interface LoadTfjsOptions {
  /** The installed folder; by default `.gpu` of this checkout. */
  readonly root?: string;
  /** `tfjs-node-gpu`: refuse the CPU; `tfjs-node`: leave the GPU alone; by default the GPU where there is one. */
  readonly want?: TfjsPackage;
}

let loaded: { readonly key: string; readonly module: Promise<LoadedTfjs> } | undefined;

/**
 * @throws TrainError `tool`: not installed, cut short, built for another Node, a library that does not load, or no GPU
 *   where one is asked for.
 */
export function loadTfjs(options: LoadTfjsOptions = {}): Promise<LoadedTfjs> {
  const root = options.root ?? acceleratorRoot();
  const key = `${root}\n${options.want ?? ""}`;
  if (loaded !== undefined && loaded.key !== key) return reuse(loaded.module, options.want);
  loaded ??= { key, module: load(root, options.want) };
  const { module } = loaded;
  module.catch(() => {
    if (loaded?.module === module) loaded = undefined;
  });
  return module;
}

/** A second request with other wishes is met by the first instance or refused; there cannot be two. */
async function reuse(first: Promise<LoadedTfjs>, want: TfjsPackage | undefined): Promise<LoadedTfjs> {
  const there = await first;
  if (want === undefined || there.package === want) return there;
  throw new TrainError(
    "usage",
    `expected one tfjs backend in a process, got a request for ${want} where ${there.package} runs on ${there.device}`,
    { hint: "give learner.backend one value, or run the other in a process of its own" },
  );
}

async function load(root: string, want: TfjsPackage | undefined): Promise<LoadedTfjs> {
  const installed = readInstalled(root);
  const runtime = {
    napi: Number(process.versions.napi),
    arch: process.arch,
    platform: process.platform,
  };
  const part = tfjsPart(installed, runtime, want);
  process.env.TF_FORCE_GPU_ALLOW_GROWTH ??= "true"; // else the first context takes the whole card
  process.env.TF_CPP_MIN_LOG_LEVEL ??= "2";
  if (want === "tfjs-node") process.env.CUDA_VISIBLE_DEVICES = "-1";
  await polyfillUtil();
  const require = createRequire(join(root, "npm", "package.json"));
  let tf: TfjsModule;
  try {
    tf = require(`@tensorflow/${part.package}`) as TfjsModule;
  } catch (error) {
    throw loadError(error, part, root);
  }
  await tf.ready();
  const onGpu = usesGpu(tf);
  if (want === "tfjs-node-gpu" && !onGpu) {
    const cuda = installed.kind === "there" ? installed.manifest.cuda : undefined;
    throw new TrainError("tool", "expected TensorFlow to open an NVIDIA GPU, got the CPU only", {
      details: deviceProblems(root, cuda),
      hint: `train doctor says what is missing; ${SETUP_GPU} mends links, ${root}/env.sh sets the library path`,
    });
  }
  return {
    tf,
    package: onGpu ? "tfjs-node-gpu" : "tfjs-node",
    device: onGpu ? gpuModel() : "cpu",
    versions: {
      tfjs: part.packageVersion,
      tensorflow: part.tensorflow.version,
      cuda: part.tensorflow.cuda ?? null,
      napi: part.binding.napi,
    },
  };
}

/** The package calls two functions that Node 23 removed from `util`. */
async function polyfillUtil(): Promise<void> {
  const util = (await import("node:util")).default as unknown as Record<string, unknown>;
  util.isNullOrUndefined ??= (value: unknown) => value === null || value === undefined;
  util.isArray ??= Array.isArray;
}

function usesGpu(tf: TfjsModule): boolean {
  const backend = tf.backend() as unknown as { isUsingGpuDevice?: boolean };
  if (tf.getBackend() !== "tensorflow" || backend.isUsingGpuDevice === undefined)
    throw new TrainError("bug", `expected the tensorflow backend of tfjs, got ${tf.getBackend()}`);
  return backend.isUsingGpuDevice;
}

function loadError(error: unknown, part: TfjsPart, root: string): TrainError {
  const again = part.package === "tfjs-node-gpu" ? SETUP_GPU : SETUP_CPU_TFJS;
  return new TrainError(
    "tool",
    `@tensorflow/${part.package} in ${root} does not load: ${messageOf(error).split("\n", 1)[0]}`,
    { hint: `scripts/setup --remove-gpu && ${again}`, cause: error },
  );
}
