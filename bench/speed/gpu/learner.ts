/**
 * Speed of one optimizer step: rows of equal length, every token predicted, random weights.
 *   npx tsx bench/speed/gpu/learner.ts [--backend tfjs-node-gpu|tfjs-node|ort-cuda|ort-webgpu|ort-cpu] [--shape 121M,24.7M,1.8M]
 *     [--row 1024] [--budgets 8192,16384,32768,65536] [--micro-batches 1] [--steps 10] [--loss ce|clip]
 *     [--checkpointing off|on] [--blocks 1|2|4] [--taped] [--threads 1] [--out FILE]
 *   npx tsx bench/speed/gpu/learner.ts --leak 1000 --shape 24.7M --budgets 8192     memory and tensors over many steps
 *
 * A step is --micro-batches micro-batches of a budget's tokens. --taped is the plain port by tf.variableGrads beside it.
 * Only the first --backend of a process is loaded, so each backend is a run of its own.
 */

import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { makeRng } from "../../../src/core/rng.js";
import type { Batch, StepHyper } from "../../../src/core/types.js";
import { step as toStep } from "../../../src/core/units.js";
import {
  isTfjs,
  LEARNER_BACKENDS,
  type LearnerBackend,
  providerOf,
} from "../../../src/engine/accelerator/backends.js";
import { loadTfjs } from "../../../src/engine/accelerator/load-tfjs.js";
import { memoryPlan } from "../../../src/engine/accelerator/memory.js";
import { loadOrt } from "../../../src/engine/onnx/runtime.js";
import { makeOrtLearner } from "../../../src/engine/ort/learner.js";
import { flatLayout, packWeights } from "../../../src/engine/qwen2/flat.js";
import type { DeviceLearner } from "../../../src/engine/step/device-learner.js";
import type { Kernels } from "../../../src/engine/tfjs/kernels.js";
import { makeTfjsLearner } from "../../../src/engine/tfjs/learner.js";
import { kernelsOf } from "../../../src/engine/tfjs/open.js";
import type { Qwen2Config } from "../../../src/model/config.js";
import { countParameters, initWeights } from "../../../src/model/parameters.js";
import { SHAPES } from "./shapes.js";
import { tapedLearner } from "./taped.js";

const { values: flags } = parseArgs({
  options: {
    backend: { type: "string", default: "tfjs-node-gpu" },
    shape: { type: "string", default: "121M,24.7M,1.8M" },
    row: { type: "string", default: "1024" },
    budgets: { type: "string", default: "8192,16384,32768,65536" },
    "micro-batches": { type: "string", default: "1" },
    steps: { type: "string", default: "10" },
    loss: { type: "string", default: "ce" },
    blocks: { type: "string" },
    checkpointing: { type: "string", default: "off" },
    taped: { type: "boolean", default: false },
    threads: { type: "string", default: "1" },
    leak: { type: "string" },
    out: { type: "string" },
  },
});
const backend = LEARNER_BACKENDS.find((b) => b === flags.backend) as LearnerBackend;
if (backend === undefined) throw new Error(`--backend must be one of ${LEARNER_BACKENDS.join(", ")}`);
const length = Number(flags.row);
const times = Number(flags.steps);
const microBatches = Number(flags["micro-batches"]);

function makeBatch(config: Qwen2Config, rows: number): Batch {
  const rng = makeRng("bench");
  const width = length + 1; // the last token of a row is predicted only
  const n = rows * width;
  const lossMask = Uint8Array.from({ length: n }, (_, i) => (i % width === 0 ? 0 : 1));
  const each = (f: () => number): Float32Array => Float32Array.from(lossMask, (m) => (m === 1 ? f() : 0));
  return {
    step: toStep(1),
    tokenIds: Int32Array.from({ length: n }, () => rng.int(config.vocabSize)),
    rowStart: Int32Array.from({ length: rows + 1 }, (_, b) => b * width),
    lossMask,
    weights: new Float32Array(n).fill(1),
    behaviorLogprobs: each(() => -Math.log(config.vocabSize) + 0.1 * rng.normal()),
    advantages: each(() => rng.normal()),
    groupIds: Int32Array.from({ length: rows }, (_, b) => b),
    divisor: rows * length,
    lossTokens: rows * length,
    temperature: 1,
    loss:
      flags.loss === "ce"
        ? { kind: "ce" }
        : { kind: "clip", epsLow: 0.2, epsHigh: 0.28, dualClip: null, klCoef: 0, entropyCoef: 0 },
  };
}

