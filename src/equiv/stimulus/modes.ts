/**
 * What one input does during an episode of a stimulus: uniform, held, sparse flips, counting, corners, constants of the
 * golden and their neighbours, those constants in their source order, near another input of its width, biased bits;
 * and, for designs with few input bits, every short word of input values once.
 */

import type { Rng } from "../../core/rng.js";
import type { DesignInterface } from "../../verilog/interface.js";
import { type Mined, minedFor } from "../../verilog/numbers.js";
import { type Field, randomBits } from "./rows.js";

/** Makes the next value of one input from its last one. */
export type Mode = (last: bigint, values: ReadonlyMap<string, bigint>) => bigint;

/** How an episode goes: one mode per data input, and whether resets stay away. */
export interface Episode {
  readonly modes: readonly Mode[];
  /** Vectors it wants; null = any number. */
  readonly length: number | null;
  readonly calm: boolean;
  /** Vectors between reset pulses without an edge; null = none are timed. */
  readonly pulseEvery: number | null;
}

const ones = (width: number): bigint => (1n << BigInt(width)) - 1n;

/** Designs with at most this many data bits are driven through all words of inputs. */
const WORD_BITS = 4;
const WORD_VECTORS = 64;
/** Longest wait for something that is due, cycles. */
const MAX_WAIT = 40n;

/** How often a bit is 1. */
const EVEN = [0.5, 0.5, 0.5, 0.5, 0.5, 0.25, 0.75, 0.125, 0.875];
const GATING = [0.5, 0.5, 0.875, 0.875, 31 / 32, 1, 0.125];
const SKEWED = [0.5, 0.5, 0.125, 0.875, 1 / 32, 31 / 32, 0, 1];

export class Modes {
  private readonly rng: Rng;
  private readonly data: readonly Field[];
  private readonly constants: readonly Mined[];
  private readonly enables: ReadonlySet<string>;
  private readonly bits: number;
  /** So few data bits that their sequence is what matters. */
  private readonly few: boolean;
  private episodes = 0;

  constructor(iface: DesignInterface, data: readonly Field[], constants: readonly Mined[], rng: Rng) {
    this.rng = rng;
    this.data = data;
    this.constants = constants;
    this.enables = new Set(iface.enables);
    this.bits = data.reduce((n, f) => n + f.width, 0);
    this.few = this.bits > 0 && this.bits <= WORD_BITS;
  }

  /**
   * Of four episodes the second is an unlock sequence where the golden has constants for one: an input takes them in
   * their order, with a rare stumble, while the controls hold still (all high the first time). The fourth puts all wide
   * inputs at corners, so that their combinations are met; the third holds the controls for long.
   */
  next(): Episode {
    const { rng } = this;
    const kind = this.episodes % 4;
    const first = this.episodes < 4;
    const words = this.few && this.episodes % 8 === 0;
    this.episodes++;
    if (words) return this.words();
    const locks = this.data.filter((f) => f.width > 1 && minedFor(this.constants, f).length > 1);
    if (kind === 1 && locks.length > 0) return free(this.unlock(rng.pick(locks), first));
    if (kind === 3) {
      return free(
        this.data.map((f): Mode => {
          const corners = cornersOf(f.width);
          return f.width > 1 ? () => rng.pick(corners) : this.modeFor(f);
        }),
      );
    }
    if (kind === 2 && (!this.few || rng.uniform() < 0.35)) return this.steady();
    return free(this.data.map((f) => this.modeFor(f)));
  }

  /** All words of k input values, in a cycle that holds each once (a de Bruijn sequence over the input values). */
  private words(): Episode {
    const values = 2 ** this.bits;
    const order = Math.max(1, Math.floor(Math.log2(WORD_VECTORS) / this.bits));
    const relabel = this.rng.shuffle(Array.from({ length: values }, (_, v) => v));
    const sequence = deBruijn(values, order).map((v) => relabel[v]!);
    const turn = this.rng.int(sequence.length);
    let at = -1;
    let offset = 0;
    const modes = this.data.map((f, k): Mode => {
      const low = offset;
      offset += f.width;
      return () => {
        if (k === 0) at++;
        return (BigInt(sequence[(at + turn) % sequence.length]!) >> BigInt(low)) & ones(f.width);
      };
    });
    return { modes, length: sequence.length + order - 1, calm: true, pulseEvery: null };
  }

