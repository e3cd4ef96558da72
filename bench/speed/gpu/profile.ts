/** Reads an onnxruntime profile: where the time of a run went, and what did not run on the provider asked for. */

import { readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";

interface Event {
  readonly cat: string;
  readonly name: string;
  readonly dur: number; // microseconds
  readonly args?: { readonly op_name?: string; readonly provider?: string };
}

export interface OpTime {
  readonly op: string;
  readonly provider: string;
  readonly count: number;
  readonly ms: number;
}

/** Ops by time, of all profiles whose names begin with `prefix`. Control-flow ops hold the time of their bodies. */
export function opTimes(prefix: string): OpTime[] {
  const byOp = new Map<string, { op: string; provider: string; count: number; ms: number }>();
  for (const file of readdirSync(dirname(prefix))) {
    if (!file.startsWith(basename(prefix)) || !file.endsWith(".json")) continue;
    for (const event of JSON.parse(readFileSync(join(dirname(prefix), file), "utf8")) as Event[]) {
      const { op_name: op, provider } = event.args ?? {};
      if (event.cat !== "Node" || op === undefined || !event.name.endsWith("_kernel_time")) continue;
      const key = `${op} ${provider}`;
      const sum = byOp.get(key) ?? { op, provider: provider ?? "?", count: 0, ms: 0 };
      sum.count++;
      sum.ms += event.dur / 1000;
      byOp.set(key, sum);
    }
  }
  return [...byOp.values()].sort((a, b) => b.ms - a.ms);
}

export function printOpTimes(times: readonly OpTime[], provider: string, steps: number): void {
  const wanted = `${provider}executionprovider`;
  const line = ({ op, provider: where, count, ms }: OpTime): string =>
    `${op.padEnd(34)} ${where.replace("ExecutionProvider", "").padEnd(8)} ${String(count).padStart(8)} ` +
    `${(count / steps).toFixed(1).padStart(8)} a step ${ms.toFixed(1).padStart(10)} ms ` +
    `${((1000 * ms) / count).toFixed(1).padStart(8)} us each`;
  console.log(`\nops by host time (${steps} decode steps; asynchronous kernels show their launch only)`);
  for (const time of times.slice(0, 40)) console.log(line(time));
  const elsewhere = times.filter((t) => t.provider.toLowerCase() !== wanted);
  if (provider === "cpu") return;
  console.log(`\nnot on ${provider}: more than a few of these a step, or any Memcpy, is worth a look`);
  for (const time of elsewhere) console.log(line(time));
  for (const time of times) if (time.op.startsWith("Memcpy")) console.log(line(time));
}
