"""Cuts a step's rows into micro-batches of packed rows: pure arithmetic on lengths, the same on every rank.

A row of L tokens feeds its first L - 1 (the last one predicts nothing); each fed place has the next token as target.
Rows are never cut and never padded to each other; they lie end to end, and attention stops at their borders.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from .batch import Batch


@dataclass(frozen=True)
class Plan:
    """`grid[k][r]` = rows of micro-batch k on rank r; an empty list stands for a dummy without trained tokens."""

    grid: list[list[list[int]]]

    @property
    def steps(self) -> int:
        return len(self.grid)

    @property
    def micro_batches(self) -> int:
        return sum(1 for step in self.grid for rows in step if rows)


def plan_rows(lengths: dict[int, int], *, ranks: int, budget: int, quadratic: float) -> Plan:
    """Spreads rows over ranks and micro-batches, the same number of micro-batches on every rank.

    lengths: fed tokens of each row, by row number.
    budget: fed tokens of one micro-batch at most; a longer row gets a micro-batch of its own.
    quadratic: c in the cost len + c len^2 of a row (attention's share, `attention_share`).
    """
    cost = {row: n + quadratic * n * n for row, n in lengths.items()}
    order = sorted(lengths, key=lambda row: (-cost[row], row))
    bins = _fill(order, lengths, cost, ranks, budget)
    bins.sort(key=lambda rows: -sum(cost[row] for row in rows))
    # Ranks wait for each other at every block, so neighbours in cost run at the same time; which rank gets the larger
    # one alternates.
    grid = []
    for k in range(0, len(bins), ranks):
        step = bins[k : k + ranks]
        grid.append(step if (k // ranks) % 2 == 0 else step[::-1])
    return Plan([step for step in grid if any(step)])


def _fill(order: list[int], lengths: dict[int, int], cost: dict[int, float], ranks: int, budget: int) -> list[list[int]]:
    """Longest first, each row into the cheapest micro-batch with room; one more micro-batch a rank until all fit."""
    count = max(1, -(-sum(lengths.values()) // (budget * ranks)))
    while True:
        bins: list[list[int]] = [[] for _ in range(count * ranks)]
        tokens = [0] * len(bins)
        load = [0.0] * len(bins)
        for row in order:
            room = [b for b in range(len(bins)) if not bins[b] or tokens[b] + lengths[row] <= budget]
            if not room:
                break
            best = min(room, key=lambda b: (load[b], b))
            bins[best].append(row)
            tokens[best] += lengths[row]
            load[best] += cost[row]
        else:
            return bins
        count += 1


def attention_share(layers: int, attention_width: int, parameters: int) -> float:
    """c of the cost len + c len^2: causal attention's multiplications for one token and one place of context, by those
    of the weights (parameters that multiply, the input embedding left out)."""
    return layers * attention_width / max(parameters, 1)


@dataclass
class MicroBatch:
    """T fed places of D packed documents. Everything but `documents` and `source` is on the device."""

    token_ids: torch.Tensor  # i64 [1, T]
    position_ids: torch.Tensor  # i64 [1, T], from 0 in each document
    cu_seqlens: torch.Tensor  # i32 [D + 1]
    documents: tuple[int, ...]  # the same offsets as host integers
    max_length: int
    places: torch.Tensor  # i64 [R] fed places whose target is wanted
    targets: torch.Tensor  # i64 [R]
    coef: torch.Tensor  # f32 [R] weight / divisor
    old: torch.Tensor  # f32 [R] behaviour log-probs
    advantages: torch.Tensor  # f32 [R]
    source: torch.Tensor  # i64 [R] places in the batch, on the CPU


def lay_out(
    batch: Batch, rows: list[int], wanted: torch.Tensor, *, scale: float, multiple: int, device: torch.device
) -> MicroBatch:
    """Packs rows into one micro-batch.

    wanted: bool [N], which tokens of the batch to predict.
    scale: factor of the coefficients beside 1 / divisor.
    multiple: T is rounded up to a multiple of this with a document of zeros.
    No rows: a dummy that predicts one token with coefficient 0, so that this rank takes part in every collective.
    """
    if not rows:
        return _dummy(multiple, device)
    fed, targets, positions, source, offsets = [], [], [], [], [0]
    for row in rows:
        start, end = batch.row_start[row], batch.row_start[row + 1]
        fed.append(torch.arange(start, end - 1))
        positions.append(torch.arange(end - 1 - start))
        offsets.append(offsets[-1] + end - 1 - start)
    places_in_batch = torch.cat(fed)
    keep = wanted[places_in_batch + 1]
    places = keep.nonzero().squeeze(1)
    source = places_in_batch[places] + 1
    targets = batch.token_ids[source]
    ids, position_ids = batch.token_ids[places_in_batch], torch.cat(positions)
    padding = -len(ids) % multiple
    if padding:
        ids = torch.cat([ids, ids.new_zeros(padding)])
        position_ids = torch.cat([position_ids, torch.arange(padding)])
        offsets.append(offsets[-1] + padding)
    # One transfer each, from pinned memory: the host does not wait for the device.
    to = lambda tensor: _to_device(tensor, device)  # noqa: E731
    return MicroBatch(
        token_ids=to(ids)[None],
        position_ids=to(position_ids)[None],
        cu_seqlens=to(torch.tensor(offsets, dtype=torch.int32)),
        documents=tuple(offsets),
        max_length=max(b - a for a, b in zip(offsets, offsets[1:])),
        places=to(places),
        targets=to(targets),
        coef=to((batch.weights[source].double() / batch.divisor * scale).float()),
        old=to(batch.behavior_logprobs[source]),
        advantages=to(batch.advantages[source]),
        source=source,
    )


def _dummy(multiple: int, device: torch.device) -> MicroBatch:
    length = max(2, multiple)
    zero = torch.zeros(1, device=device)
    return MicroBatch(
        token_ids=torch.zeros(1, length, dtype=torch.long, device=device),
        position_ids=torch.arange(length, device=device)[None],
        cu_seqlens=torch.tensor([0, length], dtype=torch.int32, device=device),
        documents=(0, length),
        max_length=length,
        places=zero.long(),
        targets=zero.long(),
        coef=zero,
        old=zero,
        advantages=zero,
        source=torch.zeros(0, dtype=torch.long),
    )


def _to_device(tensor: torch.Tensor, device: torch.device) -> torch.Tensor:
    if device.type == "cpu":
        return tensor
    return tensor.pin_memory().to(device, non_blocking=True)
