/** Which supervised rows each optimizer step trains on. Pure; the order depends on the seed and the pass only. */

import type { Stateful } from "../core/ports.js";
import type { Rng } from "../core/rng.js";

/** One trace: the prompt is context, the completion (its end-of-turn token included) is trained. */
export interface SftRow {
  readonly promptIds: Int32Array; // [P]
  readonly completionIds: Int32Array; // [T]
}

const lengthOf = (row: SftRow): number => row.promptIds.length + row.completionIds.length;

/** Where a schedule is: in pass `pass` (from 0), before the row at `position` of its order. */
export interface ScheduleState {
  readonly pass: number;
  readonly position: number;
}

/** Step by step, the rows of a run: passes over the rows in new random orders, cut by a token budget. */
export class SftSchedule implements Stateful<ScheduleState> {
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

  state(): ScheduleState {
    return { pass: this.pass, position: this.position };
  }

  restore({ pass, position }: ScheduleState): void {
    this.pass = pass;
    this.position = position;
    this.order = this.orderOf(pass);
  }

  private orderOf(pass: number): readonly number[] {
    return this.rng.fork("pass", pass).shuffle(Array.from({ length: this.size }, (_, i) => i));
  }
}
