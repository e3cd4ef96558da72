"""The policy: a transformers causal language model whose forward pass takes packed rows and ends in the objective.

Built on the meta device, so that no rank ever holds weights that it does not own (weights.py fills them in).
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedConfig

from .attention import PREFIX, packing_arguments
from .batch import LossSpec
from .errors import WorkerError
from .head import chunked_log_probs, chunked_objective
from .packing import MicroBatch


class Policy(nn.Module):
    """`lm` is the transformers model; its parameters' names here are Hugging Face's with `lm.` before them."""

    def __init__(self, lm: nn.Module, *, attention: str, head_chunk: int, compile_head: bool = False) -> None:
        super().__init__()
        self.lm = lm
        self.attention = attention
        self.head_chunk = head_chunk
        self.compile_head = compile_head

    @property
    def config(self) -> PreTrainedConfig:
        return self.lm.config

    @property
    def blocks(self) -> nn.ModuleList:
        return self.lm.get_decoder().layers

    def forward(self, micro: MicroBatch, spec: LossSpec | None, temperature: float):
        """With a spec: (sum of coef * l, l [R], log p [R]). Without: log p [R] of the targets, no graph."""
        hidden = self.lm.get_decoder()(
            input_ids=micro.token_ids,
            position_ids=micro.position_ids,
            use_cache=False,
            **packing_arguments(self.attention, micro),
        ).last_hidden_state
        hidden = hidden[0].index_select(0, micro.places)
        weight = self.lm.get_output_embeddings().weight.to(hidden.dtype)
        if spec is None:
            return chunked_log_probs(hidden, weight, micro.targets, temperature=temperature, chunk=self.head_chunk)
        return chunked_objective(
            hidden,
            weight,
            targets=micro.targets,
            coef=micro.coef,
            old=micro.old,
            advantages=micro.advantages,
            spec=spec,
            temperature=temperature,
            chunk=self.head_chunk,
            compiled=self.compile_head,
        )


def read_config(directory: str | Path) -> PreTrainedConfig:
    """Raises WorkerError `config` for what transformers, or this worker, cannot compute."""
    try:
        config = AutoConfig.from_pretrained(str(directory), local_files_only=True)
    except (ValueError, OSError, KeyError) as error:
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise WorkerError("config", f"{directory}/config.json: {first}", "does transformers know this model?") from error
    for name in ("final_logit_softcapping", "attn_logit_softcapping"):
        if getattr(config, name, None):
            raise WorkerError("config", f"{directory}/config.json: {name} is not supported")
    if getattr(config, "logits_scaling", 1) != 1:
        raise WorkerError("config", f"{directory}/config.json: logits_scaling is not supported")
    return config


def build_policy(
    config: PreTrainedConfig, *, attention: str, head_chunk: int, dtype: torch.dtype = torch.float32, compile_head: bool = False
) -> Policy:
    """The policy without weights: parameters on the meta device, in `dtype`."""
    try:
        with torch.device("meta"):
            lm = AutoModelForCausalLM.from_config(config, dtype=dtype, attn_implementation=PREFIX + attention)
    except ValueError as error:
        raise WorkerError("config", f"transformers cannot build {config.model_type}: {error}") from error
    lm.tie_weights()
    head = lm.get_output_embeddings()
    if head is None or not hasattr(lm.get_decoder(), "layers"):
        raise WorkerError("config", f"{config.model_type}: no decoder blocks or no head were found")
    if getattr(head, "bias", None) is not None:
        raise WorkerError("config", f"{config.model_type}: a head with a bias is not supported")
    return Policy(lm, attention=attention, head_chunk=head_chunk, compile_head=compile_head).train()


def real_buffers(policy: Policy, device: torch.device) -> None:
    """Makes the buffers that no file holds (rotary frequencies) on the device, by building their modules once more."""
    for name, module in list(policy.named_modules()):
        if not any(buffer is not None and buffer.is_meta for buffer in module._buffers.values()):
            continue
        try:
            fresh = type(module)(config=getattr(module, "config", policy.config))
        except TypeError as error:
            raise WorkerError("config", f"{name}: its buffers cannot be made ({error})") from error
        for key, buffer in fresh._buffers.items():
            if buffer is not None:
                module._buffers[key] = buffer.to(device)


def model_width(policy: Policy) -> tuple[int, int, int]:
    """(blocks, width of attention, parameters that multiply every token)."""
    config = policy.config
    heads = config.num_attention_heads
    head_dim = getattr(config, "head_dim", None) or config.hidden_size // heads
    total = sum(parameter.numel() for parameter in policy.parameters())
    tied = policy.lm.get_input_embeddings().weight is policy.lm.get_output_embeddings().weight
    embedding = 0 if tied else policy.lm.get_input_embeddings().weight.numel()
    return len(policy.blocks), heads * head_dim, total - embedding
