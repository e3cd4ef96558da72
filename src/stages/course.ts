/** What a stage that trains keeps between its steps, besides what its trainer keeps. */

import { z } from "zod";
import type { Stateful } from "../core/ports.js";
import { makeEta } from "../report/lines.js";
import type { EvalPoint } from "../report/summary.js";
import { Health } from "../rl/loop/health.js";
import type { EvalPoints } from "./evaluation.js";

/** JSON has no NaN and writes null in its place: a mean over nothing. */
const figure = z.preprocess((x) => (x === null ? Number.NaN : x), z.number().or(z.nan()));
export const pointSchema = z.object({
  pass1: z.object({ mean: figure, lo: figure, hi: figure }),
  passK: z.record(z.coerce.number(), figure),
}) satisfies z.ZodType<EvalPoint>;

/** By evaluation set. */
const pointsSchema = z.record(z.string(), pointSchema);

const averageSchema = z.object({ value: z.number(), n: z.int(), early: z.number().nullable() });
export const healthSchema = z.object({
  entropy: averageSchema,
  length: averageSchema,
  truncated: averageSchema,
  clipped: averageSchema,
  yield: averageSchema,
  passRate: averageSchema,
  peak: z.number(),
  falling: z.int(),
  flat: z.int(),
  warned: z.partialRecord(
    z.enum([
      "entropy",
      "collapse",
      "clipping",
      "length",
      "truncation",
      "variance",
      "gap",
      "yield",
      "quarantine",
    ]),
    z.int(),
  ),
});

export const courseSchema = z.object({
  /** Seconds by kind of work. */
  split: z.record(z.string(), z.number()),
  before: pointsSchema.nullable(),
  after: pointsSchema.nullable(),
  health: healthSchema,
  /** Seconds of the last steps, which the time left is estimated from. */
  recent: z.array(z.number()),
});
export type CourseState = z.infer<typeof courseSchema>;

/** A course of which nothing was kept. */
export const emptyCourse = (): CourseState => new Course([]).state();

export class Course implements Stateful<CourseState> {
  readonly health = new Health();
  readonly eta = makeEta();
  /** The evaluations at the ends of the run, as far as they have been made. */
  before: EvalPoints | null = null;
  after: EvalPoints | null = null;
  private readonly seconds: Record<string, number>;
  private headed = false;

  /** @param kinds of work whose time is told apart, in the order in which people see them */
  constructor(kinds: readonly string[]) {
    this.seconds = Object.fromEntries(kinds.map((kind) => [kind, 0]));
  }

  /** Seconds by kind of work, earlier attempts included. */
  get split(): Readonly<Record<string, number>> {
    return this.seconds;
  }

  spend(kind: string, seconds: number): void {
    this.seconds[kind] = (this.seconds[kind] ?? 0) + seconds;
  }

  /** Calls `say` once an attempt: a resumed run goes on in another terminal, which needs the header again. */
  sayHeader(say: () => void): void {
    if (!this.headed) say();
    this.headed = true;
  }

  state(): CourseState {
    const { before, after } = this;
    return {
      split: { ...this.seconds },
      before,
      after,
      health: this.health.state(),
      recent: [...this.eta.state()],
    };
  }

  restore(state: CourseState): void {
    Object.assign(this.seconds, state.split);
    this.before = state.before;
    this.after = state.after;
    this.health.restore(state.health);
    this.eta.restore(state.recent);
  }
}
