import { describe, expect, it } from "vitest";
import { deviceFailure, guardedLearner } from "../../src/engine/guard.js";
import type { DeviceLearner } from "../../src/engine/step/device-learner.js";
import { CLIP, HYPER, never, tinyBatch, tinyLearner } from "./tiny.js";

const OOM =
  "Invalid TF_Status: 8\nMessage: OOM when allocating tensor with shape[8192,8192] and type float on GPU:0";

/** A real trainer whose device holds `tokens` tokens of a micro-batch. */
async function small(tokens: number, words = OOM) {
  const { trainer } = await tinyLearner();
  const notes: string[] = [];
  const asked: number[] = [];
  const failing: DeviceLearner = {
    ...trainer,
    step(batch, hyper, aborted) {
      asked.push(hyper.microBatchTokens);
      if (hyper.microBatchTokens > tokens) return Promise.reject(new Error(words));
      return trainer.step(batch, hyper, aborted);
    },
  };
  return {
    guarded: guardedLearner({ trainer: failing, note: (text) => notes.push(text) }),
    notes,
    asked,
    trainer,
  };
}

describe("out of memory", () => {
  it("halves the micro-batch once, says so, and keeps to it", async () => {
    const { guarded, notes, asked, trainer } = await small(300);
    const batch = tinyBatch([60, 60, 60, 60, 60, 60, 60, 60], CLIP);
    const hyper = { ...HYPER, microBatchTokens: 512 };
    const report = await guarded.step(batch, hyper, never);
    expect(report.skipped).toBe(false);
    await guarded.step(batch, hyper, never);
    expect(asked).toEqual([512, 240, 240]);
    expect(notes).toEqual([
      "out of device memory with micro-batches of 512 tokens: the step is done again with 240, and later ones keep to that",
    ]);
    await trainer.close();
  });

  it("then stops, with what to change and the weights as they were", async () => {
    const { guarded, trainer } = await small(10);
    const batch = tinyBatch([60, 60], CLIP);
    const before = await trainer.logprobs(batch, 512);
    await expect(guarded.step(batch, HYPER, never)).rejects.toMatchObject({
      code: "worker",
      message: "the device's memory does not hold a micro-batch of 60 tokens",
      hint: expect.stringContaining("learner.micro_batch_tokens"),
    });
    expect(await trainer.logprobs(batch, 512)).toEqual(before);
    await trainer.close();
  });
});

it("a device that is lost is one error, not a smaller step", async () => {
  const { guarded, asked, trainer } = await small(0, "CUDA_ERROR_ILLEGAL_ADDRESS: an illegal memory access");
  await expect(guarded.step(tinyBatch([20], CLIP), HYPER, never)).rejects.toMatchObject({
    code: "worker",
    message: expect.stringMatching(/^the device stopped answering: CUDA_ERROR_ILLEGAL_ADDRESS/),
  });
  expect(asked.length).toBe(1);
  await trainer.close();
});

it.each([
  ["CUDA failure 2: out of memory ; GPU=0", "memory"],
  ["Failed to allocate memory for requested buffer of size 4294967296", "memory"],
  ["CUDA failure 719: unspecified launch failure", "lost"],
  ["CUBLAS_STATUS_EXECUTION_FAILED", "lost"],
  ["Got invalid dimensions for input: ids", null],
])("%s is %s", (text, kind) => {
  expect(deviceFailure(new Error(text))).toBe(kind);
});
