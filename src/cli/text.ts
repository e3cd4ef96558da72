/** Words on a terminal: wrapping, clipping, and making text from elsewhere safe to print. */

/** Wraps at `width` columns; lines after the first start with `indent`. Words are never broken. */
export function wrap(text: string, width: number, indent = ""): string {
  return text
    .split("\n")
    .map((paragraph) => {
      const lines: string[] = [];
      let line = "";
      for (const word of paragraph.split(/ +/)) {
        const next = line === "" ? word : `${line} ${word}`;
        if (line.trim() !== "" && next.length > width) {
          lines.push(line);
          line = indent + word;
        } else line = next;
      }
      return [...lines, line].join("\n");
    })
    .join(`\n${indent}`);
}

/** At most `columns` characters, the last an ellipsis where something was cut. */
export function clip(text: string, columns: number): string {
  const chars = [...text];
  return chars.length <= columns ? text : `${chars.slice(0, Math.max(0, columns - 1)).join("")}…`;
}

/**
 * Control characters shown, not obeyed: model output and tool messages must not move the cursor or recolour the
 * terminal. Newlines and tabs stay.
 */
export const printable = (text: string): string =>
  text.replace(/[^\P{Cc}\n\t]/gu, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, "0")}`);

const CODES = { red: 31, yellow: 33, bold: 1, dim: 2 } as const;
export const paint = (on: boolean, code: keyof typeof CODES, text: string): string =>
  on ? `\u001b[${CODES[code]}m${text}\u001b[0m` : text;

/** Rows as columns lined up, two spaces apart; the header first. */
export function table(rows: readonly (readonly string[])[]): string {
  const columns = Math.max(...rows.map((row) => row.length));
  const widths = Array.from({ length: columns }, (_, i) =>
    Math.max(...rows.map((row) => row[i]?.length ?? 0)),
  );
  return rows
    .map((row) =>
      row
        .map((cell, i) => cell.padEnd(widths[i]!))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}
