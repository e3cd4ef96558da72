/**
 * The rule-based teacher. It is imperfect on purpose, as an unverified language-model teacher is: with the slip rate
 * of the family an answer carries one realistic fault that still compiles, drawn afresh for each sample. Trace and code
 * of a faulty answer agree, so that what a policy learns from it is a habit: one decision, taken early, that a
 * verified reward can repair.
 */

import type { Rng } from "../../core/rng.js";
import type { Message, Problem } from "../../core/types.js";
import { type Draft, type Fault, moduleText } from "./family.js";
import { type Instance, instanceOf } from "./instance.js";
import { header } from "./verilog.js";

export interface Lesson {
  /** The completion: trace in think tags, module in answer tags. */
  readonly text: string;
  /** Name of the fault, or null for a right answer. */
  readonly fault: string | null;
}

/** The completion text of a draft. */
export const completionText = (ports: readonly string[], draft: Draft): string =>
  `<think>${draft.think}</think><answer>\`\`\`verilog\n${moduleText(ports, draft.code)}\n\`\`\`</answer>`;

/** The prompt of an instance in one of its phrasings: description, then the exact header. */
export function promptOf(instance: Instance, phrasing: number): readonly Message[] {
  const { say, ports } = instance.circuit;
  const sentence = say[phrasing % say.length]!;
  const description = sentence.charAt(0).toUpperCase() + sentence.slice(1);
  return [{ role: "user", content: `${description}\n${header(ports)}` }];
}

function weighted(faults: readonly Fault[], rng: Rng): Fault {
  let left = rng.uniform() * faults.reduce((total, fault) => total + fault.weight, 0);
  for (const fault of faults) {
    left -= fault.weight;
    if (left < 0) return fault;
  }
  return faults[faults.length - 1]!;
}

/** The teacher's answer to a built-in problem; `slipScale` 0 makes a teacher that never errs. */
export function teach(subject: Instance | Problem, rng: Rng, slipScale = 1): Lesson {
  const instance = "circuit" in subject ? subject : instanceOf(subject.id);
  const { ports, golden, faults } = instance.circuit;
  const slips = rng.uniform() < instance.family.slipRate * slipScale && faults.length > 0;
  const fault = slips ? weighted(faults, rng) : null;
  return { text: completionText(ports, fault ?? golden), fault: fault?.name ?? null };
}
