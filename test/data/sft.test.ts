import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { makeRng } from "../../src/core/rng.js";
import { step } from "../../src/core/units.js";
import { type SftRow, SftSchedule, sftBatch } from "../../src/data/sft.js";

const row = (id: number, prompt: number, completion: number): SftRow => ({
  promptIds: new Int32Array(prompt).fill(id),
  completionIds: new Int32Array(completion).fill(id),
});

describe("distillation schedule", () => {
  it("visits every row once a pass, within the token budget, and skip(k) is k steps", () => {
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
          b.skip(steps);
          expect(b.next()).toEqual(a.next());
        },
      ),
      { numRuns: 50 },
    );
  });

  it("trains completions only, with D = trained tokens", () => {
    const batch = sftBatch([row(5, 2, 3), row(6, 1, 2)], step(1));
    expect([...batch.lossMask]).toEqual([0, 0, 1, 1, 1, 0, 1, 1]);
    expect([...batch.rowStart]).toEqual([0, 5, 8]);
    expect(batch.divisor).toBe(5);
    expect(batch.loss).toEqual({ kind: "ce" });
  });
});
