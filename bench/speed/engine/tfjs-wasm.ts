/**
 * The same training step on tfjs with its WebAssembly backend: the fastest pure-JavaScript alternative. Matrix products
 * get a gradient with explicit transposes, because the backend is fast on plain products only, and the embedding is a
 * product with a one-hot matrix, because the backend lacks the gradient of gather.
 */

import { createRequire } from "node:module";
import { dirname } from "node:path";
import * as tf from "@tensorflow/tfjs";
import { setWasmPaths } from "@tensorflow/tfjs-backend-wasm";
import { makeRng } from "../../../src/core/rng.js";
import { initWeights, parameterSpecs } from "../../../src/model/parameters.js";
import { batch, config, LENGTH, type Measured, measure, ROWS } from "./shape.js";

type T = tf.Tensor;

const swap = (x: T): T => tf.transpose(x, [...Array(x.rank - 2).keys(), x.rank - 1, x.rank - 2]);
const matMul = tf.customGrad((...args: unknown[]) => {
  const [a, b, save] = args as [T, T, tf.GradSaveFunc];
  save([a, b]);
  return {
    value: tf.matMul(a, b),
    gradFunc: (dy: T, saved: T[]) => [tf.matMul(dy, swap(saved[1]!)), tf.matMul(swap(saved[0]!), dy)],
  };
}) as (a: T, b: T) => T;

function logits(p: (name: string) => T, ids: Int32Array): T {
  const { numHeads, numKvHeads, headDim: hd, vocabSize } = config;
  const group = numHeads / numKvHeads;
  const rows = ROWS * LENGTH;
  const norm = (x: T, w: T): T =>
    tf.mul(w, tf.mul(x, tf.rsqrt(tf.add(tf.mean(tf.square(x), -1, true), config.rmsNormEps))));
  const dense = (x: T, w: T): T => matMul(x, tf.transpose(w));
  const angle = tf.tensor2d(
    Array.from({ length: LENGTH }, (_, t) =>
      Array.from({ length: hd }, (_, i) => t / config.ropeTheta ** ((2 * (i % (hd / 2))) / hd)),
    ),
  );
  const [cos, sin] = [tf.cos(angle), tf.sin(angle)];
  const rotate = (x: T): T => {
    const [a, b] = tf.split(x, 2, -1) as [T, T];
    return tf.add(tf.mul(x, cos), tf.mul(tf.concat([tf.neg(b), a], -1), sin));
  };
  const mask = tf.tensor2d(
    Array.from({ length: LENGTH }, (_, i) => Array.from({ length: LENGTH }, (_, j) => (j > i ? -1e9 : 0))),
  );
  const heads = (x: T, n: number): T => tf.transpose(tf.reshape(x, [ROWS, LENGTH, n, hd]), [0, 2, 1, 3]);
  const embedding = p("model.embed_tokens.weight");
  let x = matMul(tf.oneHot(tf.tensor1d(ids, "int32"), vocabSize).toFloat(), embedding);
  for (let l = 0; l < config.numLayers; l++) {
    const at = (rest: string): T => p(`model.layers.${l}.${rest}`);
    const h = norm(x, at("input_layernorm.weight"));
    const project = (which: string): T =>
      tf.add(dense(h, at(`self_attn.${which}_proj.weight`)), at(`self_attn.${which}_proj.bias`));
    const q = tf.reshape(rotate(heads(project("q"), numHeads)), [ROWS, numKvHeads, group, LENGTH, hd]);
    const k = rotate(heads(project("k"), numKvHeads));
    const v = heads(project("v"), numKvHeads);
    const folded = tf.reshape(q, [ROWS, numKvHeads, group * LENGTH, hd]);
    const scores = tf.reshape(tf.div(matMul(folded, swap(k)), Math.sqrt(hd)), [
      ROWS,
      numHeads,
      LENGTH,
      LENGTH,
    ]);
    const weights = tf.reshape(tf.softmax(tf.add(scores, mask)), [ROWS, numKvHeads, group * LENGTH, LENGTH]);
    const mixed = tf.reshape(matMul(weights, v), [ROWS, numHeads, LENGTH, hd]);
    const joined = tf.reshape(tf.transpose(mixed, [0, 2, 1, 3]), [rows, numHeads * hd]);
    x = tf.add(x, dense(joined, at("self_attn.o_proj.weight")));
    const m = norm(x, at("post_attention_layernorm.weight"));
    const gate = dense(m, at("mlp.gate_proj.weight"));
    x = tf.add(
      x,
      dense(
        tf.mul(tf.mul(gate, tf.sigmoid(gate)), dense(m, at("mlp.up_proj.weight"))),
        at("mlp.down_proj.weight"),
      ),
    );
  }
  return dense(norm(x, p("model.norm.weight")), embedding);
}

export async function tfjsWasm(steps: number): Promise<Measured & { version: string }> {
  const wasm = createRequire(import.meta.url).resolve("@tensorflow/tfjs-backend-wasm");
  setWasmPaths(`${dirname(wasm)}/`);
  if (!(await tf.setBackend("wasm"))) throw new Error("tfjs: the wasm backend does not start");
  const initial = initWeights(config, makeRng("bench"));
  const variables = new Map(
    parameterSpecs(config).map(({ name, shape }) => [
      name,
      tf.variable(tf.tensor(initial.get(name)!, [...shape])),
    ]),
  );
  const data = batch(0, "bench");
  const width = LENGTH + 1;
  const ids = data.tokenIds.filter((_, n) => n % width < LENGTH);
  const targets = data.tokenIds.filter((_, n) => n % width > 0);
  const adam = tf.train.adam(1e-3);
  const measured = await measure(1, steps, async () => {
    const cost = adam.minimize(
      () => {
        const hot = tf.oneHot(tf.tensor1d(targets, "int32"), config.vocabSize).toFloat();
        return tf.neg(
          tf.mean(tf.sum(tf.mul(tf.logSoftmax(logits((name) => variables.get(name)!, ids)), hot), 1)),
        ) as tf.Scalar;
      },
      true,
      [...variables.values()],
    )!;
    const loss = (await cost.data())[0]!;
    cost.dispose();
    if (!Number.isFinite(loss)) throw new Error("tfjs-wasm: the loss is not finite");
    return ROWS * LENGTH;
  });
  return { ...measured, version: tf.version.tfjs! };
}
