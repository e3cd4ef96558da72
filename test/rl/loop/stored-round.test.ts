import { describe, expect, it } from "vitest";
import { loadRound, recordedPlan, storeRound } from "../../../src/rl/loop/stored-round.js";
import { build } from "./harness.js";
import { memory } from "./kept.js";

describe("rounds kept since the last checkpoint", () => {
  it("are replayed instead of sampled again, to the same state", async () => {
    const { values, keeper } = memory();
    const whole = build("adaptive", {}, undefined, { rounds: keeper });
    const start = structuredClone(whole.trainer.state());
    for (let i = 0; i < 4; i++) await whole.trainer.step(new AbortController().signal);
    const sampled = whole.sampled();
    expect(values.size).toBeGreaterThanOrEqual(4);
    const again = build("adaptive", {}, undefined, { rounds: keeper });
    again.trainer.restore(start);
    for (let i = 0; i < 4; i++) await again.trainer.step(new AbortController().signal);
    expect(again.sampled()).toBe(0);
    expect(sampled).toBeGreaterThan(0);
    expect(again.trainer.state()).toEqual(whole.trainer.state());
  });

  it.each([
    ["of another plan", (json: string) => json.replace(/"plan":\[\[\d+/, '"plan":[[39')],
    ["of an unknown format", (json: string) => json.replace('"format":2', '"format":3')],
    ["whose arrays are too short", (json: string) => json.replace(/"completion":\d+/, '"completion":9999')],
    ["that lack a part", (json: string) => json.replace(/"kind":"scored",/, "")],
  ])("%s are sampled again", async (_what, change) => {
    const { values, keeper } = memory();
    const whole = build("dynamic", {}, undefined, { rounds: keeper });
    await whole.trainer.step(new AbortController().signal);
    for (const [key, { json, arrays }] of values) {
      const text = JSON.stringify(json);
      expect(change(text)).not.toBe(text);
      values.set(key, { json: JSON.parse(change(text)), arrays });
    }
    const again = build("dynamic", {}, undefined, { rounds: keeper });
    await again.trainer.step(new AbortController().signal);
    expect(again.sampled()).toBe(whole.sampled());
    expect(again.trainer.state()).toEqual(whole.trainer.state());
  });

  it("come back with every number and text as it was", async () => {
    const rollout = {
      id: "1/0/0/0",
      problemId: "p0" as never,
      groupId: 4,
      index: 0,
      policyVersion: 3 as never,
      promptIds: Int32Array.of(1, 2, 2 ** 31 - 1),
      completionIds: Int32Array.of(7),
      logprobs: Float32Array.of(Number.NaN),
      text: "\uFEFFé\u0000 𝛼",
      finish: "stop" as const,
      seed: 5 as never,
      sampling: { temperature: 1, topP: 1, maxTokens: 8 },
    };
    const verdict = {
      kind: "scored" as const,
      reward: 0.1,
      parts: { correct: 0.1 },
      passed: false,
      outcome: "mismatch" as const,
      reached: "simulate" as const,
      proof: "none" as const,
      wallMs: 1.5,
      cached: false,
      log: "",
    };
    const empty = { ...rollout, id: "1/0/0/1", index: 1, text: "", completionIds: new Int32Array(0) };
    const group = {
      id: 4,
      problemId: "p0" as never,
      policyVersion: 3 as never,
      prior: { a: 1 / 3, b: 2 },
      weight: 1,
      members: [
        { rollout, verdict },
        { rollout: { ...empty, logprobs: new Float32Array(0) }, verdict },
      ],
    };
    const collected = {
      groups: [group],
      infra: 0,
      tokens: 1,
      rollouts: 2,
      reverified: 0,
      refuted: 0,
      quarantined: [{ id: "p9" as never, reason: "two tiers disagree" }],
    };
    const plan = [{ problem: 0, rollouts: 2, prior: group.prior, weight: 1 }];
    const { values, keeper } = memory();
    await keeper.save(1, 0, storeRound(plan, collected));
    const value = values.get("1.0")!;
    expect(JSON.stringify(value.json)).not.toContain("promptIds");
    expect(loadRound(value, plan)).toEqual(collected);
    expect(recordedPlan(value)).toEqual([{ ...plan[0], id: "p0" }]);
  });
});
