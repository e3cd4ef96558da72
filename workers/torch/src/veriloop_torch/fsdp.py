"""How the policy is spread over ranks (FSDP2) and what each block keeps for its backward pass."""

from __future__ import annotations

from functools import partial

import torch
from torch import nn
from torch.distributed.fsdp import CPUOffloadPolicy, FSDPModule, MixedPrecisionPolicy, OffloadPolicy, fully_shard
from torch.distributed.fsdp._fully_shard._fsdp_common import TrainingState
from torch.utils.checkpoint import CheckpointPolicy, checkpoint, create_selective_checkpoint_contexts

from .cluster import Cluster
from .errors import WorkerError
from .model import Policy
from .settings import Settings

_ATTENTION_OPS = (
    "aten._scaled_dot_product_flash_attention",
    "aten._scaled_dot_product_flash_attention_for_cpu",
    "aten._scaled_dot_product_efficient_attention",
    "aten._scaled_dot_product_cudnn_attention",
    "torch_attn._varlen_attn",
    "veriloop.flash4_attention",
)


def shard(policy: Policy, cluster: Cluster, settings: Settings, compute: torch.dtype) -> None:
    """Applies checkpointing, compilation and FSDP2, in this order, to every block; then FSDP2 to the rest.

    One rank runs the same code: masters stay in fp32, and a block's weights are cast when they are gathered.
    """
    for block in policy.blocks:
        if settings.checkpointing != "none":
            checkpoint_block(block, settings.checkpointing, policy.config.intermediate_size)
        if compile_wanted(settings, cluster.device):
            block.forward = torch.compile(block.forward)
    options = {
        "mesh": cluster.mesh,
        "mp_policy": MixedPrecisionPolicy(param_dtype=compute, reduce_dtype=torch.float32),
        "offload_policy": CPUOffloadPolicy(pin_memory=cluster.device.type == "cuda") if settings.offload else OffloadPolicy(),
    }
    for block in policy.blocks:
        fully_shard(block, reshard_after_forward=settings.reshard, **options)
    fully_shard(policy, reshard_after_forward=False, **options)


def compile_wanted(settings: Settings, device: torch.device) -> bool:
    return settings.compile == "on" or (settings.compile == "auto" and device.type == "cuda")


def checkpoint_block(block: nn.Module, how: str, intermediate_size: int) -> None:
    """full: only the block's input is kept. selective: matrix products and attention too, so that only element-wise
    work is done again."""
    context = {}
    if how == "selective":
        policy = selective_policy(intermediate_size)
        context = {"context_fn": partial(create_selective_checkpoint_contexts, policy)}
    inner = block.forward

    def forward(*args, **kwargs):
        if not torch.is_grad_enabled():
            return inner(*args, **kwargs)
        return checkpoint(inner, *args, use_reentrant=False, preserve_rng_state=False, **context, **kwargs)

    block.forward = forward


def selective_policy(intermediate_size: int):
    kept = set()
    for name in _ATTENTION_OPS:
        namespace, op = name.split(".")
        found = getattr(getattr(torch.ops, namespace), op, None) if _has(namespace, op) else None
        if found is not None:
            kept.add(found.default)
    products = {torch.ops.aten.mm.default: 0, torch.ops.aten.addmm.default: 1, torch.ops.aten.linear.default: 0}

    def policy(_context, op, *args, **_kwargs):
        if op in kept:
            return CheckpointPolicy.MUST_SAVE
        if op in products:
            # The last product of a block (down_proj) is needed by nothing in its backward pass: neither kept nor redone.
            last = args[products[op]].shape[-1] == intermediate_size
            return CheckpointPolicy.PREFER_RECOMPUTE if last else CheckpointPolicy.MUST_SAVE
        return CheckpointPolicy.PREFER_RECOMPUTE

    return policy


def _has(namespace: str, op: str) -> bool:
    return hasattr(getattr(torch.ops, namespace), op)


def use_liger(policy: Policy, settings: Settings, device: torch.device) -> bool:
    """Fused norms, rotary embedding and MLP of liger-kernel, where wanted and there. The head and loss stay ours."""
    if settings.kernels == "none" or (settings.kernels == "auto" and device.type != "cuda"):
        return False
    try:
        from liger_kernel.transformers.monkey_patch import MODEL_TYPE_TO_APPLY_LIGER_FN
    except ImportError:
        if settings.kernels == "auto":
            return False
        raise WorkerError("tool", "--kernels liger: liger-kernel is not installed", "use --kernels none") from None
    apply = MODEL_TYPE_TO_APPLY_LIGER_FN.get(policy.config.model_type)
    if apply is None:
        if settings.kernels == "auto":
            return False
        raise WorkerError("config", f"--kernels liger: liger-kernel has none for {policy.config.model_type}")
    apply(rope=True, rms_norm=True, swiglu=True, cross_entropy=False, fused_linear_cross_entropy=False, model=policy.lm)
    return True


def recover(policy: Policy) -> None:
    """Brings FSDP2 back to rest after an exception left a forward or backward pass halfway. For a lone rank.

    torch has no public call for it: this drops the gathered gradients and runs FSDP2's own end of a backward pass.
    """
    root = policy._get_fsdp_state()
    modules = [module for module in policy.modules() if isinstance(module, FSDPModule)]
    states = [module._get_fsdp_state() for module in modules]
    groups = [group for state in states for group in _groups(state)]
    for parameter in (parameter for group in groups for parameter in group.fsdp_params):
        parameter.unsharded_accumulated_grad = None
        if hasattr(parameter, "_unsharded_param"):
            parameter._unsharded_param.grad = None
    root._root_post_backward_final_callback()
    root._state_ctx.iter_forward_root = None
    for item in (*states, *groups):
        item._training_state = TrainingState.IDLE
    for module in modules:
        module.reshard()


def _groups(state) -> list:
    plural = getattr(state, "_fsdp_param_groups", None)
    if plural is not None:
        return list(plural)
    return [] if state._fsdp_param_group is None else [state._fsdp_param_group]
