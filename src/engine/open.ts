/** Opens the first backend of each order that loads, inside the engine's thread, and says why others did not. */

import { messageOf, TrainError } from "../core/errors.js";
import {
  cannotLoad,
  type LearnerBackend,
  type OrtBackend,
  providerOf,
  type TfjsBackend,
} from "./accelerator/backends.js";
import { makeGraph } from "./onnx/graph.js";
import { type OrtModule, sessionProblem } from "./onnx/runtime.js";
import type { Kernels } from "./tfjs/kernels.js";
import { openKernels } from "./tfjs/open.js";

/** A backend at work. */
export interface Running {
  readonly backend: LearnerBackend;
  readonly runtime: string; // "onnxruntime-node 1.30.0"
  readonly device: string;
}

export interface Opened<T> {
  readonly value: T;
  readonly backend: LearnerBackend;
  /** Why earlier ones of the order were passed over. */
  readonly refused: readonly string[];
}

/**
 * @param open throws TrainError `tool` where the backend cannot load
 * @throws the last of the order's refusals when none loads; anything else at once
 */
export async function openFirst<B extends LearnerBackend, T>(
  order: readonly B[],
  open: (backend: B) => Promise<T>,
): Promise<Opened<T>> {
  const refused: string[] = [];
  for (const [i, backend] of order.entries()) {
    try {
      return { value: await open(backend), backend, refused };
    } catch (thrown) {
      if (!(thrown instanceof TrainError && thrown.code === "tool") || i === order.length - 1) throw thrown;
      refused.push(messageOf(thrown));
    }
  }
  throw new TrainError("bug", "no backend to open was named");
}

/** @throws TrainError `tool` when the execution provider does not load */
export async function checkProvider(
  ort: OrtModule,
  key: "learner.backend" | "sampler.backend",
  backend: OrtBackend,
  tf32: boolean,
): Promise<void> {
  const provider = providerOf(backend);
  if (provider === "cpu") return;
  const g = makeGraph();
  g.output(g.op("Neg", [g.input("x", "float32", [1])]), "y");
  const problem = await sessionProblem(ort, provider, g.finish(), tf32);
  if (problem !== null) throw cannotLoad(key, backend, problem);
}

/** @throws TrainError `tool` when tfjs-node is not installed, does not load, or sees no GPU where one is asked for */
export async function openTfjs(backend: TfjsBackend): Promise<Kernels> {
  try {
    return await openKernels(backend);
  } catch (thrown) {
    if (!(thrown instanceof TrainError && thrown.code === "tool")) throw thrown;
    throw cannotLoad("learner.backend", backend, [thrown.message, ...thrown.details].join("; "), thrown.hint);
  }
}
