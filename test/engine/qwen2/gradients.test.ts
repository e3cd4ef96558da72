/** The generated backward pass against an independent autodiff (tfjs) and against finite differences. */

import { describe, expect, it } from "vitest";
import type { LossSpec } from "../../../src/core/types.js";
import { viewsOf } from "../../../src/engine/qwen2/flat.js";
import { CLIP, largestGap, tinyBatch, tinyConfig, tinyLearner, tinyWeights } from "../tiny.js";
import { tfjsGradients } from "./tfjs-qwen2.js";

const full: LossSpec = {
  kind: "clip",
  epsLow: 0.2,
  epsHigh: 0.28,
  dualClip: 1.5,
  klCoef: 0.1,
  entropyCoef: 0.05,
};

describe("gradients against tfjs", () => {
  const cases: [string, LossSpec, number, boolean][] = [
    ["cross-entropy, tied head", { kind: "ce" }, 1, true],
    ["cross-entropy, own head", { kind: "ce" }, 1, false],
    ["clipped objective", CLIP, 1, true],
    ["clipped objective at temperature 0.7 with dual clip, KL and entropy, own head", full, 0.7, false],
  ];
  it.each(cases)("%s", async (_, loss, temperature, tied) => {
    const config = { ...tinyConfig, tieWordEmbeddings: tied };
    const weights = tinyWeights(config);
    const batch = tinyBatch([11, 7, 2, 35], loss, { temperature });
    const expected = await tfjsGradients(batch, config, weights);
    const { trainer, layout } = await tinyLearner({ config, weights });
    const actual = await trainer.gradients(batch, 1024);
    expect(actual.loss).toBeCloseTo(expected.loss, 5);
    const views = viewsOf(layout, actual.gradient);
    for (const [name, gradient] of expected.gradients) {
      const size = Math.sqrt(gradient.reduce((a, g) => a + g * g, 0) / gradient.length);
      // k biases shift all scores of a query alike, so their true gradient is zero: only an absolute bound holds there.
      expect(size > 0 || name.endsWith("k_proj.bias"), name).toBe(true);
      expect(largestGap(views.get(name)!, gradient, Math.max(size, 1e-3)), name).toBeLessThan(1e-3);
    }
    await trainer.close();
  });
});

describe("gradients against finite differences", () => {
  it.each([
    ["cross-entropy", { kind: "ce" }],
    ["clipped objective with every term", full],
  ] as [string, LossSpec][])("%s", async (_, loss) => {
    const { trainer, flat, layout } = await tinyLearner();
    const batch = tinyBatch([11, 7, 35], loss);
    const { gradient } = await trainer.gradients(batch, 1024);
    for (const { name, offset, size } of layout.slots) {
      // Along the gradient of one tensor the loss moves most, so single precision resolves the quotient.
      const part = gradient.slice(offset, offset + size);
      const norm = Math.sqrt(part.reduce((a, g) => a + g * g, 0));
      if (norm < 1e-4) continue;
      const saved = flat.slice(offset, offset + size);
      const at = async (step: number): Promise<number> => {
        for (let i = 0; i < size; i++) flat[offset + i] = saved[i]! + (step * part[i]!) / norm;
        return (await trainer.gradients(batch, 1024)).loss;
      };
      const h = 4e-3;
      const slope = ((await at(h)) - (await at(-h))) / (2 * h);
      flat.set(saved, offset);
      expect(Math.abs(slope - norm) / (norm + 1e-2), `${name}: ${slope} against ${norm}`).toBeLessThan(1e-2);
    }
    await trainer.close();
  });
});
