/**
 * Model directories in Hugging Face's layout: `config.json`, `generation_config.json`, `model.safetensors` (or shards
 * with `model.safetensors.index.json`) and the tokenizer's files. Pickled weights (.bin, .pt) are never opened.
 */

import { copyFile, mkdir, rename } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { TrainError } from "../core/errors.js";
import { eosField, parseQwen2Config, type Qwen2Config, toHfConfig, type WeightDtype } from "./config.js";
import { f32ToBf16, f32ToF16 } from "./half.js";
import { clip, listDir, readJson, writeJson } from "./hf-files.js";
import { openShards, SINGLE } from "./hf-shards.js";
import { parameterSpecs, type Weights } from "./parameters.js";
import { type SafetensorsFile, type Tensor, tensorOf, writeSafetensors } from "./safetensors.js";

export interface LoadedModel {
  readonly config: Qwen2Config;
  readonly weights: Weights;
}

export interface LoadOptions {
  /** Default true: a directory without `tokenizer.json` is an error, and its ids must fit the vocabulary. */
  readonly tokenizer?: boolean;
}

/** A model directory whose config is read and whose weights are read when they are asked for. */
export interface OpenedModel {
  readonly config: Qwen2Config;
  /** As float32. @throws TrainError "checkpoint" naming all missing, extra and misshaped tensors in its details */
  weights(): Promise<Weights>;
}

/**
 * Reads the config. End-of-sequence ids of `config.json` and `generation_config.json` are merged.
 * @throws TrainError "data" when the config or the tokenizer's file is missing or does not fit
 */
export async function openModelDir(dir: string, options: LoadOptions = {}): Promise<OpenedModel> {
  const config = await loadConfig(dir);
  if (options.tokenizer ?? true) await checkTokenizer(dir, config);
  return { config, weights: () => loadWeights(dir, config) };
}

/** Config and weights at once. @throws as `openModelDir` and its `weights` do */
export async function loadModelDir(dir: string, options: LoadOptions = {}): Promise<LoadedModel> {
  const { config, weights } = await openModelDir(dir, options);
  return { config, weights: await weights() };
}

/** The configuration alone, for planning without reading weights. */
export async function loadConfig(dir: string): Promise<Qwen2Config> {
  const names = await listDir(dir);
  if (!names.includes("config.json")) {
    if (names.includes("adapter_config.json")) {
      throw new TrainError("data", `${dir} holds a LoRA adapter, not a whole model`, {
        hint: "merge it into its base model first: PeftModel.from_pretrained(base, dir).merge_and_unload().save_pretrained(out)",
      });
    }
    throw new TrainError("data", `${dir} holds no config.json, so it is not a model directory`, {
      hint: "give a directory in Hugging Face layout: config.json, model.safetensors, tokenizer.json",
    });
  }
  const path = join(dir, "config.json");
  const config = parseQwen2Config(await readJson(path), path);
  const eos = new Set(config.eosTokenIds);
  if (names.includes("generation_config.json")) {
    for (const id of await generationEos(join(dir, "generation_config.json"), config)) eos.add(id);
  }
  if (eos.size === 0) {
    throw new TrainError("data", `${dir}: no eos_token_id in config.json or generation_config.json`, {
      hint: 'add "eos_token_id": <id of the token that ends a turn> to generation_config.json',
    });
  }
  return { ...config, eosTokenIds: [...eos] };
}

async function generationEos(path: string, config: Qwen2Config): Promise<readonly number[]> {
  const parsed = z.looseObject({ eos_token_id: eosField }).safeParse(await readJson(path));
  if (!parsed.success) {
    throw new TrainError("data", `${path}: eos_token_id must be a token id or a list of them`);
  }
  const outside = parsed.data.eos_token_id.find((id) => id >= config.vocabSize);
  if (outside !== undefined) {
    throw new TrainError(
      "data",
      `${path}: eos_token_id ${outside} is outside the vocabulary of ${config.vocabSize}`,
    );
  }
  return parsed.data.eos_token_id;
}

const tokenizerIds = z.looseObject({
  model: z.looseObject({ vocab: z.record(z.string(), z.number().int().nonnegative()) }),
  added_tokens: z.array(z.looseObject({ id: z.number().int().nonnegative() })).default([]),
});

async function checkTokenizer(dir: string, config: Qwen2Config): Promise<void> {
  const path = join(dir, "tokenizer.json");
  if (!(await listDir(dir)).includes("tokenizer.json")) {
    throw new TrainError("data", `${dir} holds no tokenizer.json`, {
      hint: "copy tokenizer.json and tokenizer_config.json of the same model into the directory",
    });
  }
  const parsed = tokenizerIds.safeParse(await readJson(path));
  if (!parsed.success) throw new TrainError("data", `${path} is not a tokenizer.json with a BPE vocabulary`);
  let highest = -1;
  for (const id of Object.values(parsed.data.model.vocab)) highest = Math.max(highest, id);
  for (const { id } of parsed.data.added_tokens) highest = Math.max(highest, id);
  if (highest >= config.vocabSize) {
    throw new TrainError(
      "data",
      `${path} has token ids up to ${highest}, the model's vocab_size is ${config.vocabSize}`,
      {
        hint: "the tokenizer and the weights belong to different models",
      },
    );
  }
}

