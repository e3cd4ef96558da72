/**
 * What a stimulus plays once, in full, because drawing it would take luck: rows at the corners and one bit off a peer or
 * a constant of the golden; its constants as a key, with one input low or one word wrong; inputs held for about as
 * long as the golden counts, after a reset, and then let go; words at the ends of their range, held.
 */

import type { Rng } from "../../core/rng.js";
import type { DesignInterface } from "../../verilog/interface.js";
import { type Mined, minedFor } from "../../verilog/numbers.js";
import { type Field, randomBits } from "./rows.js";

/** Values of some data inputs for one vector; the others stay as they are. */
export type Row = readonly (readonly [name: string, value: bigint])[];

export interface Act {
  /** Whether it begins with a reset. */
  readonly fresh: boolean;
  readonly rows: readonly Row[];
}

const ones = (width: number): bigint => (1n << BigInt(width)) - 1n;

/** Longest key that is tried with every word wrong. */
const MAX_KEY = 8;
/** Counts that are waited for, cycles: shorter ones come by themselves, longer ones are for long runs. */
const MIN_COUNT = 3n;
const MAX_COUNT = 128n;
/** A register of more bits takes a long run to go round. */
const MAX_ROUND_BITS = 7;
const MAX_PUSHED = 2;
const PUSH_CYCLES = 6;
/** Of all vectors, what goes to rows, keys, pushes and waits. */
const ROWS_SHARE = 1 / 4;
const KEYS_SHARE = 1 / 5;
const PUSHES_SHARE = 1 / 12;
const WAITS_SHARE = 1;

export interface Acts {
  readonly acts: readonly Act[];
  /** Drawn vectors that they replace: near misses are drawn too, waits hardly ever. */
  readonly instead: number;
}

/** What a stimulus of so many vectors plays, mostly in place of some of them. */
export function makeActs(
  iface: DesignInterface,
  data: readonly Field[],
  constants: readonly Mined[],
  rng: Rng,
  vectors: number,
): Acts {
  if (data.length === 0) return { acts: [], instead: 0 };
  // Where inputs change one at a time a row is many steps.
  const most = iface.stateful && iface.clocks.length === 0 ? 0 : Math.floor(vectors * ROWS_SHARE);
  const equal = thinned(nearPeers(data, rng), most, rng);
  const near = thinned(nearConstants(data, constants, rng), most - equal.length, rng);
  const rows = [...flats(data), ...equal, ...near];
  const instead: Act[] = [{ fresh: true, rows }];
  if (iface.clocks.length === 0) return { acts: instead, instead: rows.length };
  instead.push(...within(keys(iface, data, constants, rng), vectors * KEYS_SHARE));
  instead.push(...within(pushes(iface, data, rng), vectors * PUSHES_SHARE));
  const more = within(waits(iface, data, constants, rng), vectors * WAITS_SHARE);
  return { acts: [...instead, ...more], instead: instead.reduce((n, a) => n + cost(a), 0) };
}

const flats = (data: readonly Field[]): Row[] => [
  data.map((f) => [f.name, 0n] as const),
  data.map((f) => [f.name, ones(f.width)] as const),
];

type Near = (row: ReadonlyMap<string, bigint>) => bigint;

/** An input at a value, then one bit away from it, for each bit; the other inputs are random. */
function around(f: Field, data: readonly Field[], near: Near, rng: Rng): Row[] {
  const rows: Row[] = [];
  for (let k = -1; k < f.width; k++) {
    const row = new Map(data.map((d) => [d.name, randomBits(rng, d.width)]));
    row.set(f.name, near(row) ^ (k < 0 ? 0n : 1n << BigInt(k)));
    rows.push([...row]);
  }
  return rows;
}

/** Around a peer: the next input of its width. */
function nearPeers(data: readonly Field[], rng: Rng): Row[] {
  return data.flatMap((f, k) => {
    const peer = f.width === 1 ? undefined : data.slice(k + 1).find((o) => o.width === f.width);
    return peer === undefined ? [] : around(f, data, (row) => row.get(peer.name)!, rng);
  });
}

/** Around the golden's constants, around zero (one bit alone is 1) and around all ones. */
function nearConstants(data: readonly Field[], constants: readonly Mined[], rng: Rng): Row[] {
  const wide = data.filter((f) => f.width > 1);
  const centres = (f: Field): bigint[] => [...minedFor(constants, f), 0n, ones(f.width)];
  return wide.flatMap((f) => [...new Set(centres(f))].flatMap((c) => around(f, data, () => c, rng)));
}

/**
 * The constants of an input in their source order, each time after a reset: with all controls high, with each of
 * them low, and with each word wrong in turn.
 */
