/**
 * The safetensors header: 8 bytes of little-endian length, then JSON that gives each tensor's type, shape and place.
 * Nothing in it is trusted: lengths, dtypes, shapes and offsets are checked before a tensor is looked at, and the data
 * must be covered exactly, without overlap or hole. Format: https://github.com/huggingface/safetensors#format.
 */

import { messageOf, TrainError } from "../core/errors.js";

/** Bytes of one element. */
export const BYTES = {
  F64: 8,
  F32: 4,
  F16: 2,
  BF16: 2,
  I64: 8,
  I32: 4,
  I16: 2,
  I8: 1,
  U64: 8,
  U32: 4,
  U16: 2,
  U8: 1,
  BOOL: 1,
} as const;

export type Dtype = keyof typeof BYTES;

export interface TensorInfo {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  /** From the first byte of data, end exclusive. */
  readonly begin: number;
  readonly end: number;
}

export interface Header {
  readonly metadata: Readonly<Record<string, string>>;
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  /** Where the data starts in the file. */
  readonly dataStart: number;
}

/** A tensor to write, or one that was read. `data` holds little-endian values of `dtype`. */
export interface Tensor {
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly data: Uint8Array;
}

/** The reference implementation's limit. */
export const MAX_HEADER_BYTES = 100_000_000;

/** @throws TrainError checkpoint, always: `where` is the file, with the tensor if there is one */
export const fail = (where: string, message: string, hint?: string): never => {
  throw new TrainError("checkpoint", `${where}: ${message}`, hint === undefined ? {} : { hint });
};
export const TRUNCATED = "the file is damaged or was cut off while it was copied; fetch it again";

/**
 * Checks and reads a header. `text` is the JSON between byte 8 and `8 + headerBytes`; `fileBytes` is the whole size.
 * @throws TrainError "checkpoint" naming the tensor, what was expected and what was found.
 */
export function parseHeader(text: string, headerBytes: number, fileBytes: number, where: string): Header {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (e) {
    return fail(where, `the header is not JSON (${messageOf(e)})`, TRUNCATED);
  }
  if (!isObject(json)) return fail(where, "the header must be a JSON object");
  const dataStart = 8 + headerBytes;
  const dataBytes = fileBytes - dataStart;
  const tensors = new Map<string, TensorInfo>();
  for (const [name, entry] of Object.entries(json)) {
    if (name !== "__metadata__") tensors.set(name, parseEntry(name, entry, dataBytes, where));
  }
  checkCoverage([...tensors.values()], dataBytes, where);
  return { metadata: parseMetadata(json.__metadata__, where), tensors, dataStart };
}

const isObject = (x: unknown): x is Record<string, unknown> =>
  typeof x === "object" && x !== null && !Array.isArray(x);
const isCount = (x: unknown): x is number => Number.isSafeInteger(x) && (x as number) >= 0;

function parseMetadata(value: unknown, where: string): Record<string, string> {
  if (value === undefined) return {};
  if (!isObject(value) || Object.values(value).some((v) => typeof v !== "string")) {
    return fail(where, "__metadata__ must map strings to strings");
  }
  return value as Record<string, string>;
}

function parseEntry(name: string, entry: unknown, dataBytes: number, where: string): TensorInfo {
  const at = `tensor ${JSON.stringify(name)}`;
  if (!isObject(entry)) return fail(where, `${at} must be an object`);
  const { dtype, shape, data_offsets: offsets } = entry;
  if (typeof dtype !== "string" || !Object.hasOwn(BYTES, dtype)) {
    const known = Object.keys(BYTES).join(", ");
    return fail(where, `${at} has dtype ${JSON.stringify(dtype)}, expected one of ${known}`);
  }
  if (!Array.isArray(shape) || !shape.every(isCount)) {
    return fail(where, `${at} has shape ${JSON.stringify(shape)}, expected a list of whole numbers >= 0`);
  }
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isCount)) {
    return fail(where, `${at} has data_offsets ${JSON.stringify(offsets)}, expected [begin, end]`);
  }
  const [begin, end] = offsets as [number, number];
  if (begin > end || end > dataBytes) {
    const got = `data_offsets [${begin}, ${end}]`;
    return fail(where, `${at} has ${got}, but the file holds ${dataBytes} bytes of data`, TRUNCATED);
  }
  const expected = shape.reduce((n: number, d: number) => n * d, BYTES[dtype as Dtype]);
  if (expected !== end - begin) {
    const need = `shape [${shape}] of ${dtype} needs ${expected} bytes`;
    return fail(where, `${at}: ${need}, data_offsets give ${end - begin}`);
  }
  return { name, dtype: dtype as Dtype, shape, begin, end };
}

function checkCoverage(tensors: TensorInfo[], dataBytes: number, where: string): void {
  tensors.sort((a, b) => a.begin - b.begin || a.end - b.end);
  let at = 0;
  let previous = "the start of the data";
  for (const t of tensors) {
    if (t.begin < at) fail(where, `tensor ${JSON.stringify(t.name)} overlaps ${previous}`);
    if (t.begin > at) {
      fail(where, `${t.begin - at} unused bytes between ${previous} and tensor ${JSON.stringify(t.name)}`);
    }
    at = t.end;
    previous = `tensor ${JSON.stringify(t.name)}`;
  }
  if (at !== dataBytes) fail(where, `${dataBytes - at} trailing bytes after ${previous}`, TRUNCATED);
}

/**
 * Bytes of the length prefix and header, and the tensors in the order in which they are laid out: by falling element
 * size, then by name, as the reference writer does, so that every tensor is aligned. Equal input, equal bytes.
 */
export function layout(
  tensors: ReadonlyMap<string, Tensor>,
  metadata: Readonly<Record<string, string>> = {},
): { readonly head: Uint8Array; readonly order: readonly string[] } {
  const byName = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
  const size = (name: string) => BYTES[tensors.get(name)!.dtype];
  const order = [...tensors.keys()].sort((a, b) => size(b) - size(a) || byName(a, b));
  // A list of entries, not an object literal: names such as "12" or "__proto__" must stay as they are.
  const entries: [string, unknown][] = [];
  const meta = Object.entries(metadata).sort(([a], [b]) => byName(a, b));
  if (meta.length > 0) entries.push(["__metadata__", Object.fromEntries(meta)]);
  let at = 0;
  for (const name of order) {
    const { dtype, shape, data } = tensors.get(name)!;
    entries.push([name, { dtype, shape, data_offsets: [at, at + data.byteLength] }]);
    at += data.byteLength;
  }
  const json = `{${entries.map(([k, v]) => `${JSON.stringify(k)}:${JSON.stringify(v)}`).join(",")}}`;
  const text = new TextEncoder().encode(json);
  const padded = Math.ceil(text.length / 8) * 8;
  const head = new Uint8Array(8 + padded).fill(0x20);
  new DataView(head.buffer).setBigUint64(0, BigInt(padded), true);
  head.set(text, 8);
  return { head, order };
}
