/** The Qwen2 decoder over one micro-batch: forward, and forward and backward with the objective. */

import type { Batch } from "../../core/types.js";
import type { Qwen2Config } from "../../model/config.js";
import { type BlockContext, blockBackward, blockForward, type Saved, savedTensors } from "./block.js";
import { type HeadResult, headBackward, type TokenInputs } from "./head.js";
import type { Tensor } from "./kernels.js";
import { type Normed, norm, normGrad } from "./norm.js";
import type { Ready, ReadyGradients } from "./parameters.js";

export interface RowInputs {
  readonly ids: Tensor; // ints [N]
  /** Places in [0, N) of the states that predict. */
  readonly places: Tensor; // ints [R]
}

/** What the backward pass finds of each block: all that it needs, the block's input, or nothing. */
export type Keep = "all" | "inputs" | "none";

interface Forward {
  readonly hidden: Tensor; // [R, d] after the final norm, its weight left to the head
  readonly last: Normed; // of all N
  readonly saved: readonly Saved[];
  readonly inputs: readonly Tensor[];
}

export function forward(
  context: BlockContext,
  ready: Ready,
  { ids, places }: RowInputs,
  config: Qwen2Config,
  keep: Keep,
): Forward {
  const { k } = context;
  const saved: Saved[] = [];
  const inputs: Tensor[] = [];
  let x = k.gatherRows(ready.embedding, ids);
  for (let l = 0; l < config.numLayers; l++) {
    const made = blockForward(context, ready.layers[l]!, x, keep === "all");
    if (made.saved !== null) saved.push(made.saved);
    if (keep === "inputs") inputs.push(x);
    else k.free(x);
    x = made.y;
  }
  const last = norm(k, x, context.eps);
  k.free(x);
  return { hidden: k.gatherRows(last.y, places), last, saved, inputs };
}

export interface BackwardOptions {
  readonly config: Qwen2Config;
  /** Make the blocks' activations again. */
  readonly again: boolean;
}

export function backward(
  context: BlockContext,
  ready: Ready,
  rows: RowInputs & { readonly inputs: readonly TokenInputs[] },
  { loss, temperature }: Pick<Batch, "loss" | "temperature">,
  { config, again }: BackwardOptions,
): HeadResult & { readonly gradients: ReadyGradients } {
  const { k, shape } = context;
  const { hidden, last, saved, inputs } = forward(context, ready, rows, config, again ? "inputs" : "all");
  const head = headBackward(k, { hidden, head: ready.head, temperature }, rows.inputs, loss);
  const all = k.sumRowsAt(head.dHidden, rows.places, shape.rows * shape.length);
  k.free(hidden, head.dHidden);
  let dx = normGrad(k, last, all);
  k.free(all, last.y, last.inverse);
  const layers: ReadyGradients["layers"][number][] = [];
  for (let l = config.numLayers - 1; l >= 0; l--) {
    const w = ready.layers[l]!;
    const kept = saved[l] ?? rebuilt(context, w, inputs[l]!);
    const made = blockBackward(context, w, kept, dx);
    k.free(dx, ...savedTensors(kept));
    dx = made.dx;
    layers.unshift(made.gradients);
  }
  const embedding = k.sumRowsAt(dx, rows.ids, config.vocabSize);
  return { logp: head.logp, loss: head.loss, gradients: { embedding, head: head.dHead, layers } };
}

function rebuilt(context: BlockContext, w: Ready["layers"][number], x: Tensor): Saved {
  const { y, saved } = blockForward(context, w, x, true);
  context.k.free(x, y);
  return saved!;
}
