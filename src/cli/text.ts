/** Words on a terminal: wrapping, clipping, and making text from elsewhere safe to print. */

import { styleText } from "node:util";
import stringWidth from "string-width";

/** Wraps at `width` columns; lines after the first start with `indent`. Words are never broken. */
export function wrap(text: string, width: number, indent = ""): string {
  return text
    .split("\n")
    .map((paragraph) => {
      const lines: string[] = [];
      let line = "";
      for (const word of paragraph.split(/ +/)) {
        const next = line === "" ? word : `${line} ${word}`;
        if (line.trim() !== "" && stringWidth(next) > width) {
          lines.push(line);
          line = indent + word;
        } else line = next;
      }
      return [...lines, line].join("\n");
    })
    .join(`\n${indent}`);
}

/** At most `columns` columns of a terminal, where a wide character takes two; ends in an ellipsis where text was cut. */
export function clip(text: string, columns: number): string {
  if (stringWidth(text) <= columns) return text;
  let kept = "";
  let width = 0;
  for (const { segment } of new Intl.Segmenter().segment(text)) {
    width += stringWidth(segment);
    if (width > columns - 1) break;
    kept += segment;
  }
  return `${kept}…`;
}

/**
 * Control characters shown, not obeyed: model output and tool messages must not move the cursor or recolour the
 * terminal. Newlines and tabs stay.
 */
export const printable = (text: string): string =>
  text.replace(/[^\P{Cc}\n\t]/gu, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, "0")}`);

/** The text in a colour or weight where `on`; the caller decides by the stream that it writes to. */
export const paint = (on: boolean, style: "red" | "yellow" | "bold" | "dim", text: string): string =>
  on ? styleText(style, text, { validateStream: false }) : text;

/** Rows as columns lined up, two spaces apart; the header first. */
export function table(rows: readonly (readonly string[])[]): string {
  const columns = Math.max(...rows.map((row) => row.length));
  const widths = Array.from({ length: columns }, (_, i) =>
    Math.max(...rows.map((row) => stringWidth(row[i] ?? ""))),
  );
  return rows
    .map((row) =>
      row
        .map((cell, i) => cell + " ".repeat(widths[i]! - stringWidth(cell)))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}
