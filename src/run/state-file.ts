/**
 * What a stage keeps in a checkpoint besides the weights: `state.json`, with a format number, and its long arrays in
 * `state.safetensors`. They lie beside the manifest and not in it, because the manifests of all checkpoints are read at
 * every save.
 */

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { messageOf, TrainError } from "../core/errors.js";
import type { Packed } from "../core/packed.js";
import { readArrays, writeArrays } from "./arrays.js";
import type { Checkpoint } from "./checkpoints.js";

/** Format 1 was kept in the manifest (src/stages/format-1.ts). */
export const STATE_FORMAT = 2;
const ARRAYS = "state.safetensors";
const envelopeSchema = z.object({ format: z.int(), stage: z.string(), state: z.unknown() });

/** Writes into the folder of a checkpoint in the making, which is synced as a whole when it is finished. */
export async function writeState(dir: string, stage: string, { json, arrays }: Packed): Promise<void> {
  const text = JSON.stringify({ format: STATE_FORMAT, stage, state: json });
  writeFileSync(join(dir, "state.json"), `${text}\n`);
  if (Object.keys(arrays).length > 0) await writeArrays(join(dir, ARRAYS), arrays);
}

/**
 * @param unpack checks what was read and returns it in the form that the stage works with
 * @throws TrainError data naming the file, what was expected and what was found
 */
export async function readState<T>(
  checkpoint: Checkpoint,
  stage: string,
  unpack: (packed: Packed) => T,
): Promise<T> {
  const { dir, manifest } = checkpoint;
  const refuse = refuserOf(checkpoint, "state.json");
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(join(dir, "state.json"), "utf8"));
  } catch (error) {
    return refuse(`expected the state of stage ${stage} as JSON: ${messageOf(error)}`, error);
  }
  const envelope = envelopeSchema.safeParse(json);
  if (!envelope.success) return refuse(`expected {format, stage, state}: ${describe(envelope.error)}`);
  const { format, stage: owner, state } = envelope.data;
  if (format !== STATE_FORMAT)
    return refuse(`expected a state of format ${STATE_FORMAT}, found format ${format}`);
  if (owner !== stage) return refuse(`expected the state of stage ${stage}, found that of stage ${owner}`);
  try {
    const arrays = ARRAYS in manifest.files ? await readArrays(join(dir, ARRAYS)) : {};
    return unpack({ json: state, arrays });
  } catch (error) {
    return refuse(
      `expected the state of stage ${stage} in format ${STATE_FORMAT}: ${describe(error)}`,
      error,
    );
  }
}

/** The same for a checkpoint whose manifest holds the state (format 1). */
export function readStateInManifest<T>(
  checkpoint: Checkpoint,
  stage: string,
  unpack: (extra: unknown) => T,
): T {
  try {
    return unpack(checkpoint.manifest.extra);
  } catch (error) {
    const refuse = refuserOf(checkpoint, "manifest.json");
    return refuse(`expected the state of stage ${stage} in format 1: ${describe(error)}`, error);
  }
}

const refuserOf =
  ({ dir, manifest }: Checkpoint, file: string) =>
  (what: string, cause?: unknown): never => {
    throw new TrainError("data", `${join(dir, file)}: ${what}`, {
      hint:
        `resume the run with veriloop ${manifest.version}, which wrote it, ` +
        "or start another run with run.name=OTHER",
      cause,
    });
  };

/** The first thing that is wrong, with its place. */
function describe(error: unknown): string {
  if (!(error instanceof z.ZodError)) return messageOf(error);
  const first = error.issues[0]!;
  return first.path.length === 0 ? first.message : `${first.path.join(".")}: ${first.message}`;
}
