/** What both learners of the embedded engine offer (onnxruntime and tfjs), and the check of a batch that both make first. */

import { TrainError } from "../../core/errors.js";
import type { Batch, StepHyper, StepReport } from "../../core/types.js";
import type { AdamState } from "./adamw.js";

export interface DeviceLearner {
  step(batch: Batch, hyper: StepHyper, aborted: () => boolean): Promise<StepReport>;
  /** Sum of the gradients over the step's micro-batches, flat, and the loss; weights stay as they are. */
  gradients(batch: Batch, microBatchTokens: number): Promise<{ loss: number; gradient: Float32Array }>;
  /** Log-probs [N]; 0 at the first token of each row. */
  logprobs(batch: Batch, microBatchTokens: number): Promise<Float32Array>;
  /** Moments, and the count of updates since the weights were made. */
  readonly adam: AdamState;
  /** Brings the flat weights on the host (and the moments, for a checkpoint) up to date with the device's. */
  pull(moments: boolean): Promise<void>;
  /** Takes over the flat weights and moments on the host after they were changed from outside. */
  push(moments: boolean): Promise<void>;
  close(): Promise<void>;
}

/** @throws TrainError `bug` when the arrays of a batch do not fit together, `config` for a temperature of 0 */
export function checkBatch(batch: Batch): void {
  const n = batch.tokenIds.length;
  for (const field of ["lossMask", "weights", "behaviorLogprobs", "advantages"] as const) {
    if (batch[field].length !== n) {
      throw new TrainError("bug", `batch.${field}: expected ${n} values, got ${batch[field].length}`);
    }
  }
  if (batch.rowStart[0] !== 0 || batch.rowStart.at(-1) !== n) {
    throw new TrainError(
      "bug",
      `batch.rowStart: expected 0 .. ${n}, got ${batch.rowStart[0]} .. ${batch.rowStart.at(-1)}`,
    );
  }
  if (!(batch.divisor > 0)) throw new TrainError("bug", `batch.divisor: expected > 0, got ${batch.divisor}`);
  if (!(batch.temperature > 0)) {
    throw new TrainError("config", `training temperature: expected > 0, got ${batch.temperature}`);
  }
}
