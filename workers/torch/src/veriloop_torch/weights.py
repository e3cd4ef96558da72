"""Weights in Hugging Face layout: streamed from files to the ranks' shards, and back into a directory."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import torch

from . import lora
from .cluster import Cluster
from .errors import WorkerError
from .model import Policy, real_buffers
from .tensors import Files, local, own_slice, sync_directory, whole, write_safetensors

_SHARD_BYTES = 4 << 30
_COMPANIONS = (
    "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "vocab.json", "merges.txt",
    "tokenizer.model", "chat_template.jinja", "chat_template.json", "generation_config.json",
)  # fmt: skip


def hf_name(name: str) -> str:
    """Hugging Face's name of a parameter of the policy."""
    return name.removeprefix("lm.").replace(".base_layer.", ".")


def materialise(policy: Policy, cluster: Cluster, offload: bool) -> None:
    """Gives the sharded parameters memory of their own, values undefined, and makes the buffers."""
    lm = policy.lm
    tied = lm.get_input_embeddings().weight is lm.get_output_embeddings().weight
    policy.to_empty(device=torch.device("cpu") if offload else cluster.device)
    if tied:  # to_empty makes one tensor for each place
        lm.get_output_embeddings().weight = lm.get_input_embeddings().weight
    for module in policy.modules():  # to_empty left the buffers without values too
        for key, buffer in module._buffers.items():
            if buffer is not None:
                module._buffers[key] = buffer.to("meta")
    real_buffers(policy, cluster.device)


def load_weights(policy: Policy, directory: Path) -> None:
    """Each rank reads its own rows of every tensor.

    Raises WorkerError `checkpoint` when a tensor is missing or of another shape, before anything is changed.
    """
    files = Files(sorted(directory.glob("*.safetensors")))
    parameters = {name: p for name, p in policy.named_parameters() if not lora.is_adapter(name)}
    # A tied head may be stored or not; some exports leave out the prefix `model.`.
    for name, parameter in parameters.items():
        stored = _stored_name(files, hf_name(name))
        if stored is None:
            raise WorkerError(
                "checkpoint",
                f"{directory}: expected a tensor {hf_name(name)}, found none in its *.safetensors",
                "config.json and the weights must belong together",
            )
        if files.shape(stored) != tuple(parameter.shape):
            raise WorkerError(
                "checkpoint",
                f"{directory}: {stored} has shape {list(files.shape(stored))}, the model {list(parameter.shape)}",
            )
    with torch.no_grad():
        for name, parameter in parameters.items():
            part = own_slice(parameter)
            if part.start < part.stop:
                stored = _stored_name(files, hf_name(name))
                local(parameter).copy_(files.rows(stored, part))


def _stored_name(files: Files, name: str) -> str | None:
    return next((known for known in (name, name.removeprefix("model."), f"model.{name}") if known in files), None)


def random_weights(policy: Policy, seed: int) -> None:
    """Normal(0, initializer_range) matrices, norms 1, biases 0: for benchmarks. Values depend on the world size."""
    scale = getattr(policy.config, "initializer_range", 0.02)
    with torch.no_grad():
        for index, (name, parameter) in enumerate(policy.named_parameters()):
            part = local(parameter)
            generator = torch.Generator(part.device).manual_seed(seed * 100_003 + index)
            if name.endswith("bias"):
                part.zero_()
            elif parameter.dim() == 1:
                part.fill_(1)
            else:
                part.normal_(0, scale, generator=generator)


def export_entries(policy: Policy) -> list[tuple[str, torch.Tensor]]:
    return [(hf_name(name), p) for name, p in policy.named_parameters() if not lora.is_adapter(name)]


def export_weights(policy: Policy, cluster: Cluster, source: Path, directory: Path, dtype: torch.dtype) -> dict:
    """Writes the policy in Hugging Face layout, adapters merged: a temporary directory, fsync, rename.

    A collective call; only the leader writes. `directory` may exist when it is empty.
    Returns {dir, files, bytes} on every rank.
    """
    temporary = directory.with_name(directory.name + ".partial")
    cluster.together(_prepare, cluster, directory, temporary)
    shards = _split_entries(export_entries(policy), dtype)
    index: dict[str, str] = {}
    total = 0
    for number, shard in enumerate(shards):
        file = "model.safetensors" if len(shards) == 1 else f"model-{number + 1:05d}-of-{len(shards):05d}.safetensors"
        described = [(name, dtype, tuple(parameter.shape)) for name, parameter in shard]
        total += sum(parameter.numel() * dtype.itemsize for _, parameter in shard)
        index.update((name, file) for name, _ in shard)
        parts = (whole(lora.merged(policy, parameter).to(dtype)) for _, parameter in shard)
        error = None
        if cluster.leader:
            try:
                write_safetensors(temporary / file, described, parts, {"format": "pt"})
            except OSError as caught:
                error = WorkerError("worker", f"writing {temporary / file}: {caught.strerror or caught}")
        for _ in parts:  # the others, and a leader that failed, take part in gathering the rest
            pass
        agreed = cluster.agree(error)
        if agreed is not None:
            shutil.rmtree(temporary, ignore_errors=True)
            raise agreed
    cluster.together(_finish, cluster, source, directory, temporary, index, total, dtype)
    return {"dir": str(directory), "files": len(shards), "bytes": total}


def _split_entries(entries: list[tuple[str, torch.Tensor]], dtype: torch.dtype):
    shards: list[list[tuple[str, torch.Tensor]]] = [[]]
    size = 0
    for name, parameter in entries:
        bytes = parameter.numel() * dtype.itemsize
        if shards[-1] and size + bytes > _SHARD_BYTES:
            shards.append([])
            size = 0
        shards[-1].append((name, parameter))
        size += bytes
    return shards


def _prepare(cluster: Cluster, directory: Path, temporary: Path) -> None:
    if not cluster.leader:
        return
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise WorkerError("usage", f"publish to {directory}: expected a directory that is empty or not there")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)


def _finish(cluster, source: Path, directory: Path, temporary: Path, index: dict, total: int, dtype) -> None:
    if not cluster.leader:
        return
    config = json.loads((source / "config.json").read_text())
    config.pop("torch_dtype", None)
    config["dtype"] = str(dtype).removeprefix("torch.")
    _write_text(temporary / "config.json", json.dumps(config, indent=2) + "\n")
    if len(set(index.values())) > 1:
        text = json.dumps({"metadata": {"total_size": total}, "weight_map": index}, indent=1)
        _write_text(temporary / "model.safetensors.index.json", text + "\n")
    for name in _COMPANIONS:
        if (source / name).is_file():
            shutil.copyfile(source / name, temporary / name)
    sync_directory(temporary)
    os.replace(temporary, directory)
    sync_directory(directory.parent)


def _write_text(path: Path, text: str) -> None:
    with open(path, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
