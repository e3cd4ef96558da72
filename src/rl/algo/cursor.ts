/** Walks the training set in a fresh random order each pass. The order depends on the seed and the pass only. */

import type { Stateful } from "../../core/ports.js";
import type { Rng } from "../../core/rng.js";

export interface CursorState {
  readonly pass: number;
  readonly position: number;
  readonly excluded: readonly number[];
}

export class ProblemCursor implements Stateful<CursorState> {
  private readonly size: number;
  private readonly rng: Rng;
  private pass = 0;
  private position = 0;
  private excluded = new Set<number>();
  private order: readonly number[];

  constructor(size: number, rng: Rng) {
    this.size = size;
    this.rng = rng;
    this.order = this.orderOf(0);
  }

  /** The next `count` problems, without repeats inside one call; fewer when the set is smaller than that. */
  take(count: number): number[] {
    const out = new Set<number>();
    const wanted = Math.min(count, this.size - this.excluded.size);
    while (out.size < wanted) {
      if (this.position >= this.size) {
        this.pass++;
        this.position = 0;
        this.order = this.orderOf(this.pass);
      }
      const problem = this.order[this.position++]!;
      if (!this.excluded.has(problem)) out.add(problem);
    }
    return [...out];
  }

  exclude(problems: readonly number[]): void {
    for (const p of problems) this.excluded.add(p);
  }

  state(): CursorState {
    return { pass: this.pass, position: this.position, excluded: [...this.excluded] };
  }

  restore(state: CursorState): void {
    this.pass = state.pass;
    this.position = state.position;
    this.excluded = new Set(state.excluded);
    this.order = this.orderOf(state.pass);
  }

  private orderOf(pass: number): readonly number[] {
    return this.rng.fork("pass", pass).shuffle(Array.from({ length: this.size }, (_, i) => i));
  }
}
