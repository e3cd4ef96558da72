/**
 * The plain port that the tfjs learner is measured against: the Qwen2 forward in tfjs's public operations, gradients by
 * `tf.variableGrads`, AdamW tensor by tensor.
 */

import type * as tfjs from "@tensorflow/tfjs";
import type { Batch } from "../../../src/core/types.js";
import type { Qwen2Config } from "../../../src/model/config.js";
import { parameterSpecs, type Weights } from "../../../src/model/parameters.js";

type T = tfjs.Tensor;

export interface Taped {
  step(batch: Batch): Promise<number>;
  /** Calls of TensorFlow since the start. */
  readonly calls: number;
}

/** Rows of equal length, every token predicted, cross-entropy. */
export function tapedLearner(
  tf: typeof tfjs,
  config: Qwen2Config,
  weights: Weights,
  rows: number,
  length: number,
): Taped {
  const { numHeads, numKvHeads, headDim: hd, vocabSize } = config;
  const group = numHeads / numKvHeads;
  const half = hd / 2;
  const variables = new Map(
    parameterSpecs(config).map(({ name, shape }) => [
      name,
      tf.variable(tf.tensor(weights.get(name)!, [...shape])),
    ]),
  );
  const p = (name: string): T => variables.get(name)!;
  const angles = Array.from({ length }, (_, t) =>
    Array.from({ length: hd }, (_, i) => t / config.ropeTheta ** ((2 * (i % half)) / hd)),
  );
  const [cos, sin] = [tf.cos(tf.tensor2d(angles)), tf.sin(tf.tensor2d(angles))];
  const mask = tf.tensor2d(
    Float32Array.from({ length: length * length }, (_, i) =>
      i % length > Math.floor(i / length) ? -1e9 : 0,
    ),
    [length, length],
  );
  const norm = (x: T, w: T): T =>
    tf.mul(w, tf.mul(x, tf.rsqrt(tf.add(tf.mean(tf.square(x), -1, true), config.rmsNormEps))));
  const dense = (x: T, w: T): T => tf.matMul(x, w, false, true);
  const rotate = (x: T): T => {
    const [a, b] = tf.split(x, 2, -1) as [T, T];
    return tf.add(tf.mul(x, cos), tf.mul(tf.concat([tf.neg(b), a], -1), sin));
  };
  const heads = (x: T, n: number): T => tf.transpose(tf.reshape(x, [rows, length, n, hd]), [0, 2, 1, 3]);

  function logits(ids: T): T {
    const embedding = p("model.embed_tokens.weight");
    let x: T = tf.gather(embedding, ids);
    for (let l = 0; l < config.numLayers; l++) {
      const at = (rest: string): T => p(`model.layers.${l}.${rest}`);
      const h = norm(x, at("input_layernorm.weight"));
      const project = (which: string): T =>
        tf.add(dense(h, at(`self_attn.${which}_proj.weight`)), at(`self_attn.${which}_proj.bias`));
      const q = tf.reshape(rotate(heads(project("q"), numHeads)), [rows, numKvHeads, group * length, hd]);
      const k = rotate(heads(project("k"), numKvHeads));
      const v = heads(project("v"), numKvHeads);
      const scores = tf.reshape(tf.div(tf.matMul(q, k, false, true), Math.sqrt(hd)), [
        rows,
        numHeads,
        length,
        length,
      ]);
      const seen = tf.reshape(tf.softmax(tf.add(scores, mask)), [rows, numKvHeads, group * length, length]);
      const mixed = tf.reshape(tf.matMul(seen, v), [rows, numHeads, length, hd]);
      const joined = tf.reshape(tf.transpose(mixed, [0, 2, 1, 3]), [rows * length, numHeads * hd]);
      x = tf.add(x, dense(joined, at("self_attn.o_proj.weight")));
      const m = norm(x, at("post_attention_layernorm.weight"));
      const gate = dense(m, at("mlp.gate_proj.weight"));
      const gated = tf.mul(tf.mul(gate, tf.sigmoid(gate)), dense(m, at("mlp.up_proj.weight")));
      x = tf.add(x, dense(gated, at("mlp.down_proj.weight")));
    }
    return dense(norm(x, p("model.norm.weight")), embedding);
  }

  const counted = countCalls(tf);
  const optimizer = tf.train.adam(1e-4, 0.9, 0.99, 1e-8);
  return {
    get calls() {
      return counted.calls;
    },
    async step({ tokenIds }) {
      const width = length + 1;
      const ids = tf.tensor1d(
        tokenIds.filter((_, n) => n % width < length),
        "int32",
      );
      const targets = tf.tensor1d(
        tokenIds.filter((_, n) => n % width > 0),
        "int32",
      );
      const { value, grads } = tf.variableGrads(() => {
        const hot = tf.oneHot(targets, vocabSize).toFloat();
        return tf.neg(tf.mean(tf.sum(tf.mul(tf.logSoftmax(logits(ids)), hot), 1))) as tfjs.Scalar;
      }, [...variables.values()]);
      tf.tidy(() => optimizer.applyGradients(grads as never));
      const loss = (await value.data())[0]!;
      tf.dispose([value, grads, ids, targets]);
      return loss;
    },
  };
}

/** Counts the calls that tfjs-node's backend makes; 0 on another backend. */
function countCalls(tf: typeof tfjs): { calls: number } {
  const counter = { calls: 0 };
  const backend = tf.backend() as unknown as { binding?: { executeOp(...args: unknown[]): unknown } };
  const { binding } = backend;
  if (binding === undefined) return counter;
  // The binding's own fields cannot be written, so a copy of it takes its place.
  const executeOp = (...args: unknown[]): unknown => {
    counter.calls += 1;
    return binding.executeOp(...args);
  };
  backend.binding = Object.create(binding, { executeOp: { value: executeOp } }) as typeof binding;
  return counter;
}
