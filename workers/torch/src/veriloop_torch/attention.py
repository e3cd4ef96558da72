"""Attention over packed rows, registered with transformers under the names `veriloop_<kind>`.

Every kind computes the same: causal, and never across the border of a document. Which is fastest depends on the card
and on the lengths (docs of the benchmark say what was measured):

    split    one SDPA call a document; exact on every device, no compile
    varlen   torch.nn.attention.varlen (FlashAttention 2 inside torch)
    flash4   the package flash-attn-4 (FlashAttention 3 and 4 in CuTe DSL; Hopper and newer)
    flex     FlexAttention with a document mask
    mask     SDPA with a dense mask: the yardstick of the tests, quadratic in the micro-batch's length
"""

from __future__ import annotations

import importlib.util
import inspect

import torch
import torch.nn.functional as F
from transformers import AttentionInterface

from .errors import WorkerError
from .flash4 import flash4_attention
from .packing import MicroBatch

try:
    from torch.nn.attention.varlen import varlen_attn
except ImportError:  # torch < 2.10
    varlen_attn = None

PREFIX = "veriloop_"

# The function's arguments changed from release to release.
_VARLEN_ACCEPTS = frozenset(inspect.signature(varlen_attn).parameters) if varlen_attn is not None else frozenset()
_VARLEN_CAUSAL = {
    **({"window_size": (-1, 0)} if "window_size" in _VARLEN_ACCEPTS else {"is_causal": True}),
    **({"enable_gqa": True} if "enable_gqa" in _VARLEN_ACCEPTS else {}),
}


