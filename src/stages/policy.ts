/** Opens a policy: a model's tokenizer and limits, with the learner and the sampler that the config names. */

import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { isAbsolute, join, resolve } from "node:path";
import { TrainError } from "../core/errors.js";
import type { Handover, Learner, Sampler } from "../core/ports.js";
import { shellWord } from "../core/shell-words.js";
import type { Message, Problem } from "../core/types.js";
import type { PolicyVersion } from "../core/units.js";
import { type EmbeddedEngines, openEmbedded, planEmbedded } from "../engine/engines.js";
import { type LearnerSection, learnerEngine } from "../learner/index.js";
import type { Qwen2Config } from "../model/config.js";
import { type OpenedModel, openModelDir } from "../model/hf.js";
import { countParameters } from "../model/parameters.js";
import { type SamplerSection, samplerEngine } from "../sampler/index.js";
import { loadTokenizer, type Tokenizer } from "../text/tokenizer.js";
import { makeHandover, type OpenedHandover } from "./handover.js";
import type { StageContext } from "./stage.js";

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
  const { learner: learnerSection, sampler: samplerSection, warn } = open;
  const opened: (() => Promise<void>)[] = [];
  const close = async (): Promise<void> => {
    for (const end of opened.splice(0).reverse()) await end();
  };
  try {
    const embedded = await openHalves(open, config, model);
    if (embedded !== null) opened.push(embedded.close);
    const opening = { dir, config, embedded, warn };
    const learner =
      learnerSection === null ? null : await learnerEngine(learnerSection).open(learnerSection, opening);
    if (learner !== null) opened.push(learner.learner.close);
    const sampler = await samplerEngine(samplerSection).open(samplerSection, opening);
    opened.push(sampler.sampler.close);
    const handover =
      learnerSection === null || learner === null
        ? nothingToPublish
        : makeHandover(
            { ...learner, gives: learnerEngine(learnerSection).gives },
            { ...sampler, ...samplerEngine(samplerSection) },
            tmpdir(),
          );
    opened.push(handover.close);
    const whole = embedded !== null && isEmbedded(open) ? embedded : null;
    const limits = [config.maxPositionEmbeddings, sampler.sampler.info.maxLength];
    return {
      tokenizer,
      contextTokens: Math.min(...limits, learner?.learner.info.maxLength ?? Number.POSITIVE_INFINITY),
      vocabSize: config.vocabSize,
      parameters: countParameters(config),
      learner: learner?.learner ?? null,
      sampler: sampler.sampler,
      handover,
      label: whole?.label ?? `learner ${learner?.label ?? "none"}, sampler ${sampler.label}`,
      choices: whole?.choices ?? { ...learner?.choices, ...sampler.choices },
      decode: (ids) => tokenizer.decode(ids),
      promptIds: promptEncoder(tokenizer),
      close,
    };
  } catch (thrown) {
    await close();
    throw thrown;
  }
}

type Sections = Pick<OpenPolicy, "learner" | "sampler" | "rowTokens">;

/** What the two sections ask of the embedded engine; prompts are about as long as answers at most. */
const halvesOf = ({ learner, sampler, rowTokens }: Sections, config: Qwen2Config) => ({
  config,
  learner: learner === null ? null : (learnerEngine(learner).half?.(learner) ?? null),
  sampler: samplerEngine(sampler).half?.(sampler) ?? null,
  rowTokens: rowTokens ?? 2 * sampler.max_tokens,
});

/** Whether every part of the policy runs on the embedded engine. */
const isEmbedded = ({ learner, sampler }: Sections): boolean =>
  samplerEngine(sampler).half !== undefined &&
  (learner === null || learnerEngine(learner).half !== undefined);

/** Starts the embedded engines where a section asks for them: only then are weights read into this program. */
async function openHalves(
  open: OpenPolicy,
  config: Qwen2Config,
  model: OpenedModel,
): Promise<EmbeddedEngines | null> {
  const halves = halvesOf(open, config);
  if (halves.learner === null && halves.sampler === null) return null;
  const { cores, warn, apart = false } = open;
  // Two workers are for two halves; another engine works beside the embedded one anyway.
  const both = halves.learner !== null && halves.sampler !== null;
  return openEmbedded({ ...halves, weights: await model.weights(), cores, warn, apart: apart && both });
}

/**
 * What the engines' settings come to, in words, without starting anything.
 * @throws TrainError `tool` when the machine lacks what they ask for
 */
export async function planEngines(
  sections: Sections,
  config: Qwen2Config,
): Promise<Readonly<Record<"learner" | "sampler", string>> & { readonly memory: string | null }> {
  const { learner, sampler } = sections;
  const halves = halvesOf(sections, config);
  const plan = halves.learner === null && halves.sampler === null ? null : await planEmbedded(halves);
  const say = (half: object | null, engine: string, choice?: { order: readonly string[]; reason: string }) =>
    half === null || choice === undefined ? engine : `${choice.order[0]}: ${choice.reason}`;
  return {
    learner: say(halves.learner, learner?.engine ?? "none", plan?.backends.learner),
    sampler: say(halves.sampler, sampler.engine, plan?.backends.sampler),
    memory: plan?.memory ?? null,
  };
}

const nothingToPublish: OpenedHandover = {
  async publish() {
    throw new TrainError(
      "bug",
      "this policy was opened without a learner, so there are no weights to publish",
    );
  },
  async close() {},
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
