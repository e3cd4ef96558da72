import { describe, expect, it } from "vitest";
import { learningRate } from "../../../src/rl/algo/schedule.js";

const s = { peak: 1, warmupSteps: 2, kind: "linear", finalRatio: 0.2, totalSteps: 10 } as const;

describe("learning rate", () => {
  it("rises over the warm-up, then falls to the final share at the last step", () => {
    expect([1, 2].map((k) => learningRate(k, s))).toEqual([0.5, 1]);
    expect(learningRate(6, s)).toBeCloseTo(0.6, 12);
    expect(learningRate(10, s)).toBeCloseTo(0.2, 12);
    expect(learningRate(10, { ...s, kind: "cosine" })).toBeCloseTo(0.2, 12);
    expect(learningRate(9, { ...s, kind: "constant" })).toBe(1);
  });

  it("ends its decay with the token budget when that ends sooner, and never leaves the warm-up for it", () => {
    expect(learningRate(4, s, 0.75)).toBeCloseTo(0.4, 12);
    expect(learningRate(4, s, 1)).toBeCloseTo(0.2, 12);
    expect(learningRate(8, s, 0.1)).toBeCloseTo(learningRate(8, s), 12);
    expect(learningRate(1, s, 1)).toBe(0.5);
  });
});
