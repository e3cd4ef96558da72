import { describe, expect, it } from "vitest";
import { type FatbinEntry, fatbinEntries, neededBy } from "../../src/setup/fatbin.js";
import { refusal } from "./host.js";

/** A container of entries `[kind, capability, payload bytes]`. */
function container(entries: readonly (readonly [1 | 2, number, number])[]): Buffer {
  const parts = entries.map(([kind, capability, bytes]) => {
    const head = Buffer.alloc(64);
    head.writeUInt16LE(kind, 0);
    head.writeUInt32LE(64, 4);
    head.writeBigUInt64LE(BigInt(bytes), 8);
    head.writeUInt32LE(capability, 28);
    return Buffer.concat([head, Buffer.alloc(bytes, capability)]);
  });
  const body = Buffer.concat(parts);
  const head = Buffer.alloc(16);
  head.writeUInt32LE(0xba55ed50, 0);
  head.writeUInt16LE(1, 4);
  head.writeUInt16LE(16, 6);
  head.writeBigUInt64LE(BigInt(body.length), 8);
  return Buffer.concat([head, body]);
}

const kept = (capability: number, section: Buffer): string[] => {
  const entries = fatbinEntries(section);
  const needed = neededBy(capability, entries);
  return entries.filter((e) => needed.has(e)).map((e) => `${e.container}:${e.kind}${e.capability}`);
};

describe("GPU code in a library", () => {
  const section = Buffer.concat([
    container([
      [2, 80, 24],
      [2, 86, 8],
      [2, 90, 32],
      [1, 90, 16],
    ]),
    Buffer.alloc(8),
    container([
      [2, 80, 8],
      [1, 80, 8],
    ]),
  ]);

  it("is read entry by entry, container by container", () => {
    const entries = fatbinEntries(section);
    expect(entries.map(({ container: c, kind, capability, bytes }) => [c, kind, capability, bytes])).toEqual([
      [0, "cubin", 80, 24],
      [0, "cubin", 86, 8],
      [0, "cubin", 90, 32],
      [0, "ptx", 90, 16],
      [1, "cubin", 80, 8],
      [1, "ptx", 80, 8],
    ]);
    // The payload starts where it is said to.
    for (const e of entries)
      expect([...section.subarray(e.at, e.at + e.bytes)].every((b) => b === e.capability)).toBe(true);
  });

  it.each([
    [90, ["0:cubin90", "1:ptx80"]],
    [86, ["0:cubin86", "1:cubin80"]],
    [89, ["0:cubin86", "1:cubin80"]],
    [120, ["0:ptx90", "1:ptx80"]],
  ])("a card of capability %i keeps what its driver would choose", (capability, expected) => {
    expect(kept(capability, section)).toEqual(expected);
  });

  it("is refused for a card that none of it runs on, and when it is laid out otherwise", async () => {
    const none: FatbinEntry[] = fatbinEntries(container([[2, 80, 8]]));
    expect((await refusal(() => neededBy(75, none))).message).toBe(
      "expected GPU code for compute capability 7.5, got none",
    );
    expect((await refusal(() => fatbinEntries(Buffer.from("no container at all")))).code).toBe("data");
  });
});
