/**
 * One transformer block, forward and backward, written out: about 37 kernel calls forward and 52 backward, against some
 * hundred and three hundred of a taped graph of small operations. What the backward pass needs is kept in `Saved`, or
 * made again from the block's input where memory is short.
 *
 * Activations are [N, d] with N = B*T padded rows; the scores of a key head's query heads are one matrix product.
 */

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
  readonly mask: Tensor; // [group*T, T], 0 or very negative
  readonly eps: number;
}

export interface Saved {
  readonly first: Normed;
  readonly heads: Heads;
  readonly p: Tensor; // [KV*B, group*T, T]
  readonly o: Tensor; // [KV*B, group*T, hd]
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
  s.p,
  s.o,
  s.mixed,
  s.second.y,
  s.second.inverse,
  s.gate,
  s.open,
  s.up,
];

/** @param save false: only `y` outlives the call */
export function blockForward(
  { k, shape, rotation, mask, eps }: BlockContext,
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
      const p = masked(k, heads, mask);
      const o = k.batchMatMul(p, heads.v);
      const mixed = toRows(k, o, shape);
      const middle = k.add(x, k.matMul(mixed, w.o, false, true));
      const second = norm(k, middle, eps);
      const gate = k.matMul(second.y, w.gate, false, true);
      const up = k.matMul(second.y, w.up, false, true);
      const open = k.sigmoid(gate);
      const y = k.add(middle, k.matMul(k.mul(k.mul(gate, open), up), w.down, false, true));
      return { y, saved: save ? { first, heads, p, o, mixed, second, gate, open, up } : null };
    },
    ({ y, saved }) => [y, ...(saved === null ? [] : savedTensors(saved))],
  );
}

const masked = (k: Kernels, { q, k: keys }: Heads, mask: Tensor): Tensor =>
  k.scope(
    () => {
      const scores = k.batchMatMul(q, keys, false, true);
      const hidden = k.add(scores, mask);
      k.free(scores);
      return k.softmax(hidden);
    },
    (p) => [p],
  );

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
      const dqkv = k.joinHeads(attentionBackward(k, saved, dO), shape, rotation);
      const qkvBias = k.biasGrad(dqkv);
      const qkv = k.matMul(dqkv, saved.first.y, true, false);
      const dx = k.add(dMiddle, normGrad(k, saved.first, k.matMul(dqkv, w.qkv)));
      return { dx, gradients: { qkv, qkvBias, o, gate: mlp.gate, up: mlp.up, down: mlp.down } };
    },
    ({ dx, gradients: g }) => [dx, g.qkv, g.qkvBias, g.o, g.gate, g.up, g.down],
  );
}

/** dS = P (dO V' - rowsum(dO O)) */
function attentionBackward(k: Kernels, { heads, p, o }: Saved, dO: Tensor): Heads {
  return k.scope(
    () => {
      const v = k.batchMatMul(p, dO, true, false);
      const along = k.sum(k.mul(dO, o), 2, true);
      const dP = k.batchMatMul(dO, heads.v, false, true);
      const centred = k.sub(dP, along);
      k.free(dP);
      const dS = k.mul(centred, p);
      k.free(centred);
      return { q: k.batchMatMul(dS, heads.k), k: k.batchMatMul(dS, heads.q, true, false), v };
    },
    ({ q, k: keys, v }) => [q, keys, v],
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
