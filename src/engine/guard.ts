/**
 * How device failures are handled. Out of memory: the step is done again with half the micro-batch, once, and later steps
 * keep to that; a step that fails has not updated anything. A device that stops answering: one error. Either way the last
 * checkpoint is as it was.
 */

import { messageOf, TrainError } from "../core/errors.js";
import type { DeviceLearner } from "./step/device-learner.js";

/** Words of TensorFlow, onnxruntime and CUDA. */
const NO_MEMORY =
  /\bOOM\b|out of memory|RESOURCE_EXHAUSTED|TF_Status: 8\b|failed to allocate|OUT_OF_DEVICE_MEMORY|bad_alloc/i;
const LOST =
  /device (?:is )?(?:lost|removed)|DEVICE_LOST|ILLEGAL_ADDRESS|illegal memory access|unspecified launch failure|LAUNCH_FAILED|ECC|fallen off the bus|CUDA_ERROR_(?!OUT_OF_MEMORY)|CUDA failure|CUBLAS_STATUS_(?!ALLOC_FAILED|NOT_SUPPORTED)|CUDNN_STATUS_(?:EXECUTION|INTERNAL|MAPPING)/i;

export type DeviceFailure = "memory" | "lost";

export function deviceFailure(thrown: unknown): DeviceFailure | null {
  if (thrown instanceof TrainError) return null;
  const text = messageOf(thrown);
  if (NO_MEMORY.test(text)) return "memory";
  return LOST.test(text) ? "lost" : null;
}

export interface Guarded {
  readonly trainer: DeviceLearner;
  /** Told once, in a sentence, when later steps get smaller micro-batches. */
  readonly note: (text: string) => void;
}

export function guardedLearner({ trainer, note }: Guarded): DeviceLearner {
  let most = Number.POSITIVE_INFINITY;
  const refused = (thrown: unknown, tokens: number): unknown => {
    const kind = deviceFailure(thrown);
    if (kind === null) return thrown;
    const first = messageOf(thrown).trim().split("\n")[0];
    if (kind === "memory") {
      return new TrainError("worker", `the device's memory does not hold a micro-batch of ${tokens} tokens`, {
        details: [first ?? ""],
        hint: "lower learner.micro_batch_tokens or set learner.checkpointing=on, and go on from the last checkpoint with --resume",
        cause: thrown,
      });
    }
    return new TrainError("worker", `the device stopped answering: ${first}`, {
      hint: "nvidia-smi shows whether it is there; go on from the last checkpoint with --resume",
      cause: thrown,
    });
  };
  return {
    ...trainer,
    get adam() {
      return trainer.adam;
    },
    async step(batch, hyper, aborted) {
      const tokens = Math.min(hyper.microBatchTokens, most);
      try {
        return await trainer.step(batch, { ...hyper, microBatchTokens: tokens }, aborted);
      } catch (thrown) {
        if (deviceFailure(thrown) !== "memory") throw refused(thrown, tokens);
        // A budget beyond the whole step's tokens would halve to the same micro-batches.
        const half = Math.max(1, Math.floor(Math.min(tokens, paddedTokens(batch)) / 2));
        note(
          `out of device memory with micro-batches of ${tokens} tokens: the step is done again with ${half}, and later ones keep to that`,
        );
        most = half;
        try {
          return await trainer.step(batch, { ...hyper, microBatchTokens: half }, aborted);
        } catch (again) {
          throw refused(again, half);
        }
      }
    },
    async gradients(batch, tokens) {
      return trainer.gradients(batch, tokens).catch((thrown) => {
        throw refused(thrown, tokens);
      });
    },
    async logprobs(batch, tokens) {
      return trainer.logprobs(batch, Math.min(tokens, most)).catch((thrown) => {
        throw refused(thrown, tokens);
      });
    },
  };
}

/** Rows times the longest of them. */
function paddedTokens({ rowStart }: { readonly rowStart: Int32Array }): number {
  let longest = 0;
  for (let b = 0; b + 1 < rowStart.length; b++) longest = Math.max(longest, rowStart[b + 1]! - rowStart[b]!);
  return longest * (rowStart.length - 1);
}
