import { expect, test } from "vitest";
import { TrainError } from "../../src/core/errors.js";
import { parseQwen2Config, toHfConfig } from "../../src/model/config.js";
import { tinyConfig } from "./fixtures.js";

/** The published config.json of Qwen2.5-Coder-7B-Instruct. */
const coder7b = {
  architectures: ["Qwen2ForCausalLM"],
  attention_dropout: 0.0,
  bos_token_id: 151643,
  eos_token_id: 151645,
  hidden_act: "silu",
  hidden_size: 3584,
  initializer_range: 0.02,
  intermediate_size: 18944,
  max_position_embeddings: 32768,
  max_window_layers: 28,
  model_type: "qwen2",
  num_attention_heads: 28,
  num_hidden_layers: 28,
  num_key_value_heads: 4,
  rms_norm_eps: 1e-6,
  rope_theta: 1000000.0,
  sliding_window: 131072,
  tie_word_embeddings: false,
  torch_dtype: "bfloat16",
  transformers_version: "4.44.0",
  use_cache: true,
  use_sliding_window: false,
  vocab_size: 152064,
};

const failure = (json: unknown): TrainError => {
  try {
    parseQwen2Config(json, "m/config.json");
  } catch (e) {
    if (e instanceof TrainError) return e;
    throw e;
  }
  throw new Error("expected an error");
};

test("reads Qwen2.5-Coder-7B-Instruct's own file", () => {
  expect(parseQwen2Config(coder7b, "x")).toEqual({
    vocabSize: 152064,
    hiddenSize: 3584,
    numLayers: 28,
    numHeads: 28,
    numKvHeads: 4,
    headDim: 128,
    intermediateSize: 18944,
    ropeTheta: 1e6,
    rmsNormEps: 1e-6,
    tieWordEmbeddings: false,
    maxPositionEmbeddings: 32768,
    eosTokenIds: [151645],
    initializerRange: 0.02,
  });
});

test("reads what transformers 5 writes: rope_parameters, dtype, layer_types", () => {
  const { rope_theta, torch_dtype, ...rest } = coder7b;
  const v5 = {
    ...rest,
    dtype: torch_dtype,
    layer_types: Array(28).fill("full_attention"),
    rope_parameters: { rope_theta, rope_type: "default" },
    sliding_window: null,
  };
  expect(parseQwen2Config(v5, "x").ropeTheta).toBe(1e6);
});

test("a config survives being written and read", () => {
  for (const config of [tinyConfig(), tinyConfig({ tieWordEmbeddings: false, eosTokenIds: [1, 2] })]) {
    expect(parseQwen2Config(JSON.parse(JSON.stringify(toHfConfig(config))), "x")).toEqual(config);
  }
});

test("another architecture is named", () => {
  const e = failure({ ...coder7b, model_type: "llama", architectures: ["LlamaForCausalLM"] });
  expect(e.message).toBe(
    'm/config.json: expected model_type "qwen2" (Qwen2ForCausalLM), got model_type "llama", architectures ["LlamaForCausalLM"]',
  );
  expect(failure({ ...coder7b, architectures: ["Qwen2ForSequenceClassification"] }).message).toContain(
    "Qwen2ForSequenceClassification",
  );
});

test("every unsupported feature is in one error", () => {
  const e = failure({
    ...coder7b,
    rope_scaling: { type: "yarn", factor: 4 },
    use_sliding_window: true,
    quantization_config: { quant_method: "gptq" },
    hidden_act: "gelu",
    num_key_value_heads: 5,
    head_dim: 64,
    eos_token_id: [151645, 200000],
  });
  expect(e.code).toBe("data");
  expect(e.details.map((d) => d.split(/[ :]/)[0])).toEqual([
    "head_dim",
    "num_attention_heads",
    "rope_scaling",
    "use_sliding_window",
    "hidden_act",
    "quantization_config",
    "eos_token_id",
  ]);
});

test("two values of rope_theta are refused with both, equal ones are taken", () => {
  const e = failure({ ...coder7b, rope_theta: 10_000, rope_parameters: { rope_theta: 1_000_000 } });
  expect(e.details).toEqual([
    "rope_theta is 10000 and rope_parameters.rope_theta is 1000000: keep the one that the model was trained with",
  ]);
  const both = { ...coder7b, rope_theta: 500_000, rope_parameters: { rope_theta: 500_000 } };
  expect(parseQwen2Config(both, "m/config.json").ropeTheta).toBe(500_000);
});

test("missing and mistyped fields are all listed", () => {
  const { hidden_size: _, ...rest } = coder7b;
  const e = failure({ ...rest, vocab_size: "many", num_hidden_layers: 0 });
  expect(e.details.map((d) => d.split(":")[0]).sort()).toEqual([
    "hidden_size",
    "num_hidden_layers",
    "vocab_size",
  ]);
});

test.each([[null], [[]], ["text"], [3]])("%j is not a config", (json) => {
  expect(failure(json).message).toContain("m/config.json");
});
