import { describe, expect, it } from "vitest";
import type { Scored } from "../../../src/core/types.js";
import { policyVersion, problemId, seed, step } from "../../../src/core/units.js";
import { overlongPenalty } from "../../../src/rl/algo/overlong.js";
import { type Divisor, type PackRow, packRows } from "../../../src/rl/algo/pack.js";

function row(groupId: number, prompt: number, tokens: number, over: Partial<PackRow> = {}): PackRow {
  const member: Scored = {
    rollout: {
      id: `${groupId}`,
      problemId: problemId("p"),
      groupId,
      index: 0,
      policyVersion: policyVersion(0),
      promptIds: new Int32Array(prompt).fill(7),
      completionIds: new Int32Array(tokens).fill(9),
      logprobs: new Float32Array(tokens).fill(-0.5),
      text: "",
      finish: "stop",
      seed: seed(1),
      sampling: { temperature: 1, topP: 1, maxTokens: 100 },
    },
    verdict: {
      kind: "scored",
      reward: 1,
      parts: {},
      passed: true,
      outcome: "pass",
      reached: "match",
      proof: "simulated",
      wallMs: 0,
      cached: false,
      log: "",
    },
  };
  return { member, groupId, advantage: 1, weight: 1, trained: true, ...over };
}

const spec = { kind: "clip", epsLow: 0.2, epsHigh: 0.28, dualClip: null, klCoef: 0, entropyCoef: 0 } as const;
const pack = (rows: PackRow[], divisor: Divisor = { kind: "token" }) =>
  packRows(rows, { step: step(1), temperature: 1, loss: spec, divisor });

describe("packing", () => {
  it("trains completion tokens only, and lays rows end to end", () => {
    const { batch } = pack([row(0, 2, 3), row(1, 1, 2)]);
    expect([...batch.rowStart]).toEqual([0, 5, 8]);
    expect([...batch.lossMask]).toEqual([0, 0, 1, 1, 1, 0, 1, 1]);
    expect([...batch.tokenIds]).toEqual([7, 7, 9, 9, 9, 7, 9, 9]);
    expect(batch.lossTokens).toBe(5);
    expect(batch.divisor).toBe(5);
  });

  it("leaves masked rows and non-finite behaviour log-probs out of the sum and of D", () => {
    const broken = row(1, 1, 3);
    broken.member.rollout.logprobs[1] = Number.NaN;
    const { batch, nonFinite } = pack([row(0, 1, 4, { trained: false }), broken]);
    expect(nonFinite).toBe(1);
    expect(batch.divisor).toBe(2);
    expect([...batch.behaviorLogprobs].every(Number.isFinite)).toBe(true);
  });

  it("divisor prompt: every problem weighs the same, whatever its tokens", () => {
    const { batch } = pack([row(0, 1, 10), row(0, 1, 30), row(1, 1, 2)], {
      kind: "prompt",
      problemsSampled: 4,
    });
    const share = new Map<number, number>();
    for (let i = 0; i < 3; i++) {
      for (let n = batch.rowStart[i]!; n < batch.rowStart[i + 1]!; n++) {
        if (batch.lossMask[n] === 0) continue;
        const g = batch.groupIds[i]!;
        share.set(g, (share.get(g) ?? 0) + batch.weights[n]! / batch.divisor);
      }
    }
    expect(share.get(0)).toBeCloseTo(0.25, 6);
    expect(share.get(1)).toBeCloseTo(0.25, 6);
  });

  it("divisor constant: rows times the length limit", () => {
    expect(pack([row(0, 1, 10), row(1, 1, 2)], { kind: "constant", length: 100 }).batch.divisor).toBe(200);
  });
});

describe("overlong penalty", () => {
  it.each([
    [80, 0],
    [81, -0.05],
    [90, -0.5],
    [100, -1],
  ])("length %i of 100 with a buffer of 20 -> %f", (length, expected) => {
    expect(overlongPenalty(length, 100, 20, 1)).toBeCloseTo(expected, 12);
  });
});
