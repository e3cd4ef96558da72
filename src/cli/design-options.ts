/** The words of `train verify` and `train testbench`. */

import type { Argv } from "yargs";
import { TrainError } from "../core/errors.js";
import type { TestbenchWords } from "./testbench-command.js";
import { single } from "./usage.js";
import type { VerifyWords } from "./verify-command.js";

type Args = Readonly<Record<string, unknown>>;

const VERIFY_EXAMPLE = "train verify --golden golden.v --candidate mine.v";
const TESTBENCH_EXAMPLE = "train testbench --golden golden.v -o tb.v";

const text = (describe: string) => ({ type: "string", requiresArg: true, describe }) as const;

const golden = (y: Argv): Argv =>
  y
    .option("golden", text("The design that is right; - reads stdin"))
    .option("top", text("Its module [the only one that no other instantiates]"))
    .option("seed", text("Seed of the stimuli [1]"))
    .option("vectors", text("Cycles or input vectors, at most [1000]"));

export const verifyOptions = (y: Argv): Argv =>
  golden(y)
    .option("candidate", text("The design to check; - reads stdin"))
    .option("completion", text("A model's answer to check instead, tags and code block included"))
    .option("formal", { type: "boolean", describe: "Try to prove a pass" })
    .option("seconds", text("Time for the proof [30]"))
    .option("vcd", text("Write the waves around the first difference here"))
    .option("json", { type: "boolean", describe: "Print the verdict as one JSON object" })
    .usage("$0 verify --golden FILE --candidate FILE\n\nDoes a design behave as another one?");

export const testbenchOptions = (y: Argv): Argv =>
  golden(y)
    .option("out", { ...text("Where to write it; .json: what the rewarder keeps; - is stdout"), alias: "o" })
    .option("mutants", { type: "boolean", describe: "Say how many mutants of the golden it catches" })
    .option("json", { type: "boolean", describe: "Print what was written as one JSON object" })
    .usage("$0 testbench --golden FILE -o FILE\n\nWrite a self-checking testbench for a design.");

export function verifyWords(args: Args): VerifyWords {
  const candidate = single("candidate", args.candidate);
  const completion = single("completion", args.completion);
  if ((candidate === undefined) === (completion === undefined))
    throw new TrainError("usage", "expected one of --candidate and --completion", { hint: VERIFY_EXAMPLE });
  const path = candidate ?? completion!;
  const golden = required("golden", args.golden, VERIFY_EXAMPLE);
  if (golden === "-" && path === "-")
    throw new TrainError("usage", "--golden and the candidate cannot both be stdin", {
      hint: VERIFY_EXAMPLE,
    });
  return {
    golden,
    candidate: { path, kind: candidate === undefined ? "completion" : "design" },
    top: single("top", args.top),
    formal: args.formal === true || args.seconds !== undefined,
    seconds: number("seconds", args.seconds, { default: 30, least: 0.1, most: 86_400, whole: false }),
    vcd: single("vcd", args.vcd),
    ...stimuli(args),
    json: args.json === true,
  };
}

export function testbenchWords(args: Args): TestbenchWords {
  return {
    golden: required("golden", args.golden, TESTBENCH_EXAMPLE),
    top: single("top", args.top),
    out: required("out", args.out, TESTBENCH_EXAMPLE),
    mutants: args.mutants === true,
    ...stimuli(args),
    json: args.json === true,
  };
}

const stimuli = (args: Args) => ({
  seed: number("seed", args.seed, { default: 1, least: 0, most: Number.MAX_SAFE_INTEGER, whole: true }),
  vectors: number("vectors", args.vectors, { default: 1000, least: 16, most: 100_000, whole: true }),
});

function required(name: string, value: unknown, example: string): string {
  const given = single(name, value);
  if (given === undefined) throw new TrainError("usage", `--${name} is missing`, { hint: example });
  return given;
}

function number(
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
