/** The `Learner` port on the embedded engine. */

import type { Learner } from "../core/ports.js";
import type { Engine } from "../engine/client.js";
import { type SaveOptions, saveModelDir } from "../model/hf.js";

export interface EmbeddedLearnerOptions {
  /** Directory whose tokenizer files go into what is published; null = weights and config only. */
  readonly tokenizerDir: string | null;
  /** Precision of published weights; default F32. */
  readonly dtype?: NonNullable<SaveOptions["dtype"]>;
}

/** Owns the engine: `close` ends it. */
export function embeddedLearner(engine: Engine, options: EmbeddedLearnerOptions): Learner {
  return {
    async probe() {
      const { learner, parameters } = engine.facts;
      return {
        engine: learner.runtime,
        device: learner.device,
        parameters,
        maxLength: engine.maxLength,
        vocabSize: engine.config.vocabSize,
      };
    },
    step: (batch, hyper, signal) => engine.train(batch, hyper, signal),
    logprobs: (batch, signal) => engine.logprobs(batch, signal),
    async publish(dir) {
      await saveModelDir(dir, engine.config, await engine.weights(), {
        ...(options.dtype !== undefined && { dtype: options.dtype }),
        ...(options.tokenizerDir !== null && { tokenizerDir: options.tokenizerDir }),
      });
    },
    save: (dir) => engine.save(dir),
    restore: (dir) => engine.restore(dir),
    close: () => engine.close(),
  };
}
