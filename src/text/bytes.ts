/** GPT-2's table between bytes and printable characters, in which byte-level vocabularies are written. */

function makeTable(): readonly string[] {
  const printable = (b: number) => (b >= 0x21 && b <= 0x7e) || (b >= 0xa1 && b <= 0xac) || b >= 0xae;
  let next = 256;
  return Array.from({ length: 256 }, (_, b) => String.fromCodePoint(printable(b) ? b : next++));
}

/** [256] character of each byte. */
export const BYTE_CHARS: readonly string[] = makeTable();
