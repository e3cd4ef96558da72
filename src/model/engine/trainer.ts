/**
 * The learner's half of the engine: one optimizer step over micro-batches, log-probs, and the state that a checkpoint
 * needs. Runs inside the worker; the weights array is shared with the generator.
 */

import { TrainError } from "../../core/errors.js";
import type { Batch, LossSpec, StepHyper, StepReport } from "../../core/types.js";
import { policyVersion } from "../../core/units.js";
import type { Qwen2Config } from "../config.js";
import {
  createSession,
  type Feeds,
  type GraphSession,
  type OrtModule,
  type Tensor,
} from "../onnx/session.js";
import type { FlatLayout } from "../qwen2/flat.js";
import { causalMask } from "../qwen2/rotary.js";
import { buildLogProbGraph, buildTrainGraph, gradientName } from "../qwen2/train-graph.js";
import { type AdamState, adamState, adamwStep, clipFactor, globalNorm } from "./adamw.js";
import { makeCounters } from "./counters.js";
import { lruCache } from "./lru.js";
import { type MicroBatch, planMicroBatches, trainedTokens } from "./plan.js";

export interface TrainerOptions {
  readonly config: Qwen2Config;
  readonly layout: FlatLayout;
  readonly weights: Float32Array; // flat, updated in place
  readonly threads: number;
  readonly maxLength: number;
  readonly chunks?: number;
  readonly profile?: string;
}

export interface Trainer {
  step(batch: Batch, hyper: StepHyper, aborted: () => boolean): Promise<StepReport>;
  /** Sum of the gradients over the step's micro-batches, flat, and the loss; weights stay as they are. */
  gradients(batch: Batch, microBatchTokens: number): Promise<{ loss: number; gradient: Float32Array }>;
  /** Log-probs [N]; 0 at the first token of each row. */
  logprobs(batch: Batch, microBatchTokens: number): Promise<Float32Array>;
  readonly adam: AdamState;
  version: number;
  close(): Promise<void>;
}

/** Causal blocks of the attention: more blocks do less needless work but run more nodes. */
const CHUNKS = 4;
const SESSIONS = 3;

