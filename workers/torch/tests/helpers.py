"""What the tests share: models, batches, a plain PyTorch reference, and a client of a running worker."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from dataclasses import replace
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, LlamaConfig, Qwen2Config, Qwen3Config

from veriloop_torch import PROTOCOL
from veriloop_torch.batch import Batch, LossSpec, write_batch
from veriloop_torch.cluster import open_cluster
from veriloop_torch.learner import Learner
from veriloop_torch.optimizer import Hyper
from veriloop_torch.settings import Settings

VOCAB = 97
CLIP = LossSpec("clip", eps_low=0.2, eps_high=0.28)
CE = LossSpec("ce")
HYPER = Hyper(lr=1e-2, beta1=0.9, beta2=0.99, eps=1e-8, weight_decay=0.1, max_grad_norm=1.0, micro_batch_tokens=40)
HYPER_JSON = {
    "lr": 1e-2, "beta1": 0.9, "beta2": 0.99, "eps": 1e-8, "weightDecay": 0.1, "maxGradNorm": 1.0, "microBatchTokens": 40,
}  # fmt: skip


def tiny_model(directory: Path, name: str) -> str:
    shape = dict(
        vocab_size=VOCAB, hidden_size=64, intermediate_size=96, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=512, initializer_range=0.2,
    )  # fmt: skip
    config = {
        "qwen2": lambda: Qwen2Config(**shape, tie_word_embeddings=True),
        "qwen2-untied": lambda: Qwen2Config(**shape, tie_word_embeddings=False),
        "qwen3": lambda: Qwen3Config(**shape, head_dim=16, tie_word_embeddings=False),
        "llama": lambda: LlamaConfig(**shape, tie_word_embeddings=False),
    }[name]()
    torch.manual_seed(11)
    AutoModelForCausalLM.from_config(config).save_pretrained(directory)
    return str(directory)


def make_batch(lengths=(9, 17, 3, 30, 12, 21), *, step=0, loss=CLIP, temperature=0.8, seed=0, divisor=None) -> Batch:
    """Rows of random tokens; about two thirds of each row after its first tokens are trained."""
    draw = torch.Generator().manual_seed(1000 * seed + step)
    n = sum(lengths)
    row_start = [0]
    for length in lengths:
        row_start.append(row_start[-1] + length)
    mask = torch.rand(n, generator=draw) < 0.66
    mask[torch.tensor(row_start[:-1])] = False
    return Batch(
        step=step,
        token_ids=torch.randint(0, VOCAB, (n,), generator=draw),
        row_start=row_start,
        loss_mask=mask,
        weights=0.5 + torch.rand(n, generator=draw),
        behavior_logprobs=-2 - 4 * torch.rand(n, generator=draw),
        advantages=torch.randn(n, generator=draw),
        group_ids=torch.arange(len(lengths), dtype=torch.int32),
        divisor=float(divisor or mask.sum()),
        loss_tokens=int(mask.sum()),
        temperature=temperature,
        loss=loss,
    )


def near_policy(batch: Batch, logprobs: torch.Tensor, spread=0.25) -> Batch:
    """The batch with behaviour log-probs around the given ones, so that some ratios are inside the clip range."""
    noise = spread * torch.randn(logprobs.shape, generator=torch.Generator().manual_seed(5))
    return replace(batch, behavior_logprobs=logprobs + noise)


def make_learner(model: str, **settings) -> Learner:
    """One rank in this process."""
    chosen = Settings(model=model, device="cpu", **{"head_chunk": 7, **settings}).check()
    return Learner(chosen, open_cluster(chosen))


def reference(model: str, batch: Batch) -> tuple[float, dict[str, torch.Tensor], torch.Tensor]:
    """Loss, gradients and log-probs by plain PyTorch: whole logits, one row at a time, derivatives by autograd."""
    lm = AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32, attn_implementation="eager")
    total = torch.zeros((), dtype=torch.float64)
    logprobs = torch.zeros(batch.token_ids.numel())
    spec = batch.loss
    for start, end in zip(batch.row_start, batch.row_start[1:]):
        if end - start < 2:
            continue
        ids = batch.token_ids[start:end]
        logits = lm(ids[None]).logits[0, :-1].double() / batch.temperature
        log_p = torch.log_softmax(logits, dim=-1)
        logp = log_p.gather(1, ids[1:, None]).squeeze(1)
        logprobs[start + 1 : end] = logp.detach().float()
        part = slice(start + 1, end)
        if spec.kind == "ce":
            loss = -logp
        else:
            advantages, old = batch.advantages[part].double(), batch.behavior_logprobs[part].double()
            log_ratio = (logp - torch.nan_to_num(old, 0, 0, 0)).clamp(-20, 20)
            ratio = log_ratio.exp()
            loss = torch.maximum(-advantages * ratio, -advantages * ratio.clamp(1 - spec.eps_low, 1 + spec.eps_high))
            if spec.dual_clip is not None:
                loss = torch.where(advantages < 0, torch.minimum(loss, -advantages * spec.dual_clip), loss)
            loss = loss + spec.kl_coef * (ratio - 1 - log_ratio)
            loss = loss + spec.entropy_coef * (log_p.exp() * log_p).sum(-1)
        keep = batch.trained()[part]
        total = total + (loss * batch.weights[part])[keep].sum() / batch.divisor
    total.backward()
    gradients = {name: p.grad for name, p in lm.named_parameters() if p.grad is not None}
    return float(total.detach()), gradients, logprobs


def largest_difference(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> float:
    """Largest difference of two sets of gradients, by the largest gradient."""
    assert set(a) == set(b)
    scale = max(float(tensor.detach().abs().max()) for tensor in b.values())
    return max(float((a[name] - b[name]).detach().abs().max()) for name in b) / scale


class RunningWorker:
    """A worker under torchrun and a client of it."""

    def __init__(self, process: subprocess.Popen, log: Path) -> None:
        self.process, self.log = process, log
        self.url = ""

    def wait_ready(self, seconds=120) -> "RunningWorker":
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            events = [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]
            self.url = next((event["url"] for event in events if event["event"] == "listening"), "")
            if any(event["event"] == "ready" for event in events):
                return self
            if self.process.poll() is not None:
                break
            time.sleep(0.1)
        raise AssertionError(f"the worker did not start:\n{self.log.read_text()}")

    def call(self, path: str, body: dict | bytes | None = None, headers: dict | None = None) -> tuple[int, dict]:
        """Status and JSON of the reply; `protocol` is added to a body."""
        data = body if isinstance(body, bytes) or body is None else json.dumps({"protocol": PROTOCOL, **body}).encode()
        request = urllib.request.Request(self.url + path, data, {"Content-Type": "application/json", **(headers or {})})
        try:
            with urllib.request.urlopen(request, timeout=120) as reply:
                return reply.status, json.load(reply)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    def must(self, path: str, body: dict | None = None) -> dict:
        status, reply = self.call(path, body)
        assert status == 200, reply
        return reply

    def step(self, directory: Path, batch: Batch, version: int, **hyper) -> dict:
        path = directory / f"batch-{batch.step}.safetensors"
        sha256 = write_batch(path, batch)
        body = {"step": batch.step, "batch": str(path), "sha256": sha256, "expectVersion": version}
        return self.must("/step", {**body, "hyper": {**HYPER_JSON, **hyper}})

    def end(self) -> None:
        if self.process.poll() is None:
            try:
                self.call("/stop", {})
            except OSError:
                pass
        try:
            self.process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def start_worker(model: str, ranks: int, *flags: str) -> RunningWorker:
    log = Path(tempfile.mkstemp(suffix=".log")[1])
    source = str(Path(__file__).resolve().parents[1] / "src")
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={ranks}"]
    command += ["-m", "veriloop_torch", "--model", model, "--device", "cpu", "--head-chunk", "7"]
    command += ["--watch-pid", str(os.getpid()), *flags]
    with open(log, "w") as out:
        process = subprocess.Popen(
            command, stdout=out, stderr=subprocess.STDOUT,
            env={**os.environ, "PYTHONPATH": source, "OMP_NUM_THREADS": "1"},
        )  # fmt: skip
    return RunningWorker(process, log)
