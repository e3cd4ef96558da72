"""AdamW over this rank's shards: bias-corrected moments, weight decay decoupled and left off norms and biases.

    m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g^2
    w = w (1 - lr decay) - lr / (1 - b1^t) m / (sqrt(v) / sqrt(1 - b2^t) + eps)

Weights are fp32. Matrices may keep their moments in bf16 or 8 bits (rounding.py); the rest always has fp32 moments and
torch's fused update.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from .rounding import block_size, from_codes, to_bf16, to_codes
from .tensors import like_local, local

_CHUNK = 1 << 24
"""Weights that one pass of the low-precision update covers: bounds its temporaries."""


@dataclass(frozen=True)
class Hyper:
    """One step's settings; the schedule is the control plane's."""

    lr: float
    beta1: float
    beta2: float
    eps: float
    weight_decay: float
    max_grad_norm: float
    micro_batch_tokens: int


class AdamW:
    """`updates` counts the updates applied so far (t)."""

    def __init__(self, named: list[tuple[str, nn.Parameter]], moments: str, compiled: bool = False) -> None:
        """named: the trained parameters by the names that a checkpoint uses; their shards must have memory already."""
        self.moments = moments
        self.updates = 0
        self._named = named
        self._small: list[tuple[str, nn.Parameter]] = []
        self._states: dict[str, dict[str, torch.Tensor]] = {}
        for name, parameter in named:
            part = local(parameter).detach()
            columns = parameter.numel() // max(parameter.shape[0], 1)
            block = block_size(columns) if parameter.dim() > 1 else None
            if moments == "fp32" or block is None:
                self._small.append((name, parameter))
                self._states[name] = {"m": torch.zeros_like(part), "v": torch.zeros_like(part)}
            elif moments == "bf16":
                zeros = torch.zeros_like(part, dtype=torch.bfloat16)
                self._states[name] = {"m": zeros, "v": zeros.clone()}
            else:
                scale = part.new_zeros(part.shape[0], columns // block)
                self._states[name] = {
                    "m": torch.zeros_like(part, dtype=torch.int8),
                    "v": torch.zeros_like(part, dtype=torch.uint8),
                    "m_scale": scale,
                    "v_scale": scale.clone(),
                }
        update = {"bf16": _update_bf16, "8bit": _update_8bit}.get(moments)
        self._update = torch.compile(update, dynamic=True) if compiled and update is not None else update

    @torch.no_grad()
    def step(self, hyper: Hyper) -> None:
        """Applies the parameters' gradients."""
        self.updates += 1
        self._fused(hyper)
        small = {name for name, _ in self._small}
        for name, parameter in self._named:
            if name not in small and local(parameter).numel() > 0:
                self._low_precision(name, parameter, hyper)

    def _fused(self, hyper: Hyper) -> None:
        for decays in (True, False):
            group = [
                (local(p), local(p.grad), self._states[name])
                for name, p in self._small
                if (p.dim() > 1) == decays and local(p).numel() > 0
            ]
            if not group:
                continue
            weights, gradients, states = zip(*group)
            # torch.optim.AdamW counts for each weight; here the count is the step's, so that a checkpoint has one.
            count = torch.full((), self.updates, dtype=torch.float32, device=weights[0].device)
            torch._fused_adamw_(
                list(weights),
                list(gradients),
                [state["m"] for state in states],
                [state["v"] for state in states],
                [],
                [count] * len(weights),
                lr=hyper.lr,
                beta1=hyper.beta1,
                beta2=hyper.beta2,
                weight_decay=hyper.weight_decay if decays else 0.0,
                eps=hyper.eps,
                amsgrad=False,
                maximize=False,
            )

    def _low_precision(self, name: str, parameter: nn.Parameter, hyper: Hyper) -> None:
        state = self._states[name]
        weight, gradient = local(parameter), local(parameter.grad)
        t = self.updates
        scalars = torch.tensor(
            [
                1 - hyper.lr * hyper.weight_decay,
                hyper.lr / (1 - hyper.beta1**t),
                (1 - hyper.beta2**t) ** -0.5,
                hyper.beta1,
                hyper.beta2,
                hyper.eps,
            ],
            dtype=torch.float32,
            device=weight.device,
        )
        block = weight[0].numel() // state["m_scale"].shape[1] if "m_scale" in state else weight[0].numel()
        tensors = [tensor.view(-1, block) for tensor in (weight, gradient, state["m"], state["v"])]
        if "m_scale" in state:
            tensors += [state["m_scale"].view(-1), state["v_scale"].view(-1)]
        rows = max(1, _CHUNK // block)
        for start in range(0, tensors[0].shape[0], rows):
            self._update(*[tensor[start : start + rows] for tensor in tensors], scalars)

    def gradients(self) -> list[torch.Tensor]:
        """This rank's parts, those of rows that it does not hold left out."""
        found = [local(p.grad) for _, p in self._named if p.grad is not None]
        return [part for part in found if part.numel() > 0]

    def sharded_state(self) -> dict[str, torch.Tensor]:
        """Every moment as a sharded tensor, by `<kind>.<parameter>`: what a checkpoint holds, on any number of ranks."""
        result = {}
        for name, parameter in self._named:
            for kind, part in self._states[name].items():
                shape = torch.Size((parameter.shape[0], *part.shape[1:]))
                result[f"{kind}.{name}"] = like_local(parameter, part, shape)
        return result

    @torch.no_grad()
    def set_moments(self, name: str, m: torch.Tensor, v: torch.Tensor) -> None:
        """Takes over fp32 moments of this rank's rows."""
        state = self._states[name]
        if "m_scale" in state:
            blocks = (-1, m[0].numel() // state["m_scale"].shape[1])
            for kind, value in (("m", m), ("v", v)):
                codes, scale = to_codes(value.to(state[kind].device).view(blocks), signed=kind == "m")
                state[kind].copy_(codes.view_as(state[kind]))
                state[f"{kind}_scale"].copy_(scale.view_as(state[f"{kind}_scale"]))
        else:
            state["m"].copy_(m)
            state["v"].copy_(v)

    @torch.no_grad()
    def full_moments(self, name: str) -> tuple[torch.Tensor, torch.Tensor]:
        """This rank's rows of both moments in fp32."""
        state = self._states[name]
        if "m_scale" not in state:
            return state["m"].float(), state["v"].float()
        shape = state["m"].shape
        blocks = (-1, max(1, shape[1:].numel() // state["m_scale"].shape[1]))
        m, v = (from_codes(state[k].view(blocks), state[f"{k}_scale"].view(-1)).view(shape) for k in ("m", "v"))
        return m, v


def _new_moments(g, m, v, scalars):
    _, _, _, beta1, beta2, _ = scalars.unbind()
    return beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g * g


def _apply(w, m, v, scalars) -> None:
    keep, rate, root, _, _, eps = scalars.unbind()
    w.copy_(w * keep - rate * m / (v.sqrt() * root + eps))


def _update_bf16(w, g, m_bf16, v_bf16, scalars) -> None:
    m, v = _new_moments(g, m_bf16.float(), v_bf16.float(), scalars)
    _apply(w, m, v, scalars)
    m_bf16.copy_(to_bf16(m))
    v_bf16.copy_(to_bf16(v))


def _update_8bit(w, g, m_code, v_code, m_scale, v_scale, scalars) -> None:
    m, v = _new_moments(g, from_codes(m_code, m_scale), from_codes(v_code, v_scale), scalars)
    _apply(w, m, v, scalars)
    code, scale = to_codes(m, signed=True)
    m_code.copy_(code)
    m_scale.copy_(scale)
    code, scale = to_codes(v, signed=False)
    v_code.copy_(code)
    v_scale.copy_(scale)
