/** When the backward pass makes the blocks' activations again instead of keeping them. */

import type { Qwen2Config } from "../../model/config.js";
import { activationBytes } from "../accelerator/memory.js";

export type CheckpointingMode = "auto" | "on" | "off";

/** True = made again, for a micro-batch of B rows of T tokens. */
export type Checkpointing = (rows: number, length: number) => boolean;

/** @param free bytes of device memory that activations may take; null = unknown, which `auto` takes for enough */
export function checkpointing(
  mode: CheckpointingMode,
  config: Qwen2Config,
  free: number | null,
): Checkpointing {
  if (mode !== "auto") return () => mode === "on";
  if (free === null) return () => false;
  return (rows, length) => activationBytes(config, rows * length, length, false) > free;
}
