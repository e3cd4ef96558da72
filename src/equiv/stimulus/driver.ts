/**
 * Plays episodes: sets inputs, ticks clocks, pulses resets, and writes down every assignment of the inputs as a step.
 * One signal that is a clock never changes in the same step as anything else.
 */

import type { Rng } from "../../core/rng.js";
import type { DesignInterface } from "../../verilog/interface.js";
import type { Mined } from "../../verilog/numbers.js";
import type { Act } from "./acts.js";
import { Modes } from "./modes.js";
import { type Field, randomBits, type Step } from "./rows.js";

const ones = (width: number): bigint => (1n << BigInt(width)) - 1n;

export class Driver {
  readonly steps: Step[] = [];
  start = 0;
  /** Steps before the acts. */
  drawn = 0;
  private readonly iface: DesignInterface;
  private readonly rng: Rng;
  private readonly modes: Modes;
  private readonly values = new Map<string, bigint>();
  private readonly clocks: readonly Field[];
  private readonly resets: readonly (Field & { active: bigint; style: string })[];
  readonly data: readonly Field[];
  private readonly fields: readonly Field[];

  constructor(iface: DesignInterface, fields: readonly Field[], constants: readonly Mined[], rng: Rng) {
    this.iface = iface;
    this.fields = fields;
    this.rng = rng;
    const clockNames = new Set(iface.clocks.map((c) => c.name));
    const resetOf = new Map(iface.resets.map((r) => [r.name, r]));
    this.clocks = fields.filter((f) => clockNames.has(f.name));
    this.resets = fields
      .filter((f) => resetOf.has(f.name))
      .map((f) => ({ ...f, active: BigInt(resetOf.get(f.name)!.active), style: resetOf.get(f.name)!.style }));
    this.data = fields.filter((f) => !clockNames.has(f.name) && !resetOf.has(f.name));
    this.modes = new Modes(iface, this.data, constants, rng);
    for (const f of fields) this.values.set(f.name, 0n);
    for (const f of this.data) this.values.set(f.name, randomBits(rng, f.width));
    for (const r of this.resets) this.values.set(r.name, r.active ^ 1n);
  }

  /** Goes on from a row of inputs. */
  resume(row: bigint): void {
    for (const f of this.fields) this.values.set(f.name, (row >> BigInt(f.offset)) & ones(f.width));
  }

  private emit(quiet = false): void {
    let value = 0n;
    for (const f of this.fields) value |= this.values.get(f.name)! << BigInt(f.offset);
    this.steps.push({ value, quiet });
  }

  /** New values for some inputs: together, or one at a time where that could race. */
  private change(next: readonly (readonly [string, bigint])[]): void {
    const changed = next.filter(([name, v]) => this.values.get(name) !== v);
    if (!this.oneAtATime || changed.length < 2) {
      for (const [name, v] of changed) this.values.set(name, v);
      this.emit();
      return;
    }
    for (const [name, v] of this.rng.shuffle(changed)) {
      this.values.set(name, v);
      this.emit();
    }
  }

  private get oneAtATime(): boolean {
    return this.iface.derivedClock || (this.iface.stateful && this.clocks.length === 0);
  }

  private setResets(active: boolean): void {
    for (const r of this.resets) this.values.set(r.name, active ? r.active : r.active ^ 1n);
  }

  /** One full cycle of the clocks that tick, each flipping in a step of its own. */
  private tick(which: readonly Field[] = this.clocks): void {
    const order = which.length > 1 ? this.rng.shuffle(which) : which;
    for (const c of order) {
      this.values.set(c.name, this.values.get(c.name)! ^ 1n);
      this.emit();
    }
    for (const c of order) {
      this.values.set(c.name, this.values.get(c.name)! ^ 1n);
      // What the second edge changes shows at the next step too; comparing here as well catches glitches.
      this.emit(this.rng.uniform() < 0.75);
    }
  }

  private opening(): void {
    if (this.resets.length === 0) return;
    this.setResets(true);
    this.emit(true);
    for (let k = 0; k < (this.clocks.length > 0 ? 3 : 1); k++) {
      this.tick();
      this.change(this.data.map((f) => [f.name, randomBits(this.rng, f.width)] as const));
    }
    this.start = this.steps.length;
    this.change(this.resets.map((r) => [r.name, r.active ^ 1n] as const));
  }