export function makeTrainer(ort: OrtModule, options: TrainerOptions): Trainer {
  const { config, layout, weights, threads, maxLength } = options;
  const graphOptions = { maxLength, chunks: options.chunks ?? CHUNKS };
  const adam = adamState(layout.size);
  const parameters: Feeds = {};
  for (const { name, shape, offset, size } of layout.slots) {
    parameters[name] = new ort.Tensor("float32", weights.subarray(offset, offset + size), [...shape]);
  }
  const sessions = lruCache<GraphSession>(SESSIONS, (session) => session.dispose());
  const sessionOptions = {
    threads,
    ...(options.profile !== undefined && { profile: options.profile }),
  };
  const trainSession = (loss: LossSpec): Promise<GraphSession> =>
    sessions.get(JSON.stringify(loss), () =>
      createSession(ort, buildTrainGraph(config, layout, loss, graphOptions), sessionOptions),
    );
  const forwardSession = (): Promise<GraphSession> =>
    sessions.get("logprobs", () =>
      createSession(ort, buildLogProbGraph(config, layout, graphOptions), sessionOptions),
    );

  const masks = new Map<number, Tensor[]>();
  const group = config.numHeads / config.numKvHeads;
  const masksFor = (block: number): Tensor[] => {
    let made = masks.get(block);
    if (made === undefined) {
      made = Array.from(
        { length: graphOptions.chunks },
        (_, i) => new ort.Tensor("float32", causalMask(group, block, i), [group * block, (i + 1) * block]),
      );
      masks.set(block, made);
    }
    return made;
  };

  function feedsOf(plan: MicroBatch, temperature: number): Feeds {
    const feeds: Feeds = {
      ...parameters,
      ids: new ort.Tensor("int32", plan.ids, [plan.ids.length]),
      rows: new ort.Tensor("int32", plan.places, [plan.places.length]),
      targets: new ort.Tensor("int32", plan.targets, [plan.targets.length]),
      invTemperature: new ort.Tensor("float32", Float32Array.of(1 / temperature), []),
    };
    masksFor(plan.length / graphOptions.chunks).forEach((mask, i) => {
      feeds[`mask${i}`] = mask;
    });
    return feeds;
  }
  const symbolsOf = (plan: MicroBatch) => ({
    B: plan.rows,
    T: plan.length,
    C: plan.length / graphOptions.chunks,
    R: plan.places.length,
  });
  const limits = (tokens: number) => ({ tokens, maxLength, vocabSize: config.vocabSize });

  async function accumulate(batch: Batch, tokens: number, aborted: () => boolean) {
    checkBatch(batch);
    const plans = planMicroBatches(batch, trainedTokens(batch), limits(tokens));
    const gradient = new Float32Array(layout.size);
    const counters = makeCounters(batch);
    const session = plans.length === 0 ? null : await trainSession(batch.loss);
    for (const [at, plan] of plans.entries()) {
      if (aborted()) throw new TrainError("interrupted", "the optimizer step was stopped before its update");
      const pick = (from: Float32Array): Tensor =>
        new ort.Tensor(
          "float32",
          Float32Array.from(plan.source, (n) => from[n]!),
          [plan.source.length],
        );
      const feeds = feedsOf(plan, batch.temperature);
      feeds.inverse = new ort.Tensor("int32", plan.inverse, [plan.inverse.length]);
      const coef = Float32Array.from(plan.source, (n) => batch.weights[n]! / batch.divisor);
      feeds.coef = new ort.Tensor("float32", coef, [coef.length]);
      if (batch.loss.kind === "clip") {
        feeds.advantages = pick(batch.advantages);
        feeds.behavior = pick(batch.behaviorLogprobs);
      }
      const out = await session!.run(symbolsOf(plan), feeds);
      counters.add(plan, coef, out.logp!.data as Float32Array, out.loss!.data as Float32Array);
      for (const { name, offset, size } of layout.slots) {
        const part = out[gradientName(name)]!.data as Float32Array;
        if (at === 0) gradient.set(part, offset);
        else for (let i = 0; i < size; i++) gradient[offset + i]! += part[i]!;
      }
    }
    return { gradient, counters, microBatches: plans.length };
  }

  const trainer: Trainer = {
    adam,
    version: 0,

    async step(batch, hyper, aborted) {
      const started = performance.now();
      const { gradient, counters, microBatches } = await accumulate(batch, hyper.microBatchTokens, aborted);
      const gradNorm = globalNorm(gradient);
      const loss = counters.loss();
      const skipped = microBatches === 0 || !Number.isFinite(gradNorm) || !Number.isFinite(loss);
      if (!skipped) {
        adamwStep(weights, gradient, clipFactor(gradNorm, hyper.maxGradNorm), adam, layout.slots, hyper);
        trainer.version += 1;
      }
      return {
        ...counters.report(),
        loss,
        gradNorm,
        skipped,
        tokens: batch.tokenIds.length,
        microBatches,
        version: policyVersion(trainer.version),
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
      const session = await forwardSession();
      for (const plan of plans) {
        const out = await session.run(symbolsOf(plan), feedsOf(plan, batch.temperature));
        const logp = out.logp!.data as Float32Array;
        for (let r = 0; r < logp.length; r++) result[plan.source[r]!] = logp[r]!;
      }
      return result;
    },

    close: () => sessions.clear(),
  };
  return trainer;
}

function checkBatch(batch: Batch): void {
  const n = batch.tokenIds.length;
  for (const field of ["lossMask", "weights", "behaviorLogprobs", "advantages"] as const) {
    if (batch[field].length !== n) {
      throw new TrainError("bug", `batch.${field}: expected ${n} values, got ${batch[field].length}`);
    }
  }
  if (batch.rowStart[0] !== 0 || batch.rowStart.at(-1) !== n) {
    throw new TrainError(
      "bug",
      `batch.rowStart: expected 0 .. ${n}, got ${batch.rowStart[0]} .. ${batch.rowStart.at(-1)}`,
    );
  }
  if (!(batch.divisor > 0)) throw new TrainError("bug", `batch.divisor: expected > 0, got ${batch.divisor}`);
  if (!(batch.temperature > 0)) {
    throw new TrainError("config", `training temperature: expected > 0, got ${batch.temperature}`);
  }
}
