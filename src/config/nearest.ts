/** "Did you mean": the known name closest to a mistyped one, or none when nothing is close. */

import { distance } from "fastest-levenshtein";

/** Names within a third of the typed length (at least 2 edits, 1 for up to 3 letters), best first. */
export function nearNames(typed: string, known: Iterable<string>, most = 3): string[] {
  const limit = typed.length <= 3 ? 1 : Math.max(2, Math.floor(typed.length / 3));
  const scored: { name: string; edits: number }[] = [];
  for (const name of new Set(known)) {
    const short = typed.toLowerCase();
    const edits = distance(short, name.toLowerCase());
    const prefix = short.length >= 3 && name.toLowerCase().startsWith(short);
    if (edits <= limit && edits < name.length) scored.push({ name, edits });
    else if (prefix) scored.push({ name, edits: limit });
  }
  scored.sort((a, b) => a.edits - b.edits || (a.name < b.name ? -1 : 1));
  return scored.slice(0, most).map((s) => s.name);
}

/**
 * The nearest dotted key. A key elsewhere with the very same last part (`rl.lr` for `learner.lr`) is only beaten by a
 * key of the same parent that is one edit away.
 */
export function nearestKey(typed: string, known: readonly string[]): string | undefined {
  const tail = (k: string): string => k.slice(k.lastIndexOf(".") + 1);
  const last = tail(typed);
  const parent = typed.slice(0, typed.length - last.length);
  const siblings = known.filter((k) => k.startsWith(parent) && !k.slice(parent.length).includes("."));
  const sibling = nearNames(last, siblings.map(tail), 1)[0];
  const same = known.find((k) => tail(k) === last);
  if (sibling !== undefined && (same === undefined || distance(last, sibling) <= 1)) return parent + sibling;
  if (same !== undefined) return same;
  const whole = nearNames(typed, known, 1)[0];
  if (whole !== undefined) return whole;
  const similar = nearNames(last, known.map(tail), 1)[0];
  return similar === undefined ? undefined : known.find((k) => tail(k) === similar);
}
