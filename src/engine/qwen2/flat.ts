/**
 * All parameters in one Float32Array, so that the optimizer is one loop and q, k, v (and gate, up) lie side by side:
 * the step graph multiplies by them as one matrix. The HF tensors are views of it.
 */

import { TrainError } from "../../core/errors.js";
import type { Qwen2Config } from "../../model/config.js";
import { parameterSpecs, type Weights } from "../../model/parameters.js";

export interface Slot {
  readonly name: string;
  readonly shape: readonly number[];
  readonly offset: number;
  readonly size: number;
  /** False for norms and biases. */
  readonly decay: boolean;
}

export interface FlatLayout {
  readonly slots: readonly Slot[];
  readonly size: number;
  slot(name: string): Slot;
}

export const EMBEDDING = "model.embed_tokens.weight";
export const FINAL_NORM = "model.norm.weight";
export const HEAD = "lm_head.weight";

/** HF names of one layer's tensors, in storage order. */
export const layerNames = (layer: number) => {
  const at = (rest: string): string => `model.layers.${layer}.${rest}`;
  return {
    inputNorm: at("input_layernorm.weight"),
    qWeight: at("self_attn.q_proj.weight"),
    kWeight: at("self_attn.k_proj.weight"),
    vWeight: at("self_attn.v_proj.weight"),
    qBias: at("self_attn.q_proj.bias"),
    kBias: at("self_attn.k_proj.bias"),
    vBias: at("self_attn.v_proj.bias"),
    oWeight: at("self_attn.o_proj.weight"),
    postNorm: at("post_attention_layernorm.weight"),
    gateWeight: at("mlp.gate_proj.weight"),
    upWeight: at("mlp.up_proj.weight"),
    downWeight: at("mlp.down_proj.weight"),
  };
};

export function flatLayout(config: Qwen2Config): FlatLayout {
  const shapes = new Map(parameterSpecs(config).map((spec) => [spec.name, spec.shape]));
  const order = [EMBEDDING];
  for (let l = 0; l < config.numLayers; l++) order.push(...Object.values(layerNames(l)));
  order.push(FINAL_NORM);
  if (!config.tieWordEmbeddings) order.push(HEAD);
  if (order.length !== shapes.size) {
    throw new TrainError("bug", `flat layout has ${order.length} tensors, the model ${shapes.size}`);
  }
  let offset = 0;
  const slots = order.map((name): Slot => {
    const shape = shapes.get(name);
    if (shape === undefined) throw new TrainError("bug", `no parameter named ${name}`);
    const size = shape.reduce((a, b) => a * b, 1);
    const slot = { name, shape, offset, size, decay: shape.length > 1 };
    offset += size;
    return slot;
  });
  const byName = new Map(slots.map((s) => [s.name, s]));
  return { slots, size: offset, slot: (name) => byName.get(name)! };
}

/** The named views of a flat array. */
export const viewsOf = (layout: FlatLayout, flat: Float32Array): Map<string, Float32Array> =>
  new Map(layout.slots.map((s) => [s.name, flat.subarray(s.offset, s.offset + s.size)]));

/** @throws TrainError "data" when a tensor is missing or has another size. */
export function packWeights(layout: FlatLayout, weights: Weights, into: Float32Array): void {
  for (const { name, offset, size, shape } of layout.slots) {
    const tensor = weights.get(name);
    if (tensor === undefined || tensor.length !== size) {
      const got = tensor === undefined ? "nothing" : `${tensor.length} values`;
      throw new TrainError("data", `weights: expected ${name} of shape [${shape.join(", ")}], got ${got}`);
    }
    into.set(tensor, offset);
  }
}
