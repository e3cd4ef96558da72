/**
 * The head and the objective (qwen2/objective.ts, algorithm.md section 1), forward and backward in one pass over chunks
 * of predicted tokens: the divisor is fixed, so a token's dLoss/dlogp is known as soon as its logits are, the logits of a
 * chunk are used for both passes, and those of the whole batch never exist.
 */

import type { LossSpec } from "../../core/types.js";
import { MAX_LOG_RATIO } from "../qwen2/objective.js";
import type { Kernels, Tensor } from "./kernels.js";

/**
 * Of one chunk of predicted tokens, uploaded chunk by chunk: whole numbers are cut on the host only.
 * Those of the clipped objective are null for cross-entropy.
 */
export interface TokenInputs {
  readonly targets: Tensor; // ints [R]
  readonly coef: Tensor; // [R] weight / divisor
  readonly clip: {
    readonly minusAdvantages: Tensor; // [R]
    readonly behavior: Tensor; // [R]
    /** Largest loss: -A dualClip where A < 0, else none; null without dual clip. */
    readonly cap: Tensor | null;
  } | null;
}

export interface HeadResult {
  readonly logp: Tensor; // [R]
  readonly loss: Tensor; // [R]
}

export interface HeadGradients {
  readonly dHidden: Tensor; // [R, d]
  readonly dHead: Tensor; // [V, d]
}

interface Scaled {
  readonly hidden: Tensor; // [R, d]
  readonly head: Tensor; // [V, d]
  readonly temperature: number;
}

const times = (k: Kernels, x: Tensor, factor: number): Tensor =>
  factor === 1 ? x : k.mul(x, k.constant(factor));

/** @param inputs of each chunk, in order: their rows are those of `hidden` */
export function headBackward(
  k: Kernels,
  { hidden, head, temperature }: Scaled,
  inputs: readonly TokenInputs[],
  spec: LossSpec,
): HeadResult & HeadGradients {
  return k.scope(
    () => {
      const hs = cut(k, times(k, hidden, 1 / temperature), inputs);
      let dHead: Tensor | null = null;
      const logp: Tensor[] = [];
      const loss: Tensor[] = [];
      const dHidden: Tensor[] = [];
      inputs.forEach((input, i) => {
        const part = k.scope(
          () => chunkBackward(k, hs[i]!, head, spec, input),
          (made) => [made.logp, made.loss, made.dHidden, made.dHead],
        );
        logp.push(part.logp);
        loss.push(part.loss);
        dHidden.push(part.dHidden);
        if (dHead === null) dHead = part.dHead;
        else {
          const sum = k.add(dHead, part.dHead);
          k.free(dHead, part.dHead);
          dHead = sum;
        }
      });
      return {
        logp: joined(k, logp),
        loss: joined(k, loss),
        dHidden: times(k, joined(k, dHidden), 1 / temperature),
        dHead: dHead!,
      };
    },
    (made) => [made.logp, made.loss, made.dHidden, made.dHead],
  );
}

/** Log-probs alone. */
export function headLogProbs(
  k: Kernels,
  { hidden, head, temperature }: Scaled,
  inputs: readonly Pick<TokenInputs, "targets">[],
): Tensor {
  return k.scope(
    () => {
      const hs = cut(k, times(k, hidden, 1 / temperature), inputs);
      const parts = inputs.map(({ targets }, i) =>
        k.scope(
          () => k.mul(k.crossEntropy(k.matMul(hs[i]!, head, false, true), targets).nll, k.constant(-1)),
          (made) => [made],
        ),
      );
      return joined(k, parts);
    },
    (made) => [made],
  );
}

/** Rows of each chunk. */
export const cutsOf = (rows: number, chunk: number): number[] =>
  Array.from({ length: Math.ceil(rows / chunk) }, (_, i) => Math.min(chunk, rows - i * chunk));

const cut = (k: Kernels, x: Tensor, inputs: readonly Pick<TokenInputs, "targets">[]): readonly Tensor[] =>
  inputs.length === 1
    ? [x]
    : k.split(
        x,
        inputs.map(({ targets }) => targets.shape[0]!),
        0,
      );
