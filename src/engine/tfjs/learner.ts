/**
 * The learner on tfjs: parameters, gradients and moments stay on the device. One step uploads its micro-batches first,
 * because an upload waits for what was queued before it, queues all of them, and waits once for the log-probs, losses and
 * the gradient's norm; the update follows.
 */

import { messageOf, TrainError } from "../../core/errors.js";
import type { Batch, StepReport } from "../../core/types.js";
import type { Qwen2Config } from "../../model/config.js";
import type { FlatLayout } from "../qwen2/flat.js";
import { adamState, clipFactor } from "../step/adamw.js";
import { makeCounters } from "../step/counters.js";
import { checkBatch, type DeviceLearner } from "../step/device-learner.js";
import { type MicroBatch, planMicroBatches, trainedTokens } from "../step/plan.js";
import type { BlockContext } from "./block.js";
import type { Checkpointing } from "./checkpointing.js";
import { makeContexts } from "./contexts.js";
import { cutsOf, headLogProbs, type TokenInputs } from "./head.js";
import type { Kernels, Tensor } from "./kernels.js";
import { deviceLayout } from "./layout.js";
import { backward, forward } from "./model.js";
import {
  addGradients,
  deviceParameters,
  gradientTensors,
  type ReadyGradients,
  readyTensors,
} from "./parameters.js";

export interface TfjsLearnerOptions {
  readonly config: Qwen2Config;
  readonly layout: FlatLayout;
  readonly weights: Float32Array; // flat, in the host's order; brought up to date by `pull`
  readonly maxLength: number;
  /** Whether the blocks' activations are made again in the backward pass, for a micro-batch of B rows of T tokens. */
  readonly checkpointing?: Checkpointing;
  /** Predicted tokens whose logits exist at once; default: as many as fit in 256 MiB. */
  readonly headRows?: number;
  /** Blocks of the causal attention; default: by the size of the scores. */
  readonly blocks?: number;
}

const LOGITS = 2 ** 26; // floats
interface Uploaded {
  readonly plan: MicroBatch;
  readonly context: BlockContext;
  readonly ids: Tensor; // ints [N]
  readonly places: Tensor; // ints [R]
  /** Of each chunk of the head. */
  readonly inputs: readonly TokenInputs[];
}

