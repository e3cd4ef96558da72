"""Sharded tensors and their files: reading a rank's own slice, and writing a file tensor by tensor.

No function here holds more than one whole tensor beside what it was given.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch.distributed.tensor import DTensor
from torch.distributed.tensor._utils import compute_local_shape_and_global_offset

from .errors import WorkerError

_DTYPE_NAMES = {
    torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16", torch.uint8: "U8", torch.int32: "I32",
    torch.int64: "I64",
}  # fmt: skip


def local(tensor: torch.Tensor) -> torch.Tensor:
    """This rank's part, sharing memory."""
    return tensor.to_local() if isinstance(tensor, DTensor) else tensor


def like_local(tensor: torch.Tensor, part: torch.Tensor, shape: torch.Size) -> torch.Tensor:
    """A sharded tensor of the given global shape, laid out like `tensor` along dimension 0, of which this rank holds `part`."""
    if not isinstance(tensor, DTensor):
        return part
    stride = torch.empty(shape, device="meta").stride()
    return DTensor.from_local(part, tensor.device_mesh, tensor.placements, run_check=False, shape=shape, stride=stride)


def own_slice(tensor: torch.Tensor) -> slice:
    """Rows (dimension 0) of the whole that this rank holds."""
    if not isinstance(tensor, DTensor):
        return slice(0, tensor.shape[0])
    shape, offset = compute_local_shape_and_global_offset(tensor.shape, tensor.device_mesh, tensor.placements)
    return slice(offset[0], offset[0] + shape[0]) if shape[0] else slice(0, 0)


def whole(tensor: torch.Tensor) -> torch.Tensor:
    """The whole tensor, on every rank: a collective call."""
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


class Files:
    """The tensors of some safetensors files by name; opened when first asked for, read slice by slice."""

    def __init__(self, paths: Iterable[Path]) -> None:
        self._paths = list(paths)
        self._where: dict[str, Path] = {}
        self._open: dict[Path, safe_open] = {}
        for path in self._paths:
            for name in self._file(path).keys():
                self._where[name] = path

    def __contains__(self, name: str) -> bool:
        return name in self._where

    def names(self) -> set[str]:
        return set(self._where)

    def shape(self, name: str) -> tuple[int, ...]:
        return tuple(self._slice(name).get_shape())

    def rows(self, name: str, part: slice) -> torch.Tensor:
        """Rows part.start .. part.stop - 1 of a tensor, on the CPU, in the file's precision."""
        return self._slice(name)[part.start : part.stop]

    def metadata(self) -> dict[str, str]:
        return {key: value for path in self._paths for key, value in (self._file(path).metadata() or {}).items()}

    def _slice(self, name: str):
        return self._file(self._where[name]).get_slice(name)

    def _file(self, path: Path):
        if path not in self._open:
            try:
                self._open[path] = safe_open(path, framework="pt")
            except (SafetensorError, OSError) as error:
                raise WorkerError("checkpoint", f"{path}: not a readable safetensors file ({error})") from error
        return self._open[path]


def write_safetensors(
    path: Path,
    entries: list[tuple[str, torch.dtype, tuple[int, ...]]],
    parts: Iterator[torch.Tensor],
    metadata: dict[str, str],
) -> int:
    """Writes the tensors of `parts`, in the order of `entries`, without holding two of them; returns the file's size."""
    header: dict[str, object] = {"__metadata__": metadata}
    offset = 0
    for name, dtype, shape in entries:
        size = int(torch.Size(shape).numel()) * dtype.itemsize
        header[name] = {"dtype": _DTYPE_NAMES[dtype], "shape": list(shape), "data_offsets": [offset, offset + size]}
        offset += size
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for (name, dtype, shape), tensor in zip(entries, parts, strict=True):
            assert tensor.dtype == dtype and tuple(tensor.shape) == shape, name
            file.write(memoryview(tensor.contiguous().cpu().view(torch.uint8).numpy().reshape(-1)))
        file.flush()
        os.fsync(file.fileno())
    return 8 + len(text) + offset


def sync_directory(directory: Path) -> None:
    """Makes the directory's entries durable."""
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
