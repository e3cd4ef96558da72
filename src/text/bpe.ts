/**
 * Trains a byte-level byte-pair encoding (Sennrich et al. 2016, arXiv 1508.07909; bytes as in GPT-2). Words are
 * merged inside pre-tokens only. The pair counts are kept up to date merge by merge, so the cost follows the number
 * of distinct pre-tokens and not the length of the text. Equal text gives an equal vocabulary: of pairs with equal
 * counts the one whose tokens' bytes come first wins.
 */

import { TrainError } from "../core/errors.js";
import { MaxHeap } from "./heap.js";

/**
 * How text is cut before merging. One digit is one pre-token, so numbers are read digit by digit. A word keeps one
 * character before it (`.clk`, `(a`, ` wire`); an identifier's underscores are letters; punctuation keeps the line
 * break and indentation after it (`);` and the next line's start are one token). White space is spelled out instead
 * of `\s`, whose members differ between regex engines.
 */
export const PRE_TOKEN_PATTERN = [
  "[^\\r\\n\\p{L}\\p{N}_]?[\\p{L}_]+",
  "\\p{N}",
  " ?[^ \\t\\r\\n\\p{L}\\p{N}_]+(?:[\\r\\n]+[ \\t]*)?",
  "[ \\t]*[\\r\\n]+[ \\t]*",
  "[ \\t]+(?![^ \\t])",
  "[ \\t]+",
].join("|");

export interface BpeOptions {
  /** Tokens to make, the 256 bytes included. Training ends earlier when no pair is frequent enough. */
  readonly vocabSize: number;
  /** Strings that are cut out before training, since they are tokens of their own. */
  readonly addedTokens?: readonly string[];
  /** Least number of occurrences of a pair that is merged. Default 2. */
  readonly minFrequency?: number;
}

export interface BpeModel {
  /** Bytes of each token; ids 0 to 255 are the single bytes. */
  readonly tokens: readonly Uint8Array[];
  /** Pairs of ids in the order in which they merge. */
  readonly merges: readonly (readonly [number, number])[];
}

export function trainBpe(texts: Iterable<string>, options: BpeOptions): BpeModel {
  if (!Number.isInteger(options.vocabSize) || options.vocabSize < 256 || options.vocabSize > 0xffff) {
    throw new TrainError(
      "config",
      `a byte-level vocabulary has 256 to 65535 tokens, got ${options.vocabSize}`,
    );
  }
  return mergeWords(countPreTokens(texts, options.addedTokens ?? []), options);
}

/** Pre-token -> occurrences. */
export function countPreTokens(texts: Iterable<string>, addedTokens: readonly string[]): Map<string, number> {
  const pattern = new RegExp(PRE_TOKEN_PATTERN, "gu");
  const escaped = addedTokens.map((t) => t.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  const cut = escaped.length > 0 ? new RegExp(escaped.join("|"), "u") : null;
  const counts = new Map<string, number>();
  for (const text of texts) {
    for (const piece of cut === null ? [text] : text.split(cut)) {
      for (const word of piece.match(pattern) ?? []) counts.set(word, (counts.get(word) ?? 0) + 1);
    }
  }
  return counts;
}

interface Pair {
  readonly left: number;
  readonly right: number;
  readonly count: number;
}

function mergeWords(counts: ReadonlyMap<string, number>, options: BpeOptions): BpeModel {
  const tokens = Array.from({ length: 256 }, (_, byte) => Uint8Array.of(byte));
  const idOf = new Map(tokens.map((bytes, id) => [latin1(bytes), id]));
  const merges: [number, number][] = [];
  const utf8 = new TextEncoder();
  const words: number[][] = [];
  const occurrences: number[] = [];
  for (const [word, count] of counts) {
    words.push([...utf8.encode(word)]);
    occurrences.push(count);
  }

  const pairCounts = new Map<number, number>();
  const pairWords = new Map<number, Set<number>>();
  const key = (left: number, right: number) => left * 0x10000 + right;
  const change = (left: number, right: number, by: number, word: number): number => {
    const k = key(left, right);
    pairCounts.set(k, (pairCounts.get(k) ?? 0) + by);
    if (by > 0) {
      const where = pairWords.get(k);
      if (where === undefined) pairWords.set(k, new Set([word]));
      else where.add(word);
    }
    return k;
  };
  words.forEach((word, w) => {
    for (let i = 1; i < word.length; i++) change(word[i - 1]!, word[i]!, occurrences[w]!, w);
  });

  const heap = new MaxHeap<Pair>(
    (a, b) =>
      a.count - b.count ||
      compareBytes(tokens[b.left]!, tokens[a.left]!) ||
      compareBytes(tokens[b.right]!, tokens[a.right]!),
  );
  const least = options.minFrequency ?? 2;
  const offered = new Map<number, number>();
  const offer = (k: number) => {
    const count = pairCounts.get(k)!;
    if (count < least || offered.get(k) === count) return;
    offered.set(k, count);
    heap.push({ left: Math.floor(k / 0x10000), right: k % 0x10000, count });
  };
  for (const k of pairCounts.keys()) offer(k);

  while (tokens.length < options.vocabSize) {
    const best = heap.pop();
    if (best === undefined) break;
    const k = key(best.left, best.right);
    if (pairCounts.get(k) !== best.count) continue; // an outdated offer; the current count was offered too
    const bytes = new Uint8Array([...tokens[best.left]!, ...tokens[best.right]!]);
    // Two ways to the same bytes share one token.
    const id = idOf.get(latin1(bytes)) ?? tokens.length;
    if (id === tokens.length) {
      tokens.push(bytes);
      idOf.set(latin1(bytes), id);
    }
    merges.push([best.left, best.right]);
    const touched = new Set<number>();
    for (const w of pairWords.get(k)!) {
      mergeWord(words[w]!, best.left, best.right, id, (left, right, sign) =>
        touched.add(change(left, right, sign * occurrences[w]!, w)),
      );
    }
    pairCounts.delete(k);
    pairWords.delete(k);
    touched.delete(k);
    for (const t of touched) offer(t);
  }
  return { tokens, merges };
}

/** Replaces (left, right) by `id` in place, from the left, and reports each pair that comes (+1) or goes (-1). */
function mergeWord(
  word: number[],
  left: number,
  right: number,
  id: number,
  report: (left: number, right: number, sign: 1 | -1) => void,
): void {
  const before = [...word];
  let to = 0;
  for (let i = 0; i < before.length; i++) {
    const hit = before[i] === left && before[i + 1] === right;
    word[to++] = hit ? id : before[i]!;
    if (hit) i++;
  }
  if (to === before.length) return;
  word.length = to;
  for (let i = 1; i < before.length; i++) report(before[i - 1]!, before[i]!, -1);
  for (let i = 1; i < to; i++) report(word[i - 1]!, word[i]!, 1);
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const n = Math.min(a.length, b.length);
  for (let i = 0; i < n; i++) if (a[i] !== b[i]) return a[i]! - b[i]!;
  return a.length - b.length;
}

const latin1 = (bytes: Uint8Array): string => String.fromCharCode(...bytes);
