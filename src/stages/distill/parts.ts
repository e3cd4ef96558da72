/** What distillation starts from: traces, a fresh or given policy, encoded rows, the trainer over them. */

import { existsSync } from "node:fs";
import { join } from "node:path";
import { TrainError } from "../../core/errors.js";
import type { Clock } from "../../core/ports.js";
import { makeRng } from "../../core/rng.js";
import type { Message } from "../../core/types.js";
import { readTraces } from "../../data/jsonl.js";
import { primerTexts } from "../../data/primer/index.js";
import { type SftRow, SftSchedule } from "../../data/sft.js";
import type { Qwen2Config } from "../../model/config.js";
import { initWeights } from "../../model/parameters.js";
import type { ArchitectureSection } from "../../model/schema.js";
import { systemPromptOf, withSystemPrompt } from "../../text/system-prompt.js";
import { loadTokenizer } from "../../text/tokenizer.js";
import { saveTokenizer, trainTokenizer } from "../../text/tokenizer-files.js";
import { distillStateOfFormat1 } from "../format-1.js";
import { modelDirOf, openPolicy, type Policy, resolvePath, type TrainablePolicy } from "../policy.js";
import { hyperOf } from "../rl/options.js";
import type { StateForm } from "../saved-state.js";
import type { DistillConfig } from "../schema.js";
import type { Session } from "../session.js";
import type { StageContext } from "../stage.js";
import { type SftState, SftTrainer, sftStateSchema } from "./trainer.js";

export interface Trace {
  readonly prompt: readonly Message[];
  readonly completion: string;
}

/** Traces of the teacher, with the system prompt that the problems get. */
export async function loadTraces(config: DistillConfig, ctx: StageContext): Promise<readonly Trace[]> {
  const traces = await readOrMake(config, ctx);
  const system = systemPromptOf(config.data.system_prompt);
  return system === null ? traces : traces.map((t) => ({ ...t, prompt: withSystemPrompt(t.prompt, system) }));
}

async function readOrMake(config: DistillConfig, ctx: StageContext): Promise<readonly Trace[]> {
  const { distill, data, run } = config;
  if (data.source === "primer") {
    return [
      ...primerTexts({
        seed: run.seed,
        count: distill.samples,
        rlOnlyShare: distill.rl_only_share,
        level: data.level,
      }),
    ];
  }
  if (distill.path === null) {
    throw new TrainError("config", "distill.path is not set, so there are no traces to learn from", {
      hint: 'name a .jsonl file with one {"prompt": …, "completion": …} a line: distill.path=traces.jsonl',
    });
  }
  return readTraces(resolvePath(distill.path, ctx));
}

/** From scratch: a tokenizer trained on the traces and fresh weights. Else the model that is named. */
export async function makePolicy(
  config: DistillConfig,
  ctx: StageContext,
  session: Session,
  traces: readonly Trace[],
): Promise<TrainablePolicy> {
  const open = {
    learner: config.learner,
    sampler: config.sampler,
    cores: ctx.cores,
    rowTokens: config.distill.batch_tokens,
    warn: (text: string) => ctx.reporter.warn(text),
  };
  if (config.distill.init === "model") {
    return openPolicy({ ...open, dir: modelDirOf(config.model.path, ctx) });
  }
  const a = config.architecture;
  const dir = session.dir.file("tokenizer");
  if (!existsSync(join(dir, "tokenizer.json"))) {
    const texts = traces
      .slice(0, config.distill.tokenizer_samples)
      .flatMap((t) => [...t.prompt.map((m) => m.content), t.completion]);
    await saveTokenizer(dir, trainTokenizer(texts, a.vocab_size, a.max_length));
  }
  const tokenizer = await loadTokenizer(dir);
  const model = shapeOf(a, tokenizer.vocabSize, tokenizer.eosIds);
  const weights = async () => initWeights(model, makeRng(config.run.seed).fork("weights"));
  return openPolicy({ ...open, dir, model: { config: model, weights } });
}

export const shapeOf = (
  a: ArchitectureSection,
  vocabSize: number,
  eosTokenIds: readonly number[],
): Qwen2Config => ({
  vocabSize,
  hiddenSize: a.hidden_size,
  numLayers: a.layers,
  numHeads: a.heads,
  numKvHeads: a.kv_heads,
  headDim: a.hidden_size / a.heads,
  intermediateSize: a.intermediate_size,
  ropeTheta: a.rope_theta,
  rmsNormEps: 1e-6,
  tieWordEmbeddings: true,
  maxPositionEmbeddings: a.max_length,
  eosTokenIds,
  initializerRange: 0.02,
});

/** Encodes a trace when its turn comes; a trace that does not fit the context is an error that names it. */
export function rowsOf(traces: readonly Trace[], policy: Policy, batchTokens: number): (i: number) => SftRow {
  const limit = Math.min(policy.contextTokens, batchTokens);
  const { tokenizer } = policy;
  // Encoding a text takes as long as training on it, and a teacher repeats itself.
  const known = new Map<string, Int32Array>();
  const memo = (key: string, encode: () => Int32Array): Int32Array => {
    const ids = known.get(key) ?? encode();
    known.set(key, ids);
    return ids;
  };
  return (i) => {
    const trace = traces[i]!;
    const row = {
      promptIds: memo(`p${JSON.stringify(trace.prompt)}`, () => tokenizer.encodePrompt(trace.prompt)),
      completionIds: memo(`c${trace.completion}`, () => tokenizer.encodeCompletion(trace.completion)),
    };
    const length = row.promptIds.length + row.completionIds.length;
    if (length > limit) {
      throw new TrainError("data", `trace ${i + 1} has ${length} tokens, more than the ${limit} that fit`, {
        hint: "drop long traces, or raise architecture.max_length and distill.batch_tokens",
      });
    }
    return row;
  };
}

export interface OpenedTrainer {
  readonly trainer: SftTrainer;
  /** How its state goes into checkpoints. */
  readonly form: StateForm<SftState>;
}

/** Everything random in it comes from `run.seed`. */
export function openTrainer(
  config: DistillConfig,
  policy: TrainablePolicy,
  traces: readonly Trace[],
  clock: Clock,
): OpenedTrainer {
  const { learner, distill } = config;
  const { steps, batch_tokens: batchTokens } = distill;
  const rng = makeRng(config.run.seed).fork("order");
  const schedule = new SftSchedule(traces.length, rowsOf(traces, policy, batchTokens), batchTokens, rng);
  const lr = {
    peak: learner.lr,
    warmupSteps: learner.warmup_steps,
    kind: learner.schedule,
    finalRatio: learner.final_lr_ratio,
    totalSteps: steps,
  };
  return {
    trainer: new SftTrainer({ lr, hyper: hyperOf(learner) }, { learner: policy.learner, schedule, clock }),
    form: {
      stage: "distill",
      version: ({ step }) => step,
      pack: (state) => ({ json: state, arrays: {} }),
      unpack: ({ json }) => sftStateSchema.parse(json),
      fromFormat1: (extra, step) => distillStateOfFormat1(extra, step, schedule, steps),
    },
  };
}
