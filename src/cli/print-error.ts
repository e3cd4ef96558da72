/** The one place where errors become text (or JSON) and exit codes. */

import { type ErrorCode, EXIT_CODES, messageOf, redact, TrainError } from "../core/errors.js";
import { asTyped } from "./shell.js";
import { paint, printable, wrap } from "./text.js";

const WIDTH = 80;

/** Errors of the system that a user can mend, in our terms. */
const SYSTEM: Readonly<Record<string, { code: ErrorCode; what: string; hint: string }>> = {
  ENOSPC: {
    code: "tool",
    what: "the disk is full",
    hint: "free some space, then run the same command with --resume",
  },
  EDQUOT: {
    code: "tool",
    what: "the disk quota is used up",
    hint: "free some space, then run the same command with --resume",
  },
  EROFS: { code: "tool", what: "the file system is read-only", hint: "write elsewhere with run.dir=FOLDER" },
  EACCES: {
    code: "tool",
    what: "permission denied",
    hint: "write elsewhere with run.dir=FOLDER, or change the permissions",
  },
  EMFILE: { code: "tool", what: "too many open files", hint: "raise the limit: ulimit -n 4096" },
};

/** Anything thrown, as a TrainError; "bug" for what nobody expected. */
export function asTrainError(thrown: unknown): TrainError {
  if (thrown instanceof TrainError) return thrown;
  const { code: errno, path } = (thrown ?? {}) as { code?: string; path?: string };
  const known = typeof errno === "string" ? SYSTEM[errno] : undefined;
  if (known) {
    return new TrainError(known.code, `${known.what}${path ? `: ${path}` : ` (${messageOf(thrown)})`}`, {
      hint: known.hint,
      cause: thrown,
    });
  }
  return new TrainError("bug", messageOf(thrown), { cause: thrown });
}

/** Anything thrown, as the lines that stderr gets: message, details, and what to type next; a stack where it is a bug. */
export function errorText(
  thrown: unknown,
  options: { readonly colour: boolean; readonly program: string },
): string {
  const error = asTrainError(thrown);
  const typed = (text: string): string => printable(asTyped(text, options.program));
  const lines = [
    paint(options.colour, "red", "error:") +
      wrap(`error: ${typed(error.message)}`, WIDTH).slice("error:".length),
    // Details are not wrapped: each is a place to jump to or a line to copy.
    ...error.details.map((d) => `  ${typed(d).replaceAll("\n", "\n    ")}`),
  ];
  if (error.code === "bug") {
    lines.push(
      redact(stackOf(thrown)),
      "this is a bug; please report it with the lines above and `train doctor --json`",
    );
  }
  if (error.hint !== undefined) lines.push(wrap(`-> ${typed(error.hint)}`, WIDTH, "   "));
  return `${lines.join("\n")}\n`;
}

/** `{error: {code, message, details?, hint?}}` on one line. */
export function errorJson(thrown: unknown, program: string): string {
  const { code, message, details, hint } = asTrainError(thrown);
  const typed = (text: string): string => asTyped(text, program);
  return `${JSON.stringify({
    error: {
      code,
      exit: EXIT_CODES[code],
      message: typed(message),
      ...(details.length > 0 ? { details: details.map(typed) } : {}),
      ...(hint === undefined ? {} : { hint: typed(hint) }),
    },
  })}\n`;
}

function stackOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return "  (no stack: what was thrown is not an Error)";
  const frames = (thrown.stack ?? "").split("\n").filter((line) => /^\s+at /.test(line));
  const cause =
    thrown.cause instanceof Error ? [`  caused by ${thrown.cause.stack ?? thrown.cause.message}`] : [];
  return [...frames.slice(0, 12), ...cause].join("\n");
}
