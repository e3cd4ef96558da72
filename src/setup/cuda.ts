/**
 * Pure: which CUDA libraries a host has, which names TensorFlow and onnxruntime look for, and which links bridge the two.
 *
 * TensorFlow 2.21 is built for CUDA 12 and opens its libraries by name, without symbol versions; libraries of CUDA 13 serve
 * it under CUDA 12 names, all but the runtime, which must be the real one. onnxruntime's wheel is linked to CUDA 13.
 */

import { TrainError } from "../core/errors.js";
import { ORT_CUDA_MAJOR, TENSORFLOW_CUDA } from "./pins.js";

export interface Gpu {
  readonly name: string;
  /** 9.0 for Hopper. */
  readonly capability: number;
}

export interface Host {
  readonly gpus: readonly Gpu[];
  /** Version of the driver, e.g. 580.95; undefined when there is none. */
  readonly driver?: string;
  /** Name of a library, e.g. `libcublas.so.13`, and the first path it was found at. */
  readonly libraries: ReadonlyMap<string, string>;
}

/** A name TensorFlow opens, and what serves under it, best first. */
interface Wanted {
  readonly name: string;
  readonly servedBy: readonly string[];
  /** Without it TensorFlow opens no GPU; the others it can do without. */
  readonly required: boolean;
  readonly pip: string;
}

const CUDART = "libcudart.so.12";
const same = (name: string, required: boolean, pip: string): Wanted => ({
  name,
  servedBy: [name],
  required,
  pip,
});
const TENSORFLOW_NAMES: readonly Wanted[] = [
  {
    name: "libcublas.so.12",
    servedBy: ["libcublas.so.12", "libcublas.so.13"],
    required: true,
    pip: "nvidia-cublas",
  },
  {
    name: "libcublasLt.so.12",
    servedBy: ["libcublasLt.so.12", "libcublasLt.so.13"],
    required: true,
    pip: "nvidia-cublas",
  },
  {
    name: "libcufft.so.11",
    servedBy: ["libcufft.so.11", "libcufft.so.12"],
    required: true,
    pip: "nvidia-cufft",
  },
  {
    name: "libcusolver.so.11",
    servedBy: ["libcusolver.so.11", "libcusolver.so.12"],
    required: true,
    pip: "nvidia-cusolver",
  },
  same("libcusparse.so.12", true, "nvidia-cusparse"),
  same("libcudnn.so.9", true, "nvidia-cudnn-cu13"),
  same("libcurand.so.10", false, "nvidia-curand"),
  same("libnccl.so.2", false, "nvidia-nccl-cu13"),
  {
    name: "libcupti.so.12",
    servedBy: ["libcupti.so.12", "libcupti.so.13"],
    required: false,
    pip: "nvidia-cuda-cupti",
  },
];
/** What onnxruntime's provider is linked to or opens: the wheel's of CUDA 13, or its own installer's of CUDA 12. */
const ORT_NAMES: Readonly<Record<12 | 13, readonly Wanted[]>> = {
  13: [
    same("libcublas.so.13", true, "nvidia-cublas"),
    same("libcublasLt.so.13", true, "nvidia-cublas"),
    same("libcudart.so.13", true, "nvidia-cuda-runtime"),
    same("libcurand.so.10", true, "nvidia-curand"),
    same("libcudnn.so.9", true, "nvidia-cudnn-cu13"),
    same("libcufft.so.12", false, "nvidia-cufft"),
  ],
  12: [
    same("libcublas.so.12", true, "nvidia-cublas-cu12"),
    same("libcublasLt.so.12", true, "nvidia-cublas-cu12"),
    same("libcudart.so.12", true, "nvidia-cuda-runtime-cu12"),
    same("libcurand.so.10", true, "nvidia-curand-cu12"),
    same("libcudnn.so.9", true, "nvidia-cudnn-cu12"),
    same("libcufft.so.11", false, "nvidia-cufft-cu12"),
  ],
};

export interface Links {
  /** CUDA major version that serves. */
  readonly major: 12 | 13;
  readonly links: readonly { readonly name: string; readonly target: string }[];
  /** Folders for the library path. */
  readonly dirs: readonly string[];
  /** The CUDA 12 runtime is to be fetched: the host has none. */
  readonly fetchRuntime: boolean;
}

