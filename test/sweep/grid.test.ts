import { describe, expect, it } from "vitest";
import { TrainError } from "../../src/core/errors.js";
import { membersOf, sweepWords } from "../../src/sweep/grid.js";
import { sweepSchema } from "../../src/sweep/schema.js";

const sweep = (value: unknown) => sweepSchema.parse(value);

describe("members of a sweep", () => {
  it("are arms x axes x seeds, with what is shared first and the seed last", () => {
    const members = membersOf(
      sweep({
        arms: [
          { name: "a", set: { "rl.groups": 4 } },
          { name: "b", set: { rl: { groups: 8 } } },
        ],
        axes: { "learner.lr": [1e-4, 3e-4], rl: { sampling: { strategy: ["dynamic", "adaptive"] } } },
        set: { "rl.steps": 7 },
        seeds: [5, 6],
        max_generated_tokens: 1000,
      }),
    );
    expect(members).toHaveLength(2 * 4 * 2);
    expect(new Set(members.map((m) => m.name)).size).toBe(members.length);
    const one = members.find((m) => m.arm === "b+lr=0.0003+strategy=adaptive" && m.seed === 6)!;
    expect(one.name).toBe("b-lr-0.0003-strategy-adaptive-s6");
    expect(one.overrides).toEqual([
      "rl.steps=7",
      "rl.groups=8",
      "learner.lr=0.0003",
      'rl.sampling.strategy="adaptive"',
      "rl.max_generated_tokens=1000",
      "run.seed=6",
    ]);
  });

  it("tells axes apart that end in the same word", () => {
    const [first] = membersOf(sweep({ axes: { "a.steps": [1], "b.steps": [2] }, seeds: 1 }));
    expect(first!.arm).toBe("a.steps=1+b.steps=2");
  });

  it("refuses an axis that is no list and members of the same name", () => {
    expect(() => membersOf(sweep({ axes: { "rl.groups": 8 } }))).toThrow(
      /sweep\.axes\.rl\.groups: expected a list/,
    );
    const twice = sweep({
      arms: [
        { name: "a", set: {} },
        { name: "a", set: { "rl.groups": 4 } },
      ],
    });
    expect(() => membersOf(twice)).toThrow(TrainError);
  });
});

describe("words of a sweep's command line", () => {
  it("make axes of lists and ranges, shared settings of single values, and leave the sweep's own alone", () => {
    expect(
      sweepWords([
        "rl.group_size=8,16",
        "run.name=x",
        "sweep.seeds=5",
        "learner.lr=1e-4",
        "rl.groups=range(2,8,2)",
        "a.b=[1, 2]",
      ]),
    ).toEqual([
      "sweep.axes.rl.group_size=[8,16]",
      "run.name=x",
      "sweep.seeds=5",
      "sweep.set.learner.lr=1e-4",
      "sweep.axes.rl.groups=[2,4,6,8]",
      "sweep.set.a.b=[1, 2]",
    ]);
    expect(() => sweepWords(["rl.groups=range(8,2)"])).toThrow(/range\(from, to/);
  });
});
