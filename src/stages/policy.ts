/** Opens a policy on the embedded engine: one set of weights, a learner and a sampler over it, each on its own backend. */

import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { isAbsolute, join, resolve } from "node:path";
import { TrainError } from "../core/errors.js";
import type { Handover, Learner, Sampler } from "../core/ports.js";
import { shellWord } from "../core/shell-words.js";
import type { Message, Problem } from "../core/types.js";
import type { PolicyVersion } from "../core/units.js";
import { backendChoices, chooseBackends, engineLabel, planMemory } from "../engine/choices.js";
import { type Engine, startEngine } from "../engine/client.js";
import { embeddedLearner } from "../learner/embedded.js";
import type { LearnerSection } from "../learner/schema.js";
import { type OpenedModel, openModelDir } from "../model/hf.js";
import { countParameters } from "../model/parameters.js";
import { embeddedSampler } from "../sampler/embedded.js";
import type { SamplerSection } from "../sampler/schema.js";
import { loadTokenizer, type Tokenizer } from "../text/tokenizer.js";
import { makeHandover } from "./handover.js";
import type { StageContext } from "./stage.js";

/** Parameters from which products are worth rounding their factors to TF32; smaller models wait for launches instead. */
const TF32_PARAMETERS = 10_000_000;

/** A model with what draws from it and what trains it, whichever engines these are. */
export interface Policy {
  readonly tokenizer: Tokenizer;
  /** Longest row of prompt and completion together, in tokens. */
  readonly contextTokens: number;
  readonly vocabSize: number;
  readonly parameters: number;
  /** null = opened for sampling alone. */
  readonly learner: Learner | null;
  readonly sampler: Sampler;
  /** Brings the learner's weights to the sampler. */
  readonly handover: Handover;
  /** What run records call the engines, and what their `auto` settings came to. */
  readonly label: string;
  readonly choices: Readonly<Record<string, string>>;
  /** Completion ids to text. */
  readonly decode: (ids: Int32Array) => string;
  readonly promptIds: (problem: Problem) => Int32Array;
  close(): Promise<void>;
}

/** A policy that was opened to be trained. */
export interface TrainablePolicy extends Policy {
  readonly learner: Learner;
}

/** A path of a config: absolute, or seen from the working directory, or from the package. */
export function resolvePath(path: string, ctx: Pick<StageContext, "cwd" | "root">): string {
  if (isAbsolute(path)) return path;
  const here = resolve(ctx.cwd, path);
  if (existsSync(here)) return here;
  const shipped = resolve(ctx.root, path);
  return existsSync(shipped) ? shipped : here;
}

/** The directory that a config's `model.path` names. @throws TrainError `data` when there is none */
export function modelDirOf(path: string, ctx: Pick<StageContext, "cwd" | "root">): string {
  const dir = resolvePath(path, ctx);
  if (existsSync(dir)) return dir;
  throw new TrainError("data", `model.path: there is no ${dir}`, {
    hint:
      `name a model's directory, or make this one: scripts/train --stage distill --config distill-primer.yaml distill.out=${shellWord(path)} ` +
      "(distill-primer-gpu.yaml for primer-gpu.yaml)",
  });
}

export interface OpenPolicy {
  /** Model directory; for a model that is made from nothing, its tokenizer's. */
  readonly dir: string;
  /** Default: the model in `dir`. Its weights are read by an engine that holds them in this program, and by no other. */
  readonly model?: OpenedModel;
  /** null = nothing will be trained. */
  readonly learner: LearnerSection | null;
  readonly sampler: SamplerSection;
  /** Tokens of the longest rows that will be trained on, where known. */
  readonly rowTokens?: number;
  /** Told what the engines have to do otherwise than asked. */
  readonly warn: (text: string) => void;
  readonly cores: number;
  /** Sample in a worker of its own, so that the learner can work at the same time. Default: one worker for both. */
  readonly apart?: boolean;
}

