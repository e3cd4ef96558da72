/**
 * One golden and its mutants under several benches. What tells a mutant from its golden anywhere (one of the benches, a
 * much longer one, a proof that the simulator replays) makes it non-equivalent; a proof of equality, or exhaustion,
 * makes it equivalent; the rest is unknown and counts nowhere.
 */

import type { Design } from "../../../designs/index.js";
import { makeRng } from "../../../src/core/rng.js";
import type { Prover } from "../../../src/equiv/formal/proof.js";
import { jobOf, openOrNone } from "../../../src/equiv/golden/measure.js";
import {
  admitGolden,
  benchOf,
  goldenKey,
  prepareGolden,
  stimulusLabel,
} from "../../../src/equiv/golden/prepare.js";
import { isRefused, type Prepared } from "../../../src/equiv/golden/prepared.js";
import { type GoldenDeps, traceGolden, type Work } from "../../../src/equiv/golden/simulate.js";
import { DEFAULT_MUTANTS, type Mutant, makeMutants } from "../../../src/equiv/mutate/mutants.js";
import { type Bench, judge, type QualityJob } from "../../../src/equiv/mutate/quality.js";
import { makeStimulus, type Stimulus } from "../../../src/equiv/stimulus/stimulus.js";
import type { InterfaceResult } from "../../../src/verilog/interface.js";
import { normalForm, render } from "../../../src/verilog/lexer.js";
import { minedConstants } from "../../../src/verilog/numbers.js";
import { uniformStimulus } from "./uniform.js";

export interface Surveyed {
  readonly design: string;
  readonly operator: string;
  readonly line: number;
  readonly before: string;
  readonly after: string;
  /** One of the mutants that the bench was shaped by while it was prepared. */
  readonly seen: boolean;
  /** Killed by the bench that candidates meet; by one that no mutant has shaped; by uniform random vectors. */
  readonly prepared: boolean;
  readonly plain: boolean;
  readonly uniform: boolean;
  /** By the baseline; null where it was not asked or cannot judge. */
  readonly baseline: boolean | null;
  readonly truth: "different" | "equal" | "unknown";
  /** What decided: the bench that killed it, "exhaustion" or "proof". */
  readonly by: string;
}

export interface SurveyOptions {
  readonly per: number;
  /** Vectors of the bench that decides what survives. */
  readonly longVectors: number;
  readonly seed: number;
  readonly prover: { readonly prover: Prover; readonly seconds: number } | null;
  readonly baseline:
    | ((golden: string, candidate: string, top: string) => Promise<"pass" | "fail" | "error">)
    | null;
}

export interface Survey {
  readonly mutants: readonly Surveyed[];
  readonly refused: string | null;
  /** Steps of the bench that candidates meet, and cycles of its runs. */
  readonly steps: number;
  readonly cycles: number;
  readonly quality: Prepared["quality"];
}

/** Mutants that a bench is measured with while it is prepared. */
const SHAPING = DEFAULT_MUTANTS;

