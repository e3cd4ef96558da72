/** A model's tokenizer, read from `tokenizer.json`, `tokenizer_config.json` and `chat_template.jinja`. */

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { Tokenizer as HfTokenizer } from "@huggingface/tokenizers";
import { z } from "zod";
import { messageOf, TrainError } from "../core/errors.js";
import type { Message } from "../core/types.js";
import { type ChatTemplate, makeChatTemplate } from "./chat-template.js";

export interface Tokenizer {
  /** Highest id + 1. A model's vocabulary may be larger (padding), never smaller. */
  readonly vocabSize: number;
  /** Ids that end a turn: the configured end token, and what the chat template puts after an assistant's message. */
  readonly eosIds: readonly number[];
  /** The id a completion that stops by itself ends with. */
  readonly turnEndId: number;
  /** Id for padding; only ever seen where a mask is 0. */
  readonly padId: number;
  readonly specials: ReadonlyMap<string, number>;
  /**
   * Text to ids. Special tokens in the text are ordinary characters unless `specials` is "parse", which is for text
   * that this program itself has put together.
   */
  encode(text: string, options?: { readonly specials?: "text" | "parse" }): Int32Array;
  /** Ids to text. Special tokens are left out unless `specials` is "keep"; ids without a token give nothing. */
  decode(ids: ArrayLike<number>, options?: { readonly specials?: "drop" | "keep" }): string;
  /** The prompt as text, for people and logs. Throws when the model has no chat template. */
  applyChatTemplate(
    messages: readonly Message[],
    options?: { readonly addGenerationPrompt?: boolean },
  ): string;
  /** The prompt as ids, ready to be continued by the assistant. Nothing inside a message becomes a special token. */
  encodePrompt(messages: readonly Message[]): Int32Array; // [P]
  /** What a model is trained to write: the text and the token that ends the turn. */
  encodeCompletion(text: string): Int32Array; // [T]
}

const addedToken = z.looseObject({
  id: z.number().int().nonnegative(),
  content: z.string().min(1),
  special: z.boolean().default(false),
});

const tokenizerFile = z.looseObject({
  model: z.looseObject({
    type: z.literal("BPE", { error: "expected a BPE model" }),
    vocab: z.record(z.string(), z.number().int().nonnegative()),
    merges: z.array(z.unknown()),
  }),
  added_tokens: z.array(addedToken).default([]),
});

/** Tokens are written as text, or as the object that `AddedToken` becomes. */
const namedToken = z
  .union([z.string(), z.looseObject({ content: z.string() }).transform((t) => t.content)])
  .nullish();

const configFile = z.looseObject({
  bos_token: namedToken,
  eos_token: namedToken,
  pad_token: namedToken,
  unk_token: namedToken,
  chat_template: z
    .union([z.string(), z.array(z.looseObject({ name: z.string(), template: z.string() }))])
    .nullish(),
});

type TokenizerFile = z.infer<typeof tokenizerFile>;
type ConfigFile = z.infer<typeof configFile>;

/** @throws TrainError "data" when a file is missing or is not what it should be. */
export async function loadTokenizer(dir: string): Promise<Tokenizer> {
  const read = async (name: string): Promise<string | null> => {
    try {
      return await readFile(join(dir, name), "utf8");
    } catch (e) {
      if (e instanceof Error && "code" in e && (e.code === "ENOENT" || e.code === "ENOTDIR")) return null;
      throw new TrainError("data", `cannot read ${join(dir, name)}: ${messageOf(e)}`, { cause: e });
    }
  };
  const tokenizerText = await read("tokenizer.json");
  if (tokenizerText === null) {
    throw new TrainError("data", `${dir} holds no tokenizer.json`, {
      hint: "copy tokenizer.json and tokenizer_config.json of the same model into the directory",
    });
  }
  const file = parse(tokenizerText, tokenizerFile, join(dir, "tokenizer.json"));
  const config = parse(
    (await read("tokenizer_config.json")) ?? "{}",
    configFile,
    join(dir, "tokenizer_config.json"),
  );
  const template = (await read("chat_template.jinja")) ?? defaultTemplate(config);
  return makeTokenizer(file, config, template, dir);
}

function parse<T>(text: string, schema: z.ZodType<T>, path: string): T {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (e) {
    throw new TrainError("data", `${path} is not JSON: ${messageOf(e)}`, { cause: e });
  }
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  throw new TrainError("data", `${path} is not a file that tokenizers of this kind have`, {
    details: parsed.error.issues.slice(0, 20).map((i) => `${i.path.join(".") || "(top)"}: ${i.message}`),
  });
}

function defaultTemplate(config: ConfigFile): string | null {
  const { chat_template: template } = config;
  if (template == null || typeof template === "string") return template ?? null;
  return template.find((t) => t.name === "default")?.template ?? null;
}