const joined = (k: Kernels, parts: readonly Tensor[]): Tensor =>
  parts.length === 1 ? parts[0]! : k.concat(parts, 0);

/** @param h [R, d], divided by the temperature; the result's dHidden is the derivative by it */
function chunkBackward(k: Kernels, h: Tensor, head: Tensor, spec: LossSpec, inputs: TokenInputs) {
  const z = k.matMul(h, head, false, true);
  const { nll, miss } = k.crossEntropy(z, inputs.targets);
  const logp = k.mul(nll, k.constant(-1));
  const column = (x: Tensor): Tensor => k.reshape(x, [-1, 1]);
  if (spec.kind === "ce" || spec.entropyCoef === 0) {
    const { loss, slope } = tokenLoss(k, spec, nll, logp, inputs);
    // dlogp/dz = onehot - P = -miss. The row's factor goes on the narrow side.
    const minus = column(k.mul(inputs.coef, slope));
    return {
      logp,
      loss,
      dHidden: k.mul(k.matMul(miss, head), minus),
      dHead: k.matMul(miss, k.mul(h, minus), true, false),
    };
  }
  const logP = k.logSoftmax(z);
  const p = k.exp(logP);
  const negentropy = k.sum(k.mul(p, logP), 1, true); // [R, 1] = -H
  const bonus = k.mul(k.reshape(negentropy, [-1]), k.constant(spec.entropyCoef));
  const token = tokenLoss(k, spec, nll, logp, inputs);
  const minus = column(k.mul(inputs.coef, token.slope));
  // d(-H)/dz = P (log P + H)
  const byEntropy = k.mul(
    k.mul(p, k.sub(logP, negentropy)),
    column(k.mul(inputs.coef, k.constant(spec.entropyCoef))),
  );
  const dz = k.add(k.mul(miss, minus), byEntropy);
  return {
    logp,
    loss: k.add(token.loss, bonus),
    dHidden: k.matMul(dz, head),
    dHead: k.matMul(dz, h, true, false),
  };
}

/** l of each token and -dl/dlogp, without the entropy bonus. */
function tokenLoss(
  k: Kernels,
  spec: LossSpec,
  nll: Tensor,
  logp: Tensor,
  { clip }: TokenInputs,
): { loss: Tensor; slope: Tensor } {
  if (spec.kind === "ce" || clip === null) return { loss: nll, slope: k.constant(1) };
  const raw = k.sub(logp, clip.behavior);
  const d = k.minimum(k.maximum(raw, k.constant(-MAX_LOG_RATIO)), k.constant(MAX_LOG_RATIO));
  const inside = k.both(k.atLeast(raw, d), k.atLeast(d, raw));
  const r = k.exp(d);
  const plain = k.mul(clip.minusAdvantages, r);
  const kept = k.minimum(k.maximum(r, k.constant(1 - spec.epsLow)), k.constant(1 + spec.epsHigh));
  const clipped = k.mul(clip.minusAdvantages, kept);
  let loss = k.maximum(plain, clipped);
  let active = k.both(inside, k.atLeast(plain, clipped));
  if (clip.cap !== null) {
    active = k.both(active, k.atLeast(clip.cap, plain));
    loss = k.minimum(loss, clip.cap);
  }
  const zero = k.constant(0);
  let minusSlope = k.select(active, k.mul(plain, k.constant(-1)), zero);
  if (spec.klCoef !== 0) {
    // k3 estimate of KL(behaviour || current) from behaviour's samples: r - 1 - log r.
    const rMinus1 = k.sub(r, k.constant(1));
    loss = k.add(loss, k.mul(k.sub(rMinus1, d), k.constant(spec.klCoef)));
    minusSlope = k.sub(minusSlope, k.select(inside, k.mul(rMinus1, k.constant(spec.klCoef)), zero));
  }
  return { loss, slope: minusSlope };
}
