/**
 * Leaves the GPU code of one compute capability in a shared library and blanks that of all others, so that a bundle for
 * one card is small. Sizes and offsets do not change: the driver picks an entry by its header, which stays, and never
 * reads the payload of another; blanks pack to nothing.
 *
 * Layout (section `.nv_fatbin`; fatbinary.h of the CUDA toolkit): containers of magic u32 0xBA55ED50, version u16,
 * header bytes u16, payload bytes u64; inside, entries of kind u16 (1 PTX, 2 cubin), version u16, header bytes u32,
 * payload bytes u64, ..., at byte 28 the capability u32 (90 for 9.0).
 */

import { type FileHandle, open } from "node:fs/promises";
import { TrainError } from "../core/errors.js";

export interface FatbinEntry {
  /** Which container it is in; the driver chooses within one. */
  readonly container: number;
  readonly kind: "ptx" | "cubin";
  readonly capability: number;
  /** Of the payload, in the section. */
  readonly at: number;
  readonly bytes: number;
}

const MAGIC = 0xba55ed50;

/** Entries of the section; containers start at multiples of 8 with zeros between them. */
export function fatbinEntries(section: Buffer): FatbinEntry[] {
  const entries: FatbinEntry[] = [];
  let [p, container] = [0, 0];
  while (p + 16 <= section.length) {
    const magic = section.readUInt32LE(p);
    if (magic === 0) {
      p += 4;
      continue;
    }
    if (magic !== MAGIC) throw unknownLayout(`byte ${p} starts no container`);
    let e = p + section.readUInt16LE(p + 6);
    const end = e + Number(section.readBigUInt64LE(p + 8));
    if (end > section.length) throw unknownLayout(`a container at byte ${p} ends outside`);
    while (e < end) {
      const kind = section.readUInt16LE(e);
      const at = e + section.readUInt32LE(e + 4);
      const bytes = Number(section.readBigUInt64LE(e + 8));
      if ((kind !== 1 && kind !== 2) || at <= e || at + bytes > end)
        throw unknownLayout(`an entry at byte ${e} has kind ${kind} and ends outside`);
      entries.push({
        container,
        kind: kind === 1 ? "ptx" : "cubin",
        capability: section.readUInt32LE(e + 28),
        at,
        bytes,
      });
      e = at + bytes;
    }
    p = end;
    container++;
  }
  return entries;
}

/**
 * What a card of `capability` (90 for 9.0) runs of each container: the newest cubin of its major version that is not newer
 * than the card; where there is none, the newest PTX that is not newer.
 * @throws TrainError `tool` when no container has any
 */
export function neededBy(capability: number, entries: readonly FatbinEntry[]): ReadonlySet<FatbinEntry> {
  const needed = new Set<FatbinEntry>();
  const sameMajor = (c: number): boolean => Math.floor(c / 10) === Math.floor(capability / 10);
  const containers = new Map<number, FatbinEntry[]>();
  for (const entry of entries) {
    const others = containers.get(entry.container);
    if (others === undefined) containers.set(entry.container, [entry]);
    else others.push(entry);
  }
  for (const container of containers.values()) {
    const fits = container.filter((e) => e.capability <= capability);
    const cubins = fits.filter((e) => e.kind === "cubin" && sameMajor(e.capability));
    const usable = cubins.length > 0 ? cubins : fits.filter((e) => e.kind === "ptx");
    const newest = Math.max(...usable.map((e) => e.capability));
    for (const e of usable) if (e.capability === newest) needed.add(e);
  }
  if (needed.size > 0) return needed;
  throw new TrainError(
    "tool",
    `expected GPU code for compute capability ${(capability / 10).toFixed(1)}, got none`,
    {
      details: [`there is code for ${[...new Set(entries.map((e) => e.capability / 10))].join(", ")}`],
      hint: "leave --capability out to keep what there is",
    },
  );
}

/** Blanks in place. @returns bytes blanked; 0 for a library without GPU code */
export async function thin(path: string, capability: number): Promise<number> {
  const file = await open(path, "r+");
  try {
    const where = await sectionOf(file, ".nv_fatbin");
    if (where === undefined) return 0;
    const section = await read(file, where.offset, where.bytes);
    const entries = fatbinEntries(section);
    const needed = neededBy(capability, entries);
    let blanked = 0;
    for (const entry of entries) {
      if (needed.has(entry)) continue;
      section.fill(0, entry.at, entry.at + entry.bytes);
      blanked += entry.bytes;
    }
    await file.write(section, 0, section.length, where.offset);
    return blanked;
  } finally {
    await file.close();
  }
}

/** A section of a 64-bit little-endian ELF file. */
async function sectionOf(
  file: FileHandle,
  name: string,
): Promise<{ offset: number; bytes: number } | undefined> {
  const head = await read(file, 0, 64);
  if (head.readUInt32BE(0) !== 0x7f454c46 || head[4] !== 2 || head[5] !== 1)
    throw new TrainError("data", "expected a 64-bit ELF library");
  const [size, count, names] = [head.readUInt16LE(58), head.readUInt16LE(60), head.readUInt16LE(62)];
  const table = await read(file, Number(head.readBigUInt64LE(40)), size * count);
  const place = (i: number) => ({
    offset: Number(table.readBigUInt64LE(i * size + 24)),
    bytes: Number(table.readBigUInt64LE(i * size + 32)),
  });
  const text = await read(file, place(names).offset, place(names).bytes);
  for (let i = 0; i < count; i++) {
    const at = table.readUInt32LE(i * size);
    if (text.toString("latin1", at, text.indexOf(0, at)) === name) return place(i);
  }
  return undefined;
}

async function read(file: FileHandle, at: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  const { bytesRead } = await file.read(buffer, 0, length, at);
  if (bytesRead !== length) throw new TrainError("data", `a library ends before byte ${at + length}`);
  return buffer;
}

const unknownLayout = (what: string): TrainError =>
  new TrainError("data", `GPU code laid out in an unknown way: ${what}`, {
    hint: "leave --capability out: the bundle then holds the code of every card",
  });
