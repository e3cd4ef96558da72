/**
 * Drawing a token in the graph, as `drawToken` does on the host: the first token whose cumulative probability exceeds
 * the uniform. A running sum over a whole vocabulary is what GPUs' kernels for it do worst (each element sums its own
 * prefix, O(V^2)), so large vocabularies are searched in two levels: blocks of about sqrt(V) tokens, then the tokens
 * of one block. Sums are fp32 where the host's are fp64: a uniform within rounding of an edge may fall to the next token.
 */

import type { Graph, Value } from "../onnx/graph.js";
import { reshape } from "../onnx/ops.js";

export interface DrawInputs {
  readonly logits: Value; // [B, V]
  readonly invTemperature: Value; // [B, 1]; 1 for greedy rows
  readonly uniform: Value; // [B, 1] in [0, 1 - 2^-24]; 0 for greedy rows
  /** bool [B, 1]; null = no row is greedy. */
  readonly greedy: Value | null;
  /** int64 [B]: the row's number times blocksOf(V).count, and times V. */
  readonly firstBlock: Value;
  readonly firstToken: Value;
}

/** Up to this vocabulary the plain running sum is cheaper than a dozen more kernels. */
const PLAIN = 512;

export function blocksOf(vocabSize: number): { readonly count: number; readonly size: number } {
  if (vocabSize <= PLAIN) return { count: 1, size: vocabSize };
  const size = 2 ** Math.ceil(Math.log2(Math.sqrt(vocabSize)));
  return { count: Math.ceil(vocabSize / size), size };
}

/** Token ids int64 [B] and their probabilities [B] at the temperature (at 1 for greedy rows). */
export function drawInGraph(g: Graph, vocabSize: number, inputs: DrawInputs): { id: Value; p: Value } {
  const { count, size } = blocksOf(vocabSize);
  const float = (x: Value): Value => g.op("Cast", [x], { to: 1 });
  const total = (x: Value, axis: number, keepdims: number): Value =>
    g.op("ReduceSum", [x, g.shape([axis])], { keepdims });
  const last = (x: Value, n: number): Value => g.op("Gather", [x, g.shape([n - 1])], { axis: 1 });
  /** How many of the running sums [B, n] do not exceed the target [B, 1]: 1 where they do not. */
  const passed = (sums: Value, target: Value): Value => float(g.op("LessOrEqual", [sums, target]));

  const scaled = g.op("Mul", [inputs.logits, inputs.invTemperature]);
  const probs = g.op("Softmax", [scaled], { axis: -1 });
  let weights = probs;
  if (inputs.greedy !== null) {
    // All tokens as likely as the likeliest; with the uniform 0 the first of them is drawn.
    const top = g.op("ReduceMax", [scaled, g.shape([1])], { keepdims: 1 });
    weights = g.op("Where", [inputs.greedy, float(g.op("GreaterOrEqual", [scaled, top])), probs]);
  }

  let id: Value;
  if (count === 1) {
    const sums = g.op("CumSum", [weights, g.integer(1)]);
    const target = g.op("Mul", [inputs.uniform, last(sums, vocabSize)]);
    id = total(passed(sums, target), 1, 0);
  } else {
    const padding = count * size - vocabSize;
    if (padding > 0) weights = g.op("Pad", [weights, g.shape([0, 0, 0, padding])]);
    const perBlock = total(reshape(g, weights, [-1, count, size]), 2, 0); // [B, count]
    const sums = g.op("CumSum", [perBlock, g.integer(1)]);
    const target = g.op("Mul", [inputs.uniform, last(sums, count)]);
    const before = passed(sums, target);
    const skipped = total(g.op("Mul", [before, perBlock]), 1, 1);
    const block = total(before, 1, 0); // [B]
    const row = g.op("Add", [g.op("Cast", [block], { to: 7 }), inputs.firstBlock]);
    const inBlock = g.op("CumSum", [
      g.op("Gather", [reshape(g, weights, [-1, size]), row], { axis: 0 }),
      g.integer(1),
    ]);
    // Rounding may put the rest outside the block's own sums; kept inside, a token of probability 0 is never drawn.
    const most = g.op("Mul", [last(inBlock, size), g.constant(1 - 2 ** -22)]);
    const rest = g.op("Min", [g.op("Max", [g.op("Sub", [target, skipped]), g.constant(0)]), most]);
    id = g.op("Add", [g.op("Mul", [block, g.constant(size)]), total(passed(inBlock, rest), 1, 0)]);
  }
  // Without finite logits no weight is positive and the count passes the end: any token will do, its p is not positive.
  const bounded = inputs.greedy === null ? id : g.op("Min", [id, g.constant(vocabSize - 1)]);
  const token = g.op("Cast", [bounded], { to: 7 });
  const p = g.op("Gather", [reshape(g, probs, [-1]), g.op("Add", [token, inputs.firstToken])], { axis: 0 });
  return { id: token, p };
}
