/**
 * Runs a race and finds out who spoils it: a variant that does not compile is known by its lines, one that hangs or
 * crashes by halving. Spoilers are dropped, the rest is judged as a candidate would be.
 */

import type { SimResult, Simulator } from "../../sim/simulator.js";
import { type Admitted, withSuffix } from "../../verilog/gate.js";
import { raceBench } from "../testbench/lockstep-bench.js";
import { type BenchPlan, type Ignore, type Names, rootName } from "../testbench/testbench.js";

export type Finish =
  | {
      readonly kind: "finished";
      /** Step (or number of steps + run) of the first X or Z where the golden is defined; null = none. */
      readonly unknownAt: number | null;
      /** The same of the first definite difference, after which nothing is looked at. */
      readonly differsAt: number | null;
    }
  /** It does not compile, hangs or crashes. */
  | { readonly kind: "dropped"; readonly why: "compile" | "timeout" | "crash" };

const EQUAL: Finish = { kind: "finished", unknownAt: null, differsAt: null };

export interface Race {
  readonly plan: BenchPlan;
  readonly top: string;
  readonly golden: Admitted;
  readonly awake: readonly Admitted[];
  readonly variants: readonly Admitted[];
  readonly ignore: Ignore;
  /** CPU seconds for one simulation. */
  readonly cpuSeconds: number;
}

export interface RaceDeps {
  readonly simulator: Simulator;
  readonly names: () => Names;
}

/** Compile errors may hide later ones; after so many rounds halving takes over. */
const MAX_ROUNDS = 4;

export type Raced =
  | { readonly kind: "raced"; readonly finishes: readonly Finish[] }
  | Extract<SimResult, { kind: "infra" }>;

export async function race(r: Race, deps: RaceDeps, signal: AbortSignal): Promise<Raced> {
  const finishes: (Finish | null)[] = r.variants.map(() => null);
  let fault: Extract<SimResult, { kind: "infra" }> | null = null;

  const attempt = async (who: readonly number[], round: number): Promise<void> => {
    if (who.length === 0 || fault !== null) return;
    const { result, names, lineOf } = await simulate(r, who, deps, signal);
    if (result.kind === "infra") {
      fault = result;
      return;
    }
    if (result.kind === "ran") {
      const seen = readRace(result.output, names.verdict);
      if (seen !== null) {
        who.forEach((v, k) => {
          finishes[v] = seen.get(k) ?? EQUAL;
        });
        return;
      }
    }
    const why = result.kind === "ran" ? "crash" : result.kind;
    const guilty =
      result.kind === "compile" && round < MAX_ROUNDS ? spoilers(result.log, lineOf, who.length) : [];
    if (guilty.length > 0) {
      for (const k of guilty) finishes[who[k]!] = { kind: "dropped", why };
      return attempt(
        who.filter((_, k) => !guilty.includes(k)),
        round + 1,
      );
    }
    if (who.length === 1) {
      finishes[who[0]!] = { kind: "dropped", why };
      return;
    }
    const half = who.length >> 1;
    await attempt(who.slice(0, half), 0);
    await attempt(who.slice(half), 0);
  };

  await attempt(
    r.variants.map((_, k) => k),
    0,
  );
  return fault ?? { kind: "raced", finishes: finishes.map((f) => f ?? EQUAL) };
}

async function simulate(
  r: Race,
  who: readonly number[],
  deps: RaceDeps,
  signal: AbortSignal,
): Promise<{ result: SimResult; names: Names; lineOf: readonly number[] }> {
  const names = deps.names();
  const { suffix } = names;
  const bench = raceBench(
    {
      plan: r.plan,
      golden: r.top + suffix,
      awake: r.awake.map((_, k) => `${r.top}${suffix}w${k}`),
      variants: who.map((v) => `${r.top}${suffix}v${v}`),
      ignore: r.ignore,
    },
    names,
  );
  const head = [
    bench.trimEnd(),
    withSuffix(r.golden, suffix),
    ...r.awake.map((a, k) => withSuffix(a, `${suffix}w${k}`)),
  ];
  const texts = who.map((v) => withSuffix(r.variants[v]!, `${suffix}v${v}`));
  const lineOf: number[] = [];
  let line = head.reduce((n, t) => n + lines(t), 1);
  for (const t of texts) {
    lineOf.push(line);
    line += lines(t);
  }
  const source = `${[...head, ...texts].join("\n")}\n`;
  const result = await deps.simulator.run(
    { source, root: rootName(names), cpuSeconds: r.cpuSeconds },
    signal,
  );
  return { result, names, lineOf };
}

const lines = (text: string): number => {
  let n = 1;
  for (let i = text.indexOf("\n"); i >= 0; i = text.indexOf("\n", i + 1)) n++;
  return n;
};

/** Positions of the variants that the compiler's messages point at. */
function spoilers(log: string, lineOf: readonly number[], count: number): number[] {
  const found = new Set<number>();
  for (const m of log.matchAll(/^(?:-|design\.v|<stdin>|[^\s:]+):(\d+): ?(.*)$/gm)) {
    if (/^warning/.test(m[2]!)) continue;
    const at = Number(m[1]);
    let k = count - 1;
    while (k >= 0 && lineOf[k]! > at) k--;
    if (k >= 0) found.add(k);
  }
  return [...found];
}

function readRace(output: string, mark: string): Map<number, Finish> | null {
  const seen = new Map<number, Extract<Finish, { kind: "finished" }>>();
  let ended = false;
  for (const line of output.split("\n")) {
    if (!line.startsWith(mark)) continue;
    const [, what, who, slot] = line.split(" ");
    if (what === "end") ended = true;
    if (what !== "differs" && what !== "unknown") continue;
    const before = seen.get(Number(who)) ?? { kind: "finished", unknownAt: null, differsAt: null };
    const at = Number(slot);
    seen.set(Number(who), what === "differs" ? { ...before, differsAt: at } : { ...before, unknownAt: at });
  }
  return ended ? seen : null;
}
