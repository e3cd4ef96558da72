"""Tiny random models, and workers of 1, 2 and 4 ranks that stay up for the whole session: starting one takes seconds."""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch: several ranks share few cores
os.environ.setdefault("HF_HUB_OFFLINE", "1")

import pytest
import torch

from helpers import RunningWorker, start_worker, tiny_model

torch.set_num_threads(1)


@pytest.fixture(scope="session")
def models(tmp_path_factory) -> dict[str, str]:
    """Directories of random models in Hugging Face layout, by name."""
    root = tmp_path_factory.mktemp("models")
    names = ("qwen2", "qwen2-untied", "qwen3", "llama")
    return {name: tiny_model(root / name, name) for name in names}


@pytest.fixture(scope="session")
def workers(models) -> dict[int, RunningWorker]:
    """Workers by their number of ranks, all on the same weights. Tests that change them load a checkpoint first."""
    started = {ranks: start_worker(models["qwen2"], ranks) for ranks in (1, 2, 4)}
    try:
        for worker in started.values():
            worker.wait_ready()
        yield started
    finally:
        for worker in started.values():
            worker.end()
