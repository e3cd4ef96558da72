import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { tensorboardTracker } from "../../../src/run/trackers/tensorboard.js";
import { crc32c, encodeEvent, maskedCrc, tfrecord } from "../../../src/run/trackers/tfrecord.js";
import { scratch } from "../help.js";

describe("CRC-32C", () => {
  // RFC 3720 appendix B.4, and the usual check value.
  it.each([
    ["32 zeros", new Uint8Array(32), 0x8a9136aa],
    ["32 ones", new Uint8Array(32).fill(255), 0x62a8ab43],
    ["0 to 31", Uint8Array.from({ length: 32 }, (_, i) => i), 0x46dd794e],
    ["31 to 0", Uint8Array.from({ length: 32 }, (_, i) => 31 - i), 0x113fdb5c],
    ["123456789", Buffer.from("123456789"), 0xe3069283],
    ["nothing", new Uint8Array(0), 0],
  ])("of %s", (_, data, crc) => expect(crc32c(data)).toBe(crc));

  it("is masked as TFRecord masks it", () => {
    // mask(crc) = rotate right by 15, plus 0xa282ead8, modulo 2^32, on the check value above.
    expect(maskedCrc(Buffer.from("123456789"))).toBe(0xc78ab0e5);
  });
});

it("begins a file with the bytes that TensorFlow's writer begins it with", () => {
  // wall_time 0, step 0 (written out), file_version: framing of tensorflow/core/lib/io/record_writer.h.
  const record = tfrecord(encodeEvent({ wallTime: 0, step: 0, what: { kind: "version" } }));
  expect(record.readBigUInt64LE(0)).toBe(BigInt(record.length - 16));
  expect(record.subarray(12, -4).toString("latin1")).toContain("\x1a\x0dbrain.Event:2");
});

/** Payloads of an event file, with both checksums checked. */
function records(path: string): Buffer[] {
  const data = readFileSync(path);
  const out: Buffer[] = [];
  for (let at = 0; at < data.length; ) {
    const length = Number(data.readBigUInt64LE(at));
    expect(data.readUInt32LE(at + 8)).toBe(maskedCrc(data.subarray(at, at + 8)));
    const payload = data.subarray(at + 12, at + 12 + length);
    expect(data.readUInt32LE(at + 12 + length)).toBe(maskedCrc(payload));
    out.push(payload);
    at += 16 + length;
  }
  return out;
}

describe("the event file", () => {
  const open = (runDir: string, now: number) =>
    tensorboardTracker({ runDir, hostname: "a.b", pid: 7, now: () => now });

  it("holds numbers only, and a resume is a new file that sorts later and starts a session", async () => {
    const dir = scratch();
    const first = open(dir, 2e12);
    first.metrics(1, { "policy/loss": 0.5, note: "text", absent: null });
    first.metrics(2, { note: "text" });
    first.sync();
    await first.close();
    const second = open(dir, 1e12); // the clock went back
    second.rewind(1);
    second.metrics(300, { "policy/loss": 0.25 });
    await second.close();
    const names = readdirSync(join(dir, "tb"));
    expect(names).toEqual([
      "events.out.tfevents.2000000000.a-b.7.0",
      "events.out.tfevents.2000000001.a-b.7.0",
    ]);
    const [one, two] = names.map((n) => records(join(dir, "tb", n)));
    expect(one).toHaveLength(2);
    // Event { wall_time, step: 1, summary { value { tag: "policy/loss", simple_value: 0.5 } } }
    expect(one![1]!.subarray(9).toString("hex")).toBe(
      `10012a140a120a0b${Buffer.from("policy/loss").toString("hex")}150000003f`,
    );
    expect(two![1]!.subarray(9).toString("hex")).toBe("10023a020801"); // step 2, session_log { status: START }
    expect(two![2]!.subarray(9, 12).toString("hex")).toBe("10ac02"); // step 300 as a varint
  });

  it("is not made when nothing is recorded", async () => {
    const dir = scratch();
    await open(dir, 1e12).close();
    expect(readdirSync(dir)).toEqual([]);
  });
});
