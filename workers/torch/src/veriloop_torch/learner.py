"""One optimizer step over micro-batches, log-probs and gradients: what every rank does with a checked batch."""

from __future__ import annotations

import gc
import logging
import math
import resource
import time
from collections.abc import Callable
from pathlib import Path

import torch
import torch.distributed as dist
from torch.distributed.fsdp import FSDPModule

from . import lora
from .attention import choose_attention
from .batch import Batch
from .cluster import Cluster
from .errors import WorkerError
from .fsdp import compile_wanted, recover, shard, use_liger
from .model import build_policy, model_width, read_config
from .objective import Counters
from .optimizer import AdamW, Hyper
from .packing import Plan, attention_share, lay_out, plan_rows
from .settings import Settings
from .weights import hf_name, load_weights, materialise, random_weights

log = logging.getLogger("veriloop_torch")

Progress = Callable[[str, int, int], None]
"""(phase, micro-batches done, of how many)"""


class Learner:
    """The policy, its optimizer, and the counts that belong to them. The same calls, in the same order, on every rank."""

    def __init__(
        self, settings: Settings, cluster: Cluster, progress: Progress = lambda *_: None, *, random_start: bool = False
    ) -> None:
        """random_start: draw the weights instead of reading them (benchmarks)."""
        self.settings = settings
        self.cluster = cluster
        self.progress = progress
        device = cluster.device
        cuda = device.type == "cuda"
        self.compute = torch.bfloat16 if settings.compute == "bf16" or (settings.compute == "auto" and cuda) else torch.float32
        self.attention = choose_attention(settings.attention, device)
        compiled = compile_wanted(settings, device)
        config = cluster.together(read_config, settings.model)
        # Frozen weights need no fp32 master.
        dtype = self.compute if settings.lora_rank else torch.float32
        self.policy = build_policy(
            config, attention=self.attention, head_chunk=settings.head_chunk, dtype=dtype, compile_head=compiled
        )
        self.layers, self.width, self.active = model_width(self.policy)
        self.parameters = sum(p.numel() for p in self.policy.parameters())
        self.kernels = "liger" if use_liger(self.policy, settings, device) else "none"
        if settings.lora_rank:
            lora.add_adapters(self.policy, settings)
        shard(self.policy, cluster, settings, self.compute)
        materialise(self.policy, cluster, settings.offload)
        if random_start:
            random_weights(self.policy, settings.seed)
        else:
            cluster.together(load_weights, self.policy, Path(settings.model))
        if settings.lora_rank:
            lora.start_adapters(self.policy, settings.seed)
        trained = [(hf_name(name), p) for name, p in self.policy.named_parameters() if p.requires_grad]
        self.optimizer = AdamW(trained, settings.moments, compiled=compiled and not settings.offload)
        self.trained = dict(trained)
        self.multiple = settings.pad_multiple or (128 if cuda else 1)
        self.version = 0
        self.step_done = -1

    @property
    def vocab_size(self) -> int:
        return self.policy.config.vocab_size

    def step(self, batch: Batch, hyper: Hyper) -> dict:
        """One optimizer step; returns StepReport's fields and what the step cost.

        The update is skipped, on every rank, when there is nothing to train on or when the loss or a gradient is not finite.
        """
        started = time.perf_counter()
        if self.cluster.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats()
        self._seed(batch.step)
        counters, plan = self._accumulate_or_shrink(batch, hyper.micro_batch_tokens)
        report, norm, finite = self._totals(counters)
        backward_done = time.perf_counter()
        skipped = plan.micro_batches == 0 or not finite
        if not skipped:
            self.progress("update", plan.steps, plan.steps)
            if norm > hyper.max_grad_norm:
                torch._foreach_mul_(self.optimizer.gradients(), hyper.max_grad_norm / (norm + 1e-6))
            self.optimizer.step(hyper)
            self.version += 1
        self.release()
        if self.cluster.device.type == "cuda":
            torch.cuda.synchronize()
        self.step_done = batch.step
        wanted, kept = batch.loss_mask, batch.trained()
        ended = time.perf_counter()
        return {
            **report,
            "gradNorm": norm,
            "skipped": skipped,
            "tokens": int(batch.token_ids.numel()),
            "microBatches": plan.micro_batches,
            "droppedTokens": int(wanted.sum() - kept.sum()),
            "version": self.version,
            "seconds": ended - started,
            "phasesMs": {
                "forwardBackward": (backward_done - started) * 1000,
                "update": (ended - backward_done) * 1000,
            },
            "memGiB": self._memory(),
        }

    def gradients(self, batch: Batch, micro_batch_tokens: int) -> tuple[dict, dict[str, torch.Tensor]]:
        """The step's report and its gradients by parameter, sharded; weights stay as they are.

        They stay until `release` is called.
        """
        self._seed(batch.step)
        counters, _ = self._accumulate(batch, self._plan(batch, batch.trained(), micro_batch_tokens))
        report, norm, _ = self._totals(counters)
        return {**report, "gradNorm": norm}, {name: p.grad for name, p in self.trained.items() if p.grad is not None}

    def release(self) -> None:
        for parameter in self.trained.values():
            parameter.grad = None

    def reshard(self) -> None:
        """Drops gathered weights that a forward pass without a backward has left, so that only the shards are true."""
        for module in self.policy.modules():
            if isinstance(module, FSDPModule):
                module.reshard()

    @torch.no_grad()
    def logprobs(self, batch: Batch, micro_batch_tokens: int) -> torch.Tensor:
        """log p of each token at the batch's temperature, f32 [N] on the CPU of every rank; 0 at the first of a row."""
        everything = torch.ones_like(batch.loss_mask)
        plan = self._plan(batch, everything, micro_batch_tokens)
        result = torch.zeros(batch.token_ids.numel(), dtype=torch.float32)
        parts = []
        self.policy.eval()
        try:
            for k, step in enumerate(plan.grid):
                self.progress("logprobs", k, plan.steps)
                micro = self._lay_out(batch, step, everything, 1.0)
                parts.append((micro.source, self.policy(micro, None, batch.temperature)))
        finally:
            self.policy.train()
            self.reshard()
        for source, logp in parts:
            result[source] = logp[: source.numel()].cpu()
        if self.cluster.world > 1:  # every token is some rank's, and 0 on the others
            dist.all_reduce(result, group=self.cluster.control)
        return result

    def _seed(self, step: int) -> None:
        """Randomness is a function of (seed, step, rank), so a checkpoint holds it by holding the seed and the step."""
        torch.manual_seed((self.settings.seed * 1_000_003 + step) * 65_537 + self.cluster.rank)

    def _plan(self, batch: Batch, wanted: torch.Tensor, budget: int) -> Plan:
        lengths = {
            row: batch.length(row) - 1
            for row in range(batch.rows)
            if bool(wanted[batch.row_start[row] + 1 : batch.row_start[row + 1]].any())
        }
        if not lengths:
            return Plan([])
        share = attention_share(self.layers, self.width, self.active)
        return plan_rows(lengths, ranks=self.cluster.world, budget=budget, quadratic=share)

    def _lay_out(self, batch: Batch, step: list[list[int]], wanted: torch.Tensor, scale: float):
        rows = step[self.cluster.rank]
        return lay_out(batch, rows, wanted, scale=scale, multiple=self.multiple, device=self.cluster.device)

    def _accumulate(self, batch: Batch, plan: Plan) -> tuple[Counters, Plan]:
        """Sums the step's gradients into the shards. No call here waits for the device."""
        counters = Counters(batch.loss, self.cluster.device)
        wanted = batch.trained()
        for k, step in enumerate(plan.grid):
            self.progress("step", k, plan.steps)
            self._micro_step(batch, step, wanted, counters, last=k + 1 == plan.steps)
        return counters, plan

    def _micro_step(self, batch, step, wanted, counters: Counters, *, last: bool) -> None:
        # FSDP averages over ranks; the loss is a sum over them.
        micro = self._lay_out(batch, step, wanted, float(self.cluster.world))
        if self.settings.reduce == "last":
            self.policy.set_requires_gradient_sync(last)
        total, losses, logps = self.policy(micro, batch.loss, batch.temperature)
        total.backward()
        n = micro.source.numel()  # 0 for a dummy
        counters.add(micro.coef[:n] / self.cluster.world, losses[:n], logps[:n], micro.old[:n])

    def _accumulate_or_shrink(self, batch: Batch, budget: int) -> tuple[Counters, Plan]:
        """Once, with half the tokens a micro-batch, when the device has run out of memory.

        Only a lone rank can: the others of several would wait for it in a collective, so there the process ends (main.py).
        """
        plan = self._plan(batch, batch.trained(), budget)
        try:
            return self._accumulate(batch, plan)
        except torch.OutOfMemoryError:
            if self.cluster.world > 1:
                raise
        self._forget_pass()
        longest = max(batch.length(row) for row in range(batch.rows))
        smaller = self._plan(batch, batch.trained(), max(1, budget // 2))
        advice = "lower learner.micro_batch_tokens, use --checkpointing full, --moments 8bit or --offload"
        if smaller.micro_batches == plan.micro_batches:
            raise WorkerError(
                "worker", f"out of device memory with single rows of up to {longest} tokens as micro-batches", advice
            )
        log.warning("out of device memory with micro-batches of %d tokens: trying %d", budget, max(1, budget // 2))
        try:
            return self._accumulate(batch, smaller)
        except torch.OutOfMemoryError:
            self._forget_pass()
            raise WorkerError(
                "worker", f"out of device memory with micro-batches of {budget} tokens, and of half as many", advice
            ) from None

    def _forget_pass(self) -> None:
        """After a pass that broke off: nothing of it stays in memory, and the next one starts afresh."""
        recover(self.policy)
        self.release()
        gc.collect()
        torch.cuda.empty_cache()

    def _totals(self, counters: Counters) -> tuple[dict, float, bool]:
        """Sums over ranks, the gradient's norm, and whether both are finite: the step's one wait for the device."""
        gradients = self.optimizer.gradients()
        device = self.cluster.device
        square = torch.zeros(1, dtype=torch.float64, device=device)
        if gradients:
            norms = torch.stack(torch._foreach_norm(gradients, 2, dtype=torch.float32)).to(device)
            square += norms.double().square().sum()
        # Replicas hold the same gradients: the norm is summed over one copy's ranks, the counters over all.
        dist.all_reduce(square, group=self.cluster.shard_group)
        dist.all_reduce(counters.sums)
        dist.all_reduce(counters.ratio_max, op=dist.ReduceOp.MAX)
        *sums, ratio_max, squared = torch.cat([counters.sums, counters.ratio_max, square]).tolist()
        report = counters.report(sums, ratio_max)
        norm = math.sqrt(squared) if squared >= 0 else math.nan
        return report, norm, math.isfinite(norm) and math.isfinite(report["loss"])

    def _memory(self) -> float:
        """Peak of the step on the fullest rank: device memory, or the process's on the CPU. GiB."""
        if self.cluster.device.type == "cuda":
            peak = torch.tensor([torch.cuda.max_memory_allocated()], dtype=torch.float64)
        else:
            peak = torch.tensor([resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024], dtype=torch.float64)
        dist.all_reduce(peak, op=dist.ReduceOp.MAX, group=self.cluster.control)
        return float(peak) / 2**30
