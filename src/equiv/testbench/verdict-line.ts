/** The one line a signature bench prints; anything else in the output is the candidate talking. */

export interface VerdictLine {
  readonly samples: number;
  readonly atCheckpoint: readonly string[];
  /** 16 hex digits, or with x in it. */
  readonly signature: string;
}

/** Null unless exactly one line starts with the secret mark and has the right form. */
export function readVerdictLine(output: string, mark: string, numCheckpoints: number): VerdictLine | null {
  const first = output.indexOf(mark);
  if (first < 0 || output.indexOf(mark, first + mark.length) >= 0) return null;
  if (first > 0 && output[first - 1] !== "\n") return null;
  const end = output.indexOf("\n", first);
  if (end < 0) return null;
  const words = output.slice(first, end).trimEnd().split(" ");
  if (words.length !== numCheckpoints + 3 || words[0] !== mark) return null;
  const samples = Number(words[1]);
  const rest = words.slice(2).map((w) => w.toLowerCase());
  if (!Number.isSafeInteger(samples) || rest.some((w) => !/^[0-9a-fxz]{16}$/.test(w))) return null;
  return { samples, atCheckpoint: rest.slice(0, -1), signature: rest.at(-1)! };
}
