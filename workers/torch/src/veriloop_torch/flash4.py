"""The kernels of the package flash-attn-4 as operators of torch: the dispatcher sees them, so that selective checkpointing
can keep their output and torch.compile does not look inside."""

from __future__ import annotations

import torch


@torch.library.custom_op("veriloop::flash4_attention", mutates_args=())
def flash4_attention(
    q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, cu_seqlens: torch.Tensor, max_length: int, scale: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Causal attention inside documents: q [T, H, D], k and v [T, K, D] -> output [T, H, D], log-sum-exp f32 [H, T]."""
    from flash_attn.cute.interface import _flash_attn_fwd

    out, lse = _flash_attn_fwd(
        q,
        k,
        v,
        cu_seqlens_q=cu_seqlens,
        cu_seqlens_k=cu_seqlens,
        max_seqlen_q=max_length,
        max_seqlen_k=max_length,
        softmax_scale=scale,
        causal=True,
        return_lse=True,
    )[:2]
    return out, lse


@flash4_attention.register_fake
def _(q, k, v, cu_seqlens, max_length, scale):
    return torch.empty_like(q), q.new_empty((q.shape[1], q.shape[0]), dtype=torch.float32)


@torch.library.custom_op("veriloop::flash4_attention_backward", mutates_args=())
def flash4_attention_backward(
    grad: torch.Tensor,
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    out: torch.Tensor,
    lse: torch.Tensor,
    cu_seqlens: torch.Tensor,
    max_length: int,
    scale: float,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    from flash_attn.cute.interface import _flash_attn_bwd

    dq, dk, dv = _flash_attn_bwd(
        q,
        k,
        v,
        out,
        grad.contiguous(),
        lse,
        softmax_scale=scale,
        causal=True,
        cu_seqlens_q=cu_seqlens,
        cu_seqlens_k=cu_seqlens,
        max_seqlen_q=max_length,
        max_seqlen_k=max_length,
    )[:3]
    return dq, dk, dv


@flash4_attention_backward.register_fake
def _(grad, q, k, v, out, lse, cu_seqlens, max_length, scale):
    return torch.empty_like(q), torch.empty_like(k), torch.empty_like(v)


def _save(ctx, inputs, output):
    q, k, v, cu_seqlens, max_length, scale = inputs
    out, lse = output
    ctx.save_for_backward(q, k, v, out, lse, cu_seqlens)
    ctx.max_length, ctx.scale = max_length, scale


def _backward(ctx, grad, _grad_lse):
    q, k, v, out, lse, cu_seqlens = ctx.saved_tensors
    dq, dk, dv = flash4_attention_backward(grad, q, k, v, out, lse, cu_seqlens, ctx.max_length, ctx.scale)
    return dq, dk, dv, None, None, None


flash4_attention.register_autograd(_backward, setup_context=_save)
