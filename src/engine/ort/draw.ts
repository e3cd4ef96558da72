/** Drawing one token from a row of probabilities. */

import { TrainError } from "../../core/errors.js";
import type { Sampling } from "../../core/types.js";

export interface Drawn {
  readonly id: number;
  /** Nats, of the distribution the token was drawn from; for temperature 0 (greedy), of the one at temperature 1. */
  readonly logprob: number;
}

/**
 * @param probs [V], already at the temperature (at 1 for greedy)
 * @param uniform in [0, 1); not used for greedy
 * @throws TrainError "diverged" when the probabilities are not finite
 */
export function drawToken(probs: Float32Array, sampling: Sampling, uniform: number): Drawn {
  const drawn =
    sampling.temperature === 0
      ? largest(probs)
      : sampling.topP < 1
        ? drawNucleus(probs, sampling.topP, uniform)
        : draw(probs, uniform);
  if (!(drawn.p > 0)) {
    throw new TrainError("diverged", "the model's next-token probabilities are not finite numbers", {
      hint: "go back to an earlier checkpoint and use a lower learning rate",
    });
  }
  return { id: drawn.id, logprob: Math.log(drawn.p) };
}

interface Pick {
  readonly id: number;
  readonly p: number;
}

function largest(probs: Float32Array): Pick {
  let id = 0;
  for (let i = 1; i < probs.length; i++) if (probs[i]! > probs[id]!) id = i;
  return { id, p: probs[id]! };
}

function draw(probs: Float32Array, uniform: number): Pick {
  let left = uniform;
  for (let i = 0; i < probs.length; i++) {
    left -= probs[i]!;
    if (left < 0) return { id: i, p: probs[i]! };
  }
  // The probabilities sum to 1 but for rounding; the remainder goes to the likeliest.
  return largest(probs);
}

/** The smallest set of likeliest tokens whose probability reaches topP, renormalised (arXiv 1904.09751). */
function drawNucleus(probs: Float32Array, topP: number, uniform: number): Pick {
  const order = Array.from(probs, (_, i) => i)
    .filter((i) => probs[i]! > 1e-9)
    .sort((a, b) => probs[b]! - probs[a]! || a - b);
  if (order.length === 0) return { id: 0, p: Number.NaN };
  let kept = 0;
  let mass = 0;
  while (kept < order.length && mass < topP) mass += probs[order[kept++]!]!;
  let left = uniform * mass;
  for (const id of order.slice(0, kept)) {
    left -= probs[id]!;
    if (left < 0) return { id, p: probs[id]! / mass };
  }
  return { id: order[0]!, p: probs[order[0]!]! / mass };
}

/** softmax(logits / temperature) in double precision; temperature 0 counts as 1 (greedy). */
export function softmax(logits: Float32Array, temperature: number): Float32Array {
  const inverse = temperature === 0 ? 1 : 1 / temperature;
  let top = Number.NEGATIVE_INFINITY;
  for (const z of logits) top = Math.max(top, z);
  const weights = Float64Array.from(logits, (z) => Math.exp((z - top) * inverse));
  let total = 0;
  for (const w of weights) total += w;
  return Float32Array.from(weights, (w) => w / total);
}
