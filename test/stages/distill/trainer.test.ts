import { describe, expect, it } from "vitest";
import { makeRng } from "../../../src/core/rng.js";
import { step } from "../../../src/core/units.js";
import { type SftRow, SftSchedule } from "../../../src/data/sft.js";
import { fakeLearner } from "../../../src/learner/fake.js";
import { SftTrainer, sftBatch, sftStateSchema } from "../../../src/stages/distill/trainer.js";

const row = (id: number, prompt: number, completion: number): SftRow => ({
  promptIds: new Int32Array(prompt).fill(id),
  completionIds: new Int32Array(completion).fill(id),
});
const STEPS = 7;
const never = new AbortController().signal;

function build(skips: readonly number[] = []) {
  const encoded: number[] = [];
  const rowAt = (i: number) => {
    encoded.push(i);
    return row(i, 1 + (i % 3), 2 + (i % 4));
  };
  const learner = fakeLearner({ vocabSize: 8, skips });
  const trainer = new SftTrainer(
    {
      lr: { peak: 1e-3, warmupSteps: 2, kind: "linear", finalRatio: 0, totalSteps: STEPS },
      hyper: { beta1: 0.9, beta2: 0.99, eps: 1e-8, weightDecay: 0, maxGradNorm: 1, microBatchTokens: 64 },
    },
    {
      learner,
      schedule: new SftSchedule(11, rowAt, 20, makeRng(2)),
      clock: { now: () => 0, sleep: () => Promise.resolve() },
    },
  );
  const run = async (from: number, to: number) => {
    const out = [];
    for (let k = from; k <= to; k++) out.push(await trainer.step(never, () => {}, k === STEPS));
    return out;
  };
  return { trainer, learner, encoded, run };
}

describe("supervised steps", () => {
  it("resumed after any step are those that would have been, and encode no past row again", async () => {
    const whole = build();
    const states: unknown[] = [];
    const outcomes = [];
    for (let k = 1; k <= STEPS; k++) {
      outcomes.push(...(await whole.run(k, k)));
      states.push(JSON.parse(JSON.stringify(whole.trainer.state())));
    }
    for (let k = 1; k < STEPS; k++) {
      const again = build();
      again.trainer.restore(sftStateSchema.parse(states[k - 1]));
      expect(again.trainer.state()).toEqual(states[k - 1]);
      const rest = await again.run(k + 1, STEPS);
      const versionless = outcomes.slice(k).map(({ step, lr, seen }) => ({ step, lr, seen }));
      expect(rest.map(({ step, lr, seen }) => ({ step, lr, seen }))).toEqual(versionless);
      expect(again.learner.batches).toEqual(whole.learner.batches.slice(k));
      expect(again.trainer.state()).toEqual(whole.trainer.state());
      const rowsLeft = again.learner.batches.reduce((n, b) => n + b.rowStart.length - 1, 0);
      // Each step looks at one row more than it takes, to see that it does not fit.
      expect(again.encoded.length).toBe(rowsLeft + (STEPS - k));
    }
  });

  it("encode nothing behind the last step", async () => {
    const { run, encoded, learner } = build();
    await run(1, STEPS);
    const rows = learner.batches.reduce((n, b) => n + b.rowStart.length - 1, 0);
    expect(encoded.length).toBe(rows + STEPS);
  });

  it("end the run when an update is not finite, and count only finished steps", async () => {
    const { run, trainer } = build([3]);
    await expect(run(1, 3)).rejects.toMatchObject({
      code: "diverged",
      message: "step 3: the loss or its gradient is not finite",
    });
    expect(trainer.progress.step).toBe(2);
  });

  it("do nothing once somebody asks to stop", async () => {
    const { trainer, learner } = build();
    await expect(trainer.step(AbortSignal.abort(new Error("stop")), () => {}, false)).rejects.toThrow("stop");
    expect(learner.batches).toEqual([]);
  });
});

describe("a supervised batch", () => {
  it("trains completions only, with D = trained tokens and weight 1", () => {
    const batch = sftBatch([row(5, 2, 3), row(6, 1, 2)], step(1));
    expect([...batch.tokenIds]).toEqual([5, 5, 5, 5, 5, 6, 6, 6]);
    expect([...batch.lossMask]).toEqual([0, 0, 1, 1, 1, 0, 1, 1]);
    expect([...batch.rowStart]).toEqual([0, 5, 8]);
    expect(batch.divisor).toBe(5);
    expect(batch.loss).toEqual({ kind: "ce" });
    batch.lossMask.forEach((mask, n) => {
      if (mask === 1) expect([batch.weights[n], batch.behaviorLogprobs[n]]).toEqual([1, 0]);
    });
  });
});
