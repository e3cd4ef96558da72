/**
 * Reads wheels: zip archives of up to 4 GiB, entry by entry as streams, so that a gigabyte library never lies in memory.
 * Stored and deflated entries only; no zip64, no encryption, which wheels do not use.
 */

import { createHash } from "node:crypto";
import { createReadStream, createWriteStream, mkdirSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { dirname } from "node:path";
import { PassThrough, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { crc32, createInflateRaw } from "node:zlib";
import { TrainError } from "../core/errors.js";

export interface ZipEntry {
  readonly name: string;
  readonly method: number;
  readonly crc: number;
  readonly packed: number; // bytes
  readonly bytes: number;
  readonly headerAt: number;
}

export interface Extracted {
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
}

const END = 0x06054b50;
const CENTRAL = 0x02014b50;
const LOCAL = 0x04034b50;

const damaged = (path: string, what: string): TrainError =>
  new TrainError("data", `${path} is not a whole zip archive: ${what}`, {
    hint: "run it again: what is damaged is downloaded again",
  });

/** The archive's directory. */
export async function zipEntries(path: string): Promise<ZipEntry[]> {
  const file = await open(path, "r");
  try {
    const { size } = await file.stat();
    const tail = await bytesAt(file, Math.max(0, size - 65_557), Math.min(size, 65_557), path);
    let end = tail.length - 22;
    while (end >= 0 && tail.readUInt32LE(end) !== END) end--;
    if (end < 0) throw damaged(path, "its directory is missing");
    const [count, length, at] = [
      tail.readUInt16LE(end + 10),
      tail.readUInt32LE(end + 12),
      tail.readUInt32LE(end + 16),
    ];
    if (at === 0xffffffff || at + length > size) throw damaged(path, "its directory lies outside the file");
    const directory = await bytesAt(file, at, length, path);
    const entries: ZipEntry[] = [];
    for (let p = 0, i = 0; i < count; i++) {
      if (p + 46 > length || directory.readUInt32LE(p) !== CENTRAL)
        throw damaged(path, `entry ${i} of its directory is cut off`);
      const nameLength = directory.readUInt16LE(p + 28);
      entries.push({
        name: directory.toString("utf8", p + 46, p + 46 + nameLength),
        method: directory.readUInt16LE(p + 10),
        crc: directory.readUInt32LE(p + 16),
        packed: directory.readUInt32LE(p + 20),
        bytes: directory.readUInt32LE(p + 24),
        headerAt: directory.readUInt32LE(p + 42),
      });
      p += 46 + nameLength + directory.readUInt16LE(p + 30) + directory.readUInt16LE(p + 32);
    }
    return entries;
  } finally {
    await file.close();
  }
}

/** Writes one entry to `to` and returns what was written; its length and CRC are checked. */
export async function extractEntry(path: string, entry: ZipEntry, to: string): Promise<Extracted> {
  const file = await open(path, "r");
  let start: number;
  try {
    const local = await bytesAt(file, entry.headerAt, 30, path);
    if (local.readUInt32LE(0) !== LOCAL) throw damaged(path, `${entry.name} has no header`);
    start = entry.headerAt + 30 + local.readUInt16LE(26) + local.readUInt16LE(28);
  } finally {
    await file.close();
  }
  if (entry.method !== 0 && entry.method !== 8)
    throw damaged(path, `${entry.name} is packed by method ${entry.method}; only 0 and 8 are read`);
  mkdirSync(dirname(to), { recursive: true });
  const hash = createHash("sha256");
  let [crc, bytes] = [0, 0];
  const watch = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      crc = crc32(chunk, crc);
      bytes += chunk.length;
      done(null, chunk);
    },
  });
  const source =
    entry.packed === 0
      ? PassThrough.from([])
      : createReadStream(path, { start, end: start + entry.packed - 1, highWaterMark: 1 << 20 });
  try {
    await pipeline(
      source,
      entry.method === 8 ? createInflateRaw() : new PassThrough(),
      watch,
      createWriteStream(to),
    );
  } catch (error) {
    if (String((error as NodeJS.ErrnoException).code).startsWith("Z_"))
      throw damaged(path, `${entry.name} cannot be unpacked`);
    throw error;
  }
  if (bytes !== entry.bytes || crc !== entry.crc) throw damaged(path, `${entry.name} has another check sum`);
  return { path: to, bytes, sha256: hash.digest("hex") };
}

async function bytesAt(file: FileHandle, at: number, length: number, path: string): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  const { bytesRead } = await file.read(buffer, 0, length, at);
  if (bytesRead !== length) throw damaged(path, `it ends before byte ${at + length}`);
  return buffer;
}
