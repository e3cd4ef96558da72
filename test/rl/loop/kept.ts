/** What files do to a state or a round, in memory: JSON becomes text and comes back, arrays are copied. */

import type { Packed } from "../../../src/core/packed.js";
import { type LoopState, packLoopState, unpackLoopState } from "../../../src/rl/loop/state.js";

const kept = ({ json, arrays }: Packed): Packed => ({
  json: JSON.parse(JSON.stringify(json)),
  arrays: structuredClone(arrays),
});

/** The state as a resumed run reads it. */
export const copy = (state: LoopState): LoopState => unpackLoopState(kept(packLoopState(state)));

/** A keeper of rounds; `values` may be looked at and changed. */
export function memory() {
  const values = new Map<string, Packed>();
  return {
    values,
    keeper: {
      load: async (step: number, round: number): Promise<Packed | null> =>
        values.get(`${step}.${round}`) ?? null,
      save: async (step: number, round: number, value: Packed): Promise<void> => {
        values.set(`${step}.${round}`, kept(value));
      },
    },
  };
}
