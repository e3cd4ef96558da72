/** The `Sampler` port on the embedded engine. Weights are shared with the learner, so publishing only names them. */

import type { Sampler } from "../core/ports.js";
import { type PolicyVersion, policyVersion } from "../core/units.js";
import type { Engine } from "../model/engine/client.js";

/** The engine stays the caller's: `close` leaves it running for the learner. */
export function embeddedSampler(engine: Engine): Sampler {
  let version: PolicyVersion = policyVersion(0);
  return {
    async probe() {
      const { runtime } = await engine.facts();
      return {
        engine: runtime,
        device: `cpu, ${engine.threads.sample} thread(s)`,
        maxLength: engine.maxLength,
        vocabSize: engine.config.vocabSize,
      };
    },
    generate: (requests, signal) => engine.generate(requests, signal, version),
    async publish(next) {
      version = next;
    },
    async close() {},
  };
}
