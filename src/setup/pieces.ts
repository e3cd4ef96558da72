/** Folders to compressed pieces and back, as streams through tar and a compressor. */

import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import {
  closeSync,
  createReadStream,
  existsSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { TrainError } from "../core/errors.js";
import type { FileRecord } from "../engine/accelerator/installed.js";
import type { Compression } from "./bundle-manifest.js";
import { type Effects, megabytes, sha256Of } from "./effects.js";

/** The level where none is given: near the smallest, which takes minutes a gigabyte. */
const LEVELS: Readonly<Record<Compression, number>> = { xz: 6, zstd: 19, gzip: 9 };
/** All unpack in a few hundred megabytes of memory; xz also rewrites x86 jump targets, which saves a tenth. */
const packCommand = (compression: Compression, level = LEVELS[compression]): string =>
  ({
    xz: `xz -c -T0 --x86 --lzma2=preset=${level}`,
    zstd: `zstd -c -q -${level} --long=27 -T0`,
    gzip: `gzip -c -${level}`,
  })[compression];
/** In order of preference; Python's lzma reads xz where there is no xz. */
const UNPACK: Readonly<
  Record<Compression, readonly { readonly program: string; readonly command: string }[]>
> = {
  xz: [
    { program: "xz", command: "xz -dc -T0" },
    {
      program: "python3",
      command: `python3 -c "import lzma, shutil, sys; shutil.copyfileobj(lzma.open(sys.stdin.buffer), sys.stdout.buffer, 1 << 20)"`,
    },
  ],
  zstd: [{ program: "zstd", command: "zstd -dc --long=27" }],
  gzip: [{ program: "gzip", command: "gzip -dc" }],
};

/** The first compressor of the list that this host has. */
export async function chooseCompression(effects: Effects): Promise<Compression> {
  for (const name of ["xz", "zstd", "gzip"] as const)
    if ((await effects.run(name, ["--version"])).code === 0) return name;
  throw new TrainError("tool", "expected xz, zstd or gzip, got none", {
    hint: "sudo apt-get install -y xz-utils",
  });
}

/** Packs `names` (folders of `from`) into `dir/NAME.tar.EXT.000` and so on. Names and times are fixed, so bytes repeat. */
export async function packPieces(
  from: string,
  names: readonly string[],
  compression: Compression,
  prefix: string,
  bytesPerPiece: number,
  level?: number,
): Promise<FileRecord[]> {
  const script =
    'set -o pipefail; from="$1"; shift; ' +
    `tar -C "$from" --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -cf - "$@" | ${packCommand(compression, level)}`;
  const child = spawn("bash", ["-c", script, "pack", from, ...names], { stdio: ["ignore", "pipe", "pipe"] });
  const ended = endOf(child);
  const pieces = await cut(child.stdout, prefix, bytesPerPiece);
  try {
    await ended;
  } catch (error) {
    for (const { path } of pieces) rmSync(join(dirname(prefix), path), { force: true }); // of an archive that is not whole
    throw error;
  }
  return pieces;
}

async function cut(stream: Readable, prefix: string, bytesPerPiece: number): Promise<FileRecord[]> {
  const pieces: FileRecord[] = [];
  let [fd, bytes, hash, name] = [-1, 0, createHash("sha256"), ""];
  const close = (): void => {
    if (fd < 0) return;
    closeSync(fd);
    renameSync(`${name}.part`, name);
    pieces.push({ path: name.slice(name.lastIndexOf("/") + 1), bytes, sha256: hash.digest("hex") });
    fd = -1;
  };
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    for (let at = 0; at < chunk.length; ) {
      if (fd < 0) {
        name = `${prefix}.${String(pieces.length).padStart(3, "0")}`;
        [fd, bytes, hash] = [openSync(`${name}.part`, "w"), 0, createHash("sha256")];
      }
      const part = chunk.subarray(at, at + bytesPerPiece - bytes);
      for (let done = 0; done < part.length; ) done += writeSync(fd, part, done);
      hash.update(part);
      bytes += part.length;
      at += part.length;
      if (bytes === bytesPerPiece) close();
    }
  }
  close();
  return pieces;
}

/**
 * Which pieces are there: `none` (not carried), or all of them with their hashes right.
 * @throws TrainError `data` naming each piece that is missing, cut short or changed
 */
export async function checkPieces(dir: string, pieces: readonly FileRecord[]): Promise<"none" | "all"> {
  const there = pieces.filter((p) => existsSync(join(dir, p.path)));
  if (there.length === 0) return "none";
  const wrong: string[] = [];
  for (const piece of pieces) {
    const path = join(dir, piece.path);
    if (!existsSync(path)) wrong.push(`${piece.path} is missing`);
    else if (statSync(path).size !== piece.bytes)
      wrong.push(`${piece.path} has ${statSync(path).size} of ${piece.bytes} bytes`);
    else if ((await sha256Of(path)) !== piece.sha256) wrong.push(`${piece.path} has another sha256`);
  }
  if (wrong.length === 0) return "all";
  throw new TrainError(
    "data",
    `expected ${pieces.length} whole pieces in ${dir}, got ${pieces.length - wrong.length}`,
    {
      details: wrong,
      hint: "copy these again and run it again; nothing was changed",
    },
  );
}

/** Unpacks whole pieces into `to`, which exists. */
export async function unpackPieces(
  dir: string,
  pieces: readonly FileRecord[],
  compression: Compression,
  to: string,
  effects: Effects,
): Promise<void> {
  let command: string | undefined;
  for (const way of UNPACK[compression])
    if ((await effects.run(way.program, ["--version"])).code === 0) {
      command = way.command;
      break;
    }
  if (command === undefined)
    throw new TrainError("tool", `expected ${compression} to unpack the bundle, got none`, {
      hint: `sudo apt-get install -y ${compression === "xz" ? "xz-utils" : compression}`,
    });
  effects.say(`unpacking ${pieces.length} pieces, ${megabytes(pieces.reduce((sum, p) => sum + p.bytes, 0))}`);
  const script = `set -o pipefail; ${command} | tar -C "$1" --no-same-owner -xf -`;
  const child = spawn("bash", ["-c", script, "unpack", to], { stdio: ["pipe", "ignore", "pipe"] });
  const ended = endOf(child);
  try {
    await pipeline(Readable.from(concat(dir, pieces)), child.stdin);
  } catch {
    // The reader went away: its exit code says why.
  }
  await ended;
}

async function* concat(dir: string, pieces: readonly FileRecord[]): AsyncGenerator<Buffer> {
  for (const { path } of pieces)
    for await (const chunk of createReadStream(join(dir, path), { highWaterMark: 1 << 20 }))
      yield chunk as Buffer;
}

function endOf(child: ReturnType<typeof spawn>): Promise<void> {
  let words = "";
  child.stderr?.on("data", (chunk: Buffer) => {
    words = (words + chunk.toString()).slice(-2000);
  });
  const ended = new Promise<void>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => {
      if (code === 0) return resolve();
      if (/No space left/.test(words))
        return reject(Object.assign(new Error(words.trim()), { code: "ENOSPC" }));
      reject(
        new TrainError("tool", `tar or its compressor ended with ${code}`, {
          details: words.trim().split("\n").slice(-3),
        }),
      );
    });
  });
  ended.catch(() => {}); // awaited later
  return ended;
}