  /**
   * The controls hold still, but for one of them, or for a reset, that slips for a moment: after as many cycles as a
   * constant of the golden says, about, since that is when something is due; at random where it has none.
   */
  private steady(): Episode {
    const { rng } = this;
    const due = this.constants.filter((c) => c.value <= MAX_WAIT).map((c) => Number(c.value));
    const every = due.length > 0 && rng.uniform() < 0.75 ? Math.max(2, rng.pick(due) + rng.int(4) - 1) : null;
    const controls = this.data.filter((f) => f.width === 1);
    const who = controls.length > 0 && rng.uniform() < 0.6 ? rng.pick(controls) : null;
    const modes = this.data.map((f): Mode => {
      if (f.width > 1) return this.modeFor(f);
      const level = rng.uniform() < (this.enables.has(f.name) ? 0.85 : 0.5) ? 1n : 0n;
      let n = 0;
      return () => {
        if (f !== who) return level;
        n++;
        return (every === null ? rng.uniform() < 1 / 24 : n % (every + 1) === 0) ? level ^ 1n : level;
      };
    });
    const length = every === null ? 40 + rng.int(40) : Math.min(80, 3 * every + 8);
    return { modes, length, calm: true, pulseEvery: who === null ? (every ?? 12) : null };
  }

  private unlock(lock: Field, first: boolean): Mode[] {
    const { rng } = this;
    return this.data.map((f): Mode => {
      if (f !== lock) {
        const p = first ? 1 : rng.pick([1, 1, 1, 0.875, 0]);
        return f.width === 1 ? () => (rng.uniform() < p ? 1n : 0n) : this.modeFor(f);
      }
      const mined = minedFor(this.constants, f);
      let k = -1;
      return () => {
        k = rng.uniform() < 1 / 32 ? 0 : (k + 1) % mined.length;
        return mined[k]!;
      };
    });
  }

  private modeFor(f: Field): Mode {
    const { rng } = this;
    if (f.width === 1) {
      const enable = this.enables.has(f.name);
      const p = rng.pick(this.few ? EVEN : enable ? GATING : SKEWED);
      if (!enable && rng.uniform() < 0.1) return (last) => last ^ 1n;
      return () => (rng.uniform() < p ? 1n : 0n);
    }
    const top = ones(f.width);
    const uniform = (): bigint => randomBits(rng, f.width);
    const mined = minedFor(this.constants, f);
    const peers = this.data.filter((o) => o.name !== f.name && o.width === f.width);
    const corners = cornersOf(f.width);
    const modes: Mode[] = [
      uniform,
      uniform,
      (last) => (rng.uniform() < 0.9 ? last : uniform()),
      (last) => last ^ (1n << BigInt(rng.int(f.width))),
      (last) => (last + 1n) & top,
      () => rng.pick(corners),
      () => 1n << BigInt(rng.int(f.width)),
    ];
    // Small numbers fill wide inputs that are compared or counted with.
    if (f.width > 4) modes.push(() => BigInt(rng.int(16)));
    if (mined.length > 0) {
      const near = (): bigint => (rng.pick(mined) + BigInt(rng.int(4) === 0 ? rng.int(3) - 1 : 0)) & top;
      modes.push(near, near);
    }
    if (peers.length > 0) {
      // Its complements make carries run through and sums meet zero.
      const near: Mode = (_last, values) => {
        const v = values.get(rng.pick(peers).name)!;
        const how = rng.int(8);
        if (how < 2) return (v + BigInt(rng.int(3) - 1)) & top;
        return how === 2 ? -v & top : how === 3 ? ~v & top : v;
      };
      modes.push(near);
    }
    return rng.pick(modes);
  }
}

const free = (modes: readonly Mode[]): Episode => ({ modes, length: null, calm: false, pulseEvery: null });

/** Lexicographically least de Bruijn sequence: Lyndon words whose length divides the order (Fredricksen, Maiorana). */
export function deBruijn(values: number, order: number): number[] {
  const word = new Array<number>(order + 1).fill(0);
  const out: number[] = [];
  const grow = (t: number, period: number): void => {
    if (t > order) {
      if (order % period === 0) for (let k = 1; k <= period; k++) out.push(word[k]!);
      return;
    }
    word[t] = word[t - period]!;
    grow(t + 1, period);
    for (let v = word[t - period]! + 1; v < values; v++) {
      word[t] = v;
      grow(t + 1, t);
    }
  };
  grow(1, 1);
  return out;
}

const cornersOf = (width: number): bigint[] => {
  const top = ones(width);
  const high = 1n << BigInt(width - 1);
  return [0n, top, 1n, high, high - 1n, top - 1n, patterned(width)];
};

const patterned = (width: number): bigint => BigInt(`0b${"10".repeat(width).slice(0, width)}`);
