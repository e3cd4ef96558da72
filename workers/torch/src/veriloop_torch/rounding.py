"""AdamW's moments in fewer bits. Both formats round at random, in proportion to the distance: with a decay of 0.99 or
0.999 a moment changes by less than one step of the format at a time, and rounding to nearest would freeze it.

bf16    the upper half of an fp32
8bit    a sign and 7 bits (first moment) or 8 bits (second) of a logarithm, relative to the largest of a block
"""

from __future__ import annotations

import torch

_OCTAVES = 0.2
"""One step of the 8-bit formats, in powers of two: 15 percent."""

BLOCK = 256


def block_size(columns: int) -> int | None:
    """Values that share a scale: the largest divisor of a row up to BLOCK; None when a row has no divisor worth it."""
    best = next(size for size in range(min(BLOCK, columns), 0, -1) if columns % size == 0)
    return best if best >= 16 else None


def to_bf16(x: torch.Tensor) -> torch.Tensor:
    noise = torch.randint(0, 1 << 16, x.shape, dtype=torch.int32, device=x.device)
    return ((x.view(torch.int32) + noise) & -65536).view(torch.float32).to(torch.bfloat16)


def to_codes(x: torch.Tensor, signed: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """x f32 [n, block] -> codes (int8 when signed, else uint8) [n, block] and scales f32 [n].

    An unsigned value above 0 never gets the code of 0: a second moment of 0 would make the update explode.
    """
    top = 127 if signed else 255
    size = x.abs()
    scale = size.amax(dim=1)
    share = size / scale.clamp(min=1e-38)[:, None]
    below = (torch.log2(share) / _OCTAVES + top).floor().clamp(1, top)
    low = torch.exp2((below - top) * _OCTAVES)
    chance = (share - low) / (low * (2**_OCTAVES - 1))
    noise = torch.rand_like(x)
    code = below + (noise < chance).float()
    least = 2 ** ((1 - top) * _OCTAVES)
    if signed:
        code = torch.where(share < least, (noise * least < share).float(), code)
        return (code.clamp(max=top) * x.sign()).to(torch.int8), scale
    code = torch.where(share < least, (size > 0).float(), code)
    return code.clamp(max=top).to(torch.uint8), scale


def from_codes(codes: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    """f32 [n, block] of what `to_codes` made."""
    code = codes.float()
    top = 127 if codes.dtype == torch.int8 else 255
    size = torch.exp2((code.abs() - top) * _OCTAVES) * scale[:, None]
    return torch.where(code == 0, 0.0, size * code.sign())
