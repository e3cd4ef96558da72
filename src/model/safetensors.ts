/** Safetensors files: checked reading one tensor at a time, and writing that shows the old file or the whole new one. */

import { randomBytes } from "node:crypto";
import { type FileHandle, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { messageOf, TrainError } from "../core/errors.js";
import { bf16ToF32, f16ToF32 } from "./half.js";
import { lfsPointer } from "./hf-files.js";
import {
  BYTES,
  type Dtype,
  fail,
  type Header,
  layout,
  MAX_HEADER_BYTES,
  parseHeader,
  type Tensor,
  TRUNCATED,
} from "./safetensors-header.js";

export type { Dtype, Header, Tensor, TensorInfo } from "./safetensors-header.js";

/** An open file whose header has been checked; tensors are read one at a time. */
export interface SafetensorsFile {
  readonly path: string;
  readonly header: Header;
  /** Raw bytes, aligned at 8, not shared with other tensors. */
  read(name: string): Promise<Tensor>;
  /** F32, F16 or BF16 as float32. */
  readFloats(name: string): Promise<Float32Array>;
  close(): Promise<void>;
}

/** Opens a file and checks its header. @throws TrainError checkpoint: it is not there, damaged, or no such file */
export async function openSafetensors(path: string): Promise<SafetensorsFile> {
  let handle: FileHandle;
  try {
    handle = await open(path, "r");
  } catch (e) {
    throw new TrainError("checkpoint", `cannot open ${path}: ${messageOf(e)}`, { cause: e });
  }
  try {
    const header = await readHeader(handle, path);
    const read = (name: string) => readTensor(handle, header, name, path);
    return {
      path,
      header,
      read,
      readFloats: async (name) => toFloats(await read(name), `${path}: tensor ${JSON.stringify(name)}`),
      close: () => handle.close(),
    };
  } catch (e) {
    await handle.close();
    throw e;
  }
}

async function readHeader(handle: FileHandle, path: string): Promise<Header> {
  const { size } = await handle.stat();
  if (size < 8) fail(path, `${size} bytes, expected at least the 8 bytes of the header length`, TRUNCATED);
  const length = (await readExactly(handle, 0, 8, path)).readBigUInt64LE();
  if (length > BigInt(MAX_HEADER_BYTES)) {
    const start = await readExactly(handle, 0, Math.min(size, 64), path);
    const pointer = lfsPointer(path, start.toString("latin1"));
    if (pointer !== null) throw pointer;
    fail(
      path,
      `header of ${length} bytes, the limit is ${MAX_HEADER_BYTES}`,
      "this is not a safetensors file",
    );
  }
  const headerBytes = Number(length);
  if (8 + headerBytes > size) fail(path, `header of ${headerBytes} bytes in a file of ${size}`, TRUNCATED);
  const bytes = await readExactly(handle, 8, headerBytes, path);
  return parseHeader(decodeUtf8(bytes, path), headerBytes, size, path);
}

function decodeUtf8(bytes: Uint8Array, path: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return fail(path, "the header is not UTF-8", TRUNCATED);
  }
}

async function readTensor(handle: FileHandle, header: Header, name: string, path: string): Promise<Tensor> {
  const info = header.tensors.get(name);
  if (info === undefined) return fail(path, `no tensor ${JSON.stringify(name)}`);
  const data = await readExactly(handle, header.dataStart + info.begin, info.end - info.begin, path);
  return { dtype: info.dtype, shape: info.shape, data };
}

/** One read call moves at most 1 GiB: the system's own limit is 2 GiB. */
const CHUNK = 1 << 30;

async function readExactly(
  handle: FileHandle,
  position: number,
  length: number,
  path: string,
): Promise<Buffer> {
  const buffer = Buffer.from(new ArrayBuffer(length));
  for (let at = 0; at < length; ) {
    const { bytesRead } = await handle.read(buffer, at, Math.min(CHUNK, length - at), position + at);
    if (bytesRead === 0) fail(path, `ends at byte ${position + at}, expected ${length - at} more`, TRUNCATED);
    at += bytesRead;
  }
  return buffer;
}

/** Writes a file so that a reader sees the old one or the whole new one: temporary file, fsync, rename. */
export async function writeSafetensors(
  path: string,
  tensors: ReadonlyMap<string, Tensor>,
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  const { head, order } = layout(tensors, metadata);
  const temporary = `${path}.${process.pid}-${randomBytes(4).toString("hex")}.tmp`;
  try {
    const handle = await open(temporary, "wx");
    try {
      await writeAll(handle, head);
      for (const name of order) await writeAll(handle, tensors.get(name)!.data);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, path);
    await syncDirectory(dirname(path));
  } catch (e) {
    await rm(temporary, { force: true });
    throw new TrainError("checkpoint", `cannot write ${path}: ${messageOf(e)}`, { cause: e });
  }
}

async function writeAll(handle: FileHandle, data: Uint8Array): Promise<void> {
  for (let at = 0; at < data.byteLength; ) {
    const { bytesWritten } = await handle.write(data, at, Math.min(CHUNK, data.byteLength - at));
    at += bytesWritten;
  }
}

async function syncDirectory(dir: string): Promise<void> {
  const handle = await open(dir, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** All tensors of a file, raw. */
export async function readSafetensors(path: string): Promise<{
  readonly metadata: Readonly<Record<string, string>>;
  readonly tensors: ReadonlyMap<string, Tensor>;
}> {
  const file = await openSafetensors(path);
  try {
    const tensors = new Map<string, Tensor>();
    for (const name of file.header.tensors.keys()) tensors.set(name, await file.read(name));
    return { metadata: file.header.metadata, tensors };
  } finally {
    await file.close();
  }
}

/** Float tensor of any stored precision as float32; `where` names it in errors. */
export function toFloats(tensor: Tensor, where: string): Float32Array {
  const { buffer, byteOffset, byteLength } = tensor.data;
  if (tensor.dtype === "F32") return new Float32Array(buffer, byteOffset, byteLength / 4);
  if (tensor.dtype === "BF16") return bf16ToF32(new Uint16Array(buffer, byteOffset, byteLength / 2));
  if (tensor.dtype === "F16") return f16ToF32(new Uint16Array(buffer, byteOffset, byteLength / 2));
  return fail(where, `has dtype ${tensor.dtype}, expected F32, F16 or BF16`);
}

type TypedArray = Float32Array | Int32Array | BigInt64Array | Uint8Array | Uint16Array;

/** Wraps a typed array without copying; the dtype says what its bytes are. */
export function tensorOf(dtype: Dtype, shape: readonly number[], array: TypedArray): Tensor {
  const data = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
  const expected = shape.reduce((n, d) => n * d, BYTES[dtype]);
  if (expected !== data.byteLength) {
    const got = `${data.byteLength} bytes for ${dtype} of shape [${shape}]`;
    throw new TrainError("bug", `tensorOf: got ${got}, expected ${expected}`);
  }
  return { dtype, shape, data };
}
