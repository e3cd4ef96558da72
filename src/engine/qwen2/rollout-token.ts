/** The inner loop of a rollout graph: tokens. */

import type { Qwen2Config } from "../../model/config.js";
import { type Block, type DType, makeGraph, type Value } from "../onnx/graph.js";
import { reshape } from "../onnx/ops.js";
import { drawInGraph } from "./draw-graph.js";
import type { Named, RolloutGraphOptions, State } from "./rollout-state.js";
import { decodeStep, type Piece } from "./rollout-step.js";

/** The inner loop's body: `unroll` tokens of every row. */
export function tokenBody(
  config: Qwen2Config,
  options: RolloutGraphOptions,
  carried: State,
  constants: Named,
  bases: readonly Piece[] | null,
  tables: { cos: Value; sin: Value },
): Block {
  const g = makeGraph("inner/");
  g.input("inner/iteration", "int64", []);
  g.input("inner/running", "bool", []);
  const inputs = carried.map(([name, , dtype, dims]) => g.input(`inner/${name}`, dtype, dims));
  const input = (name: string): Value => inputs[carried.findIndex(([n]) => n === name)]!;
  const { cache: form, products } = options;
  let [id, position, left] = inputs as [Value, Value, Value];
  let column = form === "grown" ? "" : input("column");
  let mask = form === "grown" ? constants.mask! : input("mask");
  let recent = Array.from({ length: config.numLayers }, (_, l) => ({ k: input(`k${l}`), v: input(`v${l}`) }));
  const ids: Value[] = [];
  const ps: Value[] = [];
  for (let step = 0; step < options.unroll; step++) {
    let here: Value | null = null;
    if (form !== "grown") {
      const seen = g.op("Equal", [constants.columns!, column]); // [L], the mask's last axis
      mask = g.op("Where", [seen, g.constant(0), mask]);
      const written = form === "whole" ? seen : g.op("Equal", [constants.written!, column]);
      here = reshape(g, written, [1, 1, -1, 1]);
      column = g.op("Add", [column, g.integer(1)]);
    }
    const decoded = decodeStep(g, config, {
      form,
      products,
      ids: id,
      positions: position,
      mask,
      here,
      bases,
      recent,
      ...tables,
    });
    recent = decoded.recent;
    const drawn = drawInGraph(g, config.vocabSize, {
      logits: decoded.logits,
      invTemperature: constants.invTemperature!,
      uniform: g.op("Gather", ["uniforms", g.op("Add", [position, constants.shift!])], { axis: 0 }),
      greedy: constants.greedy ?? null,
      firstBlock: constants.firstBlock!,
      firstToken: constants.firstToken!,
    });
    id = drawn.id;
    ids.push(reshape(g, drawn.id, [1, -1]));
    ps.push(reshape(g, drawn.p, [1, -1]));
    position = g.op("Add", [position, g.integer(1)]);
    // 0 or less once the row has ended, and never positive again.
    left = g.op("Mul", [
      g.op("Sub", [left, g.constant(1)]),
      g.op("Gather", ["keepGoing", drawn.id], { axis: 0 }),
    ]);
  }
  const all = (xs: readonly Value[]): Value => (xs.length === 1 ? xs[0]! : g.op("Concat", xs, { axis: 0 }));
  const running = g.op("Greater", [
    g.op("ReduceSum", [g.op("Relu", [left])], { keepdims: 0 }),
    g.constant(0),
  ]);
  const fixed: (readonly [Value, DType])[] =
    form === "grown"
      ? []
      : [
          [column, "int64"],
          [mask, "float32"],
        ];
  return g.block([
    [running, "bool"],
    [id, "int64"],
    [position, "int64"],
    [left, "float32"],
    ...fixed,
    ...recent.flatMap(({ k, v }) => [[k, "float32"] as const, [v, "float32"] as const]),
    [all(ids), "int64"],
    [all(ps), "float32"],
  ]);
}
