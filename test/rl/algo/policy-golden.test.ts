/** The objective against the formulas that verl and TRL publish; how the numbers were made stands in the script they name. */

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { Scored } from "../../../src/core/types.js";
import { policyVersion, problemId, seed, step } from "../../../src/core/units.js";
import { groupAdvantages } from "../../../src/rl/algo/advantages.js";
import { correctStale, truncatedImportance } from "../../../src/rl/algo/importance.js";
import { clippedTokenLoss } from "../../../src/rl/algo/loss.js";
import { overlongPenalty } from "../../../src/rl/algo/overlong.js";
import { type Divisor, packRows, rowsOfGroup } from "../../../src/rl/algo/pack.js";

interface GoldenRow {
  readonly reward: number;
  readonly logp: readonly number[];
  readonly old: readonly number[];
}
const golden = JSON.parse(readFileSync(new URL("./golden/policy.json", import.meta.url), "utf8")) as {
  advantages: { rewards: number[]; group_std: number[]; leave_one_out: number[] }[];
  token_loss: { rows: [number, number, number, number | null, number, number, number, number][] };
  batch: { groups: GoldenRow[][]; longest: number; prompts_sampled: number } & Record<
    Divisor["kind"],
    number
  >;
  importance: [number, number, number, number][];
  overlong: [number, number, number, number][];
};
const FLAT = { a: 1, b: 1 };
const SPEC = { kind: "clip", epsLow: 0.2, epsHigh: 0.28, dualClip: null, klCoef: 0, entropyCoef: 0 } as const;

describe("golden values of the objective", () => {
  it("advantages are verl's GRPO and RLOO", () => {
    for (const g of golden.advantages) {
      for (const mode of ["group_std", "leave_one_out"] as const) {
        groupAdvantages(g.rewards, mode, FLAT).forEach((a, j) => {
          expect(a).toBeCloseTo(g[mode][j]!, 9);
        });
      }
    }
    expect(golden.advantages[0]!.group_std[0]).toBeCloseTo(1.2076124, 6);
  });

  it("a token's loss is verl's, with dual clip, k3 and entropy terms", () => {
    for (const [logp, old, advantage, dualClip, klCoef, entropyCoef, entropy, loss] of golden.token_loss
      .rows) {
      const spec = { ...SPEC, dualClip, klCoef, entropyCoef };
      expect(clippedTokenLoss(logp, old, advantage, spec, entropy).loss).toBeCloseTo(loss, 9);
    }
  });

  it.each(["token", "constant", "prompt"] as const)("a packed batch sums to the %s mean", (kind) => {
    const { groups, longest, prompts_sampled: problemsSampled } = golden.batch;
    const divisor: Divisor =
      kind === "prompt"
        ? { kind, problemsSampled }
        : kind === "constant"
          ? { kind, length: longest }
          : { kind };
    const current: number[] = [];
    const rows = groups.flatMap((group, id) => {
      const members = group.map((row) => {
        current.push(0, ...row.logp);
        return member(row, id);
      });
      const advantages = groupAdvantages(
        group.map((r) => r.reward),
        "group_std",
        FLAT,
      );
      return rowsOfGroup(
        { id, problemId: problemId("p"), members, policyVersion: policyVersion(0), prior: FLAT, weight: 1 },
        advantages,
        1,
        () => true,
      );
    });
    const { batch } = packRows(rows, { step: step(1), temperature: 1, loss: SPEC, divisor });
    let loss = 0;
    current.forEach((logp, n) => {
      if (batch.lossMask[n] !== 1) return;
      const token = clippedTokenLoss(logp, batch.behaviorLogprobs[n]!, batch.advantages[n]!, SPEC);
      loss += (batch.weights[n]! * token.loss) / batch.divisor;
    });
    expect(loss).toBeCloseTo(golden.batch[kind], 5);
  });

  it("importance weights are truncated at the cap", () => {
    for (const [old, behavior, cap, weight] of golden.importance)
      expect(truncatedImportance(old, behavior, cap)).toBeCloseTo(weight, 12);
  });

  it("long completions are punished as DAPO does", () => {
    for (const [length, limit, buffer, penalty] of golden.overlong)
      expect(overlongPenalty(length, limit, buffer, 1)).toBeCloseTo(penalty, 12);
  });
});

describe("correction of stale tokens", () => {
  it("weights and re-centres the stale rows only, and leaves the divisor", () => {
    const rows = [0, 1].map((id) => ({
      member: member({ reward: 1, logp: [], old: [-2, -1] }, id),
      groupId: id,
      advantage: 1,
      weight: 1,
      trained: true,
    }));
    const { batch } = packRows(rows, {
      step: step(1),
      temperature: 1,
      loss: SPEC,
      divisor: { kind: "token" },
    });
    const old = Float32Array.from([0, -1.5, -1.5, 0, -1, -3]);
    const { batch: out, mean, capped } = correctStale(batch, old, [false, true], 2);
    expect([...out.weights]).toEqual([0, 1, 1, 0, 2, expect.closeTo(Math.exp(-2), 6)]);
    expect([...out.behaviorLogprobs]).toEqual([0, -2, -1, 0, -1, -3]);
    expect(out.divisor).toBe(batch.divisor);
    expect(mean).toBeCloseTo((2 + Math.exp(-2)) / 2, 6);
    expect(capped).toBe(0.5);
    expect([...batch.weights]).toEqual([0, 1, 1, 0, 1, 1]);
  });
});

/** One prompt token, then the row's completion. */
function member(row: GoldenRow, groupId: number): Scored {
  return {
    rollout: {
      id: "r",
      problemId: problemId("p"),
      groupId,
      index: 0,
      policyVersion: policyVersion(0),
      promptIds: Int32Array.of(1),
      completionIds: new Int32Array(row.old.length),
      logprobs: Float32Array.from(row.old),
      text: "",
      finish: "stop",
      seed: seed(1),
      sampling: { temperature: 1, topP: 1, maxTokens: 8 },
    },
    verdict: {
      kind: "scored",
      reward: row.reward,
      parts: {},
      passed: row.reward === 1,
      outcome: "pass",
      reached: "match",
      proof: "simulated",
      wallMs: 0,
      cached: false,
      log: "",
    },
  };
}
