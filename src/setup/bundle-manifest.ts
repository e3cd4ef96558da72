/**
 * A bundle: archives of parts, cut into pieces of a size that a slow way can carry, and `bundle.json`, which names every
 * piece with its hash and says what unpacks from it. An archive is usable without the others.
 */

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { TrainError } from "../core/errors.js";
import { fileRecord, ortPart, tfjsPart } from "../engine/accelerator/installed.js";

export const BUNDLE = "bundle.json";
export const COMPRESSIONS = ["xz", "zstd", "gzip"] as const;
export type Compression = (typeof COMPRESSIONS)[number];

const archive = z.strictObject({
  compression: z.enum(COMPRESSIONS),
  parts: z.array(z.string()).describe("folders it unpacks to, below .gpu"),
  unpackedBytes: z.number().int(),
  files: z.array(fileRecord).describe("the libraries, as they are after unpacking"),
  pieces: z.array(fileRecord),
});
export type Archive = z.infer<typeof archive>;

const bundle = z.strictObject({
  format: z.literal(1),
  made: z.string(),
  capability: z.number().optional().describe("compute capability whose code is in it; all when absent"),
  archives: z.partialRecord(z.enum(["tfjs", "ort-cuda"]), archive),
  tfjs: tfjsPart.optional(),
  ort: ortPart.optional(),
});
export type Bundle = z.infer<typeof bundle>;

/** The manifest of the bundle in `dir`. @throws TrainError usage: there is none; data: it is of another version */
export function readBundle(dir: string): Bundle {
  const path = join(dir, BUNDLE);
  if (!existsSync(path))
    throw new TrainError("usage", `expected a bundle in ${dir}, got no ${BUNDLE}`, {
      hint: "copy it together with the pieces; scripts/setup --bundle DIR writes both",
    });
  const parsed = bundle.safeParse(tryJson(readFileSync(path, "utf8")));
  if (!parsed.success)
    throw new TrainError("data", `${path} is not a bundle of this version`, {
      details: [z.prettifyError(parsed.error)],
      hint: "make it again with scripts/setup --bundle DIR from the same checkout",
    });
  return parsed.data;
}

/** `48M`, `100k`, `1G` in binary units, or plain bytes. */
export function pieceSize(text: string): number {
  const match = /^(\d+)\s*([kKmMgG]?)(?:i?B)?$/.exec(text);
  const unit = { "": 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30 }[match?.[2]?.toLowerCase() ?? ""] ?? 1;
  const bytes = match === null ? 0 : Number(match[1]) * unit;
  if (bytes < 2 ** 16)
    throw new TrainError("usage", `expected a piece size of 64k or more, like 48M, got ${text}`, {
      hint: "--piece-size 48M",
    });
  return bytes;
}

function tryJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
