/** JSON Lines against a schema: every bad line is reported with file:line and what was expected, all at once. */

import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import type { z } from "zod";
import { messageOf, TrainError } from "../core/errors.js";

export interface Line<T> {
  /** From 1. */
  readonly number: number;
  readonly value: T;
}

/** Collects complaints about lines of one file and throws them together. */
export class LineErrors {
  readonly path: string;
  private readonly found: { readonly line: number; readonly what: string }[] = [];

  constructor(path: string) {
    this.path = path;
  }

  add(line: number, what: string): void {
    this.found.push({ line, what });
  }

  /** @throws TrainError data, one detail per complaint (the first 50) in line order */
  throwIfAny(hint: string): void {
    if (this.found.length === 0) return;
    const sorted = [...this.found].sort((a, b) => a.line - b.line);
    const details = sorted.slice(0, 50).map(({ line, what }) => `${this.path}:${line} ${what}`);
    if (sorted.length > details.length) details.push(`and ${sorted.length - details.length} more`);
    throw new TrainError(
      "data",
      `${this.path}: ${this.found.length} bad ${this.found.length === 1 ? "entry" : "entries"}`,
      {
        details,
        hint,
      },
    );
  }
}

const got = (value: unknown): string => {
  const text = JSON.stringify(value);
  return text === undefined ? "nothing" : text.length > 60 ? `${text.slice(0, 60)}…` : text;
};

/** What stands at the path of an issue, for the message. */
function valueAt(root: unknown, path: readonly PropertyKey[]): unknown {
  let value = root;
  for (const key of path) value = (value as Record<PropertyKey, unknown> | null | undefined)?.[key];
  return value;
}

/**
 * Reads a file of one JSON object a line; blank lines are skipped. Bad lines go to `errors`, good ones are returned.
 * @throws TrainError data when the file cannot be read
 */
export async function readLines<T>(
  path: string,
  schema: z.ZodType<T>,
  errors: LineErrors,
): Promise<Line<T>[]> {
  const good: Line<T>[] = [];
  let number = 0;
  const stream = createReadStream(path, "utf8");
  try {
    for await (const raw of createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY })) {
      number++;
      const text = number === 1 ? raw.replace(/^\uFEFF/, "") : raw;
      if (text.trim() === "") continue;
      let json: unknown;
      try {
        json = JSON.parse(text);
      } catch (error) {
        errors.add(number, `expected one JSON object, got ${got(text)} (${messageOf(error)})`);
        continue;
      }
      const parsed = schema.safeParse(json);
      if (parsed.success) {
        good.push({ number, value: parsed.data });
        continue;
      }
      for (const issue of parsed.error.issues) {
        const where = issue.path.length === 0 ? "" : `${issue.path.join(".")}: `;
        errors.add(number, `${where}${issue.message}, got ${got(valueAt(json, issue.path))}`);
      }
    }
  } catch (error) {
    throw new TrainError("data", `cannot read ${path}: ${messageOf(error)}`, {
      hint: "name an existing .jsonl file with one JSON object a line",
      cause: error,
    });
  }
  return good;
}
