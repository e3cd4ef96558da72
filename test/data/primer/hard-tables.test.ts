import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { drawTable, equivalent, inverted, swapped, walk } from "../../../src/data/primer/hard/tables.js";

describe("drawn state machines", () => {
  it("repeat by number, reach every state, and differ from their faults in behaviour", () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 5 }), fc.nat(500), fc.boolean(), (size, k, moore) => {
        const t = drawTable(size, k, moore);
        expect(drawTable(size, k, moore)).toEqual(t);
        const seen = new Set(walk(t, []));
        for (const s of seen) for (const next of t.to[s]!) seen.add(next);
        expect(seen.size).toBe(size);
        if (moore) for (const [zero, one] of t.y) expect(zero).toBe(one);
        for (const fault of [swapped(t, size - 1), swapped(t, 0), inverted(t, 0)]) {
          expect(equivalent(t, fault)).toBe(false);
        }
        expect(equivalent(t, t)).toBe(true);
      }),
    );
  });

  it("are equivalent when states are only renamed", () => {
    const t = {
      to: [
        [1, 2],
        [0, 2],
        [2, 0],
      ],
      y: [
        [0, 0],
        [1, 1],
        [0, 1],
      ],
    } as const;
    const renamed = {
      to: [
        [2, 1],
        [1, 0],
        [0, 1],
      ],
      y: [
        [0, 0],
        [0, 1],
        [1, 1],
      ],
    } as const;
    expect(equivalent(t, renamed)).toBe(true);
    expect(equivalent(t, swapped(renamed, 2))).toBe(false);
  });
});
