"""1 = 2 = 4 ranks, through real workers: losses, log-probs, gradients, weights, and checkpoints from one to the other."""

import json

import pytest
import torch
from safetensors.torch import load_file

from helpers import CE, HYPER_JSON, largest_difference, make_batch, reference, start_worker
from veriloop_torch.batch import LossSpec, write_batch

EVERYTHING = LossSpec("clip", 0.2, 0.28, 3.0, 0.05, 0.02)
RANKS = (1, 2, 4)
# Lengths that no number of ranks divides evenly; with one row, three ranks run dummies.
BATCHES = [
    make_batch(step=0, loss=EVERYTHING),
    make_batch((40,), step=1, loss=EVERYTHING),
    make_batch((5, 2, 9, 33, 8, 8, 8), step=2, loss=CE),
    make_batch((1, 12, 2), step=3, loss=EVERYTHING),
]


@pytest.fixture(scope="module")
def start(workers, tmp_path_factory):
    """A checkpoint of the first weights; every test begins by loading it."""
    directory = tmp_path_factory.mktemp("ranks") / "start"
    workers[4].must("/save", {"dir": str(directory)})
    return str(directory)


@pytest.fixture
def fresh(workers, start):
    for worker in workers.values():
        worker.must("/load", {"dir": start})
    return workers


def request(path, batch, **more):
    return {"batch": str(path), "sha256": write_batch(path, batch), **more}


def test_steps(fresh, tmp_path):
    reports = {}
    for ranks in RANKS:
        reports[ranks] = [fresh[ranks].step(tmp_path, batch, version) for version, batch in enumerate(BATCHES)]
        out = tmp_path / f"out-{ranks}"
        fresh[ranks].must("/publish", {"version": len(BATCHES), "dir": str(out), "dtype": "float32"})
    for ranks in RANKS[1:]:
        for got, expected in zip(reports[ranks], reports[1]):
            for name in ("loss", "gradNorm", "clipFracLow", "ratioMean", "ratioMax", "klBehavior", "entropy"):
                assert got[name] == pytest.approx(expected[name], rel=1e-4, abs=1e-6), (ranks, name)
            for name in ("tokens", "lossTokens", "version", "skipped", "step", "droppedTokens"):
                assert got[name] == expected[name], (ranks, name)
        weights = load_file(tmp_path / f"out-{ranks}" / "model.safetensors")
        assert largest_difference(weights, load_file(tmp_path / "out-1" / "model.safetensors")) < 1e-4


def test_gradients_and_logprobs(fresh, models, tmp_path):
    batch = BATCHES[0]
    loss, expected, logprobs = reference(models["qwen2"], batch)
    for ranks in RANKS:
        asked = request(tmp_path / "b", batch, out=str(tmp_path / f"out-{ranks}"), microBatchTokens=40)
        report = fresh[ranks].must("/gradients", asked)
        assert report["loss"] == pytest.approx(loss, rel=1e-5)
        assert largest_difference(load_file(tmp_path / f"out-{ranks}"), expected) < 1e-5
        reply = fresh[ranks].must("/logprobs", asked)
        assert reply["tokens"] == batch.token_ids.numel()
        assert torch.allclose(load_file(reply["file"])["logprobs"], logprobs, atol=1e-5)


@pytest.mark.parametrize("form", ["sharded", "portable"])
@pytest.mark.parametrize(("saver", "loader"), [(4, 1), (1, 4), (2, 4)])
def test_checkpoints_move_between_numbers_of_ranks(fresh, tmp_path, form, saver, loader):
    for version in (0, 1):
        fresh[saver].step(tmp_path, BATCHES[version], version)
    fresh[saver].must("/save", {"dir": str(tmp_path / "c"), "form": form})
    facts = fresh[loader].must("/load", {"dir": str(tmp_path / "c")})
    assert (facts["version"], facts["step"], facts["updates"]) == (2, 1, 2)
    for version in (2, 3):
        got = fresh[loader].step(tmp_path, BATCHES[version], version)
        expected = fresh[saver].step(tmp_path, BATCHES[version], version)
        assert got["loss"] == pytest.approx(expected["loss"], rel=1e-4)
        assert got["gradNorm"] == pytest.approx(expected["gradNorm"], rel=1e-3)


