"""Batch files: what is written is read back, and nothing unsound gets through."""

import json
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file, save_file

from helpers import VOCAB, make_batch
from veriloop_torch.batch import LossSpec, read_batch, write_batch
from veriloop_torch.errors import WorkerError


def read(path, sha256=None):
    return read_batch(path, sha256, vocab_size=VOCAB, max_length=40)


@pytest.mark.parametrize("loss", [LossSpec("ce"), LossSpec("clip", 0.2, 0.28, 3.0, 0.1, 0.01)])
def test_round_trip(tmp_path, loss):
    batch = make_batch(loss=loss)
    sha256 = write_batch(tmp_path / "b", batch)
    got = read(tmp_path / "b", sha256)
    for name in ("token_ids", "loss_mask", "weights", "behavior_logprobs", "advantages", "group_ids"):
        assert torch.equal(getattr(got, name), getattr(batch, name)), name
    for name in ("step", "row_start", "divisor", "loss_tokens", "temperature", "loss"):
        assert getattr(got, name) == getattr(batch, name), name


def test_the_first_token_of_a_row_is_never_trained(tmp_path):
    batch = make_batch()
    write_batch(tmp_path / "b", replace(batch, loss_mask=torch.ones_like(batch.loss_mask)))
    assert not read(tmp_path / "b").loss_mask[torch.tensor(batch.row_start[:-1])].any()


def broken(tmp_path, change=lambda tensors, header: None, metadata=None):
    """A batch file with one thing changed."""
    path = tmp_path / "broken"
    write_batch(path, make_batch((4, 6)))
    tensors = load_file(path)
    header = {"step": 0, "divisor": 5.0, "lossTokens": 5, "temperature": 1.0, "loss": {"kind": "ce"}}
    change(tensors, header)
    base = {"format": "veriloop-batch", "protocol": "1", "batch": json.dumps(header)}
    save_file(tensors, path, {**base, **(metadata or {})})
    return path


def set_tensor(name, value):
    def change(tensors, header):
        tensors[name] = value(tensors[name])

    return change


def set_header(key, value):
    def change(tensors, header):
        header[key] = value

    return change


def filled(value):
    return lambda tensor: torch.full_like(tensor, value)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda tensors, header: tensors.pop("advantages"), "no tensor advantages"),
        (set_tensor("token_ids", lambda t: t.long()), "token_ids: expected torch.int32"),
        (set_tensor("weights", lambda t: t[None]), "weights: expected torch.float32 of one dimension"),
        (set_tensor("weights", lambda t: t[1:].clone()), "weights: expected 10 values, got 9"),
        (set_tensor("weights", filled(torch.inf)), "weights: expected finite"),
        (set_tensor("advantages", filled(torch.nan)), "advantages: expected finite"),
        (set_tensor("loss_mask", filled(2)), "loss_mask: expected 0 or 1"),
        (set_tensor("token_ids", filled(VOCAB)), f"outside the vocabulary of {VOCAB}"),
        (set_tensor("token_ids", filled(-1)), "outside the vocabulary"),
        (set_tensor("row_start", lambda t: torch.tensor([0, 4, 9], dtype=torch.int32)), "row_start: expected 0 .. 10"),
        (set_tensor("row_start", lambda t: torch.tensor([0, 12, 10], dtype=torch.int32)), "row 1: expected at least one"),
        (set_tensor("row_start", lambda t: torch.tensor([0, 0, 10], dtype=torch.int32)), "row 0: expected at least one"),
        (set_tensor("row_start", lambda t: t[:0].clone()), "row_start: expected 0 .. 10"),
        (set_tensor("group_ids", lambda t: t[:1].clone()), "group_ids: expected 2 values, got 1"),
        (set_header("divisor", 0), "divisor: expected > 0"),
        (set_header("divisor", "5"), "divisor: expected a number"),
        (set_header("divisor", True), "divisor: expected a number"),
        (set_header("temperature", 0), "temperature: expected > 0"),
        (set_header("temperature", float("nan")), "temperature: expected a number"),
        (set_header("loss", {"kind": "ppo"}), "loss: expected kind ce or clip"),
        (set_header("loss", None), "loss: expected kind ce or clip"),
        (set_header("loss", {"kind": "clip", "epsLow": -1}), "epsLow: expected >= 0"),
        (set_header("step", -1), "step: expected >= 0"),
    ],
)  # fmt: skip
def test_hostile_contents(tmp_path, change, says):
    with pytest.raises(WorkerError, match=says) as caught:
        read(broken(tmp_path, change))
    assert caught.value.code == "data" and str(tmp_path) in caught.value.message


@pytest.mark.parametrize(
    ("metadata", "says"),
    [({"protocol": "2"}, "expected protocol 1, got 2"), ({"format": "pt"}, "expected metadata format"),
     ({"batch": "{"}, "is not JSON"), ({"batch": "[]"}, "expected a JSON object")],
)  # fmt: skip
def test_hostile_metadata(tmp_path, metadata, says):
    with pytest.raises(WorkerError, match=says):
        read(broken(tmp_path, metadata=metadata))


def test_a_row_longer_than_the_worker_was_started_for(tmp_path):
    write_batch(tmp_path / "b", make_batch((41,)))
    with pytest.raises(WorkerError, match="row 0 has 41 tokens; the worker was started for 40"):
        read(tmp_path / "b")


def test_files_that_are_no_safetensors(tmp_path):
    write_batch(tmp_path / "whole", make_batch())
    whole = (tmp_path / "whole").read_bytes()
    huge = (1 << 62).to_bytes(8, "little") + whole[8:]
    cases = {"empty": b"", "noise": bytes(range(256)) * 9, "cut": whole[: len(whole) // 2], "huge header": huge}
    for name, contents in cases.items():
        (tmp_path / name).write_bytes(contents)
        with pytest.raises(WorkerError, match="not a safetensors file"):
            read(tmp_path / name)
    with pytest.raises(WorkerError, match="found none"):
        read(tmp_path / "nothing")
    with pytest.raises(WorkerError, match="found none"):
        read(tmp_path)


def test_a_changed_file_is_noticed(tmp_path):
    sha256 = write_batch(tmp_path / "b", make_batch())
    contents = bytearray((tmp_path / "b").read_bytes())
    contents[-1] ^= 1
    (tmp_path / "b").write_bytes(contents)
    with pytest.raises(WorkerError, match=f"expected sha256 {sha256}"):
        read(tmp_path / "b", sha256)
