import { describe, expect, it } from "vitest";
import type { Rewarder, ScoreRequest } from "../../../src/core/ports.js";
import { makeRng } from "../../../src/core/rng.js";
import type { Group, Verdict } from "../../../src/core/types.js";
import { policyVersion, seed } from "../../../src/core/units.js";
import { makeFakeRewarder } from "../../../src/reward/fake.js";
import { reverifyLoneSuccesses } from "../../../src/rl/loop/reverify.js";
import { build, problems } from "./harness.js";

const signal = new AbortController().signal;
const scored = (passed: boolean): Verdict & { kind: "scored" } => ({
  kind: "scored",
  reward: passed ? 1 : 0,
  parts: {},
  passed,
  outcome: passed ? "pass" : "mismatch",
  reached: "match",
  proof: "simulated",
  wallMs: 0,
  cached: false,
  log: "",
});

const group = (passes: readonly boolean[], prior = { a: 0.1, b: 9.9 }): Group => ({
  id: 0,
  problemId: problems[0]!.id,
  policyVersion: policyVersion(0),
  prior,
  weight: 1,
  members: passes.map((passed, index) => ({
    rollout: {
      id: `1/0/0/${index}`,
      problemId: problems[0]!.id,
      groupId: 0,
      index,
      policyVersion: policyVersion(0),
      promptIds: Int32Array.of(1),
      completionIds: Int32Array.of(1),
      logprobs: Float32Array.of(-1),
      text: `text ${index}`,
      finish: "stop",
      seed: seed(7),
      sampling: { temperature: 1, topP: 1, maxTokens: 8 },
    },
    verdict: scored(passed),
  })),
});

async function look(g: Group, verdict: Verdict) {
  const asked: ScoreRequest[] = [];
  const rewarder: Rewarder = {
    ...makeFakeRewarder(),
    score: async (request) => {
      asked.push(request);
      return verdict;
    },
  };
  const plan = [{ problem: 0, rollouts: 4, prior: g.prior, weight: 1 }];
  const result = await reverifyLoneSuccesses(rewarder, [g], problems, plan, makeRng(1), signal);
  return { asked, result, members: result.groups[0]!.members };
}

describe("a lone pass of a problem believed hard", () => {
  const lone = [false, false, true, false];

  it("is checked again with a fresh seed and a proof, and stays when it holds", async () => {
    const { asked, result, members } = await look(group(lone), scored(true));
    expect(asked).toHaveLength(1);
    expect(asked[0]).toMatchObject({ text: "text 2", tier: "formal" });
    expect(asked[0]!.seed).not.toBe(seed(7));
    expect(result).toMatchObject({ reverified: 1, refuted: 0, infra: 0 });
    expect(members.map((m) => m.verdict.passed)).toEqual(lone);
  });

  it("is a failure when it does not hold", async () => {
    const { result, members } = await look(group(lone), scored(false));
    expect(result).toMatchObject({ reverified: 1, refuted: 1 });
    expect(members.every((m) => !m.verdict.passed && m.verdict.reward === 0)).toBe(true);
  });

  it("is missing data when the machinery fails", async () => {
    const infra: Verdict = { kind: "infra", code: "spawn", retryable: true, log: "" };
    const { result, members } = await look(group(lone), infra);
    expect(result).toMatchObject({ reverified: 1, refuted: 0, infra: 1 });
    expect(members.map((m) => m.rollout.index)).toEqual([0, 1, 3]);
  });

  it.each([
    ["two passes", group([true, true, false, false])],
    ["no pass", group([false, false, false])],
    ["a problem believed easier", group(lone, { a: 1, b: 8.9 })],
    ["a group of one", group([true])],
  ])("is not asked for with %s", async (_what, g) => {
    const { asked, result } = await look(g, scored(false));
    expect(asked).toEqual([]);
    expect(result.groups[0]).toBe(g);
  });
});

describe("in a step", () => {
  it("what a second look refutes reaches neither the gradient nor the estimates", async () => {
    const inner = makeFakeRewarder();
    const rewarder: Rewarder = {
      ...inner,
      score: async (request, s) => (request.tier === "formal" ? scored(false) : inner.score(request, s)),
    };
    const { trainer } = build("adaptive", { groups: 12 }, rewarder);
    let [reverified, refuted] = [0, 0];
    for (let k = 0; k < 25; k++) {
      const { tally, trained } = await trainer.step(signal);
      reverified += tally.reverified;
      refuted += tally.refuted;
      for (const { group: g } of trained) {
        const passes = g.members.filter((m) => m.verdict.passed).length;
        expect(passes > 1 || g.prior.a / (g.prior.a + g.prior.b) >= 0.1).toBe(true);
      }
    }
    expect(reverified).toBeGreaterThan(0);
    expect(refuted).toBe(reverified);
  });
});

describe("importance correction", () => {
  it("is asked of the learner for steps with banked groups only", async () => {
    const { trainer, learner } = build("dynamic", { importanceCap: 2 });
    let calls = 0;
    const inner = learner.logprobs;
    learner.logprobs = async (batch, s) => {
      calls++;
      return inner(batch, s);
    };
    let stale = 0;
    for (let k = 0; k < 6; k++) {
      const o = await trainer.step(signal);
      const banked = o.trained.some(({ group: g }) => g.policyVersion < o.counters.version - 1);
      expect(o.importance === null).toBe(!banked);
      if (banked) stale++;
    }
    expect(stale).toBeGreaterThan(0);
    expect(calls).toBe(stale);
  });
});