const hyperOf = (tokens: number): StepHyper => ({
  lr: 1e-4,
  beta1: 0.9,
  beta2: 0.99,
  eps: 1e-8,
  weightDecay: 0.01,
  maxGradNorm: 1,
  microBatchTokens: tokens,
});

/** Matrix products of a token forward and backward; score matrices counted whole. */
function flopsPerToken(c: Qwen2Config): number {
  const context = c.numHeads * c.headDim;
  const layer =
    c.hiddenSize * (2 * context + 2 * c.numKvHeads * c.headDim) + 3 * c.hiddenSize * c.intermediateSize;
  return 6 * (c.numLayers * layer + c.vocabSize * c.hiddenSize) + 12 * c.numLayers * context * length;
}

/** MiB in use on the GPU by all processes; null without one. */
function gpuMiB(): number | null {
  try {
    const card = process.env.CUDA_VISIBLE_DEVICES?.split(",")[0] || "0";
    const words = ["--query-gpu=memory.used", "--format=csv,noheader,nounits", "-i", card];
    return Number(
      execFileSync("nvidia-smi", words, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }),
    );
  } catch {
    return null;
  }
}

interface Opened {
  readonly trainer: DeviceLearner;
  readonly kernels: Kernels | null;
  readonly engine: string;
}

async function open(config: Qwen2Config): Promise<Opened> {
  const layout = flatLayout(config);
  const weights = new Float32Array(layout.size);
  packWeights(layout, initWeights(config, makeRng("bench")), weights);
  const shared = { config, layout, weights, maxLength: length + 1 };
  if (isTfjs(backend)) {
    const kernels = kernelsOf(await loadTfjs({ want: backend }));
    const again = flags.checkpointing === "on";
    const trainer = makeTfjsLearner(kernels, {
      ...shared,
      checkpointing: () => again,
      ...(flags.blocks !== undefined && { blocks: Number(flags.blocks) }),
    });
    return { trainer, kernels, engine: `${kernels.runtime} on ${kernels.device}` };
  }
  const ort = await loadOrt();
  const provider = providerOf(backend);
  const trainer = makeOrtLearner(ort, { ...shared, threads: Number(flags.threads), provider, tf32: true });
  return { trainer, kernels: null, engine: `onnxruntime-node ${ort.env.versions.node}, ${provider}` };
}

const median = (xs: readonly number[]): number => xs.toSorted((a, b) => a - b)[xs.length >> 1]!;

interface Row {
  readonly shape: string;
  readonly what: string;
  readonly tokens: number;
  readonly tokensPerSecond: number;
  readonly tokensPerCpuSecond: number;
  readonly msPerStep: number;
  readonly tflops: number;
  readonly callsPerStep: number | null;
  readonly tensors: number | null;
  readonly gpuMiB: number | null;
  readonly loss: number;
}
const results: Row[] = [];
let engine = "";

async function measure(
  shape: string,
  what: string,
  tokens: number,
  kernels: { readonly calls: number; readonly numTensors?: number } | null,
  once: () => Promise<number>,
): Promise<void> {
  const config = SHAPES[shape]!;
  for (let i = 0; i < 3; i++) await once();
  const calls = kernels?.calls ?? 0;
  const wall: number[] = [];
  const cpu: number[] = [];
  let loss = 0;
  for (let i = 0; i < times; i++) {
    const [c, t] = [process.cpuUsage(), performance.now()];
    loss = await once();
    wall.push((performance.now() - t) / 1000);
    const used = process.cpuUsage(c);
    cpu.push((used.user + used.system) / 1e6);
  }
  const row: Row = {
    shape,
    what,
    tokens,
    tokensPerSecond: Math.round(tokens / median(wall)),
    tokensPerCpuSecond: Math.round(tokens / median(cpu)),
    msPerStep: Math.round(median(wall) * 1e4) / 10,
    tflops: Math.round((tokens * flopsPerToken(config)) / median(wall) / 1e10) / 100,
    callsPerStep: kernels === null ? null : (kernels.calls - calls) / times,
    tensors: kernels?.numTensors ?? null,
    gpuMiB: gpuMiB(),
    loss,
  };
  results.push(row);
  const { tokensPerSecond, tokensPerCpuSecond, msPerStep, tflops, callsPerStep } = row;
  console.log(
    `${shape.padEnd(6)} ${what.padEnd(22)} ${String(tokens).padStart(6)} tokens ${String(tokensPerSecond).padStart(7)} tok/s ` +
      `${String(tokensPerCpuSecond).padStart(7)} tok/CPU s ${String(msPerStep).padStart(8)} ms ${String(tflops).padStart(6)} TFLOP/s ` +
      `${String(callsPerStep ?? "-").padStart(6)} calls ${String(row.gpuMiB ?? "-").padStart(6)} MiB  loss ${loss.toFixed(4)}`,
  );
}

