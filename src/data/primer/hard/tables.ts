/** Tables of state machines, drawn by number: every state is reached, and no two machines that differ here behave alike. */

import { makeRng } from "../../../core/rng.js";

/** Binary input; `to[s][x]` is the next state, `y[s][x]` the output in state s under input x. State 0 is the first. */
export interface Table {
  readonly to: readonly (readonly [number, number])[];
  readonly y: readonly (readonly [number, number])[];
}

export const STATES = "ABCDEF";

/** Whether two machines give the same outputs under all inputs, from state 0: a walk over pairs of states. */
export function equivalent(p: Table, q: Table): boolean {
  const seen = new Set<string>();
  const open: [number, number][] = [[0, 0]];
  for (let pair = open.pop(); pair !== undefined; pair = open.pop()) {
    const [a, b] = pair;
    if (seen.has(`${a}/${b}`)) continue;
    seen.add(`${a}/${b}`);
    for (const x of [0, 1] as const) {
      if (p.y[a]![x] !== q.y[b]![x]) return false;
      open.push([p.to[a]![x], q.to[b]![x]]);
    }
  }
  return true;
}

function reachable(to: Table["to"]): number {
  const seen = new Set([0]);
  for (const s of seen) for (const next of to[s]!) seen.add(next);
  return seen.size;
}

/** Table with branches of state s exchanged. */
export const swapped = (t: Table, s: number): Table => ({
  ...t,
  to: t.to.map((pair, i) => (i === s ? ([pair[1], pair[0]] as const) : pair)),
});

/** Table with the output of state s inverted. */
export const inverted = (t: Table, s: number): Table => ({
  ...t,
  y: t.y.map((pair, i) => (i === s ? ([1 - pair[0], 1 - pair[1]] as const) : pair)),
});

/** Machine number k with `size` states; `moore`: the output depends on the state only. */
export function drawTable(size: number, k: number, moore: boolean): Table {
  const rng = makeRng(`primer/table/${moore ? "moore" : "mealy"}/${size}/${k}`);
  for (;;) {
    const t: Table = {
      to: Array.from({ length: size }, () => [rng.int(size), rng.int(size)] as const),
      y: Array.from({ length: size }, () => {
        const first = rng.int(2);
        return [first, moore ? first : rng.int(2)] as const;
      }),
    };
    const ones = t.y.flat().filter((v) => v === 1).length;
    if (reachable(t.to) < size || ones === 0 || ones === 2 * size) continue;
    // The fault that exchanges the branches of the last state must show.
    if (!equivalent(t, swapped(t, size - 1)) && !equivalent(t, swapped(t, 0))) return t;
  }
}

/** States visited from 0 under the inputs, the first included. */
export function walk(t: Table, inputs: readonly number[]): number[] {
  const states = [0];
  for (const x of inputs) states.push(t.to[states.at(-1)!]![x as 0 | 1]);
  return states;
}
