/** What is wrong with a command line, and what was probably meant. */

import { nearNames } from "../config/nearest.js";
import { looksLikeOverride } from "../config/override.js";
import { TrainError } from "../core/errors.js";

/** The commands with a name, in the order in which messages list them. */
export const NAMES = [
  "doctor",
  "config",
  "report",
  "ls",
  "replay",
  "verify",
  "testbench",
  "completion",
] as const;

const usage = (message: string, hint = "train --help"): TrainError =>
  new TrainError("usage", message, { hint });

/** yargs' message as an error of ours; a mistyped option is compared with `options`, the names of all there are. */
export function usageError(message: string, options: readonly string[]): TrainError {
  const unknown = /^Unknown arguments?: (.*)$/.exec(message)?.[1]?.split(", ")[0];
  if (unknown !== undefined) {
    const dashes = unknown.length === 1 ? "-" : "--";
    if (unknown.includes(".")) {
      return usage(`unknown option --${unknown}`, `config values are set without dashes: ${unknown}=VALUE`);
    }
    const near = nearNames(unknown, options, 1)[0];
    return usage(
      `unknown option ${dashes}${unknown}${near === undefined ? "" : `; did you mean --${near}?`}`,
    );
  }
  const wanting = /^Not enough arguments following: (.*)$/.exec(message)?.[1];
  if (wanting !== undefined) return usage(`--${wanting} expects a value`);
  if (/^Not enough non-option arguments/.test(message)) return usage("an argument is missing");
  if (/^Too many non-option arguments/.test(message)) return usage("too many arguments");
  return usage(message);
}

/** One value of an option that makes no sense twice. */
export function single(name: string, value: unknown): string | undefined {
  if (Array.isArray(value)) throw usage(`--${name} is given ${value.length} times; give it once`);
  if (value === "") throw usage(`--${name} expects a value, got nothing`);
  return value as string | undefined;
}

/** The name of a stage. @throws TrainError usage: it is missing (`example` is what to type) or not `known` */
export function checkStage(stage: string | undefined, known: readonly string[], example: string): string {
  if (stage === undefined) throw usage(`--stage is missing; expected one of ${known.join(", ")}`, example);
  if (known.includes(stage)) return stage;
  const near = nearNames(stage, known, 1)[0];
  throw usage(
    `--stage ${stage}: no such stage; expected one of ${known.join(", ")}`,
    near === undefined ? example : `did you mean --stage ${near}?`,
  );
}

/** Words that are neither a command nor an override. */
export function checkOverrides(words: readonly string[]): readonly string[] {
  const stray = words.find((word) => !looksLikeOverride(word));
  if (stray === undefined) return words;
  if (stray === "train") throw usage("`train` is the command itself", "leave the second `train` out");
  if (/\.ya?ml$/.test(stray)) throw usage(`${stray}: a config is named with --config`, `--config ${stray}`);
  const near = nearNames(stray, NAMES, 1)[0];
  throw usage(
    `${stray} is neither a command (${NAMES.join(", ")}) nor an override (key=value)`,
    near === undefined ? "train --help" : `did you mean: train ${near}`,
  );
}

export const CONFIG_VERBS = ["print", "schema", "reference"] as const;
export type ConfigVerb = (typeof CONFIG_VERBS)[number];

/** What `train config` is asked to do. @throws TrainError usage: there is no such verb */
export function checkVerb(verb: string): ConfigVerb {
  const known = CONFIG_VERBS.find((v) => v === verb);
  if (known !== undefined) return known;
  const near = nearNames(verb, CONFIG_VERBS, 1)[0];
  throw usage(
    `config ${verb}: expected one of ${CONFIG_VERBS.join(", ")}`,
    `${near === undefined ? "" : "did you mean: "}train config ${near ?? "print --stage rl --config adaptive-dapo.yaml"}`,
  );
}
