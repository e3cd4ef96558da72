/**
 * Reverse-mode differentiation over a graph: ops record how a gradient of their output becomes gradients of their
 * inputs, as ONNX nodes. A contribution receives the gradient gathered so far, so that a matrix product can add to it
 * in place of a separate Add.
 */

import type { Graph, Value } from "./graph.js";

/** Gives the new total gradient, from the total so far (undefined = none yet). */
export type Contribution = (soFar: Value | undefined) => Value;

export interface Tape {
  /** `pull` receives the gradient of `output` and passes contributions on. */
  record(output: Value, pull: (gradient: Value) => void): void;
  contribute(to: Value, contribution: Contribution): void;
  gradient(of: Value): Value | undefined;
  /** Walks back from the seeded outputs. */
  backward(): void;
}

export function makeTape(): Tape {
  const entries: { output: Value; pull: (gradient: Value) => void }[] = [];
  const gradients = new Map<Value, Value>();
  return {
    record(output, pull) {
      entries.push({ output, pull });
    },
    contribute(to, contribution) {
      gradients.set(to, contribution(gradients.get(to)));
    },
    gradient: (of) => gradients.get(of),
    backward() {
      for (const { output, pull } of entries.toReversed()) {
        const gradient = gradients.get(output);
        if (gradient !== undefined) pull(gradient);
      }
    },
  };
}

/** A contribution that is plainly added. */
export const added =
  (graph: Graph, gradient: Value): Contribution =>
  (soFar) =>
    soFar === undefined ? gradient : graph.op("Add", [soFar, gradient]);
