/** Names, shapes and first values of a Qwen2 model's parameters, in Hugging Face's naming and [out, in] layout. */

import type { Rng } from "../core/rng.js";
import type { Qwen2Config } from "./config.js";

export interface ParameterSpec {
  readonly name: string;
  readonly shape: readonly number[];
}

/** Parameter name -> row-major values. The arrays are live: an optimizer may update them in place. */
export type Weights = ReadonlyMap<string, Float32Array>;

/** Number of elements. */
export const sizeOf = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

/** All parameters in the order of the forward pass; `lm_head.weight` only when it is not the embedding. */
export function parameterSpecs(config: Qwen2Config): readonly ParameterSpec[] {
  const { hiddenSize: h, intermediateSize: f, vocabSize: v } = config;
  const q = config.numHeads * config.headDim;
  const kv = config.numKvHeads * config.headDim;
  const specs: ParameterSpec[] = [{ name: "model.embed_tokens.weight", shape: [v, h] }];
  for (let layer = 0; layer < config.numLayers; layer++) {
    const add = (name: string, ...shape: number[]) =>
      specs.push({ name: `model.layers.${layer}.${name}`, shape });
    add("input_layernorm.weight", h);
    add("self_attn.q_proj.weight", q, h);
    add("self_attn.q_proj.bias", q);
    add("self_attn.k_proj.weight", kv, h);
    add("self_attn.k_proj.bias", kv);
    add("self_attn.v_proj.weight", kv, h);
    add("self_attn.v_proj.bias", kv);
    add("self_attn.o_proj.weight", h, q);
    add("post_attention_layernorm.weight", h);
    add("mlp.gate_proj.weight", f, h);
    add("mlp.up_proj.weight", f, h);
    add("mlp.down_proj.weight", h, f);
  }
  specs.push({ name: "model.norm.weight", shape: [h] });
  if (!config.tieWordEmbeddings) specs.push({ name: "lm_head.weight", shape: [v, h] });
  return specs;
}

/** Number of weights, tied ones counted once. */
export const countParameters = (config: Qwen2Config): number =>
  parameterSpecs(config).reduce((n, spec) => n + sizeOf(spec.shape), 0);

/**
 * Fresh weights: matrices normal(0, initializerRange), the two projections that write into the residual stream
 * divided by sqrt(2 L) (GPT-2's rule), norms one, biases zero. Each tensor has a random stream of its own, so the
 * values do not depend on the order of the parameters.
 */
export function initWeights(config: Qwen2Config, rng: Rng): Weights {
  const weights = new Map<string, Float32Array>();
  for (const { name, shape } of parameterSpecs(config)) {
    const values = new Float32Array(sizeOf(shape));
    if (name.endsWith("norm.weight")) values.fill(1);
    else if (!name.endsWith(".bias")) {
      const residual = name.endsWith("o_proj.weight") || name.endsWith("down_proj.weight");
      const scale = config.initializerRange / (residual ? Math.sqrt(2 * config.numLayers) : 1);
      const stream = rng.fork("init", name);
      for (let i = 0; i < values.length; i++) values[i] = scale * stream.normal();
    }
    weights.set(name, values);
  }
  return weights;
}