  /** `acts` after the episodes: what episodes find ends a check early. */
  clocked(vectors: number, acts: readonly Act[]): void {
    this.opening();
    let left = vectors;
    while (left > 0) left -= this.episode(left);
    this.drawn = this.steps.length;
    for (const act of acts) this.act(act);
  }

  /** Resets hold for an edge at its start, and then stay away. */
  private act({ fresh, rows }: Act): void {
    const resets = (active: boolean) =>
      this.resets.map((r) => [r.name, active ? r.active : r.active ^ 1n] as const);
    if (fresh && this.resets.length > 0) {
      this.change(resets(true));
      this.tick();
    }
    rows.forEach((row, k) => {
      const next = k === 0 ? [...row, ...resets(false)] : row;
      if (next.length > 0 || this.clocks.length === 0) this.change(next);
      this.tick();
    });
  }

  episode(limit: number): number {
    const { rng } = this;
    const plan = this.modes.next();
    const { modes } = plan;
    const length = Math.min(limit, plan.length ?? 8 + rng.int(57));
    const soft = this.resets.filter((r) => r.style === "soft" && rng.uniform() < 0.5);
    const hard = this.resets.filter((r) => !soft.includes(r));
    const midReset = plan.calm ? 0 : rng.pick([1 / 6, 1 / 12, 1 / 48, 0]);
    const rates = this.clocks.map(() => (this.clocks.length === 1 ? 1 : rng.pick([1, 1, 0.5, 0.25])));
    if (hard.length > 0 && rng.uniform() < 0.5) {
      const some = rng.uniform() < 0.7 ? hard : [rng.pick(hard)];
      this.change(some.map((r) => [r.name, r.active] as const));
      // Without an edge only an asynchronous reset acts.
      if (rng.uniform() < 0.6) this.tick();
    }
    // In the other phase data changes between the active edge and the idle one.
    const flipped = this.clocks.length === 1 && rng.uniform() < 0.3;
    const flip = (): void => {
      const c = this.clocks[0]!;
      this.values.set(c.name, this.values.get(c.name)! ^ 1n);
      this.emit();
    };
    if (flipped) flip();
    for (let n = 0; n < length; n++) {
      const next: [string, bigint][] = [];
      const view = new Map(this.values);
      this.data.forEach((f, k) => {
        const v = modes[k]!(this.values.get(f.name)!, view);
        view.set(f.name, v);
        next.push([f.name, v]);
      });
      for (const r of hard) next.push([r.name, rng.uniform() < midReset ? r.active : r.active ^ 1n]);
      for (const r of soft) next.push([r.name, BigInt(rng.int(2))]);
      this.change(next);
      if (plan.pulseEvery !== null && n % plan.pulseEvery === plan.pulseEvery - 1 && hard.length > 0) {
        this.change(hard.map((r) => [r.name, r.active] as const));
      }
      // Released before the edge: only what resets without a clock has been reset, and the others hardly ever show it.
      const early = (style: string): number => (style !== "async" ? 0.4 : plan.calm ? 1 : 0.7);
      const pulsed = hard.filter(
        (r) => this.values.get(r.name) === r.active && rng.uniform() < early(r.style),
      );
      if (pulsed.length > 0) this.change(pulsed.map((r) => [r.name, r.active ^ 1n] as const));
      // Other data at the edge than at the release.
      if (rng.uniform() < (pulsed.length > 0 ? 0.5 : plan.length === null ? 0.06 : 0)) continue;
      this.tick(this.clocks.filter((_, k) => rates[k] === 1 || rng.uniform() < rates[k]!));
    }
    if (flipped) flip();
    return length;
  }

  clockless(vectors: number, acts: readonly Act[]): void {
    this.opening();
    let left = vectors;
    while (left > 0) left -= this.clocklessEpisode(left);
    this.drawn = this.steps.length;
    for (const act of acts) this.act(act);
  }

  clocklessEpisode(limit: number): number {
    const plan = this.modes.next();
    const { modes } = plan;
    const length = Math.min(limit, plan.length ?? 8 + this.rng.int(33));
    for (let n = 0; n < length; n++) {
      const view = new Map(this.values);
      const next = this.data.map((f, k): [string, bigint] => {
        const v = modes[k]!(this.values.get(f.name)!, view);
        view.set(f.name, v);
        return [f.name, v];
      });
      for (const r of this.resets)
        next.push([r.name, this.rng.uniform() < 1 / 16 ? r.active : r.active ^ 1n]);
      this.change(next);
    }
    return length;
  }
}