function keys(iface: DesignInterface, data: readonly Field[], constants: readonly Mined[], rng: Rng): Act[] {
  const controls = data.filter((f) => f.width === 1);
  const acts: Act[] = [];
  for (const f of data.filter((d) => d.width > 1)) {
    const key = minedFor(constants, f);
    if (!iface.stateful || key.length < 2 || key.length > MAX_KEY) continue;
    const turn = (words: readonly bigint[], low: Field | null): Act => {
      const levels = controls.map((c) => [c.name, c === low ? 0n : 1n] as const);
      const after: Row = [[f.name, randomBits(rng, f.width)], ...controls.map((c) => [c.name, 1n] as const)];
      return { fresh: true, rows: [...words.map((w): Row => [[f.name, w], ...levels]), after] };
    };
    acts.push(turn(key, null), ...controls.map((c) => turn(key, c)));
    for (const k of key.keys()) {
      const bit = 1n << BigInt(rng.int(f.width));
      for (const wrong of [key[k]! + 1n, key[k]! ^ bit, randomBits(rng, f.width)]) {
        const word = wrong & ones(f.width);
        if (word !== key[k]) acts.push(turn(key.with(k, word), null));
      }
    }
  }
  return acts;
}

/** Wide inputs held at the ends of their range, every way round, so that what adds up comes to its limits. */
function pushes(iface: DesignInterface, data: readonly Field[], rng: Rng): Act[] {
  const wide = data.filter((f) => f.width > 1);
  if (!iface.stateful || wide.length === 0) return [];
  const ends = (f: Field): readonly bigint[] => [1n << BigInt(f.width - 1), ones(f.width - 1), ones(f.width)];
  const ways = wide.length > MAX_PUSHED ? [0, 1, 2] : Array.from({ length: 3 ** wide.length }, (_, k) => k);
  return rng.shuffle(ways).map((way): Act => {
    const words = wide.map(
      (f, k) => [f.name, ends(f)[Math.floor(way / 3 ** (k % MAX_PUSHED)) % 3]!] as const,
    );
    const idle = BigInt(rng.int(4) === 0 ? 1 : 0);
    const levels = data
      .filter((f) => f.width === 1)
      .map((f) => [f.name, iface.enables.includes(f.name) ? 1n : idle] as const);
    return { fresh: true, rows: [[...words, ...levels], ...new Array<Row>(PUSH_CYCLES - 1).fill([])] };
  });
}

/**
 * After a reset the controls hold still for as long as a constant of the golden says, or a cycle more or less, or until
 * a small register has gone round; then one of them changes. The likeliest come first.
 */
function waits(iface: DesignInterface, data: readonly Field[], constants: readonly Mined[], rng: Rng): Act[] {
  const controls = data.filter((f) => f.width === 1);
  const widths = [...new Set(iface.registers.map((r) => r.width))];
  const countable = (c: bigint): boolean =>
    iface.source === "header" || widths.some((w) => w > 2 && w <= 32 && c < 1n << BigInt(w));
  const saturates = (c: bigint): boolean => c > 8n && widths.some((w) => c === ones(w));
  const counts = [...new Set(constants.map((c) => c.value))]
    .filter((c) => c >= MIN_COUNT && c <= MAX_COUNT && countable(c) && !saturates(c))
    .map(Number);
  const rounds = widths.filter((w) => w > 2 && w <= MAX_ROUND_BITS).map((w) => 2 ** w + 1 + rng.int(3));
  const exact = counts.flatMap((c) => [c, c + 1]);
  const about = counts.flatMap((c) => [c - 1, c + 2]);
  const seen = new Set<number>();
  const acts: Act[] = [];
  for (const group of [exact, rounds, about]) {
    const fresh = [...new Set(group)].filter((n) => !seen.has(n));
    for (const n of fresh) seen.add(n);
    // An enable that is low has nothing count.
    const levels = (c: Field): bigint[] => (iface.enables.includes(c.name) ? [1n] : [0n, 1n]);
    const turns = fresh.flatMap((n) => controls.flatMap((c) => levels(c).map((level) => ({ n, c, level }))));
    for (const { n, c, level } of rng.shuffle(turns)) acts.push(wait(n, c, level, iface, data, rng));
  }
  return acts;
}

function wait(
  cycles: number,
  who: Field,
  level: bigint,
  iface: DesignInterface,
  data: readonly Field[],
  rng: Rng,
): Act {
  const wide = data.filter((f) => f.width > 1);
  const words = (): Row => wide.map((f) => [f.name, randomBits(rng, f.width)] as const);
  const vary = rng.int(2) === 0;
  const levels = data
    .filter((f) => f.width === 1)
    .map((f) => {
      const high = rng.uniform() < (iface.enables.includes(f.name) ? 0.85 : 0.5);
      return [f.name, f === who ? level : high ? 1n : 0n] as const;
    });
  const rows: Row[] = [[...words(), ...levels]];
  for (let n = 1; n < cycles; n++) rows.push(vary ? words() : []);
  rows.push([[who.name, level ^ 1n]]);
  for (let n = rng.int(3); n > 0; n--) rows.push([]);
  return { fresh: true, rows };
}

/** Vectors of an act, one for its reset. */
const cost = (act: Act): number => act.rows.length + 1;

/** Acts in their order while they fit. */
function within(acts: readonly Act[], vectors: number): Act[] {
  let left = vectors;
  return acts.filter((a) => {
    if (cost(a) > left) return false;
    left -= cost(a);
    return true;
  });
}

/** At most so many of them, in their order. */
function thinned<T>(items: readonly T[], most: number, rng: Rng): T[] {
  if (items.length <= most) return [...items];
  const kept = new Set(rng.shuffle(items.map((_, k) => k)).slice(0, most));
  return items.filter((_, k) => kept.has(k));
}
