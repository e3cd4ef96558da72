"""The ranks: process groups, device meshes, and agreement between ranks on whether something went wrong."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import timedelta

import torch
import torch.distributed as dist
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh

from .errors import WorkerError
from .settings import Settings

# A follower waits in a collective of the control group for as long as nothing is asked of the worker.
_FOREVER = timedelta(days=3650)


@dataclass(frozen=True)
class Cluster:
    rank: int
    world: int
    device: torch.device
    mesh: DeviceMesh  # [S] or, with replicas, [R, S]
    control: dist.ProcessGroup  # gloo, for messages of Python objects
    background: dist.ProcessGroup  # gloo, for a checkpoint that is written while the ranks go on

    @property
    def leader(self) -> bool:
        return self.rank == 0

    @property
    def shard_group(self) -> dist.ProcessGroup:
        return self.mesh.get_group(self.mesh.ndim - 1)

    def broadcast(self, value):
        """The leader's value on every rank."""
        box = [value]
        dist.broadcast_object_list(box, src=0, group=self.control)
        return box[0]

    def agree(self, error: WorkerError | None) -> WorkerError | None:
        """The first rank's error, on every rank: nobody goes on into a collective that another rank will not join."""
        if self.world == 1:
            return error
        errors: list[WorkerError | None] = [None] * self.world
        wire = None if error is None else (error.code, error.message, error.hint)
        dist.all_gather_object(errors, wire, group=self.control)
        first = next((wire for wire in errors if wire is not None), None)
        return None if first is None else WorkerError(*first)

    def together(self, function, *args, **kwargs):
        """Runs what may fail on one rank alone (reading a file); every rank returns, or every rank raises."""
        result, error = None, None
        try:
            result = function(*args, **kwargs)
        except WorkerError as caught:
            error = caught
        except OSError as caught:
            error = WorkerError("worker", str(caught))
        agreed = self.agree(error)
        if agreed is not None:
            raise agreed
        return result


def choose_device(wanted: str, local_rank: int) -> torch.device:
    if wanted == "cpu" or (wanted == "auto" and not torch.cuda.is_available()):
        return torch.device("cpu")
    if not torch.cuda.is_available():
        raise WorkerError("tool", f"--device cuda: torch {torch.__version__} finds no usable CUDA device", "use --device cpu")
    if local_rank >= torch.cuda.device_count():
        raise WorkerError(
            "tool",
            f"rank {local_rank} of this host has no CUDA device of its own: {torch.cuda.device_count()} found",
            "start fewer processes per node",
        )
    return torch.device("cuda", local_rank)


def open_cluster(settings: Settings) -> Cluster:
    """Joins the other ranks (torchrun's environment variables; alone when there are none)."""
    for name, alone in [("RANK", "0"), ("WORLD_SIZE", "1"), ("LOCAL_RANK", "0"), ("MASTER_ADDR", "127.0.0.1")]:
        os.environ.setdefault(name, alone)
    device = choose_device(settings.device, int(os.environ["LOCAL_RANK"]))
    rank, world = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    if world % settings.replicas != 0:
        raise WorkerError("config", f"--replicas {settings.replicas}: does not divide the {world} ranks")
    if device.type == "cuda":
        torch.cuda.set_device(device)
    if "MASTER_PORT" in os.environ or world > 1:
        store = None
    else:
        store = dist.HashStore()
    if not dist.is_initialized():
        # gloo beside nccl: offloaded gradients and asynchronous checkpoints are reduced on the host.
        backend = "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo"
        joined = {"store": store, "rank": rank, "world_size": world} if store is not None else {}
        dist.init_process_group(backend, device_id=device if device.type == "cuda" else None, **joined)
    if settings.replicas > 1:
        shape, names = (settings.replicas, world // settings.replicas), ("replicate", "shard")
    else:
        shape, names = (world,), ("shard",)
    mesh = init_device_mesh(device.type, shape, mesh_dim_names=names)
    control, background = (dist.new_group(backend="gloo", timeout=_FOREVER) for _ in range(2))
    return Cluster(rank, world, device, mesh, control, background)
