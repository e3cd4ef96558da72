/** From the config of a sweep to its members: arms x combinations of axes x seeds. Pure. */

import { TrainError } from "../core/errors.js";
import type { SweepSection } from "./schema.js";

export interface Member {
  /** Name of its run directory below the sweep's `members/`. */
  readonly name: string;
  readonly arm: string;
  readonly seed: number;
  /** `key=value` for the command line of its stage, later ones win. */
  readonly overrides: readonly string[];
}

type Setting = readonly [key: string, value: unknown];

/** The members arm by arm, seeds innermost; names are unique. @throws TrainError config */
export function membersOf(sweep: SweepSection): Member[] {
  const shared = flatten(sweep.set);
  const axes = flatten(sweep.axes).map(([key, values]) => {
    if (!Array.isArray(values) || values.length === 0) {
      throw new TrainError("config", `sweep.axes.${key}: expected a list of values, got ${show(values)}`, {
        hint: `write ${key}: [a, b], or put a single value under sweep.set`,
      });
    }
    return values.map((value): Setting => [key, value]);
  });
  const named =
    sweep.arms.length === 0
      ? [{ name: "", settings: [] as Setting[] }]
      : sweep.arms.map((a) => ({ name: a.name, settings: flatten(a.set) }));
  const labels = shortLabels(axes.map((axis) => axis[0]![0]));
  const seeds = typeof sweep.seeds === "number" ? range(sweep.seeds) : sweep.seeds;
  const members = named.flatMap((arm) =>
    product(axes).flatMap((combination) => {
      const name = [arm.name, ...combination.map(([k, v]) => `${labels.get(k)}=${show(v)}`)]
        .filter((part) => part !== "")
        .join("+");
      const settings = [...shared, ...arm.settings, ...combination];
      return seeds.map((seed) => member(name || "run", seed, settings, sweep));
    }),
  );
  const seen = new Set<string>();
  for (const m of members) {
    if (seen.has(m.name)) {
      throw new TrainError("config", `two members of the sweep are called ${m.name}`, {
        hint: "give every arm a name of its own and every axis and seed different values",
      });
    }
    seen.add(m.name);
  }
  return members;
}

function member(arm: string, seed: number, settings: readonly Setting[], sweep: SweepSection): Member {
  const budget: Setting[] =
    sweep.max_generated_tokens === null ? [] : [["rl.max_generated_tokens", sweep.max_generated_tokens]];
  const all = [...settings, ...budget, ["run.seed", seed] as const];
  return {
    name: `${arm}-s${seed}`.replace(/[^\w.-]+/g, "-").slice(0, 80),
    arm,
    seed,
    overrides: all.map(([key, value]) => `${key}=${JSON.stringify(value)}`),
  };
}

/** Nested or dotted settings as dotted ones: `{rl: {groups: 8}}` and `{"rl.groups": 8}` are the same. */
export function flatten(settings: Readonly<Record<string, unknown>>, prefix = ""): Setting[] {
  return Object.entries(settings).flatMap(([name, value]) => {
    const key = prefix === "" ? name : `${prefix}.${name}`;
    const nested = typeof value === "object" && value !== null && !Array.isArray(value);
    return nested ? flatten(value as Record<string, unknown>, key) : [[key, value] as const];
  });
}

/** The last part of each key; more of it where two would be the same. */
function shortLabels(keys: readonly string[]): Map<string, string> {
  const tail = (key: string, parts: number) => key.split(".").slice(-parts).join(".");
  return new Map(
    keys.map((key) => {
      let parts = 1;
      while (keys.some((k) => k !== key && tail(k, parts) === tail(key, parts))) parts++;
      return [key, tail(key, parts)];
    }),
  );
}

const product = (axes: readonly (readonly Setting[])[]): Setting[][] =>
  axes.reduce<Setting[][]>((sofar, axis) => sofar.flatMap((c) => axis.map((v) => [...c, v])), [[]]);

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i + 1);
const show = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value));

/**
 * Words of a sweep's command line that speak of the members: `rl.group_size=8,16` and `learner.lr=range(1,3)` make an
 * axis, a single value is shared by all. Words for `sweep.*` and `run.*` stay what they are.
 */
export function sweepWords(words: readonly string[]): string[] {
  return words.map((word) => {
    const parts = /^([+~]?)([A-Za-z_][\w-]*)(\.[\w.-]+)=(.*)$/s.exec(word);
    if (parts === null || parts[2] === "sweep" || parts[2] === "run" || parts[1] === "~") return word;
    const key = `${parts[2]}${parts[3]}`;
    const text = parts[4]!;
    const spread = /^range\(\s*(-?\d+)\s*,\s*(-?\d+)\s*(?:,\s*(-?\d+)\s*)?\)$/.exec(text);
    if (spread !== null) return `sweep.axes.${key}=[${steps(spread).join(",")}]`;
    const listed = !/^[[{"']/.test(text) && text.includes(",");
    return listed ? `sweep.axes.${key}=[${text}]` : `sweep.set.${key}=${text}`;
  });
}

function steps(spread: RegExpExecArray): number[] {
  const [from, to, by] = [Number(spread[1]), Number(spread[2]), Number(spread[3] ?? 1)];
  const count = by === 0 ? 0 : Math.floor((to - from) / by) + 1;
  if (count < 1 || count > 1000) {
    throw new TrainError("usage", `${spread[0]}: expected range(from, to[, step]) with 1 to 1000 values`);
  }
  return Array.from({ length: count }, (_, i) => from + i * by);
}
