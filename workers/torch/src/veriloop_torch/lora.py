"""Low-rank adapters by peft: only they are trained and saved; what is published has them merged."""

from __future__ import annotations

import hashlib
import math

import torch

from .errors import WorkerError
from .settings import Settings
from .tensors import local, own_slice, whole

_ADAPTER = "default"


def is_adapter(name: str) -> bool:
    return ".lora_A." in name or ".lora_B." in name


def add_adapters(policy, settings: Settings) -> None:
    """Puts adapters beside the chosen projections of a policy on the meta device, and freezes everything else.

    Raises WorkerError `tool` without peft, `config` when no projection matches.
    """
    try:
        from peft import LoraConfig, inject_adapter_in_model
    except ImportError:
        raise WorkerError("tool", "--lora-rank: peft is not installed", "pip install peft") from None
    config = LoraConfig(
        r=settings.lora_rank,
        lora_alpha=settings.lora_alpha or 2 * settings.lora_rank,
        target_modules=[name.strip() for name in settings.lora_targets.split(",")],
        bias="none",
    )
    try:
        with torch.device("meta"):
            inject_adapter_in_model(config, policy.lm, adapter_name=_ADAPTER)
    except ValueError as error:
        raise WorkerError("config", f"--lora-targets {settings.lora_targets}: {error}") from error
    for name, parameter in policy.named_parameters():
        parameter.requires_grad_(is_adapter(name))
        if is_adapter(name):
            parameter.data = parameter.data.float()


def start_adapters(policy, seed: int) -> None:
    """A uniform (Kaiming), B zero: the adapted model starts as the model itself. The same on any number of ranks."""
    with torch.no_grad():
        for name, parameter in policy.named_parameters():
            if ".lora_B." in name:
                local(parameter).zero_()
            elif ".lora_A." in name:
                digest = hashlib.sha256(f"{seed}/{name}".encode()).digest()
                generator = torch.Generator().manual_seed(int.from_bytes(digest[:7], "little"))
                bound = 1 / math.sqrt(parameter.shape[1])
                values = torch.empty(parameter.shape).uniform_(-bound, bound, generator=generator)
                local(parameter).copy_(values[own_slice(parameter)])


def merged(policy, parameter: torch.Tensor) -> torch.Tensor:
    """The weight with its adapter added, sharded like the weight; the parameter itself when it has none.

    A collective call for an adapted weight.
    """
    layer = _layers(policy).get(id(parameter))
    if layer is None:
        return parameter.detach()
    a = whole(layer.lora_A[_ADAPTER].weight.detach())
    b = layer.lora_B[_ADAPTER].weight.detach()
    delta = local(b).float() @ a.float() * layer.scaling[_ADAPTER]
    result = parameter.detach().to(torch.float32, copy=True)  # never the parameter itself: it is added to
    local(result).add_(delta.to(local(result).device))
    return result


def _layers(policy) -> dict[int, torch.nn.Module]:
    return {
        id(module.base_layer.weight): module
        for module in policy.modules()
        if hasattr(module, "base_layer") and _ADAPTER in getattr(module, "lora_A", {})
    }
