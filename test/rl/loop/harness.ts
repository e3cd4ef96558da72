/** A loop on the shipped fakes: problem i of M is answered rightly with probability i / (M - 1). */

import { z } from "zod";
import type { Clock, Rewarder } from "../../../src/core/ports.js";
import { makeRng } from "../../../src/core/rng.js";
import type { Problem, Verdict } from "../../../src/core/types.js";
import { problemId, seed } from "../../../src/core/units.js";
import { fakeLearner } from "../../../src/learner/fake.js";
import { makeFakeRewarder } from "../../../src/reward/fake.js";
import { type StrategyName, strategyKind } from "../../../src/rl/algo/strategies/index.js";
import type { Strategy } from "../../../src/rl/algo/strategy.js";
import { RlTrainer, type TrainerDeps, type TrainerOptions } from "../../../src/rl/loop/trainer.js";
import { fakeSampler } from "../../../src/sampler/fake.js";

export const SIZE = 40;
const GOLDEN = "module top_module(input a, output y);\nassign y = a;\nendmodule";

export const problems: readonly Problem[] = Array.from({ length: SIZE }, (_, i) => ({
  id: problemId(`p${i}`),
  prompt: [{ role: "user", content: String(i) }],
  task: { golden: GOLDEN, top: "top_module" },
  meta: { source: "test", split: "train", bucket: `b${Math.floor(i / 8)}` },
}));

/** The one token of a completion says whether the answer is right. */
const answer = (ids: Int32Array): string =>
  `<think>t</think><answer>\`\`\`verilog\n${ids[0] === 1 ? GOLDEN : GOLDEN.replace("= a", "= ~a")}\n\`\`\`</answer>`;

export const stepClock: Clock = { now: () => 0, sleep: () => Promise.resolve() };

export const options = (over: Partial<TrainerOptions> = {}): TrainerOptions => ({
  groups: 6,
  minGroups: 2,
  maxRounds: 4,
  bank: true,
  bankMaxAge: 2,
  updatesPerBatch: 1,
  advantage: "group_std",
  loss: { kind: "clip", epsLow: 0.2, epsHigh: 0.28, dualClip: null, klCoef: 0, entropyCoef: 0 },
  divisor: "token",
  overlong: { mode: "mask", buffer: 8, factor: 1 },
  importanceCap: null,
  screen: 0,
  priorTokens: 0,
  tokenBudget: null,
  sampling: { temperature: 1, topP: 1, maxTokens: 16 },
  hyper: { beta1: 0.9, beta2: 0.99, eps: 1e-8, weightDecay: 0, maxGradNorm: 1, microBatchTokens: 512 },
  lr: { peak: 1e-4, warmupSteps: 0, kind: "constant", finalRatio: 1, totalSteps: 30 },
  onNoSignal: "widen",
  maxLag: 0,
  learn: true,
  ...over,
});

/** Settings of the harness's strategies that differ from the defaults of a config. */
const KNOBS = { n_min: 2, n_max: 12, kappa: 2, kappa_final: 0.5, keep: "mixed", prior_strength: 3 };

export function strategyOf(name: StrategyName): Strategy {
  const kind = strategyKind(name);
  const own = Object.entries(KNOBS).filter(([key]) => key in kind.knobs);
  return kind.make(z.object(kind.knobs).parse(Object.fromEntries(own)), {
    problems: problems.map((p) => ({ id: p.id, bucket: p.meta.bucket! })),
    groupSize: 4,
    steps: 30,
    advantage: "group_std",
    rng: makeRng("cursor"),
    seed: seed(3),
  });
}

export function build(
  name: StrategyName,
  over: Partial<TrainerOptions> = {},
  rewarder: Rewarder = makeFakeRewarder(),
  more: Pick<TrainerDeps, "rounds"> = {},
) {
  let sampled = 0;
  const learner = fakeLearner({ vocabSize: 4 });
  const sampler = fakeSampler({
    vocabSize: 4,
    answer: (request) => {
      sampled++;
      const right = makeRng(request.seed).uniform() < request.promptIds[0]! / (SIZE - 1);
      return { completionIds: Int32Array.from([right ? 1 : 0, 2, 3]), finish: "stop" };
    },
  });
  const strategy = strategyOf(name);
  const trainer = new RlTrainer(options(over), {
    sampler,
    learner,
    handover: { publish: async (version) => sampler.label(version) },
    rewarder,
    strategy,
    problems,
    decode: answer,
    promptIds: (p) => Int32Array.from([Number(p.prompt[0]!.content)]),
    clock: stepClock,
    rng: makeRng("loop"),
    ...more,
  });
  return { trainer, learner, sampler, strategy, sampled: () => sampled };
}

/** The fake reward, except that `verdict` may speak first. */
export const rewarderWith = (verdict: (text: string, id: string, n: number) => Verdict | null): Rewarder => {
  const inner = makeFakeRewarder();
  let n = 0;
  return {
    ...inner,
    score: async (request, signal) =>
      verdict(request.text, request.problem.id, n++) ?? inner.score(request, signal),
  };
};
