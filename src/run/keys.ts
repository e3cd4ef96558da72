/**
 * The names of the metrics: an API that people script against, held by a golden test. Keys are `area/thing/stat`.
 * `<set>` stands for the name of an evaluation set and `<k>` for a number.
 */

/** Key (or pattern) -> what it is, with its unit. */
export const METRIC_KEYS: Readonly<Record<string, string>> = {
  "train/reward/mean": "mean reward of the step's scored rollouts",
  "train/reward/std": "standard deviation of the same",
  "train/pass_rate": "share of the step's scored rollouts that pass",
  "train/len/mean": "mean completion length, tokens",
  "train/len/p95": "95th percentile of completion length, tokens",
  "train/truncated": "share of rollouts cut at the token limit",
  "train/kept_groups": "groups with a signal that were trained on",
  "train/drawn_groups": "groups sampled in the step",
  "train/rollouts": "rollouts sampled in the step",
  "train/tokens": "completion tokens sampled in the step",
  "train/rollouts_total": "rollouts sampled since the run began",
  "train/tokens_total": "completion tokens sampled since the run began, evaluations not counted",
  "train/rollouts_per_problem/min": "fewest rollouts of a problem in the step",
  "train/rollouts_per_problem/mean": "mean rollouts of a problem in the step",
  "train/rollouts_per_problem/max": "most rollouts of a problem in the step",
  "train/rollouts_per_problem/hist/<k>": "problems that got 2^k to 2^(k+1) - 1 rollouts in the step",
  "groups/all_solved": "drawn groups whose rollouts all pass",
  "groups/all_failed": "drawn groups whose rollouts all fail",
  "groups/mixed": "drawn groups with both",
  "groups/too_small": "drawn groups with too few scored rollouts to compare",
  "groups/from_bank": "banked groups trained on in the step",
  "groups/banked": "useful groups in the bank after the step",
  "waste/all_solved": "rollouts in groups that all pass and are not trained on",
  "waste/all_failed": "rollouts in groups that all fail and are not trained on",
  "waste/stale": "rollouts in banked groups that grew too old",
  "waste/surplus": "rollouts in useful groups not used in this step (banked, or dropped)",
  "waste/quarantined": "rollouts dropped because their problem went into quarantine",
  "waste/infra": "rollouts whose check failed for the machinery's fault",
  "adaptive/keep_rate": "share of drawn groups that can be trained on",
  "adaptive/drawn": "problems drawn in the step",
  "adaptive/rounds": "sampling rounds in the step",
  "adaptive/brier": "Brier score of the pass-rate estimates against the step's outcomes",
  "adaptive/expected_mixed": "useful groups that the estimates expected of the step's choice",
  "adaptive/calibration_error":
    "mean gap between predicted and observed pass rates over bins, since the run began",
  "adaptive/reliability/<k>/rollouts":
    "rollouts predicted to pass with a rate in [k/10, (k+1)/10), since the run began",
  "adaptive/reliability/<k>/predicted": "mean predicted pass rate of those",
  "adaptive/reliability/<k>/observed": "share of those that passed",
  "adaptive/signal":
    "mean outcome variance p(1-p) of the training set, by inverse inclusion, smoothed over steps",
  "adaptive/prior_strength": "pseudo-counts of the prior that a bucket shares",
  "adaptive/drift/q": "fitted variance of a pass rate's logit an update",
  "adaptive/drift/delta": "fitted mean gain of a pass rate's logit an update",
  "adaptive/kappa": "sharpness of the choice of problems",
  "adaptive/explore": "share of the choice that is spread evenly",
  "adaptive/retired": "problems set aside as solved",
  "adaptive/unseen": "share of problems never visited",
  "policy/loss": "loss of the step",
  "policy/entropy": "mean -log p of trained tokens, nats",
  "policy/clip_frac_low": "share of trained tokens below the clip range",
  "policy/clip_frac_high": "share of trained tokens above the clip range",
  "policy/ratio_mean": "mean probability ratio to the behaviour policy",
  "policy/ratio_max": "largest probability ratio to the behaviour policy",
  "policy/kl_behavior": "k3 estimate of KL(behaviour || current), nats a token",
  "policy/grad_norm": "global gradient norm before clipping",
  "policy/lr": "learning rate",
  "policy/skipped": "1 when the update was skipped",
  "policy/loss_tokens": "trained tokens",
  "policy/non_finite": "trained tokens dropped because their behaviour log-prob was not finite",
  "policy/importance/mean": "mean importance weight of stale trained tokens, where they are corrected",
  "policy/importance/capped": "share of those at the cap",
  "policy/version": "weight publications so far",
  "sampler/tokens_per_s": "completion tokens sampled a second",
  "sampler/version_lag": "versions between behaviour policy and learner, mean over trained rollouts",
  "reward/sims_per_s": "candidates checked a second",
  "reward/cache_hit": "share of verdicts that came from the cache",
  "reward/timeout": "share of candidates that ran out of time",
  "reward/reverified":
    "lone passes of problems believed hard that were checked again, with another seed and a proof",
  "reward/refuted": "of those, how many did not pass again",
  "reward/infra": "checks that failed for the machinery's fault",
  "reward/audited": "passes checked again with other vectors",
  "reward/proved": "passes that the formal engine proved",
  "reward/unconfirmed": "passes that the formal engine doubts but the simulator upholds",
  "reward/alarms": "passes that a second tier found wrong: each quarantines its problem",
  "reward/quarantined": "problems in quarantine since the run began",
  "reward/latency/p50": "median time from request to verdict of the checks that no cache answered, ms",
  "reward/latency/p95": "95th percentile of the same",
  "reward/latency/max": "largest of the same",
  "reward/part/<part>": "mean of one part of the reward over the step's scored rollouts",
  "reward/refused": "problems left out because their golden cannot serve",
  "reward/outcome/<outcome>": "scored rollouts by outcome",
  "timing/step_s": "wall time of the step without evaluation",
  "timing/prepare_s": "time spent preparing goldens before sampling",
  "timing/sample_s": "time until the last rollout was sampled",
  "timing/score_s": "time waited for verdicts after sampling ended",
  "timing/learn_s": "time of the optimizer step",
  "timing/publish_s": "time to give the sampler the new weights",
  "timing/eval_s": "time of an evaluation",
  "timing/elapsed_s": "wall time since the run began, pauses between attempts left out",
  "perf/tokens_per_s": "completion tokens of the step over its wall time",
  "mem/rss_mb": "resident memory of the control process",
  "disk/free_gb": "free space where the run lies",
  "eval/<set>/pass@<k>": "unbiased pass@k, mean over problems (sampled)",
  "eval/<set>/pass@1/lo": "lower end of the 95% interval of pass@1 over problems",
  "eval/<set>/pass@1/hi": "upper end of the same",
  "eval/<set>/problems": "problems evaluated",
  "eval/<set>/samples": "samples of each problem",
  "eval/<set>/tokens": "completion tokens that the evaluation sampled",
  "eval/<set>/truncated": "share of its rollouts cut at the token limit",
  "eval/<set>/infra": "its checks that failed for the machinery's fault",
};

/**
 * True for keys whose value depends on the clock, the machine's load or what it had cached, not on seed and config:
 * `time`, `timing/*`, `perf/*`, `mem/*`, `disk/*`, `reward/latency/*`, `*_per_s`, `reward/cache_hit`, and `reward/proved` and
 * `reward/unconfirmed`, because a proof has a time limit. All others are the same in a run that was killed and resumed as
 * in an unbroken one, unless a problem went into quarantine in between.
 */
export const isWallClock = (key: string): boolean =>
  key === "time" ||
  /^(timing|perf|mem|disk|reward\/latency)\//.test(key) ||
  key.endsWith("_per_s") ||
  ["reward/cache_hit", "reward/proved", "reward/unconfirmed"].includes(key);

/** True when the key is one of METRIC_KEYS, with its placeholders filled. */
export const isKnownKey = (key: string): boolean => PATTERNS.some((p) => p.test(key));

const PATTERNS = Object.keys(METRIC_KEYS).map(
  (key) =>
    new RegExp(
      `^${key
        .replace(/[.+*?^$()[\]{}|\\]/g, "\\$&")
        .replace("<k>", "\\d+")
        .replace(/<\w+>/g, "[\\w.-]+")}$`,
    ),
);
