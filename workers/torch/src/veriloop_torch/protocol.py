"""Requests: what may be asked of the worker, field by field, checked before any rank hears of it.

Every request is a POST with a JSON object that has `protocol`; README.md lists fields and replies.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from . import PROTOCOL, __version__
from .errors import WorkerError
from .optimizer import Hyper


@dataclass(frozen=True)
class Step:
    step: int
    batch: str
    sha256: str
    hyper: Hyper
    expect_version: int


@dataclass(frozen=True)
class LogProbs:
    batch: str
    sha256: str
    out: str
    micro_batch_tokens: int


@dataclass(frozen=True)
class Gradients:
    """For parity tests of small models: all gradients of a batch, whole, in one file."""

    batch: str
    sha256: str
    out: str
    micro_batch_tokens: int


@dataclass(frozen=True)
class Publish:
    version: int
    dir: str
    dtype: str


@dataclass(frozen=True)
class Save:
    dir: str
    background: bool
    form: str


@dataclass(frozen=True)
class Load:
    dir: str


@dataclass(frozen=True)
class Stop:
    pass


Request = Step | LogProbs | Gradients | Publish | Save | Load | Stop


class _Body:
    """The fields of a JSON object; each is taken once, and none may be left over."""

    def __init__(self, value, what: str) -> None:
        if not isinstance(value, dict):
            raise WorkerError("usage", f"{what}: expected a JSON object, got {type(value).__name__}")
        self._rest = dict(value)
        self._what = what

    def _bad(self, key: str, expected: str, value) -> WorkerError:
        return WorkerError("usage", f"{self._what}, {key}: expected {expected}, got {value!r}")

    def integer(self, key: str, least: int = 0) -> int:
        value = self._rest.pop(key, None)
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise self._bad(key, f"an integer of at least {least}", value)
        return value

    def number(self, key: str, least: float, below: float = math.inf) -> float:
        value = self._rest.pop(key, None)
        sound = isinstance(value, (int, float)) and not isinstance(value, bool) and least <= value < below
        if not sound:
            raise self._bad(key, f"a number from {least}" + ("" if below == math.inf else f" to below {below}"), value)
        return float(value)

    def path(self, key: str) -> str:
        value = self._rest.pop(key, None)
        if not isinstance(value, str) or not Path(value).is_absolute() or "\0" in value:
            raise self._bad(key, "an absolute path", value)
        return value

    def sha256(self) -> str:
        value = self._rest.pop("sha256", None)
        if not isinstance(value, str) or len(value) != 64 or not set(value) <= set("0123456789abcdef"):
            raise self._bad("sha256", "64 lower-case hexadecimal digits", value)
        return value

    def choice(self, key: str, choices: tuple[str, ...]) -> str:
        value = self._rest.pop(key, choices[0])
        if value not in choices:
            raise self._bad(key, " | ".join(choices), value)
        return value

    def flag(self, key: str) -> bool:
        value = self._rest.pop(key, False)
        if not isinstance(value, bool):
            raise self._bad(key, "true or false", value)
        return value

    def object(self, key: str) -> "_Body":
        return _Body(self._rest.pop(key, None), f"{self._what}, {key}")

    def end(self) -> None:
        if self._rest:
            raise WorkerError("usage", f"{self._what}: unknown field {', '.join(sorted(self._rest))}")


def parse(path: str, value) -> Request:
    """Raises WorkerError `usage` naming the first field that is missing, wrong or unknown."""
    body = _Body(value, f"POST {path}")
    protocol = body.integer("protocol")
    if protocol != PROTOCOL:
        raise WorkerError(
            "usage",
            f"the control plane speaks protocol {protocol}, this worker (veriloop-torch {__version__}) {PROTOCOL}",
            "install the worker that came with the control plane",
        )
    readers = {
        "/step": lambda: Step(
            body.integer("step"), body.path("batch"), body.sha256(), _hyper(body.object("hyper")), body.integer("expectVersion")
        ),
        "/logprobs": lambda: LogProbs(body.path("batch"), body.sha256(), body.path("out"), body.integer("microBatchTokens", 1)),
        "/gradients": lambda: Gradients(body.path("batch"), body.sha256(), body.path("out"), body.integer("microBatchTokens", 1)),
        "/publish": lambda: Publish(
            body.integer("version"), body.path("dir"), body.choice("dtype", ("bfloat16", "float32", "float16"))
        ),
        "/save": lambda: Save(body.path("dir"), body.flag("background"), body.choice("form", ("sharded", "portable"))),
        "/load": lambda: Load(body.path("dir")),
        "/stop": Stop,
    }
    if path not in readers:
        raise WorkerError("usage", f"POST {path}: no such call; there are {', '.join(readers)}")
    request = readers[path]()
    body.end()
    return request


def _hyper(body: _Body) -> Hyper:
    """StepHyper of the control plane; JSON has no Infinity, so no clipping is maxGradNorm null."""
    unclipped = body._rest.get("maxGradNorm", 0) is None
    if unclipped:
        body._rest.pop("maxGradNorm")
    hyper = Hyper(
        lr=body.number("lr", 0),
        beta1=body.number("beta1", 0, 1),
        beta2=body.number("beta2", 0, 1),
        eps=body.number("eps", 0),
        weight_decay=body.number("weightDecay", 0),
        max_grad_norm=math.inf if unclipped else body.number("maxGradNorm", 0),
        micro_batch_tokens=body.integer("microBatchTokens", 1),
    )
    body.end()
    return hyper
