/** The engine's checkpoint: fp32 weights and optimizer state as safetensors, read back bit for bit. */

import { join } from "node:path";
import { TrainError } from "../core/errors.js";
import { readSafetensors, type Tensor, tensorOf, toFloats, writeSafetensors } from "../model/safetensors.js";
import type { FlatLayout } from "./qwen2/flat.js";
import type { AdamState } from "./step/adamw.js";

export const WEIGHTS_FILE = "weights.safetensors";
export const OPTIMIZER_FILE = "optimizer.safetensors";

export interface EngineState {
  readonly weights: Float32Array;
  readonly adam: AdamState;
}

export async function saveState(dir: string, layout: FlatLayout, state: EngineState): Promise<void> {
  const parts = (prefix: string, flat: Float32Array): [string, Tensor][] =>
    layout.slots.map(({ name, shape, offset, size }) => [
      prefix + name,
      tensorOf("F32", shape, flat.subarray(offset, offset + size)),
    ]);
  await writeSafetensors(join(dir, WEIGHTS_FILE), new Map(parts("", state.weights)), { format: "pt" });
  await writeSafetensors(
    join(dir, OPTIMIZER_FILE),
    new Map([...parts("m.", state.adam.m), ...parts("v.", state.adam.v)]),
    { updates: String(state.adam.count) },
  );
}

/** Reads both files before it changes anything, so that a bad checkpoint leaves the engine as it was. */
export async function restoreState(dir: string, layout: FlatLayout, state: EngineState): Promise<void> {
  const weights = await readFlat(join(dir, WEIGHTS_FILE), layout, [""]);
  const optimizer = await readFlat(join(dir, OPTIMIZER_FILE), layout, ["m.", "v."]);
  const updates = Number(optimizer.metadata.updates);
  if (!Number.isSafeInteger(updates)) {
    throw new TrainError(
      "checkpoint",
      `${join(dir, OPTIMIZER_FILE)}: expected the number of updates in the metadata, got ${optimizer.metadata.updates ?? "nothing"}`,
    );
  }
  state.weights.set(weights.flats[0]!);
  state.adam.m.set(optimizer.flats[0]!);
  state.adam.v.set(optimizer.flats[1]!);
  state.adam.count = updates;
}

async function readFlat(path: string, layout: FlatLayout, prefixes: readonly string[]) {
  const { tensors, metadata } = await readSafetensors(path);
  const flats = prefixes.map((prefix) => {
    const flat = new Float32Array(layout.size);
    for (const { name, shape, offset } of layout.slots) {
      const tensor = tensors.get(prefix + name);
      if (tensor === undefined || tensor.shape.join() !== shape.join()) {
        const got = tensor === undefined ? "nothing" : `shape [${tensor.shape.join(", ")}]`;
        throw new TrainError(
          "checkpoint",
          `${path}: expected ${prefix + name} of shape [${shape.join(", ")}], got ${got}`,
          { hint: "this checkpoint belongs to another model" },
        );
      }
      flat.set(toFloats(tensor, path), offset);
    }
    return flat;
  });
  return { flats, metadata };
}
