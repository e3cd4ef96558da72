/** One finding of doctor. */

export interface Check {
  readonly name: string;
  /** note: training runs, but less well; missing: it cannot run. */
  readonly state: "ok" | "note" | "missing";
  readonly value: string;
  /** What to type or do. */
  readonly fix?: string;
}

export const ok = (name: string, value: string): Check => ({ name, state: "ok", value });
export const note = (name: string, value: string, fix?: string): Check =>
  fix === undefined ? { name, state: "note", value } : { name, state: "note", value, fix };
export const missing = (name: string, value: string, fix: string): Check => ({
  name,
  state: "missing",
  value,
  fix,
});
