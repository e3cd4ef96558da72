/**
 * An append-only file of lines that stays readable: a line torn by a kill or a full disk is cut off before the next
 * one is written.
 */

import { closeSync, fstatSync, fsyncSync, ftruncateSync, openSync, readSync } from "node:fs";
import { writeAll } from "../files.js";

export interface LinesFile {
  /** Appends one line; `line` holds no newline. @throws the system's error, after which the file is still whole */
  append(line: string): void;
  sync(): void;
  close(): void;
}

/** Opens or creates `path` and cuts off a last line without its newline. */
export function openLines(path: string): LinesFile {
  const fd = openSync(path, "a+");
  let size = cutTornLine(fd);
  return {
    append(line) {
      const data = Buffer.from(`${line}\n`);
      try {
        writeAll(fd, data);
        size += data.length;
      } catch (error) {
        ftruncateSync(fd, size);
        throw error;
      }
    },
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
