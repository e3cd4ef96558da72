/**
 * The head and the loss of each predicted token, in the graph (algorithm.md section 1), with the derivative written
 * out: dl/dlogp = c for each token, then through log-softmax by P - onehot.
 */

import type { LossSpec } from "../../core/types.js";
import type { Value } from "../onnx/graph.js";
import { reshape, type Scope } from "../onnx/ops.js";
import { added } from "../onnx/tape.js";

export interface HeadResult {
  readonly logp: Value; // [R] nats at the temperature
  /** Entropy of each row's distribution [R], when asked for. */
  readonly entropy: Value | null;
  /** Seeds the tape: c [R] = dLoss/dlogp, e [R] = dLoss/dentropy or null. */
  seed(c: Value, e: Value | null): void;
}

/**
 * @param hidden [R, d]  @param w [V, d]  @param targets int32 [R]  @param invTemperature scalar
 *
 * logp = z_y - z_max + log(P_max): Softmax and two row maxima, all of which the CPU has vectorised, and P >= 1/V at
 * the maximum, so nothing underflows.
 */
export function headLogProb(
  { g, tape }: Scope,
  hidden: Value,
  w: Value,
  targets: Value,
  invTemperature: Value,
  withEntropy: boolean,
): HeadResult {
  const hs = g.op("Mul", [hidden, invTemperature]);
  const z = g.op("Gemm", [hs, w], { transB: 1 }); // [R, V]
  const column = reshape(g, targets, [-1, 1]);
  const axis = g.shape([1]);
  const p = g.op("Softmax", [z], { axis: -1 });
  const top = g.op("ReduceMax", [z, axis], { keepdims: 1 });
  const logTop = g.op("Log", [g.op("ReduceMax", [p, axis], { keepdims: 1 })]);
  const lse = g.op("Sub", [top, logTop]); // [R, 1]
  const chosen = g.op("GatherElements", [z, column], { axis: 1 });
  const logp = reshape(g, g.op("Sub", [chosen, lse]), [-1]);
  const logP = withEntropy ? g.op("Sub", [z, lse]) : null;
  const entropyColumn =
    logP === null ? null : g.op("Neg", [g.op("ReduceSum", [g.op("Mul", [p, logP]), axis], { keepdims: 1 })]);

  return {
    logp,
    entropy: entropyColumn === null ? null : reshape(g, entropyColumn, [-1]),
    seed(c, e) {
      if (tape === null) return;
      // dlogp/dz = onehot - P; `miss` = P - onehot.
      const hit = g.op("Expand", [g.constant(-1), g.shape(["R", 1])]);
      const miss = g.op("ScatterElements", [p, column, hit], { axis: 1, reduction: "add" });
      const minusC = reshape(g, g.op("Neg", [c]), [-1, 1]);
      if (e === null || logP === null || entropyColumn === null) {
        // The factor of a row is applied to the narrow side, [R, d] in place of [R, V].
        const scaled = g.op("Mul", [hs, minusC]);
        tape.contribute(w, (soFar) =>
          g.op("Gemm", soFar === undefined ? [miss, scaled] : [miss, scaled, soFar], { transA: 1 }),
        );
        const dhs = g.op("Mul", [g.op("Gemm", [miss, w]), minusC]);
        tape.contribute(hidden, added(g, g.op("Mul", [dhs, invTemperature])));
        return;
      }
      // dH/dz = -P (log P + H)
      const byEntropy = g.op("Mul", [
        g.op("Add", [logP, entropyColumn]),
        g.op("Mul", [p, reshape(g, e, [-1, 1])]),
      ]);
      const dz = g.op("Sub", [g.op("Mul", [miss, minusC]), byEntropy]);
      tape.contribute(w, (soFar) =>
        g.op("Gemm", soFar === undefined ? [dz, hs] : [dz, hs, soFar], { transA: 1 }),
      );
      tape.contribute(hidden, added(g, g.op("Mul", [g.op("Gemm", [dz, w]), invTemperature])));
    },
  };
}

export interface TokenLoss {
  readonly loss: Value; // [R] l of each token, entropy bonus included
  readonly slope: Value | null; // [R] dl/dlogp; null = -1 everywhere
}

/** Log-ratios are clamped here, so that one outlier cannot overflow. */
export const MAX_LOG_RATIO = 20;

/** l and dl/dlogp of each token; `advantages` and `behavior` are [R]. */
export function tokenLoss(
  { g }: Scope,
  spec: LossSpec,
  logp: Value,
  advantages: Value,
  behavior: Value,
  entropy: Value | null,
): TokenLoss {
  const k = (value: number): Value => g.constant(value);
  if (spec.kind === "ce") {
    return { loss: g.op("Neg", [logp]), slope: null };
  }
  const raw = g.op("Sub", [logp, behavior]);
  const d = g.op("Clip", [raw, k(-MAX_LOG_RATIO), k(MAX_LOG_RATIO)]);
  const inside = flag({ g, tape: null }, "LessOrEqual", g.op("Abs", [raw]), k(MAX_LOG_RATIO));
  const r = g.op("Exp", [d]);
  const minusA = g.op("Neg", [advantages]);
  const plain = g.op("Mul", [minusA, r]);
  const clipped = g.op("Mul", [minusA, g.op("Clip", [r, k(1 - spec.epsLow), k(1 + spec.epsHigh)])]);
  let loss = g.op("Max", [plain, clipped]);
  let active = g.op("Mul", [inside, flag({ g, tape: null }, "GreaterOrEqual", plain, clipped)]);
  if (spec.dualClip !== null) {
    const negative = g.op("Less", [advantages, k(0)]);
    const cap = g.op("Where", [negative, g.op("Mul", [minusA, k(spec.dualClip)]), k(3e38)]);
    active = g.op("Mul", [active, flag({ g, tape: null }, "LessOrEqual", plain, cap)]);
    loss = g.op("Min", [loss, cap]);
  }
  let slope = g.op("Mul", [plain, active]);
  if (spec.klCoef !== 0) {
    // k3 estimate of KL(behaviour || current) from behaviour's samples: r - 1 - log r.
    const rMinus1 = g.op("Sub", [r, k(1)]);
    loss = g.op("Add", [loss, g.op("Mul", [g.op("Sub", [rMinus1, d]), k(spec.klCoef)])]);
    slope = g.op("Add", [slope, g.op("Mul", [g.op("Mul", [rMinus1, inside]), k(spec.klCoef)])]);
  }
  if (entropy !== null) loss = g.op("Sub", [loss, g.op("Mul", [entropy, k(spec.entropyCoef)])]);
  return { loss, slope };
}

/** A comparison as 0 or 1 in float. */
const flag = ({ g }: Scope, op: string, a: Value, b: Value): Value =>
  g.op("Cast", [g.op(op, [a, b])], { to: 1 });
