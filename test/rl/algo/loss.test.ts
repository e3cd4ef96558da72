import { describe, expect, it } from "vitest";
import { clippedTokenLoss } from "../../../src/rl/algo/loss.js";

const spec = { kind: "clip", epsLow: 0.2, epsHigh: 0.28, dualClip: null, klCoef: 0, entropyCoef: 0 } as const;
const lossAt = (logRatio: number, advantage: number, dualClip: number | null = null): number =>
  clippedTokenLoss(-1 + logRatio, -1, advantage, { ...spec, dualClip }).loss;

/** Values computed by hand from DAPO eq. 10 and the dual-clip rule. */
describe("clipped token loss", () => {
  it.each([
    [0.3, 1, null, -1.28],
    [0.3, -1, null, 1.349859],
    [-0.3, 1, null, -0.740818],
    [-0.3, -1, null, 0.8],
    [1.5, -1, null, 4.481689],
    [1.5, -1, 3, 3],
  ])("log-ratio %f, A %f, dual clip %s -> %f", (logRatio, advantage, dual, expected) => {
    expect(lossAt(logRatio, advantage, dual)).toBeCloseTo(expected, 5);
  });

  it("names the side that is clipped only where the clip is active", () => {
    const side = (logRatio: number, a: number) => clippedTokenLoss(logRatio, 0, a, spec).clipped;
    expect([side(0.3, 1), side(0.3, -1), side(-0.3, 1), side(-0.3, -1)]).toEqual(["high", null, null, "low"]);
  });

  it("stays finite for any log-ratio", () => {
    expect(Number.isFinite(lossAt(1000, -1))).toBe(true);
    expect(lossAt(-1000, 1)).toBeCloseTo(0, 6);
  });
});
