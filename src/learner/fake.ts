/** A learner without a model, for tests, dry runs and demos: counts its updates and sums what it was given. */

import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { messageOf, TrainError } from "../core/errors.js";
import { FAKE_WEIGHTS_FILE } from "../core/handover.js";
import type { Learner } from "../core/ports.js";
import type { Batch } from "../core/types.js";
import { type LearnerEngine, LOSS_OPTIONS, OPTIMIZER_KEYS } from "./learner-engine.js";

const schema = z.strictObject({ engine: z.literal("fake"), ...OPTIMIZER_KEYS });

export const fake = {
  schema,
  loss: new Set(LOSS_OPTIONS),
  gives: ["fake-directory"],
  async open(_section, { config }) {
    const learner = fakeLearner({ vocabSize: config.vocabSize, maxLength: config.maxPositionEmbeddings });
    return { learner, label: "fake", choices: {} };
  },
} satisfies LearnerEngine<z.infer<typeof schema>>;

export interface FakeLearner extends Learner {
  /** The batches of every step since the start, in order. */
  readonly batches: readonly Batch[];
  /** Updates applied, and a number that depends on all of them: equal states have equal sums. */
  readonly state: { readonly updates: number; readonly sum: number };
}

export interface FakeLearnerOptions {
  readonly vocabSize: number;
  readonly maxLength?: number;
  /** Steps (from 1) whose gradient is to count as not finite. */
  readonly skips?: readonly number[];
}

export function fakeLearner(options: FakeLearnerOptions): FakeLearner {
  const { vocabSize, maxLength = 4096, skips = [] } = options;
  const batches: Batch[] = [];
  let state = { updates: 0, sum: 0 };
  return {
    batches,
    get state() {
      return state;
    },
    info: { engine: "fake", device: "none", parameters: 1, maxLength, vocabSize },
    async step(batch, hyper, signal) {
      signal.throwIfAborted();
      batches.push(batch);
      const skipped = skips.includes(batch.step);
      let loss = 0;
      batch.lossMask.forEach((mask, n) => {
        if (mask === 1) loss -= (batch.weights[n]! * batch.advantages[n]!) / batch.divisor;
      });
      if (!skipped) state = { updates: state.updates + 1, sum: state.sum * 0.9 + loss * hyper.lr };
      return {
        loss: skipped ? Number.NaN : loss,
        gradNorm: skipped ? Number.NaN : Math.abs(loss),
        skipped,
        tokens: batch.tokenIds.length,
        lossTokens: batch.lossTokens,
        microBatches: 1,
        clipFracLow: 0,
        clipFracHigh: 0,
        ratioMean: 1,
        ratioMax: 1,
        klBehavior: 0,
        entropy: Math.log(vocabSize),
        updates: state.updates,
        seconds: 0,
      };
    },
    async logprobs(batch, signal) {
      signal.throwIfAborted();
      const logprobs = new Float32Array(batch.tokenIds.length).fill(-Math.log(vocabSize));
      for (const start of batch.rowStart) if (start < logprobs.length) logprobs[start] = 0;
      return logprobs;
    },
    async exportTo(dir) {
      await writeFile(join(dir, FAKE_WEIGHTS_FILE), JSON.stringify(state));
    },
    async save(dir) {
      await writeFile(join(dir, FAKE_WEIGHTS_FILE), JSON.stringify(state));
    },
    async restore(dir) {
      const path = join(dir, FAKE_WEIGHTS_FILE);
      try {
        state = JSON.parse(await readFile(path, "utf8"));
      } catch (cause) {
        throw new TrainError("checkpoint", `cannot read ${path}: ${messageOf(cause)}`, { cause });
      }
    },
    async close() {},
  };
}
