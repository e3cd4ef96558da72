/**
 * One bit as a pair of literals, "can be 1" and "can be 0": a defined bit has exactly one of them, an open one both.
 * Defined bits stay single literals through every gate, so that designs without open bits cost nothing extra.
 */

import { type Aig, FALSE, type Lit, not, TRUE } from "./aig.js";

export interface Value {
  readonly one: Lit;
  readonly zero: Lit;
}

export const binary = (lit: Lit): Value => ({ one: lit, zero: not(lit) });
export const OPEN: Value = { one: TRUE, zero: TRUE };
export const ZERO = binary(FALSE);
export const ONE = binary(TRUE);

export const isBinary = (v: Value): boolean => v.zero === not(v.one);
export const invert = (v: Value): Value => ({ one: v.zero, zero: v.one });

/** `s ? b : a`; with an open select, what both agree on. */
export function muxValue(aig: Aig, s: Value, a: Value, b: Value): Value {
  if (isBinary(s) && isBinary(a) && isBinary(b)) return binary(aig.mux(s.one, a.one, b.one));
  return {
    one: aig.or(aig.and(s.zero, a.one), aig.and(s.one, b.one)),
    zero: aig.or(aig.and(s.zero, a.zero), aig.and(s.one, b.zero)),
  };
}

export function andValue(aig: Aig, a: Value, b: Value): Value {
  if (isBinary(a) && isBinary(b)) return binary(aig.and(a.one, b.one));
  return { one: aig.and(a.one, b.one), zero: aig.or(a.zero, b.zero) };
}

export function xorValue(aig: Aig, a: Value, b: Value): Value {
  if (isBinary(a) && isBinary(b)) return binary(aig.xor(a.one, b.one));
  return {
    one: aig.or(aig.and(a.one, b.zero), aig.and(a.zero, b.one)),
    zero: aig.or(aig.and(a.one, b.one), aig.and(a.zero, b.zero)),
  };
}
