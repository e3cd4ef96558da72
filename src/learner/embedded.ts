/** The `Learner` port on the embedded engine (src/engine). */

import type { Learner } from "../core/ports.js";
import type { Engine } from "../engine/client.js";
import { saveModelDir } from "../model/hf.js";

export interface EmbeddedLearnerOptions {
  /** Directory whose tokenizer files go into an export; null = weights and config only. */
  readonly tokenizerDir: string | null;
}

/** The engine stays the caller's: `close` leaves it running. */
export function embeddedLearner(engine: Engine, options: EmbeddedLearnerOptions): Learner {
  const { learner, parameters } = engine.facts;
  return {
    info: {
      engine: learner.runtime,
      device: learner.device,
      parameters,
      maxLength: engine.maxLength,
      vocabSize: engine.config.vocabSize,
    },
    step: (batch, hyper, signal) => engine.train(batch, hyper, signal),
    logprobs: (batch, signal) => engine.logprobs(batch, signal),
    async exportTo(dir, { dtype }) {
      await saveModelDir(dir, engine.config, await engine.weights(), {
        dtype,
        ...(options.tokenizerDir !== null && { tokenizerDir: options.tokenizerDir }),
      });
    },
    save: (dir) => engine.save(dir),
    restore: (dir) => engine.restore(dir),
    async close() {},
  };
}
