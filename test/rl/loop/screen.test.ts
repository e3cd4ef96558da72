import { describe, expect, it } from "vitest";
import { policyVersion, step } from "../../../src/core/units.js";
import { screenPlans } from "../../../src/rl/loop/screen.js";
import { build, SIZE } from "./harness.js";
import { copy } from "./kept.js";

const signal = new AbortController().signal;

describe("the difficulty filter before the first step", () => {
  it("plans every problem once, in rounds that fit", () => {
    const plans = screenPlans(3000, 2);
    expect(plans.flat().map((p) => p.problem)).toEqual(Array.from({ length: 3000 }, (_, i) => i));
    for (const plan of plans) expect(plan.reduce((n, p) => n + p.rollouts, 0)).toBeLessThanOrEqual(2048);
  });

  it("feeds the estimates, not the gradient, and its tokens count", async () => {
    const { trainer, learner, strategy } = build("adaptive", { screen: 8, priorTokens: 100 });
    expect(trainer.progress.tokens).toBe(100);
    await trainer.prepare(signal);
    expect(learner.batches).toHaveLength(0);
    expect(trainer.progress).toMatchObject({ rollouts: 8 * SIZE, tokens: 100 + 3 * 8 * SIZE, step: 0 });
    // Problem i passes with probability i / (SIZE - 1), which the first plan already knows.
    const plan = strategy.plan({ step: step(1), version: policyVersion(0), round: 0, needed: 10, spent: 0 });
    const error = plan.map(({ problem, prior: { a, b } }) => Math.abs(a / (a + b) - problem / (SIZE - 1)));
    expect(plan.length).toBeGreaterThanOrEqual(10);
    expect(error.reduce((n, e) => n + e, 0) / error.length).toBeLessThan(0.15);
    expect(strategy.metrics()["adaptive/unseen"]).toBe(0);
  });

  it("is done once, also across a restore, and leaves no trace when it is aborted", async () => {
    const one = build("adaptive", { screen: 2 });
    const before = JSON.stringify(one.trainer.state());
    const stop = new AbortController();
    const screening = one.trainer.prepare(stop.signal, (_phase, p) => {
      if ((p?.sampled ?? 0) > 5) stop.abort(new Error("stop"));
    });
    await expect(screening).rejects.toThrow("stop");
    expect(JSON.stringify(one.trainer.state())).toBe(before);
    await one.trainer.prepare(signal);
    const two = build("adaptive", { screen: 2 });
    two.trainer.restore(copy(one.trainer.state()));
    await two.trainer.prepare(signal);
    expect(two.trainer.progress.rollouts).toBe(2 * SIZE);
    expect(two.trainer.state()).toEqual(one.trainer.state());
  });
});
