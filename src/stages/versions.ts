/** Versions that a run records: ours, Node's and those of the packages that decide numbers. */

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const PACKAGES = ["onnxruntime-node", "@huggingface/tokenizers", "@huggingface/jinja"] as const;

export function versions(): Record<string, string> {
  const out: Record<string, string> = {
    veriloop: versionIn(join(dirname(fileURLToPath(import.meta.url)), "../../package.json")),
    node: process.version,
    platform: `${process.platform}-${process.arch}`,
  };
  const { resolve } = createRequire(import.meta.url);
  for (const name of PACKAGES) {
    const entry = resolve(name);
    const root = entry.slice(0, entry.lastIndexOf(`node_modules/${name}`) + `node_modules/${name}`.length);
    out[name] = versionIn(join(root, "package.json"));
  }
  return out;
}

const versionIn = (file: string): string => String(JSON.parse(readFileSync(file, "utf8")).version);
