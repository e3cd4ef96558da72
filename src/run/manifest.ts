/**
 * A checkpoint's manifest: every file with its size and SHA-256, written last. A folder without a manifest does not
 * exist as far as the program is concerned; one whose files differ from it is corrupt.
 */

import { createHash } from "node:crypto";
import { createReadStream, lstatSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";

/**
 * Format 1 kept the stage's state in the manifest, under `extra`. Since format 2 it lies in `state.json`, so that the
 * manifests, which are read at every save, stay small.
 */
export const CHECKPOINT_FORMAT = 2;
const READABLE = [1, CHECKPOINT_FORMAT];

const manifestSchema = z.object({
  format: z.literal(READABLE),
  step: z.int().min(0),
  created: z.string(),
  /** Version of the program that wrote it. */
  version: z.string(),
  configHash: z.string(),
  /** What keep-best sorts by, higher is better; null when this step was not evaluated. */
  metric: z.number().nullable(),
  /** Path inside the folder, with `/` -> size and hash. */
  files: z.record(z.string(), z.object({ bytes: z.int().min(0), sha256: z.string() })),
  /** Format 1 only: the state of the stage, plain JSON. */
  extra: z.record(z.string(), z.unknown()).optional(),
});

export type Manifest = z.infer<typeof manifestSchema>;

/** Reads and checks the form of a manifest. @throws Error that says what is wrong */
export function readManifest(dir: string): Manifest {
  let text: string;
  try {
    text = readFileSync(join(dir, "manifest.json"), "utf8");
  } catch {
    throw new Error("it has no manifest.json");
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new Error("manifest.json is not JSON");
  }
  const parsed = manifestSchema.safeParse(json);
  if (!parsed.success) {
    const format = (json as { readonly format?: unknown } | null)?.format;
    if (typeof format === "number" && !READABLE.includes(format))
      throw new Error(`manifest.json has format ${format}; this version reads ${READABLE.join(" and ")}`);
    const first = parsed.error.issues[0]!;
    throw new Error(`manifest.json: ${first.path.join(".")}: ${first.message}`);
  }
  for (const path of Object.keys(parsed.data.files)) {
    if (path.startsWith("/") || path.split("/").includes(".."))
      throw new Error(`manifest.json names ${path}`);
  }
  return parsed.data;
}

/** Every regular file below `dir`, as sorted paths with `/`. */
export function filesBelow(dir: string, prefix = ""): string[] {
  const out: string[] = [];
  for (const entry of readdirSync(join(dir, prefix), { withFileTypes: true })) {
    const path = prefix === "" ? entry.name : `${prefix}/${entry.name}`;
    if (entry.isDirectory()) out.push(...filesBelow(dir, path));
    else if (entry.isFile()) out.push(path);
    else throw new Error(`${path} is neither a file nor a folder; a checkpoint holds nothing else`);
  }
  return out.sort();
}

export async function sha256Of(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk);
  return hash.digest("hex");
}

export async function describeFiles(dir: string): Promise<Manifest["files"]> {
  const files: Manifest["files"] = {};
  for (const path of filesBelow(dir)) {
    const full = join(dir, path);
    files[path] = { bytes: lstatSync(full).size, sha256: await sha256Of(full) };
  }
  return files;
}

/** Compares a checkpoint's files with its manifest. @throws Error that names the first bad file */
export async function verifyFiles(dir: string, manifest: Manifest): Promise<void> {
  for (const [path, expected] of Object.entries(manifest.files)) {
    const full = join(dir, path);
    let bytes: number;
    try {
      bytes = lstatSync(full).size;
    } catch {
      throw new Error(`${path} is missing`);
    }
    if (bytes !== expected.bytes) throw new Error(`${path} has ${bytes} bytes, not ${expected.bytes}`);
    const actual = await sha256Of(full);
    if (actual !== expected.sha256) throw new Error(`${path} has changed (SHA-256 ${actual.slice(0, 12)}…)`);
  }
}
