/** What distillation starts from and ends with: traces, a fresh or given policy, encoded rows, the written model. */

import { existsSync } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { TrainError } from "../../core/errors.js";
import { makeRng } from "../../core/rng.js";
import type { Message } from "../../core/types.js";
import { readTraces } from "../../data/jsonl.js";
import { primerTexts } from "../../data/primer/index.js";
import type { SftRow } from "../../data/sft.js";
import type { Qwen2Config } from "../../model/config.js";
import { initWeights } from "../../model/parameters.js";
import type { ArchitectureSection } from "../../model/schema.js";
import { systemPromptOf, withSystemPrompt } from "../../text/system-prompt.js";
import { loadTokenizer } from "../../text/tokenizer.js";
import { saveTokenizer, trainTokenizer } from "../../text/tokenizer-files.js";
import { writeModelCard } from "../model-card.js";
import { modelDirOf, openPolicy, type Policy, resolvePath, type TrainablePolicy } from "../policy.js";
import type { DistillConfig } from "../schema.js";
import { type Session, shownPath } from "../session.js";
import type { StageContext } from "../stage.js";

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
  // Encoding a text costs as much as training on it, and a teacher repeats itself.
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

/** Writes the policy in HF layout: into the run, and to `distill.out` by a rename, so that it is whole or not there. */
export async function writeOut(
  config: DistillConfig,
  ctx: StageContext,
  session: Session,
  policy: TrainablePolicy,
): Promise<string> {
  const to = config.distill.out === null ? session.dir.file("export") : resolve(ctx.cwd, config.distill.out);
  const temporary = `${to}.tmp-${process.pid}`;
  await rm(temporary, { recursive: true, force: true });
  await mkdir(dirname(to), { recursive: true });
  await mkdir(temporary);
  await policy.learner.exportTo(temporary, { dtype: config.distill.dtype === "bfloat16" ? "BF16" : "F32" });
  await writeModelCard(temporary, basename(to), config.data);
  await rm(to, { recursive: true, force: true });
  await rename(temporary, to);
  return shownPath(to, ctx.cwd);
}
