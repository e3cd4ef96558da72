"""The clipped objective of one token and its slope (design: DAPO, arXiv 2503.14476 eq. 10; dual clip: arXiv 1912.09729
eq. 5). The derivative is written out, because the head needs it before any backward pass (head.py)."""

from __future__ import annotations

import torch

from .batch import LossSpec

LOG_RATIO_BOUND = 20.0
"""Log-ratios are clamped here, so that one outlier cannot overflow."""


def token_loss(
    spec: LossSpec, logp: torch.Tensor, old: torch.Tensor, advantages: torch.Tensor, entropy: torch.Tensor | None
) -> tuple[torch.Tensor, torch.Tensor]:
    """l and dl/dlogp of each token, f32 [R] each.

        l = max(-A r, -A clip(r)), capped for A < 0 by the dual clip; + klCoef (r - 1 - log r) - entropyCoef H

    logp, old: nats, under the weights being trained and under the behaviour policy, at the same temperature.
    entropy: H of each token's distribution, needed when the spec has an entropy bonus. Its own slope is left to the head.
    """
    if spec.kind == "ce":
        return -logp, torch.full_like(logp, -1.0)
    raw = logp - old
    log_ratio = raw.clamp(-LOG_RATIO_BOUND, LOG_RATIO_BOUND)
    inside = raw.abs() <= LOG_RATIO_BOUND
    ratio = log_ratio.exp()
    plain = -advantages * ratio
    clipped = -advantages * ratio.clamp(1 - spec.eps_low, 1 + spec.eps_high)
    loss = torch.maximum(plain, clipped)
    active = inside & (plain >= clipped)
    if spec.dual_clip is not None:
        negative = advantages < 0
        cap = -advantages * spec.dual_clip
        active = active & (~negative | (plain <= cap))
        loss = torch.where(negative, torch.minimum(loss, cap), loss)
    slope = torch.where(active, plain, 0.0)
    if spec.kl_coef > 0:  # k3 estimate of KL(behaviour || current) from behaviour's samples
        loss = loss + spec.kl_coef * (ratio - 1 - log_ratio)
        slope = slope + spec.kl_coef * torch.where(inside, ratio - 1, 0.0)
    if spec.entropy_coef > 0:
        assert entropy is not None
        loss = loss - spec.entropy_coef * entropy
    return loss, slope


class Counters:
    """What a step reports about its tokens: sums in double precision that stay on the device until the step is done."""

    _NAMES = ("loss", "tokens", "low", "high", "ratio", "kl", "surprise")

    def __init__(self, spec: LossSpec, device: torch.device) -> None:
        self._spec = spec
        self.sums = torch.zeros(len(self._NAMES), dtype=torch.float64, device=device)
        self.ratio_max = torch.zeros(1, dtype=torch.float64, device=device)

    @torch.no_grad()
    def add(self, coef: torch.Tensor, loss: torch.Tensor, logp: torch.Tensor, old: torch.Tensor) -> None:
        """All f32 [R]; `loss` is l before its coefficient."""
        spec, tokens = self._spec, logp.numel()
        if tokens == 0:
            return
        values = [(coef.double() * loss).sum(), torch.full((), tokens, dtype=torch.float64, device=logp.device)]
        if spec.kind == "clip":
            log_ratio = (logp - old).clamp(-LOG_RATIO_BOUND, LOG_RATIO_BOUND).double()
            ratio = log_ratio.exp()
            values += [(ratio < 1 - spec.eps_low).sum(), (ratio > 1 + spec.eps_high).sum(), ratio.sum()]
            values += [(ratio - 1 - log_ratio).sum()]
            self.ratio_max = torch.maximum(self.ratio_max, ratio.max())
        else:
            values += [values[0].new_zeros(())] * 4
        values += [-logp.double().sum()]
        self.sums += torch.stack([value.double() for value in values])

    def report(self, sums: list[float], ratio_max: float) -> dict:
        """The token fields of StepReport from sums over all ranks."""
        total = dict(zip(self._NAMES, sums))
        tokens = total["tokens"]
        per = lambda name: total[name] / tokens if tokens else 0.0  # noqa: E731
        clip = self._spec.kind == "clip"
        return {
            "loss": total["loss"],
            "lossTokens": int(tokens),
            "clipFracLow": per("low"),
            "clipFracHigh": per("high"),
            "ratioMean": per("ratio") if clip else 1.0,
            "ratioMax": ratio_max if clip else 1.0,
            "klBehavior": per("kl"),
            "entropy": per("surprise"),
        }
