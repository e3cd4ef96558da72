/** Arrays of numbers by name, in one safetensors file each: written whole or not at all, and synced. */

import type { Arrays, NumberArray } from "../core/packed.js";
import type { Dtype, Tensor } from "../model/safetensors.js";
import { readSafetensors, tensorOf, writeSafetensors } from "../model/safetensors.js";
import { errnoOf, ioError } from "./files.js";

const dtypeOf = (array: NumberArray): Dtype =>
  array instanceof Int32Array ? "I32" : array instanceof Float32Array ? "F32" : "U8";

/** @throws TrainError tool when the disk is full or not writable; a half-written file is never seen */
export async function writeArrays(path: string, arrays: Arrays): Promise<void> {
  const tensors = Object.entries(arrays).map(
    ([name, array]) => [name, tensorOf(dtypeOf(array), [array.length], array)] as const,
  );
  try {
    await writeSafetensors(path, new Map(tensors));
  } catch (error) {
    const cause = error instanceof Error ? error.cause : undefined;
    throw ioError(errnoOf(cause) === undefined ? error : cause, "write", path);
  }
}

/** @throws TrainError checkpoint when the file is not there, damaged, or holds other types than `writeArrays` writes */
export async function readArrays(path: string): Promise<Arrays> {
  const { tensors } = await readSafetensors(path);
  return Object.fromEntries(
    [...tensors].map(([name, tensor]) => [name, arrayOf(tensor, `${path}: ${name}`)]),
  );
}

function arrayOf({ dtype, data }: Tensor, where: string): NumberArray {
  const { buffer, byteOffset, byteLength } = data;
  if (dtype === "I32") return new Int32Array(buffer, byteOffset, byteLength / 4);
  if (dtype === "F32") return new Float32Array(buffer, byteOffset, byteLength / 4);
  if (dtype === "U8") return new Uint8Array(buffer, byteOffset, byteLength);
  throw new Error(`${where} has dtype ${dtype}, expected I32, F32 or U8`);
}
