"""Checkpoints: fp32 weights, moments and counts, written so that a half-written one is never taken for a whole one.

Two forms, told apart by what lies in the directory:

    sharded    torch.distributed.checkpoint: every rank writes its part, any number of ranks reads it back, and it can go
               on in the background. For moments in bf16 or 8 bits the codes themselves are saved.
    portable   weights.safetensors and optimizer.safetensors, as the embedded engine reads and writes them: fp32 weights,
               `m.` and `v.` moments, and the metadata `updates` and `version`.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path

import torch
import torch.distributed.checkpoint as dcp
from torch.distributed.checkpoint.api import CheckpointException

from .errors import WorkerError
from .learner import Learner
from .tensors import Files, like_local, local, own_slice, sync_directory, whole, write_safetensors

# torch's own error is no Exception.
_Failure = (Exception, CheckpointException)

FACTS = "veriloop.json"
WEIGHTS, OPTIMIZER = "weights.safetensors", "optimizer.safetensors"


def _state(learner: Learner) -> dict[str, torch.Tensor]:
    weights = {f"weights.{name}": p.detach() for name, p in learner.trained.items()}
    return {**weights, **learner.optimizer.sharded_state()}


def _facts(learner: Learner, replies: dict) -> dict:
    settings = learner.settings
    return {
        "format": "veriloop-torch",
        "version": learner.version,
        "step": learner.step_done,
        "updates": learner.optimizer.updates,
        "moments": settings.moments,
        "loraRank": settings.lora_rank,
        "seed": settings.seed,
        "ranks": learner.cluster.world,
        "replies": dict(replies),  # as they are now: a background save is sealed later
    }


class Saver:
    """Writes checkpoints; at most one is on its way at a time."""

    def __init__(self, learner: Learner) -> None:
        self._learner = learner
        self._pending: Future | None = None
        self._directory: Path | None = None
        self._finish: Callable[[], None] = lambda: None

    @property
    def saving(self) -> str | None:
        return None if self._pending is None else str(self._directory)

    def save(self, directory: Path, replies: dict, *, background: bool, portable: bool) -> dict:
        """A collective call. In the background, only the copy to host memory is waited for."""
        self.wait()
        learner, cluster = self._learner, self._learner.cluster
        temporary = directory.with_name(directory.name + ".partial")
        cluster.together(_prepare, learner, directory, temporary)
        facts = _facts(learner, replies)
        self._directory = directory
        if portable:
            try:
                _save_portable(learner, temporary)
                cluster.together(_seal, cluster.leader, temporary, directory, facts)
            except WorkerError as error:
                self._failed(temporary, error)
            return {"dir": str(directory), "done": True}
        self._finish = lambda: cluster.together(_seal, cluster.leader, temporary, directory, facts)
        try:
            if background:
                self._pending = dcp.async_save(_state(learner), checkpoint_id=temporary, process_group=cluster.background)
                return {"dir": str(directory), "done": False}
            dcp.save(_state(learner), checkpoint_id=temporary, process_group=cluster.control)
        except _Failure as error:
            self._failed(temporary, error)
        self._finish()
        return {"dir": str(directory), "done": True}

    def ended(self) -> bool:
        """Whether a background save waits for `wait` to bring it to its end."""
        return self._pending is not None and self._pending.done()

    def wait(self) -> None:
        """Brings a background save to its end, on every rank; raises what went wrong with it."""
        if self._pending is None:
            return
        pending, self._pending = self._pending, None
        try:
            pending.result()
        except _Failure as error:
            self._failed(self._directory.with_name(self._directory.name + ".partial"), error)
        self._finish()

    def _failed(self, temporary: Path, error: BaseException) -> None:
        # torch tells every rank when one of them failed, so all come here.
        if self._learner.cluster.leader:
            shutil.rmtree(temporary, ignore_errors=True)
        raise WorkerError("checkpoint", f"saving to {self._directory}: {_first_line(error)}") from error


def _first_line(error: BaseException) -> str:
    inner = next(iter(getattr(error, "failures", {}).values()), error)
    cause = inner[0] if isinstance(inner, tuple) else inner
    return str(cause).strip().splitlines()[0] if str(cause).strip() else type(cause).__name__


def _prepare(learner: Learner, directory: Path, temporary: Path) -> None:
    if not learner.cluster.leader:
        return
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise WorkerError("usage", f"save to {directory}: expected a directory that is empty or not there")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    need = checkpoint_bytes(learner)
    free = shutil.disk_usage(temporary).free
    if free < need * 1.02:
        temporary.rmdir()
        raise WorkerError(
            "checkpoint",
            f"save to {directory}: a checkpoint takes {need / 2**30:.1f} GiB, {free / 2**30:.1f} GiB are free",
            "remove old checkpoints",
        )


def checkpoint_bytes(learner: Learner) -> int:
    return sum(tensor.numel() * tensor.dtype.itemsize for tensor in _state(learner).values())


def _seal(leader: bool, temporary: Path, directory: Path, facts: dict) -> None:
    if not leader:
        return
    with open(temporary / FACTS, "w") as file:
        json.dump(facts, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    sync_directory(temporary)
    os.replace(temporary, directory)
    sync_directory(directory.parent)


def _save_portable(learner: Learner, directory: Path) -> None:
    cluster, optimizer = learner.cluster, learner.optimizer
    trained = learner.trained
    shapes = {name: tuple(p.shape) for name, p in trained.items()}

    def moments(which: int):
        for name, parameter in trained.items():
            yield whole(like_local(parameter, optimizer.full_moments(name)[which], parameter.shape))

    def all_moments():
        yield from moments(0)
        yield from moments(1)

    weights = [(name, torch.float32, shape) for name, shape in shapes.items()]
    both = [(prefix + name, torch.float32, shape) for prefix in ("m.", "v.") for name, shape in shapes.items()]
    counts = {"updates": str(optimizer.updates), "version": str(learner.version)}
    files = [
        (WEIGHTS, weights, (whole(p.detach().float()) for p in trained.values()), {"format": "pt"}),
        (OPTIMIZER, both, all_moments(), counts),
    ]
    for file, entries, parts, metadata in files:
        error = None
        if cluster.leader:
            try:
                write_safetensors(directory / file, entries, parts, metadata)
            except OSError as caught:
                error = WorkerError("checkpoint", f"writing {directory / file}: {caught.strerror or caught}")
        for _ in parts:  # every rank takes part in gathering
            pass
        agreed = cluster.agree(error)
        if agreed is not None:
            raise agreed


def load(learner: Learner, directory: Path) -> dict:
    """Takes over a checkpoint of either form; a collective call. Returns its facts.

    Everything that can be wrong is found before anything is changed.
    """
    learner.reshard()
    sharded = learner.cluster.together(_check_form, directory)
    facts = (_load_sharded if sharded else _load_portable)(learner, directory)
    learner.version = facts["version"]
    learner.step_done = facts["step"]
    learner.optimizer.updates = facts["updates"]
    return facts


def _check_form(directory: Path) -> bool:
    if (directory / WEIGHTS).is_file() and (directory / OPTIMIZER).is_file():
        return False
    if (directory / FACTS).is_file():
        return True
    raise WorkerError(
        "checkpoint",
        f"{directory}: expected {FACTS}, or {WEIGHTS} and {OPTIMIZER}; found neither",
        "a checkpoint that was not finished lies beside it as .partial and cannot be used",
    )


def _load_sharded(learner: Learner, directory: Path) -> dict:
    facts = learner.cluster.together(_read_facts, learner, directory)
    state = _state(learner)
    learner.cluster.together(_check_tensors, directory, state)
    try:
        dcp.load(state, checkpoint_id=directory, process_group=learner.cluster.control)
    except _Failure as error:
        raise WorkerError("checkpoint", f"{directory}: {_first_line(error)}") from error
    return facts


def _read_facts(learner: Learner, directory: Path) -> dict:
    try:
        facts = json.loads((directory / FACTS).read_text())
        for name in ("version", "step", "updates"):
            if not isinstance(facts[name], int):
                raise ValueError(f"{name} is not an integer")
    except (ValueError, KeyError, TypeError) as error:
        raise WorkerError("checkpoint", f"{directory / FACTS}: {error}") from error
    settings = learner.settings
    for name, flag, have in (("moments", "--moments", settings.moments), ("loraRank", "--lora-rank", settings.lora_rank)):
        if facts.get(name) != have:
            raise WorkerError(
                "checkpoint",
                f"{directory}: saved with {flag} {facts.get(name)}, the worker runs with {have}",
                f"start the worker with {flag} {facts.get(name)}",
            )
    return facts


def _check_tensors(directory: Path, state: dict[str, torch.Tensor]) -> None:
    try:
        known = dcp.FileSystemReader(directory).read_metadata().state_dict_metadata
    except _Failure as error:
        raise WorkerError("checkpoint", f"{directory}: {_first_line(error)}") from error
    for name, tensor in state.items():
        found = known.get(name)
        if found is None or tuple(found.size) != tuple(tensor.shape):
            got = "nothing" if found is None else f"shape {list(found.size)}"
            raise WorkerError(
                "checkpoint",
                f"{directory}: expected {name} of shape {list(tensor.shape)}, got {got}",
                "this checkpoint belongs to another model",
            )


def _load_portable(learner: Learner, directory: Path) -> dict:
    weights, optimizer, counts = learner.cluster.together(_open_portable, learner, directory)
    with torch.no_grad():
        for name, parameter in learner.trained.items():
            part = own_slice(parameter)
            if part.start < part.stop:
                local(parameter).copy_(weights.rows(name, part))
                learner.optimizer.set_moments(
                    name, optimizer.rows("m." + name, part).float(), optimizer.rows("v." + name, part).float()
                )
    # The embedded engine's have no facts: steps are counted from the next one.
    facts = json.loads((directory / FACTS).read_text()) if (directory / FACTS).is_file() else {}
    return {"step": facts.get("step", -1), "replies": facts.get("replies", {}), **counts}


def _open_portable(learner: Learner, directory: Path) -> tuple[Files, Files, dict]:
    weights, optimizer = Files([directory / WEIGHTS]), Files([directory / OPTIMIZER])
    for files, prefix in ((weights, ""), (optimizer, "m."), (optimizer, "v.")):
        for name, parameter in learner.trained.items():
            found = files.shape(prefix + name) if prefix + name in files else None
            if found != tuple(parameter.shape):
                got = "nothing" if found is None else f"shape {list(found)}"
                raise WorkerError(
                    "checkpoint",
                    f"{directory}: expected {prefix + name} of shape {list(parameter.shape)}, got {got}",
                    "this checkpoint belongs to another model",
                )
    try:
        counts = {name: int(optimizer.metadata()[name]) for name in ("updates", "version")}
    except (KeyError, ValueError) as error:
        raise WorkerError("checkpoint", f"{directory / OPTIMIZER}: metadata must hold updates and version") from error
    return weights, optimizer, counts
