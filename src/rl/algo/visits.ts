/** When each problem was drawn last, which are set aside as solved, and which must not be planned. 10 bytes a problem. */

import type { Stateful } from "../../core/ports.js";
import { columnText, readColumn } from "./columns.js";
import { greatest } from "./selection.js";

export interface VisitsState {
  readonly drawn: number;
  readonly lastDrawn: string;
  readonly streaks: string;
  readonly excluded: string;
}

/** Visits in a row that must find a problem solved before it is retired. */
const STREAK = 2;

export class Visits implements Stateful<VisitsState> {
  /** Problems drawn so far, repeats counted: the clock of the revisit rule. */
  private drawn = 0;
  private readonly lastDrawn: Float64Array; // [M] reading of the clock; 0 = never
  private readonly streaks: Uint8Array; // [M] visits in a row that found it solved
  private readonly excluded: Uint8Array; // [M]

  constructor(size: number) {
    this.lastDrawn = new Float64Array(size);
    this.streaks = new Uint8Array(size);
    this.excluded = new Uint8Array(size);
  }

  draw(problem: number): void {
    this.lastDrawn[problem] = ++this.drawn;
  }

  settle(problem: number, solved: boolean): void {
    this.streaks[problem] = solved ? Math.min(255, this.streaks[problem]! + 1) : 0;
  }

  exclude(problems: readonly number[]): void {
    for (const p of problems) this.excluded[p] = 1;
  }

  isExcluded = (i: number): boolean => this.excluded[i] === 1;
  isRetired = (i: number): boolean => this.streaks[i]! >= STREAK;
  get numRetired(): number {
    return this.streaks.reduce((n, s) => n + (s >= STREAK ? 1 : 0), 0);
  }

  /** Problems that `skip` lets through and that nobody drew for more than `patience` draws: the longest waiting first. */
  overdue(patience: number, most: number, keys: Uint32Array, skip: (i: number) => boolean): number[] {
    if (this.drawn <= patience || most <= 0) return [];
    const rank = new Float64Array(this.lastDrawn.length);
    for (let i = 0; i < rank.length; i++) {
      const waited = this.drawn - this.lastDrawn[i]!;
      rank[i] = waited > patience && this.excluded[i] === 0 && !skip(i) ? waited : Number.NEGATIVE_INFINITY;
    }
    return greatest(rank, keys, most);
  }

  mark(): () => void {
    const columns = [this.lastDrawn, this.streaks, this.excluded];
    const copies = columns.map((c) => c.slice());
    const { drawn } = this;
    return () => {
      columns.forEach((c, k) => {
        c.set(copies[k]!);
      });
      this.drawn = drawn;
    };
  }

  state(): VisitsState {
    return {
      drawn: this.drawn,
      lastDrawn: columnText(this.lastDrawn),
      streaks: columnText(this.streaks),
      excluded: columnText(this.excluded),
    };
  }

  restore(state: VisitsState): void {
    this.drawn = state.drawn;
    readColumn(state.lastDrawn, this.lastDrawn);
    readColumn(state.streaks, this.streaks);
    readColumn(state.excluded, this.excluded);
  }
}
