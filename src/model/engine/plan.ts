/**
 * Cuts one step's rows into padded micro-batches. Rows are sorted by length, so little is padded; the divisor of the
 * step is folded into each token's coefficient, so the sum of the micro-batches does not depend on the cut.
 */

import { TrainError } from "../../core/errors.js";
import type { Batch } from "../../core/types.js";

/** T is a multiple of this, so the causal chunks are whole and few different shapes arise. */
export const LENGTH_STEP = 32;

export interface MicroBatch {
  readonly rows: number; // B
  readonly length: number; // T, padded
  readonly ids: Int32Array; // [B*T]
  /** Predicted tokens, R of them: place of the hidden state that predicts each, and the token itself. */
  readonly places: Int32Array; // [R] in [0, B*T)
  readonly inverse: Int32Array; // [B*T] index into `places`, R where none
  readonly targets: Int32Array; // [R]
  /** Index of each predicted token in the packed batch. */
  readonly source: Int32Array; // [R]
}

export interface Packed {
  readonly tokenIds: Int32Array; // [N]
  readonly rowStart: Int32Array; // [B + 1]
}

/**
 * @param wanted which packed tokens to predict (the first of a row is never asked for)
 * @throws TrainError "data" on a row longer than `maxLength` or a token id outside the vocabulary
 */
export function planMicroBatches(
  packed: Packed,
  wanted: (n: number) => boolean,
  limits: { readonly tokens: number; readonly maxLength: number; readonly vocabSize: number },
): MicroBatch[] {
  const { rowStart, tokenIds } = packed;
  const lengths = Array.from({ length: rowStart.length - 1 }, (_, i) => rowStart[i + 1]! - rowStart[i]!);
  checkRows(lengths, tokenIds, limits);
  const order = lengths
    .map((_, i) => i)
    .filter((i) => lengths[i]! > 1)
    .sort((a, b) => lengths[b]! - lengths[a]! || a - b);
  const plans: MicroBatch[] = [];
  for (let at = 0; at < order.length; ) {
    // The last token of a row predicts nothing, so it need not be fed.
    const length = Math.ceil((lengths[order[at]!]! - 1) / LENGTH_STEP) * LENGTH_STEP;
    const rows = order.slice(at, at + Math.max(1, Math.floor(limits.tokens / length)));
    at += rows.length;
    const plan = layOut(packed, rows, length, wanted);
    if (plan.places.length > 0) plans.push(plan);
  }
  return plans;
}

function checkRows(
  lengths: readonly number[],
  ids: Int32Array,
  limits: { maxLength: number; vocabSize: number },
): void {
  const long = lengths.findIndex((length) => length > limits.maxLength);
  if (long >= 0) {
    throw new TrainError(
      "data",
      `row ${long} of the batch has ${lengths[long]} tokens; the engine was started for ${limits.maxLength}`,
      { hint: "raise the engine's maximum length or shorten prompts and completions" },
    );
  }
  const alien = ids.findIndex((id) => id < 0 || id >= limits.vocabSize);
  if (alien >= 0) {
    throw new TrainError(
      "data",
      `token id ${ids[alien]} at place ${alien} of the batch is outside the vocabulary of ${limits.vocabSize}`,
      { hint: "the tokenizer and the model must come from the same directory" },
    );
  }
}

function layOut(
  { tokenIds, rowStart }: Packed,
  rows: readonly number[],
  length: number,
  wanted: (n: number) => boolean,
): MicroBatch {
  const ids = new Int32Array(rows.length * length);
  const places: number[] = [];
  const source: number[] = [];
  rows.forEach((row, b) => {
    const first = rowStart[row]!;
    const end = rowStart[row + 1]!;
    ids.set(tokenIds.subarray(first, end - 1), b * length);
    for (let n = first + 1; n < end; n++) {
      if (!wanted(n)) continue;
      places.push(b * length + (n - 1 - first));
      source.push(n);
    }
  });
  const inverse = new Int32Array(ids.length).fill(places.length);
  places.forEach((place, r) => {
    inverse[place] = r;
  });
  return {
    rows: rows.length,
    length,
    ids,
    places: Int32Array.from(places),
    inverse,
    targets: Int32Array.from(source, (n) => tokenIds[n]!),
    source: Int32Array.from(source),
  };
}

/** Trained tokens: masked in, and for the clipped loss with a finite behaviour log-prob. */
export function trainedTokens(batch: Batch): (n: number) => boolean {
  const { lossMask, behaviorLogprobs } = batch;
  return batch.loss.kind === "ce"
    ? (n) => lossMask[n] === 1
    : (n) => lossMask[n] === 1 && Number.isFinite(behaviorLogprobs[n]);
}
