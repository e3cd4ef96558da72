/** A problem that two tiers of the reward disagree about is trained on no more, chosen no more, also after a resume. */

import { expect, it } from "vitest";
import type { Rewarder } from "../../../src/core/ports.js";
import type { Verdict } from "../../../src/core/types.js";
import { makeFakeRewarder } from "../../../src/reward/fake.js";
import { stepMetrics } from "../../../src/rl/loop/metrics.js";
import { isKnownKey, isWallClock } from "../../../src/run/keys.js";
import { build } from "./harness.js";
import { copy } from "./kept.js";

const BAD = "p20";
const signal = (): AbortSignal => new AbortController().signal;

/** Scores of `BAD` raise an alarm at their `at`-th pass and are refused from then on; `asked` counts them. */
function alarming(at: number): Rewarder & { asked: () => number } {
  const inner = makeFakeRewarder();
  let passes = 0;
  let asked = 0;
  let shut = false;
  return {
    ...inner,
    asked: () => asked,
    async score(request, s): Promise<Verdict> {
      if (request.problem.id !== BAD) return inner.score(request, s);
      asked++;
      if (shut) return { kind: "infra", code: "quarantined", retryable: false, log: "audit disagrees" };
      const verdict = await inner.score(request, s);
      if (verdict.kind !== "scored" || !verdict.passed || ++passes < at) return verdict;
      shut = true;
      return {
        ...verdict,
        reward: 0,
        passed: false,
        outcome: "mismatch",
        second: { audited: true, formal: "none", alarm: "audit disagrees" },
      };
    },
  };
}

it.each(["fixed", "dynamic", "adaptive"] as const)("%s: is not chosen again", async (name) => {
  const rewarder = alarming(2);
  const { trainer } = build(name, {}, rewarder);
  let found = -1;
  for (let k = 0; k < 40 && found < 0; k++) {
    const o = await trainer.step(signal());
    expect(o.quarantined).toBe(o.tally.quarantined.length);
    if (o.tally.quarantined.length === 0) continue;
    found = k;
    expect(o.tally.quarantined).toEqual([{ id: BAD, reason: "audit disagrees" }]);
    expect(o.tally.quarantinedRollouts).toBeGreaterThan(0);
    expect(o.trained.map((t) => t.group.problemId)).not.toContain(BAD);
    expect(trainer.state().bank.map((g) => g.problemId)).not.toContain(BAD);
    const metrics = stepMetrics(o);
    expect(metrics).toMatchObject({ "reward/quarantined": 1, "reward/alarms": 1 });
    for (const key of Object.keys(metrics)) expect([key, isKnownKey(key)]).toEqual([key, true]);
  }
  expect(found).toBeGreaterThanOrEqual(0);
  const asked = rewarder.asked();
  for (let k = 0; k < 10; k++) expect((await trainer.step(signal())).quarantined).toBe(1);
  expect(rewarder.asked()).toBe(asked);

  // The resumed run has another process's rewarder, which knows of nothing.
  const saved = copy(trainer.state());
  expect(saved.quarantined).toEqual([{ id: BAD, reason: "audit disagrees" }]);
  const ignorant = alarming(1);
  const resumed = build(name, {}, ignorant);
  resumed.trainer.restore(saved);
  for (let k = 0; k < 10; k++) expect((await resumed.trainer.step(signal())).quarantined).toBe(1);
  expect(ignorant.asked()).toBe(0);
});

it("an alarm raised in a step that is aborted leaves no trace in the trainer", async () => {
  const stop = new AbortController();
  const inner = alarming(1);
  const { trainer } = build(
    "fixed",
    { groups: 40 },
    {
      ...inner,
      async score(request, s) {
        const verdict = await inner.score(request, s);
        if (verdict.kind === "scored" && verdict.second !== undefined) stop.abort(new Error("stop"));
        return verdict;
      },
    },
  );
  const before = JSON.stringify(trainer.state());
  await expect(trainer.step(stop.signal)).rejects.toThrow("stop");
  expect(JSON.stringify(trainer.state())).toBe(before);
});

it("latencies and what depends on a proof's time limit are wall-clock keys", () => {
  expect(["reward/latency/p95", "reward/proved", "reward/unconfirmed"].every(isWallClock)).toBe(true);
  expect(["reward/alarms", "reward/quarantined", "reward/audited"].some(isWallClock)).toBe(false);
});
