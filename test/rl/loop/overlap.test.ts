import { describe, expect, it } from "vitest";
import { stepMetrics } from "../../../src/rl/loop/metrics.js";
import type { LoopState } from "../../../src/rl/loop/state.js";
import { build, rewarderWith } from "./harness.js";
import { copy, memory } from "./kept.js";

const never = new AbortController().signal;
const STEPS = 8;

async function course(trainer: ReturnType<typeof build>["trainer"], from: number, to: number) {
  const metrics: unknown[] = [];
  for (let k = from; k <= to; k++)
    metrics.push(stepMetrics(await trainer.step(never, undefined, k === STEPS)));
  return metrics;
}

describe("steps that overlap", () => {
  it("train each batch one version after it was drawn, the first excepted", async () => {
    const { trainer } = build("dynamic", { maxLag: 1, bank: false });
    const lags: number[] = [];
    for (let k = 1; k <= STEPS; k++) lags.push((await trainer.step(never, undefined, k === STEPS)).lag);
    expect(lags).toEqual([0, 1, 1, 1, 1, 1, 1, 1]);
    expect(trainer.progress).toMatchObject({ step: STEPS, version: STEPS });
  });

  it("draw nothing after the last step, and count what each step drew for itself", async () => {
    const run = build("adaptive", { maxLag: 1 });
    let rollouts = 0;
    for (let k = 1; k <= STEPS; k++) {
      const o = await run.trainer.step(never, undefined, k === STEPS);
      rollouts += o.tally.rollouts;
      expect(o.counters.rollouts).toBe(rollouts);
      expect(run.trainer.progress.rollouts).toBe(rollouts);
    }
    expect(run.sampled()).toBe(rollouts);
  });

  it.each(["fixed", "dynamic", "adaptive"] as const)(
    "%s: resumed at any step, with the rounds that were kept, is the run that would have been",
    async (name) => {
      const { keeper: rounds } = memory();
      const whole = build(name, { maxLag: 1 }, undefined, { rounds });
      const states: LoopState[] = [];
      const metrics: unknown[] = [];
      for (let k = 1; k <= STEPS; k++) {
        metrics.push(...(await course(whole.trainer, k, k)));
        states.push(copy(whole.trainer.state()));
      }
      for (let k = 1; k < STEPS; k++) {
        const again = build(name, { maxLag: 1 }, undefined, { rounds });
        again.trainer.restore(states[k - 1]!);
        expect(copy(again.trainer.state())).toEqual(states[k - 1]);
        expect(await course(again.trainer, k + 1, STEPS)).toEqual(metrics.slice(k));
        expect(again.trainer.state()).toEqual(whole.trainer.state());
        expect(again.sampled()).toBe(0);
      }
    },
  );

  it("a stop while the next step is gathered keeps the update and undoes the rest", async () => {
    const stop = new AbortController();
    const plain = build("adaptive", { maxLag: 1 });
    await course(plain.trainer, 1, 1);
    const expected = copy(plain.trainer.state());
    const run = build("adaptive", { maxLag: 1 });
    await run.trainer.step(stop.signal, (phase, _p, ahead) => {
      if (ahead && phase === "sample") stop.abort(new Error("stop"));
    });
    const { again: _, ...state } = expected;
    expect(copy(run.trainer.state())).toEqual(state);
    expect(run.trainer.progress.step).toBe(1);
  });

  it("a failure of the work ahead is met by the step it belongs to, and a second try may succeed", async () => {
    let broken = false;
    const rewarder = rewarderWith(() => {
      if (broken) throw new Error("the simulator is gone");
      return null;
    });
    const run = build("dynamic", { maxLag: 1 }, rewarder);
    await run.trainer.step(never, (_phase, _p, ahead) => {
      broken ||= ahead;
    });
    await expect(run.trainer.step(never)).rejects.toThrow(/simulator is gone/);
    expect(run.trainer.progress.step).toBe(1);
    broken = false;
    expect((await run.trainer.step(never)).step).toBe(2);
  });

  it("an update that fails leaves what was gathered for the next try", async () => {
    const run = build("dynamic", { maxLag: 1 });
    await run.trainer.step(never);
    const before = copy(run.trainer.state());
    const learn = run.learner.step;
    run.learner.step = () => Promise.reject(new Error("out of memory"));
    await expect(run.trainer.step(never)).rejects.toThrow(/out of memory/);
    expect(copy(run.trainer.state())).toEqual(before);
    run.learner.step = learn;
    expect((await run.trainer.step(never)).step).toBe(2);
  });
});
