/**
 * The operations of the tfjs learner, over one of two implementations: TensorFlow's own kernels called one by one through
 * tfjs-node's binding (native.ts), and tfjs's public operations on any of its backends (plain.ts).
 *
 * The learner differentiates by hand (block.ts, head.ts), so no tape runs and one call here is one kernel call: on a GPU
 * a step of a small model costs what its calls cost the host, and tfjs's engine adds four times a bare call's price.
 *
 * Every result belongs to the innermost open scope and is freed when it closes, unless kept.
 */

export interface Tensor {
  readonly shape: readonly number[];
}

/** How one row of q, k and v is laid out: numKvHeads times (group query heads, one key head, one value head). */
export interface HeadShape {
  readonly rows: number; // B
  readonly length: number; // T
  readonly numKvHeads: number;
  readonly group: number; // query heads for each key head
  readonly headDim: number;
}

export interface Heads {
  readonly q: Tensor; // [KV*B, group*T, hd], rotated and scaled
  readonly k: Tensor; // [KV*B, T, hd], rotated
  readonly v: Tensor; // [KV*B, T, hd]
}

/** Made for one length T by `rotation`. */
export interface Rotation {
  readonly forward: Tensor;
  readonly backward: Tensor;
}

export interface AdamHyper {
  readonly lr: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly eps: number;
  /** Weight decay times learning rate; 0 = none. */
  readonly decay: number;
  /** Updates so far, this one included. */
  readonly count: number;
}

/** A flat parameter vector with its two moments, updated in place. */
export interface Moving {
  /** Its present value, for reading. */
  value(): Tensor;
  moments(): { readonly m: Tensor; readonly v: Tensor };
  set(values: Float32Array): void;
  setMoments(m: Float32Array, v: Float32Array): void;
  /** AdamW as in engine/step/adamw.ts. `gradient` [size] is scaled by `factor` first. */
  adamw(gradient: Tensor, factor: number, hyper: AdamHyper): void;
  dispose(): void;
}

export interface Kernels {
  readonly runtime: string; // "tfjs-node 4.22.0"
  readonly device: string;
  /** Calls of kernels since the start, views of the same data included. */
  readonly calls: number;
  /** Tensors that live. */
  readonly numTensors: number;

  /** Frees what `work` makes, but what `keep` names of its result; that belongs to the scope outside. */
  scope<R>(work: () => R, keep?: (result: R) => readonly Tensor[]): R;
  /** The same over something that waits; keeps nothing. */
  scopeAsync<R>(work: () => Promise<R>): Promise<R>;
  /** What is made in `work` belongs to no scope, until it is freed. */
  outside<R>(work: () => R): R;
  free(...tensors: readonly Tensor[]): void;

  /** Floats on the device. */
  upload(values: Float32Array, shape: readonly number[]): Tensor;
  /** Whole numbers below 2^24, on the device. */
  uploadInts(values: Int32Array): Tensor;
  /** Waits for everything that came before. */
  download(x: Tensor): Promise<Float32Array>;
  /** A scalar that stays: made once for each value. */
  constant(value: number): Tensor;

  /** Products of two matrices, and of matrices along a first axis; each may be read transposed. */
  matMul(a: Tensor, b: Tensor, transposeA?: boolean, transposeB?: boolean): Tensor;
  batchMatMul(a: Tensor, b: Tensor, transposeA?: boolean, transposeB?: boolean): Tensor;
  add(a: Tensor, b: Tensor): Tensor;
  sub(a: Tensor, b: Tensor): Tensor;
  mul(a: Tensor, b: Tensor): Tensor;
  minimum(a: Tensor, b: Tensor): Tensor;
  maximum(a: Tensor, b: Tensor): Tensor;
  square(x: Tensor): Tensor;
  rsqrt(x: Tensor): Tensor;
  exp(x: Tensor): Tensor;
  sigmoid(x: Tensor): Tensor;
  /** dx of y = sigmoid(x). */
  sigmoidGrad(y: Tensor, dy: Tensor): Tensor;
  /** Along the last axis. */
  softmax(x: Tensor): Tensor;
  logSoftmax(x: Tensor): Tensor;
  /** x [N, n] + b [n], and the gradient of b. */
  addBias(x: Tensor, b: Tensor): Tensor;
  biasGrad(dy: Tensor): Tensor;
  /** Comparisons give a mask for `both` and `select` only. */
  atLeast(a: Tensor, b: Tensor): Tensor;
  both(a: Tensor, b: Tensor): Tensor;
  select(mask: Tensor, a: Tensor, b: Tensor): Tensor;
  /** Over one axis, which stays with length 1 when `keep`. */
  sum(x: Tensor, axis: number, keep: boolean): Tensor;
  mean(x: Tensor, axis: number, keep: boolean): Tensor;
  /** Half the sum of squares. */
  halfSquares(x: Tensor): Tensor;

  reshape(x: Tensor, shape: readonly number[]): Tensor;
  transpose(x: Tensor, perm: readonly number[]): Tensor;
  concat(parts: readonly Tensor[], axis: number): Tensor;
  split(x: Tensor, sizes: readonly number[], axis: number): Tensor[];
  slice(x: Tensor, begin: readonly number[], size: readonly number[]): Tensor;
  /** Zeros before and after along each axis. */
  pad(x: Tensor, counts: readonly (readonly [number, number])[]): Tensor;
  addAll(parts: readonly Tensor[]): Tensor;
  /** Rows of w [M, n] at index [R]; and rows of x [R, n] added up at index in [M, n]. */
  gatherRows(w: Tensor, index: Tensor): Tensor;
  sumRowsAt(x: Tensor, index: Tensor, rows: number): Tensor;
  /** Negative log-prob of each row's target under logits [R, V], and P - onehot, its derivative by the logits. */
  crossEntropy(logits: Tensor, targets: Tensor): { nll: Tensor; miss: Tensor };

  /** Tables of one length; angles[t, i] of position t and pair i, [T, headDim/2]; `scale` goes into the queries. */
  rotation(shape: HeadShape, cos: Float32Array, sin: Float32Array, scale: number): Rotation;
  /** x [B*T, KV*(group+2)*hd], pairs side by side, to rotated heads; and the adjoint. */
  splitHeads(x: Tensor, shape: HeadShape, rotation: Rotation): Heads;
  joinHeads(heads: Heads, shape: HeadShape, rotation: Rotation): Tensor;

  moving(values: Float32Array): Moving;
  close(): void;
}
