import { setMaxListeners } from "node:events";
import { expect, it } from "vitest";
import type { Clock } from "../../src/core/ports.js";
import { startHeartbeat } from "../../src/run/heartbeat.js";

/** A clock whose sleepers wake when it is moved on; aborting a sleep rejects, as node's timers do. */
function handClock() {
  let now = 0;
  const sleepers: { due: number; wake: () => void }[] = [];
  const clock: Clock = {
    now: () => now,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        sleepers.push({ due: now + ms, wake: resolve });
        signal?.addEventListener("abort", () => reject(new Error("aborted")), { once: true });
      }),
  };
  async function pass(seconds: number): Promise<void> {
    for (let s = 0; s < seconds; s++) {
      now += 1000;
      for (const sleeper of sleepers.splice(0)) {
        if (sleeper.due <= now) sleeper.wake();
        else sleepers.push(sleeper);
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  return { clock, pass };
}

setMaxListeners(0); // the hand-moved clock never takes its listeners off

it("speaks after silence only, then less and less often", async () => {
  const { clock, pass } = handClock();
  const said: string[] = [];
  const reporter = {
    line: (text: string) => said.push(text),
    status: () => {},
    warn: (t: string) => said.push(t),
  };
  let done = 0;
  const heart = startHeartbeat({
    clock,
    reporter,
    seconds: 30,
    describe: () => `sampling: ${done} of 256 rollouts done`,
  });
  for (let i = 0; i < 6; i++) {
    await pass(20);
    heart.beat();
  }
  expect(said).toEqual([]);
  done = 120;
  await pass(29);
  expect(said).toEqual([]);
  await pass(1);
  expect(said).toEqual(["still working, 30s: sampling: 120 of 256 rollouts done"]);
  await pass(210);
  expect(said.slice(1).map((l) => l.slice(0, 20))).toEqual([
    "still working, 1m00s",
    "still working, 2m00s",
    "still working, 4m00s",
  ]);
  heart.beat();
  await pass(29);
  expect(said).toHaveLength(4);
  await pass(11);
  expect(said).toHaveLength(5);
  heart.stop();
  await pass(600);
  expect(said).toHaveLength(5);
});
