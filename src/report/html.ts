/**
 * HTML by a template tag that escapes: every value is text unless it was made by this tag (or `trusted`). Candidates
 * and tool messages are hostile text; besides markup, controls and direction overrides are made visible. Pure.
 */

export class Html {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

type Value = string | number | null | undefined | Html | readonly Html[];

/** Markup that this program made itself (a chart). */
export const trusted = (markup: string): Html => new Html(markup);

export function html(parts: TemplateStringsArray, ...values: readonly Value[]): Html {
  let out = parts[0]!;
  values.forEach((value, i) => {
    out += render(value) + parts[i + 1]!;
  });
  return new Html(out);
}

function render(value: Value): string {
  if (value === null || value === undefined) return "";
  if (value instanceof Html) return value.text;
  if (typeof value === "string" || typeof value === "number") return escapeHtml(String(value));
  return value.map((v) => v.text).join("");
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

// Controls, format characters (direction overrides, zero-width ones) and lone surrogates.
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Cs}]/gu;

export const escapeHtml = (text: string): string =>
  text
    .replace(/\r\n/g, "\n")
    .replace(/[&<>"']/g, (c) => ENTITIES[c]!)
    .replace(INVISIBLE, (c) => (c === "\n" || c === "\t" ? c : `\\u{${c.codePointAt(0)!.toString(16)}}`));