async function leak(shape: string, budget: number, steps: number): Promise<void> {
  const config = SHAPES[shape]!;
  const { trainer, kernels } = await open(config);
  const batch = makeBatch(config, Math.max(1, Math.floor(budget / length)));
  const hyper = { ...hyperOf(Math.ceil(budget / 2)), lr: 1e-5 };
  const points = [];
  for (let i = 1; i <= steps; i++) {
    await trainer.step(batch, hyper, () => false);
    if (i === 3 || i % Math.ceil(steps / 20) === 0) {
      const point = {
        step: i,
        tensors: kernels?.numTensors ?? null,
        rssMiB: Math.round(process.memoryUsage.rss() / 2 ** 20),
        gpuMiB: gpuMiB(),
      };
      points.push(point);
      console.log(JSON.stringify(point));
    }
  }
  await trainer.close();
  const [first, last] = [points[0]!, points.at(-1)!];
  const constant =
    first.tensors === last.tensors && (first.gpuMiB === null || last.gpuMiB! <= first.gpuMiB + 64);
  console.log(`${shape}: ${steps} steps, tensors and GPU memory ${constant ? "constant" : "GROW"}`);
  results.push(...([{ shape, what: "leak", points, constant }] as unknown as Row[]));
  if (!constant) process.exitCode = 1;
}

for (const shape of flags.shape.split(",")) {
  const config = SHAPES[shape];
  if (config === undefined) throw new Error(`--shape: one of ${Object.keys(SHAPES).join(", ")}`);
  const budgets = flags.budgets.split(",").map(Number);
  if (flags.leak !== undefined) {
    await leak(shape, budgets[0]!, Number(flags.leak));
    continue;
  }
  const opened = await open(config);
  engine = opened.engine;
  console.log(`${shape}: ${(countParameters(config) / 1e6).toFixed(1)} M parameters, ${engine}`);
  for (const budget of budgets) {
    const rows = Math.max(1, Math.floor(budget / length));
    const batch = makeBatch(config, rows * microBatches);
    const tokens = rows * length * microBatches;
    const mode = flags.checkpointing === "on" ? "on" : "off";
    const plan = memoryPlan({ ...config, maxPositionEmbeddings: length }, budget, length, mode, null);
    const planned = `${(plan.total / 2 ** 30).toFixed(1)} GiB planned`;
    try {
      await measure(shape, `${backend} ${planned}`, tokens, opened.kernels, async () => {
        const report = await opened.trainer.step(batch, hyperOf(budget), () => false);
        if (report.microBatches !== microBatches && isTfjs(backend))
          throw new Error(`expected ${microBatches} micro-batches, got ${report.microBatches}`);
        return report.loss;
      });
    } catch (error) {
      console.log(`${shape} ${budget} tokens: ${String(error).split("\n").slice(0, 2).join(" ")}`);
    }
  }
  await opened.trainer.close();
  if (flags.taped && isTfjs(backend)) {
    const { tf } = await loadTfjs({ want: backend });
    for (const budget of budgets) {
      const rows = Math.max(1, Math.floor(budget / length));
      const taped = tapedLearner(tf, config, initWeights(config, makeRng("bench")), rows, length);
      await measure(shape, "tf.variableGrads", rows * length, taped, () =>
        taped.step(makeBatch(config, rows)),
      );
      tf.disposeVariables();
    }
  }
}

const { out, ...asked } = flags;
const record = {
  date: new Date().toISOString(),
  cpu: `${cpus().length} x ${cpus()[0]?.model}`,
  node: process.versions.node,
  engine,
  flags: asked,
  results,
};
if (out !== undefined) writeFileSync(out, `${JSON.stringify(record, null, 1)}\n`);
