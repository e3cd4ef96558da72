/** Tensors of one micro-batch for the train and log-prob graphs. */

import type { Qwen2Config } from "../../model/config.js";
import type { Feeds, OrtModule, Tensor } from "../onnx/runtime.js";
import { causalMask } from "../qwen2/rotary.js";
import { type MicroBatch, positionsOf } from "../step/plan.js";

export interface Feeder {
  /** Values of the graph's symbolic dimensions. */
  symbols(plan: MicroBatch): Readonly<Record<string, number>>;
  /** All inputs but the parameters, the accumulators and the loss's own. */
  feeds(plan: MicroBatch, temperature: number): Feeds;
}

/** Masks kept; a step meets few shapes, and each is made in well under a millisecond. */
const MASKS = 64;

export function makeFeeder(ort: OrtModule, config: Qwen2Config, chunks: number): Feeder {
  const group = config.numHeads / config.numKvHeads;
  const masks = new Map<string, Tensor>();
  const mask = (block: number, i: number, prefix: number): Tensor => {
    const key = `${block} ${i} ${prefix}`;
    let made = masks.get(key);
    if (made === undefined) {
      if (masks.size >= MASKS) masks.clear();
      const dims = [group * block, prefix + (i + 1) * block];
      made = new ort.Tensor("float32", causalMask(group, block, i, prefix), dims);
      masks.set(key, made);
    }
    return made;
  };
  const ints = (values: Int32Array): Tensor => new ort.Tensor("int32", values, [values.length]);
  return {
    symbols: (plan) => ({
      B: plan.rows,
      T: plan.length,
      C: plan.length / chunks,
      S: plan.prefix,
      N: plan.ids.length,
      R: plan.places.length,
    }),
    feeds(plan, temperature) {
      const block = plan.length / chunks;
      const feeds: Feeds = {
        ids: ints(plan.ids),
        rows: ints(plan.places),
        targets: ints(plan.targets),
        invTemperature: new ort.Tensor("float32", Float32Array.of(1 / temperature), []),
      };
      for (let i = 0; i < chunks; i++) feeds[`mask${i}`] = mask(block, i, plan.prefix);
      if (plan.prefix > 0) {
        feeds.positions = new ort.Tensor("int64", positionsOf(plan), [plan.ids.length, 1]);
        feeds.prefixMask = mask(plan.prefix, 0, 0);
      }
      return feeds;
    },
  };
}
