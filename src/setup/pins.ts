/** What is downloaded, to the version and the hash. A changed file at the registry is refused, not used. */

export interface WheelPin {
  /** Name on PyPI. */
  readonly name: string;
  readonly version: string;
  readonly file: string;
  readonly sha256: string;
  readonly bytes: number;
  /** Tags for `pip download`, so that the pinned file is chosen whatever Python runs pip. */
  readonly python: string;
  readonly platform: string;
}

const TENSORFLOW = "2.21.0";
const CP312 = "cp312-cp312-manylinux_2_27_x86_64";

export const TENSORFLOW_CPU: WheelPin = {
  name: "tensorflow-cpu",
  version: TENSORFLOW,
  file: `tensorflow_cpu-${TENSORFLOW}-${CP312}.whl`,
  sha256: "dcc8afd32930e42d5296b6ee19078b773706830af4ea97fbe503b9f5e0f820cb",
  bytes: 274_000_871,
  python: "3.12",
  platform: "manylinux_2_27_x86_64",
};

export const TENSORFLOW_GPU: WheelPin = {
  name: "tensorflow",
  version: TENSORFLOW,
  file: `tensorflow-${TENSORFLOW}-${CP312}.whl`,
  sha256: "b3b95643c4e70eb925839938fb35cbe142f317ec84af6844ee61513713bb13c0",
  bytes: 572_611_111,
  python: "3.12",
  platform: "manylinux_2_27_x86_64",
};

/** Holds `libcudart.so.12` itself; the other CUDA 12 names can be links to CUDA 13 libraries. */
export const CUDART_12: WheelPin = {
  name: "nvidia-cuda-runtime-cu12",
  version: "12.9.79",
  file: "nvidia_cuda_runtime_cu12-12.9.79-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl",
  sha256: "25bba2dfb01d48a9b59ca474a1ac43c6ebf7011f1b0b8cc44f54eb6ac48a96c3",
  bytes: 3_493_179,
  python: "3.12",
  platform: "manylinux2014_x86_64",
};

/** By version of onnxruntime-node: the provider must be of exactly that version. */
export const ORT_CUDA: Readonly<Record<string, WheelPin>> = {
  "1.30.0": {
    name: "onnxruntime-gpu",
    version: "1.30.0",
    file: "onnxruntime_gpu-1.30.0-cp312-cp312-manylinux_2_28_x86_64.whl",
    sha256: "6acc0f4b3d5ac5f2984432faa59dd8fcce6775f8b43a7140afa0f322c7a703b1",
    bytes: 246_685_715,
    python: "3.12",
    platform: "manylinux_2_28_x86_64",
  },
};
/** CUDA major version the provider of these wheels is linked against. */
export const ORT_CUDA_MAJOR = 13;

/** What TensorFlow's GPU wheel was built for. */
export const TENSORFLOW_CUDA = {
  version: "12.5",
  major: 12,
  cudnnMajor: 9,
  /** Lowest compute capability with kernels in the library. */
  minCapability: 6.0,
  /** Lowest Linux driver of CUDA 12's minor-version compatibility. */
  minDriver: 525,
} as const;

export const TFJS_VERSION = "4.22.0";
export const NODE_API_HEADERS_VERSION = "1.9.0";
/** N-API version the binding is compiled for: Node 18.17 and everything since. */
export const BINDING_NAPI = 8;
