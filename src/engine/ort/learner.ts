/**
 * The learner's half of the engine: one optimizer step over micro-batches, log-probs, and the state that a checkpoint
 * needs. Runs inside the worker; the weights array is shared with the generator.
 */

import { TrainError } from "../../core/errors.js";
import type { Batch, LossSpec } from "../../core/types.js";
import type { Qwen2Config } from "../../model/config.js";
import type { Provider } from "../onnx/provider.js";
import {
  createSession,
  type Feeds,
  type GraphSession,
  type OrtModule,
  type Tensor,
} from "../onnx/runtime.js";
import type { FlatLayout } from "../qwen2/flat.js";
import { accumulatorName, buildLogProbGraph, buildTrainGraph, gradientName } from "../qwen2/train-graph.js";
import { adamState, adamwStep, clipFactor, globalNorm } from "../step/adamw.js";
import { makeCounters } from "../step/counters.js";
import { checkBatch, type DeviceLearner } from "../step/device-learner.js";
import { CPU_TOKENS, LENGTH_STEP, planMicroBatches, trainedTokens } from "../step/plan.js";
import { makeFeeder } from "./feeds.js";
import { lruCache } from "./lru.js";

export interface OrtLearnerOptions {
  readonly config: Qwen2Config;
  readonly layout: FlatLayout;
  readonly weights: Float32Array; // flat, updated in place
  readonly threads: number;
  readonly provider?: Provider;
  /** Whether CUDA may round the factors of products to 10 bits; default false. */
  readonly tf32?: boolean;
  readonly maxLength: number;
  readonly chunks?: number;
  readonly profile?: string;
}

/** Causal blocks of the attention: more blocks do less needless work but run more nodes. */
const CHUNKS = 4;
const SESSIONS = 4;

export function makeOrtLearner(ort: OrtModule, options: OrtLearnerOptions): DeviceLearner {
  const { config, layout, weights, threads, maxLength, provider = "cpu" } = options;
  const chunks = options.chunks ?? CHUNKS;
  const adam = adamState(layout.size);
  const parameters: Feeds = {};
  for (const { name, shape, offset, size } of layout.slots) {
    parameters[name] = new ort.Tensor("float32", weights.subarray(offset, offset + size), [...shape]);
  }
  const sessions = lruCache<GraphSession>(SESSIONS, (session) => session.dispose());
  const sessionFor = (loss: LossSpec | null, shared: boolean): Promise<GraphSession> =>
    sessions.get(JSON.stringify([loss, shared]), () => {
      const how = { maxLength: maxLength + 2 * LENGTH_STEP, chunks, shared }; // padding has positions too
      const graph =
        loss === null ? buildLogProbGraph(config, layout, how) : buildTrainGraph(config, layout, loss, how);
      return createSession(ort, graph, {
        threads,
        provider,
        tf32: options.tf32 ?? false,
        ...(options.profile !== undefined && { profile: options.profile }),
      });
    });
  const feeder = makeFeeder(ort, config, chunks);
  const zeros = new Float32Array(layout.size);
  const limits = (tokens: number) => ({
    tokens,
    ...(provider === "cpu" && { good: CPU_TOKENS }),
    maxLength,
    vocabSize: config.vocabSize,
  });

  async function accumulate(batch: Batch, tokens: number, aborted: () => boolean) {
    checkBatch(batch);
    const plans = planMicroBatches(batch, trainedTokens(batch), limits(tokens));
    const counters = makeCounters(batch);
    let parts: Feeds = {};
    for (const { name, shape, offset, size } of layout.slots) {
      parts[accumulatorName(name)] = new ort.Tensor("float32", zeros.subarray(offset, offset + size), [
        ...shape,
      ]);
    }
    for (const plan of plans) {
      if (aborted()) throw new TrainError("interrupted", "the optimizer step was stopped before its update");
      const vector = (values: Float32Array): Tensor => new ort.Tensor("float32", values, [values.length]);
      const pick = (from: Float32Array): Tensor => vector(Float32Array.from(plan.source, (n) => from[n]!));
      const coef = Float32Array.from(plan.source, (n) => batch.weights[n]! / batch.divisor);
      const session = await sessionFor(batch.loss, plan.prefix > 0);
      const out = await session.run(feeder.symbols(plan), {
        ...parameters,
        ...parts,
        ...feeder.feeds(plan, batch.temperature),
        inverse: new ort.Tensor("int32", plan.inverse, [plan.inverse.length]),
        coef: vector(coef),
        ...(batch.loss.kind === "clip" && {
          advantages: pick(batch.advantages),
          behavior: pick(batch.behaviorLogprobs),
        }),
      });
      counters.add(plan, coef, out.logp!.data as Float32Array, out.loss!.data as Float32Array);
      // The graph adds to what it is given, so the last micro-batch's outputs are the sums over all.
      parts = Object.fromEntries(
        layout.slots.map(({ name }) => [accumulatorName(name), out[gradientName(name)]!]),
      );
    }
    const gradient = new Float32Array(layout.size);
    for (const { name, offset } of layout.slots) {
      gradient.set(parts[accumulatorName(name)]!.data as Float32Array, offset);
    }
    return { gradient, counters, microBatches: plans.length };
  }

  const trainer: DeviceLearner = {
    adam,

    async step(batch, hyper, aborted) {
      const started = performance.now();
      const { gradient, counters, microBatches } = await accumulate(batch, hyper.microBatchTokens, aborted);
      const gradNorm = globalNorm(gradient);
      const loss = counters.loss();
      const skipped = microBatches === 0 || !Number.isFinite(gradNorm) || !Number.isFinite(loss);
      if (!skipped) {
        adamwStep(weights, gradient, clipFactor(gradNorm, hyper.maxGradNorm), adam, layout.slots, hyper);
      }
      return {
        ...counters.report(),
        loss,
        gradNorm,
        skipped,
        tokens: batch.tokenIds.length,
        microBatches,
        updates: adam.count,
        seconds: (performance.now() - started) / 1000,
      };
    },

    async gradients(batch, microBatchTokens) {
      const { gradient, counters } = await accumulate(batch, microBatchTokens, () => false);
      return { loss: counters.loss(), gradient };
    },

    async logprobs(batch, microBatchTokens) {
      const result = new Float32Array(batch.tokenIds.length);
      const plans = planMicroBatches(batch, () => true, limits(microBatchTokens));
      for (const plan of plans) {
        const session = await sessionFor(null, plan.prefix > 0);
        const feeds = { ...parameters, ...feeder.feeds(plan, batch.temperature) };
        const out = await session.run(feeder.symbols(plan), feeds);
        const logp = out.logp!.data as Float32Array;
        for (let r = 0; r < logp.length; r++) result[plan.source[r]!] = logp[r]!;
      }
      return result;
    },

    // The host's arrays are the only ones.
    async pull() {},
    async push() {},

    close: () => sessions.clear(),
  };
  return trainer;
}
