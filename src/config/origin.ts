/** Where a value of a config came from, and the text that says so. */

export type Origin =
  | { readonly kind: "default" }
  | { readonly kind: "file"; readonly file: string; readonly line: number; readonly col: number }
  | { readonly kind: "override"; readonly text: string };

/** `configs/a.yaml:3:5`, `override rl.steps=3`, or `default`. */
export function showOrigin(origin: Origin): string {
  switch (origin.kind) {
    case "default":
      return "default";
    case "file":
      return `${origin.file}:${origin.line}:${origin.col}`;
    case "override":
      return `override ${origin.text}`;
    default:
      return origin satisfies never;
  }
}

/** The same without the column: what `config print --provenance` shows. */
export const showSource = (origin: Origin): string =>
  origin.kind === "file"
    ? `${origin.file}:${origin.line}`
    : origin.kind === "override"
      ? "override"
      : "default";

/** One mistake. All mistakes are collected before any is reported. */
export interface Mistake {
  readonly origin: Origin;
  /** Dotted key, or "" where the mistake is in the file as a whole. */
  readonly key: string;
  readonly message: string;
}

/** `file:line:col dotted.key: expected …, got …` */
export function showMistake(p: Mistake): string {
  const where = showOrigin(p.origin);
  // An override already names its key.
  const key =
    p.key === "" || (p.origin.kind === "override" && overrideKey(p.origin.text) === p.key) ? "" : ` ${p.key}`;
  return `${where}${key}: ${p.message}`;
}

const overrideKey = (text: string): string => text.replace(/^[+~]/, "").split("=", 1)[0]!;
