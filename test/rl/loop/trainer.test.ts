import { describe, expect, it } from "vitest";
import type { TrainError } from "../../../src/core/errors.js";
import { policyVersion, problemId } from "../../../src/core/units.js";
import { makeFakeRewarder } from "../../../src/reward/fake.js";
import { STRATEGY_NAMES } from "../../../src/rl/algo/strategies/index.js";
import { stepMetrics } from "../../../src/rl/loop/metrics.js";
import { isKnownKey } from "../../../src/run/keys.js";
import { build, options, type problems, rewarderWith } from "./harness.js";

const never = new AbortController().signal;

describe("a step", () => {
  it.each(["dynamic", "adaptive"] as const)(
    "%s trains on mixed groups only, as many as asked",
    async (name) => {
      const { trainer, learner } = build(name);
      for (let s = 0; s < 8; s++) {
        const o = await trainer.step(never);
        expect(o.trained.length).toBeLessThanOrEqual(options().groups);
        for (const { group } of o.trained) {
          const passed = group.members.filter((m) => m.verdict.passed).length;
          expect(passed).toBeGreaterThan(0);
          expect(passed).toBeLessThan(group.members.length);
        }
      }
      expect(learner.batches.length).toBeGreaterThanOrEqual(7);
    },
  );

  it("fixed trains on every group it draws", async () => {
    const o = await build("fixed").trainer.step(never);
    expect(o.trained).toHaveLength(6);
    expect(o.tally.rounds).toBe(1);
  });

  it("uses banked groups first, and drops them past their age", async () => {
    const { trainer } = build("dynamic");
    const seen: number[] = [];
    for (let s = 0; s < 6; s++) {
      const o = await trainer.step(never);
      seen.push(o.tally.fromBank);
      for (const { group } of o.trained)
        expect(o.counters.version - 1 - group.policyVersion).toBeLessThanOrEqual(2);
    }
    expect(Math.max(...seen)).toBeGreaterThan(0);
  });

  it.each(STRATEGY_NAMES)("%s: state() to JSON, restore, and k steps equal k steps", async (name) => {
    const one = build(name);
    for (let s = 0; s < 5; s++) await one.trainer.step(never);
    const saved = JSON.parse(JSON.stringify(one.trainer.state()));
    const two = build(name);
    two.trainer.restore(saved);
    two.sampler.label(policyVersion(one.trainer.progress.version));
    for (let s = 0; s < 4; s++) {
      const [a, b] = [await one.trainer.step(never), await two.trainer.step(never)];
      expect(stepMetrics(b)).toEqual(stepMetrics(a));
    }
    expect(two.learner.batches).toEqual(one.learner.batches.slice(-two.learner.batches.length));
  });

  it("a resumed run's rollouts carry the versions of the unbroken run's, however many updates a batch takes", async () => {
    const over = { updatesPerBatch: 2, bank: false };
    const versions = (o: Awaited<ReturnType<ReturnType<typeof build>["trainer"]["step"]>>) =>
      o.trained.flatMap(({ group: g }) => [
        g.policyVersion,
        ...g.members.map((m) => m.rollout.policyVersion),
      ]);
    const whole = build("dynamic", over);
    for (let s = 0; s < 3; s++) await whole.trainer.step(never);
    const saved = whole.trainer.state();
    expect([saved.counters.version, whole.learner.state.updates]).toEqual([3, 6]);
    const resumed = build("dynamic", over);
    resumed.trainer.restore(saved);
    resumed.sampler.label(policyVersion(saved.counters.version));
    for (let s = 0; s < 3; s++) {
      const [a, b] = [await whole.trainer.step(never), await resumed.trainer.step(never)];
      expect(new Set(versions(a))).toEqual(new Set([3 + s]));
      expect(versions(b)).toEqual(versions(a));
      expect([a.lag, b.lag]).toEqual([0, 0]);
    }
  });

  it("gives a group the least version that its members were drawn from", async () => {
    const run = build("fixed");
    const drawn = run.sampler.generate.bind(run.sampler);
    run.sampler.generate = async function* (requests, signal) {
      let n = 0;
      for await (const c of drawn(requests, signal))
        yield { ...c, policyVersion: policyVersion(5 - (n++ % 4)) };
    };
    for (const { group } of (await run.trainer.step(never)).trained) {
      const members = group.members.map((m) => m.rollout.policyVersion);
      expect([new Set(members).size, group.policyVersion]).toEqual([4, 2]);
    }
  });

  it("leaves no trace when it is aborted while sampling", async () => {
    const { trainer, learner } = build("adaptive");
    await trainer.step(never);
    const before = JSON.stringify(trainer.state());
    const stop = new AbortController();
    const stepping = trainer.step(stop.signal, (phase, p) => {
      if (phase === "sample" && p!.sampled >= 3) stop.abort(new Error("stop"));
    });
    await expect(stepping).rejects.toThrow("stop");
    expect(JSON.stringify(trainer.state())).toBe(before);
    expect(learner.batches).toHaveLength(1);
  });

  it("counts infra failures as missing data: no score, no failure, no member", async () => {
    const rewarder = rewarderWith((_text, _id, n) =>
      n % 3 === 0 ? { kind: "infra", code: "spawn", retryable: false, log: "no simulator" } : null,
    );
    const o = await build("fixed", {}, rewarder).trainer.step(never);
    expect(o.tally.infra).toBe(8);
    expect(o.tally.rewards).toHaveLength(16);
    expect(stepMetrics(o)["waste/infra"]).toBe(8);
  });

  it("leaves out problems whose golden cannot serve, for good", async () => {
    const bad = problemId("p20");
    const inner = makeFakeRewarder();
    const rewarder = {
      ...inner,
      prepare: async (ps: readonly (typeof problems)[number][]) =>
        new Map(ps.filter((p) => p.id === bad).map((p) => [p.id, "has delays"] as const)),
    };
    const { trainer } = build("dynamic", {}, rewarder);
    const refused: string[] = [];
    for (let s = 0; s < 12; s++) {
      const o = await trainer.step(never);
      refused.push(...o.tally.refused);
      expect(o.trained.some(({ group }) => group.problemId === bad)).toBe(false);
    }
    expect(refused).toEqual(["p20: has delays"]);
  });

  it("without signal it changes no weight, says so in the metrics, and can stop the run", async () => {
    const wrong = rewarderWith(() => ({
      kind: "scored",
      reward: 0,
      parts: {},
      passed: false,
      outcome: "mismatch",
      reached: "match",
      proof: "none",
      wallMs: 0,
      cached: false,
      log: "",
    }));
    const { trainer, learner } = build("adaptive", { onNoSignal: "stop" }, wrong);
    const o = await trainer.step(never);
    expect([o.report, stepMetrics(o)["policy/skipped"], learner.batches.length]).toEqual([null, 1, 0]);
    await trainer.step(never);
    const error = (await trainer.step(never).catch((e) => e)) as TrainError;
    expect([error.code, error.exitCode]).toEqual(["no_signal", 5]);
    expect(error.message).toMatch(/3 steps in a row/);
  });

  it("a failure of a port ends the step with that error", async () => {
    const broken = { ...makeFakeRewarder(), score: () => Promise.reject(new Error("disk full")) };
    await expect(build("fixed", {}, broken).trainer.step(never)).rejects.toThrow("disk full");
  });

  it("masks truncated completions out of the loss", async () => {
    const { trainer, learner, sampler } = build("fixed");
    const generate = sampler.generate.bind(sampler);
    sampler.generate = async function* (requests, signal) {
      for await (const c of generate(requests, signal)) yield { ...c, finish: "length" };
    };
    await trainer.step(never);
    expect(learner.batches).toHaveLength(0);
  });

  it("emits only documented metric keys", async () => {
    for (const name of STRATEGY_NAMES) {
      const { trainer } = build(name);
      for (const key of Object.keys(stepMetrics(await trainer.step(never)))) {
        expect(isKnownKey(key), key).toBe(true);
      }
    }
  });
});
