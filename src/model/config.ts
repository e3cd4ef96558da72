/** Shape of a Qwen2-architecture model, read from and written to Hugging Face's `config.json`. */

import { z } from "zod";
import { TrainError } from "../core/errors.js";

export interface Qwen2Config {
  readonly vocabSize: number;
  readonly hiddenSize: number;
  readonly numLayers: number;
  readonly numHeads: number;
  readonly numKvHeads: number;
  readonly headDim: number; // hiddenSize / numHeads
  readonly intermediateSize: number;
  readonly ropeTheta: number;
  readonly rmsNormEps: number;
  readonly tieWordEmbeddings: boolean;
  readonly maxPositionEmbeddings: number;
  /** Tokens that end a turn; never empty. */
  readonly eosTokenIds: readonly number[];
  readonly initializerRange: number;
}

const positive = z.number().int().positive();
const tokenId = z.number().int().nonnegative();

/** `eos_token_id` as files hold it: absent, null, one id or a list. */
export const eosField = z
  .union([tokenId, z.array(tokenId)])
  .nullish()
  .transform((v): readonly number[] => (v == null ? [] : typeof v === "number" ? [v] : [...new Set(v)]));

/** transformers 5 moved rope_theta into `rope_parameters`; transformers 4 had `rope_scaling` beside it. */
const ropeSchema = z
  .looseObject({
    rope_type: z.string().optional(),
    type: z.string().optional(),
    rope_theta: z.number().optional(),
  })
  .nullish();

const fileSchema = z.looseObject({
  model_type: z.string().optional(),
  architectures: z.array(z.string()).nullish(),
  vocab_size: positive,
  hidden_size: positive,
  num_hidden_layers: positive,
  num_attention_heads: positive,
  num_key_value_heads: positive.nullish(),
  head_dim: positive.nullish(),
  intermediate_size: positive,
  rope_theta: z.number().positive().nullish(),
  rope_scaling: ropeSchema,
  rope_parameters: ropeSchema,
  rms_norm_eps: z.number().positive().default(1e-6),
  tie_word_embeddings: z.boolean().default(false),
  max_position_embeddings: positive.default(32768),
  initializer_range: z.number().positive().default(0.02),
  hidden_act: z.string().default("silu"),
  use_sliding_window: z.boolean().nullish(),
  layer_types: z.array(z.string()).nullish(),
  attention_dropout: z.number().nullish(),
  quantization_config: z.unknown().optional(),
  eos_token_id: eosField,
});

type ConfigFile = z.infer<typeof fileSchema>;

/**
 * Reads a parsed `config.json`. `where` (a path) goes into every message.
 * @throws TrainError "data" with one detail line for each thing that this project's engines cannot run.
 */
export function parseQwen2Config(json: unknown, where: string): Qwen2Config {
  refuseOtherArchitectures(json, where);
  const parsed = fileSchema.safeParse(json);
  if (!parsed.success) {
    throw new TrainError("data", `${where} is not a Qwen2 config.json`, {
      details: parsed.error.issues.map((i) => `${i.path.join(".") || "(top)"}: ${i.message}`),
    });
  }
  const file = parsed.data;
  const problems = unsupported(file);
  if (problems.length > 0) {
    throw new TrainError("data", `${where} describes a Qwen2 variant that is not supported`, {
      details: problems,
      hint: "use a plain Qwen2 or Qwen2.5 checkpoint in bf16, fp16 or fp32 (see docs/models.md)",
    });
  }
  return {
    vocabSize: file.vocab_size,
    hiddenSize: file.hidden_size,
    numLayers: file.num_hidden_layers,
    numHeads: file.num_attention_heads,
    numKvHeads: file.num_key_value_heads ?? file.num_attention_heads,
    headDim: file.hidden_size / file.num_attention_heads,
    intermediateSize: file.intermediate_size,
    ropeTheta: file.rope_theta ?? file.rope_parameters?.rope_theta ?? 10000,
    rmsNormEps: file.rms_norm_eps,
    tieWordEmbeddings: file.tie_word_embeddings,
    maxPositionEmbeddings: file.max_position_embeddings,
    eosTokenIds: file.eos_token_id,
    initializerRange: file.initializer_range,
  };
}