export type Use = "tfjs" | "ort-cuda";

/** @throws TrainError `tool` naming every library that is missing and the packages that hold them. */
export function planLinks(host: Host, uses: readonly Use[]): Links {
  const major = majorOf(host);
  const wanted = [
    ...(uses.includes("tfjs") ? TENSORFLOW_NAMES : []),
    ...(uses.includes("ort-cuda") ? ORT_NAMES[major] : []),
  ];
  const links = new Map<string, string>();
  const gone: Wanted[] = [];
  for (const one of wanted) {
    const by = one.servedBy.find((name) => host.libraries.has(name));
    if (by !== undefined) links.set(one.name, host.libraries.get(by)!);
    else if (one.required) gone.push(one);
  }
  if (gone.length > 0) throw missingLibraries(host, gone);
  const runtime = host.libraries.get(CUDART);
  if (runtime !== undefined && uses.includes("tfjs")) links.set(CUDART, runtime);
  const dirs = [...new Set([...links.values()].map((path) => path.slice(0, path.lastIndexOf("/"))))];
  return {
    major,
    links: [...links].map(([name, target]) => ({ name, target })),
    // The linker looks in the system's folders by itself; put first they would hide what the user put before them.
    dirs: dirs.filter((d) => !/^\/(?:usr\/)?lib(?:\d+|\/|$)/.test(d)),
    fetchRuntime: runtime === undefined && uses.includes("tfjs"),
  };
}

/** CUDA 12 where that alone is there, else 13. */
const majorOf = ({ libraries }: Host): 12 | 13 =>
  libraries.has("libcublas.so.12") && !libraries.has("libcublas.so.13") ? 12 : 13;

function missingLibraries(host: Host, gone: readonly Wanted[]): TrainError {
  const other = [...host.libraries.keys()].filter((name) =>
    gone.some((w) => name.startsWith(`${w.name.split(".so")[0]}.so.`) && !w.servedBy.includes(name)),
  );
  return new TrainError(
    "tool",
    `expected CUDA ${TENSORFLOW_CUDA.major} or ${ORT_CUDA_MAJOR} libraries, got none of: ${[...new Set(gone.map((w) => w.servedBy.join(" or ")))].join(", ")}`,
    {
      details: other.length === 0 ? [] : [`there is another major version: ${other.join(", ")}`],
      hint:
        `python3 -m pip install ${[...new Set(gone.map((w) => w.pip))].join(" ")}, then run it again; ` +
        "or name their folders: --cuda DIR[:DIR...]",
    },
  );
}

/** @throws TrainError `tool`: no GPU, a card or a driver that is too old. */
export function requireGpu(host: Host, uses: readonly Use[]): Gpu {
  const [gpu] = host.gpus;
  if (host.driver === undefined || gpu === undefined)
    throw new TrainError("tool", "expected an NVIDIA GPU with its driver, got none", {
      hint: "nvidia-smi must list the card. Without one: scripts/setup --cpu-tfjs; to pack for another host: scripts/setup --bundle DIR",
    });
  const driver = Number.parseInt(host.driver, 10);
  const needed = uses.includes("ort-cuda") && majorOf(host) === 13 ? 580 : TENSORFLOW_CUDA.minDriver;
  if (driver < needed)
    throw new TrainError(
      "tool",
      `expected an NVIDIA driver of ${needed} or newer (CUDA ${needed >= 580 ? 13 : 12}), got ${host.driver}`,
      {
        hint: `install a newer driver${needed === 580 ? ", or set up tfjs alone, which needs 525: scripts/setup --gpu --only tfjs" : ""}`,
      },
    );
  if (gpu.capability < TENSORFLOW_CUDA.minCapability)
    throw new TrainError(
      "tool",
      `expected compute capability ${TENSORFLOW_CUDA.minCapability.toFixed(1)} or higher, got ${gpu.capability.toFixed(1)} (${gpu.name})`,
      { hint: "this card is older than the libraries' code; use the CPU: scripts/setup --cpu-tfjs" },
    );
  return gpu;
}
