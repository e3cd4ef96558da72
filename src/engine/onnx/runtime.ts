/**
 * Loads onnxruntime-node and runs built graphs. Telemetry is switched off in the environment before the native module
 * loads (it reads the real environment, so a worker that calls this must share it); thread spinning is off, because the
 * other cores run simulations.
 */

import type * as Ort from "onnxruntime-node";
import { messageOf, TrainError } from "../../core/errors.js";
import { type BuiltGraph, type Dim, evalDim } from "./graph.js";
import type { Provider } from "./provider.js";

export type OrtModule = typeof Ort;
export type Tensor = Ort.Tensor;

let loaded: Promise<OrtModule> | undefined;

export function loadOrt(): Promise<OrtModule> {
  process.env.ORT_DISABLE_TELEMETRY = "1";
  loaded ??= import("onnxruntime-node").then(
    (module) => (module as unknown as { default?: OrtModule }).default ?? (module as unknown as OrtModule),
  );
  return loaded;
}

export type Feeds = Record<string, Tensor>;
export type Outputs = Readonly<Record<string, Tensor>>;

export interface GraphSession {
  /** Values of the symbolic dimensions and the tensors; shape inputs are filled in. */
  run(symbols: Readonly<Record<string, number>>, feeds: Feeds, fetches?: readonly string[]): Promise<Outputs>;
  readonly inputs: ReadonlySet<string>;
  dispose(): Promise<void>;
}

export interface SessionOptions {
  readonly threads: number;
  /** Execution provider; default cpu. One that does not load is an error, not a silent fall back to the CPU. */
  readonly provider?: Provider;
  /**
   * False keeps CUDA's fp32 products exact. The binding passes no provider options on, so the switch is NVIDIA's
   * variable, read when its libraries load: the first CUDA session of the process decides.
   */
  readonly tf32?: boolean;
  /** Writes an ORT profile beside the working directory, for benches. */
  readonly profile?: string;
}

/** One CUDA device is seen by default, device 0: CUDA_VISIBLE_DEVICES picks another. */
const INSTALL: Readonly<Record<Provider, string>> = {
  cpu: "reinstall it: npm ci",
  cuda: "install it: scripts/setup --gpu (train doctor shows what loads), or use ort-cpu",
  webgpu: "a Vulkan driver and libvulkan.so.1 must be installed; or use ort-cpu",
};

/** @throws TrainError "tool" when the provider cannot be loaded: there is no fallback to another */
export async function createSession(
  ort: OrtModule,
  graph: BuiltGraph,
  options: SessionOptions,
): Promise<GraphSession> {
  const provider = options.provider ?? "cpu";
  if (provider === "cuda" && options.tf32 === false) process.env.NVIDIA_TF32_OVERRIDE = "0";
  const settings: Ort.InferenceSession.SessionOptions = {
    executionProviders: [provider],
    graphOptimizationLevel: "all",
    intraOpNumThreads: options.threads,
    interOpNumThreads: 1,
    executionMode: "sequential",
    logSeverityLevel: 3,
    extra: { session: { intra_op: { allow_spinning: "0" } } },
    ...(options.profile !== undefined && { enableProfiling: true, profileFilePrefix: options.profile }),
  };
  const session = await ort.InferenceSession.create(graph.bytes, settings).catch((cause) => {
    if (provider === "cpu") throw cause;
    throw new TrainError("tool", `onnxruntime's ${provider} provider does not load: ${messageOf(cause)}`, {
      hint: INSTALL[provider],
      cause,
    });
  });
  const shapeTensors = new Map<string, Tensor>();
  const shapeTensor = (dims: readonly Dim[], symbols: Readonly<Record<string, number>>): Tensor => {
    const values = dims.map((d) => evalDim(d, symbols));
    const key = values.join();
    let tensor = shapeTensors.get(key);
    if (tensor === undefined) {
      tensor = new ort.Tensor("int64", BigInt64Array.from(values, BigInt), [values.length]);
      shapeTensors.set(key, tensor);
    }
    return tensor;
  };
  return {
    inputs: new Set(graph.inputs.map((input) => input.name)),
    async run(symbols, feeds, fetches) {
      const all: Feeds = { ...feeds };
      for (const [name, dims] of graph.shapes) all[name] = shapeTensor(dims, symbols);
      return (await session.run(all, [...(fetches ?? graph.outputs)])) as Outputs;
    },
    async dispose() {
      if (options.profile !== undefined) session.endProfiling();
      await session.release();
    },
  };
}

/**
 * Why the provider does not load here, in the runtime's words; null when it does. A session over a graph of one node is
 * made, which needs the provider's libraries and its device.
 */
export async function sessionProblem(
  ort: OrtModule,
  provider: Provider,
  probe: BuiltGraph,
  tf32: boolean,
): Promise<string | null> {
  const known = ort.listSupportedBackends().map((backend) => backend.name);
  if (!known.includes(provider)) return `this build of onnxruntime-node knows ${known.join(", ")}`;
  try {
    const session = await createSession(ort, probe, { threads: 1, provider, tf32 });
    await session.dispose();
    return null;
  } catch (thrown) {
    const cause = thrown instanceof TrainError && thrown.cause !== undefined ? thrown.cause : thrown;
    return messageOf(cause).trim().split("\n")[0] ?? "no reason given";
  }
}
