/**
 * One transformer block, forward and backward, written out: some 90 kernel calls in all where a taped
 * graph of small operations makes 350. What the backward pass needs is kept in `Saved`, or
 * made again from the block's input where memory is short.
 *
 * Activations are [N, d] with N = B*T padded rows; the scores of a key head's query heads are one matrix product.
 */

import { type Attended, attend, attendGrad } from "./attention.js";
import type { HeadShape, Heads, Kernels, Rotation, Tensor } from "./kernels.js";
import { type Normed, norm, normGrad } from "./norm.js";

/** A block's parameters; norm weights are folded into the matrices that read the norms (parameters.ts). */
export interface ReadyLayer {
  readonly qkv: Tensor; // folded
  readonly qkvBias: Tensor;
  readonly o: Tensor;
  readonly gate: Tensor; // folded
  readonly up: Tensor; // folded
  readonly down: Tensor;
}

export interface BlockContext {
  readonly k: Kernels;
  readonly shape: HeadShape;
  readonly rotation: Rotation;
  /** Of each block of the attention. */
  readonly masks: readonly Tensor[];
  readonly eps: number;
}

export interface Saved {
  readonly first: Normed;
  readonly heads: Heads;
  readonly attended: Attended;
  readonly mixed: Tensor; // [N, H*hd]
  readonly second: Normed;
  readonly gate: Tensor; // [N, F]
  readonly open: Tensor; // sigmoid(gate)
  readonly up: Tensor; // [N, F]
}

export const savedTensors = (s: Saved): readonly Tensor[] => [
  s.first.y,
  s.first.inverse,
  s.heads.q,
  s.heads.k,
  s.heads.v,
  ...s.attended.p,
  s.attended.o,
  s.mixed,
  s.second.y,
  s.second.inverse,
  s.gate,
  s.open,
  s.up,
];

/** @param save false: only `y` outlives the call */
export function blockForward(
  { k, shape, rotation, masks, eps }: BlockContext,
  w: ReadyLayer,
  x: Tensor,
  save: boolean,
): { y: Tensor; saved: Saved | null } {
  return k.scope(
    () => {
      const first = norm(k, x, eps);
      const heads = k.splitHeads(
        k.addBias(k.matMul(first.y, w.qkv, false, true), w.qkvBias),
        shape,
        rotation,
      );
      const attended = attend(k, heads, masks, shape);
      const mixed = toRows(k, attended.o, shape);
      const middle = k.add(x, k.matMul(mixed, w.o, false, true));
      const second = norm(k, middle, eps);
      const gate = k.matMul(second.y, w.gate, false, true);
      const up = k.matMul(second.y, w.up, false, true);
      const open = k.sigmoid(gate);
      const y = k.add(middle, k.matMul(k.mul(k.mul(gate, open), up), w.down, false, true));
      return { y, saved: save ? { first, heads, attended, mixed, second, gate, open, up } : null };
    },
    ({ y, saved }) => [y, ...(saved === null ? [] : savedTensors(saved))],
  );
}

/** [KV*B, group*T, hd] to [N, H*hd], and back. */
const toRows = (k: Kernels, o: Tensor, s: HeadShape): Tensor =>
  k.scope(
    () => {
      const five = k.reshape(o, [s.numKvHeads, s.rows, s.group, s.length, s.headDim]);
      return k.reshape(k.transpose(five, [1, 3, 0, 2, 4]), [
        s.rows * s.length,
        s.numKvHeads * s.group * s.headDim,
      ]);
    },
    (made) => [made],
  );
const fromRows = (k: Kernels, x: Tensor, s: HeadShape): Tensor =>
  k.scope(
    () => {
      const five = k.reshape(x, [s.rows, s.length, s.numKvHeads, s.group, s.headDim]);
      return k.reshape(k.transpose(five, [2, 0, 3, 1, 4]), [
        s.numKvHeads * s.rows,
        s.group * s.length,
        s.headDim,
      ]);
    },
    (made) => [made],
  );

/** Gradients by the block's matrices as folded (ReadyLayer), and its bias. */
export interface BlockGradients {
  readonly qkv: Tensor;
  readonly qkvBias: Tensor;
  readonly o: Tensor;
  readonly gate: Tensor;
  readonly up: Tensor;
  readonly down: Tensor;
}

export function blockBackward(
  { k, shape, rotation }: BlockContext,
  w: ReadyLayer,
  saved: Saved,
  dy: Tensor,
): { dx: Tensor; gradients: BlockGradients } {
  return k.scope(
    () => {
      const mlp = mlpBackward(k, w, saved, dy);
      const dMiddle = k.add(dy, normGrad(k, saved.second, mlp.dx));
      const o = k.matMul(dMiddle, saved.mixed, true, false);
      const dO = fromRows(k, k.matMul(dMiddle, w.o), shape);
      const heads = attendGrad(k, saved.heads, saved.attended, dO, shape);
      const dqkv = k.joinHeads(heads, shape, rotation);
      const qkvBias = k.biasGrad(dqkv);
      const qkv = k.matMul(dqkv, saved.first.y, true, false);
      const dx = k.add(dMiddle, normGrad(k, saved.first, k.matMul(dqkv, w.qkv)));
      return { dx, gradients: { qkv, qkvBias, o, gate: mlp.gate, up: mlp.up, down: mlp.down } };
    },
    ({ dx, gradients: g }) => [dx, g.qkv, g.qkvBias, g.o, g.gate, g.up, g.down],
  );
}

/** silu(a) = a s with s = sigmoid(a); d silu / da = s + a s (1 - s) */
function mlpBackward(k: Kernels, w: ReadyLayer, { second, gate, open, up }: Saved, dy: Tensor) {
  return k.scope(
    () => {
      const silu = k.mul(gate, open);
      const down = k.matMul(dy, k.mul(silu, up), true, false);
      const inner = k.matMul(dy, w.down);
      const dUp = k.mul(inner, silu);
      const dSilu = k.mul(inner, up);
      const dGate = k.add(k.mul(dSilu, open), k.sigmoidGrad(open, k.mul(dSilu, gate)));
      return {
        down,
        gate: k.matMul(dGate, second.y, true, false),
        up: k.matMul(dUp, second.y, true, false),
        dx: k.add(k.matMul(dGate, w.gate), k.matMul(dUp, w.up)),
      };
    },
    (made) => [made.down, made.gate, made.up, made.dx],
  );
}
