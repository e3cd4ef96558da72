"""The batch file: one optimizer step's rows, read and checked before any of it reaches the device.

A safetensors file. N tokens of B rows laid end to end:

    token_ids i32[N]   row_start i32[B+1]   loss_mask u8[N]   weights f32[N]
    behavior_logprobs f32[N]   advantages f32[N]   group_ids i32[B]

Its metadata has `format` = "veriloop-batch", `protocol`, and `batch`, a JSON object with step, divisor, lossTokens,
temperature and loss: {"kind": "ce"} or {"kind": "clip", "epsLow", "epsHigh", "dualClip", "klCoef", "entropyCoef"}.
"""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open

from . import PROTOCOL
from .errors import WorkerError
from .tensors import write_safetensors


@dataclass(frozen=True)
class LossSpec:
    """The objective of one token (objective.py)."""

    kind: str  # "ce" or "clip"
    eps_low: float = 0.0
    eps_high: float = 0.0
    dual_clip: float | None = None
    kl_coef: float = 0.0
    entropy_coef: float = 0.0


@dataclass(frozen=True)
class Batch:
    """All tensors on the CPU. The log-probability at n is that of token n given the tokens of its row before it."""

    step: int
    token_ids: torch.Tensor  # i64 [N]
    row_start: list[int]  # [B + 1]
    loss_mask: torch.Tensor  # bool [N]; never true at the first token of a row
    weights: torch.Tensor  # f32 [N]
    behavior_logprobs: torch.Tensor  # f32 [N], nats
    advantages: torch.Tensor  # f32 [N]
    group_ids: torch.Tensor  # i32 [B]
    divisor: float
    loss_tokens: int
    temperature: float
    loss: LossSpec

    @property
    def rows(self) -> int:
        return len(self.row_start) - 1

    def length(self, row: int) -> int:
        return self.row_start[row + 1] - self.row_start[row]

    def trained(self) -> torch.Tensor:
        """bool [N]: masked in and, for the clipped loss, with a finite behaviour log-prob."""
        if self.loss.kind == "ce":
            return self.loss_mask
        return self.loss_mask & self.behavior_logprobs.isfinite()


_PER_TOKEN = {
    "token_ids": torch.int32,
    "loss_mask": torch.uint8,
    "weights": torch.float32,
    "behavior_logprobs": torch.float32,
    "advantages": torch.float32,
}
_DTYPES = {**_PER_TOKEN, "row_start": torch.int32, "group_ids": torch.int32}


def read_batch(path: str | Path, sha256: str | None, *, vocab_size: int, max_length: int) -> Batch:
    """Reads and checks a batch file.

    sha256: what the bytes must hash to, lower-case hex; None = not checked.
    Raises WorkerError `data` on anything that is not a sound batch for this model.
    """
    path = Path(path)
    if not path.is_file():
        raise WorkerError("data", f"batch file {path}: expected a file, found none")
    if sha256 is not None:
        got = file_sha256(path)
        if got != sha256:
            raise WorkerError("data", f"batch file {path}: expected sha256 {sha256}, got {got}", "write it again")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            names = set(file.keys())
            missing = sorted(set(_DTYPES) - names)
            if missing:
                raise WorkerError("data", f"batch file {path}: no tensor {', '.join(missing)}")
            tensors = {name: file.get_tensor(name) for name in _DTYPES}
    except (SafetensorError, OSError, ValueError) as error:
        raise WorkerError("data", f"batch file {path}: not a safetensors file ({error})") from error
    try:
        return _checked(_header(metadata), tensors, vocab_size=vocab_size, max_length=max_length)
    except WorkerError as error:
        raise WorkerError(error.code, f"batch file {path}: {error.message}", error.hint) from None


