"""The language-model head by chunks: log-probs and the objective without ever holding the logits of a whole micro-batch.

The objective is a sum over tokens whose slope is known in closed form, so a chunk's gradients are made while its logits
are there, in the forward pass: three matrix products a token, none of them twice. With P = softmax(z / T):

    dloss/dz = coef/T * ( dl/dlogp * (onehot - P) + entropyCoef * P (log P + H) )
"""

from __future__ import annotations

from functools import lru_cache

import torch

from .batch import LossSpec
from .objective import token_loss


@lru_cache
def _sums_in_fp32(device_type: str) -> bool:
    """Whether this torch leaves a product of bf16 matrices in fp32 on the device, and adds it to an fp32 matrix in place."""
    if device_type != "cuda":
        return False
    a = torch.ones(16, 16, dtype=torch.bfloat16, device=device_type)
    total = torch.ones(16, 16, device=device_type)
    try:
        torch.addmm(total, a, a, out_dtype=torch.float32, out=total)
        product = torch.mm(a, a, out_dtype=torch.float32)
    except (RuntimeError, TypeError, NotImplementedError):
        return False
    return product.dtype == torch.float32 and float(total[0, 0]) == 17.0


def _logits(hidden: torch.Tensor, weight: torch.Tensor, temperature: float) -> torch.Tensor:
    """f32 [C, V]. bf16 factors are summed and left in fp32 where the device's library can."""
    if hidden.dtype != torch.float32 and _sums_in_fp32(hidden.device.type):
        z = torch.mm(hidden, weight.t(), out_dtype=torch.float32)
    else:
        z = (hidden @ weight.t()).float()
    return z.div_(temperature) if temperature != 1.0 else z


def _log_probs(z: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """log p of the targets and the log-sum-exp, f32 [C] each."""
    lse = torch.logsumexp(z, dim=-1)
    return z.gather(1, targets[:, None]).squeeze(1) - lse, lse


def _slope_of_logits(
    z: torch.Tensor, lse: torch.Tensor, targets: torch.Tensor, slope: torch.Tensor, bonus: torch.Tensor | None
) -> torch.Tensor:
    """dloss/dz in place of z (the factor 1/T left to the caller).

    slope: dloss/dlogp [C]. bonus: -dloss/dH [C], None when there is no entropy bonus.
    """
    if bonus is None:
        z.sub_(lse[:, None]).exp_().mul_(-slope[:, None])
    else:
        log_p = z.sub_(lse[:, None])
        p = log_p.exp()
        entropy = -(p * log_p).sum(-1, keepdim=True)
        z = p * (bonus[:, None] * (log_p + entropy) - slope[:, None])
    z.scatter_add_(1, targets[:, None], slope[:, None])
    return z


# Compiled, the passes over a chunk of logits become one or two kernels.
_compiled: dict[str, object] = {}


def _maybe_compiled(function, compiled: bool):
    if not compiled:
        return function
    if function.__name__ not in _compiled:
        _compiled[function.__name__] = torch.compile(function, dynamic=True)
    return _compiled[function.__name__]


class _ChunkedObjective(torch.autograd.Function):
    """(hidden [R, d], weight [V, d]) -> sum of coef * l, with l and logp [R] for the counters."""

    @staticmethod
    def forward(ctx, hidden, weight, targets, coef, old, advantages, spec: LossSpec, temperature, chunk, compiled):
        rows = hidden.shape[0]
        need_hidden, need_weight = ctx.needs_input_grad[:2]
        logps = torch.empty(rows, dtype=torch.float32, device=hidden.device)
        losses = torch.empty_like(logps)
        grad_hidden = torch.empty_like(hidden) if need_hidden else None
        grad_weight = torch.zeros(weight.shape, dtype=torch.float32, device=weight.device) if need_weight else None
        with_bonus = spec.kind == "clip" and spec.entropy_coef > 0
        log_probs = _maybe_compiled(_log_probs, compiled)
        slope_of_logits = _maybe_compiled(_slope_of_logits, compiled)
        for start in range(0, rows, chunk):
            part = slice(start, start + chunk)
            z = _logits(hidden[part], weight, temperature)
            logp, lse = log_probs(z, targets[part])
            entropy = None
            if with_bonus:
                log_p = z - lse[:, None]
                entropy = -(log_p.exp() * log_p).sum(-1)
            loss, slope = token_loss(spec, logp, old[part], advantages[part], entropy)
            logps[part], losses[part] = logp, loss
            if need_hidden or need_weight:
                bonus = coef[part] * spec.entropy_coef if with_bonus else None
                dz = slope_of_logits(z, lse, targets[part], coef[part] * slope, bonus)
                dz = dz.div_(temperature) if temperature != 1.0 else dz
                dz = dz.to(hidden.dtype)
                if need_hidden:
                    grad_hidden[part] = dz @ weight
                if need_weight:
                    _add_product(grad_weight, dz, hidden[part])
        ctx.save_for_backward(grad_hidden, grad_weight)
        ctx.weight_dtype = weight.dtype
        ctx.mark_non_differentiable(losses, logps)
        # A token with coefficient 0 (of a dummy) adds nothing, whatever its l is.
        return torch.where(coef != 0, coef * losses, 0.0).sum(), losses, logps

    @staticmethod
    def backward(ctx, grad, _losses, _logps):
        grad_hidden, grad_weight = ctx.saved_tensors
        if grad_hidden is not None:
            grad_hidden = grad_hidden * grad.to(grad_hidden.dtype)
        if grad_weight is not None:
            grad_weight = grad_weight.mul_(grad).to(ctx.weight_dtype)
        return grad_hidden, grad_weight, *[None] * 8


def _add_product(total: torch.Tensor, dz: torch.Tensor, hidden: torch.Tensor) -> None:
    """total += dz^T hidden, summed in fp32 over the chunks whatever the factors' precision."""
    if dz.dtype == torch.float32:
        total.addmm_(dz.t(), hidden)
    elif _sums_in_fp32(dz.device.type):
        torch.addmm(total, dz.t(), hidden, out_dtype=torch.float32, out=total)
    else:
        total += (dz.t() @ hidden).float()


def chunked_objective(
    hidden: torch.Tensor,
    weight: torch.Tensor,
    *,
    targets: torch.Tensor,
    coef: torch.Tensor,
    old: torch.Tensor,
    advantages: torch.Tensor,
    spec: LossSpec,
    temperature: float,
    chunk: int,
    compiled: bool = False,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Sum of coef * l over R tokens (a scalar to call backward on), and l and log p of each, f32 [R].

    hidden: [R, d] of the places that predict; weight: the head's [V, d]; the other tensors [R].
    At most `chunk` tokens' logits exist at one time.
    """
    return _ChunkedObjective.apply(hidden, weight, targets, coef, old, advantages, spec, temperature, chunk, compiled)


@torch.no_grad()
def chunked_log_probs(
    hidden: torch.Tensor, weight: torch.Tensor, targets: torch.Tensor, *, temperature: float, chunk: int
) -> torch.Tensor:
    """log p of each target, f32 [R], nats."""
    parts = [
        _log_probs(_logits(hidden[start : start + chunk], weight, temperature), targets[start : start + chunk])[0]
        for start in range(0, hidden.shape[0], chunk)
    ]
    return torch.cat(parts) if parts else torch.zeros(0, device=hidden.device)