export function makeTfjsLearner(k: Kernels, options: TfjsLearnerOptions): DeviceLearner {
  const { config, layout, weights, maxLength, checkpointing = () => false } = options;
  const headRows = options.headRows ?? Math.max(64, Math.floor(LOGITS / config.vocabSize));
  const device = deviceLayout(config, layout);
  const parameters = deviceParameters(k, device, weights);
  const adam = adamState(layout.size);
  const contexts = makeContexts(k, config, options.blocks);
  /** Whether the device is ahead of the host's weights, and of its moments. */
  const ahead = { weights: false, moments: false };
  const limits = (tokens: number) => ({ tokens, share: false, maxLength, vocabSize: config.vocabSize });

  function upload(plans: readonly MicroBatch[], batch: Batch): Uploaded[] {
    contexts.prepare(plans);
    const { loss, advantages, behaviorLogprobs, divisor } = batch;
    return plans.map((plan) => {
      let from = 0;
      const inputs = cutsOf(plan.source.length, headRows).map((rows): TokenInputs => {
        const source = plan.source.subarray(from, from + rows);
        const targets = plan.targets.slice(from, from + rows);
        from += rows;
        const vector = (f: (n: number) => number): Tensor => k.upload(Float32Array.from(source, f), [rows]);
        return {
          targets: k.uploadInts(targets),
          coef: vector((n) => batch.weights[n]! / divisor),
          clip:
            loss.kind === "ce"
              ? null
              : {
                  minusAdvantages: vector((n) => -advantages[n]!),
                  behavior: vector((n) => behaviorLogprobs[n]!),
                  cap:
                    loss.dualClip === null
                      ? null
                      : vector((n) => (advantages[n]! < 0 ? -advantages[n]! * loss.dualClip! : 3e38)),
                },
        };
      });
      return {
        plan,
        context: contexts.of(plan),
        ids: k.uploadInts(plan.ids),
        places: k.uploadInts(plan.places),
        inputs,
      };
    });
  }

  /** Queues the step's micro-batches; `then` gets the summed gradients and counters, inside the scope of all tensors. */
  function accumulate<R>(
    batch: Batch,
    tokens: number,
    aborted: () => boolean,
    then: (sum: {
      flat: { matrices: Tensor; vectors: Tensor } | null;
      norm: number;
      counters: ReturnType<typeof makeCounters>;
      microBatches: number;
    }) => Promise<R>,
  ): Promise<R> {
    checkBatch(batch);
    const plans = planMicroBatches(batch, trainedTokens(batch), limits(tokens));
    return k.scopeAsync(async () => {
      const counters = makeCounters(batch);
      if (plans.length === 0) return then({ flat: null, norm: 0, counters, microBatches: 0 });
      const uploaded = upload(plans, batch);
      const ready = parameters.ready();
      const told: Tensor[] = [];
      let gradients: ReadyGradients | null = null;
      for (const { plan, context, ids, places, inputs } of uploaded) {
        // Lets an abort arrive.
        await new Promise((resolve) => setImmediate(resolve));
        if (aborted())
          throw new TrainError("interrupted", "the optimizer step was stopped before its update");
        const part = k.scope(
          () =>
            backward(context, ready, { ids, places, inputs }, batch, {
              config,
              again: checkpointing(plan.rows, plan.length),
            }),
          (made) => [made.logp, made.loss, ...gradientTensors(made.gradients)],
        );
        told.push(part.logp, part.loss);
        gradients = gradients === null ? part.gradients : addGradients(k, gradients, part.gradients);
      }
      const flat = parameters.unfold(ready, gradients!);
      // The update is in place only where nothing else reads the parameters.
      k.free(...gradientTensors(gradients!), ...readyTensors(ready));
      const squares = [flat.matrices, flat.vectors].map((x) => k.reshape(k.halfSquares(x), [1]));
      const values = await k.download(k.concat([...told, ...squares], 0));
      let at = 0;
      const take = (n: number): Float32Array => {
        at += n;
        return values.subarray(at - n, at);
      };
      for (const plan of plans) {
        const n = plan.source.length;
        const coef = Float32Array.from(plan.source, (i) => batch.weights[i]! / batch.divisor);
        counters.add(plan, coef, take(n), take(n));
      }
      const [first, second] = take(2) as unknown as [number, number];
      return then({ flat, norm: Math.sqrt(2 * (first + second)), counters, microBatches: plans.length });
    });
  }

  const trainer: DeviceLearner = {
    adam,

    step(batch, hyper, aborted) {
      const started = performance.now();
      return accumulate(batch, hyper.microBatchTokens, aborted, async (sum): Promise<StepReport> => {
        const { flat, norm, counters, microBatches } = sum;
        const loss = counters.loss();
        const skipped = flat === null || !Number.isFinite(norm) || !Number.isFinite(loss);
        if (!skipped) {
          const { lr, beta1, beta2, eps, weightDecay } = hyper;
          const moving = { lr, beta1, beta2, eps, decay: lr * weightDecay, count: adam.count + 1 };
          try {
            parameters.adamw(flat, clipFactor(norm, hyper.maxGradNorm), moving);
          } catch (cause) {
            // Half an update must not be followed by another try.
            throw new TrainError("worker", `the update of the weights was cut short: ${messageOf(cause)}`, {
              hint: "lower learner.micro_batch_tokens, and go on from the last checkpoint with --resume",
              cause,
            });
          }
          adam.count += 1;
          ahead.weights = true;
          ahead.moments = true;
        }
        return {
          ...counters.report(),
          loss,
          gradNorm: norm,
          skipped,
          tokens: batch.tokenIds.length,
          microBatches,
          updates: adam.count,
          seconds: (performance.now() - started) / 1000,
        };
      });
    },

    gradients(batch, microBatchTokens) {
      return accumulate(
        batch,
        microBatchTokens,
        () => false,
        async ({ flat, counters }) => {
          const gradient = new Float32Array(layout.size);
          if (flat !== null) {
            device.matrices.unpack(await k.download(flat.matrices), gradient);
            device.vectors.unpack(await k.download(flat.vectors), gradient);
          }
          return { loss: counters.loss(), gradient };
        },
      );
    },

    async logprobs(batch, microBatchTokens) {
      const result = new Float32Array(batch.tokenIds.length);
      const plans = planMicroBatches(batch, () => true, limits(microBatchTokens));
      if (plans.length === 0) return result;
      await k.scopeAsync(async () => {
        const uploaded = upload(plans, { ...batch, loss: { kind: "ce" }, divisor: 1 });
        const ready = parameters.ready();
        const parts = uploaded.map(({ context, ids, places, inputs }) =>
          k.scope(
            () => {
              const { hidden } = forward(context, ready, { ids, places }, config, "none");
              const scaled = { hidden, head: ready.head, temperature: batch.temperature };
              return headLogProbs(k, scaled, inputs);
            },
            (made) => [made],
          ),
        );
        const values = await k.download(k.concat(parts, 0));
        let at = 0;
        for (const { source } of plans) for (const n of source) result[n] = values[at++]!;
      });
      return result;
    },

    async pull(moments) {
      await k.scopeAsync(async () => {
        if (ahead.weights) {
          device.matrices.unpack(await k.download(parameters.matrices.value()), weights);
          device.vectors.unpack(await k.download(parameters.vectors.value()), weights);
          ahead.weights = false;
        }
        if (moments && ahead.moments) {
          for (const which of ["matrices", "vectors"] as const) {
            const { m, v } = parameters[which].moments();
            device[which].unpack(await k.download(m), adam.m);
            device[which].unpack(await k.download(v), adam.v);
          }
          ahead.moments = false;
        }
      });
    },

    async push(moments) {
      for (const which of ["matrices", "vectors"] as const) {
        parameters[which].set(device[which].pack(weights));
        if (moments) parameters[which].setMoments(device[which].pack(adam.m), device[which].pack(adam.v));
      }
      ahead.weights = false;
      if (moments) ahead.moments = false;
    },

    async close() {
      contexts.close();
      parameters.matrices.dispose();
      parameters.vectors.dispose();
      k.close();
    },
  };
  return trainer;
}
