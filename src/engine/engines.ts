/**
 * The embedded engines of one policy: one worker thread whose learner and sampler share the weights, or a worker for each
 * where both must compute at the same time. Who shares memory with whom is decided here and known nowhere else.
 */

import { TrainError } from "../core/errors.js";
import type { Qwen2Config } from "../model/config.js";
import { countParameters, type Weights } from "../model/parameters.js";
import {
  type Backends,
  backendChoices,
  chooseBackends,
  engineLabel,
  type LearnerHalf,
  planMemory,
  type SamplerHalf,
} from "./choices.js";
import { type Engine, startEngine } from "./client.js";

/** Parameters from which products are worth rounding their factors to TF32; smaller models wait for launches instead. */
const TF32_PARAMETERS = 10_000_000;

/** What an engine is opened for. */
export interface Opening {
  /** Directory of the tokenizer's files, and of the model's where it was not made from nothing. */
  readonly dir: string;
  readonly config: Qwen2Config;
  /** The embedded engines, where one of the pair asked for them. */
  readonly embedded: EmbeddedEngines | null;
  /** Told what an engine has to do otherwise than asked. */
  readonly warn: (text: string) => void;
}

export interface EmbeddedEngines {
  /** The same engine twice where learner and sampler share the weights. */
  readonly learner: Engine;
  readonly sampler: Engine;
  /** What run records call them, and what their settings came to. */
  readonly label: string;
  readonly choices: Readonly<Record<string, string>>;
  /** Those that belong to one section of the config. */
  choicesOf(section: "learner" | "sampler"): Readonly<Record<string, string>>;
  close(): Promise<void>;
}

export interface EmbeddedSettings {
  readonly config: Qwen2Config;
  /** null = the learner is another engine, or nothing is trained. */
  readonly learner: LearnerHalf | null;
  /** null = the sampler is another engine. */
  readonly sampler: SamplerHalf | null;
  /** Tokens of the longest rows that will be trained on. */
  readonly rowTokens: number;
}

export interface EmbeddedPlan {
  readonly backends: Backends;
  /** What training takes of a GPU's memory; null = it does not run on one. */
  readonly memory: string | null;
}

/** What the settings come to on this machine. @throws TrainError `tool` when it lacks what they ask for */
export async function planEmbedded(settings: EmbeddedSettings): Promise<EmbeddedPlan> {
  const { config, learner, sampler } = settings;
  const elsewhere = { backend: "ort-cpu", top_p: 1 } as const;
  const backends = await chooseBackends(learner, sampler ?? elsewhere, countParameters(config));
  // A row that turns out longer is met by smaller micro-batches.
  const rowTokens = Math.min(config.maxPositionEmbeddings, settings.rowTokens);
  return { backends, memory: learner === null ? null : planMemory(backends, config, learner, rowTokens) };
}

export interface OpenEmbedded extends EmbeddedSettings {
  readonly weights: Weights;
  readonly cores: number;
  /** A worker for each half. */
  readonly apart: boolean;
  readonly warn: (text: string) => void;
}

/** @throws TrainError `tool` when a backend that is asked for is not there, `worker` when the runtime does not load */
export async function openEmbedded(open: OpenEmbedded): Promise<EmbeddedEngines> {
  const { config, weights, learner, sampler, cores, warn } = open;
  const { backends, memory } = await planEmbedded(open);
  const settings = {
    model: { config, weights },
    note: warn,
    checkpointing: learner?.checkpointing ?? ("auto" as const),
    deviceBytes: backends.machine.gpuBytes,
    tf32: countParameters(config) >= TF32_PARAMETERS,
    trainThreads: Math.min(learner?.threads ?? 1, cores),
    sampleThreads: Math.min(sampler?.threads ?? 1, cores),
    slots: sampler?.slots ?? null,
    maxLength: config.maxPositionEmbeddings,
  };
  const { order: learners } = backends.learner;
  const { order: samplers } = backends.sampler;
  const first = await startEngine({
    ...settings,
    learner: learners,
    sampler: open.apart ? ["ort-cpu"] : samplers,
  });
  let second: Engine | null = null;
  try {
    if (open.apart) second = await startEngine({ ...settings, sampler: samplers });
  } catch (thrown) {
    await first.close();
    throw thrown;
  }
  const facts = [first.facts, (second ?? first).facts] as const;
  for (const refused of new Set(facts.flatMap((f) => f.refused))) warn(refused);
  const choices: Readonly<Record<string, string>> = {
    ...backendChoices(backends, ...facts),
    ...(memory !== null && { "learner.memory": memory }),
  };
  return {
    learner: first,
    sampler: second ?? first,
    label: engineLabel(...facts),
    choices,
    choicesOf: (section) =>
      Object.fromEntries(Object.entries(choices).filter(([key]) => key.startsWith(`${section}.`))),
    async close() {
      await second?.close();
      await first.close();
    },
  };
}

/** For engines that asked for their half. */
export function embeddedOf({ embedded }: Opening): EmbeddedEngines {
  if (embedded === null) throw new TrainError("bug", "the embedded engine was not asked for");
  return embedded;
}
