"""`torchrun --nproc-per-node=G -m veriloop_torch --model DIR`, or plain python for one rank."""

from __future__ import annotations

import json
import logging
import os
import sys
import traceback
from pathlib import Path

# Micro-batches differ in length, and the allocator must not be left with pieces of the wrong size. Read when torch starts.
os.environ.setdefault("PYTORCH_CUDA_ALLOC_CONF", "expandable_segments:True")

import torch  # noqa: E402
import torch.distributed as dist  # noqa: E402
import transformers  # noqa: E402

from . import PROTOCOL, __version__  # noqa: E402
from .cluster import Cluster, open_cluster  # noqa: E402
from .errors import EXIT_CODES, EXIT_OUT_OF_MEMORY, WorkerError  # noqa: E402
from .heartbeat import Heartbeat  # noqa: E402
from .learner import Learner  # noqa: E402
from .server import Server  # noqa: E402
from .settings import Settings, parse_arguments  # noqa: E402
from .worker import Worker  # noqa: E402


def main(argv: list[str] | None = None) -> int:
    logging.basicConfig(
        level=logging.INFO, stream=sys.stderr, format=f"%(asctime)s rank {os.environ.get('RANK', '0')} %(message)s"
    )
    transformers.logging.set_verbosity_error()
    try:
        settings = parse_arguments(argv)
        cluster = open_cluster(settings)
        return _run(settings, cluster)
    except WorkerError as error:
        print(f"error: {error.message}" + (f"\n  {error.hint}" if error.hint else ""), file=sys.stderr)
        return EXIT_CODES[error.code]


def _run(settings: Settings, cluster: Cluster) -> int:
    heartbeat = Heartbeat(cluster.rank, cluster.world, settings.watch_pid)
    token = Path(settings.token_file).read_text().strip() if settings.token_file else None
    holder: dict[str, Worker] = {}
    # The leader listens before the weights are loaded, so that a port in use is known at once and /health shows progress.
    server = cluster.together(
        lambda: (
            Server(settings.host, settings.port, token, lambda: _health(settings, cluster, heartbeat, holder))
            if cluster.leader
            else None
        )
    )
    try:
        if server is not None:
            print(json.dumps({"event": "listening", "url": server.url, "protocol": PROTOCOL}), flush=True)
        heartbeat.progress("loading", 0, 1)
        learner = Learner(settings, cluster, heartbeat.progress)
        worker = holder["worker"] = Worker(learner, cluster)
        if server is not None:
            print(json.dumps({"event": "ready", "parameters": learner.parameters}), flush=True)
            worker.serve(server)
        else:
            worker.follow()
    except torch.OutOfMemoryError:
        traceback.print_exc()
        print(
            f"error: rank {cluster.rank} ran out of device memory\n"
            "  start again with a smaller learner.micro_batch_tokens, --checkpointing full, --moments 8bit or --offload",
            file=sys.stderr,
        )
        _leave(EXIT_OUT_OF_MEMORY)
    except WorkerError:
        raise
    except Exception:
        traceback.print_exc()
        _leave(EXIT_CODES["bug"])
    finally:
        heartbeat.close()
    if server is not None:
        server.close()
    dist.destroy_process_group()
    return 0


def _leave(code: int) -> None:
    """Ends the process at once: other ranks may be waiting in a collective that this one will never join."""
    sys.stderr.flush()
    os._exit(code)


def _health(settings: Settings, cluster: Cluster, heartbeat: Heartbeat, holder: dict[str, Worker]) -> dict:
    worker = holder.get("worker")
    facts = {
        "worker": __version__,
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "worldSize": cluster.world,
        "device": torch.cuda.get_device_name(cluster.device) if cluster.device.type == "cuda" else "cpu",
        "phase": "starting" if worker is None else worker.busy,
        "ranks": heartbeat.ranks(),
    }
    if worker is None:
        return facts
    learner = worker.learner
    return {
        **facts,
        "step": learner.step_done,
        "version": learner.version,
        "updates": learner.optimizer.updates,
        "saving": worker.saver.saving,
        "saveError": None if worker.save_error is None else worker.save_error.to_json(),
        "model": {
            "type": learner.policy.config.model_type,
            "parameters": learner.parameters,
            "vocabSize": learner.vocab_size,
            "maxLength": settings.max_length,
            "compute": str(learner.compute).removeprefix("torch."),
            "attention": learner.attention,
            "kernels": learner.kernels,
            "moments": settings.moments,
        },
    }


if __name__ == "__main__":
    sys.exit(main())
