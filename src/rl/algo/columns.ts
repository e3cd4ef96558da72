/** Typed arrays as text in a plain-JSON state: base64 of their bytes, little-endian as on every machine this runs on. */

type Column = Float32Array | Float64Array | Int32Array | Uint32Array | Uint8Array;

export const columnText = (column: Column): string =>
  Buffer.from(column.buffer, column.byteOffset, column.byteLength).toString("base64");

/** Reads what `columnText` wrote into an array of the same length. @throws Error when the lengths differ */
export function readColumn(text: string, into: Column): void {
  const bytes = Buffer.from(text, "base64");
  if (bytes.byteLength !== into.byteLength) {
    throw new Error(`a saved column has ${bytes.byteLength} bytes, expected ${into.byteLength}`);
  }
  new Uint8Array(into.buffer, into.byteOffset, into.byteLength).set(bytes);
}
