import { writeFile } from "node:fs/promises";
import { join } from "node:path";

/** Writes a `tokenizer.json` of as many tokens as a vocabulary has, for what only copies or counts them. */
export async function writeTinyTokenizer(dir: string, vocabSize: number): Promise<void> {
  const vocab = Object.fromEntries(Array.from({ length: vocabSize }, (_, i) => [`t${i}`, i]));
  await writeFile(
    join(dir, "tokenizer.json"),
    JSON.stringify({ model: { type: "BPE", vocab, merges: [] }, added_tokens: [] }),
  );
}