async function loadWeights(dir: string, config: Qwen2Config): Promise<Weights> {
  const files = await openShards(dir);
  try {
    const source = new Map<string, SafetensorsFile>();
    for (const file of files) for (const name of file.header.tensors.keys()) source.set(name, file);
    checkTensors(dir, config, source);
    const weights = new Map<string, Float32Array>();
    for (const { name } of parameterSpecs(config)) {
      const values = await source.get(name)!.readFloats(name);
      refuseNonFinite(dir, name, values);
      weights.set(name, values);
    }
    return weights;
  } finally {
    for (const file of files) await file.close();
  }
}

/** A NaN would surface much later, as probabilities that are not finite. */
function refuseNonFinite(dir: string, name: string, values: Float32Array): void {
  // A loop, because a callback for each of the billions of weights takes ten times as long.
  let at = 0;
  while (at < values.length && Number.isFinite(values[at])) at++;
  if (at === values.length) return;
  throw new TrainError(
    "checkpoint",
    `${dir}: ${name} holds ${values[at]} at index ${at} of ${values.length}`,
    {
      hint: "the weights are damaged or come from a run that diverged; use an earlier checkpoint or fetch the model again",
    },
  );
}

/** Tensors some exporters write although they follow from others. */
const isDerived = (name: string, config: Qwen2Config): boolean =>
  name.endsWith(".rotary_emb.inv_freq") || (name === "lm_head.weight" && config.tieWordEmbeddings);

function checkTensors(dir: string, config: Qwen2Config, source: ReadonlyMap<string, SafetensorsFile>): void {
  const details: string[] = [];
  const wanted = new Set<string>();
  for (const { name, shape } of parameterSpecs(config)) {
    wanted.add(name);
    const info = source.get(name)?.header.tensors.get(name);
    if (info === undefined) details.push(`missing: ${name} [${shape}]`);
    else if (info.shape.join() !== shape.join()) {
      details.push(`misshaped: ${name} is [${info.shape}], config.json implies [${shape}]`);
    } else if (!["F32", "F16", "BF16"].includes(info.dtype)) {
      details.push(`dtype: ${name} is ${info.dtype}, expected F32, F16 or BF16`);
    }
  }
  for (const name of source.keys()) {
    if (!wanted.has(name) && !isDerived(name, config)) details.push(`extra: ${name}`);
  }
  if (details.length > 0) {
    throw new TrainError(
      "checkpoint",
      `${dir}: the weights do not fit config.json (${details.length} differences)`,
      {
        details: clip(details),
      },
    );
  }
}

export interface SaveOptions {
  /** Default F32. BF16 and F16 round to nearest, ties to even. */
  readonly dtype?: WeightDtype;
  /** Directory whose tokenizer files are copied. */
  readonly tokenizerDir?: string;
}

/** What a tokenizer may consist of, in files. */
export const TOKENIZER_FILES = [
  "tokenizer.json",
  "tokenizer_config.json",
  "special_tokens_map.json",
  "added_tokens.json",
  "vocab.json",
  "merges.txt",
  "chat_template.jinja",
] as const;

/**
 * Writes a directory that transformers and vLLM load. Each file appears whole or not at all, `config.json` last, so
 * that a directory with a config is complete. Equal input gives equal bytes.
 */
export async function saveModelDir(
  dir: string,
  config: Qwen2Config,
  weights: Weights,
  { dtype = "F32", tokenizerDir }: SaveOptions = {},
): Promise<void> {
  const tensors = new Map<string, Tensor>();
  for (const { name, shape } of parameterSpecs(config)) {
    const values = weights.get(name);
    if (values === undefined) throw new TrainError("bug", `saveModelDir: no weights for ${name}`);
    tensors.set(name, tensorOf(dtype, shape, toDtype(values, dtype)));
  }
  await mkdir(dir, { recursive: true });
  await writeSafetensors(join(dir, SINGLE), tensors, { format: "pt" });
  if (tokenizerDir !== undefined) await copyTokenizer(tokenizerDir, dir);
  const eos = config.eosTokenIds.length === 1 ? config.eosTokenIds[0] : [...config.eosTokenIds];
  await writeJson(join(dir, "generation_config.json"), {
    do_sample: true,
    eos_token_id: eos,
    temperature: 1,
    top_p: 1,
  });
  await writeJson(join(dir, "config.json"), toHfConfig(config, dtype));
}

function toDtype(values: Float32Array, dtype: WeightDtype): Float32Array | Uint16Array {
  if (dtype === "F32") return values;
  return dtype === "BF16" ? f32ToBf16(values) : f32ToF16(values);
}

async function copyTokenizer(from: string, to: string): Promise<void> {
  const names = await listDir(from);
  if (!names.includes("tokenizer.json")) {
    throw new TrainError("data", `${from} holds no tokenizer.json to copy into ${to}`);
  }
  for (const name of TOKENIZER_FILES) {
    if (!names.includes(name)) continue;
    await copyFile(join(from, name), join(to, `${name}.tmp`));
    await rename(join(to, `${name}.tmp`), join(to, name));
  }
}
