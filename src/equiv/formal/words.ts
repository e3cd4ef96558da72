/**
 * Operators on words of values as simulation has them: one open bit of an operand opens the whole result of
 * arithmetic, ordering and shift amounts; equality and reductions stay defined where a defined bit settles them.
 */

import { type Aig, FALSE, type Lit, not } from "./aig.js";
import * as arith from "./arith.js";
import { extend, NotModelled, type Word } from "./netlist.js";
import { andValue, binary, invert, isBinary, muxValue, OPEN, type Value, xorValue, ZERO } from "./value.js";

export interface Operands {
  readonly a: readonly Value[];
  readonly b: readonly Value[];
}

/** Bits of `y`; `unknown` makes a bit that nothing defines. */
export function evaluateWord(aig: Aig, w: Word, { a, b }: Operands, unknown: () => Value): Value[] {
  const signed = w.aSigned && w.bSigned;
  const width = Math.max(a.length, b.length);
  const wide = (v: readonly Value[], n: number, s: boolean): Value[] => extend(v, n, s, ZERO);
  const word = (v: Value): Value[] => wide([v], w.y.length, false);
  const lits = (v: readonly Value[]): Lit[] => v.map((x) => x.one);
  /** A result computed on defined bits, opened where an operand is. */
  const strict = (bits: readonly Lit[], ...from: (readonly Value[])[]): Value[] => {
    const open = from.flat().reduce((any, v) => aig.or(any, isOpen(aig, v)), FALSE as Lit);
    return bits.map((l) => opened(aig, binary(l), open, unknown));
  };
  const n = w.y.length;
  switch (w.type) {
    case "add":
    case "sub":
    case "mul": {
      const [x, y] = [lits(wide(a, n, signed)), lits(wide(b, n, signed))];
      const op = w.type === "add" ? arith.add : w.type === "sub" ? arith.sub : arith.multiply;
      return strict(op(aig, x, y), a, b);
    }
    case "neg":
      return strict(arith.negate(aig, lits(wide(a, n, w.aSigned))), a);
    case "div":
    case "mod": {
      const m = Math.max(width, n);
      const [x, y] = [lits(wide(a, m, signed)), lits(wide(b, m, signed))];
      const { quotient, remainder } = (signed ? arith.divideSigned : arith.divide)(aig, x, y);
      const none = arith.isZero(aig, y);
      return strict(w.type === "div" ? quotient : remainder, a, b)
        .slice(0, n)
        .map((v) => opened(aig, v, none, unknown));
    }
    case "pow":
      return strict(power(aig, w, lits(a), lits(b), n), a, b);
    case "lt":
    case "ge": {
      const l = arith.lessThan(aig, lits(wide(a, width, signed)), lits(wide(b, width, signed)), signed);
      return fill(strict([w.type === "lt" ? l : not(l)], a, b), n);
    }
    case "gt":
    case "le": {
      const l = arith.lessThan(aig, lits(wide(b, width, signed)), lits(wide(a, width, signed)), signed);
      return fill(strict([w.type === "gt" ? l : not(l)], a, b), n);
    }
    case "eq":
    case "ne": {
      const [x, y] = [wide(a, width, signed), wide(b, width, signed)];
      const same = all(
        aig,
        x.map((v, k) => invert(xorValue(aig, v, y[k]!))),
      );
      return word(w.type === "eq" ? same : invert(same));
    }
    case "eqx":
    case "nex": {
      const [x, y] = [wide(a, width, signed), wide(b, width, signed)];
      const same = x.reduce((l, v, k) => aig.and(l, identical(aig, v, y[k]!)), 1 as Lit);
      return word(binary(w.type === "eqx" ? same : not(same)));
    }
    case "reduce_and":
      return word(all(aig, a));
    case "reduce_or":
    case "reduce_bool":
      return word(any(aig, a));
    case "reduce_xor":
    case "reduce_xnor": {
      const odd = a.reduce((x, v) => xorValue(aig, x, v), ZERO);
      return word(w.type === "reduce_xor" ? odd : invert(odd));
    }
    case "logic_not":
      return word(invert(any(aig, a)));
    case "logic_and":
      return word(andValue(aig, any(aig, a), any(aig, b)));
    case "logic_or":
      return word(invert(andValue(aig, invert(any(aig, a)), invert(any(aig, b)))));
    case "shl":
    case "sshl":
    case "shr":
    case "sshr":
    case "shift":
    case "shiftx":
      return shifted(aig, w, a, b, unknown);
    default:
      return w.type satisfies never;
  }
}

