/** The loss of each token through the graph, against values computed by hand. */

import { describe, expect, it } from "vitest";
import type { LossSpec } from "../../../src/core/types.js";
import { makeGraph } from "../../../src/engine/onnx/graph.js";
import { createSession, loadOrt } from "../../../src/engine/onnx/runtime.js";
import { tokenLoss } from "../../../src/engine/qwen2/objective.js";
import { CLIP } from "../tiny.js";

async function losses(spec: LossSpec, ratios: readonly number[], advantages: readonly number[]) {
  const g = makeGraph();
  const inputs = ["logp", "advantages", "behavior"].map((name) => g.input(name, "float32", ["R"]));
  const { loss, slope } = tokenLoss({ g, tape: null }, spec, inputs[0]!, inputs[1]!, inputs[2]!, null);
  g.output(loss, "loss");
  if (slope !== null) g.output(slope, "slope");
  const ort = await loadOrt();
  const session = await createSession(ort, g.finish(), { threads: 1 });
  const n = ratios.length;
  const vector = (values: ArrayLike<number>) => new ort.Tensor("float32", Float32Array.from(values), [n]);
  const feeds = {
    logp: vector(ratios),
    advantages: vector(advantages),
    behavior: vector(new Float32Array(n)),
  };
  const used = Object.fromEntries(Object.entries(feeds).filter(([name]) => session.inputs.has(name)));
  const out = await session.run({ R: n }, used);
  await session.dispose();
  return {
    loss: [...(out.loss!.data as Float32Array)],
    slope: [...((out.slope?.data ?? []) as Float32Array)],
  };
}

const close = (actual: readonly number[], expected: readonly number[]): void => {
  expect(actual.length).toBe(expected.length);
  expected.forEach((x, i) => {
    expect(actual[i]).toBeCloseTo(x, 5);
  });
};

describe("the clipped objective", () => {
  const ratios = [0.3, 0.3, -0.3, -0.3, 1.5];
  const advantages = [1, -1, 1, -1, -1];

  it("gives the golden values", async () => {
    const { loss } = await losses(CLIP, ratios, advantages);
    close(loss, [-1.28, 1.349859, -0.740818, 0.8, 4.481689]);
  });

  it("caps the loss of negative advantages with dual clip", async () => {
    const { loss, slope } = await losses({ ...CLIP, dualClip: 3 }, ratios, advantages);
    close(loss, [-1.28, 1.349859, -0.740818, 0.8, 3]);
    close(slope, [0, 1.349859, -0.740818, 0, 0]);
  });

  it("has no slope where the clipped branch is taken", async () => {
    const { slope } = await losses(CLIP, ratios, advantages);
    close(slope, [0, 1.349859, -0.740818, 0, 4.481689]);
  });

  it("clamps log-ratios at 20 on both sides", async () => {
    const { loss, slope } = await losses(CLIP, [50, -50, 50], [-1, -1, 1]);
    expect(loss[0]! / Math.exp(20)).toBeCloseTo(1, 5);
    close([loss[1]!, loss[2]!], [0.8, -1.28]);
    close(slope, [0, 0, 0]);
  });

  it("adds the k3 estimate of the divergence from the behaviour policy", async () => {
    const { loss, slope } = await losses({ ...CLIP, klCoef: 0.5 }, [0.1, -0.1], [0, 0]);
    close(loss, [0.5 * (Math.exp(0.1) - 1.1), 0.5 * (Math.exp(-0.1) - 0.9)]);
    close(slope, [0.5 * (Math.exp(0.1) - 1), 0.5 * (Math.exp(-0.1) - 1)]);
  });

  it("is the negative log-prob for cross-entropy", async () => {
    const { loss } = await losses({ kind: "ce" }, [-1.5, -0.25], [0, 0]);
    close(loss, [1.5, 0.25]);
  });
});
