import { describe, expect, it } from "vitest";
import type { Group } from "../../../src/core/types.js";
import { type PackedGroup, packGroups, unpackGroups } from "../../../src/rl/loop/packed-groups.js";

/** Groups of 16 rollouts, each of `tokens` tokens with a text of four bytes a token. */
const groupsOf = (count: number, tokens: number): Group[] =>
  Array.from({ length: count }, (_, g) => ({
    id: g,
    problemId: `p${g}` as never,
    policyVersion: 1 as never,
    prior: { a: 1, b: 1 },
    weight: 1,
    members: Array.from({ length: 16 }, (_, index) => ({
      rollout: {
        id: `1/0/${g}/${index}`,
        problemId: `p${g}` as never,
        groupId: g,
        index,
        policyVersion: 1 as never,
        promptIds: new Int32Array(400).fill(g),
        completionIds: Int32Array.from({ length: tokens }, (_, t) => (t * 7919 + index) % 150_000),
        logprobs: Float32Array.from({ length: tokens }, (_, t) => -1 / (t + index + 1)),
        text: "abc ".repeat(tokens),
        finish: "stop" as const,
        seed: index as never,
        sampling: { temperature: 1, topP: 1, maxTokens: 16_384 },
      },
      verdict: {
        kind: "scored" as const,
        reward: 1,
        parts: { correct: 1 },
        passed: true,
        outcome: "pass" as const,
        reached: "match" as const,
        proof: "simulated" as const,
        wallMs: 12.5,
        cached: false,
        log: "",
      },
    })),
  }));
const bytesOf = (groups: Group[]) => {
  const { json, arrays } = packGroups(groups);
  return {
    json: JSON.stringify(json).length,
    arrays: Object.values(arrays).reduce((n, a) => n + a.byteLength, 0),
  };
};

describe("groups taken apart", () => {
  it("come back as they were", () => {
    const groups = groupsOf(3, 20);
    const { json, arrays } = packGroups(groups);
    expect(unpackGroups(JSON.parse(JSON.stringify(json)) as PackedGroup[], arrays)).toEqual(groups);
  });

  it("put no token into JSON: 2,048 rollouts of 16k tokens are under a megabyte of text", () => {
    const short = bytesOf(groupsOf(2, 1));
    const long = bytesOf(groupsOf(2, 16_384));
    // Only the lengths have more digits: 1 -> 16384 and 4 -> 65536, in each of 32 rollouts.
    expect(long.json - short.json).toBe(32 * (4 + 4));
    const rollouts = 2048 / 32;
    expect(long.json * rollouts).toBeLessThan(1e6);
    // Four bytes a token, four a log-probability, and here four of text.
    expect(long.arrays).toBe(32 * (400 * 4 + 16_384 * 12));
    expect(long.arrays * rollouts).toBeLessThan(410e6);
  });

  it("are refused with arrays that are not theirs", () => {
    const { json, arrays } = packGroups(groupsOf(1, 5));
    const { logprobs, ...rest } = arrays;
    expect(() => unpackGroups(json, rest)).toThrow(/expected the arrays tokens \(I32\), logprobs \(F32\)/);
    expect(() => unpackGroups(json, { ...rest, logprobs: logprobs!.slice(1) })).toThrow(
      "the array logprobs has 79 elements, and the groups need 80",
    );
  });
});
