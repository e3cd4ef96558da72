/** What the rollout graph's loops carry. */

import type { DType, Graph, Value } from "../onnx/graph.js";
import { reshape } from "../onnx/ops.js";
import type { CacheForm, Products } from "./rollout-step.js";

export interface RolloutGraphOptions {
  /** Prompt and completion tokens of one row at most. */
  readonly maxLength: number;
  /** Decode steps between two repackings. */
  readonly chunk: number;
  /** Decode steps in one iteration of the inner loop; divides `chunk`. */
  readonly unroll: number;
  readonly cache: CacheForm;
  readonly products: Products;
  /** Some rows are greedy. */
  readonly greedy: boolean;
  /** Rows that run side by side at most when there are more requests; null = all requests start at once. */
  readonly slots: number | null;
}

export type Named = Readonly<Record<string, Value>>;
type Dims = readonly (string | number)[];
/** Name, value to begin with, type and dimensions of what a loop carries. */
export type State = readonly (readonly [string, Value, DType, Dims])[];

/** A row's state between chunks. */
const ROW: Readonly<Record<string, { dtype: DType; dims: Dims }>> = {
  id: { dtype: "int64", dims: ["B"] },
  position: { dtype: "int64", dims: ["B", 1] },
  left: { dtype: "float32", dims: ["B"] },
  shift: { dtype: "int64", dims: ["B", 1] },
  invTemperature: { dtype: "float32", dims: ["B", 1] },
  greedy: { dtype: "bool", dims: ["B", 1] },
};

/** Rows for the requests at `index`. */
export function admit(g: Graph, request: Named, index: Value): Named {
  const of = (name: string): Value => g.op("Gather", [request[name]!, index], { axis: 0 });
  const column = (x: Value): Value => reshape(g, x, [-1, 1]);
  return {
    id: of("lastId"),
    position: column(of("position")),
    left: of("left"),
    shift: column(of("shift")),
    invTemperature: column(of("invTemperature")),
    ...(request.greedy !== undefined && { greedy: column(of("greedy")) }),
  };
}

export const rowState = (rows: Named): State =>
  Object.entries(rows).map(([name, value]) => [name, value, ROW[name]!.dtype, ROW[name]!.dims] as const);

/** The names of a row's state, in the order of `rows`. */
export const rowNames = (greedy: boolean): string[] =>
  Object.keys(ROW).filter((name) => greedy || name !== "greedy");
