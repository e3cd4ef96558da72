import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compactCount, compactDuration, compactSeconds } from "../../src/core/format.js";
import { evalLine, makeEta, STEP_HEADER, type StepLine, stepLine } from "../../src/report/lines.js";
import { jsonSummary, type RunSummary, summaryLines } from "../../src/report/summary.js";

const STEP: StepLine = {
  step: 12,
  total: 60,
  reward: 0.431,
  passRate: 0.41,
  keptGroups: 32,
  drawnGroups: 41,
  rolloutsMin: 4,
  rolloutsMax: 48,
  tokensPerSecond: 9123,
  sampleSeconds: 4.2,
  rewardSeconds: 0.8,
  learnSeconds: 2.02,
  etaSeconds: 340,
};

const anyNumber = fc.oneof(fc.double(), fc.integer(), fc.nat(100_000), fc.double({ min: -2, max: 2 }));

describe("the line of a step", () => {
  it("stands under its header", () => {
    expect([...STEP_HEADER, stepLine(STEP)].join("\n")).toMatchInlineSnapshot(`
      "kept = groups that are trained on, of those drawn; rollouts: per problem
      tok/s = sampled tokens a second; time = sampling + rewards wait + learning
      step             reward  pass       kept   rollouts  tok/s            time  left
      step 12/60        0.431   41%      32/41       4-48   9.1k    4.2+0.8+2.0s 5m40s"
    `);
  });

  it("is at most 80 columns whatever happens", () => {
    fc.assert(
      fc.property(fc.array(anyNumber, { minLength: 13, maxLength: 13 }), (xs) => {
        const keys = Object.keys(STEP) as (keyof StepLine)[];
        const line = stepLine(Object.fromEntries(keys.map((k, i) => [k, xs[i]])) as unknown as StepLine);
        expect(line.length).toBeLessThanOrEqual(80);
        expect(line).not.toMatch(/NaN|Infinity|undefined/);
      }),
    );
  });

  it("has every field in its column for numbers that occur", () => {
    const time = fc.double({ min: 0, max: 3600, noNaN: true });
    fc.assert(
      fc.property(fc.nat(99_999), fc.nat(9999), fc.nat(512), time, time, time, (step, n, r, a, b, c) => {
        const line = stepLine({
          ...STEP,
          step,
          keptGroups: n,
          drawnGroups: n,
          rolloutsMax: r,
          sampleSeconds: a,
          rewardSeconds: b,
          learnSeconds: c,
          etaSeconds: a * 1000,
        });
        expect(line.length).toBe(80);
      }),
    );
  });
});

describe("the line of an evaluation", () => {
  const base = {
    step: 20,
    set: "test",
    pass1: { mean: 0.41, lo: 0.37, hi: 0.45 },
    problems: 200,
    samples: 4,
  };

  it("reads as documented", () => {
    expect(evalLine({ ...base, passK: { k: 8, value: 0.66 } })).toBe(
      "eval step 20  test pass@1 0.41 [0.37, 0.45]  pass@8 0.66  (200 problems x 4)",
    );
    expect(evalLine(base)).toBe("eval step 20  test pass@1 0.41 [0.37, 0.45]  (200 problems x 4)");
  });

  it("is at most 80 columns whatever happens", () => {
    fc.assert(
      fc.property(fc.string(), fc.array(anyNumber, { minLength: 8, maxLength: 8 }), (set, x) => {
        const line = evalLine({
          step: x[0]!,
          set,
          pass1: { mean: x[1]!, lo: x[2]!, hi: x[3]! },
          passK: { k: x[4]!, value: x[5]! },
          problems: x[6]!,
          samples: x[7]!,
        });
        expect(line.length).toBeLessThanOrEqual(80);
      }),
    );
  });
});

it("estimates the rest by the median, so one slow step does not matter", () => {
  const eta = makeEta(4);
  expect(eta.eta(10)).toBeNull();
  for (const s of [100, 2, 2, 2, 50]) eta.push(s);
  expect(eta.eta(10)).toBe(20);
});

describe("compact numbers", () => {
  it.each([
    [0, "0"],
    [999.4, "999"],
    [999.6, "1.0k"],
    [9949, "9.9k"],
    [9951, "10k"],
    [999_499, "999k"],
    [999_500, "1.0M"],
    [Number.NaN, "-"],
  ])("%d tokens is %s", (n, text) => expect(compactCount(n)).toBe(text));

  it.each([
    [0, "0s"],
    [59.4, "59s"],
    [59.6, "1m00s"],
    [599, "9m59s"],
    [600, "10m"],
    [3600, "1h00m"],
    [36_000, "10h"],
    [400_000, "4d"],
    [-1, "-"],
  ])("%d seconds is %s", (s, text) => expect(compactDuration(s)).toBe(text));

  it("keep to their widths", () => {
    fc.assert(
      fc.property(fc.double(), (x) => {
        expect(compactCount(x).length).toBeLessThanOrEqual(4);
        expect(compactDuration(x).length).toBeLessThanOrEqual(5);
        expect(compactSeconds(x).length).toBeLessThanOrEqual(4);
      }),
    );
  });
});

describe("the summary", () => {
  const point = (mean: number) => ({
    pass1: { mean, lo: mean - 0.03, hi: mean + 0.03 },
    passK: { 8: mean + 0.2 },
  });
  const summary: RunSummary = {
    name: "a",
    run: "checkpoints/runs/a",
    state: "done",
    reason: null,
    steps: 60,
    totalSteps: 60,
    tokens: 1.93e6,
    rollouts: 15_400,
    seconds: 492.12345,
    split: [
      ["sampling", 270],
      ["rewards", 30],
      ["learning", 120],
      ["evaluation", 60],
    ],
    set: "test",
    before: point(0.31),
    after: point(0.48),
    places: [["report", "checkpoints/runs/a/report.html"]],
    next: ["train --stage eval model.path=checkpoints/runs/a/export", "train --resume run.name=a"],
  };

  it("says what changed, where things are and what to type next", () => {
    expect(summaryLines(summary).join("\n")).toMatchInlineSnapshot(`
      "
      a: finished at step 60 of 60 in 8m12s
        test      before               after                change
        pass@1    0.310 [0.28, 0.34]   0.480 [0.45, 0.51]   +0.170
        pass@8    0.510                0.680                +0.170
        sampled   1.9M tokens in 15,400 rollouts
        time      sampling 56%, rewards 6%, learning 25%, evaluation 13%
        run       checkpoints/runs/a
        report    checkpoints/runs/a/report.html
        next      train --stage eval model.path=checkpoints/runs/a/export
                  train --resume run.name=a"
    `);
  });

  it("does without evaluations and says why it stopped", () => {
    const lines = summaryLines({
      ...summary,
      state: "stopped",
      reason: "SIGTERM",
      steps: 9,
      before: null,
      after: null,
    });
    expect(lines[1]).toBe("a: stopped at step 9 of 60 in 8m12s (SIGTERM)");
    expect(lines.join("\n")).not.toContain("pass@1");
  });

  it("as JSON has exactly the documented keys", () => {
    expect(jsonSummary(summary)).toEqual({
      run: "checkpoints/runs/a",
      steps: 60,
      tokens: 1.93e6,
      rollouts: 15_400,
      seconds: 492.123,
      eval: {
        set: "test",
        before: { pass1: 0.31, lo: 0.28, hi: 0.33999999999999997 },
        after: { pass1: 0.48, lo: 0.44999999999999996, hi: 0.51 },
      },
    });
    expect(jsonSummary({ ...summary, before: null }).eval.before).toBeNull();
  });
});
