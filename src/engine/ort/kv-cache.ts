/**
 * The key-value cache of the running rows: per layer one array for keys [rows, KV, hd, L] and one for values
 * [rows, KV, L, hd]. Memory is taken for the longest rows once; L, the length laid out, follows the longest row that
 * runs (a multiple of 64), so short rollouts stay cheap.
 */

import type { Qwen2Config } from "../../model/config.js";

export const CACHE_STEP = 64;

export interface KvCache {
  readonly keys: readonly Float32Array[];
  readonly values: readonly Float32Array[];
  readonly length: number; // L
  /** Lays the first `rows` rows out for `length` columns (rounded up). */
  resize(length: number, rows: number): void;
  /** Copies a prompt in: k [layers*KV, hd, P], v [layers*KV, P, hd]. */
  load(row: number, k: Float32Array, v: Float32Array, promptLength: number): void;
  /** Writes the new column of each layer: k then v, each [KV*hd], from `columns` at `from`. */
  append(row: number, position: number, columns: Float32Array, from: number): void;
  /** Clears the values at `position`: the step graph adds the new column by itself. */
  clearValue(row: number, position: number): void;
  move(from: number, to: number): void;
}

export function makeKvCache(config: Qwen2Config, rows: number, maxLength: number): KvCache {
  const { numLayers, numKvHeads: kv, headDim: hd } = config;
  const most = Math.ceil(maxLength / CACHE_STEP) * CACHE_STEP;
  const make = () => Array.from({ length: numLayers }, () => new Float32Array(rows * kv * hd * most));
  const keys = make();
  const values = make();
  let length = CACHE_STEP;

  /** Moves `count` lines from stride `from` to stride `to`, in place. */
  const restride = (data: Float32Array, count: number, from: number, to: number): void => {
    const used = Math.min(from, to);
    if (to > from) {
      for (let i = count - 1; i >= 0; i--) {
        data.copyWithin(i * to, i * from, i * from + used);
        data.fill(0, i * to + used, (i + 1) * to);
      }
    } else for (let i = 0; i < count; i++) data.copyWithin(i * to, i * from, i * from + used);
  };

  return {
    keys,
    values,
    get length() {
      return length;
    },
    resize(wanted, used) {
      const next = Math.min(most, Math.max(1, Math.ceil(wanted / CACHE_STEP)) * CACHE_STEP);
      if (next === length) return;
      for (const k of keys) restride(k, used * kv * hd, length, next);
      for (const v of values) restride(v, used * kv, length * hd, next * hd);
      length = next;
    },
    load(row, k, v, promptLength) {
      for (let l = 0; l < numLayers; l++) {
        const lineK = l * kv * hd;
        const toK = row * kv * hd;
        for (let i = 0; i < kv * hd; i++) {
          const at = (lineK + i) * promptLength;
          keys[l]!.set(k.subarray(at, at + promptLength), (toK + i) * length);
        }
        for (let h = 0; h < kv; h++) {
          const at = (l * kv + h) * promptLength * hd;
          values[l]!.set(v.subarray(at, at + promptLength * hd), (row * kv + h) * length * hd);
        }
      }
    },
    append(row, position, columns, from) {
      let at = from;
      for (let l = 0; l < numLayers; l++) {
        const k = keys[l]!;
        const v = values[l]!;
        const first = row * kv * hd * length + position;
        for (let i = 0; i < kv * hd; i++) k[first + i * length] = columns[at++]!;
        for (let h = 0; h < kv; h++) {
          const to = ((row * kv + h) * length + position) * hd;
          for (let i = 0; i < hd; i++) v[to + i] = columns[at++]!;
        }
      }
    },
    clearValue(row, position) {
      for (const v of values) {
        for (let h = 0; h < kv; h++) {
          const to = ((row * kv + h) * length + position) * hd;
          v.fill(0, to, to + hd);
        }
      }
    },
    move(from, to) {
      const size = kv * hd * length;
      for (const data of [...keys, ...values]) data.copyWithin(to * size, from * size, (from + 1) * size);
    },
  };
}
