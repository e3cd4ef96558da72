/** `train verify`: the verdict for a person, or one JSON object for a script. */

import { EXIT_CODES, TrainError } from "../../core/errors.js";
import type { Verified } from "../../stages/verify/verify.js";
import type { Report } from "../../verify/report.js";
import { designOptions, number, required, stimuli } from "../design-words.js";
import { interruptible } from "../interrupt.js";
import type { Shell } from "../shell.js";
import { single } from "../usage.js";
import { type Args, type Command, flag, text } from "./command.js";

const EXAMPLE = "train verify --golden golden.v --candidate mine.v";

export const verify: Command = {
  name: "verify",
  describe: "Does a design behave as another one? The first difference, waves, a proof",
  usage: "$0 verify --golden FILE --candidate FILE\n\nDoes a design behave as another one?",
  options: () => ({
    ...designOptions,
    candidate: text("The design to check; - reads stdin"),
    completion: text("A model's answer to check instead, tags and code block included"),
    formal: flag("Try to prove a pass"),
    seconds: text("Time for the proof [30]"),
    vcd: text("Write the waves around the first difference here"),
    json: flag("Print the verdict as one JSON object"),
  }),
  run: (shell, _parts, args) => check(shell, wordsOf(args)),
};

interface VerifyWords {
  readonly golden: string;
  readonly candidate: { readonly path: string; readonly kind: "design" | "completion" };
  readonly top: string | undefined;
  readonly formal: boolean;
  readonly seconds: number;
  readonly vcd: string | undefined;
  readonly seed: number;
  readonly vectors: number;
  readonly json: boolean;
}

function wordsOf(args: Args): VerifyWords {
  const candidate = single("candidate", args.candidate);
  const completion = single("completion", args.completion);
  if ((candidate === undefined) === (completion === undefined))
    throw new TrainError("usage", "expected one of --candidate and --completion", { hint: EXAMPLE });
  const path = candidate ?? completion!;
  const golden = required("golden", args.golden, EXAMPLE);
  if (golden === "-" && path === "-")
    throw new TrainError("usage", "--golden and the candidate cannot both be stdin", {
      hint: EXAMPLE,
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

/** 0 = pass, 1 = the candidate does not pass; the others are those of every command. */
async function check(shell: Shell, words: VerifyWords): Promise<number> {
  const [{ verifyDesign }, { verifyText }, { verifyJson }] = await Promise.all([
    import("../../stages/verify/verify.js"),
    import("../verify-text.js"),
    import("../verify-json.js"),
  ]);
  const { golden, candidate, top, seed, vectors, vcd } = words;
  const formal = words.formal ? { seconds: words.seconds } : null;
  const request = { cwd: shell.cwd, golden, candidate, top, seed, vectors, vcd, formal };
  let verified: Verified;
  try {
    verified = await interruptible((signal) => verifyDesign(request, shell, signal));
  } catch (error) {
    // For a script, a machine that cannot check is a verdict like any other.
    if (!words.json || !(error instanceof TrainError) || error.code !== "tool") throw error;
    const { message: log, hint } = error;
    shell.stdout.write(
      `${JSON.stringify({ verdict: "infra", golden, candidate: candidate.path, code: "tool", retryable: false, log, hint })}\n`,
    );
    return error.exitCode;
  }
  shell.stdout.write(
    words.json ? `${JSON.stringify(verifyJson(verified))}\n` : verifyText(verified, shell.stdout.colour),
  );
  return exitCodeOf(verified.report);
}

function exitCodeOf(report: Report): number {
  if (report.verdict === "pass") return 0;
  if (report.verdict === "refused") return EXIT_CODES.data;
  return report.verdict === "infra" ? EXIT_CODES.tool : 1;
}
