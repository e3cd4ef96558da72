import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { TrainError } from "../../src/core/errors.js";
import { policyVersion, problemId, seed, step } from "../../src/core/units.js";

/** The error that it throws. */
function thrownBy(run: () => unknown): TrainError {
  try {
    run();
  } catch (error) {
    if (error instanceof TrainError) return error;
  }
  throw new Error("expected a TrainError");
}

describe("units", () => {
  it("steps and versions are whole numbers from 0", () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (n) => {
        expect(step(n)).toBe(n);
        expect(policyVersion(n)).toBe(n);
      }),
    );
    for (const n of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53]) {
      expect(thrownBy(() => step(n)).message).toBe(`Step must be a whole number >= 0, got ${n}`);
      expect(thrownBy(() => policyVersion(n)).code).toBe("bug");
    }
  });

  it("a seed is 32 bits of what is given", () => {
    fc.assert(
      fc.property(fc.integer(), (n) => {
        expect(seed(n)).toBe(((n % 2 ** 32) + 2 ** 32) % 2 ** 32);
      }),
    );
  });

  it("a problem id is 1 to 200 characters that need no quotes", () => {
    const id = fc.stringMatching(/^[\w.:/+=-]{1,200}$/);
    fc.assert(
      fc.property(id, (text) => {
        expect(problemId(text)).toBe(text);
      }),
    );
    for (const text of ["", "a b", "a\n", "ä", `${"x".repeat(201)}`, 'say "x"']) {
      const error = thrownBy(() => problemId(text));
      expect(error.code).toBe("data");
      expect(error.message).toContain(JSON.stringify(text.slice(0, 80)));
    }
  });
});
