/**
 * The model's own chat template (Jinja), with one promise more than transformers gives: what a message *contains* is
 * never read as a special token, so a prompt cannot close its own turn or open another one.
 *
 * Each special token's text inside a message is replaced by a placeholder before the template runs. In the rendered
 * text every special token then comes from the template; the placeholders turn back into plain text when the pieces
 * between those tokens are encoded.
 */

import { Template } from "@huggingface/jinja";
import { messageOf, TrainError } from "../core/errors.js";
import type { Message } from "../core/types.js";

/** A piece of a rendered prompt: a special token, or plain text in which nothing is special. */
export type Segment = { readonly special: string } | { readonly text: string };

export interface ChatTemplate {
  /** The prompt as text, as transformers' `apply_chat_template(tokenize=False)` gives it. */
  render(messages: readonly Message[], options?: { readonly addGenerationPrompt?: boolean }): string;
  /** The same prompt in pieces, for encoding. */
  segments(
    messages: readonly Message[],
    options?: { readonly addGenerationPrompt?: boolean },
  ): readonly Segment[];
}

export interface TemplateContext {
  readonly source: string;
  /** Texts of the special tokens. */
  readonly specials: readonly string[];
  /** `eos_token` and the like, which templates may name. */
  readonly variables: Readonly<Record<string, string>>;
  /** For messages: where the template comes from. */
  readonly where: string;
}

export function makeChatTemplate({ source, specials, variables, where }: TemplateContext): ChatTemplate {
  let template: Template;
  try {
    template = new Template(source);
  } catch (e) {
    throw new TrainError("data", `${where}: the chat template cannot be read: ${messageOf(e)}`, { cause: e });
  }
  const render: ChatTemplate["render"] = (messages, { addGenerationPrompt = true } = {}) => {
    try {
      return template.render({
        ...variables,
        messages: messages.map(({ role, content }) => ({ role, content })),
        add_generation_prompt: addGenerationPrompt,
      });
    } catch (e) {
      const roles = messages.map((m) => m.role).join(", ");
      throw new TrainError(
        "data",
        `${where}: the chat template refuses the messages (${roles}): ${messageOf(e)}`,
        {
          cause: e,
        },
      );
    }
  };
  // The longest first, so that one special token that begins another one does not hide it.
  const ordered = [...specials].sort((a, b) => b.length - a.length || (a < b ? -1 : 1));
  return {
    render,
    segments: (messages, options) => {
      const mark = unusedMark(messages.map((m) => m.content).join());
      const guarded = messages.map((m) => ({ ...m, content: hide(m.content, ordered, mark) }));
      return split(render(guarded, options), ordered).map((part) =>
        "text" in part ? { text: reveal(part.text, ordered, mark) } : part,
      );
    },
  };
}

/** Private-use characters that the content does not hold; one placeholder is this, a number and CLOSE. */
function unusedMark(content: string): string {
  let mark = "\u{f8d0}";
  while (content.includes(mark)) mark += "\u{f8d1}";
  return mark;
}

const CLOSE = "\u{f8d2}";

function hide(content: string, specials: readonly string[], mark: string): string {
  return split(content, specials)
    .map((part) => ("text" in part ? part.text : `${mark}${specials.indexOf(part.special)}${CLOSE}`))
    .join("");
}

function reveal(text: string, specials: readonly string[], mark: string): string {
  return specials.reduce((t, special, i) => t.replaceAll(`${mark}${i}${CLOSE}`, () => special), text);
}

/** Cuts at special tokens, leftmost first, the longest where several start. */
function split(text: string, specials: readonly string[]): Segment[] {
  const out: Segment[] = [];
  let from = 0;
  for (let at = 0; at < text.length; ) {
    const special = specials.find((s) => s !== "" && text.startsWith(s, at));
    if (special === undefined) {
      at++;
      continue;
    }
    if (at > from) out.push({ text: text.slice(from, at) });
    out.push({ special });
    at += special.length;
    from = at;
  }
  if (from < text.length) out.push({ text: text.slice(from) });
  return out;
}
