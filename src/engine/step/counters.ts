/** What a step reports about its tokens, summed over micro-batches in double precision. */

import type { Batch, StepReport } from "../../core/types.js";
import { MAX_LOG_RATIO } from "../qwen2/objective.js";
import type { MicroBatch } from "./plan.js";

type TokenReport = Pick<
  StepReport,
  "lossTokens" | "clipFracLow" | "clipFracHigh" | "ratioMean" | "ratioMax" | "klBehavior" | "entropy"
>;

export interface Counters {
  /** @param coef weight / divisor [R]  @param logp [R]  @param loss l [R] */
  add(plan: MicroBatch, coef: Float32Array, logp: Float32Array, loss: Float32Array): void;
  loss(): number;
  report(): TokenReport;
}

export function makeCounters(batch: Batch): Counters {
  const spec = batch.loss.kind === "clip" ? batch.loss : null;
  let total = 0;
  let tokens = 0;
  let low = 0;
  let high = 0;
  let ratioSum = 0;
  let ratioMax = 0;
  let kl = 0;
  let surprise = 0;
  return {
    add(plan, coef, logp, loss) {
      for (let r = 0; r < logp.length; r++) {
        total += coef[r]! * loss[r]!;
        surprise -= logp[r]!;
        if (spec === null) continue;
        const old = batch.behaviorLogprobs[plan.source[r]!]!;
        const d = Math.min(MAX_LOG_RATIO, Math.max(-MAX_LOG_RATIO, logp[r]! - old));
        const ratio = Math.exp(d);
        if (ratio < 1 - spec.epsLow) low++;
        if (ratio > 1 + spec.epsHigh) high++;
        ratioSum += ratio;
        ratioMax = Math.max(ratioMax, ratio);
        kl += ratio - 1 - d;
      }
      tokens += logp.length;
    },
    loss: () => total,
    report() {
      const per = (x: number): number => (tokens === 0 ? 0 : x / tokens);
      return {
        lossTokens: tokens,
        clipFracLow: per(low),
        clipFracHigh: per(high),
        ratioMean: spec === null ? 1 : per(ratioSum),
        ratioMax: spec === null ? 1 : ratioMax,
        klBehavior: per(kl),
        entropy: per(surprise),
      };
    },
  };
}
