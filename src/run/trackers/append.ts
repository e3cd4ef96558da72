/** Append-only files that stay readable: what a full disk or a kill tore is cut off before anything follows it. */

import { closeSync, fstatSync, fsyncSync, ftruncateSync, openSync, readSync } from "node:fs";
import { writeAll } from "../files.js";

export interface AppendFile {
  /** Appends all of `data`. @throws the system's error, after which the file is as it was before the call */
  append(data: Uint8Array | string): void;
  /** Bytes in the file. */
  size(): number;
  sync(): void;
  close(): void;
}

/** Opens or creates `path`; `repair` may shorten what is there and returns its new size. */
export function openAppend(path: string, repair: (fd: number) => number): AppendFile {
  const fd = openSync(path, "a+");
  let size = repair(fd);
  return {
    append(data) {
      const bytes = typeof data === "string" ? Buffer.from(data) : data;
      try {
        writeAll(fd, bytes);
        size += bytes.length;
      } catch (error) {
        ftruncateSync(fd, size);
        throw error;
      }
    },
    size: () => size,
    sync: () => fsyncSync(fd),
    close: () => closeSync(fd),
  };
}

/** Truncates the file after its last newline and returns its size. */
export function cutTornLine(fd: number): number {
  const size = fstatSync(fd).size;
  const chunk = Buffer.alloc(64 * 1024);
  let end = size;
  while (end > 0) {
    const start = Math.max(0, end - chunk.length);
    const n = readSync(fd, chunk, 0, end - start, start);
    const at = chunk.subarray(0, n).lastIndexOf(10);
    if (at >= 0) {
      end = start + at + 1;
      break;
    }
    end = start;
  }
  if (end !== size) ftruncateSync(fd, end);
  return end;
}
