/** `adaptive`: a sampling rate for each problem, tuned by pass-rate estimates. The settings; the algorithm is in ../adaptive.ts. */

import { z } from "zod";
import { AdaptiveStrategy } from "../adaptive.js";
import type { AdvantageMode } from "../advantages.js";
import type { KeepRule } from "../filters.js";
import { NO_SPREAD, type StrategyKind } from "./kind.js";

/** Default of `sampling.min_surprise`. */
export const DEFAULT_SURPRISE = 0.1;

/** What null stands for in `sampling.n_min`. */
const fewestRollouts = (nMin: number | null, groupSize: number): number => nMin ?? Math.min(4, groupSize);

const knobs = {
  n_min: z
    .int()
    .min(1)
    .nullable()
    .default(null)
    .describe("fewest rollouts of a chosen problem; null = 4, or group_size where that is less"),
  n_max: z.int().min(1).default(48).describe("most rollouts of a chosen problem"),
  step_tokens: z
    .int()
    .positive()
    .nullable()
    .default(null)
    .describe("expected completion tokens of a step at most; null = group_size average rollouts a problem"),
  explore: z.number().min(0).max(1).default(0.1).describe("share of the inclusion spread evenly (epsilon)"),
  kappa: z
    .number()
    .min(0)
    .max(8)
    .default(1)
    .describe("sharpness of inclusion in the expected variance, at the start"),
  kappa_final: z.number().min(0).max(8).default(1).describe("sharpness at the end"),
  kappa_schedule: z
    .enum(["fixed", "linear", "signal"])
    .default("linear")
    .describe(
      "from kappa to kappa_final never, with the steps (or the token budget, if that ends sooner), or as the signal that is left falls to half its peak",
    ),
  prior_strength: z
    .number()
    .positive()
    .nullable()
    .default(null)
    .describe("pseudo-counts of the prior that a bucket shares; null = fitted on first visits"),
  warm_start: z
    .boolean()
    .default(true)
    .describe("start from the counts that problems carry (`prior`), their tokens counted"),
  screen: z
    .int()
    .min(0)
    .default(0)
    .describe(
      "rollouts of every problem before the first step, which feed the estimates only; their tokens count",
    ),
  drift: z
    .enum(["fit", "off"])
    .default("fit")
    .describe("fade old counts at a rate fitted on repeat visits, or never"),
  revisit: z
    .number()
    .positive()
    .default(4)
    .describe("passes over the data within which every problem is visited"),
  retire: z.boolean().default(true).describe("set aside problems solved with near certainty on two visits"),
  keep: z
    .enum(["auto", "mixed", "surprising"])
    .default("auto")
    .describe(
      "Which groups are trained on. mixed = those with passes and fails (DAPO); surprising = all-equal ones too, where the estimates " +
        "expected otherwise (adaptive with advantage history); auto = surprising where it can be, else mixed",
    ),
  min_surprise: z
    .number()
    .gt(0)
    .lt(1)
    .default(DEFAULT_SURPRISE)
    .describe("surprising: smallest advantage with which an all-equal group is trained on"),
  objective: z
    .enum(["curriculum", "uniform"])
    .default("curriculum")
    .describe("curriculum = groups weigh 1; uniform = by inverse inclusion, self-normalised"),
};

const keepRule = (
  k: Pick<z.output<z.ZodObject<typeof knobs>>, "keep" | "min_surprise">,
  advantage: AdvantageMode,
): KeepRule =>
  advantage === "history" && k.keep !== "mixed"
    ? { kind: "surprising", least: k.min_surprise }
    : { kind: "mixed" };

export const adaptive = {
  name: "adaptive",
  describe: "rates tuned per problem by pass-rate estimates",
  knobs,
  estimates: true,
  fewest: ({ n_min: nMin }, groupSize) => fewestRollouts(nMin, groupSize),
  keep: keepRule,
  conflicts({ n_min, n_max: nMax, step_tokens: stepTokens, keep }, { groups, groupSize, advantage }) {
    const nMin = fewestRollouts(n_min, groupSize);
    const least = nMin * groups;
    const found = [];
    if (nMin > nMax) found.push({ path: ["sampling", "n_max"], message: `must be >= n_min (${nMin})` });
    if (nMin > groupSize) {
      found.push({
        path: ["group_size"],
        message:
          `a step of ${groups} groups has ${groupSize * groups} rollouts on average, but n_min asks for at least ` +
          `${nMin} x ${groups} = ${least}; raise group_size or lower sampling.n_min`,
      });
    }
    if (stepTokens !== null && stepTokens < least) {
      found.push({
        path: ["sampling", "step_tokens"],
        message: `n_min x groups is ${nMin} x ${groups} = ${least} rollouts, which no budget of ${stepTokens} tokens can meet`,
      });
    }
    if (keep === "surprising" && advantage !== "history") {
      found.push({
        path: ["sampling", "keep"],
        message: `advantage ${advantage} leaves nothing of all-equal groups; use advantage: history, or keep: mixed`,
      });
    }
    // A group size of one is refused for every strategy.
    if (nMin < 2 && groupSize >= 2 && advantage !== "history")
      found.push({ path: ["sampling", "n_min"], message: NO_SPREAD });
    return found;
  },
  make: (k, { problems, groupSize, steps, advantage, seed }) =>
    new AdaptiveStrategy({
      problems,
      groupSize,
      nMin: fewestRollouts(k.n_min, groupSize),
      nMax: k.n_max,
      stepTokens: k.step_tokens,
      explore: k.explore,
      kappa: k.kappa,
      kappaFinal: k.kappa_final,
      kappaSchedule: k.kappa_schedule,
      totalSteps: steps,
      priorStrength: k.prior_strength,
      warmStart: k.warm_start,
      drift: k.drift,
      revisit: k.revisit,
      retire: k.retire,
      objective: k.objective,
      keep: keepRule(k, advantage),
      seed,
    }),
} as const satisfies StrategyKind<typeof knobs>;
