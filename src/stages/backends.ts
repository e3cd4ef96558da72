/** What `learner.backend` and `sampler.backend` come to on this machine, and how a run records it. */

import type { LearnerSection } from "../learner/schema.js";
import { cannotLoad, type LearnerBackend, type SamplerBackend } from "../model/accelerator/backends.js";
import { type Choice, chooseLearner, chooseSampler, type Machine } from "../model/accelerator/choose.js";
import { lookAround } from "../model/accelerator/machine.js";
import type { EngineFacts } from "../model/engine/protocol.js";
import type { SamplerSection } from "../sampler/schema.js";

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
  learner: Pick<LearnerSection, "backend"> | null,
  sampler: Pick<SamplerSection, "backend">,
  parameters: number,
): Promise<Backends> {
  const machine = await lookAround();
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
    sampler: chooseSampler(sampler.backend, machine),
  };
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
