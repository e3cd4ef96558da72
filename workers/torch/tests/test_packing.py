"""Plans: every row once, within the budget, the same number of micro-batches everywhere, and balanced."""

import random

import pytest
import torch

from helpers import make_batch
from veriloop_torch.packing import lay_out, plan_rows


@pytest.mark.parametrize("ranks", [1, 2, 3, 8])
@pytest.mark.parametrize("seed", range(5))
def test_every_row_once_and_within_the_budget(ranks, seed):
    draw = random.Random(seed)
    lengths = {row: draw.randint(1, 900) for row in range(draw.randint(1, 200))}
    budget = 1000
    plan = plan_rows(lengths, ranks=ranks, budget=budget, quadratic=1e-3)
    assert all(len(step) == ranks for step in plan.grid)
    rows = [row for step in plan.grid for micro in step for row in micro]
    assert sorted(rows) == sorted(lengths)
    assert all(sum(lengths[row] for row in micro) <= budget for step in plan.grid for micro in step)
    # No more micro-batches than a third above the least that could hold the tokens, plus the last round.
    least = -(-sum(lengths.values()) // (budget * ranks))
    assert plan.steps <= 1.34 * least + 1


def test_long_rows_get_a_micro_batch_of_their_own():
    plan = plan_rows({0: 5000, 1: 10, 2: 10}, ranks=1, budget=100, quadratic=0.0)
    assert [0] in [micro for step in plan.grid for micro in step]


def test_ranks_that_run_together_cost_about_the_same():
    draw = random.Random(1)
    lengths = {row: int(min(16_000, draw.lognormvariate(8, 0.8))) + 1 for row in range(256)}
    quadratic = 1.4e-5
    cost = lambda micro: sum(lengths[row] + quadratic * lengths[row] ** 2 for row in micro)  # noqa: E731
    plan = plan_rows(lengths, ranks=4, budget=32_768, quadratic=quadratic)
    # Ranks wait for the slowest in each micro-batch: the time is the sum of the largest costs.
    spent = sum(max(cost(micro) for micro in step) for step in plan.grid)
    ideal = sum(cost(micro) for step in plan.grid for micro in step) / 4
    assert spent <= 1.10 * ideal


def test_layout_by_hand():
    batch = make_batch((4, 3, 5), divisor=10)
    wanted = torch.zeros(12, dtype=torch.bool)
    wanted[[2, 5, 6]] = True
    micro = lay_out(batch, [0, 1], wanted, scale=2.0, multiple=8, device=torch.device("cpu"))
    ids = batch.token_ids
    assert micro.token_ids[0].tolist() == [*ids[0:3].tolist(), *ids[4:6].tolist(), 0, 0, 0]
    assert micro.position_ids[0].tolist() == [0, 1, 2, 0, 1, 0, 1, 2]
    assert micro.documents == (0, 3, 5, 8) and micro.max_length == 3
    assert micro.places.tolist() == [1, 3, 4]  # the place before each wanted token
    assert micro.targets.tolist() == ids[[2, 5, 6]].tolist()
    assert torch.allclose(micro.coef, batch.weights[[2, 5, 6]] * 0.2)
    assert micro.source.tolist() == [2, 5, 6]
