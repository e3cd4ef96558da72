"""Checkpoints of one rank: going on equals never having stopped, and half-written ones are not taken for whole."""

import pytest
import torch
import torch.distributed.checkpoint as dcp
from safetensors.torch import load_file

import veriloop_torch.checkpoint as checkpoint
import veriloop_torch.tensors as tensors
from helpers import HYPER, largest_difference, make_batch, make_learner
from veriloop_torch.checkpoint import Saver, load
from veriloop_torch.errors import WorkerError


def weights_of(learner):
    learner.reshard()
    return {name: p.detach().full_tensor().clone() for name, p in learner.trained.items()}


def run(learner, start, steps):
    return [learner.step(make_batch(step=step), HYPER)["loss"] for step in range(start, start + steps)]


@pytest.mark.parametrize("moments", ["fp32", "bf16", "8bit"])
@pytest.mark.parametrize("background", [False, True])
def test_going_on_is_bit_equal(models, tmp_path, moments, background):
    learner = make_learner(models["qwen3"], moments=moments)
    run(learner, 0, 2)
    saver = Saver(learner)
    saver.save(tmp_path / "c", {}, background=background, portable=False)
    unbroken = run(learner, 2, 3)  # while the background save is on its way
    saver.wait()
    other = make_learner(models["qwen3"], moments=moments)
    facts = load(other, tmp_path / "c")
    assert (facts["step"], other.version, other.optimizer.updates) == (1, 2, 2)
    assert run(other, 2, 3) == unbroken
    assert all(torch.equal(a, b) for a, b in zip(weights_of(learner).values(), weights_of(other).values()))


@pytest.mark.parametrize("moments", ["fp32", "8bit"])
def test_portable_form(models, tmp_path, moments):
    learner = make_learner(models["qwen2"], moments=moments)
    run(learner, 0, 2)
    Saver(learner).save(tmp_path / "c", {}, background=False, portable=True)
    stored = load_file(tmp_path / "c" / "weights.safetensors")
    assert set(stored) == set(learner.trained) and "lm_head.weight" not in stored  # tied
    moments_file = load_file(tmp_path / "c" / "optimizer.safetensors")
    assert set(moments_file) == {f"{kind}.{name}" for kind in "mv" for name in stored}
    unbroken = run(learner, 2, 2)
    (tmp_path / "c" / "veriloop.json").unlink()  # as the embedded engine writes it
    other = make_learner(models["qwen2"], moments=moments)
    load(other, tmp_path / "c")
    assert (other.version, other.optimizer.updates) == (2, 2)
    again = run(other, 2, 2)
    if moments == "fp32":
        assert again == unbroken
    else:
        assert again == pytest.approx(unbroken, rel=1e-2)


def fail_with(error):
    def failing(*args, **kwargs):
        raise error

    return failing


def test_a_full_disk_is_an_error_and_leaves_no_checkpoint(models, tmp_path, monkeypatch):
    learner = make_learner(models["qwen2"])
    run(learner, 0, 1)
    saver = Saver(learner)
    monkeypatch.setattr(dcp.FileSystemWriter, "write_data", fail_with(OSError(28, "No space left on device")))
    with pytest.raises(WorkerError, match="No space left") as caught:
        saver.save(tmp_path / "c", {}, background=False, portable=False)
    assert caught.value.code == "checkpoint" and list(tmp_path.iterdir()) == []
    saver.save(tmp_path / "d", {}, background=True, portable=False)
    with pytest.raises(WorkerError, match="No space left"):
        saver.wait()
    monkeypatch.undo()
    monkeypatch.setattr(tensors.os, "fsync", fail_with(OSError(28, "No space left on device")))
    with pytest.raises(WorkerError, match="No space left"):
        saver.save(tmp_path / "p", {}, background=False, portable=True)
    monkeypatch.undo()
    assert list(tmp_path.iterdir()) == []
    run(learner, 1, 1)
    saver.save(tmp_path / "c", {}, background=False, portable=False)


def test_too_little_room_is_found_before_anything_is_written(models, tmp_path, monkeypatch):
    learner = make_learner(models["qwen2"])
    usage = checkpoint.shutil.disk_usage(tmp_path)
    monkeypatch.setattr(checkpoint.shutil, "disk_usage", lambda _: usage._replace(free=1000))
    with pytest.raises(WorkerError, match="GiB are free"):
        Saver(learner).save(tmp_path / "c", {}, background=False, portable=False)
    assert list(tmp_path.iterdir()) == []


def test_existing_directories(models, tmp_path):
    saver = Saver(make_learner(models["qwen2"]))
    (tmp_path / "empty").mkdir()
    saver.save(tmp_path / "empty", {}, background=False, portable=False)
    with pytest.raises(WorkerError, match="empty or not there"):
        saver.save(tmp_path / "empty", {}, background=False, portable=False)


def test_checkpoints_that_do_not_fit(models, tmp_path):
    learner = make_learner(models["qwen2"])
    Saver(learner).save(tmp_path / "c", {}, background=False, portable=False)
    Saver(learner).save(tmp_path / "p", {}, background=False, portable=True)
    before = weights_of(learner)
    with pytest.raises(WorkerError, match="saved with --moments fp32, the worker runs with bf16"):
        load(make_learner(models["qwen2"], moments="bf16"), tmp_path / "c")
    with pytest.raises(WorkerError, match="belongs to another model|expected weights.lm_head"):
        load(make_learner(models["qwen2-untied"]), tmp_path / "c")
    with pytest.raises(WorkerError, match="expected lm_head.weight"):
        load(make_learner(models["qwen2-untied"]), tmp_path / "p")
    with pytest.raises(WorkerError, match="found neither"):
        load(learner, tmp_path)
    (tmp_path / "c" / "veriloop.json").write_text("{")
    with pytest.raises(WorkerError, match="veriloop.json"):
        load(learner, tmp_path / "c")
    (tmp_path / "p" / "optimizer.safetensors").write_bytes(b"x" * 100)
    with pytest.raises(WorkerError, match="not a readable safetensors"):
        load(learner, tmp_path / "p")
    assert largest_difference(weights_of(learner), before) == 0


def test_stored_logprobs_do_not_survive_a_load(models, tmp_path):
    """A forward pass without a backward leaves gathered weights behind; a load must not be hidden by them."""
    learner = make_learner(models["qwen2"])
    batch = make_batch()
    Saver(learner).save(tmp_path / "c", {}, background=False, portable=False)
    first = learner.logprobs(batch, 64)
    run(learner, 0, 2)
    assert not torch.allclose(learner.logprobs(batch, 64), first, atol=1e-3)
    load(learner, tmp_path / "c")
    assert torch.equal(learner.logprobs(batch, 64), first)
