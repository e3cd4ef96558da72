"""Requests that are wrong are named and change nothing; a worker that cannot start says why."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from helpers import HYPER_JSON, start_worker
from veriloop_torch.errors import WorkerError
from veriloop_torch.protocol import Save, Step, parse

STEP = {
    "protocol": 1, "step": 3, "batch": "/b", "sha256": "0" * 64, "expectVersion": 2, "hyper": HYPER_JSON,
}  # fmt: skip


def test_a_sound_step():
    step = parse("/step", {**STEP, "hyper": {**HYPER_JSON, "maxGradNorm": None}})
    assert isinstance(step, Step) and step.step == 3 and step.hyper.max_grad_norm == float("inf")
    assert parse("/save", {"protocol": 1, "dir": "/d"}) == Save("/d", False, "sharded")


@pytest.mark.parametrize(
    ("path", "body", "says"),
    [
        ("/step", [], "expected a JSON object, got list"),
        ("/step", {}, "protocol: expected an integer"),
        ("/step", {**STEP, "protocol": 2}, "speaks protocol 2"),
        ("/step", {**STEP, "step": True}, "step: expected an integer"),
        ("/step", {**STEP, "step": 1.5}, "step: expected an integer"),
        ("/step", {**STEP, "batch": "relative"}, "batch: expected an absolute path"),
        ("/step", {**STEP, "sha256": "abc"}, "sha256: expected 64"),
        ("/step", {**STEP, "expectVersion": -1}, "expectVersion: expected an integer"),
        ("/step", {**STEP, "hyper": {**HYPER_JSON, "lr": -1}}, "hyper, lr: expected a number"),
        ("/step", {**STEP, "hyper": {**HYPER_JSON, "beta1": 1}}, "hyper, beta1: expected a number from 0 to below 1"),
        ("/step", {**STEP, "hyper": {**HYPER_JSON, "microBatchTokens": 0}}, "microBatchTokens: expected an integer of at"),
        ("/step", {**STEP, "hyper": {**HYPER_JSON, "momentum": 1}}, "unknown field momentum"),
        ("/step", {**STEP, "hyper": None}, "hyper: expected a JSON object"),
        ("/step", {**STEP, "extra": 1}, "unknown field extra"),
        ("/publish", {"protocol": 1, "version": 0, "dir": "/d", "dtype": "int8"}, "dtype: expected bfloat16"),
        ("/save", {"protocol": 1, "dir": "/d\0e"}, "dir: expected an absolute path"),
        ("/save", {"protocol": 1, "dir": "/d", "background": 1}, "background: expected true or false"),
        ("/nowhere", {"protocol": 1}, "no such call"),
    ],
)  # fmt: skip
def test_mistakes(path, body, says):
    with pytest.raises(WorkerError, match=says) as caught:
        parse(path, body)
    assert caught.value.code == "usage"


def test_http_mistakes(workers):
    worker = workers[1]
    cases = [
        ("/step", b"{", {}, 400, "not JSON"),
        ("/step", b"\xff\xfe", {}, 400, "not JSON"),
        ("/step", b"{}", {"Content-Type": "text/plain"}, 400, "expected Content-Type application/json"),
        ("/step", b" " * (2 << 20), {}, 400, "expected a Content-Length"),
        ("/elsewhere", None, {}, 404, "there is /health"),
    ]
    for path, body, headers, expected, says in cases:
        try:
            status, reply = worker.call(path, body, headers)
        except OSError:  # the connection is closed before a body that is too long has been sent
            assert len(body) > 1 << 20
            continue
        assert (status, says in reply["error"]["message"]) == (expected, True), reply
    assert worker.call("/health")[0] == 200


def run_worker(*flags: str) -> subprocess.CompletedProcess:
    source = str(Path(__file__).resolve().parents[1] / "src")
    return subprocess.run(
        [sys.executable, "-m", "veriloop_torch", "--device", "cpu", *flags],
        env={**os.environ, "PYTHONPATH": source}, capture_output=True, text=True, timeout=120,
    )  # fmt: skip


def test_a_worker_that_cannot_start(models, tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "nobody_knows"}')
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        cases = [
            (("--model", str(tmp_path / "no")), 2, "expected a directory with config.json"),
            (("--model", str(tmp_path)), 2, "config.json"),
            (("--model", models["qwen2"], "--port", port), 4, f"cannot serve on 127.0.0.1:{port}"),
            (("--model", models["qwen2"], "--host", "0.0.0.0"), 2, "no token is asked for"),
        ]
        for flags, code, says in cases:
            done = run_worker(*flags)
            assert done.returncode == code, done.stderr
            assert says in done.stderr and "Traceback" not in done.stderr


def test_a_token_is_asked_for(models, tmp_path):
    (tmp_path / "token").write_text("secret-token\n")
    worker = start_worker(models["qwen2"], 1, "--token-file", str(tmp_path / "token")).wait_ready()
    try:
        assert worker.call("/health")[0] == 401
        assert worker.call("/stop", {}, {"Authorization": "Bearer wrong"})[0] == 401
        assert worker.call("/health", None, {"Authorization": "Bearer secret-token"})[0] == 200
        assert worker.call("/stop", {}, {"Authorization": "Bearer secret-token"})[0] == 200
        assert worker.process.wait(timeout=30) == 0
    finally:
        worker.end()


def test_a_dead_rank_ends_the_worker(models, tmp_path):
    worker = start_worker(models["qwen2"], 2).wait_ready()
    ranks = []
    while len(ranks) < 2:
        ranks = worker.call("/health")[1]["ranks"]
    os.kill(ranks[1]["pid"], 9)
    assert worker.process.wait(timeout=60) != 0
    assert all(not _alive(rank["pid"]) for rank in ranks)


def test_a_worker_leaves_with_the_process_that_it_watches(models):
    watched = subprocess.Popen(["sleep", "600"])
    worker = start_worker(models["qwen2"], 1, "--watch-pid", str(watched.pid)).wait_ready()
    watched.kill()
    watched.wait()
    assert worker.process.wait(timeout=30) == 0
    assert [json.loads(line)["event"] for line in worker.log.read_text().splitlines() if line.startswith("{")] == [
        "listening", "ready",
    ]  # fmt: skip


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
