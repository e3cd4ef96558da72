/** One figure beside the stored one, as a line to read. */

export interface Stored {
  readonly figure: number;
  readonly unit: string;
  /** ISO 8601, day only. */
  readonly date: string;
}

/** `tolerance` is the share by which the figure may be worse before the line is a warning. */
export function compared(
  name: string,
  now: { readonly figure: number; readonly unit: string },
  stored: Stored | null,
  better: "higher" | "lower",
  tolerance: number,
): string {
  const figure = Number(now.figure.toPrecision(4));
  if (stored === null) return `new   ${name}: ${figure} ${now.unit}`;
  if (stored.unit !== now.unit)
    return `WARN  ${name}: ${figure} ${now.unit}, and the stored figure is in ${stored.unit}`;
  const change = now.figure / stored.figure - 1;
  const worse = better === "higher" ? -change : change;
  const percent = `${change >= 0 ? "+" : ""}${(change * 100).toFixed(1)} %`;
  const was = Number(stored.figure.toPrecision(4));
  return `${worse > tolerance ? "WARN" : "ok  "}  ${name}: ${figure} ${now.unit}, ${percent} of ${was} on ${stored.date}`;
}
