"""One rank: gradients, packing, checkpointing and what is skipped, against plain PyTorch."""

import shutil
from dataclasses import replace

import pytest
import torch

import veriloop_torch.learner as learner_module
from helpers import CE, CLIP, HYPER, largest_difference, make_batch, make_learner, near_policy, reference
from veriloop_torch.batch import LossSpec
from veriloop_torch.errors import WorkerError

EVERYTHING = LossSpec("clip", 0.2, 0.28, 3.0, 0.05, 0.02)


def gradients_of(learner, batch, tokens=40):
    report, sharded = learner.gradients(batch, tokens)
    gradients = {name: tensor.full_tensor().clone() for name, tensor in sharded.items()}
    learner.release()
    return report, gradients


@pytest.mark.parametrize("name", ["qwen2", "qwen2-untied", "qwen3", "llama"])
@pytest.mark.parametrize("loss", [CE, CLIP, EVERYTHING], ids=["ce", "clip", "everything"])
def test_equals_plain_pytorch(models, name, loss):
    learner = make_learner(models[name])
    batch = make_batch(loss=loss)
    batch = near_policy(batch, learner.logprobs(batch, 64))
    report, gradients = gradients_of(learner, batch)
    expected_loss, expected, logprobs = reference(models[name], batch)
    assert report["loss"] == pytest.approx(expected_loss, rel=1e-5, abs=1e-7)
    assert largest_difference(gradients, expected) < 1e-5
    assert torch.allclose(learner.logprobs(batch, 64), logprobs, atol=1e-5)
    if loss.kind == "clip":
        assert 0 < report["clipFracLow"] < 1 and 0 < report["clipFracHigh"] < 1


@pytest.mark.parametrize("tokens", [1, 25, 60, 1000])
def test_any_cut_into_micro_batches(models, tokens):
    """Down to a row each: packed = unpacked."""
    learner = make_learner(models["qwen2"])
    batch = make_batch(loss=EVERYTHING)
    report, gradients = gradients_of(learner, batch, tokens)
    whole_report, whole = gradients_of(learner, batch, 10_000)
    assert report["loss"] == pytest.approx(whole_report["loss"], rel=1e-6)
    assert largest_difference(gradients, whole) < 2e-6


@pytest.mark.parametrize(
    "settings",
    [{"checkpointing": "none"}, {"checkpointing": "full"}, {"attention": "mask"}, {"head_chunk": 1000},
     {"pad_multiple": 32}, {"reduce": "last"}, {"reshard": False}, {"offload": True}],
    ids=str,
)  # fmt: skip
def test_settings_that_must_not_change_the_result(models, settings):
    batch = make_batch(loss=EVERYTHING)
    plain = gradients_of(make_learner(models["qwen3"]), batch)
    other = gradients_of(make_learner(models["qwen3"], **settings), batch)
    assert other[0]["loss"] == pytest.approx(plain[0]["loss"], rel=1e-6)
    assert largest_difference(other[1], plain[1]) < 2e-6


def test_bf16_compute_is_near_fp32_and_keeps_fp32_masters(models):
    batch = make_batch()
    plain = gradients_of(make_learner(models["qwen2"]), batch)
    learner = make_learner(models["qwen2"], compute="bf16")
    report, gradients = gradients_of(learner, batch)
    assert report["loss"] == pytest.approx(plain[0]["loss"], rel=0.1, abs=0.02)
    assert largest_difference(gradients, plain[1]) < 0.1
    learner.step(batch, replace(HYPER, lr=1e-6, weight_decay=0.0))
    assert all(p.dtype == torch.float32 for p in learner.trained.values())


def test_tokens_without_a_finite_behaviour_log_prob_are_dropped_and_counted(models):
    learner = make_learner(models["qwen2"])
    batch = make_batch()
    place = int(batch.loss_mask.nonzero()[3])
    broken = batch.behavior_logprobs.clone()
    broken[place] = -torch.inf
    mask = batch.loss_mask.clone()
    mask[place] = False
    report, gradients = gradients_of(learner, replace(batch, behavior_logprobs=broken))
    without, expected = gradients_of(learner, replace(batch, loss_mask=mask))
    assert report["lossTokens"] == without["lossTokens"] == batch.loss_tokens - 1
    assert report["loss"] == without["loss"]
    assert largest_difference(gradients, expected) == 0
    assert learner.step(replace(batch, behavior_logprobs=broken), HYPER)["droppedTokens"] == 1


def test_an_update_that_is_not_finite_is_skipped(models):
    learner = make_learner(models["qwen2"])
    batch = make_batch()
    before = {name: p.full_tensor().clone() for name, p in learner.trained.items()}
    weights = batch.weights.clone()
    weights[:] = 3e38
    report = learner.step(replace(batch, weights=weights, divisor=1e-30), HYPER)
    assert report["skipped"] and learner.version == 0 and learner.optimizer.updates == 0
    assert all(torch.equal(before[name], p.full_tensor()) for name, p in learner.trained.items())
    assert learner.step(replace(batch, step=1), HYPER)["version"] == 1


def test_a_batch_without_trained_tokens_is_skipped(models):
    learner = make_learner(models["qwen2"])
    batch = make_batch()
    report = learner.step(replace(batch, loss_mask=torch.zeros_like(batch.loss_mask)), HYPER)
    assert report["skipped"] and report["microBatches"] == 0 and report["lossTokens"] == 0


