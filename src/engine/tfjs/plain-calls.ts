/** Calls of tfjs's public operations: their tensors, their scope and their count. */

import type * as tfjs from "@tensorflow/tfjs";
import type { Tensor } from "./kernels.js";
import { makeScopes, type Scopes } from "./scopes.js";

export type Tf = typeof tfjs;
export type TfTensor = tfjs.Tensor;

/** A tensor of the kernels as tfjs sees it. */
export const t = (x: Tensor): TfTensor => x as TfTensor;

export interface PlainCalls {
  readonly tf: Tf;
  readonly scopes: Scopes<TfTensor>;
  /** Operations since the start. */
  readonly calls: number;
  count(more: number): void;
  /** Gives a tensor to the innermost scope. */
  put(x: TfTensor): Tensor;
  /** tfjs frees what an operation makes on its way; its result is then the caller's. */
  run(work: () => TfTensor): Tensor;
}

/** The calls over one tfjs backend; all tensors belong to its scopes. */
export function plainCalls(tf: Tf): PlainCalls {
  let calls = 0;
  const scopes = makeScopes<TfTensor>((x) => x.dispose());
  const put = (x: TfTensor): Tensor => {
    calls += 1;
    return scopes.made(x);
  };
  return {
    tf,
    scopes,
    get calls() {
      return calls;
    },
    count: (more) => {
      calls += more;
    },
    put,
    run: (work) => put(tf.keep(tf.tidy(work))),
  };
}