const fill = (v: readonly Value[], n: number): Value[] => extend(v, n, false, ZERO);

const isOpen = (aig: Aig, v: Value): Lit => (isBinary(v) ? FALSE : aig.and(v.one, v.zero));

/** `v`, or what nothing defines where `open` holds. */
function opened(aig: Aig, v: Value, open: Lit, unknown: () => Value): Value {
  return open === FALSE ? v : muxValue(aig, binary(open), v, unknown());
}

const all = (aig: Aig, v: readonly Value[]): Value => v.reduce((x, y) => andValue(aig, x, y), invert(ZERO));
const any = (aig: Aig, v: readonly Value[]): Value => invert(all(aig, v.map(invert)));

/** Both the same of 0, 1 and open. */
function identical(aig: Aig, a: Value, b: Value): Lit {
  return aig.and(not(aig.xor(a.one, b.one)), not(aig.xor(a.zero, b.zero)));
}

function power(aig: Aig, w: Word, a: readonly Lit[], b: readonly Lit[], n: number): Lit[] {
  if (b.some((l) => l > 1) || (w.bSigned && b.at(-1) === 1)) {
    throw new NotModelled("a power with an exponent that is no constant");
  }
  const base = extend(a, n, w.aSigned && w.bSigned, FALSE);
  let out: Lit[] = base.map((_, k) => (k === 0 ? 1 : FALSE));
  for (let k = b.length - 1; k >= 0; k--) {
    out = arith.multiply(aig, out, out);
    if (b[k] === 1) out = arith.multiply(aig, out, base);
  }
  return out;
}

/** Barrel shifts. A signed distance of `shift` and `shiftx` may be negative, which goes the other way. */
function shifted(aig: Aig, w: Word, a: readonly Value[], b: readonly Value[], unknown: () => Value): Value[] {
  const n = w.y.length;
  // Past either end lies the sign, a zero, or (reading a vector out of its range) nothing defined, bit by bit.
  const beyond = new Map<number, Value>();
  const past = (at: number): Value => {
    if (w.type !== "shiftx") return ZERO;
    const known = beyond.get(at) ?? unknown();
    beyond.set(at, known);
    return known;
  };
  const index = w.type === "shift" || w.type === "shiftx";
  const full = extend(a, Math.max(a.length, n), w.aSigned, ZERO);
  const sign = w.type === "sshr" && w.aSigned ? full.at(-1)! : null;
  const distance = b.map((v) => v.one);
  let out: Value[];
  if (w.type === "shl" || w.type === "sshl") out = up(aig, full.slice(0, n), b, past);
  else if (index && w.bSigned && b.length > 0) {
    const back = arith.negate(aig, distance).map(binary);
    const from = Array.from({ length: n }, (_, k) => a[k] ?? past(k));
    const left = up(aig, from, back, past);
    const right = down(aig, a, b.slice(0, -1), n, past);
    out = right.map((v, k) => muxValue(aig, b.at(-1)!, v, left[k]!));
  } else out = down(aig, index ? a : full, b, n, (at) => sign ?? past(at));
  const open = b.reduce((l, v) => aig.or(l, isOpen(aig, v)), FALSE as Lit);
  return out.map((v) => opened(aig, v, open, () => OPEN));
}

type Past = (at: number) => Value;

function up(aig: Aig, from: readonly Value[], distance: readonly Value[], past: Past): Value[] {
  let at = [...from];
  distance.forEach((s, k) => {
    if (s.one === FALSE) return;
    at = at.map((stay, i) => muxValue(aig, s, stay, at[i - 2 ** k] ?? past(i - 2 ** k)));
  });
  return at;
}

/** The largest distance comes first, so that only bits that can still arrive are kept. */
function down(
  aig: Aig,
  from: readonly Value[],
  distance: readonly Value[],
  width: number,
  past: Past,
): Value[] {
  let at = [...from];
  for (let k = distance.length - 1; k >= 0; k--) {
    const s = distance[k]!;
    if (s.one === FALSE) continue;
    const far = 2 ** k;
    const length = Math.min(Math.max(at.length, width), width + far - 1);
    const last = at;
    at = Array.from({ length }, (_, i) =>
      muxValue(aig, s, last[i] ?? past(i), last[i + far] ?? past(i + far)),
    );
  }
  return Array.from({ length: width }, (_, i) => at[i] ?? past(i));
}