def test_steps_follow_torch_adamw(models):
    """20 steps by the learner and by torch.optim.AdamW over the reference's gradients."""
    from transformers import AutoModelForCausalLM

    learner = make_learner(models["llama"])
    lm = AutoModelForCausalLM.from_pretrained(models["llama"], dtype=torch.float32, attn_implementation="eager")
    decayed = [p for p in lm.parameters() if p.dim() > 1]
    rest = [p for p in lm.parameters() if p.dim() == 1]
    groups = [{"params": decayed, "weight_decay": HYPER.weight_decay}, {"params": rest, "weight_decay": 0.0}]
    hyper = replace(HYPER, lr=2e-3)
    optimizer = torch.optim.AdamW(groups, lr=hyper.lr, betas=(HYPER.beta1, HYPER.beta2), eps=HYPER.eps)
    for step in range(20):
        batch = make_batch((9, 14, 6), step=step, loss=CE, temperature=1.0)
        report = learner.step(batch, hyper)
        total = torch.zeros(())
        for start, end in zip(batch.row_start, batch.row_start[1:]):
            ids = batch.token_ids[start:end]
            logp = torch.log_softmax(lm(ids[None]).logits[0, :-1], -1).gather(1, ids[1:, None]).squeeze(1)
            keep = batch.loss_mask[start + 1 : end]
            total = total - (logp * batch.weights[start + 1 : end])[keep].sum() / batch.divisor
        optimizer.zero_grad()
        total.backward()
        norm = float(torch.nn.utils.clip_grad_norm_(lm.parameters(), HYPER.max_grad_norm))
        optimizer.step()
        assert report["loss"] == pytest.approx(float(total.detach()), rel=1e-4)
        assert report["gradNorm"] == pytest.approx(norm, rel=1e-3)
    trained = {name: p.full_tensor() for name, p in learner.trained.items()}
    assert largest_difference(trained, {name: p.detach() for name, p in lm.named_parameters()}) < 1e-4


def fail_once(monkeypatch, times=1):
    """Out of memory in the backward pass of the second micro-batch."""
    count = {"calls": 0, "left": times}
    inner = learner_module.Learner._micro_step

    def micro_step(self, batch, step, wanted, counters, *, last):
        count["calls"] += 1
        if count["calls"] < 2 or count["left"] == 0:
            return inner(self, batch, step, wanted, counters, last=last)
        count["left"] -= 1
        hidden = self.policy.blocks[0].mlp.down_proj

        def explode(*_):
            raise torch.OutOfMemoryError("CUDA out of memory")

        handle = hidden.register_full_backward_hook(explode)
        try:
            return inner(self, batch, step, wanted, counters, last=last)
        finally:
            handle.remove()

    monkeypatch.setattr(learner_module.Learner, "_micro_step", micro_step)


def test_out_of_memory_once_is_met_by_smaller_micro_batches(models, monkeypatch, caplog):
    batch = make_batch()
    learner, other = make_learner(models["qwen2"]), make_learner(models["qwen2"])
    expected = [learner.step(replace(batch, step=step), HYPER) for step in range(3)]
    fail_once(monkeypatch)
    got = [other.step(replace(batch, step=step), HYPER) for step in range(3)]
    assert "trying 20" in caplog.text
    assert got[0]["microBatches"] > expected[0]["microBatches"]
    for a, b in zip(got, expected):
        assert a["loss"] == pytest.approx(b["loss"], rel=1e-5)
        assert a["gradNorm"] == pytest.approx(b["gradNorm"], rel=1e-4)


def test_out_of_memory_twice_is_a_clean_error_and_the_weights_stay(models, monkeypatch):
    batch = make_batch()
    learner, other = make_learner(models["qwen2"]), make_learner(models["qwen2"])
    fail_once(monkeypatch, times=2)
    with pytest.raises(WorkerError, match="out of device memory") as caught:
        learner.step(batch, HYPER)
    assert "checkpointing full" in caught.value.hint
    assert learner.version == 0
    monkeypatch.undo()
    assert learner.step(batch, HYPER)["loss"] == pytest.approx(other.step(batch, HYPER)["loss"], rel=1e-6)


def test_no_whole_logits(models, monkeypatch):
    """No matrix product of the head has more rows than a chunk."""
    seen = []
    inner = torch.logsumexp
    monkeypatch.setattr(torch, "logsumexp", lambda z, dim: seen.append(z.shape) or inner(z, dim=dim))
    learner = make_learner(models["qwen2"], head_chunk=5)
    learner.step(make_batch(), HYPER)
    assert seen and all(shape[0] <= 5 for shape in seen)


@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a C++ compiler on the CPU")
def test_compiled_blocks_head_and_moments(models):
    batch = make_batch(loss=EVERYTHING)
    report, gradients = gradients_of(make_learner(models["qwen3"]), batch)
    learner = make_learner(models["qwen3"], compile="on", attention="mask", moments="8bit")
    compiled_report, compiled = gradients_of(learner, batch)
    assert compiled_report["loss"] == pytest.approx(report["loss"], rel=1e-6)
    assert largest_difference(compiled, gradients) < 1e-5
    plain = make_learner(models["qwen3"], moments="8bit")
    hyper = replace(HYPER, lr=1e-4)  # the two draw their roundings from different streams
    for step in range(3):  # other lengths: shapes are not compiled in
        other = make_batch((9 + step, 13, 5 * step + 2), step=step)
        assert learner.step(other, hyper)["loss"] == pytest.approx(plain.step(other, hyper)["loss"], rel=5e-3)
