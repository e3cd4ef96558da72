/** What a block needs besides parameters and rows, by length: rotary tables and causal masks, kept on the device. */

import type { Qwen2Config } from "../../model/config.js";
import { causalMask, rotaryTable } from "../qwen2/rotary.js";
import type { MicroBatch } from "../step/plan.js";
import { blocksFor } from "./attention.js";
import type { BlockContext } from "./block.js";
import type { HeadShape, Kernels, Rotation, Tensor } from "./kernels.js";

/** Tables and masks of this many lengths stay. */
const KEPT = 32;

type Sized = Pick<MicroBatch, "rows" | "length">;

export interface Contexts {
  /** Makes what these need; beyond `KEPT`, what was used longest ago goes. */
  prepare(plans: readonly Sized[]): void;
  of(plan: Sized): BlockContext;
  close(): void;
}

/** @param fixed blocks of the attention; default: by the size of the scores */
export function makeContexts(k: Kernels, config: Qwen2Config, fixed?: number): Contexts {
  const { numKvHeads, headDim, numHeads, rmsNormEps: eps } = config;
  const group = numHeads / numKvHeads;
  const shapeOf = ({ rows, length }: Sized): HeadShape => ({ rows, length, numKvHeads, group, headDim });
  const kept = new Map<string, { rotation: Rotation; masks: Tensor[] }>();
  const blocksOf = (plan: Sized): number => fixed ?? blocksFor(shapeOf(plan));
  const keyOf = (plan: Sized): string => `${plan.length} ${blocksOf(plan)}`;
  const drop = (key: string): void => {
    const { rotation, masks } = kept.get(key)!;
    k.free(rotation.forward, rotation.backward, ...masks);
    kept.delete(key);
  };
  const make = (plan: Sized) => {
    const { length } = plan;
    const blocks = blocksOf(plan);
    const { cos, sin } = rotaryTable(config, length, 1);
    return k.outside(() => ({
      rotation: k.rotation(shapeOf(plan), cos, sin, 1 / Math.sqrt(headDim)),
      masks: Array.from({ length: blocks }, (_, i) => {
        const c = length / blocks;
        return k.upload(causalMask(group, c, i), [group * c, (i + 1) * c]);
      }),
    }));
  };
  return {
    prepare(plans) {
      const needed = new Set(plans.map(keyOf));
      for (const plan of plans) {
        const key = keyOf(plan);
        const made = kept.get(key) ?? make(plan);
        kept.delete(key);
        kept.set(key, made);
      }
      for (const key of [...kept.keys()]) {
        if (kept.size <= KEPT) break;
        if (!needed.has(key)) drop(key);
      }
    },
    of: (plan) => ({ k, shape: shapeOf(plan), ...kept.get(keyOf(plan))!, eps }),
    close() {
      for (const key of [...kept.keys()]) drop(key);
    },
  };
}
