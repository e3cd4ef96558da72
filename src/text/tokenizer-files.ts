/**
 * A trained vocabulary in the form that `@huggingface/tokenizers`, tokenizers (Rust) and transformers read:
 * `tokenizer.json` and `tokenizer_config.json` with a ChatML template.
 */

import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { TrainError } from "../core/errors.js";
import { type BpeModel, PRE_TOKEN_PATTERN, trainBpe } from "./bpe.js";
import { BYTE_CHARS } from "./bytes.js";
import { TAGS } from "./format.js";

export const END_OF_TEXT = "<|endoftext|>";
export const TURN_START = "<|im_start|>";
export const TURN_END = "<|im_end|>";

/** Never produced from text, dropped when decoding. */
const SPECIAL_TOKENS = [END_OF_TEXT, TURN_START, TURN_END] as const;
/** One token each, but ordinary text: decoded as they are. */
const TAG_TOKENS = Object.values(TAGS);

/** Qwen2's turns without its default system prompt. */
export const CHATML_TEMPLATE = [
  "{%- for message in messages %}",
  `{{- '${TURN_START}' + message.role + '\\n' + message.content + '${TURN_END}\\n' }}`,
  "{%- endfor %}",
  "{%- if add_generation_prompt %}",
  `{{- '${TURN_START}assistant\\n' }}`,
  "{%- endif %}",
].join("\n");

export interface TokenizerFiles {
  readonly tokenizer: unknown; // tokenizer.json
  readonly config: unknown; // tokenizer_config.json
  readonly vocabSize: number;
}

/**
 * @param vocabSize ids in all: 256 bytes, merges, 3 special tokens and 4 tags. Less text gives fewer.
 * @param maxLength what `model_max_length` says.
 */
export function trainTokenizer(
  texts: Iterable<string>,
  vocabSize: number,
  maxLength: number,
): TokenizerFiles {
  const added = [...SPECIAL_TOKENS, ...TAG_TOKENS];
  if (vocabSize < 256 + added.length) {
    throw new TrainError(
      "config",
      `a tokenizer needs at least ${256 + added.length} tokens, got ${vocabSize}`,
    );
  }
  const model = trainBpe(texts, { vocabSize: vocabSize - added.length, addedTokens: added });
  const addedTokens = added.map((content, i) => ({
    id: model.tokens.length + i,
    content,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
    special: i < SPECIAL_TOKENS.length,
  }));
  return {
    tokenizer: tokenizerJson(model, addedTokens),
    config: tokenizerConfig(addedTokens, maxLength),
    vocabSize: model.tokens.length + added.length,
  };
}

interface AddedToken {
  readonly id: number;
  readonly content: string;
  readonly single_word: boolean;
  readonly lstrip: boolean;
  readonly rstrip: boolean;
  readonly normalized: boolean;
  readonly special: boolean;
}

function tokenizerJson(model: BpeModel, addedTokens: readonly AddedToken[]): unknown {
  const spell = (id: number) => Array.from(model.tokens[id]!, (byte) => BYTE_CHARS[byte]).join("");
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: addedTokens,
    normalizer: null,
    pre_tokenizer: {
      type: "Sequence",
      pretokenizers: [
        { type: "Split", pattern: { Regex: PRE_TOKEN_PATTERN }, behavior: "Isolated", invert: false },
        { type: "ByteLevel", add_prefix_space: false, trim_offsets: false, use_regex: false },
      ],
    },
    post_processor: null,
    decoder: { type: "ByteLevel", add_prefix_space: false, trim_offsets: false, use_regex: false },
    model: {
      type: "BPE",
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: "",
      end_of_word_suffix: "",
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab: Object.fromEntries(model.tokens.map((_, id) => [spell(id), id])),
      merges: model.merges.map(([left, right]) => `${spell(left)} ${spell(right)}`),
    },
  };
}

function tokenizerConfig(addedTokens: readonly AddedToken[], maxLength: number): unknown {
  return {
    add_prefix_space: false,
    added_tokens_decoder: Object.fromEntries(addedTokens.map(({ id, ...token }) => [String(id), token])),
    additional_special_tokens: [TURN_START, TURN_END],
    bos_token: null,
    chat_template: CHATML_TEMPLATE,
    clean_up_tokenization_spaces: false,
    eos_token: TURN_END,
    model_max_length: maxLength,
    pad_token: END_OF_TEXT,
    split_special_tokens: false,
    // The generic class: the model's own would put Qwen2's pre-tokenizer in the place of this one.
    tokenizer_class: "PreTrainedTokenizerFast",
    unk_token: null,
  };
}

export async function saveTokenizer(dir: string, files: TokenizerFiles): Promise<void> {
  await mkdir(dir, { recursive: true });
  await writeFile(join(dir, "tokenizer.json"), `${JSON.stringify(files.tokenizer, null, 1)}\n`);
  await writeFile(join(dir, "tokenizer_config.json"), `${JSON.stringify(files.config, null, 2)}\n`);
}
