/**
 * The train graph: log-probs, per-token losses and all gradients of one micro-batch; and its forward half alone.
 *
 * Inputs besides the parameters: ids int32 [N]; rows, targets int32 [R]; inverse int32 [N]; coef [R] =
 * weight / divisor; advantages, behavior [R]; invTemperature scalar; mask0 .. mask(chunks-1); with a shared prefix also
 * positions int64 [N, 1] and prefixMask. The gradients are added to acc_<parameter>, those of the micro-batches before.
 * Outputs: logp [R]; train only: loss [R], and g_<parameter>.
 */

import type { LossSpec } from "../../core/types.js";
import type { Qwen2Config } from "../../model/config.js";
import { type BuiltGraph, makeGraph } from "../onnx/graph.js";
import { makeTape } from "../onnx/tape.js";
import { decoder, decoderInputs, parameterInputs } from "./decoder.js";
import type { FlatLayout } from "./flat.js";
import { headLogProb, tokenLoss } from "./objective.js";

export interface TrainGraphOptions {
  readonly maxLength: number;
  /** Blocks of the causal attention; T is a multiple of it. */
  readonly chunks: number;
  /** The rows share a prefix, which is computed once. */
  readonly shared: boolean;
}

export const gradientName = (parameter: string): string => `g_${parameter}`;
export const accumulatorName = (parameter: string): string => `acc_${parameter}`;

function forward(config: Qwen2Config, layout: FlatLayout, options: TrainGraphOptions, loss: LossSpec | null) {
  const g = makeGraph();
  const tape = loss === null ? null : makeTape();
  const scope = { g, tape };
  const inputs = decoderInputs(g, config, { ...options, backward: tape !== null });
  const targets = g.input("targets", "int32", ["R"]);
  const invTemperature = g.input("invTemperature", "float32", []);
  const { hidden, headWeight } = decoder(scope, config, parameterInputs(g, layout), inputs, options);
  const withEntropy = loss?.kind === "clip" && loss.entropyCoef !== 0;
  const head = headLogProb(scope, hidden, headWeight, targets, invTemperature, withEntropy);
  g.output(head.logp, "logp");
  return { g, tape, scope, head };
}

export function buildTrainGraph(
  config: Qwen2Config,
  layout: FlatLayout,
  loss: LossSpec,
  options: TrainGraphOptions,
): BuiltGraph {
  const { g, tape, scope, head } = forward(config, layout, options, loss);
  const coef = g.input("coef", "float32", ["R"]);
  const clip = loss.kind === "clip";
  const advantages = clip ? g.input("advantages", "float32", ["R"]) : "";
  const behavior = clip ? g.input("behavior", "float32", ["R"]) : "";
  const token = tokenLoss(scope, loss, head.logp, advantages, behavior, head.entropy);
  g.output(token.loss, "loss");
  const bonus = head.entropy === null || !clip ? null : g.op("Mul", [coef, g.constant(-loss.entropyCoef)]);
  for (const { name, shape } of layout.slots) {
    const before = g.input(accumulatorName(name), "float32", shape);
    tape!.contribute(name, () => before);
  }
  head.seed(token.slope === null ? g.op("Neg", [coef]) : g.op("Mul", [coef, token.slope]), bonus);
  tape!.backward();
  for (const { name } of layout.slots) {
    const gradient = tape!.gradient(name);
    if (gradient === undefined) throw new Error(`no gradient for ${name}`);
    g.output(gradient, gradientName(name));
  }
  return g.finish();
}

export function buildLogProbGraph(
  config: Qwen2Config,
  layout: FlatLayout,
  options: TrainGraphOptions,
): BuiltGraph {
  return forward(config, layout, options, null).g.finish();
}
