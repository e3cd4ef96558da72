/** A stage's summary for people: nested keys as `eval.after.pass1`, values lined up. */

import { printable, table } from "./text.js";

export function resultText(summary: Readonly<Record<string, unknown>>): string {
  const rows: string[][] = [];
  const walk = (value: unknown, key: string): void => {
    if (typeof value === "object" && value !== null && !Array.isArray(value)) {
      for (const [name, child] of Object.entries(value)) walk(child, key === "" ? name : `${key}.${name}`);
    } else if (value !== undefined) rows.push([key, showValue(value)]);
  };
  walk(summary, "");
  return rows.length === 0 ? "" : `${printable(table(rows))}\n`;
}

const showValue = (value: unknown): string =>
  typeof value === "number" && !Number.isInteger(value)
    ? String(Number(value.toPrecision(5)))
    : typeof value === "string"
      ? value
      : JSON.stringify(value);
