/** The measure of a golden's bench while it is prepared: mutants, further episodes where they help, what remains. */

import type { Rng } from "../../core/rng.js";
import type { Mined } from "../../verilog/numbers.js";
import {
  type Bench,
  conclude,
  further,
  type Infra,
  judge,
  mutantsOf,
  type Quality,
  type QualityJob,
} from "../mutate/quality.js";
import { runWords, type Stimulus, stepWords } from "../stimulus/stimulus.js";
import { POWER_UPS, withPowerUp } from "../testbench/powerup.js";
import type { Prepared } from "./prepared.js";
import { PrepareFault, shapeOf, type Traced, type Work } from "./simulate.js";

export interface Better extends Bench {
  readonly draft: Prepared;
}

export interface Measured {
  readonly quality: Quality | null;
  /** The bench with the vectors that killed more; null = as it was. */
  readonly better: Better | null;
}

/** Goldens whose trace takes this long are measured with few mutants. */
const SLOW_MS = 1000;
const SLOW_MUTANTS = 5;

/** `retrace` makes a bench of a stimulus, or null where the golden does not bear it. */
export async function measure(
  w: Work,
  bench: Bench,
  traced: Extract<Traced, { ok: true }>,
  constants: readonly Mined[],
  rng: Rng,
  retrace: (s: Stimulus) => Promise<Better | null>,
): Promise<Measured> {
  const { deps, signal } = w;
  const count = deps.mutants ?? 0;
  if (count <= 0) return { quality: null, better: null };
  const job = jobOf(w, traced, constants, rng, count);

  const mutants = mutantsOf(job);
  let now: Bench = { stimulus: bench.stimulus, open: openOrNone(bench.open) };
  let better: Better | null = null;
  let found = sure(await judge(job, now, mutants, deps, signal));

  /** Takes episodes in, if the golden bears them and they kill what they should. */
  const takeIn = async (episodes: readonly Stimulus["steps"][]): Promise<boolean> => {
    if (episodes.every((e) => e.length === 0)) return false;
    const longer = await retrace({ ...now.stimulus, steps: [...now.stimulus.steps, ...episodes.flat()] });
    if (longer === null) return false;
    const next: Bench = { stimulus: longer.stimulus, open: openOrNone(longer.open) };
    const alive = found.status.flatMap((s, k) => (s === "alive" ? [k] : []));
    const again = sure(
      await judge(
        job,
        next,
        alive.map((k) => mutants[k]!),
        deps,
        signal,
      ),
    );
    if (!again.status.includes("killed")) return false;
    const status = [...found.status];
    alive.forEach((k, i) => {
      status[k] = again.status[i]!;
    });
    [now, better, found] = [next, longer, { ...found, status }];
    return true;
  };

  await takeIn(sure(await further(job, now, found, deps, signal)));
  let end = sure(await conclude(job, now, found, signal));
  if (end.counterexamples.length > 0 && (await takeIn(end.counterexamples))) {
    end = sure(await conclude(job, now, found, signal));
  }
  return { quality: end.quality, better };
}

/** What judging mutants of a golden takes. */
export function jobOf(
  w: Work,
  traced: Pick<Extract<Traced, { ok: true }>, "awake" | "ms">,
  constants: readonly Mined[],
  rng: Rng,
  count: number,
): QualityJob {
  const { deps } = w;
  // Time decides nothing but this, and by a wide margin for all but a few, so that a preparation is the same anywhere.
  const slow = traced.ms >= SLOW_MS;
  return {
    golden: w.admitted,
    top: w.task.top,
    iface: w.iface,
    constants,
    awake: traced.awake
      ? POWER_UPS.map((how, k) => withPowerUp(w.admitted, how, `g${k}`)).filter((v) => v !== null)
      : [],
    rng: rng.fork("quality"),
    count: slow ? Math.min(count, SLOW_MUTANTS) : count,
    seed: deps.seed,
    cpuSeconds: Math.ceil(0.5 + (count * traced.ms) / 1000),
    slow,
    place: (s, open) => placed(w, s, open),
    prover: deps.prover == null ? null : { prover: deps.prover, seconds: deps.proofSeconds ?? 3 },
  };
}

/** Null where nothing is open, which is the usual case and costs nothing. */
export const openOrNone = (open: readonly bigint[] | null): readonly bigint[] | null =>
  open === null || open.every((o) => o === 0n) ? null : open;

function placed(w: Work, s: Stimulus, open: readonly bigint[] | null): ReturnType<QualityJob["place"]> {
  const mask = open === null ? "" : open.map((o) => o.toString(16)).join("\n");
  const files = w.deps.place(w.key, { steps: stepWords(s), runs: runWords(s), mask });
  return {
    plan: { iface: w.iface, stimulus: shapeOf(s), stepsPath: files.steps, runsPath: files.runs },
    ignore: open === null ? { kind: "none" } : { kind: "file", path: files.mask },
  };
}

function sure<T extends object>(made: T | Infra): T {
  if ("kind" in made && made.kind === "infra") throw new PrepareFault(made as Infra);
  return made as T;
}
