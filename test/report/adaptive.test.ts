import { describe, expect, it } from "vitest";
import { calibrationSpec, reliabilityPoints, rolloutShares } from "../../src/report/adaptive.js";
import { drawCharts, legendRows } from "../../src/report/charts.js";
import type { StepMetrics } from "../../src/report/read.js";

const at = (step: number, values: Record<string, number>): StepMetrics => ({
  step,
  values: new Map(Object.entries(values)),
});

describe("what the allocator did", () => {
  it("plots the bins of the last step that has any, by their mean prediction", () => {
    const steps = [
      at(1, { "adaptive/reliability/0/predicted": 0.05, "adaptive/reliability/0/observed": 0.5 }),
      at(2, {
        "adaptive/reliability/10/predicted": 0.97,
        "adaptive/reliability/10/observed": 1,
        "adaptive/reliability/9/predicted": 0.9,
        "adaptive/reliability/9/observed": 0.8,
        "adaptive/reliability/0/predicted": 0.04,
        "adaptive/reliability/0/observed": 0.1,
        "adaptive/reliability/0/rollouts": 8,
      }),
      at(3, { "policy/loss": 1 }),
    ];
    expect(reliabilityPoints(steps)).toEqual([
      [0.04, 0.1],
      [0.9, 0.8],
      [0.97, 1],
    ]);
    expect(reliabilityPoints([at(1, { "policy/loss": 1 })])).toEqual([]);
  });

  it("draws no diagonal without estimates, and one for all arms that keep them", () => {
    expect(calibrationSpec([{ name: "dynamic", points: [], color: "red" }]).lines).toEqual([]);
    const { lines } = calibrationSpec([
      { name: "dynamic", points: [], color: "red" },
      { name: "adaptive", points: [[0.1, 0.2]], color: "blue" },
    ]);
    expect(lines.map((l) => l.name)).toEqual(["adaptive", "honest"]);
  });

  it("counts problems by the rollouts they got, as shares that add up to one", () => {
    const h = (k: number) => `train/rollouts_per_problem/hist/${k}`;
    const lines = rolloutShares([at(1, { [h(0)]: 1, [h(2)]: 3 }), at(2, { loss: 1 }), at(3, { [h(2)]: 2 })]);
    expect(lines.map((l) => [l.name, l.points])).toEqual([
      [
        "1",
        [
          [1, 0.25],
          [3, 0],
        ],
      ],
      [
        "4 to 7",
        [
          [1, 0.75],
          [3, 1],
        ],
      ],
    ]);
    expect(rolloutShares([at(1, { loss: 1 })])).toEqual([]);
  });
});

it("makes room below a chart for every row of its legend", async () => {
  const lines = Array.from({ length: 15 }, (_, i) => ({
    name: `batch_window+lr=0.000${i}`,
    points: [
      [0, i],
      [1, i],
    ] as const,
  }));
  const spec = { lines, xName: "steps" };
  expect(legendRows({ ...spec, lines: lines.slice(0, 2) }, 480)).toBe(1);
  expect(legendRows(spec, 480)).toBeGreaterThan(5);
  const [few, many] = await drawCharts([{ ...spec, lines: lines.slice(0, 2) }, spec]);
  const height = (svg: string): number => Number(/viewBox="0 0 \d+ (\d+)"/.exec(svg)![1]);
  expect(height(many!) - height(few!)).toBeGreaterThan(80);
});
