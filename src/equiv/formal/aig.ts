/**
 * And-inverter graph with structural hashing: what two designs share becomes one node. A literal is twice a node's
 * number, plus one when inverted; literal 0 is false, 1 is true. Nodes are inputs, latches (all of them start at 0) or
 * ANDs, in topological order among the ANDs.
 */

export type Lit = number;

export const FALSE: Lit = 0;
export const TRUE: Lit = 1;
export const not = (a: Lit): Lit => a ^ 1;

const INPUT = -1;
const LATCH = -2;

/** Thrown where a graph would outgrow its cap; the prover turns it into `undecided`. */
export class TooLarge extends Error {}

export class Aig {
  /** First operand of an AND, or what else the node is. */
  private readonly left: number[] = [INPUT];
  private readonly right: number[] = [INPUT];
  private readonly hashed = new Map<number, number>();
  readonly inputs: number[] = [];
  readonly latches: { readonly node: number; next: Lit }[] = [];
  private readonly cap: number;

  constructor(cap: number) {
    this.cap = cap;
  }

  get size(): number {
    return this.left.length;
  }

  private node(a: number, b: number): number {
    if (this.left.length >= this.cap) throw new TooLarge(`more than ${this.cap} gates`);
    this.left.push(a);
    this.right.push(b);
    return this.left.length - 1;
  }

  input(): Lit {
    const n = this.node(INPUT, INPUT);
    this.inputs.push(n);
    return 2 * n;
  }

  /** Starts at 0; its next value is set later. */
  latch(): { readonly lit: Lit; readonly set: (next: Lit) => void } {
    const n = this.node(LATCH, LATCH);
    const latch = { node: n, next: FALSE };
    this.latches.push(latch);
    return {
      lit: 2 * n,
      set: (next) => {
        latch.next = next;
      },
    };
  }

  and(a: Lit, b: Lit): Lit {
    const [x, y] = a < b ? [a, b] : [b, a];
    if (x === FALSE || x === not(y)) return FALSE;
    if (x === TRUE || x === y) return y;
    const key = x * 2 ** 26 + y;
    const known = this.hashed.get(key);
    if (known !== undefined) return known;
    const made = 2 * this.node(x, y);
    this.hashed.set(key, made);
    return made;
  }

  or(a: Lit, b: Lit): Lit {
    return not(this.and(not(a), not(b)));
  }

  xor(a: Lit, b: Lit): Lit {
    // Inverters move outward, so that a ^ b and a ^ ~b share their gates.
    const flip = (a ^ b) & 1;
    const x = a & ~1;
    const y = b & ~1;
    return this.or(this.and(x, not(y)), this.and(not(x), y)) ^ flip;
  }

  /** `s ? b : a`. */
  mux(s: Lit, a: Lit, b: Lit): Lit {
    if (a === b) return a;
    if (s & 1) return this.mux(not(s), b, a);
    if (a === not(b)) return this.xor(s, a);
    return this.or(this.and(s, b), this.and(not(s), a));
  }

  /** Values of every node for one frame: `state` by latch, `inputs` by input, both 0 or 1. */
  evaluate(state: Uint8Array, inputs: Uint8Array): Uint8Array {
    const value = new Uint8Array(this.size);
    this.latches.forEach((l, k) => {
      value[l.node] = state[k]!;
    });
    this.inputs.forEach((n, k) => {
      value[n] = inputs[k]!;
    });
    for (let n = 1; n < this.size; n++) {
      const a = this.left[n]!;
      if (a < 0) continue;
      const b = this.right[n]!;
      value[n] = (value[a >> 1]! ^ (a & 1)) & (value[b >> 1]! ^ (b & 1));
    }
    return value;
  }

  /** Next state from the values of a frame. */
  step(value: Uint8Array): Uint8Array {
    return Uint8Array.from(this.latches, (l) => levelOf(value, l.next));
  }

  /**
   * Binary AIGER of what one literal depends on. Inputs (`in0`, `in1` …) keep their order and number, so that a
   * witness by position fits; the output is `bad`; latches outside the cone go.
   */
  aiger(bad: Lit): Buffer {
    const used = this.cone(bad);
    const rename = new Int32Array(this.size);
    let next = 1;
    for (const n of this.inputs) rename[n] = next++;
    const latches = this.latches.filter((l) => used[l.node]);
    for (const l of latches) rename[l.node] = next++;
    const ands: number[] = [];
    for (let n = 1; n < this.size; n++) {
      if (used[n] && this.left[n]! >= 0) {
        rename[n] = next++;
        ands.push(n);
      }
    }
    const lit = (l: Lit): number => 2 * rename[l >> 1]! + (l & 1);
    const head =
      `aig ${next - 1} ${this.inputs.length} ${latches.length} 1 ${ands.length}\n` +
      latches.map((l) => `${lit(l.next)}\n`).join("") +
      `${lit(bad)}\n`;
    const bytes: number[] = [];
    const delta = (d: number): void => {
      for (; d > 127; d = Math.floor(d / 128)) bytes.push((d & 127) | 128);
      bytes.push(d);
    };
    for (const n of ands) {
      const a = lit(this.left[n]!);
      const b = lit(this.right[n]!);
      const hi = Math.max(a, b);
      delta(2 * rename[n]! - hi);
      delta(hi - Math.min(a, b));
    }
    const names = `${this.inputs.map((_, k) => `i${k} in${k}\n`).join("")}o0 bad\n`;
    return Buffer.concat([Buffer.from(head, "latin1"), Buffer.from(bytes), Buffer.from(names, "latin1")]);
  }

  private cone(bad: Lit): Uint8Array {
    const used = new Uint8Array(this.size);
    const nextOf = new Map(this.latches.map((l) => [l.node, l.next]));
    const stack = [bad >> 1];
    while (stack.length > 0) {
      const n = stack.pop()!;
      if (used[n]) continue;
      used[n] = 1;
      const next = nextOf.get(n);
      if (next !== undefined) stack.push(next >> 1);
      else if (this.left[n]! >= 0) stack.push(this.left[n]! >> 1, this.right[n]! >> 1);
    }
    return used;
  }
}

export const levelOf = (value: Uint8Array, lit: Lit): number => value[lit >> 1]! ^ (lit & 1);
