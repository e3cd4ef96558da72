"""Signs of life of every rank, shown by /health: what each is doing, and for how long it has not got further.

A thread on each rank writes a small record to the ranks' key-value store once a second; the leader's thread reads all of
them. Nothing of this touches the device or the collectives, so it answers while a step runs or hangs.
"""

from __future__ import annotations

import json
import os
import threading
import time

import torch.distributed as dist

_PERIOD = 1.0


class Heartbeat:
    def __init__(self, rank: int, world: int, watch_pid: int) -> None:
        self._rank, self._world, self._watch_pid = rank, world, watch_pid
        self._store = dist.PrefixStore("veriloop/heartbeat", dist.distributed_c10d._get_default_store())
        self._phase, self._done, self._total = "starting", 0, 0
        self._moved = time.monotonic()
        self._seen: dict[int, tuple[str, float, dict]] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)
        self._thread.start()

    def progress(self, phase: str, done: int, total: int) -> None:
        """Called by the rank's main thread whenever it gets further."""
        self._phase, self._done, self._total = phase, done, total
        self._moved = time.monotonic()

    def ranks(self) -> list[dict]:
        """On the leader: one record a rank, as last heard."""
        now = time.monotonic()
        return [{**record, "secondsSinceBeat": round(now - heard, 1)} for _, (_, heard, record) in sorted(self._seen.items())]

    def close(self) -> None:
        self._stop.set()
        self._thread.join(timeout=2 * _PERIOD)

    def _record(self, beat: int) -> dict:
        return {
            "rank": self._rank,
            "pid": os.getpid(),
            "phase": self._phase,
            "done": self._done,
            "total": self._total,
            "secondsSinceProgress": round(time.monotonic() - self._moved, 1),
            "beat": beat,
        }

    def _run(self) -> None:
        beat = 0
        while True:
            if self._watch_pid and not _alive(self._watch_pid):
                os._exit(0)  # nobody is left to ask for anything; the main thread may be deep in a collective
            beat += 1
            try:
                self._store.set(str(self._rank), json.dumps(self._record(beat)))
                if self._rank == 0:
                    self._read()
            except RuntimeError:
                return  # the store is gone with the rank that kept it; torchrun ends the others
            if self._stop.wait(_PERIOD):
                return

    def _read(self) -> None:
        for rank in range(self._world):
            key = str(rank)
            if not self._store.check([key]):
                continue
            text = self._store.get(key).decode()
            if self._seen.get(rank, ("",))[0] != text:
                record = json.loads(text)
                record.pop("beat")
                self._seen[rank] = (text, time.monotonic(), record)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