function makeTokenizer(
  file: TokenizerFile,
  config: ConfigFile,
  source: string | null,
  dir: string,
): Tokenizer {
  const specials = new Map(file.added_tokens.filter((t) => t.special).map((t) => [t.content, t.id]));
  const parsing = construct(file, dir);
  const plain = construct(withoutSpecials(file), dir);
  const dropped = new Set(specials.values());
  let vocabSize = 0;
  for (const id of Object.values(file.model.vocab)) vocabSize = Math.max(vocabSize, id + 1);
  for (const { id } of file.added_tokens) vocabSize = Math.max(vocabSize, id + 1);

  const idsOf = (tokenizer: HfTokenizer, text: string): number[] =>
    text === "" ? [] : tokenizer.encode(text, { add_special_tokens: false }).ids;
  const chat = source === null ? null : chatOf(source, specials, config, dir);
  const needChat = (): ChatTemplate => {
    if (chat !== null) return chat;
    throw new TrainError("data", `${dir} has no chat template`, {
      hint: "use an instruct model, or put a chat_template.jinja into the directory",
    });
  };
  const { eosIds, turnEndId } = turnEnds(chat, specials, config, dir);
  const padId = specials.get(config.pad_token ?? "") ?? turnEndId;

  return {
    vocabSize,
    eosIds,
    turnEndId,
    padId,
    specials,
    encode: (text, { specials: mode = "text" } = {}) =>
      Int32Array.from(idsOf(mode === "parse" ? parsing : plain, text)),
    decode: (ids, { specials: mode = "drop" } = {}) => {
      const kept: number[] = [];
      for (let i = 0; i < ids.length; i++) {
        const id = ids[i]!;
        if (parsing.id_to_token(id) !== undefined && (mode === "keep" || !dropped.has(id))) kept.push(id);
      }
      // The library's default would tidy spaces before punctuation, which changes code.
      return kept.length === 0 ? "" : parsing.decode(kept, { clean_up_tokenization_spaces: false });
    },
    applyChatTemplate: (messages, options) => needChat().render(messages, options),
    encodePrompt: (messages) => {
      const ids: number[] = [];
      for (const part of needChat().segments(messages, { addGenerationPrompt: true })) {
        if ("special" in part) ids.push(specials.get(part.special)!);
        else for (const id of idsOf(plain, part.text)) ids.push(id);
      }
      return Int32Array.from(ids);
    },
    encodeCompletion: (text) => Int32Array.from([...idsOf(plain, text), turnEndId]),
  };
}

function construct(file: object, dir: string): HfTokenizer {
  try {
    return new HfTokenizer(
      { normalizer: null, pre_tokenizer: null, post_processor: null, decoder: null, ...file },
      {},
    );
  } catch (e) {
    throw new TrainError("data", `${join(dir, "tokenizer.json")} cannot be used: ${messageOf(e)}`, {
      cause: e,
    });
  }
}

/** The same tokenizer, to which the special tokens' texts are ordinary text. */
function withoutSpecials(file: TokenizerFile): object {
  const contents = new Set(file.added_tokens.filter((t) => t.special).map((t) => t.content));
  const vocab = Object.fromEntries(
    Object.entries(file.model.vocab).filter(([token]) => !contents.has(token)),
  );
  return {
    ...file,
    model: { ...file.model, vocab },
    added_tokens: file.added_tokens.filter((t) => !t.special),
  };
}

function chatOf(
  source: string,
  specials: ReadonlyMap<string, number>,
  config: ConfigFile,
  dir: string,
): ChatTemplate {
  const variables: Record<string, string> = {};
  for (const name of ["bos_token", "eos_token", "pad_token", "unk_token"] as const) {
    const token = config[name];
    if (token != null) variables[name] = token;
  }
  return makeChatTemplate({ source, specials: [...specials.keys()], variables, where: dir });
}

/**
 * A base model's end token is often not the one that its template ends turns with; both stop a rollout. The template
 * is asked by rendering a short exchange.
 */
function turnEnds(
  chat: ChatTemplate | null,
  specials: ReadonlyMap<string, number>,
  config: ConfigFile,
  dir: string,
): { readonly eosIds: readonly number[]; readonly turnEndId: number } {
  const configured = config.eos_token == null ? undefined : specials.get(config.eos_token);
  const probe = "0";
  const parts =
    chat?.segments(
      [
        { role: "user", content: probe },
        { role: "assistant", content: probe },
      ],
      { addGenerationPrompt: false },
    ) ?? [];
  const answer = parts.findLastIndex((part) => "text" in part && part.text.includes(probe));
  const after = parts.slice(answer + 1).find((part) => "special" in part);
  const fromTemplate = after !== undefined && "special" in after ? specials.get(after.special) : undefined;
  const turnEndId = fromTemplate ?? configured;
  if (turnEndId === undefined) {
    throw new TrainError("data", `${dir}: no token that ends a turn`, {
      hint: "tokenizer_config.json needs an eos_token that is a special token of tokenizer.json",
    });
  }
  return { eosIds: [...new Set([turnEndId, ...(configured === undefined ? [] : [configured])])], turnEndId };
}
