/**
 * Input sequences that tell designs apart. Combinational designs with few inputs are enumerated; others are driven in
 * episodes of 8 to 64 cycles in which every input has a mode of its own (uniform, held, sparse flips, counting,
 * corners, constants of the golden and their neighbours, those constants in their source order, equal to another
 * input, biased bits). Resets come with and without a clock edge, at the start of episodes and in the middle; data
 * changes in both clock phases. A step is one assignment of all inputs, clocks included, so several clocks need
 * nothing special: one signal that is a clock never changes in the same step as anything else.
 */

import type { Rng } from "../core/rng.js";
import type { DesignInterface } from "./interface.js";
import type { Mined } from "./numbers.js";

export interface Field {
  readonly name: string;
  readonly offset: number;
  readonly width: number;
}

export interface Step {
  readonly value: bigint;
  /** Quiet steps settle but are not compared. */
  readonly quiet: boolean;
}

/** A long run: `cycles` full cycles of every clock, the controls held, the data held or pseudo-random. */
export interface Run {
  readonly value: bigint;
  readonly cycles: number;
  readonly vary: boolean;
}

export interface Stimulus {
  /** Width of the input vector, at least 1. */
  readonly bits: number;
  /** Clocks and controls lie below the data, so that runs can vary all data at once. */
  readonly fields: readonly Field[];
  readonly steps: readonly Step[];
  /** Index of the first step that is compared: resets have been applied by then. */
  readonly start: number;
  readonly runs: readonly Run[];
  readonly exhaustive: boolean;
}

export interface StimulusOptions {
  /** Vectors (cycles of a clocked design) to make. */
  readonly vectors: number;
  /** Combinational designs with at most this many input bits are enumerated. */
  readonly exhaustiveBits: number;
}

export const DEFAULT_STIMULUS: StimulusOptions = { vectors: 1000, exhaustiveBits: 10 };

const ones = (width: number): bigint => (1n << BigInt(width)) - 1n;

export function layoutOf(iface: DesignInterface): { fields: Field[]; bits: number } {
  const rank = (name: string, width: number): number =>
    iface.clocks.some((c) => c.name === name)
      ? 0
      : iface.resets.some((r) => r.name === name)
        ? 1
        : width === 1
          ? 2
          : 3;
  const sorted = iface.inputs
    .map((p, i) => ({ ...p, i, rank: rank(p.name, p.width) }))
    .sort((a, b) => a.rank - b.rank || a.i - b.i);
  let offset = 0;
  const fields = sorted.map((p) => {
    const f = { name: p.name, offset, width: p.width };
    offset += p.width;
    return f;
  });
  return { fields, bits: Math.max(1, offset) };
}

export function makeStimulus(
  iface: DesignInterface,
  constants: readonly Mined[],
  rng: Rng,
  options: StimulusOptions = DEFAULT_STIMULUS,
): Stimulus {
  const { fields, bits } = layoutOf(iface);
  const inputBits = fields.reduce((n, f) => n + f.width, 0);
  if (!iface.stateful && inputBits <= options.exhaustiveBits) {
    return { bits, fields, steps: enumerated(inputBits, rng), start: 0, runs: [], exhaustive: true };
  }
  const driver = new Driver(iface, fields, constants, rng);
  const enough = vectorsFor(iface, inputBits) * Math.max(1, options.vectors / DEFAULT_STIMULUS.vectors);
  const vectors = Math.min(options.vectors, Math.ceil(enough));
  if (iface.clocks.length > 0) driver.clocked(vectors);
  else driver.clockless(vectors);
  return { bits, fields, steps: driver.steps, start: driver.start, runs: [], exhaustive: false };
}

/** Episodes that go on where a stimulus ends, each to be kept or left out. */
export function moreEpisodes(
  iface: DesignInterface,
  constants: readonly Mined[],
  rng: Rng,
  after: Stimulus,
  vectors: number,
): Step[][] {
  const last = after.steps.at(-1);
  if (after.exhaustive || last === undefined) return [];
  const driver = new Driver(iface, after.fields, constants, rng);
  driver.resume(last.value);
  const episodes: Step[][] = [];
  for (let left = vectors; left > 0; ) {
    const from = driver.steps.length;
    left -= iface.clocks.length > 0 ? driver.episode(left) : driver.clocklessEpisode(left);
    episodes.push(driver.steps.slice(from));
  }
  return episodes;
}

