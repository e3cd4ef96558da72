/**
 * The child of a self-test: loads one backend, multiplies two matrices and takes a gradient, prints one JSON line.
 * usage: node accelerator-test.js FOLDER BACKEND
 */

import { TrainError } from "../core/errors.js";
import { loadTfjs } from "../engine/accelerator/load-tfjs.js";
import { tryProvider } from "../engine/accelerator/ort-providers.js";
import type { Backend, TestResult } from "../setup/self-test.js";

const SIZE = 512;

/** d/dx sum(x·x)[i,j] = rowsum(xᵀ) + colsum(x): checked on constant matrices, where it is 2·SIZE·value. */
async function testTfjs(root: string, want: "tfjs-node" | "tfjs-node-gpu"): Promise<string> {
  const { tf, device, versions } = await loadTfjs({ root, want });
  const x = tf.fill([SIZE, SIZE], 0.5);
  const gradient = tf.grad((v) => tf.sum(tf.matMul(v as typeof x, v as typeof x)))(x);
  const data = await gradient.data();
  const expected = 2 * SIZE * 0.5;
  if (!data.every((v) => Math.abs(v - expected) < 1e-2 * expected))
    throw new TrainError("tool", `expected a gradient of ${expected}, got ${data[0]}`);
  return `${device}, TensorFlow ${versions.tensorflow}${versions.cuda === null ? "" : ` (CUDA ${versions.cuda})`}, tfjs ${versions.tfjs}`;
}

async function test(root: string, backend: Backend): Promise<TestResult> {
  const start = performance.now();
  try {
    const what =
      backend === "tfjs-node" || backend === "tfjs-node-gpu"
        ? await testTfjs(root, backend)
        : await tryProvider(backend === "ort-cuda" ? "cuda" : "webgpu");
    return {
      ok: true,
      value: `${what}; loads and computes in ${((performance.now() - start) / 1000).toFixed(1)} s`,
    };
  } catch (error) {
    if (!(error instanceof TrainError)) throw error;
    const value = [error.message, ...error.details].join("; ");
    return { ok: false, value, ...(error.hint !== undefined && { hint: error.hint }) };
  }
}

const [root = "", backend = ""] = process.argv.slice(2);
const result = await test(root, backend as Backend);
process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit(0));
