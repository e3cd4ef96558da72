/**
 * The `Sampler` port on the embedded engine. Where it shares the learner's engine, publishing only names the weights;
 * where it has one of its own, so that both can work at once, publishing copies them.
 */

import type { Sampler } from "../core/ports.js";
import { type PolicyVersion, policyVersion } from "../core/units.js";
import type { Engine } from "../engine/client.js";

/**
 * The engines stay the caller's: `close` leaves them running.
 * @param learner engine that weights are taken from when they are published; null = the sampler's own
 */
export function embeddedSampler(engine: Engine, learner: Engine | null = null): Sampler {
  let version: PolicyVersion = policyVersion(0);
  return {
    async probe() {
      const { sampler } = engine.facts;
      return {
        engine: sampler.runtime,
        device: sampler.device,
        maxLength: engine.maxLength,
        vocabSize: engine.config.vocabSize,
      };
    },
    generate: (requests, signal) => engine.generate(requests, signal, version),
    async publish(next) {
      if (learner !== null) await engine.adopt(await learner.flatWeights());
      version = next;
    },
    async close() {},
  };
}
