/** Supervised rows to optimizer-step batches. Pure; the order depends on the seed and the pass only. */

import type { Rng } from "../core/rng.js";
import type { Batch } from "../core/types.js";
import type { Step } from "../core/units.js";

/** One trace: the prompt is context, the completion (its end-of-turn token included) is trained. */
export interface SftRow {
  readonly promptIds: Int32Array; // [P]
  readonly completionIds: Int32Array; // [T]
}

const lengthOf = (row: SftRow): number => row.promptIds.length + row.completionIds.length;

/** Step by step, the rows of a run: passes over the rows in fresh random orders, cut by a token budget. */
export class SftSchedule {
  private readonly size: number;
  private readonly rowAt: (i: number) => SftRow;
  private readonly batchTokens: number;
  private readonly rng: Rng;
  private pass = 0;
  private position = 0;
  private order: readonly number[];

  /**
   * @param rowAt row i of `size`; called when the row's turn comes, so that encoding overlaps training
   * @param batchTokens tokens of a step, prompts included; a step holds at least one row
   */
  constructor(size: number, rowAt: (i: number) => SftRow, batchTokens: number, rng: Rng) {
    this.size = size;
    this.rowAt = rowAt;
    this.batchTokens = batchTokens;
    this.rng = rng;
    this.order = this.orderOf(0);
  }

  get passes(): number {
    return this.pass + this.position / this.size;
  }

  next(): SftRow[] {
    const out: SftRow[] = [];
    let tokens = 0;
    for (;;) {
      if (this.position === this.size) {
        this.pass++;
        this.position = 0;
        this.order = this.orderOf(this.pass);
      }
      const row = this.rowAt(this.order[this.position]!);
      if (out.length > 0 && tokens + lengthOf(row) > this.batchTokens) return out;
      out.push(row);
      tokens += lengthOf(row);
      this.position++;
    }
  }

  /** Advances as if `steps` batches had been taken: how a resumed run finds its place. */
  skip(steps: number): void {
    for (let i = 0; i < steps; i++) this.next();
  }

  private orderOf(pass: number): readonly number[] {
    return this.rng.fork("pass", pass).shuffle(Array.from({ length: this.size }, (_, i) => i));
  }
}

/** A cross-entropy batch; D is the number of trained tokens. */
export function sftBatch(rows: readonly SftRow[], step: Step): Batch {
  const total = rows.reduce((n, r) => n + lengthOf(r), 0);
  const tokenIds = new Int32Array(total);
  const rowStart = new Int32Array(rows.length + 1);
  const lossMask = new Uint8Array(total);
  let at = 0;
  let lossTokens = 0;
  rows.forEach((row, i) => {
    rowStart[i] = at;
    tokenIds.set(row.promptIds, at);
    at += row.promptIds.length;
    tokenIds.set(row.completionIds, at);
    lossMask.fill(1, at, at + row.completionIds.length);
    at += row.completionIds.length;
    lossTokens += row.completionIds.length;
  });
  rowStart[rows.length] = at;
  return {
    step,
    tokenIds,
    rowStart,
    lossMask,
    weights: new Float32Array(total).fill(1),
    behaviorLogprobs: new Float32Array(total),
    advantages: new Float32Array(total),
    groupIds: Int32Array.from({ length: rows.length }, (_, i) => i),
    divisor: Math.max(1, lossTokens),
    lossTokens,
    temperature: 1,
    loss: { kind: "ce" },
  };
}
