"""The objective against golden values made elsewhere, and its written-out slope against autograd."""

import json
from pathlib import Path

import pytest
import torch

from veriloop_torch.batch import LossSpec
from veriloop_torch.objective import Counters, token_loss

GOLDEN = json.loads((Path(__file__).resolve().parents[3] / "test/rl/algo/golden/policy.json").read_text())


def f64(*values):
    return torch.tensor(values, dtype=torch.float64)


def spec(dual=None, kl=0.0, entropy=0.0):
    return LossSpec("clip", 0.2, 0.28, dual, kl, entropy)


def test_every_golden_token():
    rows = GOLDEN["token_loss"]["rows"]
    assert len(rows) == 60
    for logp, old, advantage, dual, kl, coef, entropy, expected in rows:
        loss, _ = token_loss(spec(dual, kl, coef), f64(logp), f64(old), f64(advantage), f64(entropy))
        assert float(loss) == pytest.approx(expected, rel=1e-12, abs=1e-12)


@pytest.mark.parametrize(
    ("log_ratio", "advantage", "dual", "expected"),
    [(0.3, 1, None, -1.28), (0.3, -1, None, 1.349859), (-0.3, 1, None, -0.740818), (-0.3, -1, None, 0.8),
     (1.5, -1, None, 4.481689), (1.5, -1, 3.0, 3.0)],
)  # fmt: skip
def test_values_of_the_design_page(log_ratio, advantage, dual, expected):
    loss, _ = token_loss(spec(dual), f64(log_ratio), f64(0.0), f64(float(advantage)), None)
    assert float(loss) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("divisor", ["token", "constant", "prompt"])
def test_golden_batch_sums_by_its_divisor(divisor):
    """Weights and D are the control plane's; the sum over tokens of w l / D gives every aggregation."""
    golden = GOLDEN["batch"]
    groups = golden["groups"]
    tokens = sum(len(row["logp"]) for rows in groups for row in rows)
    rows_in_all = sum(len(rows) for rows in groups)
    total = 0.0
    for rows in groups:
        rewards = f64(*[row["reward"] for row in rows])
        advantages = (rewards - rewards.mean()) / (rewards.std() + 1e-6)
        in_group = sum(len(row["logp"]) for row in rows)
        d = {
            "token": tokens,
            "constant": rows_in_all * golden["longest"],
            "prompt": in_group * golden["prompts_sampled"],
        }[divisor]
        for row, advantage in zip(rows, advantages):
            loss, _ = token_loss(spec(), f64(*row["logp"]), f64(*row["old"]), advantage.expand(len(row["logp"])), None)
            total += float(loss.sum()) / d
    assert total == pytest.approx(golden[divisor], rel=1e-12)


@pytest.mark.parametrize("dual", [None, 3.0])
@pytest.mark.parametrize("kl", [0.0, 0.1])
def test_slope_is_the_derivative(dual, kl):
    draw = torch.Generator().manual_seed(3)
    logp = (-5 * torch.rand(500, generator=draw, dtype=torch.float64)).requires_grad_()
    old = -5 * torch.rand(500, generator=draw, dtype=torch.float64)
    old[:20] -= 30  # beyond the clamp of the log-ratio: no slope
    loss, slope = token_loss(spec(dual, kl), logp, old, torch.randn(500, generator=draw, dtype=torch.float64), None)
    (by_autograd,) = torch.autograd.grad(loss.sum(), logp)
    assert torch.allclose(slope, by_autograd, atol=1e-12)
    assert not slope[:20].any()


def test_counters_by_hand():
    counters = Counters(spec(), torch.device("cpu"))
    old = torch.zeros(4)
    logp = torch.tensor([0.0, 0.5, -0.5, -0.1])
    coef, loss = torch.tensor([0.5, 0.5, 0.25, 0.25]), torch.tensor([1.0, 2.0, 4.0, 8.0])
    counters.add(coef[:2], loss[:2], logp[:2], old[:2])
    counters.add(coef[2:], loss[2:], logp[2:], old[2:])
    report = counters.report(counters.sums.tolist(), float(counters.ratio_max))
    ratios = logp.double().exp()
    assert report["loss"] == pytest.approx(0.5 + 1 + 1 + 2)
    assert (report["lossTokens"], report["clipFracLow"], report["clipFracHigh"]) == (4, 0.25, 0.25)
    assert report["ratioMean"] == pytest.approx(float(ratios.mean()))
    assert report["ratioMax"] == pytest.approx(float(ratios.max()))
    assert report["klBehavior"] == pytest.approx(float((ratios - 1 - logp).mean()))
    assert report["entropy"] == pytest.approx(float(-logp.mean()))
