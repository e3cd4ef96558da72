/**
 * The parameters and moments on the device: two flat vectors that one AdamW call each updates. `ready` gives the tensors
 * that the blocks read, with each norm's weight folded into the columns of the matrices behind it: W' = W diag(w), so
 * dW = dW' diag(w) and dw = sum over rows of dW' W. Both are done once a step, not once a token.
 */

import type { BlockGradients, ReadyLayer } from "./block.js";
import type { AdamHyper, Kernels, Moving, Tensor } from "./kernels.js";
import type { DeviceLayout, LayerSlots, ModelSlots } from "./layout.js";

export interface Ready {
  readonly embedding: Tensor;
  readonly head: Tensor; // folded
  readonly layers: readonly ReadyLayer[];
  /** As stored, for `unfold`. */
  readonly raw: ModelSlots<Tensor>;
  readonly folded: readonly Tensor[];
}

/** All that `ready` made. */
export const readyTensors = ({ raw, folded }: Ready): readonly Tensor[] => [
  raw.embedding,
  ...(raw.head === null ? [] : [raw.head]),
  raw.finalNorm,
  ...raw.layers.flatMap((w) => Object.values(w) as Tensor[]),
  ...folded,
];

/** Gradients by what `Ready` holds. */
export interface ReadyGradients {
  readonly embedding: Tensor;
  readonly head: Tensor;
  readonly layers: readonly BlockGradients[];
}

export interface DeviceParameters {
  /** Belongs to the scope that is open; stale after an update. */
  ready(): Ready;
  /** Flat gradients [size] of both vectors. */
  unfold(ready: Ready, gradients: ReadyGradients): FlatGradients;
  adamw(gradients: FlatGradients, factor: number, hyper: AdamHyper): void;
  readonly matrices: Moving;
  readonly vectors: Moving;
}

export interface FlatGradients {
  readonly matrices: Tensor;
  readonly vectors: Tensor;
}

export function deviceParameters(k: Kernels, layout: DeviceLayout, weights: Float32Array): DeviceParameters {
  const matrices = k.moving(layout.matrices.pack(weights));
  const vectors = k.moving(layout.vectors.pack(weights));
  const parts = (flat: Tensor, shapes: readonly (readonly number[])[]): Tensor[] => {
    const sizes = shapes.map((shape) => shape.reduce((a, b) => a * b, 1));
    const pieces = k.split(flat, sizes, 0);
    return pieces.map((piece, i) => k.reshape(piece, shapes[i]!));
  };
  const flatten = (tensors: readonly Tensor[]): Tensor =>
    k.concat(
      tensors.map((x) => k.reshape(x, [-1])),
      0,
    );

  return {
    matrices,
    vectors,
    ready() {
      const raw = k.scope(
        () =>
          layout.arrange(
            parts(matrices.value(), layout.matrices.shapes),
            parts(vectors.value(), layout.vectors.shapes),
          ),
        (made) => Object.values(layout.order(made)).flat(),
      );
      const head = k.mul(raw.head ?? raw.embedding, raw.finalNorm);
      const layers = raw.layers.map((w) => ({
        qkv: k.mul(w.qkv, w.inputNorm),
        qkvBias: w.qkvBias,
        o: w.o,
        gate: k.mul(w.gate, w.postNorm),
        up: k.mul(w.up, w.postNorm),
        down: w.down,
      }));
      const folded = [head, ...layers.flatMap(({ qkv, gate, up }) => [qkv, gate, up])];
      return { raw, folded, embedding: raw.embedding, head, layers };
    },

    unfold({ raw }, gradients) {
      return k.scope(
        () => {
          const byWeight = (dFolded: Tensor, w: Tensor): Tensor => k.sum(k.mul(dFolded, w), 0, false);
          const head = raw.head ?? raw.embedding;
          const dHead = k.mul(gradients.head, raw.finalNorm);
          const { matrices: m, vectors: v } = layout.order<Tensor>({
            embedding: raw.head === null ? k.add(gradients.embedding, dHead) : gradients.embedding,
            head: raw.head === null ? null : dHead,
            finalNorm: byWeight(gradients.head, head),
            layers: raw.layers.map((w, l): LayerSlots<Tensor> => {
              const g = gradients.layers[l]!;
              return {
                qkv: k.mul(g.qkv, w.inputNorm),
                qkvBias: g.qkvBias,
                inputNorm: byWeight(g.qkv, w.qkv),
                o: g.o,
                gate: k.mul(g.gate, w.postNorm),
                up: k.mul(g.up, w.postNorm),
                postNorm: k.add(byWeight(g.gate, w.gate), byWeight(g.up, w.up)),
                down: g.down,
              };
            }),
          });
          return { matrices: flatten(m), vectors: flatten(v) };
        },
        (flat) => [flat.matrices, flat.vectors],
      );
    },

    adamw(gradients, factor, hyper) {
      matrices.adamw(gradients.matrices, factor, hyper);
      vectors.adamw(gradients.vectors, factor, { ...hyper, decay: 0 });
    },
  };
}

export const gradientTensors = ({ embedding, head, layers }: ReadyGradients): Tensor[] => [
  embedding,
  head,
  ...layers.flatMap(({ qkv, qkvBias, o, gate, up, down }) => [qkv, qkvBias, o, gate, up, down]),
];

/** The sum of two micro-batches' gradients; both are freed. */
export function addGradients(k: Kernels, a: ReadyGradients, b: ReadyGradients): ReadyGradients {
  const plus = (x: Tensor, y: Tensor): Tensor => {
    const sum = k.add(x, y);
    k.free(x, y);
    return sum;
  };
  return {
    embedding: plus(a.embedding, b.embedding),
    head: plus(a.head, b.head),
    layers: a.layers.map((x, l) => {
      const y = b.layers[l]!;
      return {
        qkv: plus(x.qkv, y.qkv),
        qkvBias: plus(x.qkvBias, y.qkvBias),
        o: plus(x.o, y.o),
        gate: plus(x.gate, y.gate),
        up: plus(x.up, y.up),
        down: plus(x.down, y.down),
      };
    }),
  };
}
