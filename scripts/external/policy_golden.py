"""Golden values of the policy objective, by the formulas that verl and TRL publish, in plain Python (no torch).

usage: python3 scripts/external/policy_golden.py > test/rl/algo/golden/policy.json

  advantages   verl core_algos.compute_grpo_outcome_advantage: (r - mean) / (std + 1e-6), torch.std (ddof 1);
               without std (Dr.GRPO): r - mean; compute_rloo_outcome_advantage: r n/(n-1) - mean n/(n-1)
  token loss   verl core_algos.compute_policy_loss_vanilla: log-ratio clamped to +-20, clip low/high, dual clip for A < 0;
               k3 term exp(d) - d - 1 with d = logp - old
  aggregation  verl agg_loss "token-mean" = TRL loss_type "dapo": sum over tokens / tokens of the whole step;
               "seq-mean-token-sum-norm" = TRL "dr_grpo": sum / (rows * longest completion);
               "prompt": mean over prompts of the mean over a prompt's tokens (verl "seq-mean-token-mean", by prompt)
  correction   TRL importance_sampling_ratio = verl token-level TIS: min(exp(old - behaviour), cap)
  overlong     DAPO eq. 13 = trl.rewards.get_soft_overlong_punishment = verl's dapo reward manager
"""

import json
import math
import random

EPS_LOW, EPS_HIGH = 0.2, 0.28


def mean(xs):
    return math.fsum(xs) / len(xs)


def std(xs):
    m = mean(xs)
    return math.sqrt(math.fsum((x - m) ** 2 for x in xs) / (len(xs) - 1))


def advantages(rewards):
    m, n = mean(rewards), len(rewards)
    return {
        "rewards": rewards,
        "group_std": [(r - m) / (std(rewards) + 1e-6) for r in rewards],
        "leave_one_out": [r * n / (n - 1) - m * n / (n - 1) for r in rewards],
    }


def token_loss(logp, old, adv, dual_clip, kl_coef, entropy_coef=0.0, entropy=0.0):
    d = max(-20.0, min(20.0, logp - old))
    ratio = math.exp(d)
    loss = max(-adv * ratio, -adv * max(1 - EPS_LOW, min(1 + EPS_HIGH, ratio)))
    if dual_clip is not None and adv < 0:
        loss = min(loss, -adv * dual_clip)
    return loss + kl_coef * (math.exp(d) - d - 1) - entropy_coef * entropy


def main():
    rng = random.Random(7)
    rewards = [
        [1, 0, 0, 1, 1, 0, 0, 0],
        [1, 0],
        [1] + [0] * 15,
        [0.1, 1.0, 0.1, 0.5, 1.0],
    ]
    tokens = []
    for _ in range(60):
        logp, old, adv = rng.uniform(-4, 0), rng.uniform(-4, 0), rng.uniform(-2, 2)
        dual, kl, ent, h = rng.choice([None, 3.0, 1.5]), rng.choice([0.0, 0.1]), rng.choice([0.0, 0.01]), rng.uniform(0, 2)
        tokens.append([logp, old, adv, dual, kl, ent, h, token_loss(logp, old, adv, dual, kl, ent, h)])
    groups, lengths = [], [[3, 1], [5, 2, 4], [1, 1, 6, 2]]
    for g, ls in enumerate(lengths):
        rs = [float(j % 2 == 0) for j in range(len(ls))]
        rows = [
            {"reward": r, "logp": [rng.uniform(-3, 0) for _ in range(n)], "old": [rng.uniform(-3, 0) for _ in range(n)]}
            for r, n in zip(rs, ls)
        ]
        groups.append(rows)
    per_group = []
    for rows in groups:
        adv = advantages([r["reward"] for r in rows])["group_std"]
        per_group.append(
            [token_loss(p, o, a, None, 0.0) for r, a in zip(rows, adv) for p, o in zip(r["logp"], r["old"])]
        )
    flat = [x for g in per_group for x in g]
    num_rows, longest, sampled = sum(len(g) for g in groups), 8, 4
    print(
        json.dumps(
            {
                "made_by": "scripts/external/policy_golden.py",
                "advantages": [advantages(r) for r in rewards],
                "token_loss": {"columns": "logp old advantage dual_clip kl_coef entropy_coef entropy loss", "rows": tokens},
                "batch": {
                    "groups": groups,
                    "longest": longest,
                    "prompts_sampled": sampled,
                    "token": math.fsum(flat) / len(flat),
                    "constant": math.fsum(flat) / (num_rows * longest),
                    "prompt": math.fsum(mean(g) for g in per_group) / sampled,
                },
                "importance": [
                    [old, beh, cap, min(math.exp(old - beh), cap)]
                    for old, beh, cap in [(-1.0, -1.5, 2.0), (-1.0, -3.0, 2.0), (-2.0, -1.0, 2.0), (-0.5, -0.5, 1.0)]
                ],
                "overlong": [
                    [n, 100, 20, 0.0 if n <= 80 else (80 - n) / 20 if n <= 100 else -1.0]
                    for n in (0, 80, 81, 90, 100, 120)
                ],
            },
            indent=1,
        )
    )


main()
