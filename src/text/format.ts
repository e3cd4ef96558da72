/**
 * The shape of an answer: `<think>…</think><answer>…```verilog … ``` …</answer>`. Each of the four tags occurs exactly
 * once and in this order (CodeV-R1, arXiv 2505.24183, section 3.3); the code is the last complete ```verilog block
 * inside the answer. Scanning is linear in the text, whatever a model writes.
 */

import { TrainError } from "../core/errors.js";

export const TAGS = {
  thinkOpen: "<think>",
  thinkClose: "</think>",
  answerOpen: "<answer>",
  answerClose: "</answer>",
} as const;

const FENCE = "```";
const VERILOG_FENCE = "```verilog";

export type Extraction =
  | { readonly ok: true; readonly code: string }
  | { readonly ok: false; readonly reason: string };

/** `text` is the whole completion. `reason` is a sentence for people. */
export function extractAnswer(text: string): Extraction {
  const at: number[] = [];
  for (const tag of Object.values(TAGS)) {
    const first = text.indexOf(tag);
    if (first < 0) return { ok: false, reason: `${tag} is missing` };
    if (text.indexOf(tag, first + tag.length) >= 0)
      return { ok: false, reason: `${tag} occurs more than once` };
    at.push(first);
  }
  if (at.some((position, i) => i > 0 && position < at[i - 1]!)) {
    return { ok: false, reason: "the tags are out of order" };
  }
  const answer = text.slice(at[2]! + TAGS.answerOpen.length, at[3]!);
  const block = lastVerilogBlock(answer);
  if (block === null) return { ok: false, reason: "no complete ```verilog block inside <answer>" };
  const code = block.trim();
  return code === ""
    ? { ok: false, reason: "the ```verilog block is empty" }
    : { ok: true, code: `${code}\n` };
}

/** Contents of the last complete ```verilog … ``` block, or null. */
export function lastVerilogBlock(text: string): string | null {
  let last: string | null = null;
  for (let at = text.indexOf(VERILOG_FENCE); at >= 0; ) {
    const start = at + VERILOG_FENCE.length;
    const end = text.indexOf(FENCE, start);
    if (end < 0) break;
    last = text.slice(start, end);
    at = text.indexOf(VERILOG_FENCE, end + FENCE.length);
  }
  return last;
}

/** A completion in the format; `extractAnswer` gives `code` back. */
export function formatCompletion(thought: string, code: string): string {
  const tag = Object.values(TAGS).find((t) => thought.includes(t) || code.includes(t));
  if (tag !== undefined) throw new TrainError("bug", `formatCompletion: the text itself contains ${tag}`);
  if (code.includes(FENCE)) throw new TrainError("bug", "formatCompletion: the code contains a code fence");
  const { thinkOpen, thinkClose, answerOpen, answerClose } = TAGS;
  const block = `${VERILOG_FENCE}\n${code.trim()}\n${FENCE}`;
  return `${thinkOpen}\n${thought.trim()}\n${thinkClose}\n${answerOpen}\n${block}\n${answerClose}`;
}