/**
 * Of the usual number: few inputs and little state need few vectors; where the state is not known, as many as allowed.
 * Who asks for more than usual gets more of these too.
 */
function vectorsFor(iface: DesignInterface, inputBits: number): number {
  if (!iface.stateful || iface.source === "header" || iface.memoryWords > 0) return Number.POSITIVE_INFINITY;
  return 256 + 32 * (inputBits + iface.stateBits);
}

/** Every value once in random order, and again until there are 32 steps: a latch shows when the order varies. */
function enumerated(bits: number, rng: Rng): Step[] {
  const all = Array.from({ length: 2 ** bits }, (_, i) => BigInt(i));
  const steps: Step[] = [];
  do {
    for (const value of rng.shuffle(all)) steps.push({ value, quiet: false });
  } while (steps.length < Math.min(32, all.length * 4));
  return steps;
}

/** Uniform value of any width. */
export function randomBits(rng: Rng, width: number): bigint {
  let v = 0n;
  for (let at = 0; at < width; at += 32) v |= BigInt(rng.uint32()) << BigInt(at);
  return v & ones(width);
}

/** Makes the next value of one input from its last one. */
type Mode = (last: bigint, values: ReadonlyMap<string, bigint>) => bigint;

class Driver {
  readonly steps: Step[] = [];
  start = 0;
  private readonly iface: DesignInterface;
  private readonly rng: Rng;
  private readonly constants: readonly Mined[];
  private readonly values = new Map<string, bigint>();
  private readonly clocks: readonly Field[];
  private readonly resets: readonly (Field & { active: bigint; style: string })[];
  private readonly data: readonly Field[];
  private readonly fields: readonly Field[];
  private episodes = 0;

