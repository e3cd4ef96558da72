/** A value in two halves: its small parts as plain JSON, and its long parts as arrays that never become text. */

export type NumberArray = Int32Array | Float32Array | Uint8Array;
/** By name, one-dimensional. */
export type Arrays = Readonly<Record<string, NumberArray>>;

export interface Packed {
  /** Plain JSON. Whoever reads it back checks it with a schema. */
  readonly json: unknown;
  readonly arrays: Arrays;
}
