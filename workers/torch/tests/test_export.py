"""What is published opens in transformers and computes the same; adapters are merged."""

import json
from pathlib import Path

import pytest
import torch
import torch.distributed.checkpoint as dcp
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

import veriloop_torch.weights as weights
from helpers import CE, HYPER, largest_difference, make_batch, make_learner, reference, tiny_model
from veriloop_torch.checkpoint import Saver, load
from veriloop_torch.errors import WorkerError
from veriloop_torch.weights import export_weights


def publish(learner, source, directory, dtype=torch.float32):
    return export_weights(learner.policy, learner.cluster, source, directory, dtype)


@pytest.mark.parametrize("name", ["qwen2", "qwen2-untied", "qwen3", "llama"])
def test_transformers_computes_the_same(models, tmp_path, name):
    learner = make_learner(models[name])
    batch = make_batch(loss=CE)
    learner.step(batch, HYPER)
    publish(learner, Path(models[name]), tmp_path / "out")
    _, _, logprobs = reference(str(tmp_path / "out"), batch)
    assert torch.allclose(learner.logprobs(batch, 64), logprobs, atol=1e-5)
    assert not list(tmp_path.glob("*.partial"))


def test_many_shards_in_bf16_with_tokenizer(models, tmp_path, monkeypatch):
    source = tmp_path / "source"
    tiny_model(source, "qwen3")
    (source / "tokenizer.json").write_text("{}")
    learner = make_learner(str(source))
    monkeypatch.setattr(weights, "_SHARD_BYTES", 30_000)
    reply = publish(learner, source, tmp_path / "out", torch.bfloat16)
    assert reply["files"] > 2
    index = json.loads((tmp_path / "out" / "model.safetensors.index.json").read_text())
    stored = {}
    for file in set(index["weight_map"].values()):
        stored.update(load_file(tmp_path / "out" / file))
    assert set(stored) == set(index["weight_map"]) == set(learner.trained)
    assert sum(t.numel() * 2 for t in stored.values()) == index["metadata"]["total_size"] == reply["bytes"]
    assert (tmp_path / "out" / "tokenizer.json").read_text() == "{}"
    lm = AutoModelForCausalLM.from_pretrained(tmp_path / "out")
    assert lm.dtype == torch.bfloat16
    again = make_learner(str(tmp_path / "out"))
    published = {name: p.full_tensor().bfloat16() for name, p in learner.trained.items()}
    assert all(torch.equal(p.full_tensor().bfloat16(), published[name]) for name, p in again.trained.items())


def test_weights_that_do_not_belong_to_the_config(models, tmp_path):
    for name, change, says in [
        ("missing", lambda t: t.pop("model.norm.weight"), "expected a tensor model.norm.weight"),
        ("shape", lambda t: t.update({"model.norm.weight": torch.ones(3)}), r"has shape \[3\]"),
    ]:
        source = tmp_path / name
        tiny_model(source, "qwen3")
        stored = load_file(source / "model.safetensors")
        change(stored)
        save_file(stored, source / "model.safetensors", {"format": "pt"})
        with pytest.raises(WorkerError, match=says):
            make_learner(str(source))
    source = tmp_path / "alien"
    source.mkdir()
    (source / "config.json").write_text('{"model_type": "nobody_knows"}')
    with pytest.raises(WorkerError, match="config.json"):
        make_learner(str(source))


peft = pytest.importorskip("peft")


@pytest.mark.parametrize("name", ["qwen2", "llama"])
def test_lora(models, tmp_path, name):
    settings = {"lora_rank": 4, "lora_alpha": 16.0}
    learner = make_learner(models[name], **settings)
    batch = make_batch(loss=CE)
    _, _, start = reference(models[name], batch)
    assert torch.allclose(learner.logprobs(batch, 64), start, atol=1e-5)  # B = 0: the model itself
    assert all("lora_" in trained for trained in learner.trained)
    losses = [learner.step(batch, HYPER)["loss"] for _ in range(6)]
    assert losses[-1] < losses[0] - 0.05
    publish(learner, Path(models[name]), tmp_path / "merged")
    _, _, merged = reference(str(tmp_path / "merged"), batch)
    assert torch.allclose(learner.logprobs(batch, 64), merged, atol=1e-5)
    assert not torch.allclose(merged, start, atol=1e-2)
    assert "lora" not in "".join(load_file(tmp_path / "merged" / "model.safetensors"))
    # A checkpoint has the adapters and their moments, and nothing else.
    Saver(learner).save(tmp_path / "c", {}, background=False, portable=False)
    saved = dcp.FileSystemReader(tmp_path / "c").read_metadata().state_dict_metadata
    assert set(saved) == {f"{kind}.{trained}" for kind in ("weights", "m", "v") for trained in learner.trained}
    other = make_learner(models[name], **settings)
    load(other, tmp_path / "c")
    assert largest_difference({"x": other.logprobs(batch, 64)}, {"x": learner.logprobs(batch, 64)}) == 0


def test_lora_targets_that_are_not_there(models):
    with pytest.raises(WorkerError, match="--lora-targets"):
        make_learner(models["qwen2"], lora_rank=4, lora_targets="nothing_like_this")
