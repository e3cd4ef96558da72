/**
 * Random numbers that do not depend on concurrency: one root seed, streams forked by label
 * (`rng.fork("sample", step, problemId, i)`). The generator is sfc32 (Doty-Humphrey, PractRand), seeded from a
 * 128-bit hash of the labels.
 */

import { type Seed, seed } from "./units.js";

export type RngState = readonly [number, number, number, number];

export interface Rng {
  /** Next 32 random bits, as an unsigned integer. */
  uint32(): number;
  /** Uniform in [0, 1) with 53 bits. */
  uniform(): number;
  /** Uniform integer in [0, n). */
  int(n: number): number;
  normal(): number;
  pick<T>(items: readonly T[]): T;
  /** A shuffled copy. */
  shuffle<T>(items: readonly T[]): T[];
  /** An independent stream; depends on this stream's own seed and the labels only, not on how much was drawn. */
  fork(...labels: readonly (string | number)[]): Rng;
  /** A 32-bit seed from the labels, without making a stream. */
  seedFor(...labels: readonly (string | number)[]): Seed;
  state(): RngState;
  restore(state: RngState): void;
}

/** 128-bit hash of a string (cyrb128): four well-mixed 32-bit words. */
export function hash128(text: string): RngState {
  let a = 1779033703;
  let b = 3144134277;
  let c = 1013904242;
  let d = 2773480762;
  for (let i = 0; i < text.length; i++) {
    const k = text.charCodeAt(i);
    a = b ^ Math.imul(a ^ k, 597399067);
    b = c ^ Math.imul(b ^ k, 2869860233);
    c = d ^ Math.imul(c ^ k, 951274213);
    d = a ^ Math.imul(d ^ k, 2716044179);
  }
  a = Math.imul(c ^ (a >>> 18), 597399067);
  b = Math.imul(d ^ (b >>> 22), 2869860233);
  c = Math.imul(a ^ (c >>> 17), 951274213);
  d = Math.imul(b ^ (d >>> 19), 2716044179);
  a ^= b ^ c ^ d;
  return [a >>> 0, (b ^ a) >>> 0, (c ^ a) >>> 0, (d ^ a) >>> 0];
}

class Sfc32 implements Rng {
  private readonly key: string;
  private s: [number, number, number, number];

  constructor(key: string) {
    this.key = key;
    this.s = [...hash128(key)];
    for (let i = 0; i < 12; i++) this.uint32();
  }

  uint32(): number {
    const s = this.s;
    const t = (((s[0] + s[1]) | 0) + s[3]) | 0;
    s[3] = (s[3] + 1) | 0;
    s[0] = s[1] ^ (s[1] >>> 9);
    s[1] = (s[2] + (s[2] << 3)) | 0;
    s[2] = ((s[2] << 21) | (s[2] >>> 11)) + t;
    s[2] |= 0;
    return t >>> 0;
  }

  uniform(): number {
    const hi = this.uint32() >>> 5;
    const lo = this.uint32() >>> 6;
    return (hi * 67108864 + lo) / 9007199254740992;
  }

  int(n: number): number {
    return Math.floor(this.uniform() * n);
  }

  normal(): number {
    const u = 1 - this.uniform();
    return Math.sqrt(-2 * Math.log(u)) * Math.cos(2 * Math.PI * this.uniform());
  }

  pick<T>(items: readonly T[]): T {
    return items[this.int(items.length)]!;
  }

  shuffle<T>(items: readonly T[]): T[] {
    const out = [...items];
    for (let i = out.length - 1; i > 0; i--) {
      const j = this.int(i + 1);
      [out[i], out[j]] = [out[j]!, out[i]!];
    }
    return out;
  }

  fork(...labels: readonly (string | number)[]): Rng {
    return new Sfc32(`${this.key}/${labels.join("\u0001")}`);
  }

  seedFor(...labels: readonly (string | number)[]): Seed {
    return seed(hash128(`${this.key}/${labels.join("\u0001")}`)[0]);
  }

  state(): RngState {
    return [this.s[0] >>> 0, this.s[1] >>> 0, this.s[2] >>> 0, this.s[3] >>> 0];
  }

  restore(state: RngState): void {
    this.s = [state[0] | 0, state[1] | 0, state[2] | 0, state[3] | 0];
  }
}

export const makeRng = (root: string | number): Rng => new Sfc32(String(root));
