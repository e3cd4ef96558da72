import { z } from "zod";
import type { AdvantageMode } from "./algo/advantages.js";

/** What null stands for in `loss.overlong_*`. */
export const OVERLONG = { buffer: 32, factor: 1 } as const;

/** What null stands for in `sampling.n_min`. */
export const fewestRollouts = (nMin: number | null, groupSize: number): number =>
  nMin ?? Math.min(4, groupSize);

/** What `advantage: auto` comes to: the estimates are the baseline where a strategy keeps them. */
export const chosenAdvantage = (c: {
  readonly advantage: "auto" | AdvantageMode;
  readonly sampling: { readonly strategy: string };
}): AdvantageMode =>
  c.advantage !== "auto" ? c.advantage : c.sampling.strategy === "adaptive" ? "history" : "group_std";

/** Default of `sampling.min_surprise`. */
export const DEFAULT_SURPRISE = 0.1;

const sampling = z
  .strictObject({
    strategy: z
      .enum(["fixed", "dynamic", "batch_min", "batch_window", "adaptive"])
      .default("adaptive")
      .describe(
        "fixed = GRPO; dynamic = DAPO's refill; batch_min, batch_window = rounds sized by one yield, as CodeV-R1 released " +
          "and as it describes it; adaptive = rates tuned per problem by pass-rate estimates",
      ),
    oversample: z
      .number()
      .min(1)
      .default(1.5)
      .describe("dynamic: problems drawn in a round, as a multiple of what is missing"),
    max_rounds: z.int().min(1).default(4).describe("Sampling rounds in a step at most"),
    min_groups: z.int().min(1).default(4).describe("Fewer useful groups than this: the update is skipped"),
    bank: z.boolean().default(true).describe("Keep surplus useful groups for later steps"),
    bank_max_age: z.int().min(0).default(2).describe("Versions after which a banked group is dropped"),
    n_min: z
      .int()
      .min(1)
      .nullable()
      .default(null)
      .describe("adaptive: fewest rollouts of a chosen problem; null = 4, or group_size where that is less"),
    n_max: z.int().min(1).default(48).describe("adaptive: most rollouts of a chosen problem"),
    step_tokens: z
      .int()
      .positive()
      .nullable()
      .default(null)
      .describe(
        "adaptive: expected completion tokens of a step at most; null = group_size average rollouts a problem",
      ),
    explore: z
      .number()
      .min(0)
      .max(1)
      .default(0.1)
      .describe("adaptive: share of the inclusion spread evenly (epsilon)"),
    kappa: z
      .number()
      .min(0)
      .max(8)
      .default(1)
      .describe("adaptive: sharpness of inclusion in the expected variance, at the start"),
    kappa_final: z.number().min(0).max(8).default(1).describe("adaptive: sharpness at the end"),
    kappa_schedule: z
      .enum(["fixed", "linear", "signal"])
      .default("linear")
      .describe(
        "adaptive: from kappa to kappa_final never, with the steps (or the token budget, if that ends sooner), or as the signal that is left falls to half its peak",
      ),
    prior_strength: z
      .number()
      .positive()
      .nullable()
      .default(null)
      .describe("adaptive: pseudo-counts of the prior that a bucket shares; null = fitted on first visits"),
    warm_start: z
      .boolean()
      .default(true)
      .describe("adaptive: start from the counts that problems carry (`prior`), their tokens counted"),
    screen: z
      .int()
      .min(0)
      .default(0)
      .describe(
        "adaptive: rollouts of every problem before the first step, which feed the estimates only; their tokens count",
      ),
    drift: z
      .enum(["fit", "off"])
      .default("fit")
      .describe("adaptive: fade old counts at a rate fitted on repeat visits, or never"),
    revisit: z
      .number()
      .positive()
      .default(4)
      .describe("adaptive: passes over the data within which every problem is visited"),
    retire: z
      .boolean()
      .default(true)
      .describe("adaptive: set aside problems solved with near certainty on two visits"),
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
      .describe("adaptive: curriculum = groups weigh 1; uniform = by inverse inclusion, self-normalised"),
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
  .superRefine((c, ctx) => {
    if (c.overlong === "punish") return;
    for (const key of ["overlong_buffer", "overlong_factor"] as const) {
      if (c[key] === null) continue;
      ctx.addIssue({
        code: "custom",
        path: [key],
        message:
          c.overlong === "mask"
            ? "overlong: mask leaves completions that were cut out of the loss, so there is nothing to punish; choose overlong: punish, or leave this out"
            : "read by overlong: punish only; choose it, or leave this out",
      });
    }
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
    const { n_max: nMax, step_tokens: stepTokens } = c.sampling;
    const nMin = fewestRollouts(c.sampling.n_min, c.group_size);
    const adaptive = c.sampling.strategy === "adaptive";
    if (nMin > nMax) refuse(["sampling", "n_max"], `must be >= n_min (${nMin})`);
    const fewest = adaptive ? nMin : c.group_size;
    const least = fewest * c.groups;
    if (adaptive && nMin > c.group_size) {
      refuse(
        ["group_size"],
        `a step of ${c.groups} groups has ${c.group_size * c.groups} rollouts on average, but n_min asks for at least ` +
          `${nMin} x ${c.groups} = ${least}; raise group_size or lower sampling.n_min`,
      );
    }
    if (!adaptive && c.sampling.screen > 0) {
      refuse(
        ["sampling", "screen"],
        `${c.sampling.strategy} keeps no estimates; choose adaptive, or leave this out`,
      );
    }
    if (adaptive && stepTokens !== null && stepTokens < least) {
      refuse(
        ["sampling", "step_tokens"],
        `n_min x groups is ${nMin} x ${c.groups} = ${least} rollouts, which no budget of ${stepTokens} tokens can meet`,
      );
    }
    if (c.max_generated_tokens !== null && c.max_generated_tokens < least) {
      refuse(
        ["max_generated_tokens"],
        `one step has at least ${fewest} x ${c.groups} = ${least} rollouts, so this budget ends before the first step does`,
      );
    }
    const advantage = chosenAdvantage(c);
    const history = advantage === "history";
    if (c.sampling.keep === "surprising" && !(adaptive && history)) {
      refuse(
        ["sampling", "keep"],
        adaptive
          ? `advantage ${advantage} leaves nothing of all-equal groups; use advantage: history, or keep: mixed`
          : `${c.sampling.strategy} keeps no estimates that could be surprised; use keep: mixed, or strategy: adaptive`,
      );
    }
    const key = adaptive ? (["sampling", "n_min"] as const) : (["group_size"] as const);
    if (!history && (c.group_size < 2 || fewest < 2)) {
      refuse(
        c.group_size < 2 ? ["group_size"] : [...key],
        "a group of one has no spread: use at least 2, or advantage: history",
      );
    }
  })
  .prefault({});

export type RlSection = z.infer<typeof rlSchema>;
