/** The weight files of a model directory: one `model.safetensors`, or the shards that an index names. */

import { join } from "node:path";
import { z } from "zod";
import { TrainError } from "../core/errors.js";
import { clip, listDir, readJson } from "./hf-files.js";
import { openSafetensors, type SafetensorsFile } from "./safetensors.js";

export const SINGLE = "model.safetensors";
const INDEX = "model.safetensors.index.json";

/** The caller closes the files. */
export async function openShards(dir: string): Promise<SafetensorsFile[]> {
  const names = await listDir(dir);
  if (names.includes(SINGLE)) return [await openSafetensors(join(dir, SINGLE))];
  if (!names.includes(INDEX)) throw noWeights(dir, names);
  const map = await readIndex(join(dir, INDEX));
  const shards = [...new Set(Object.values(map))].sort();
  const missing = shards.filter((shard) => !names.includes(shard));
  if (missing.length > 0) {
    throw new TrainError(
      "checkpoint",
      `${dir}: ${missing.length} of ${shards.length} weight files are missing`,
      {
        details: missing,
        hint: "finish the download; every file named in model.safetensors.index.json is needed",
      },
    );
  }
  const files: SafetensorsFile[] = [];
  try {
    for (const shard of shards) files.push(await openSafetensors(join(dir, shard)));
    checkIndex(dir, map, shards, files);
  } catch (e) {
    for (const file of files) await file.close();
    throw e;
  }
  return files;
}

function noWeights(dir: string, names: readonly string[]): TrainError {
  const pickle = names.find((name) => /\.(bin|pt|pth|ckpt|pkl)$/.test(name));
  if (pickle === undefined) {
    return new TrainError("data", `${dir} holds neither ${SINGLE} nor ${INDEX}`, {
      hint: "weights are read from safetensors files",
    });
  }
  return new TrainError(
    "data",
    `${dir} holds ${pickle}, a pickle: it is never loaded, since loading one can run code`,
    {
      hint: "convert it once in a place you trust: model.save_pretrained(dir, safe_serialization=True) in transformers",
    },
  );
}

/** weight_map of an index file. Shards are plain file names: a path could leave the directory. */
async function readIndex(path: string): Promise<Readonly<Record<string, string>>> {
  const shard = z
    .string()
    .regex(/^[^/\\]+\.safetensors$/, "expected the name of a .safetensors file beside the index");
  const parsed = z.looseObject({ weight_map: z.record(z.string(), shard) }).safeParse(await readJson(path));
  if (parsed.success) return parsed.data.weight_map;
  throw new TrainError("data", `${path} is not an index of weight files`, {
    details: clip(parsed.error.issues.map((i) => `${i.path.join(" > ") || "(top)"}: ${i.message}`)),
  });
}

function checkIndex(
  dir: string,
  map: Readonly<Record<string, string>>,
  shards: readonly string[],
  files: readonly SafetensorsFile[],
): void {
  const details: string[] = [];
  shards.forEach((shard, i) => {
    for (const name of files[i]!.header.tensors.keys()) {
      if (map[name] !== shard)
        details.push(`${shard} holds ${name}, which the index puts in ${map[name] ?? "no file"}`);
    }
  });
  for (const [name, shard] of Object.entries(map)) {
    if (!files[shards.indexOf(shard)]!.header.tensors.has(name)) details.push(`${shard} lacks ${name}`);
  }
  if (details.length > 0) {
    throw new TrainError("checkpoint", `${dir}: ${INDEX} does not match its files`, {
      details: clip(details),
    });
  }
}
