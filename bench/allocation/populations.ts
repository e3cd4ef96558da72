/**
 * Synthetic populations of problems: what a strategy is tried on where no policy is trained. A problem is a pass rate, a
 * bucket (26 families of unlike difficulty) and a mean length; its rate moves by a random walk of the logit, or rises
 * with what was trained. They show how an allocator spends rollouts. They are no evidence of learning.
 */

import { makeRng, type Rng } from "../../src/core/rng.js";

export const POPULATIONS = ["bimodal", "rising", "stubborn", "noisy"] as const;
export type PopulationName = (typeof POPULATIONS)[number];

const FAMILIES = 26;
/** How much of a problem's difficulty its family explains (correlation). */
const KIN = 0.7;

/** Rise of a problem's own logit for a group of it that is trained on in a step whose direction is right. */
const MEMORY = 0.3;

interface Shape {
  /** Shares of hard, middling and easy problems, and the mean and spread of the logit in each. */
  readonly modes: readonly (readonly [share: number, mean: number, spread: number])[];
  /** Share of problems that can never be solved. */
  readonly impossible: number;
  /** Standard deviation of a logit's random walk a step. */
  readonly walk: number;
  /** Rise of a logit for a step whose direction is right, at equal attention to all families; 0 = nothing is learnt. */
  readonly gain: number;
  /** The verifier passes a wrong answer, or fails a right one, with these probabilities. */
  readonly falsePass: number;
  readonly falseFail: number;
}

const BIMODAL: Shape = {
  modes: [
    [0.45, -4, 1],
    [0.2, 0, 0.8],
    [0.35, 4, 1],
  ],
  impossible: 0,
  walk: 0.05,
  gain: 0,
  falsePass: 0,
  falseFail: 0,
};

const SHAPES: Readonly<Record<PopulationName, Shape>> = {
  bimodal: BIMODAL,
  rising: {
    ...BIMODAL,
    modes: [
      [0.55, -3, 1.2],
      [0.3, 0, 1],
      [0.15, 3, 1],
    ],
    gain: 0.12,
  },
  stubborn: {
    ...BIMODAL,
    modes: [
      [0.3, -3, 1],
      [0.5, 0, 1],
      [0.2, 3, 1],
    ],
    impossible: 0.5,
  },
  noisy: { ...BIMODAL, falsePass: 0.02, falseFail: 0.01 },
};

/** What a step trained on: the signal of each problem's group. */
export interface TrainedSignal {
  readonly problem: number;
  readonly signal: number;
}

export class Population {
  readonly name: PopulationName;
  readonly size: number;
  readonly bucketOf: Uint8Array; // [M]
  readonly tokens: Float32Array; // [M] mean completion tokens
  private readonly visits: Uint8Array; // [M] updates it was part of
  private readonly logits: Float32Array; // [M] -Infinity = impossible
  private readonly shape: Shape;
  private readonly rng: Rng;

  constructor(name: PopulationName, size: number, seed: number) {
    this.name = name;
    this.size = size;
    this.shape = SHAPES[name];
    this.rng = makeRng(`population ${name} ${seed}`);
    const families = Float64Array.from({ length: FAMILIES }, () => this.rng.normal());
    this.bucketOf = new Uint8Array(size);
    this.tokens = new Float32Array(size);
    this.visits = new Uint8Array(size);
    this.logits = new Float32Array(size);
    for (let i = 0; i < size; i++) {
      const family = this.rng.int(FAMILIES);
      this.bucketOf[i] = family;
      const ease = KIN * families[family]! + Math.sqrt(1 - KIN * KIN) * this.rng.normal();
      let left = normalCdf(ease);
      let mode = 0;
      while (mode < 2 && left > this.shape.modes[mode]![0]) left -= this.shape.modes[mode++]![0];
      const [, mean, spread] = this.shape.modes[mode]!;
      const possible = this.rng.uniform() >= this.shape.impossible;
      this.logits[i] = possible ? mean + spread * this.rng.normal() : Number.NEGATIVE_INFINITY;
      this.tokens[i] = Math.round(80 * Math.exp(0.35 * this.rng.normal() - 0.1 * ease));
    }
  }

  /** Pass rate of problem `i` now. */
  rate(i: number): number {
    return 1 / (1 + Math.exp(-this.logits[i]!));
  }

  /** What the verifier passes of it. */
  seen(i: number): number {
    const p = this.rate(i);
    return p * (1 - this.shape.falseFail) + (1 - p) * this.shape.falsePass;
  }

  /** Share of the outcome's variance that is signal: a verifier's slips are not. */
  get honesty(): number {
    return 1 - this.shape.falsePass - this.shape.falseFail;
  }

  get meanRate(): number {
    let sum = 0;
    for (let i = 0; i < this.size; i++) sum += this.rate(i);
    return sum / this.size;
  }

  /**
   * One update: half of its effect is shared by all problems, half goes to the families that were trained on, in
   * proportion to their share of the signal. The n-th visit of a problem teaches others 1 / (1 + n/4) of what the first did,
   * and raises its own rate besides (memory).
   * @param cosine how well the update's direction fits the true gradient, in [0, 1]
   */
  update(trained: readonly TrainedSignal[], cosine: number): void {
    const { walk, gain } = this.shape;
    const byFamily = new Float64Array(FAMILIES);
    let [total, novel] = [0, 0];
    for (const { problem, signal } of trained) {
      const fresh = signal / (1 + this.visits[problem]! / 4);
      byFamily[this.bucketOf[problem]!]! += fresh;
      total += signal;
      novel += fresh;
      if (gain > 0) this.logits[problem]! += MEMORY * cosine;
      this.visits[problem] = Math.min(255, this.visits[problem]! + 1);
    }
    for (let i = 0; i < this.size; i++) {
      const attention =
        total === 0 ? 0 : (0.5 * novel + 0.5 * FAMILIES * byFamily[this.bucketOf[i]!]!) / total;
      this.logits[i]! += gain * cosine * Math.min(4, attention) + walk * this.rng.normal();
    }
  }
}

/** Abramowitz and Stegun 26.2.17; error below 1e-7. */
function normalCdf(x: number): number {
  const t = 1 / (1 + 0.2316419 * Math.abs(x));
  const tail =
    Math.exp((-x * x) / 2) *
    0.3989422804 *
    t *
    (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  return x >= 0 ? 1 - tail : tail;
}