  constructor(iface: DesignInterface, fields: readonly Field[], constants: readonly Mined[], rng: Rng) {
    this.iface = iface;
    this.fields = fields;
    this.constants = constants;
    this.rng = rng;
    const clockNames = new Set(iface.clocks.map((c) => c.name));
    const resetOf = new Map(iface.resets.map((r) => [r.name, r]));
    this.clocks = fields.filter((f) => clockNames.has(f.name));
    this.resets = fields
      .filter((f) => resetOf.has(f.name))
      .map((f) => ({ ...f, active: BigInt(resetOf.get(f.name)!.active), style: resetOf.get(f.name)!.style }));
    this.data = fields.filter((f) => !clockNames.has(f.name) && !resetOf.has(f.name));
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

  clocked(vectors: number): void {
    this.opening();
    let left = vectors;
    while (left > 0) left -= this.episode(left);
  }

  episode(limit: number): number {
    const { rng } = this;
    const length = Math.min(limit, 8 + rng.int(57));
    const modes = this.modes();
    const soft = this.resets.filter((r) => r.style === "soft" && rng.uniform() < 0.5);
    const hard = this.resets.filter((r) => !soft.includes(r));
    const midReset = rng.uniform() < 0.4 ? 1 / 12 : 1 / 96;
    const rates = this.clocks.map(() => (this.clocks.length === 1 ? 1 : rng.pick([1, 1, 0.5, 0.25])));
    if (hard.length > 0 && rng.uniform() < 0.35) {
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
      // Released before the edge: only what resets without a clock has been reset.
      const pulsed = hard.filter((r) => this.values.get(r.name) === r.active && rng.uniform() < 0.5);
      if (pulsed.length > 0) this.change(pulsed.map((r) => [r.name, r.active ^ 1n] as const));
      if (rng.uniform() < 0.06) continue;
      this.tick(this.clocks.filter((_, k) => rates[k] === 1 || rng.uniform() < rates[k]!));
    }
    if (flipped) flip();
    return length;
  }

  clockless(vectors: number): void {
    this.opening();
    let left = vectors;
    while (left > 0) left -= this.clocklessEpisode(left);
  }

  clocklessEpisode(limit: number): number {
    const length = Math.min(limit, 8 + this.rng.int(33));
    const modes = this.modes();
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

  /** Constants an input may be compared with: those of its own size if there are any. */
  private minedFor(f: Field): bigint[] {
    const fit = this.constants.filter((c) => c.value < 1n << BigInt(f.width));
    const sized = fit.filter((c) => c.width === f.width);
    return [...new Set((sized.length > 0 ? sized : fit).map((c) => c.value))];
  }

  /**
   * Every fourth episode of a design with such constants is an unlock sequence: one input takes the constants in
   * their order, with a rare stumble, while the controls hold still (all high the first time). Another fourth puts all
   * wide inputs at corners, so that their combinations are met.
   */
  private modes(): Mode[] {
    const { rng } = this;
    const kind = this.episodes++ % 4;
    const locks = this.data.filter((f) => f.width > 1 && this.minedFor(f).length > 1);
    const lock = locks.length > 0 && kind === 1 ? rng.pick(locks) : null;
    const first = this.episodes === 2;
    if (kind === 3) {
      return this.data.map((f): Mode => {
        const corners = cornersOf(f.width);
        return f.width > 1 ? () => rng.pick(corners) : this.modeFor(f);
      });
    }
    if (lock === null) return this.data.map((f) => this.modeFor(f));
    return this.data.map((f): Mode => {
      if (f !== lock) {
        const p = first ? 1 : rng.pick([1, 1, 1, 0.875, 0]);
        return f.width === 1 ? () => (rng.uniform() < p ? 1n : 0n) : this.modeFor(f);
      }
      const mined = this.minedFor(f);
      let k = -1;
      return () => {
        k = rng.uniform() < 1 / 32 ? 0 : (k + 1) % mined.length;
        return mined[k]!;
      };
    });
  }

  private modeFor(f: Field): Mode {
    const { rng } = this;
    if (f.width === 1) {
      const enable = this.iface.enables.includes(f.name);
      const p = rng.pick(
        enable ? [0.5, 0.875, 0.875, 31 / 32, 1, 0.125] : [0.5, 0.5, 0.125, 0.875, 1 / 32, 31 / 32, 0, 1],
      );
      if (!enable && rng.uniform() < 0.1) return (last) => last ^ 1n;
      return () => (rng.uniform() < p ? 1n : 0n);
    }
    const top = ones(f.width);
    const uniform = (): bigint => randomBits(rng, f.width);
    const mined = this.minedFor(f);
    const peers = this.data.filter((o) => o.name !== f.name && o.width === f.width);
    const corners = cornersOf(f.width);
    const modes: Mode[] = [
      uniform,
      uniform,
      (last) => (rng.uniform() < 0.9 ? last : uniform()),
      (last) => last ^ (1n << BigInt(rng.int(f.width))),
      (last) => (last + 1n) & top,
      () => rng.pick(corners),
      () => 1n << BigInt(rng.int(f.width)),
    ];
    // Small numbers fill wide inputs that are compared or counted with.
    if (f.width > 4) modes.push(() => BigInt(rng.int(16)));
    if (mined.length > 0) {
      const near = (): bigint => (rng.pick(mined) + BigInt(rng.int(4) === 0 ? rng.int(3) - 1 : 0)) & top;
      modes.push(near, near);
    }
    if (peers.length > 0) {
      const near: Mode = (_last, values) => {
        const v = values.get(rng.pick(peers).name)!;
        return rng.int(4) === 0 ? (v + BigInt(rng.int(3) - 1)) & top : v;
      };
      modes.push(near);
    }
    return rng.pick(modes);
  }
}

const cornersOf = (width: number): bigint[] => {
  const top = ones(width);
  const high = 1n << BigInt(width - 1);
  return [0n, top, 1n, high, high - 1n, top - 1n, patterned(width)];
};

const patterned = (width: number): bigint => BigInt(`0b${"10".repeat(width).slice(0, width)}`);

/** Text of a `$readmemh` file: one word per step, the quiet mark above the inputs. */
export function stepWords(s: Stimulus): string {
  const mark = 1n << BigInt(s.bits);
  return s.steps.map((x) => (x.quiet ? x.value | mark : x.value).toString(16)).join("\n");
}

/** Runs as words {vary, cycles[23:0], inputs}. */
export function runWords(s: Stimulus): string {
  const b = BigInt(s.bits);
  return s.runs
    .map((r) => (r.value | (BigInt(r.cycles) << b) | (r.vary ? 1n << (b + 24n) : 0n)).toString(16))
    .join("\n");
}
