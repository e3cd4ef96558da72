/** What `learner.backend` and `sampler.backend` come to on this machine, and how a run records it. */

import { TrainError } from "../core/errors.js";
import type { Qwen2Config } from "../model/config.js";
import { cannotLoad, type LearnerBackend, type SamplerBackend } from "./accelerator/backends.js";
import { type Choice, chooseLearner, chooseSampler, type Machine } from "./accelerator/choose.js";
import { lookAround } from "./accelerator/machine.js";
import { memoryPlan } from "./accelerator/memory.js";
import type { EngineFacts, WorkerSettings } from "./protocol.js";

/** What a learner's config says of the embedded engine, in the config's own keys. */
export interface LearnerHalf extends Pick<WorkerSettings, "checkpointing"> {
  readonly backend: LearnerBackend | "auto";
  readonly threads: number;
  readonly micro_batch_tokens: number;
}

/** The same of a sampler's. */
export interface SamplerHalf extends Pick<WorkerSettings, "slots"> {
  readonly backend: SamplerBackend | "auto";
  readonly threads: number;
  readonly top_p: number;
}

export interface Backends {
  readonly learner: Choice<LearnerBackend>;
  readonly sampler: Choice<SamplerBackend>;
  readonly machine: Machine;
}

/**
 * @param learner null = nothing will be trained, so the learner stays on the CPU
 * @throws TrainError `tool` when one is asked for by name that is not installed
 */
export async function chooseBackends(
  learner: Pick<LearnerHalf, "backend"> | null,
  sampler: Pick<SamplerHalf, "backend" | "top_p">,
  parameters: number,
  look: () => Promise<Machine> = lookAround,
): Promise<Backends> {
  const machine = await look();
  const refuse = (key: string, backend: LearnerBackend | "auto"): void => {
    if (backend !== "ort-cuda" && backend !== "tfjs-node-gpu") return;
    if (machine.gpu === null) {
      const why = "the driver's tool nvidia-smi shows no GPU";
      throw cannotLoad(key, backend, why, `install the NVIDIA driver, or leave the choice to ${key}=auto`);
    }
    const missing = machine.missing[backend];
    if (missing !== null) throw cannotLoad(key, backend, missing);
  };
  refuse("learner.backend", learner?.backend ?? "auto");
  refuse("sampler.backend", sampler.backend);
  return {
    machine,
    learner:
      learner === null
        ? { order: ["ort-cpu"], reason: "nothing is trained" }
        : chooseLearner(learner.backend, parameters, machine),
    sampler: chooseSampler(sampler.backend, machine, sampler.top_p),
  };
}

/**
 * What training takes of the GPU's memory, where the learner may run on one; null where it does not.
 * @param rowTokens of the longest rows that are expected
 * @throws TrainError `tool` when the GPU cannot hold it, before anything is started
 */
export function planMemory(
  { learner, machine }: Backends,
  config: Qwen2Config,
  section: Pick<LearnerHalf, "micro_batch_tokens" | "checkpointing">,
  rowTokens: number,
): string | null {
  const first = learner.order[0]!;
  if (first !== "tfjs-node-gpu" && first !== "ort-cuda") return null;
  const mode = first === "ort-cuda" ? "off" : section.checkpointing;
  const plan = memoryPlan(config, section.micro_batch_tokens, rowTokens, mode, machine.gpuBytes);
  const gib = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(bytes < 2 ** 30 ? 2 : 1)} GiB`;
  const text =
    `weights ${gib(plan.weights)}, gradients ${gib(plan.gradients)}, moments ${gib(plan.moments)}, activations of ` +
    `${section.micro_batch_tokens} tokens in rows of ${rowTokens} ${gib(plan.activations)}${plan.again ? " (made again in the backward pass)" : ""}: ` +
    `${gib(plan.total)} of ${machine.gpuBytes === null ? "an unknown number of" : gib(machine.gpuBytes)}`;
  if (machine.gpuBytes !== null && plan.total > machine.gpuBytes) {
    throw new TrainError("tool", `${machine.gpu} cannot hold this training: ${text}`, {
      hint:
        plan.total - plan.activations > machine.gpuBytes
          ? "use a smaller model, or a GPU with more memory"
          : "lower learner.micro_batch_tokens, set learner.checkpointing=on, or shorten the rows",
    });
  }
  return text;
}

/** The engine as run records name it. */
export const engineLabel = (learner: EngineFacts, sampler: EngineFacts): string =>
  `embedded (learner ${learner.learner.backend}, sampler ${sampler.sampler.backend})`;

/** For the run record: what was chosen, on which device, and why. */
export function backendChoices(
  backends: Backends,
  learner: EngineFacts,
  sampler: EngineFacts,
): Readonly<Record<string, string>> {
  const say = (
    { backend, runtime, device }: EngineFacts["learner"],
    reason: string,
    refused: readonly string[],
  ) => [`${backend} (${runtime}, ${device}): ${reason}`, ...refused].join("; ");
  return {
    "learner.backend": say(
      learner.learner,
      backends.learner.reason,
      learner.refused.filter((r) => r.startsWith("learner.")),
    ),
    "sampler.backend": say(
      sampler.sampler,
      backends.sampler.reason,
      sampler.refused.filter((r) => r.startsWith("sampler.")),
    ),
  };
}
