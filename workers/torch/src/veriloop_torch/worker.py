"""The worker's main loop: the leader takes jobs from the server and tells the other ranks; all do them together."""

from __future__ import annotations

import math
import os
import queue
from dataclasses import replace
from pathlib import Path

import torch

from .batch import Batch, read_batch
from .checkpoint import Saver, load
from .cluster import Cluster
from .errors import WorkerError
from .learner import Learner
from .protocol import Gradients, Load, LogProbs, Publish, Request, Save, Step, Stop
from .server import Job, Server
from .tensors import whole, write_safetensors
from .weights import export_weights

_REPLIES = 256
"""Stored replies of the last steps: what a client that missed one may ask for again."""


class _Tidy:
    """A request that the leader makes itself: bring a background save to its end."""


class Worker:
    def __init__(self, learner: Learner, cluster: Cluster) -> None:
        self.learner = learner
        self.cluster = cluster
        self.saver = Saver(learner)
        self.replies: dict[int, dict] = {}  # step -> {"key": what was asked, "reply": what was answered}
        self.save_error: WorkerError | None = None
        self.busy = "starting"

    def serve(self, server: Server) -> None:
        """On the leader, until a /stop. Answers each job when all ranks have done it."""
        while True:
            self.busy = "idle"
            self.learner.progress("idle", 0, 0)
            try:
                job = server.jobs.get(timeout=0.5)
            except queue.Empty:
                if self.saver.ended():
                    self._together(_Tidy())
                continue
            if self._answer(job):
                return

    def follow(self) -> None:
        """On every other rank, until the leader stops."""
        while True:
            self.learner.progress("idle", 0, 0)
            request = self.cluster.broadcast(None)
            try:
                self._do(request)
            except WorkerError:
                pass  # raised on every rank alike; the leader answers
            if isinstance(request, Stop):
                return

    def _answer(self, job: Job) -> bool:
        request = job.request
        self.busy = type(request).__name__.lower()
        try:
            stored = self._stored(request) if isinstance(request, Step) else None
            job.finish(stored if stored is not None else self._together(request), None)
        except WorkerError as error:
            job.finish(None, error)
        except BaseException as error:
            # Only this rank may have failed, so the others cannot be asked for anything any more (main.py ends it).
            job.finish(None, WorkerError("worker", f"the worker failed and ends: {type(error).__name__}: {error}"))
            raise
        return isinstance(request, Stop)

    def _together(self, request) -> dict:
        return self._do(self.cluster.broadcast(request))

    def _do(self, request: Request | _Tidy) -> dict:
        if isinstance(request, Step):
            return self._step(request)
        if isinstance(request, LogProbs):
            return self._logprobs(request)
        if isinstance(request, Gradients):
            return self._gradients(request)
        if isinstance(request, Publish):
            return self._publish(request)
        if isinstance(request, Save):
            self._tidy()
            return self.saver.save(
                Path(request.dir), self.replies, background=request.background, portable=request.form == "portable"
            )
        if isinstance(request, Load):
            return self._load(request)
        self._tidy()
        return {}

    def _tidy(self) -> None:
        """Ends a background save; what went wrong with it is told by the next /save, and by /health until then."""
        try:
            self.saver.wait()
            self.save_error = None
        except WorkerError as error:
            self.save_error = error

    def _read(self, request: Step | LogProbs | Gradients) -> Batch:
        """Every rank reads the file itself; all go on, or none does."""
        settings, vocab = self.learner.settings, self.learner.vocab_size
        return self.cluster.together(read_batch, request.batch, request.sha256, vocab_size=vocab, max_length=settings.max_length)

    def _stored(self, request: Step) -> dict | None:
        """The reply of a step that was done already.

        Raises WorkerError `usage` when the same step is asked for with another batch, or out of order.
        """
        known = self.replies.get(request.step)
        if known is not None:
            if known["key"] != _key(request):
                raise WorkerError(
                    "usage", f"step {request.step} was done with another batch or other settings", "load a checkpoint first"
                )
            return {**known["reply"], "repeated": True}
        if request.step <= self.learner.step_done:
            raise WorkerError(
                "usage", f"step {request.step}: expected a step after {self.learner.step_done}", "load a checkpoint first"
            )
        if request.expect_version != self.learner.version:
            raise WorkerError(
                "usage",
                f"step {request.step}: the control plane expects version {request.expect_version} of the weights, "
                f"the worker has {self.learner.version}",
                "load the checkpoint that the control plane goes on from",
            )
        return None

    def _step(self, request: Step) -> dict:
        batch = self._read(request)
        if batch.step != request.step:
            raise WorkerError("data", f"batch file {request.batch}: expected step {request.step}, got {batch.step}")
        reply = {**_jsonable(self.learner.step(batch, request.hyper)), "step": request.step, "repeated": False}
        self.replies[request.step] = {"key": _key(request), "reply": reply}
        for old in sorted(self.replies)[:-_REPLIES]:
            del self.replies[old]
        return reply

    def _logprobs(self, request: LogProbs) -> dict:
        batch = self._read(request)
        values = self.learner.logprobs(batch, request.micro_batch_tokens)
        self.cluster.together(self._write, request.out, [("logprobs", torch.float32, tuple(values.shape))], iter([values]))
        return {"file": request.out, "tokens": values.numel()}

    def _gradients(self, request: Gradients) -> dict:
        batch = self._read(request)
        report, gradients = self.learner.gradients(batch, request.micro_batch_tokens)
        wholes = [(name, whole(gradient).float()) for name, gradient in gradients.items()]
        self.learner.release()
        entries = [(name, torch.float32, tuple(tensor.shape)) for name, tensor in wholes]
        self.cluster.together(self._write, request.out, entries, (tensor for _, tensor in wholes))
        return {**_jsonable(report), "file": request.out}

    def _write(self, out: str, entries, parts) -> None:
        """On the leader: the file appears whole or not at all."""
        if not self.cluster.leader:
            return
        write_safetensors(Path(out + ".partial"), entries, parts, {"format": "pt"})
        os.replace(out + ".partial", out)

    def _publish(self, request: Publish) -> dict:
        if request.version != self.learner.version:
            raise WorkerError(
                "usage", f"publish version {request.version}: the worker's weights are version {self.learner.version}"
            )
        source, dtype = Path(self.learner.settings.model), getattr(torch, request.dtype)
        self.learner.progress("publish", 0, 1)
        reply = export_weights(self.learner.policy, self.cluster, source, Path(request.dir), dtype)
        return {**reply, "version": request.version}

    def _load(self, request: Load) -> dict:
        self._tidy()
        facts = load(self.learner, Path(request.dir))
        self.replies = {int(step): reply for step, reply in facts["replies"].items()}
        return {name: facts[name] for name in ("version", "step", "updates")}


def _key(request: Step) -> str:
    """What makes two requests the same step: everything but where the batch lies."""
    return repr(replace(request, batch=""))


def _jsonable(report: dict) -> dict:
    """JSON has no NaN or Infinity: they become null, and `skipped` says that the loss or norm was not finite."""
    return {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in report.items()}
