/** The `Sampler` port on the embedded engine (src/engine). */

import type { Intake } from "../core/handover.js";
import type { Sampler } from "../core/ports.js";
import { type PolicyVersion, policyVersion } from "../core/units.js";
import type { Engine } from "../engine/client.js";
import { loadModelDir } from "../model/hf.js";

export interface EmbeddedSampler {
  readonly sampler: Sampler;
  readonly intake: Required<Pick<Intake, "memory" | "model-directory">>;
}

/** The engine stays the caller's: `close` leaves it running. */
export function embeddedSampler(engine: Engine): EmbeddedSampler {
  let version: PolicyVersion = policyVersion(0);
  const { sampler } = engine.facts;
  // The engine takes calls in the order in which they are made, so the version changes with the call, not with its end.
  const labelled = async (next: PolicyVersion, adopting: Promise<void> | null): Promise<void> => {
    version = next;
    await adopting;
  };
  return {
    sampler: {
      info: {
        engine: sampler.runtime,
        device: sampler.device,
        maxLength: engine.maxLength,
        vocabSize: engine.config.vocabSize,
      },
      async *generate(requests, signal) {
        yield* engine.generate(requests, signal, version);
      },
      async close() {},
    },
    intake: {
      memory: (next, weights) => labelled(next, weights === null ? null : engine.adopt(weights)),
      async "model-directory"(next, dir) {
        const { weights } = await loadModelDir(dir, { tokenizer: false });
        await labelled(next, engine.adoptModel(weights));
      },
    },
  };
}