export async function survey(
  design: Design,
  netlist: InterfaceResult | null,
  deps: GoldenDeps,
  options: SurveyOptions,
  signal: AbortSignal,
): Promise<Survey> {
  const task = { golden: design.golden, top: design.top };
  const nothing = { mutants: [], steps: 0, cycles: 0, quality: null };
  const gated = admitGolden(task);
  if (!gated.ok) return { ...nothing, refused: gated.reason };
  const { admitted } = gated;
  const prepare = (mutants: number) => {
    const key = goldenKey(task, deps.seed, deps.stimulus, deps.icarus, { mutants });
    return prepareGolden(task, key, admitted, netlist, { ...deps, mutants }, signal);
  };
  const [prepared, plain] = [await prepare(SHAPING), await prepare(0)];
  if (isRefused(prepared)) return { ...nothing, refused: prepared.refused };
  if (isRefused(plain)) return { ...nothing, refused: plain.refused };

  const work: Work = { task, key: `${prepared.key}s`, admitted, iface: prepared.iface, deps, signal };
  // Another stream than the one that measures a bench while it is prepared.
  const rng = makeRng(`survey/${design.name}/${options.seed}`);
  const mutants = makeMutants(admitted, rng.fork("mutants"), options.per);
  const constants = minedConstants(admitted.tokens);
  const own = makeRng(stimulusLabel(task, deps.seed)).fork("quality").fork("mutants");
  const shaping = new Set(makeMutants(admitted, own, SHAPING).map((m) => normalForm(m.admitted.tokens)));
  const first = await traceGolden(work, stimulusOf(plain));
  if (!first.ok) return { ...nothing, refused: first.reason };
  const job = { ...jobOf(work, first, constants, rng, options.per), cpuSeconds: 5 };
  const judged = (bench: Bench | null, who: readonly Mutant[]) => verdicts(job, bench, who, deps, signal);
  const benchFor = async (s: Stimulus): Promise<Bench | null> => {
    const made = await benchOf(work, s);
    return made.ok ? { stimulus: s, open: openOrNone(made.open) } : null;
  };

  const byPrepared = await judged(benchOfPrepared(prepared), mutants);
  const byPlain = await judged(benchOfPrepared(plain), mutants);
  const byUniform = await judged(
    await benchFor(uniformStimulus(prepared.iface, rng.fork("uniform"), deps.stimulus.vectors)),
    mutants,
  );
  const anywhere = mutants.map(
    (_, k) => byPrepared[k] === "killed" || byPlain[k] === "killed" || byUniform[k] === "killed",
  );
  const open = mutants.flatMap((_, k) => (anywhere[k] || byPrepared[k] === "dropped" ? [] : [k]));
  const byLong = new Map<number, string>();
  for (const seed of open.length > 0 ? [1, 2] : []) {
    const rest = open.filter((k) => byLong.get(k) !== "killed");
    if (rest.length === 0) break;
    const size = { ...deps.stimulus, vectors: options.longVectors };
    const long = makeStimulus(prepared.iface, constants, rng.fork("long", seed), size);
    const verdict = await judged(
      await benchFor({ ...long, runs: stimulusOf(plain).runs }),
      rest.map((k) => mutants[k]!),
    );
    rest.forEach((k, i) => {
      byLong.set(k, verdict[i]!);
    });
  }

  const surveyed: Surveyed[] = [];
  for (const [k, m] of mutants.entries()) {
    if (byPrepared[k] === "dropped") continue;
    let truth: Surveyed["truth"] = anywhere[k] || byLong.get(k) === "killed" ? "different" : "unknown";
    let by = anywhere[k] ? "bench" : truth === "different" ? "long" : "";
    if (truth === "unknown" && prepared.stimulus.exhaustive && !/^(drop|else|identifier)$/.test(m.operator)) {
      [truth, by] = ["equal", "exhaustion"];
    }
    if (truth === "unknown" && options.prover !== null) {
      const proof = await options.prover.prover.prove(
        {
          golden: admitted,
          candidate: m.admitted,
          top: design.top,
          iface: prepared.iface,
          seconds: options.prover.seconds,
        },
        signal,
      );
      if (proof.kind === "equal") [truth, by] = ["equal", "proof"];
      if (proof.kind === "different" && proof.replayed) [truth, by] = ["different", "proof"];
    }
    const asked =
      options.baseline === null
        ? null
        : await options.baseline(design.golden, render(m.admitted.tokens), design.top);
    const { operator, line, before, after } = m;
    surveyed.push({
      design: design.name,
      operator,
      line,
      before,
      after,
      seen: shaping.has(normalForm(m.admitted.tokens)),
      prepared: byPrepared[k] === "killed",
      plain: byPlain[k] === "killed",
      uniform: byUniform[k] === "killed",
      baseline: asked === null || asked === "error" ? null : asked === "fail",
      truth,
      by,
    });
  }
  const runs = stimulusOf(prepared).runs;
  return {
    mutants: surveyed,
    refused: null,
    steps: prepared.stimulus.numSteps,
    cycles: runs.reduce((n, r) => n + r.cycles, 0),
    quality: prepared.quality,
  };
}

async function verdicts(
  job: QualityJob,
  bench: Bench | null,
  who: readonly Mutant[],
  deps: GoldenDeps,
  signal: AbortSignal,
): Promise<readonly string[]> {
  if (bench === null || who.length === 0) return who.map(() => "alive");
  const judged = await judge(job, bench, who, deps, signal);
  if ("kind" in judged) throw new Error(`${judged.code}: ${judged.log}`);
  return judged.status;
}

/** The stimulus back from the words of a prepared golden. */
function stimulusOf(p: Prepared): Stimulus {
  const { bits, fields, start, exhaustive } = p.stimulus;
  const inputs = (1n << BigInt(bits)) - 1n;
  const words = (text: string): bigint[] =>
    text === "" ? [] : text.split("\n").map((w) => BigInt(`0x${w}`));
  return {
    bits,
    fields,
    start,
    exhaustive,
    steps: words(p.steps).map((w) => ({ value: w & inputs, quiet: w >> BigInt(bits) === 1n })),
    runs: words(p.runs).map((w) => ({
      value: w & inputs,
      cycles: Number((w >> BigInt(bits)) & 0xffffffn),
      vary: w >> BigInt(bits + 24) === 1n,
    })),
  };
}

function benchOfPrepared(p: Prepared): Bench {
  const stimulus = stimulusOf(p);
  const slots = stimulus.steps.length + stimulus.runs.length;
  if (p.ignore.kind === "none") return { stimulus, open: null };
  if (p.ignore.kind === "constant") {
    return { stimulus, open: new Array<bigint>(slots).fill(BigInt(`0x${p.ignore.text}`)) };
  }
  return { stimulus, open: p.ignore.text.split("\n").map((w) => BigInt(`0x${w}`)) };
}
