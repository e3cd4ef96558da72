/**
 * What a family of small circuits is. A family is a grid of parameters and a pure function from one point of the grid
 * to a circuit: its ports, several descriptions, the right decisions (`plan`), a writer that turns decisions into a
 * reasoning trace and code, and the slips a careless author makes (changes to the plan). Because a slip changes the
 * plan and not the text, the trace of a faulty answer always agrees with its code.
 */

import { TrainError } from "../../core/errors.js";
import { header } from "./verilog.js";

export type ParamValue = string | number;
export type Params = Readonly<Record<string, ParamValue>>;

/** Trace and module body (without header and `endmodule`) that follow from one set of decisions. */
export interface Draft {
  readonly think: string;
  readonly code: string;
}

export interface Fault extends Draft {
  readonly name: string;
  /** Relative weight among the faults of the same circuit. */
  readonly weight: number;
}

export interface Circuit {
  /** Port declarations in header order, `input [7:0] a`. */
  readonly ports: readonly string[];
  /** At least three descriptions of the same behaviour. */
  readonly say: readonly string[];
  readonly golden: Draft;
  readonly faults: readonly Fault[];
}

export interface CircuitSpec<D extends object> {
  readonly ports: readonly string[];
  readonly say: readonly string[];
  /** The right decisions. */
  readonly plan: D;
  readonly write: (plan: D) => Draft;
  /** Name, weight and what it changes; the first is the dominant one. */
  readonly slips: readonly (readonly [name: string, weight: number, change: NoInfer<Partial<D>>])[];
}

/** Writes the golden and every fault. A slip that changes no code at these parameters is none and is left out. */
export function circuit<D extends object>(spec: CircuitSpec<D>): Circuit {
  const golden = spec.write(spec.plan);
  const faults = spec.slips
    .map(([name, weight, change]) => ({ name, weight, ...spec.write({ ...spec.plan, ...change }) }))
    .filter((fault) => fault.code !== golden.code);
  return { ports: spec.ports, say: spec.say, golden, faults };
}

/** `trained`: parameters split between train and test. The two others appear in the test split only. */
export type Role = "trained" | "combination" | "unseen";

type Grid = Readonly<Record<string, readonly ParamValue[]>>;
export type PointOf<G extends Grid> = { readonly [K in keyof G]: G[K][number] };

export interface FamilySpec<G extends Grid> {
  readonly name: string;
  readonly theme: string;
  readonly role?: Role;
  /** 0 (easy) to 1 (hard). */
  readonly difficulty: number;
  /** Probability that the teacher slips on a sample of this family. */
  readonly slipRate: number;
  /** Every axis and its values. The axis `io` names ports only: it is no part of what is held out. */
  readonly grid: G;
  readonly keep?: (point: PointOf<G>) => boolean;
  /** At most so many points of the grid are used, chosen by a hash. */
  readonly limit?: number;
  readonly build: (point: PointOf<G>) => Circuit;
}

export interface Family {
  readonly name: string;
  readonly theme: string;
  readonly role: Role;
  readonly difficulty: number;
  readonly slipRate: number;
  readonly limit: number;
  /** All points of the grid that make sense, in grid order. */
  readonly points: () => readonly Params[];
  readonly build: (params: Params) => Circuit;
}

export const DEFAULT_LIMIT = 144;

/** Checks a family's declaration and erases the type of its grid. */
export function family<const G extends Grid>(spec: FamilySpec<G>): Family {
  const bad = (what: string): never => {
    throw new TrainError("bug", `primer family ${spec.name}: ${what}`);
  };
  if (!/^[a-z][a-z0-9_]*$/.test(spec.name)) bad("its name must be lower-case letters, digits and _");
  if (!(spec.slipRate >= 0 && spec.slipRate < 1)) bad(`slipRate must be in [0, 1), got ${spec.slipRate}`);
  if (!(spec.difficulty >= 0 && spec.difficulty <= 1)) bad(`difficulty must be in [0, 1]`);
  return {
    name: spec.name,
    theme: spec.theme,
    role: spec.role ?? "trained",
    difficulty: spec.difficulty,
    slipRate: spec.slipRate,
    limit: spec.limit ?? DEFAULT_LIMIT,
    points: () => (enumerate(spec.grid) as PointOf<G>[]).filter(spec.keep ?? (() => true)) as Params[],
    build: (params) => {
      const built = spec.build(params as PointOf<G>);
      if (built.say.length < 3) bad(`needs at least 3 descriptions, has ${built.say.length}`);
      return built;
    },
  };
}

function enumerate(grid: Grid): Params[] {
  let points: Record<string, ParamValue>[] = [{}];
  for (const [axis, values] of Object.entries(grid)) {
    points = points.flatMap((point) => values.map((value) => ({ ...point, [axis]: value })));
  }
  return points;
}

/** The whole module of a draft, as it stands between the fences of an answer. */
export const moduleText = (ports: readonly string[], code: string): string =>
  `${header(ports)}\n${code}\nendmodule`;
