import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { makeRng } from "../../src/core/rng.js";
import { type SftRow, SftSchedule } from "../../src/data/sft.js";

const row = (id: number, prompt: number, completion: number): SftRow => ({
  promptIds: new Int32Array(prompt).fill(id),
  completionIds: new Int32Array(completion).fill(id),
});

describe("distillation schedule", () => {
  it("visits every row once a pass, within the token budget, and goes on from a saved place", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 1, max: 30 }), fc.integer({ min: 1, max: 30 })), {
          minLength: 3,
          maxLength: 40,
        }),
        fc.integer({ min: 60, max: 200 }),
        fc.integer({ min: 0, max: 12 }),
        (sizes, budget, steps) => {
          const rows = sizes.map(([p, c], i) => row(i, p, c));
          const make = () => new SftSchedule(rows.length, (i) => rows[i]!, budget, makeRng(4));
          const whole = make();
          const seen: number[] = [];
          while (seen.length < rows.length) {
            const batch = whole.next();
            expect(
              batch.reduce((n, r) => n + r.promptIds.length + r.completionIds.length, 0),
            ).toBeLessThanOrEqual(budget);
            seen.push(...batch.map((r) => r.promptIds[0]!));
          }
          expect(new Set(seen.slice(0, rows.length)).size).toBe(rows.length);
          const [a, b] = [make(), make()];
          for (let i = 0; i < steps; i++) a.next();
          b.next();
          b.restore(JSON.parse(JSON.stringify(a.state())));
          for (let i = 0; i < 3; i++) expect(b.next()).toEqual(a.next());
        },
      ),
      { numRuns: 50 },
    );
  });
});