export function openPolicy(open: OpenPolicy & { readonly learner: LearnerSection }): Promise<TrainablePolicy>;
export function openPolicy(open: OpenPolicy): Promise<Policy>;
export async function openPolicy(open: OpenPolicy): Promise<Policy> {
  const { dir } = open;
  const [tokenizer, model] = await Promise.all([loadTokenizer(dir), open.model ?? openModelDir(dir)]);
  // A base model's config may not know the token that its chat template ends turns with; both stop a rollout.
  const eosTokenIds = [...new Set([...model.config.eosTokenIds, ...tokenizer.eosIds])];
  const config = { ...model.config, eosTokenIds };
  const parameters = countParameters(config);
  const backends = await chooseBackends(open.learner, open.sampler, parameters);
  // Prompts are about as long as answers at most; a longer row is met by smaller micro-batches.
  const rowTokens = Math.min(config.maxPositionEmbeddings, open.rowTokens ?? 2 * open.sampler.max_tokens);
  const memory = open.learner === null ? null : planMemory(backends, config, open.learner, rowTokens);
  const settings = {
    model: { config, weights: await model.weights() },
    note: open.warn,
    checkpointing: open.learner?.checkpointing ?? ("auto" as const),
    deviceBytes: backends.machine.gpuBytes,
    tf32: parameters >= TF32_PARAMETERS,
    trainThreads: Math.min(open.learner?.threads ?? 1, open.cores),
    sampleThreads: Math.min(open.sampler.threads, open.cores),
    slots: open.sampler.slots,
    maxLength: config.maxPositionEmbeddings,
  };
  const { order: learners } = backends.learner;
  const { order: samplers } = backends.sampler;
  const engine = await startEngine({
    ...settings,
    learner: learners,
    sampler: open.apart ? ["ort-cpu"] : samplers,
  });
  let drawing: Engine | null = null;
  try {
    if (open.apart) drawing = await startEngine({ ...settings, sampler: samplers });
  } catch (thrown) {
    await engine.close();
    throw thrown;
  }
  const facts = [engine.facts, (drawing ?? engine).facts] as const;
  for (const refused of new Set(facts.flatMap((f) => f.refused))) open.warn(refused);
  const learner = open.learner === null ? null : embeddedLearner(engine, { tokenizerDir: dir });
  const { sampler, intake } = embeddedSampler(drawing ?? engine);
  return {
    tokenizer,
    contextTokens: config.maxPositionEmbeddings,
    vocabSize: config.vocabSize,
    parameters,
    learner,
    sampler,
    handover:
      learner === null
        ? nothingToPublish
        : makeHandover(
            {
              learner,
              gives: ["memory"],
              memory: async () => (drawing === null ? null : engine.flatWeights()),
            },
            { intake, takes: ["memory"], weightType: "F32" },
            dir,
          ),
    label: engineLabel(...facts),
    choices: {
      ...backendChoices(backends, ...facts),
      ...(memory !== null && { "learner.memory": memory }),
    },
    decode: (ids) => tokenizer.decode(ids),
    promptIds: promptEncoder(tokenizer),
    close: async () => {
      await drawing?.close();
      await engine.close();
    },
  };
}

const nothingToPublish: Handover = {
  async publish() {
    throw new TrainError(
      "bug",
      "this policy was opened without a learner, so there are no weights to publish",
    );
  },
};

/** Encodes each problem's prompt once. */
function promptEncoder(tokenizer: Tokenizer): (problem: Problem) => Int32Array {
  const prompts = new Map<string, Int32Array>();
  return (problem) => {
    const known = prompts.get(problem.id);
    if (known !== undefined) return known;
    const ids = tokenizer.encodePrompt(problem.prompt);
    prompts.set(problem.id, ids);
    return ids;
  };
}

/** The part of a checkpoint that is the policy: Hugging Face layout for others, fp32 and moments for going on. */
export async function saveCheckpoint(dir: string, { learner }: TrainablePolicy): Promise<void> {
  await mkdir(join(dir, "policy"));
  await mkdir(join(dir, "optimizer"));
  await learner.exportTo(join(dir, "policy"), { dtype: "F32" });
  await learner.save(join(dir, "optimizer"));
}

/** Reads back what `saveCheckpoint` wrote, bit for bit; the sampler keeps what it has. */
export const restoreLearner = (dir: string, { learner }: TrainablePolicy): Promise<void> =>
  learner.restore(join(dir, "optimizer"));

/**
 * Reads back what `saveCheckpoint` wrote, bit for bit, and gives the sampler the same weights.
 * @param version that the loop had published these weights as, so that completions carry the same one again
 */
export async function restoreCheckpoint(
  dir: string,
  policy: TrainablePolicy,
  version: PolicyVersion,
  signal: AbortSignal,
): Promise<void> {
  await restoreLearner(dir, policy);
  await policy.handover.publish(version, signal);
}

/** Every prompt must leave room for an answer. @throws TrainError data naming the first prompts that do not fit */
export function requireRoom(
  policy: Pick<Policy, "contextTokens" | "tokenizer" | "promptIds">,
  problems: readonly Problem[],
  maxTokens: number,
): void {
  const limit = policy.contextTokens;
  const atMost = tokenBound(policy.tokenizer);
  const long = problems.filter(
    (p) => atMost(p.prompt) + maxTokens > limit && policy.promptIds(p).length + maxTokens > limit,
  );
  if (long.length === 0) return;
  const show = long.slice(0, 3).map((p) => `${p.id}: ${policy.promptIds(p).length} tokens`);
  throw new TrainError(
    "data",
    `${long.length} of ${problems.length} prompts leave no room for ${maxTokens} tokens of answer: the model reads ` +
      `${limit} tokens in all`,
    {
      details: show,
      hint: "shorten or drop those problems, lower sampler.max_tokens, or use a model with a longer context",
    },
  );
}

/** Upper bound of a prompt's tokens, without encoding it: a byte-level token holds at least one byte. */
function tokenBound(tokenizer: Tokenizer): (prompt: readonly Message[]) => number {
  const frames = new Map<string, number>();
  return (prompt) => {
    const roles = prompt.map((m) => m.role).join(" ");
    const frame =
      frames.get(roles) ?? tokenizer.encodePrompt(prompt.map((m) => ({ ...m, content: "" }))).length;
    frames.set(roles, frame);
    return prompt.reduce((n, m) => n + Buffer.byteLength(m.content), frame);
  };
}
