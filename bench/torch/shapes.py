"""Model shapes, row lengths and operation counts that the benchmark of the PyTorch learner and its rival share."""

from __future__ import annotations

import json
import random
import tempfile
from pathlib import Path

import torch

_COMMON = {
    "model_type": "qwen2",
    "architectures": ["Qwen2ForCausalLM"],
    "hidden_act": "silu",
    "initializer_range": 0.02,
    "max_position_embeddings": 32768,
    "rms_norm_eps": 1e-6,
    "rope_theta": 1000000.0,
    "use_sliding_window": False,
    "attention_dropout": 0.0,
}


def _shape(width, ff, layers, heads, kv_heads, vocab, tied):
    return {
        **_COMMON,
        "hidden_size": width,
        "intermediate_size": ff,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "num_key_value_heads": kv_heads,
        "vocab_size": vocab,
        "tie_word_embeddings": tied,
    }


SHAPES = {
    "7b": _shape(3584, 18944, 28, 28, 4, 152064, False),
    "1.5b": _shape(1536, 8960, 28, 12, 2, 151936, True),
    "0.5b": _shape(896, 4864, 24, 14, 2, 151936, True),
    "tiny": _shape(64, 128, 2, 4, 2, 512, True),
}

PROMPT = 512
"""Tokens at the start of each row that are not trained."""


def model_directory(name: str) -> Path:
    """A directory with nothing but config.json: the weights are drawn."""
    directory = Path(tempfile.mkdtemp(prefix=f"shape-{name}-"))
    (directory / "config.json").write_text(json.dumps(SHAPES[name]))
    return directory


def row_lengths(kind: str, tokens: int, longest: int, seed: int) -> list[int]:
    """full: rows of `longest` tokens. spread: log-normal, mean about a quarter of the longest, cut off there."""
    if kind == "full":
        return [longest] * max(1, tokens // longest)
    draw = random.Random(seed)
    lengths: list[int] = []
    while True:
        length = min(longest, max(longest // 64, int(draw.lognormvariate(0, 0.8) * longest / 5.3)))
        if sum(lengths) + length > tokens:
            return lengths or [min(longest, tokens)]
        lengths.append(length)


def trained_tokens(lengths: list[int]) -> list[int]:
    return [max(1, length - min(PROMPT, length // 2)) for length in lengths]


def model_flops(name: str, lengths: list[int]) -> float:
    """Multiplications and additions of a forward and backward pass, nothing recomputed, attention causal, and the head
    only where a token is predicted."""
    s = SHAPES[name]
    d, head_dim = s["hidden_size"], s["hidden_size"] // s["num_attention_heads"]
    kv = s["num_key_value_heads"] * head_dim
    block = 2 * d * d + 2 * d * kv + 3 * d * s["intermediate_size"]
    products = 6 * block * s["num_hidden_layers"] * sum(lengths)
    head = 6 * d * s["vocab_size"] * sum(trained_tokens(lengths))
    attention = 6 * s["num_hidden_layers"] * d * sum(length * length for length in lengths)
    return float(products + head + attention)


def matmul_rate(device: torch.device, size: int = 8192, repeats: int = 20) -> float:
    """FLOP/s of a square bf16 product of random matrices: what the machine gives at this moment."""
    a, b = (torch.randn(size, size, device=device, dtype=torch.bfloat16) for _ in range(2))
    for _ in range(3):
        a @ b
    start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    start.record()
    for _ in range(repeats):
        a @ b
    end.record()
    torch.cuda.synchronize()
    return 2 * size**3 * repeats / (start.elapsed_time(end) / 1000)