def test_a_background_save_holds_the_weights_of_its_moment(fresh, tmp_path):
    worker = fresh[2]
    worker.step(tmp_path, BATCHES[0], 0)
    assert worker.must("/save", {"dir": str(tmp_path / "c"), "background": True})["done"] is False
    unbroken = worker.step(tmp_path, BATCHES[1], 1)
    assert worker.must("/load", {"dir": str(tmp_path / "c")})["version"] == 1  # waits for the save
    again = worker.step(tmp_path, BATCHES[1], 1)
    assert {**again, "seconds": 0, "phasesMs": 0, "memGiB": 0} == {**unbroken, "seconds": 0, "phasesMs": 0, "memGiB": 0}
    assert worker.call("/health")[1]["saving"] is None


def test_a_repeated_step_is_answered_and_not_done_again(fresh, tmp_path):
    for ranks in (1, 2):
        worker = fresh[ranks]
        first = worker.step(tmp_path, BATCHES[0], 0)
        assert first["version"] == 1 and first["repeated"] is False
        assert worker.step(tmp_path, BATCHES[0], 0) == {**first, "repeated": True}
        assert worker.call("/health")[1]["version"] == 1
        # Checkpoints carry the replies, so a control plane that missed one can ask after a restart as well.
        worker.must("/save", {"dir": str(tmp_path / f"c{ranks}")})
        worker.step(tmp_path, BATCHES[1], 1)
        worker.must("/load", {"dir": str(tmp_path / f"c{ranks}")})
        assert worker.step(tmp_path, BATCHES[0], 0) == {**first, "repeated": True}


def test_steps_that_cannot_be_meant(fresh, tmp_path):
    worker = fresh[2]
    worker.step(tmp_path, BATCHES[1], 0)
    path = tmp_path / "other"
    other = request(path, make_batch((8, 8), step=1), step=1, expectVersion=0, hyper=HYPER_JSON)
    cases = [
        (other, "done with another batch"),
        (request(tmp_path / "old", BATCHES[0], step=0, expectVersion=1, hyper=HYPER_JSON), "expected a step after 1"),
        (request(tmp_path / "new", BATCHES[2], step=2, expectVersion=7, hyper=HYPER_JSON), "expects version 7"),
        (request(tmp_path / "new", BATCHES[2], step=3, expectVersion=1, hyper=HYPER_JSON), "expected step 3, got 2"),
    ]
    for body, says in cases:
        status, reply = worker.call("/step", body)
        assert status == 400 and says in reply["error"]["message"]
    assert worker.step(tmp_path, BATCHES[2], 1)["version"] == 2


def test_bad_files_leave_every_rank_as_it_was(fresh, tmp_path):
    worker = fresh[4]
    body = request(tmp_path / "b", BATCHES[0], step=0, expectVersion=0, hyper=HYPER_JSON)
    (tmp_path / "b").write_bytes(b"nonsense")
    status, reply = worker.call("/step", body)
    assert status == 400 and "expected sha256" in reply["error"]["message"]
    status, reply = worker.call("/load", {"dir": str(tmp_path)})
    assert status == 400 and reply["error"]["code"] == "checkpoint"
    status, reply = worker.call("/publish", {"version": 3, "dir": str(tmp_path / "out")})
    assert status == 400 and "weights are version 0" in reply["error"]["message"]
    (tmp_path / "file").write_text("in the way")
    for path, more in (("/publish", {"version": 0}), ("/save", {}), ("/save", {"form": "portable"})):
        status, reply = worker.call(path, {"dir": str(tmp_path / "file"), **more})
        assert status == 400 and "expected a directory" in reply["error"]["message"]
    assert worker.step(tmp_path, BATCHES[0], 0)["version"] == 1


def test_health_shows_every_rank(fresh):
    status, health = fresh[4].call("/health")
    assert status == 200 and health["protocol"] == 1 and health["worldSize"] == 4
    assert [rank["rank"] for rank in health["ranks"]] == [0, 1, 2, 3]
    assert len({rank["pid"] for rank in health["ranks"]}) == 4
    assert all(rank["secondsSinceBeat"] < 30 for rank in health["ranks"])
    assert health["model"]["type"] == "qwen2" and health["model"]["vocabSize"] == 97


def test_hsdp_equals_one_rank(models, fresh, tmp_path):
    worker = start_worker(models["qwen2"], 4, "--replicas", "2").wait_ready()
    try:
        for version, batch in enumerate(BATCHES):
            got, expected = worker.step(tmp_path, batch, version), fresh[1].step(tmp_path, batch, version)
            assert got["loss"] == pytest.approx(expected["loss"], rel=1e-4)
            assert got["gradNorm"] == pytest.approx(expected["gradNorm"], rel=1e-4)
    finally:
        worker.end()
    assert worker.process.returncode == 0, worker.log.read_text()
    assert json.loads(worker.log.read_text().splitlines()[0])["event"] == "listening"
