import { z } from "zod";
import type { KnobRule } from "../core/knobs.js";
import type { AdvantageMode } from "./algo/advantages.js";
import { STRATEGIES, STRATEGY_NAMES, type StrategyName, strategyKind } from "./algo/strategies/index.js";
import { NO_SPREAD, type StrategyKind } from "./algo/strategies/kind.js";

/** What null stands for in `loss.overlong_*`. */
export const OVERLONG = { buffer: 32, factor: 1 } as const;

type Knobs = (typeof STRATEGIES)[number]["knobs"];
type Every<U> = (U extends unknown ? (u: U) => void : never) extends (u: infer I) => void ? I : never;

/** The settings of several strategies, each described with the names of those that read it. */
function knobsOf(kinds: readonly StrategyKind[]): Every<Knobs> {
  const shape: Record<string, z.ZodType> = {};
  for (const { knobs } of kinds) {
    for (const [key, schema] of Object.entries(knobs as Record<string, z.ZodType>)) {
      shape[key] = schema.describe(`${readersOf(key).join(", ")}: ${schema.description}`);
    }
  }
  return shape as Every<Knobs>;
}

const readersOf = (key: string): readonly string[] =>
  STRATEGIES.filter((s) => key in s.knobs).map((s) => s.name);

const kinds: readonly StrategyKind[] = STRATEGIES;

/** What `advantage: auto` comes to: the estimates are the baseline where a strategy keeps them. */
export const chosenAdvantage = (c: {
  readonly advantage: "auto" | AdvantageMode;
  readonly sampling: { readonly strategy: StrategyName };
}): AdvantageMode =>
  c.advantage !== "auto"
    ? c.advantage
    : strategyKind(c.sampling.strategy).estimates
      ? "history"
      : "group_std";

const sampling = z
  .strictObject({
    strategy: z
      .enum(STRATEGY_NAMES)
      .default("adaptive")
      .describe(STRATEGIES.map((s) => `${s.name} = ${s.describe}`).join("; ")),
    ...knobsOf(kinds.filter((s) => !s.estimates)),
    max_rounds: z.int().min(1).default(4).describe("Sampling rounds in a step at most"),
    min_groups: z.int().min(1).default(4).describe("Fewer useful groups than this: the update is skipped"),
    bank: z.boolean().default(true).describe("Keep surplus useful groups for later steps"),
    bank_max_age: z.int().min(0).default(2).describe("bank: versions after which a banked group is dropped"),
    ...knobsOf(kinds.filter((s) => s.estimates)),
  })
  .prefault({});

const loss = z
  .strictObject({
    eps_low: z
      .number()
      .gt(0)
      .lt(1)
      .default(0.2)
      .describe("Lower clip range (DAPO, arXiv 2503.14476, eq. 10)"),
    eps_high: z.number().gt(0).default(0.28).describe("Upper clip range, clip-higher"),
    dual_clip: z
      .number()
      .gt(1)
      .nullable()
      .default(null)
      .describe("Cap c of the loss for negative advantages; null = off"),
    kl_coef: z.number().min(0).default(0).describe("Weight of a k3 KL term to the behaviour policy"),
    entropy_coef: z.number().min(0).default(0).describe("Weight of an entropy bonus"),
    divisor: z
      .enum(["token", "prompt", "constant"])
      .default("token")
      .describe(
        "token = trained tokens (DAPO); prompt = mean over problems of per-problem means; constant = Dr.GRPO",
      ),
    overlong: z
      .enum(["mask", "punish", "none"])
      .default("mask")
      .describe("Truncated completions: left out of the loss, softly punished, or treated like others"),
    overlong_buffer: z
      .int()
      .min(1)
      .nullable()
      .default(null)
      .describe("punish: tokens before the limit where the penalty starts; null = 32"),
    overlong_factor: z
      .number()
      .positive()
      .nullable()
      .default(null)
      .describe("punish: penalty at the limit; null = 1"),
    importance_cap: z
      .number()
      .positive()
      .nullable()
      .default(null)
      .describe(
        "Stale (banked) tokens: clip against the policy at the step's start, weighted by min(its ratio to the behaviour " +
          "policy, this cap); null = clip against the behaviour policy",
      ),
  })
  .prefault({});

