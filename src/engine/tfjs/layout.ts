/**
 * Where parameters lie on the device: two vectors, of matrices (which decay) and of norms and biases (which do not).
 * q, k and v are one matrix whose rows go by key head, and inside a query or key head the two features that rotate
 * together lie side by side; scores do not depend on the order of a head's features.
 */

import type { Qwen2Config } from "../../model/config.js";
import { EMBEDDING, FINAL_NORM, type FlatLayout, HEAD, layerNames } from "../qwen2/flat.js";

export interface LayerSlots<T> {
  readonly qkv: T; // [KV*(group+2)*hd, d]
  readonly o: T; // [d, H*hd]
  readonly gate: T; // [F, d]
  readonly up: T; // [F, d]
  readonly down: T; // [d, F]
  readonly inputNorm: T; // [d]
  readonly postNorm: T; // [d]
  readonly qkvBias: T; // [KV*(group+2)*hd]
}

export interface ModelSlots<T> {
  readonly embedding: T; // [V, d]
  /** Null when the embedding is the head too. */
  readonly head: T | null; // [V, d]
  readonly finalNorm: T; // [d]
  readonly layers: readonly LayerSlots<T>[];
}

interface Run {
  readonly host: number;
  readonly device: number;
  readonly length: number;
}

export interface DeviceVector {
  /** Shapes in storage order. */
  readonly shapes: readonly (readonly number[])[];
  readonly size: number;
  /** Between a host array in the order of `flatLayout` and this vector. */
  pack(host: Float32Array): Float32Array;
  unpack(vector: Float32Array, host: Float32Array): void;
}

export interface DeviceLayout {
  readonly matrices: DeviceVector;
  readonly vectors: DeviceVector;
  /** The model's tensors, given those of both vectors in storage order. */
  arrange<T>(matrices: readonly T[], vectors: readonly T[]): ModelSlots<T>;
  /** The opposite. */
  order<T>(slots: ModelSlots<T>): { matrices: T[]; vectors: T[] };
}

export function deviceLayout(config: Qwen2Config, layout: FlatLayout): DeviceLayout {
  const matrices = vectorBuilder();
  const vectors = vectorBuilder();
  const whole = (into: ReturnType<typeof vectorBuilder>, name: string): void => {
    const { offset, size, shape } = layout.slot(name);
    into.add(shape, [{ from: offset, length: size }]);
  };
  whole(matrices, EMBEDDING);
  if (!config.tieWordEmbeddings) whole(matrices, HEAD);
  whole(vectors, FINAL_NORM);
  for (let l = 0; l < config.numLayers; l++) {
    const names = layerNames(l);
    const d = config.hiddenSize;
    const rows = headRows(config);
    const pieces = (width: number, of: readonly [string, string, string]) =>
      rows.map(({ part, row }) => ({ from: layout.slot(of[part]).offset + row * width, length: width }));
    matrices.add([rows.length, d], pieces(d, [names.qWeight, names.kWeight, names.vWeight]));
    for (const name of [names.oWeight, names.gateWeight, names.upWeight, names.downWeight])
      whole(matrices, name);
    whole(vectors, names.inputNorm);
    whole(vectors, names.postNorm);
    vectors.add([rows.length], pieces(1, [names.qBias, names.kBias, names.vBias]));
  }
  const first = config.tieWordEmbeddings ? 1 : 2;
  return {
    matrices: matrices.build(),
    vectors: vectors.build(),
    arrange: (ms, vs) => ({
      embedding: ms[0]!,
      head: config.tieWordEmbeddings ? null : ms[1]!,
      finalNorm: vs[0]!,
      layers: Array.from({ length: config.numLayers }, (_, l) => {
        const [qkv, o, gate, up, down] = ms.slice(first + 5 * l);
        const [inputNorm, postNorm, qkvBias] = vs.slice(1 + 3 * l);
        return {
          qkv: qkv!,
          o: o!,
          gate: gate!,
          up: up!,
          down: down!,
          inputNorm: inputNorm!,
          postNorm: postNorm!,
          qkvBias: qkvBias!,
        };
      }),
    }),
    order: ({ embedding, head, finalNorm, layers }) => ({
      matrices: [
        embedding,
        ...(head === null ? [] : [head]),
        ...layers.flatMap(({ qkv, o, gate, up, down }) => [qkv, o, gate, up, down]),
      ],
      vectors: [
        finalNorm,
        ...layers.flatMap(({ inputNorm, postNorm, qkvBias }) => [inputNorm, postNorm, qkvBias]),
      ],
    }),
  };
}

/** Of each row of the qkv matrix: its tensor (0 q, 1 k, 2 v) and its row there. */
function headRows({ numHeads, numKvHeads, headDim }: Qwen2Config): { part: 0 | 1 | 2; row: number }[] {
  const group = numHeads / numKvHeads;
  const half = headDim / 2;
  const paired = Array.from({ length: headDim }, (_, i) => (i >> 1) + (i & 1) * half);
  const plain = Array.from({ length: headDim }, (_, i) => i);
  const head = (part: 0 | 1 | 2, index: number) =>
    (part === 2 ? plain : paired).map((i) => ({ part, row: index * headDim + i }));
  return Array.from({ length: numKvHeads }, (_, kv) => [
    ...Array.from({ length: group }, (_, g) => head(0, kv * group + g)).flat(),
    ...head(1, kv),
    ...head(2, kv),
  ]).flat();
}

function vectorBuilder() {
  const shapes: (readonly number[])[] = [];
  const runs: Run[] = [];
  let size = 0;
  return {
    add(shape: readonly number[], pieces: readonly { from: number; length: number }[]): void {
      shapes.push(shape);
      for (const { from, length } of pieces) {
        runs.push({ host: from, device: size, length });
        size += length;
      }
    },
    build: (): DeviceVector => ({
      shapes,
      size,
      pack(host) {
        const vector = new Float32Array(size);
        for (const r of runs) vector.set(host.subarray(r.host, r.host + r.length), r.device);
        return vector;
      },
      unpack(vector, host) {
        for (const r of runs) host.set(vector.subarray(r.device, r.device + r.length), r.host);
      },
    }),
  };
}
