/** Reads the lines of a trace bench, and finds what a golden defines and where a candidate leaves it. */

export interface Sample {
  /** Index of the step, or numSteps + index of the run. */
  readonly step: number;
  /** Outputs in binary, most significant bit first, of 0 1 x z. */
  readonly bits: string;
  /** 1 or x where power-up values show; null when that was not looked at. */
  readonly unstable: string | null;
}

/** Register bits that have moved: after the steps, then after each scenario of runs. */
export const readCoverage = (output: string, mark: string): string[] =>
  output
    .split("\n")
    .filter((line) => line.startsWith(`${mark} cover `))
    .map((line) => line.slice(mark.length + 7).trim());

/** Samples in order, or null when the trace did not reach its end (or is not of this run). */
export function readTrace(output: string, mark: string): Sample[] | null {
  const samples: Sample[] = [];
  let ended = false;
  for (const line of output.split("\n")) {
    if (!line.startsWith(mark)) continue;
    const words = line.split(" ");
    if (words[1] === "end") ended = true;
    else if (words[1] === "cover") continue;
    else samples.push({ step: Number(words[1]), bits: words[2]!.toLowerCase(), unstable: words[3] ?? null });
  }
  return ended ? samples : null;
}

/** Bits the golden leaves open at one moment, as a number of `width` bits. */
export function openBits(s: Sample): bigint {
  const closed = /^[01]*$/.test(s.bits) && (s.unstable === null || /^0*$/.test(s.unstable));
  if (closed) return 0n;
  let out = "0b";
  for (let i = 0; i < s.bits.length; i++) {
    const b = s.bits[i];
    const u = s.unstable?.[i];
    out += (b === "0" || b === "1") && (u === undefined || u === "0") ? "0" : "1";
  }
  return BigInt(out);
}

/** Open bits by step (runs: over all their samples). */
export function openBySlot(samples: readonly Sample[], slots: number): bigint[] {
  const open: bigint[] = new Array(slots).fill(0n);
  for (const s of samples) {
    const o = openBits(s);
    if (o !== 0n) open[s.step] = open[s.step]! | o;
  }
  return open;
}

export interface Difference {
  /** Position among the samples. */
  readonly sample: number;
  readonly step: number;
  /** Bit index in the concatenated outputs. */
  readonly bit: number;
}

/** First moment at which the candidate is not the golden; a bit that is open is never compared. */
export function firstDifference(
  golden: readonly Sample[],
  candidate: readonly Sample[],
  open: readonly bigint[],
): Difference | null {
  for (let i = 0; i < golden.length; i++) {
    const g = golden[i]!;
    const c = candidate[i];
    if (c === undefined) return { sample: i, step: g.step, bit: 0 };
    if (g.bits === c.bits) continue;
    const bit = differingBit(g, c, open[g.step]!);
    if (bit >= 0) return { sample: i, step: g.step, bit };
  }
  return null;
}

function differingBit(g: Sample, c: Sample, open: bigint): number {
  const n = g.bits.length;
  for (let bit = 0; bit < n; bit++) {
    const at = n - 1 - bit;
    if (g.bits[at] !== c.bits[at] && ((open >> BigInt(bit)) & 1n) === 0n) return bit;
  }
  return -1;
}

/** Share of moments, and of moments by output, at which the candidate equals the golden. */
export function agreement(
  golden: readonly Sample[],
  candidate: readonly Sample[],
  open: readonly bigint[],
  outputs: readonly { readonly name: string; readonly width: number }[],
): { readonly vectors: number; readonly outputs: number } {
  if (golden.length === 0) return { vectors: 0, outputs: 0 };
  let equal = 0;
  const right = outputs.map(() => true);
  for (let i = 0; i < golden.length; i++) {
    const g = golden[i]!;
    const c = candidate[i];
    if (c !== undefined && (g.bits === c.bits || differingBit(g, c, open[g.step]!) < 0)) {
      equal++;
      continue;
    }
    let offset = 0;
    outputs.forEach((o, k) => {
      for (let b = offset; b < offset + o.width && right[k]; b++) {
        const at = g.bits.length - 1 - b;
        if (c === undefined || (g.bits[at] !== c.bits[at] && ((open[g.step]! >> BigInt(b)) & 1n) === 0n))
          right[k] = false;
      }
      offset += o.width;
    });
  }
  return {
    vectors: equal / golden.length,
    outputs: right.filter(Boolean).length / Math.max(1, outputs.length),
  };
}