export const rlSchema = z
  .strictObject({
    steps: z.int().min(0).default(60).describe("Optimizer steps"),
    groups: z.int().min(1).default(32).describe("Useful groups (problems) in a step"),
    group_size: z.int().min(1).default(8).describe("Rollouts of a problem; adaptive: the mean number"),
    updates_per_batch: z.int().min(1).default(1).describe("Optimizer steps on each batch of rollouts"),
    advantage: z
      .enum(["auto", "group_std", "leave_one_out", "history"])
      .default("auto")
      .describe("auto = history for adaptive (groups of unequal size), group_std otherwise"),
    sampling,
    loss,
    max_minutes: z
      .number()
      .positive()
      .nullable()
      .default(null)
      .describe("Stop, evaluate and finish after this wall time"),
    max_generated_tokens: z
      .int()
      .positive()
      .nullable()
      .default(null)
      .describe(
        "Stop, evaluate and finish after this many sampled tokens; schedules then end with the budget",
      ),
    only: z
      .enum(["rollouts", "training"])
      .nullable()
      .default(null)
      .describe(
        "Half of a step, to look into it: rollouts = sample, score and keep them, no update (--rollouts-only); training = update on the rollouts of another run, no sampling (--train-only RUN)",
      ),
    rollouts: z
      .string()
      .nullable()
      .default(null)
      .describe("only: training: run directory whose kept rollouts are trained on"),
    async: z
      .strictObject({
        max_lag: z
          .int()
          .min(0)
          .max(1)
          .default(0)
          .describe(
            "1 = the next step's rollouts are drawn by the weights before the update while the learner works on this one's; 0 = on-policy",
          ),
      })
      .prefault({}),
    on_collapse: z
      .enum(["stop", "warn"])
      .default("stop")
      .describe(
        "Train pass rate fallen for ten steps and a third of its best lost: stop with the best checkpoint's policy as the export, or say so and go on",
      ),
    on_no_signal: z
      .enum(["widen", "stop"])
      .default("widen")
      .describe("Steps without useful groups: widen exploration, or stop"),
  })
  .superRefine((c, ctx) => {
    if ((c.only === "training") !== (c.rollouts !== null)) {
      ctx.addIssue({
        code: "custom",
        path: ["rollouts"],
        message: "names the run whose rollouts are trained on, and goes together with only: training",
      });
    }
    const refuse = (path: string[], message: string) => ctx.addIssue({ code: "custom", path, message });
    const kind = strategyKind(c.sampling.strategy);
    const advantage = chosenAdvantage(c);
    const fewest = kind.fewest?.(c.sampling, c.group_size) ?? c.group_size;
    const least = fewest * c.groups;
    const around = { groups: c.groups, groupSize: c.group_size, advantage };
    for (const { path, message } of kind.conflicts?.(c.sampling, around) ?? []) refuse([...path], message);
    if (c.max_generated_tokens !== null && c.max_generated_tokens < least) {
      refuse(
        ["max_generated_tokens"],
        `one step has at least ${fewest} x ${c.groups} = ${least} rollouts, so this budget ends before the first step does`,
      );
    }
    if (c.group_size < 2 && advantage !== "history") refuse(["group_size"], NO_SPREAD);
  })
  .prefault({});

export type RlSection = z.infer<typeof rlSchema>;

/** Settings of the rl section that depend on a choice, as rules for the config loader. */
export const RL_KNOBS: readonly KnobRule<{ readonly rl: RlSection }>[] = [
  ...[...new Set(kinds.flatMap((s) => Object.keys(s.knobs)))].map((key) => ({
    key: `rl.sampling.${key}`,
    choosers: ["rl.sampling.strategy"],
    read: ({ rl }: { readonly rl: RlSection }) => readersOf(key).includes(rl.sampling.strategy),
    message: ({ rl }: { readonly rl: RlSection }) =>
      `the strategy ${rl.sampling.strategy} does not read it; set rl.sampling.strategy=${readersOf(key).join(" or ")}, or leave this out`,
  })),
  {
    key: "rl.sampling.bank_max_age",
    choosers: ["rl.sampling.bank"],
    read: ({ rl }) => rl.sampling.bank,
    message: () => "read only where groups are banked; set rl.sampling.bank=true, or leave this out",
  },
  {
    key: "rl.sampling.min_surprise",
    choosers: ["rl.sampling.keep", "rl.advantage"],
    read: ({ rl }) =>
      !strategyKind(rl.sampling.strategy).estimates ||
      (rl.sampling.keep !== "mixed" && chosenAdvantage(rl) === "history"),
    message: ({ rl }) =>
      rl.sampling.keep === "mixed"
        ? "read with keep: surprising only; set rl.sampling.keep=surprising, or leave this out"
        : "read with advantage: history only; set rl.advantage=history, or leave this out",
  },
  {
    key: "rl.sampling.kappa_final",
    choosers: ["rl.sampling.kappa_schedule"],
    read: ({ rl }) => rl.sampling.kappa_schedule !== "fixed",
    message: () =>
      "kappa_schedule: fixed never leaves kappa; set rl.sampling.kappa_schedule=linear or signal, or leave this out",
  },
  ...(["overlong_buffer", "overlong_factor"] as const).map((key) => ({
    key: `rl.loss.${key}`,
    choosers: ["rl.loss.overlong"],
    read: ({ rl }: { readonly rl: RlSection }) => rl.loss[key] === null || rl.loss.overlong === "punish",
    message: ({ rl }: { readonly rl: RlSection }) =>
      rl.loss.overlong === "mask"
        ? "overlong: mask leaves completions that were cut out of the loss, so there is nothing to punish; choose overlong: punish, or leave this out"
        : "read by overlong: punish only; choose it, or leave this out",
  })),
  {
    key: "rl.loss.importance_cap",
    choosers: ["rl.sampling.bank", "rl.async.max_lag"],
    read: ({ rl }) => rl.loss.importance_cap === null || rl.sampling.bank || rl.async.max_lag > 0,
    message: () =>
      "no rollout is stale without a bank and without overlap; set rl.sampling.bank=true or rl.async.max_lag=1, or leave this out",
  },
];
