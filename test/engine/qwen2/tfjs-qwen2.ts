/** An independent Qwen2 forward and objective in tfjs ops, one row at a time; tfjs differentiates it. */

import * as tf from "@tensorflow/tfjs";
import type { Batch } from "../../../src/core/types.js";
import type { Qwen2Config } from "../../../src/model/config.js";
import { parameterSpecs, type Weights } from "../../../src/model/parameters.js";

type T = tf.Tensor;

function rotate(x: T, config: Qwen2Config): T {
  // x [heads, T, hd]
  const [, time, hd] = x.shape as [number, number, number];
  const half = hd / 2;
  const angles = tf.tensor2d(
    Array.from({ length: time }, (_, p) =>
      Array.from({ length: hd }, (_, i) => p / config.ropeTheta ** ((2 * (i % half)) / hd)),
    ),
  );
  const [a, b] = tf.split(x, 2, 2) as [T, T];
  return tf.add(tf.mul(x, tf.cos(angles)), tf.mul(tf.concat([tf.neg(b), a], 2), tf.sin(angles)));
}

const norm = (x: T, w: T, eps: number): T =>
  tf.mul(w, tf.div(x, tf.sqrt(tf.add(tf.mean(tf.square(x), -1, true), eps))));

const dense = (x: T, w: T, b?: T): T => {
  const y = tf.matMul(x as tf.Tensor2D, w as tf.Tensor2D, false, true);
  return b === undefined ? y : tf.add(y, b);
};

/** Log-softmax [T, V] at the temperature. */
function logProbs(ids: Int32Array, p: (name: string) => T, config: Qwen2Config, temperature: number): T {
  const { numHeads, numKvHeads, headDim, rmsNormEps: eps } = config;
  const time = ids.length;
  const oneHot = tf.oneHot(tf.tensor1d(ids, "int32"), config.vocabSize).toFloat();
  let x: T = tf.matMul(oneHot as tf.Tensor2D, p("model.embed_tokens.weight") as tf.Tensor2D);
  const mask = tf.tensor2d(
    Array.from({ length: time }, (_, i) => Array.from({ length: time }, (_, j) => (j > i ? -1e9 : 0))),
  );
  for (let l = 0; l < config.numLayers; l++) {
    const at = (rest: string): T => p(`model.layers.${l}.${rest}`);
    const h = norm(x, at("input_layernorm.weight"), eps);
    const heads = (which: string, n: number): T =>
      tf.transpose(
        tf.reshape(dense(h, at(`self_attn.${which}_proj.weight`), at(`self_attn.${which}_proj.bias`)), [
          time,
          n,
          headDim,
        ]),
        [1, 0, 2],
      );
    const repeat = (y: T): T => {
      const index = Array.from({ length: numHeads }, (_, i) => Math.floor((i * numKvHeads) / numHeads));
      return tf.stack(index.map((i) => tf.slice(y, [i, 0, 0], [1, time, headDim]).squeeze([0])));
    };
    const q = rotate(heads("q", numHeads), config);
    const k = repeat(rotate(heads("k", numKvHeads), config));
    const v = repeat(heads("v", numKvHeads));
    const scores = tf.add(
      tf.div(tf.matMul(q as tf.Tensor3D, k as tf.Tensor3D, false, true), Math.sqrt(headDim)),
      mask,
    );
    const mixed = tf.matMul(tf.softmax(scores) as tf.Tensor3D, v as tf.Tensor3D);
    const joined = tf.reshape(tf.transpose(mixed, [1, 0, 2]), [time, numHeads * headDim]);
    x = tf.add(x, dense(joined, at("self_attn.o_proj.weight")));
    const m = norm(x, at("post_attention_layernorm.weight"), eps);
    const gate = dense(m, at("mlp.gate_proj.weight"));
    const gated = tf.mul(tf.mul(gate, tf.sigmoid(gate)), dense(m, at("mlp.up_proj.weight")));
    x = tf.add(x, dense(gated, at("mlp.down_proj.weight")));
  }
  const head = p(config.tieWordEmbeddings ? "model.embed_tokens.weight" : "lm_head.weight");
  const logits = tf.div(dense(norm(x, p("model.norm.weight"), eps), head), temperature);
  return tf.logSoftmax(logits);
}

/** The scalar objective of algorithm.md section 1 over the whole batch. */
function objective(batch: Batch, p: (name: string) => T, config: Qwen2Config): tf.Scalar {
  let total: T = tf.scalar(0);
  for (let b = 0; b + 1 < batch.rowStart.length; b++) {
    const [from, to] = [batch.rowStart[b]!, batch.rowStart[b + 1]!];
    const ids = batch.tokenIds.slice(from, to);
    const all = tf.slice(logProbs(ids, p, config, batch.temperature), [0, 0], [ids.length - 1, -1]);
    const targets = tf.oneHot(tf.tensor1d(ids.slice(1), "int32"), config.vocabSize).toFloat();
    const logp = tf.sum(tf.mul(all, targets), 1);
    const pick = (x: Float32Array): T => tf.tensor1d(x.slice(from + 1, to));
    const w = tf.mul(pick(batch.weights), tf.tensor1d(Float32Array.from(batch.lossMask.slice(from + 1, to))));
    let l: T = tf.neg(logp);
    if (batch.loss.kind === "clip") {
      const { epsLow, epsHigh, dualClip, klCoef, entropyCoef } = batch.loss;
      const d = tf.clipByValue(tf.sub(logp, pick(batch.behaviorLogprobs)), -20, 20);
      const r = tf.exp(d);
      const a = pick(batch.advantages);
      l = tf.maximum(tf.neg(tf.mul(a, r)), tf.neg(tf.mul(a, tf.clipByValue(r, 1 - epsLow, 1 + epsHigh))));
      if (dualClip !== null) {
        const capped = tf.minimum(l, tf.neg(tf.mul(a, dualClip)));
        l = tf.where(tf.less(a, 0), capped, l);
      }
      l = tf.add(l, tf.mul(klCoef, tf.sub(tf.sub(r, 1), d)));
      const entropy = tf.neg(tf.sum(tf.mul(tf.exp(all), all), 1));
      l = tf.sub(l, tf.mul(entropyCoef, entropy));
    }
    total = tf.add(total, tf.sum(tf.mul(w, l)));
  }
  return tf.div(total, batch.divisor).asScalar();
}

export async function tfjsGradients(
  batch: Batch,
  config: Qwen2Config,
  weights: Weights,
): Promise<{ loss: number; gradients: Map<string, Float32Array> }> {
  await tf.setBackend("cpu");
  const specs = parameterSpecs(config);
  const tensors = specs.map(({ name, shape }) => tf.tensor(weights.get(name)!, [...shape]));
  const index = new Map(specs.map(({ name }, i) => [name, i]));
  const { value, grads } = tf.valueAndGrads((...args: T[]) =>
    objective(batch, (name) => args[index.get(name)!]!, config),
  )(tensors);
  const gradients = new Map<string, Float32Array>();
  for (const [i, { name }] of specs.entries()) gradients.set(name, (await grads[i]!.data()) as Float32Array);
  return { loss: (await value.data())[0]!, gradients };
}
