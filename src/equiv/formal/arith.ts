/**
 * Arithmetic on words of literals, least significant bit first, defined bits only. Operands that may be swapped are
 * put in an order of their own, so that `a * b` and `b * a` are one circuit.
 */

import { type Aig, FALSE, type Lit, not, TRUE } from "./aig.js";

export type Bits = readonly Lit[];

/** Sum modulo 2^n with a carry in; the carry out follows as bit n. */
export function sum(aig: Aig, a: Bits, b: Bits, carry: Lit): Lit[] {
  const out: Lit[] = [];
  let c = carry;
  for (let k = 0; k < a.length; k++) {
    const half = aig.xor(a[k]!, b[k]!);
    out.push(aig.xor(half, c));
    c = aig.or(aig.and(a[k]!, b[k]!), aig.and(half, c));
  }
  out.push(c);
  return out;
}

export const add = (aig: Aig, a: Bits, b: Bits): Lit[] => sum(aig, a, b, FALSE).slice(0, a.length);
export const sub = (aig: Aig, a: Bits, b: Bits): Lit[] => sum(aig, a, b.map(not), TRUE).slice(0, a.length);
export const negate = (aig: Aig, a: Bits): Lit[] =>
  sub(
    aig,
    a.map(() => FALSE),
    a,
  );

/** Product modulo 2^n of two words of n bits. */
export function multiply(aig: Aig, x: Bits, y: Bits): Lit[] {
  const [a, b] = before(x, y) ? [x, y] : [y, x];
  const n = a.length;
  let out: Lit[] = a.map(() => FALSE);
  for (let k = 0; k < n; k++) {
    if (b[k] === FALSE) continue;
    const row = a.map((_, i) => (i < k ? FALSE : aig.and(a[i - k]!, b[k]!)));
    out = [...out.slice(0, k), ...add(aig, out.slice(k), row.slice(k))];
  }
  return out;
}

/** Constants last: their zero bits cost nothing as the multiplier. */
function before(x: Bits, y: Bits): boolean {
  const constants = (w: Bits): number => w.filter((l) => l <= 1).length;
  const [cx, cy] = [constants(x), constants(y)];
  if (cx !== cy) return cx < cy;
  for (let k = 0; k < x.length; k++) if (x[k] !== y[k]) return x[k]! < y[k]!;
  return true;
}

/** a < b, unsigned. */
export const below = (aig: Aig, a: Bits, b: Bits): Lit => not(sum(aig, a, b.map(not), TRUE).at(-1)!);

export function lessThan(aig: Aig, a: Bits, b: Bits, signed: boolean): Lit {
  if (!signed || a.length === 0) return below(aig, a, b);
  const flip = (w: Bits): Lit[] => [...w.slice(0, -1), not(w.at(-1)!)];
  return below(aig, flip(a), flip(b));
}

/** Quotient and remainder of unsigned words of one width; the divisor is not 0. */
export function divide(aig: Aig, a: Bits, b: Bits): { quotient: Lit[]; remainder: Lit[] } {
  const n = a.length;
  const wide = [...b, FALSE];
  let rest: Lit[] = wide.map(() => FALSE);
  const quotient: Lit[] = new Array(n).fill(FALSE);
  for (let k = n - 1; k >= 0; k--) {
    rest = [a[k]!, ...rest.slice(0, n)];
    const fits = not(below(aig, rest, wide));
    quotient[k] = fits;
    const less = sub(aig, rest, wide);
    rest = rest.map((r, i) => aig.mux(fits, r, less[i]!));
  }
  return { quotient, remainder: rest.slice(0, n) };
}

/** Signed division truncates towards zero; the remainder has the dividend's sign. */
export function divideSigned(aig: Aig, a: Bits, b: Bits): { quotient: Lit[]; remainder: Lit[] } {
  const [sa, sb] = [a.at(-1)!, b.at(-1)!];
  const { quotient, remainder } = divide(
    aig,
    choose(aig, sa, a, negate(aig, a)),
    choose(aig, sb, b, negate(aig, b)),
  );
  return {
    quotient: choose(aig, aig.xor(sa, sb), quotient, negate(aig, quotient)),
    remainder: choose(aig, sa, remainder, negate(aig, remainder)),
  };
}

export const choose = (aig: Aig, s: Lit, a: Bits, b: Bits): Lit[] => a.map((x, k) => aig.mux(s, x, b[k]!));

export const isZero = (aig: Aig, a: Bits): Lit => not(a.reduce((any, l) => aig.or(any, l), FALSE as Lit));