def file_sha256(path: str | Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() if hasattr(hashlib, "file_digest") else _digest(file)


def _digest(file) -> str:
    # Python 3.10 has no hashlib.file_digest.
    digest = hashlib.sha256()
    while block := file.read(1 << 20):
        digest.update(block)
    return digest.hexdigest()


def _fail(message: str, hint: str | None = None) -> WorkerError:
    return WorkerError("data", message, hint)


def _header(metadata: dict[str, str]) -> dict:
    if metadata.get("format") != "veriloop-batch":
        raise _fail(f"expected metadata format veriloop-batch, got {metadata.get('format')}")
    if metadata.get("protocol") != str(PROTOCOL):
        raise _fail(
            f"expected protocol {PROTOCOL}, got {metadata.get('protocol')}",
            "worker and control plane must be of the same version",
        )
    try:
        header = json.loads(metadata.get("batch", ""))
    except ValueError as error:
        raise _fail(f"metadata batch is not JSON ({error})") from error
    if not isinstance(header, dict):
        raise _fail("metadata batch: expected a JSON object")
    return header


def _number(header: dict, key: str, *, least: float = -math.inf, above: float = -math.inf) -> float:
    value = header.get(key)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise _fail(f"metadata {key}: expected a number, got {value!r}")
    if value < least or value <= above:
        raise _fail(f"metadata {key}: expected {'>=' if value < least else '>'} {max(least, above)}, got {value}")
    return value


def _loss_spec(value) -> LossSpec:
    if not isinstance(value, dict) or value.get("kind") not in ("ce", "clip"):
        raise _fail(f"metadata loss: expected kind ce or clip, got {value!r}")
    if value["kind"] == "ce":
        return LossSpec("ce")
    dual = value.get("dualClip")
    return LossSpec(
        "clip",
        eps_low=_number(value, "epsLow", least=0),
        eps_high=_number(value, "epsHigh", least=0),
        dual_clip=None if dual is None else _number(value, "dualClip", above=0),
        kl_coef=_number(value, "klCoef", least=0),
        entropy_coef=_number(value, "entropyCoef", least=0),
    )


def _checked(header: dict, tensors: dict[str, torch.Tensor], *, vocab_size: int, max_length: int) -> Batch:
    for name, dtype in _DTYPES.items():
        if tensors[name].dtype != dtype or tensors[name].dim() != 1:
            raise _fail(f"{name}: expected {dtype} of one dimension, got {tensors[name].dtype} {list(tensors[name].shape)}")
    n = tensors["token_ids"].numel()
    for name in _PER_TOKEN:
        if tensors[name].numel() != n:
            raise _fail(f"{name}: expected {n} values, got {tensors[name].numel()}")
    row_start = tensors["row_start"].tolist()
    if len(row_start) < 1 or row_start[0] != 0 or row_start[-1] != n:
        raise _fail(f"row_start: expected 0 .. {n}, got {row_start[:1]} .. {row_start[-1:]}")
    for row, (start, end) in enumerate(zip(row_start, row_start[1:])):
        if end <= start:
            raise _fail(f"row {row}: expected at least one token, got {end - start}")
        if end - start > max_length:
            raise _fail(
                f"row {row} has {end - start} tokens; the worker was started for {max_length}",
                "raise --max-length or shorten prompts and completions",
            )
    if tensors["group_ids"].numel() != len(row_start) - 1:
        raise _fail(f"group_ids: expected {len(row_start) - 1} values, got {tensors['group_ids'].numel()}")
    ids = tensors["token_ids"].long()
    if n > 0 and not (0 <= int(ids.min()) and int(ids.max()) < vocab_size):
        place = int(((ids < 0) | (ids >= vocab_size)).nonzero()[0])
        raise _fail(
            f"token id {int(ids[place])} at place {place} is outside the vocabulary of {vocab_size}",
            "the tokenizer and the model must come from the same directory",
        )
    if n > 0 and int(tensors["loss_mask"].max()) > 1:
        raise _fail(f"loss_mask: expected 0 or 1, got {int(tensors['loss_mask'].max())}")
    loss_mask = tensors["loss_mask"].bool()
    loss_mask[torch.tensor(row_start[:-1], dtype=torch.long)] = False
    for name in ("weights", "advantages"):
        if not bool(tensors[name][loss_mask].isfinite().all()):
            raise _fail(f"{name}: expected finite values at the trained tokens")
    return Batch(
        step=int(_number(header, "step", least=0)),
        token_ids=ids,
        row_start=row_start,
        loss_mask=loss_mask,
        weights=tensors["weights"],
        behavior_logprobs=tensors["behavior_logprobs"],
        advantages=tensors["advantages"],
        group_ids=tensors["group_ids"],
        divisor=_number(header, "divisor", above=0),
        loss_tokens=int(_number(header, "lossTokens", least=0)),
        temperature=_number(header, "temperature", above=0),
        loss=_loss_spec(header.get("loss")),
    )


def write_batch(path: str | Path, batch: Batch) -> str:
    """Writes what `read_batch` reads, the same bytes for the same batch; returns their sha256. For tests and benchmarks:
    the control plane has a writer of its own."""
    spec = batch.loss
    loss = (
        {"kind": "ce"}
        if spec.kind == "ce"
        else {
            "kind": "clip",
            "epsLow": spec.eps_low,
            "epsHigh": spec.eps_high,
            "dualClip": spec.dual_clip,
            "klCoef": spec.kl_coef,
            "entropyCoef": spec.entropy_coef,
        }
    )
    header = {
        "step": batch.step,
        "divisor": batch.divisor,
        "lossTokens": batch.loss_tokens,
        "temperature": batch.temperature,
        "loss": loss,
    }
    tensors = {
        "token_ids": batch.token_ids.int(),
        "row_start": torch.tensor(batch.row_start, dtype=torch.int32),
        "loss_mask": batch.loss_mask.to(torch.uint8),
        "weights": batch.weights,
        "behavior_logprobs": batch.behavior_logprobs,
        "advantages": batch.advantages,
        "group_ids": batch.group_ids,
    }
    metadata = {"format": "veriloop-batch", "protocol": str(PROTOCOL), "batch": json.dumps(header)}
    entries = [(name, tensor.dtype, tuple(tensor.shape)) for name, tensor in tensors.items()]
    write_safetensors(Path(path), entries, iter(tensors.values()), metadata)
    return file_sha256(path)
