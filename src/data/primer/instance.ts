/**
 * The registry: every family in one list, and the instances (family x parameters) that make up the built-in problems.
 * Which points of a grid are used and which are held out is decided by a hash of the parameters, so it depends on no
 * seed and on no order.
 */

import { TrainError } from "../../core/errors.js";
import { hash128 } from "../../core/rng.js";
import { type ProblemId, problemId } from "../../core/units.js";
import { alus } from "./basic/alu.js";
import { arithmetic } from "./basic/arithmetic.js";
import { bits } from "./basic/bits.js";
import { combined } from "./basic/combined.js";
import { compare } from "./basic/comparators.js";
import { counters } from "./basic/counters.js";
import { machines } from "./basic/fsm.js";
import { gates } from "./basic/gates.js";
import { history } from "./basic/history.js";
import { memories } from "./basic/memory.js";
import { muxes } from "./basic/muxes.js";
import { registers } from "./basic/registers.js";
import { shifts } from "./basic/shifts.js";
import { timing } from "./basic/timing.js";
import { unseen } from "./basic/unseen.js";
import { type Circuit, type Family, moduleText, type Params } from "./family.js";
import { HARD_FAMILIES } from "./hard/index.js";
import type { Level } from "./level.js";

/** The families of the basic level. */
export const FAMILIES: readonly Family[] = [
  ...gates,
  ...muxes,
  ...arithmetic,
  ...compare,
  ...alus,
  ...bits,
  ...counters,
  ...registers,
  ...shifts,
  ...history,
  ...machines,
  ...timing,
  ...memories,
  ...combined,
  ...unseen,
];

export interface Instance {
  readonly id: ProblemId;
  readonly family: Family;
  readonly params: Params;
  readonly split: "train" | "test";
  readonly circuit: Circuit;
  /** The golden module. */
  readonly golden: string;
  /** 0 (easy) to 1 (hard): the family's, moved by the length of the golden. */
  readonly difficulty: number;
}

/** Share of a trained family's parameter combinations that is held out for the test split. */
export const HELD_OUT_SHARE = 0.072;

const hash = (text: string): number => hash128(text)[0];

/** Parameters as text, `w=8:rst=sync_high`; without `io` it names the combination that is held out as a whole. */
const describe = (params: Params, withNames: boolean): string =>
  Object.entries(params)
    .filter(([axis]) => withNames || axis !== "io")
    .map(
      ([axis, value]) =>
        `${axis}=${String(value).replace(/[^\w.-]/g, (c) => `x${c.charCodeAt(0).toString(16)}`)}`,
    )
    .join(":");

/** The first `count` items by hash. */
const choose = <T>(items: readonly T[], count: number, key: (item: T) => string): T[] =>
  [...items].sort((p, q) => hash(key(p)) - hash(key(q)) || (key(p) < key(q) ? -1 : 1)).slice(0, count);

function instancesOf(family: Family): Instance[] {
  const points = family.points();
  const used = new Set(choose(points, family.limit, (p) => `use/${family.name}/${describe(p, true)}`));
  const kept = points.filter((point) => used.has(point));
  const combos = [...new Set(kept.map((point) => describe(point, false)))];
  const heldOut =
    family.role === "trained"
      ? choose(combos, Math.round(combos.length * HELD_OUT_SHARE), (c) => `hold/${family.name}/${c}`)
      : combos;
  const test = new Set(heldOut);
  return kept.map((params) => {
    const circuit = family.build(params);
    const golden = moduleText(circuit.ports, circuit.golden.code);
    return {
      id: problemId(`primer/${family.name}/${describe(params, true)}`),
      family,
      params,
      split: test.has(describe(params, false)) ? "test" : "train",
      circuit,
      golden,
      difficulty: Number((0.75 * family.difficulty + 0.25 * Math.min(1, golden.length / 350)).toFixed(3)),
    };
  });
}

/** The families of a level; of `all` the basic ones come first. */
export const familiesOf = (level: Level): readonly Family[] =>
  level === "basic" ? FAMILIES : level === "hard" ? HARD_FAMILIES : [...FAMILIES, ...HARD_FAMILIES];

const built = new Map<Level, readonly Instance[]>();

/** Every instance of a level, family by family; built once. `all` is the basic ones, then the hard ones. */
export function instances(level: Level = "basic"): readonly Instance[] {
  const known = built.get(level);
  if (known !== undefined) return known;
  const made =
    level === "all" ? [...instances("basic"), ...instances("hard")] : familiesOf(level).flatMap(instancesOf);
  built.set(level, made);
  return made;
}

let byId: ReadonlyMap<string, Instance> | undefined;

/** The instance with this id, of any level. @throws TrainError data: there is none */
export function instanceOf(id: ProblemId | string): Instance {
  byId ??= new Map(instances("all").map((instance) => [instance.id, instance]));
  const found = byId.get(id);
  if (found === undefined) {
    throw new TrainError("data", `no built-in problem is called ${JSON.stringify(id)}`, {
      hint: "ids look like primer/counter/dir=up:rst=sync_high:w=8:q=q",
    });
  }
  return found;
}
