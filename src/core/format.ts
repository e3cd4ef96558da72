/** Numbers for people, in few characters. Pure. */

/** At most 4 characters: 0, 999, 1.2k, 12k, 999k, 1.2M, … 99P; `-` when there is no number, `big` beyond. */
export function compactCount(n: number): string {
  if (!Number.isFinite(n) || n < 0) return "-";
  let x = n;
  for (const unit of ["", "k", "M", "G", "T", "P"]) {
    if (unit === "" ? Math.round(x) < 1000 : x < 999.5) {
      return unit !== "" && x < 9.95 ? `${x.toFixed(1)}${unit}` : `${Math.round(x)}${unit}`;
    }
    x /= 1000;
  }
  return "big";
}

/** At most 5 characters: 0s, 59s, 5m40s, 1h05m, 12h, 99d. */
export function compactDuration(seconds: number): string {
  if (!Number.isFinite(seconds) || seconds < 0) return "-";
  const s = Math.round(seconds);
  if (s < 60) return `${s}s`;
  if (s < 600) return `${Math.floor(s / 60)}m${String(s % 60).padStart(2, "0")}s`;
  if (s < 3600) return `${Math.floor(s / 60)}m`;
  if (s < 36_000) return `${Math.floor(s / 3600)}h${String(Math.floor((s % 3600) / 60)).padStart(2, "0")}m`;
  if (s < 360_000) return `${Math.floor(s / 3600)}h`;
  const days = Math.floor(s / 86_400);
  return days < 10_000 ? `${days}d` : "long";
}

/** Seconds without a unit, at most 4 characters below 10,000: 0.04, 1.2, 12, 3600. */
export function compactSeconds(s: number): string {
  if (!Number.isFinite(s) || s < 0) return "-";
  if (s < 9.95) return s.toFixed(1);
  return compactCount(s);
}

/** With `digits` decimals, `-` when there is no number. */
export const fixed = (x: number, digits: number): string => (Number.isFinite(x) ? x.toFixed(digits) : "-");

/** Whole number with thousands separated: 15,400. */
export const grouped = (n: number): string =>
  Number.isFinite(n) ? String(Math.round(n)).replace(/\B(?=(\d{3})+$)/g, ",") : "-";

/** `[######........]  34 of 156`. */
export function progressBar(done: number, total: number, width = 20): string {
  const full = total === 0 ? width : Math.floor((width * Math.min(done, total)) / total);
  return `[${"#".repeat(full)}${".".repeat(width - full)}]  ${done} of ${total}`;
}

/** Cut to `width` characters, with … in place of what is lost. */
export const clip = (text: string, width: number): string =>
  text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}…`;
