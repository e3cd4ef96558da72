/** The words that `train verify` and `train testbench` share: the golden, and how long its stimuli are. */

import type { Options } from "yargs";
import { TrainError } from "../core/errors.js";
import { type Args, text } from "./commands/command.js";
import { single } from "./usage.js";

export const designOptions: Readonly<Record<string, Options>> = {
  golden: text("The design that is right; - reads stdin"),
  top: text("Its module [the only one that no other instantiates]"),
  seed: text("Seed of the stimuli [1]"),
  vectors: text("Cycles or input vectors, at most [1000]"),
};

/** Seed and length of the stimuli. @throws TrainError usage: not a number, or out of range */
export const stimuli = (args: Args) => ({
  seed: number("seed", args.seed, { default: 1, least: 0, most: Number.MAX_SAFE_INTEGER, whole: true }),
  vectors: number("vectors", args.vectors, { default: 1000, least: 16, most: 100_000, whole: true }),
});

/** The option's value. @throws TrainError usage, with `example` to type instead: it is missing */
export function required(name: string, value: unknown, example: string): string {
  const given = single(name, value);
  if (given === undefined) throw new TrainError("usage", `--${name} is missing`, { hint: example });
  return given;
}

/** The option as a number within `range`, both ends included. @throws TrainError usage: it is none, or out of range */
export function number(
  name: string,
  value: unknown,
  range: { readonly default: number; readonly least: number; readonly most: number; readonly whole: boolean },
): number {
  const given = single(name, value);
  if (given === undefined) return range.default;
  const n = Number(given);
  if (given.trim() !== "" && n >= range.least && n <= range.most && (!range.whole || Number.isInteger(n)))
    return n;
  const kind = range.whole ? "a whole number" : "a number";
  throw new TrainError("usage", `--${name} ${given}: expected ${kind} from ${range.least} to ${range.most}`);
}
