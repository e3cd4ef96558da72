/**
 * What `auto` comes to: the backends to try in order, and why the first of them is first. Pure; what a machine has is an
 * argument. The last of an order always is onnxruntime on the CPU, which every install has.
 */

import type { LearnerBackend, SamplerBackend } from "./backends.js";

export interface Machine {
  /** Name of the first NVIDIA GPU that the driver shows; null = none. */
  readonly gpu: string | null;
  /** Bytes of its memory; null = unknown. */
  readonly gpuBytes: number | null;
  /** null = installed; else why not. */
  readonly missing: Readonly<Record<"ort-cuda" | "tfjs-node-gpu", string | null>>;
}

export interface Choice<B> {
  /** To be tried in this order; one entry for a backend asked for by name. */
  readonly order: readonly B[];
  readonly reason: string;
}

const millions = (n: number): string => `${(n / 1e6).toFixed(n < 1e7 ? 2 : 0)} M parameters`;

/**
 * tfjs leads at every size: its gradients and moments stay on the device, while onnxruntime's CUDA learner brings the
 * gradients to the host in every step (docs/gpu-node.md has the figures).
 */
export function chooseLearner(
  asked: LearnerBackend | "auto",
  parameters: number,
  machine: Machine,
): Choice<LearnerBackend> {
  if (asked !== "auto") return { order: [asked], reason: "asked for by name" };
  if (machine.gpu === null) return { order: ["ort-cpu"], reason: "no NVIDIA GPU" };
  const preferred = ["tfjs-node-gpu", "ort-cuda"] as const;
  const there = preferred.filter((b) => machine.missing[b] === null);
  const absent = preferred
    .filter((b) => machine.missing[b] !== null)
    .map((b) => `${b}: ${machine.missing[b]}`);
  return {
    order: [...there, "ort-cpu"],
    reason: [`${machine.gpu}, ${millions(parameters)}`, ...absent].join("; "),
  };
}

export function chooseSampler(
  asked: SamplerBackend | "auto",
  machine: Machine,
  topP = 1,
): Choice<SamplerBackend> {
  if (asked !== "auto") return { order: [asked], reason: "asked for by name" };
  if (machine.gpu === null) return { order: ["ort-cpu"], reason: "no NVIDIA GPU" };
  if (topP !== 1) return { order: ["ort-cpu"], reason: `ort-cuda has no top_p, which is ${topP}` };
  const missing = machine.missing["ort-cuda"];
  return missing === null
    ? { order: ["ort-cuda", "ort-cpu"], reason: machine.gpu }
    : { order: ["ort-cpu"], reason: `${machine.gpu}; ort-cuda: ${missing}` };
}