function refuseOtherArchitectures(json: unknown, where: string): void {
  const head = z
    .looseObject({ model_type: z.unknown().optional(), architectures: z.unknown().optional() })
    .safeParse(json);
  if (!head.success) {
    throw new TrainError(
      "data",
      `${where} must hold a JSON object, got ${json === null ? "null" : typeof json}`,
    );
  }
  const { model_type: type, architectures } = head.data;
  const archs = Array.isArray(architectures) ? architectures : [];
  const isQwen2 =
    type === "qwen2"
      ? archs.length === 0 || archs.includes("Qwen2ForCausalLM")
      : type === undefined && archs.includes("Qwen2ForCausalLM");
  if (!isQwen2) {
    const got = `model_type ${JSON.stringify(type ?? null)}, architectures ${JSON.stringify(archs)}`;
    throw new TrainError("data", `${where}: expected model_type "qwen2" (Qwen2ForCausalLM), got ${got}`, {
      hint: "Qwen2 and Qwen2.5 models (Coder and Instruct too) are supported; see docs/models.md",
    });
  }
}

function unsupported(file: ConfigFile): string[] {
  const out: string[] = [];
  const { hidden_size: hidden, num_attention_heads: heads } = file;
  const kvHeads = file.num_key_value_heads ?? heads;
  if (hidden % heads !== 0) {
    out.push(`hidden_size ${hidden} is not a multiple of num_attention_heads ${heads}`);
  } else {
    const dim = hidden / heads;
    if (dim % 2 !== 0) out.push(`head dimension ${dim} is odd: rotary embeddings need pairs`);
    if (file.head_dim != null && file.head_dim !== dim) {
      out.push(`head_dim ${file.head_dim} differs from hidden_size / num_attention_heads = ${dim}`);
    }
  }
  if (heads % kvHeads !== 0) {
    out.push(`num_attention_heads ${heads} is not a multiple of num_key_value_heads ${kvHeads}`);
  }
  for (const key of ["rope_scaling", "rope_parameters"] as const) {
    const kind = file[key]?.rope_type ?? file[key]?.type ?? "default";
    if (kind !== "default") out.push(`${key} of type "${kind}": only plain rotary embeddings are supported`);
  }
  const [top, inner] = [file.rope_theta, file.rope_parameters?.rope_theta];
  if (top != null && inner !== undefined && top !== inner) {
    out.push(
      `rope_theta is ${top} and rope_parameters.rope_theta is ${inner}: keep the one that the model was trained with`,
    );
  }
  if (file.use_sliding_window === true)
    out.push("use_sliding_window is true: only full attention is supported");
  else if (file.layer_types?.some((t) => t !== "full_attention")) {
    out.push("layer_types holds other than full_attention");
  }
  if (file.hidden_act !== "silu") out.push(`hidden_act "${file.hidden_act}": expected "silu"`);
  if (file.attention_dropout) out.push(`attention_dropout ${file.attention_dropout}: expected 0`);
  if (file.quantization_config != null) {
    out.push(
      "quantization_config is set: quantised weights cannot be trained; use the bf16 or fp16 original",
    );
  }
  for (const id of file.eos_token_id) {
    if (id >= file.vocab_size) out.push(`eos_token_id ${id} is outside the vocabulary of ${file.vocab_size}`);
  }
  return out;
}

export type WeightDtype = "F32" | "BF16" | "F16";

const TORCH_DTYPE: Readonly<Record<WeightDtype, string>> = {
  F32: "float32",
  BF16: "bfloat16",
  F16: "float16",
};

/** The `config.json` that transformers' Qwen2ForCausalLM and vLLM read. */
export function toHfConfig(config: Qwen2Config, dtype: WeightDtype = "F32"): Record<string, unknown> {
  return {
    architectures: ["Qwen2ForCausalLM"],
    attention_dropout: 0,
    bos_token_id: null,
    eos_token_id: config.eosTokenIds.length === 1 ? config.eosTokenIds[0] : [...config.eosTokenIds],
    hidden_act: "silu",
    hidden_size: config.hiddenSize,
    initializer_range: config.initializerRange,
    intermediate_size: config.intermediateSize,
    max_position_embeddings: config.maxPositionEmbeddings,
    max_window_layers: config.numLayers,
    model_type: "qwen2",
    num_attention_heads: config.numHeads,
    num_hidden_layers: config.numLayers,
    num_key_value_heads: config.numKvHeads,
    rms_norm_eps: config.rmsNormEps,
    rope_theta: config.ropeTheta,
    sliding_window: null,
    tie_word_embeddings: config.tieWordEmbeddings,
    torch_dtype: TORCH_DTYPE[dtype],
    use_cache: true,
    use_sliding_window: false,
    vocab_size: config.vocabSize,
  };
}
