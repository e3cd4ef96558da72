/**
 * Groups as plain JSON plus arrays, and back. The tokens, log-probabilities and texts of all rollouts lie end to end
 * in three arrays; the JSON holds how long each rollout's share is. 2,048 rollouts of 16k tokens are 0.27 GB of tokens
 * and log-probabilities: as JSON text they would pass the longest string that V8 makes (512 Mi characters).
 */

import { z } from "zod";
import type { Arrays } from "../../core/packed.js";
import type { Group, Rollout, ScoredVerdict } from "../../core/types.js";
import type { PolicyVersion, ProblemId, Seed } from "../../core/units.js";

const isNumber = (x: unknown): boolean => typeof x === "number";
export const problemIdSchema = z.custom<ProblemId>((x) => typeof x === "string", "expected a problem id");
const versionSchema = z.custom<PolicyVersion>(isNumber, "expected a policy version");
const seedSchema = z.custom<Seed>(isNumber, "expected a seed");

/** What a rollout is besides its long parts. Loose, so that a field that is added later is kept. */
const rolloutSchema = z.looseObject({
  id: z.string(),
  problemId: problemIdSchema,
  groupId: z.int(),
  index: z.int(),
  policyVersion: versionSchema,
  finish: z.enum(["stop", "length", "abort"]),
  seed: seedSchema,
  sampling: z.object({ temperature: z.number(), topP: z.number(), maxTokens: z.int() }),
}) satisfies z.ZodType<Omit<Rollout, LongPart>>;
type LongPart = "promptIds" | "completionIds" | "logprobs" | "text";

const verdictSchema = z.looseObject({
  kind: z.literal("scored"),
  reward: z.number(),
  parts: z.record(z.string(), z.number()),
  passed: z.boolean(),
  outcome: z.enum(["pass", "mismatch", "compile", "timeout", "crash", "gate", "format"]),
  reached: z.enum(["extract", "lint", "elaborate", "simulate", "match"]),
  proof: z.enum(["formal", "simulated", "none"]),
  second: z
    .object({
      audited: z.boolean(),
      formal: z.enum(["none", "equal", "undecided", "unconfirmed", "refuted"]),
      alarm: z.string().nullable(),
    })
    .exactOptional(),
  wallMs: z.number(),
  cached: z.boolean(),
  log: z.string(),
}) satisfies z.ZodType<ScoredVerdict>;

/** A group whose rollouts carry their long parts in the form that `longParts` describes. */
export const groupSchemaOf = <S extends z.ZodRawShape>(longParts: S) =>
  z.looseObject({
    id: z.int(),
    problemId: problemIdSchema,
    members: z.array(z.object({ rollout: rolloutSchema.extend(longParts), verdict: verdictSchema })),
    policyVersion: versionSchema,
    prior: z.object({ a: z.number(), b: z.number() }),
    weight: z.number(),
  });

const count = z.int().min(0);
/** Lengths: prompt and completion in tokens, text in UTF-8 bytes. */
export const packedGroupSchema = groupSchemaOf({ prompt: count, completion: count, bytes: count });
export type PackedGroup = z.infer<typeof packedGroupSchema>;

export function packGroups(groups: readonly Group[]): {
  readonly json: PackedGroup[];
  readonly arrays: Arrays;
} {
  const rollouts = groups.flatMap((g) => g.members.map((m) => m.rollout));
  const utf8 = new TextEncoder();
  const texts = rollouts.map((r) => utf8.encode(r.text));
  const total = (length: (i: number) => number) => rollouts.reduce((n, _, i) => n + length(i), 0);
  const completions = total((i) => rollouts[i]!.completionIds.length);
  const tokens = new Int32Array(total((i) => rollouts[i]!.promptIds.length) + completions);
  const logprobs = new Float32Array(completions);
  const text = new Uint8Array(total((i) => texts[i]!.length));
  const at = { tokens: 0, logprobs: 0, text: 0, rollout: 0 };
  const pack = ({ promptIds, completionIds, logprobs: own, text: _, ...rest }: Rollout) => {
    const bytes = texts[at.rollout++]!;
    tokens.set(promptIds, at.tokens);
    tokens.set(completionIds, at.tokens + promptIds.length);
    logprobs.set(own, at.logprobs);
    text.set(bytes, at.text);
    at.tokens += promptIds.length + completionIds.length;
    at.logprobs += completionIds.length;
    at.text += bytes.length;
    return { ...rest, prompt: promptIds.length, completion: completionIds.length, bytes: bytes.length };
  };
  const json = groups.map((group) => ({
    ...group,
    members: group.members.map(({ rollout, verdict }) => ({ rollout: pack(rollout), verdict })),
  }));
  return { json, arrays: { tokens, logprobs, text } };
}

/** @throws Error when the arrays are not those of these groups */
export function unpackGroups(groups: readonly PackedGroup[], arrays: Arrays): Group[] {
  const { tokens, logprobs, text } = arrays;
  if (!(tokens instanceof Int32Array && logprobs instanceof Float32Array && text instanceof Uint8Array))
    throw new Error("expected the arrays tokens (I32), logprobs (F32) and text (U8)");
  const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });
  const at = { tokens: 0, logprobs: 0, text: 0 };
  const unpack = ({
    prompt,
    completion,
    bytes,
    ...rest
  }: PackedGroup["members"][number]["rollout"]): Rollout => {
    const middle = at.tokens + prompt;
    const rollout = {
      ...rest,
      // Copies, so that one banked group does not keep a whole round in memory.
      promptIds: tokens.slice(at.tokens, middle),
      completionIds: tokens.slice(middle, middle + completion),
      logprobs: logprobs.slice(at.logprobs, at.logprobs + completion),
      text: utf8.decode(text.subarray(at.text, at.text + bytes)),
    };
    at.tokens = middle + completion;
    at.logprobs += completion;
    at.text += bytes;
    return rollout;
  };
  const out = groups.map((group) => ({
    ...group,
    members: group.members.map(({ rollout, verdict }) => ({ rollout: unpack(rollout), verdict })),
  }));
  const held = { tokens: tokens.length, logprobs: logprobs.length, text: text.length };
  for (const [name, needed] of Object.entries(at)) {
    const got = held[name as keyof typeof held];
    if (got !== needed)
      throw new Error(`the array ${name} has ${got} elements, and the groups need ${needed}`);
  }
  return out;
}
