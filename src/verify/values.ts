/** Signal values as people read them. Bits are text of 0 1 x z and `-` (a bit the golden leaves open). */

/** Hexadecimal digits; a digit of which only some bits are known is X, of which some are open ~. */
export function hexOf(bits: string): string {
  let out = "";
  const padded = bits.padStart(Math.ceil(bits.length / 4) * 4, /^[01]/.test(bits) ? "0" : bits[0]!);
  for (let i = 0; i < padded.length; i += 4) {
    const nibble = padded.slice(i, i + 4);
    if (/^[01]{4}$/.test(nibble)) out += Number.parseInt(nibble, 2).toString(16);
    else if (/^(.)\1{3}$/.test(nibble)) out += nibble[0];
    else if (/[xz]/.test(nibble)) out += "X";
    else out += "~";
  }
  return out;
}

/** One bit as it is, more as hexadecimal digits. */
export const shortOf = (bits: string): string => (bits.length === 1 ? bits : hexOf(bits));

/** `8'hda`, and where it fits `8'b1101_1010` too. */
export function longOf(bits: string): string {
  const n = bits.length;
  if (n === 1) return bits;
  const hex = `${n}'h${hexOf(bits)}`;
  if (n > 32) return hex;
  const groups = bits.padStart(Math.ceil(n / 4) * 4, " ").match(/.{4}/g)!;
  return `${hex}  ${n}'b${groups.join("_").trimStart()}`;
}

/** Indices of the bits in which two values differ, open bits aside, lowest first. */
export function differingBits(expected: string, got: string): number[] {
  const out: number[] = [];
  for (let bit = 0; bit < expected.length; bit++) {
    const at = expected.length - 1 - bit;
    if (/[01]/.test(expected[at]!) && expected[at] !== got[at]) out.push(bit);
  }
  return out;
}

/** 0, 1, 2, 3, 7 -> "bits 0-3 and 7 of 8 differ". */
export function bitsText(bits: readonly number[], width: number): string {
  const spans: string[] = [];
  for (let i = 0; i < bits.length; ) {
    let j = i;
    while (bits[j + 1] === bits[j]! + 1) j++;
    spans.push(i === j ? `${bits[i]}` : `${bits[i]}-${bits[j]}`);
    i = j + 1;
  }
  if (bits.length === width) return width === 1 ? "" : `all ${width} bits differ`;
  const shown = spans.length > 8 ? [...spans.slice(0, 7), `${spans.length - 7} more ranges`] : spans;
  const list = shown.length > 1 ? `${shown.slice(0, -1).join(", ")} and ${shown.at(-1)}` : shown[0]!;
  return bits.length === 1 ? `bit ${list} of ${width} differs` : `bits ${list} of ${width} differ`;
}
