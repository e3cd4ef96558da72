/** A candidate file as the rewarder wants it, and its line numbers as the user's editor shows them. */

import { extractAnswer, TAGS } from "../text/format.js";
import type { Place } from "./report.js";

const FENCE = "```";

export interface Submission {
  /** What the rewarder scores. */
  readonly text: string;
  /** The design alone; null when the completion has none. */
  readonly code: string | null;
  /** Lines of the file before the first line of `code`. */
  readonly lineOffset: number;
}

export type Submitted =
  | { readonly kind: "submitted"; readonly submission: Submission }
  /** Refused before anything ran; `line` counts in the file. */
  | { readonly kind: "rejected"; readonly reason: string; readonly line: number };

/** A design file, wrapped up as a completion. Lines keep their numbers, counted from the first that is not blank. */
export function submitDesign(file: string): Submitted {
  const code = file.trim();
  if (code === "") return { kind: "rejected", line: 1, reason: "the file is empty" };
  for (const mark of [FENCE, ...Object.values(TAGS)]) {
    const at = file.indexOf(mark);
    if (at < 0) continue;
    return {
      kind: "rejected",
      line: lineAt(file, at),
      reason: `${mark} is not Verilog; a completion with tags and a code block is checked with --completion`,
    };
  }
  const { thinkOpen, thinkClose, answerOpen, answerClose } = TAGS;
  const text = `${thinkOpen}\n${thinkClose}\n${answerOpen}\n${FENCE}verilog\n${code}\n${FENCE}\n${answerClose}\n`;
  const lineOffset = lineAt(file, file.indexOf(code)) - 1;
  return { kind: "submitted", submission: { text, code: `${code}\n`, lineOffset } };
}

/** A completion as a model wrote it: the format is part of the check. */
export function submitCompletion(file: string): Submitted {
  const answer = extractAnswer(file);
  const code = answer.ok ? answer.code : null;
  const at = code === null ? 0 : file.lastIndexOf(code.trimEnd());
  return {
    kind: "submitted",
    submission: { text: file, code, lineOffset: at < 0 ? 0 : lineAt(file, at) - 1 },
  };
}

const lineAt = (text: string, at: number): number => text.slice(0, at).split("\n").length;

const LINE = /\bline (\d+)/;

/** A log whose line numbers count in the file, and the first line it names. */
export function located(
  log: string,
  file: string,
  lineOffset: number,
): { readonly log: string; readonly place: Place | null } {
  const shifted =
    lineOffset === 0 ? log : log.replace(/\bline (\d+)/g, (_, n: string) => `line ${Number(n) + lineOffset}`);
  const line = Number(LINE.exec(shifted)?.[1] ?? 0);
  const source = line > 0 ? file.split("\n")[line - 1]?.replace(/\r$/, "") : undefined;
  return { log: shifted, place: source === undefined ? null : { line, source } };
}
