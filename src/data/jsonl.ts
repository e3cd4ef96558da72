/** A user's own problems and traces, as JSON Lines. */

import { z } from "zod";
import { TrainError } from "../core/errors.js";
import type { ProblemSource } from "../core/ports.js";
import { hash128 } from "../core/rng.js";
import type { Message, Problem } from "../core/types.js";
import { problemId } from "../core/units.js";
import { lex } from "../verilog/lexer.js";
import { modulesIn } from "../verilog/tops.js";
import { identicalSets } from "./identity.js";
import { LineErrors, readLines } from "./read-lines.js";

const text = z
  .string("expected a string")
  .refine((s) => s.trim() !== "", "expected a string that is not blank");

const message = z.strictObject({
  role: z.enum(["system", "user", "assistant"], "expected system, user or assistant"),
  content: z.string("expected a string"),
});

/** A prompt given as text is one user message. */
const prompt = z
  .union(
    [text.transform((content): Message[] => [{ role: "user", content }]), z.array(message).min(1)],
    "expected a string, or a list of {role, content} messages",
  )
  .refine((messages) => messages.at(-1)?.role === "user", "expected the last message to be the user's");

const probability = z.number("expected a number").min(0, "expected at least 0").max(1, "expected at most 1");
const count = z.number("expected a number").min(0, "expected at least 0");

const PROBLEM_KEYS = "id, prompt, golden, top, split, bucket, difficulty, licence, prior";

const problemLine = z
  .strictObject(
    {
      id: z
        .string("expected a string")
        .regex(/^[\w.:/+=-]{1,200}$/, "expected 1 to 200 letters, digits or . _ : / + = -"),
      prompt,
      golden: text,
      top: z
        .string("expected a module name")
        .regex(/^[A-Za-z_]\w*$/, "expected a module name")
        .default("top_module"),
      split: z.enum(["train", "test"], "expected train or test").optional(),
      bucket: text.optional(),
      difficulty: probability.optional(),
      licence: text.optional(),
      prior: z
        .strictObject(
          { successes: count, failures: count, tokens: count.optional() },
          "expected {successes, failures, tokens?}",
        )
        .optional(),
    },
    {
      error: (issue) =>
        issue.code === "unrecognized_keys" ? `expected only the keys ${PROBLEM_KEYS}` : "expected an object",
    },
  )
  .superRefine((line, ctx) => {
    const lexed = lex(line.golden);
    // What is wrong with other text is said when the golden is prepared.
    if (!lexed.ok) return;
    const defined = modulesIn(lexed.tokens);
    if (!defined.includes(line.top)) {
      ctx.addIssue({
        code: "custom",
        path: ["golden"],
        message: `expected a module named ${line.top} (top), found ${defined.length === 0 ? "no module" : defined.join(", ")}`,
      });
    }
  });

type ProblemLine = z.infer<typeof problemLine>;

const PROBLEM_HINT =
  'each line is one object: {"id": "adder8", "prompt": "…", "golden": "module top_module(…); … endmodule", "top": "top_module"}';

export interface ReadProblemsOptions {
  /** Share of the problems without a `split` that is held out for the test split, by a hash of the id. */
  readonly testShare: number;
}

/**
 * Problems with equal prompts or equal goldens always share a split: a split given on one of them holds for all.
 * @throws TrainError data, naming every bad line, or when there is no problem at all
 */
export async function readProblems(path: string, { testShare }: ReadProblemsOptions): Promise<ProblemSource> {
  const errors = new LineErrors(path);
  const lines = await readLines(path, problemLine, errors);
  const firstLine = new Map<string, number>();
  for (const { number, value } of lines) {
    const earlier = firstLine.get(value.id);
    if (earlier === undefined) firstLine.set(value.id, number);
    else
      errors.add(
        number,
        `id: expected a new id, got ${JSON.stringify(value.id)} again (first on line ${earlier})`,
      );
  }

  const texts = lines.map(({ value }) => ({
    prompt: value.prompt,
    task: { golden: value.golden, top: value.top },
  }));
  const sets = identicalSets(texts);
  const given = new Map<number, { readonly split: "train" | "test"; readonly line: number }>();
  lines.forEach(({ number, value }, i) => {
    if (value.split === undefined) return;
    const other = given.get(sets[i]!);
    if (other === undefined) given.set(sets[i]!, { split: value.split, line: number });
    else if (other.split !== value.split) {
      errors.add(
        number,
        `split: expected ${other.split} as on line ${other.line}, which has the same prompt or golden, got ${value.split}`,
      );
    }
  });
  errors.throwIfAny(PROBLEM_HINT);
  if (lines.length === 0) {
    throw new TrainError("data", `${path} holds no problem: expected at least one line, got none`, {
      hint: PROBLEM_HINT,
    });
  }

  // The smallest id of a set decides for all of it, whatever the order of the lines.
  const smallest = new Map<number, string>();
  lines.forEach(({ value }, i) => {
    const other = smallest.get(sets[i]!);
    if (other === undefined || value.id < other) smallest.set(sets[i]!, value.id);
  });
  const byHash = (set: number): "train" | "test" =>
    hash128(`split/${smallest.get(set)}`)[0] < testShare * 2 ** 32 ? "test" : "train";
  const problems = lines.map(({ value }, i): Problem => {
    const split = given.get(sets[i]!)?.split ?? byHash(sets[i]!);
    return { id: problemId(value.id), ...texts[i]!, meta: metaOf(value, split) };
  });
  return {
    name: path,
    train: problems.filter((p) => p.meta.split === "train"),
    test: problems.filter((p) => p.meta.split === "test"),
  };
}

function metaOf(line: ProblemLine, split: "train" | "test"): Problem["meta"] {
  const { bucket, difficulty, licence, prior } = line;
  return {
    source: "jsonl",
    split,
    ...(bucket !== undefined && { bucket }),
    ...(difficulty !== undefined && { difficulty }),
    ...(licence !== undefined && { licence }),
    ...(prior !== undefined && {
      prior: {
        successes: prior.successes,
        failures: prior.failures,
        ...(prior.tokens !== undefined && { tokens: prior.tokens }),
      },
    }),
  };
}

export interface TraceLine {
  readonly prompt: readonly Message[];
  readonly completion: string;
}

/** `{prompt, completion}`, or `{messages}` whose last one is the assistant's. */
const traceLine = z.union(
  [
    z.object({ prompt, completion: text }),
    z
      .object({ messages: z.array(message).min(2) })
      .refine(({ messages }) => messages.at(-1)?.role === "assistant" && messages.at(-2)?.role === "user")
      .refine(({ messages }) => messages.at(-1)?.content.trim() !== "")
      .transform(({ messages }) => ({ prompt: messages.slice(0, -1), completion: messages.at(-1)!.content })),
  ],
  "expected {prompt, completion}, or {messages} that end with a user and an assistant message, none of them blank",
);

/**
 * Traces to distil.
 * @throws TrainError data, naming every bad line, or when there is no trace at all
 */
export async function readTraces(path: string): Promise<TraceLine[]> {
  const hint =
    'each line is {"prompt": "…", "completion": "…"} or {"messages": [{"role": "user", …}, {"role": "assistant", …}]}';
  const errors = new LineErrors(path);
  const lines = await readLines<TraceLine>(path, traceLine, errors);
  errors.throwIfAny(hint);
  if (lines.length === 0)
    throw new TrainError("data", `${path} holds no trace: expected at least one line, got none`, { hint });
  return lines.map(({ value }) => value);
}
