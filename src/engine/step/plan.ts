/**
 * Cuts one step's rows into padded micro-batches. Rows are sorted by length, so little is padded; the divisor of the
 * step is folded into each token's coefficient, so the sum of the micro-batches does not depend on the cut.
 *
 * The rollouts of one group start with the same prompt: it is computed once for all of a micro-batch's rows.
 */

import { TrainError } from "../../core/errors.js";
import type { Batch } from "../../core/types.js";

/** T is a multiple of this, so the causal chunks are whole and few different shapes arise. */
export const LENGTH_STEP = 16;
/** Shared prefixes are cut down to a multiple of this; the rest of the prompt stays with each row. */
const PREFIX_STEP = 16;
/** Saved tokens from which a group gets micro-batches of its own. */
const WORTH_SHARING = 128;
/** On a CPU larger micro-batches are slower: products of about this many rows stay in the cache of a core. */
export const CPU_TOKENS = { single: 1024, shared: 1536 };

export interface MicroBatch {
  readonly rows: number; // B
  readonly length: number; // T, padded
  /** S tokens that all rows begin with; 0 = nothing shared. */
  readonly prefix: number;
  /** The prefix once, then each row's own tokens padded to T. */
  readonly ids: Int32Array; // [N], N = S + B*T
  /** Predicted tokens, R of them: place of the hidden state that predicts each, and the token itself. */
  readonly places: Int32Array; // [R] in [0, N)
  readonly inverse: Int32Array; // [N] index into `places`, R where none
  readonly targets: Int32Array; // [R]
  /** Index of each predicted token in the packed batch. */
  readonly source: Int32Array; // [R]
}

export interface Packed {
  readonly tokenIds: Int32Array; // [N]
  readonly rowStart: Int32Array; // [B + 1]
  readonly groupIds: Int32Array; // [B]
}

export interface PlanLimits {
  /** Padded tokens of one micro-batch at most (a single longer row still gets one). */
  readonly tokens: number;
  /** Padded tokens beyond which the device gains nothing, without and with a shared prefix; default: no such bound. */
  readonly good?: { readonly single: number; readonly shared: number };
  /** Whether a prompt that a group's rows begin with is computed once; default true. */
  readonly share?: boolean;
  readonly maxLength: number;
  readonly vocabSize: number;
}

/**
 * @param wanted which packed tokens to predict (the first of a row is never asked for)
 * @throws TrainError "data" on a row longer than `maxLength` or a token id outside the vocabulary
 */
export function planMicroBatches(
  packed: Packed,
  wanted: (n: number) => boolean,
  limits: PlanLimits,
): MicroBatch[] {
  checkRows(packed, limits);
  const { sharing, single } = groupRows(packed, wanted, limits.share ?? true);
  const plans: MicroBatch[] = [];
  const cut = (rows: readonly number[], prefix: number, good: number): void => {
    const own = (row: number): number => lengthOf(packed, row) - 1 - prefix;
    const order = rows.toSorted((a, b) => own(b) - own(a) || a - b);
    const budget = Math.min(limits.tokens, good) - prefix;
    for (let at = 0; at < order.length; ) {
      // The last token of a row predicts nothing, so it need not be fed.
      const length = Math.ceil(own(order[at]!) / LENGTH_STEP) * LENGTH_STEP;
      const taken = order.slice(at, at + Math.max(1, Math.floor(budget / length)));
      at += taken.length;
      plans.push(layOut(packed, taken, prefix, length, wanted));
    }
  };
  const { good = { single: limits.tokens, shared: limits.tokens } } = limits;
  for (const { rows, prefix } of sharing) cut(rows, prefix, good.shared);
  cut(single, 0, good.single);
  return plans;
}

const lengthOf = ({ rowStart }: Packed, row: number): number => rowStart[row + 1]! - rowStart[row]!;

function checkRows(packed: Packed, limits: PlanLimits): void {
  const rows = Array.from({ length: packed.rowStart.length - 1 }, (_, row) => row);
  const long = rows.find((row) => lengthOf(packed, row) > limits.maxLength);
  if (long !== undefined) {
    throw new TrainError(
      "data",
      `row ${long} of the batch has ${lengthOf(packed, long)} tokens; the engine was started for ${limits.maxLength}`,
      { hint: "raise the engine's maximum length or shorten prompts and completions" },
    );
  }
  const alien = packed.tokenIds.findIndex((id) => id < 0 || id >= limits.vocabSize);
  if (alien >= 0) {
    throw new TrainError(
      "data",
      `token id ${packed.tokenIds[alien]} at place ${alien} of the batch is outside the vocabulary of ${limits.vocabSize}`,
      { hint: "the tokenizer and the model must come from the same directory" },
    );
  }
}

/** Splits the rows that predict anything into groups with a prefix worth sharing, and the others. */
function groupRows(packed: Packed, wanted: (n: number) => boolean, share: boolean) {
  const groups = new Map<number, { row: number; firstWanted: number }[]>();
  for (let row = 0; row + 1 < packed.rowStart.length; row++) {
    let n = packed.rowStart[row]! + 1;
    while (n < packed.rowStart[row + 1]! && !wanted(n)) n++;
    if (n >= packed.rowStart[row + 1]!) continue;
    const id = packed.groupIds[row]!;
    if (!groups.has(id)) groups.set(id, []);
    groups.get(id)!.push({ row, firstWanted: n - packed.rowStart[row]! });
  }
  const sharing: { rows: number[]; prefix: number }[] = [];
  const single: number[] = [];
  for (const members of groups.values()) {
    const rows = members.map((m) => m.row);
    // The state that predicts a row's first wanted token is the row's own: places are never shared.
    const most = Math.min(...members.map((m) => m.firstWanted - 1));
    const prefix = !share ? 0 : Math.floor(commonPrefix(packed, rows, most) / PREFIX_STEP) * PREFIX_STEP;
    if ((rows.length - 1) * prefix >= WORTH_SHARING) sharing.push({ rows, prefix });
    else single.push(...rows);
  }
  return { sharing, single };
}

/** How many leading tokens all rows have in common, at most `most`. */
function commonPrefix({ tokenIds, rowStart }: Packed, rows: readonly number[], most: number): number {
  const first = rowStart[rows[0]!]!;
  let common = most;
  for (const row of rows.slice(1)) {
    const start = rowStart[row]!;
    let i = 0;
    while (i < common && tokenIds[start + i] === tokenIds[first + i]) i++;
    common = i;
  }
  return common;
}

function layOut(
  { tokenIds, rowStart }: Packed,
  rows: readonly number[],
  prefix: number,
  length: number,
  wanted: (n: number) => boolean,
): MicroBatch {
  const ids = new Int32Array(prefix + rows.length * length);
  const places: number[] = [];
  const source: number[] = [];
  ids.set(tokenIds.subarray(rowStart[rows[0]!]!, rowStart[rows[0]!]! + prefix));
  rows.forEach((row, b) => {
    const first = rowStart[row]! + prefix;
    const end = rowStart[row + 1]!;
    const at = prefix + b * length;
    ids.set(tokenIds.subarray(first, end - 1), at);
    for (let n = first + 1; n < end; n++) {
      if (!wanted(n)) continue;
      places.push(at + (n - 1 - first));
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
    prefix,
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

/** Position of each of the N tokens in its own sequence. */
export function positionsOf({ prefix, rows, length }: MicroBatch): BigInt64Array {
  const positions = new BigInt64Array(prefix + rows * length);
  for (let i = 0; i < positions.length; i++) {
    positions[i] = BigInt(i < prefix ? i : prefix + ((i - prefix) % length));
  }
  return positions;
}