def packing_arguments(kind: str, micro: MicroBatch) -> dict:
    """Keyword arguments of the model's forward that the attention of this kind reads."""
    if kind == "split":
        return {"documents": micro.documents}
    if kind == "mask":
        return {"packed_mask": dense_mask(micro.cu_seqlens, micro.token_ids.shape[1])}
    if kind == "flex":
        return {"block_mask": _block_mask(micro)}
    # Rounded up: it only sizes the grid, and fewer values mean fewer compilations.
    longest = -(-micro.max_length // 128) * 128
    return {"cu_seq_lens_q": micro.cu_seqlens, "max_length_q": longest}


def dense_mask(cu_seqlens: torch.Tensor, length: int) -> torch.Tensor:
    """bool [1, 1, T, T], true where a place may look."""
    place = torch.arange(length, device=cu_seqlens.device)
    document = torch.searchsorted(cu_seqlens[1:].long(), place, right=True)
    return ((document[:, None] == document[None]) & (place[:, None] >= place[None]))[None, None]


def choose_attention(kind: str, device: torch.device) -> str:
    """Resolves `auto`; raises WorkerError `tool` when a named kernel is not there."""
    if kind == "auto":
        if device.type != "cuda":
            return "split"
        if _flash4_runs(device):
            return "flash4"
        return "varlen" if varlen_attn is not None else "split"
    if kind == "flash4" and not _flash4_installed():
        raise WorkerError("tool", "--attention flash4: the package flash-attn-4 is not installed", "use --attention auto")
    if kind == "varlen" and varlen_attn is None:
        raise WorkerError("tool", f"--attention varlen: torch {torch.__version__} has none", "use --attention split")
    if kind in ("flash4", "varlen") and device.type != "cuda":
        raise WorkerError("config", f"--attention {kind}: needs a CUDA device", "use --attention split")
    return kind


def _flash4_installed() -> bool:
    try:
        return importlib.util.find_spec("flash_attn.cute") is not None
    except ModuleNotFoundError:
        return False


def _flash4_runs(device: torch.device) -> bool:
    return _flash4_installed() and torch.cuda.get_device_capability(device)[0] in (9, 10)


def _no_window(sliding_window: int | None, longest: int) -> None:
    if sliding_window is not None and longest > sliding_window:
        raise WorkerError(
            "data",
            f"a row of {longest} tokens is longer than the model's sliding window of {sliding_window}",
            "lower --max-length",
        )


# Each takes q [1, H, T, D] and k, v [1, K, T, D] with H a multiple of K, and returns [1, T, H, D].


def _split(module, q, k, v, attention_mask, scaling, dropout=0.0, sliding_window=None, documents=(), **_):
    _no_window(sliding_window, max(b - a for a, b in zip(documents, documents[1:])))
    parts = [
        F.scaled_dot_product_attention(
            q[:, :, a:b], k[:, :, a:b], v[:, :, a:b], is_causal=True, scale=scaling, enable_gqa=q.shape[1] != k.shape[1]
        )
        for a, b in zip(documents, documents[1:])
    ]
    out = parts[0] if len(parts) == 1 else torch.cat(parts, dim=2)
    return out.transpose(1, 2), None


def _mask(module, q, k, v, attention_mask, scaling, dropout=0.0, packed_mask=None, **_):
    out = F.scaled_dot_product_attention(q, k, v, attn_mask=packed_mask, scale=scaling, enable_gqa=q.shape[1] != k.shape[1])
    return out.transpose(1, 2), None


def _tokens_first(*tensors: torch.Tensor) -> list[torch.Tensor]:
    """[1, H, T, D] -> [T, H, D]."""
    return [tensor.squeeze(0).transpose(0, 1) for tensor in tensors]


def _varlen(module, q, k, v, attention_mask, scaling, dropout=0.0, sliding_window=None, cu_seq_lens_q=None, max_length_q=0, **_):
    _no_window(sliding_window, max_length_q - 127)
    q, k, v = _tokens_first(q, k, v)
    if "scale" in _VARLEN_ACCEPTS:
        out = varlen_attn(q, k, v, cu_seq_lens_q, cu_seq_lens_q, max_length_q, max_length_q, scale=scaling, **_VARLEN_CAUSAL)
    else:
        q = q * (scaling * q.shape[-1] ** 0.5)
        out = varlen_attn(q, k, v, cu_seq_lens_q, cu_seq_lens_q, max_length_q, max_length_q, **_VARLEN_CAUSAL)
    return out[None], None


def _flash4(module, q, k, v, attention_mask, scaling, dropout=0.0, sliding_window=None, cu_seq_lens_q=None, max_length_q=0, **_):
    _no_window(sliding_window, max_length_q - 127)
    q, k, v = (tensor.contiguous() for tensor in _tokens_first(q, k, v))
    return flash4_attention(q, k, v, cu_seq_lens_q, max_length_q, scaling)[0][None], None


_compiled_flex = None


def _flex(module, q, k, v, attention_mask, scaling, dropout=0.0, sliding_window=None, block_mask=None, **_):
    from torch.nn.attention.flex_attention import flex_attention

    global _compiled_flex
    if torch.compiler.is_compiling():
        attend = flex_attention
    else:
        _compiled_flex = _compiled_flex or torch.compile(flex_attention, dynamic=True)
        attend = _compiled_flex
    out = attend(q, k, v, block_mask=block_mask, scale=scaling, enable_gqa=q.shape[1] != k.shape[1])
    return out.transpose(1, 2).contiguous(), None


def _block_mask(micro: MicroBatch):
    from torch.nn.attention.flex_attention import create_block_mask

    length = micro.token_ids.shape[1]
    place = torch.arange(length, device=micro.cu_seqlens.device)
    document = torch.searchsorted(micro.cu_seqlens[1:].long(), place, right=True)

    def same_document(_b, _h, q, k):
        return (document[q] == document[k]) & (q >= k)

    return create_block_mask(same_document, None, None, length, length, device=micro.cu_seqlens.device)


KINDS = {
    "split": _split,
    "mask": _mask,
    "varlen": _varlen,
    "flash4": _flash4,
    "flex": _flex,
}
for _name, _function in KINDS.items():
    AttentionInterface.register(PREFIX + _name, _function)
