/**
 * The two formats in a TensorBoard event file. TFRecord framing: u64 length, u32 masked CRC of the length, payload, u32
 * masked CRC of the payload, little-endian (tensorflow/core/lib/io/record_writer.h). Payload: the protobuf message
 * Event (tensorflow/core/util/event.proto), of which only the fields below are written. Pure.
 */

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  let c = n;
  for (let k = 0; k < 8; k++) c = c & 1 ? (c >>> 1) ^ 0x82f63b78 : c >>> 1;
  return c;
});

/** CRC-32C (Castagnoli, RFC 3720 appendix B.4), unsigned. */
export function crc32c(data: Uint8Array): number {
  let c = 0xffffffff;
  for (let i = 0; i < data.length; i++) c = CRC_TABLE[(c ^ data[i]!) & 255]! ^ (c >>> 8);
  return (c ^ 0xffffffff) >>> 0;
}

export function maskedCrc(data: Uint8Array): number {
  const c = crc32c(data);
  return (((c >>> 15) | (c << 17)) + 0xa282ead8) >>> 0;
}

export function tfrecord(payload: Uint8Array): Buffer {
  const out = Buffer.alloc(12 + payload.length + 4);
  out.writeBigUInt64LE(BigInt(payload.length), 0);
  out.writeUInt32LE(maskedCrc(out.subarray(0, 8)), 8);
  out.set(payload, 12);
  out.writeUInt32LE(maskedCrc(payload), 12 + payload.length);
  return out;
}

export interface Event {
  /** Seconds since 1970. */
  readonly wallTime: number;
  readonly step: number;
  readonly what:
    | { readonly kind: "version" }
    /** A restart: readers drop what this run recorded at `step` and later. */
    | { readonly kind: "start" }
    | { readonly kind: "scalars"; readonly values: readonly (readonly [tag: string, value: number])[] };
}

export function encodeEvent(event: Event): Buffer {
  const time = Buffer.alloc(8);
  time.writeDoubleLE(event.wallTime);
  const head = [Buffer.from([(1 << 3) | 1]), time, Buffer.from([2 << 3]), varint(event.step)];
  return Buffer.concat([...head, body(event.what)]);
}

function body(what: Event["what"]): Buffer {
  switch (what.kind) {
    case "version":
      return field(3, Buffer.from("brain.Event:2"));
    case "start":
      return field(7, Buffer.from([1 << 3, 1])); // SessionLog { status: START }
    case "scalars":
      return field(5, Buffer.concat(what.values.map(([tag, value]) => field(1, scalar(tag, value)))));
    default:
      return what satisfies never;
  }
}

function scalar(tag: string, value: number): Buffer {
  const float = Buffer.alloc(5);
  float[0] = (2 << 3) | 5;
  float.writeFloatLE(Math.fround(value), 1);
  return Buffer.concat([field(1, Buffer.from(tag)), float]);
}

const field = (number: number, data: Buffer): Buffer =>
  Buffer.concat([Buffer.from([(number << 3) | 2]), varint(data.length), data]);

function varint(n: number): Buffer {
  const bytes: number[] = [];
  let x = n;
  while (x > 127) {
    bytes.push((x % 128) | 128);
    x = Math.floor(x / 128);
  }
  bytes.push(x);
  return Buffer.from(bytes);
}
