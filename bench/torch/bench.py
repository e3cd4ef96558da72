"""Speed of one whole optimizer step of the PyTorch learner: packing, blocks, head, loss, clipping, AdamW with fp32 masters.

    python bench/torch/bench.py --shape 7b --rows full --out full.json
    torchrun --nproc-per-node=2 bench/torch/bench.py --shape 7b --rows spread --out spread.json

Weights are random. Tokens are all tokens of the rows, trained or not, and no padding. Writes one JSON object: the settings,
each step's report, tokens a second, the share of the bf16 matmul rate measured just before, and the peak memory.
`--trl` measures TRL's GRPOTrainer on the same rows first, in a process of its own, where trl can be imported.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parents[2] / "workers/torch/src")]
os.environ.setdefault("PYTORCH_CUDA_ALLOC_CONF", "expandable_segments:True")

import torch  # noqa: E402
import transformers  # noqa: E402
from shapes import SHAPES, matmul_rate, model_directory, model_flops, row_lengths, trained_tokens  # noqa: E402

from veriloop_torch.batch import Batch, LossSpec  # noqa: E402
from veriloop_torch.cluster import open_cluster  # noqa: E402
from veriloop_torch.learner import Learner  # noqa: E402
from veriloop_torch.optimizer import Hyper  # noqa: E402
from veriloop_torch.settings import CHOICES, Settings, flag  # noqa: E402

_PASSED_ON = (
    "device", "attention", "checkpointing", "compile", "kernels", "moments", "head_chunk", "offload", "reshard", "reduce",
    "pad_multiple", "lora_rank",
)  # fmt: skip


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shape", choices=SHAPES, default="7b")
    parser.add_argument("--rows", choices=("full", "spread"), default="full")
    parser.add_argument("--tokens", type=int, default=16384, help="tokens of one step, over all ranks")
    parser.add_argument("--longest", type=int, default=16384)
    parser.add_argument("--micro-batch-tokens", type=int, default=16384)
    parser.add_argument("--steps", type=int, default=5, help="measured steps")
    parser.add_argument("--warm-up", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--sdp", choices=("auto", "cudnn", "flash"), default="auto", help="kernel behind --attention split")
    parser.add_argument("--trl", choices=("off", "plain", "liger"), default="off")
    parser.add_argument("--profile", help="write a Chrome trace of one step here")
    parser.add_argument("--out", help="write the JSON here instead of stdout")
    defaults = {item.name: item.default for item in fields(Settings)}
    for name in _PASSED_ON:
        if isinstance(defaults[name], bool):
            parser.add_argument(flag(name), action=argparse.BooleanOptionalAction, default=defaults[name])
        else:
            parser.add_argument(flag(name), type=type(defaults[name]), default=defaults[name], choices=CHOICES.get(name))
    return parser.parse_args()


def make_batch(lengths: list[int], vocab: int, step: int) -> Batch:
    """Random tokens; the behaviour log-probs are those of a uniform policy, so that ratios are near 1."""
    draw = torch.Generator().manual_seed(step)
    n = sum(lengths)
    row_start = [0]
    mask = torch.zeros(n, dtype=torch.bool)
    for length, trained in zip(lengths, trained_tokens(lengths)):
        row_start.append(row_start[-1] + length)
        mask[row_start[-1] - trained : row_start[-1]] = True
    return Batch(
        step=step,
        token_ids=torch.randint(0, vocab, (n,), generator=draw),
        row_start=row_start,
        loss_mask=mask,
        weights=torch.ones(n),
        behavior_logprobs=torch.full((n,), -float(torch.tensor(vocab).log())),
        advantages=torch.randn(n, generator=draw),
        group_ids=torch.arange(len(lengths), dtype=torch.int32),
        divisor=float(mask.sum()),
        loss_tokens=int(mask.sum()),
        temperature=1.0,
        loss=LossSpec("clip", 0.2, 0.28),
    )


def rival(args: argparse.Namespace) -> dict | None:
    """TRL on the same rows; None when it was not asked for. A process of its own, so that it leaves no memory behind."""
    if args.trl == "off":
        return None
    command = [
        sys.executable, str(Path(__file__).with_name("trl_step.py")), "--shape", args.shape, "--rows", args.rows, "--tokens",
        str(args.tokens), "--longest", str(args.longest), "--steps", str(args.steps), "--seed", str(args.seed),
    ]  # fmt: skip
    done = subprocess.run(command + (["--liger"] if args.trl == "liger" else []), capture_output=True, text=True)
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    return json.loads(lines[-1]) if done.returncode == 0 and lines else {"error": (done.stderr or done.stdout)[-3000:]}


def main() -> None:
    args = arguments()
    lengths = row_lengths(args.rows, args.tokens, args.longest, args.seed)
    alone = int(os.environ.get("WORLD_SIZE", "1")) == 1
    trl = rival(args) if alone else None
    settings = Settings(
        model=str(model_directory(args.shape)), max_length=args.longest, **{name: getattr(args, name) for name in _PASSED_ON}
    ).check()
    cluster = open_cluster(settings)
    cuda = cluster.device.type == "cuda"
    peak = matmul_rate(cluster.device) if cuda else None
    if args.sdp != "auto":
        torch.backends.cuda.enable_flash_sdp(args.sdp == "flash")
        torch.backends.cuda.enable_cudnn_sdp(args.sdp == "cudnn")
        torch.backends.cuda.enable_mem_efficient_sdp(False)
    learner = Learner(settings, cluster, random_start=True)
    hyper = Hyper(1e-6, 0.9, 0.99, 1e-8, 0.01, 1.0, args.micro_batch_tokens)

    def run(step: int) -> dict:
        return learner.step(make_batch(lengths, learner.vocab_size, step), hyper)

    warm = [run(step) for step in range(args.warm_up)]
    steps = [run(args.warm_up + step) for step in range(args.steps)]
    if args.profile:
        activities = [torch.profiler.ProfilerActivity.CPU] + ([torch.profiler.ProfilerActivity.CUDA] if cuda else [])
        with torch.profiler.profile(activities=activities) as profile:
            run(args.warm_up + args.steps)
        if cluster.leader:
            profile.export_chrome_trace(args.profile)
            print(profile.key_averages().table(sort_by="self_device_time_total", row_limit=25), file=sys.stderr)
    seconds = statistics.median(step["seconds"] for step in steps)
    flops = model_flops(args.shape, lengths)
    result = {
        "arguments": vars(args),
        "versions": {"torch": torch.__version__, "transformers": transformers.__version__, "python": sys.version.split()[0]},
        "device": torch.cuda.get_device_name() if cuda else "cpu",
        "ranks": cluster.world,
        "attention": learner.attention,
        "kernels": learner.kernels,
        "parameters": learner.parameters,
        "rows": {"count": len(lengths), "tokens": sum(lengths), "lengths": lengths},
        "seconds": seconds,
        "tokensPerSecond": sum(lengths) / seconds,
        "tokensPerSecondPerRank": sum(lengths) / seconds / cluster.world,
        "modelTflops": flops / seconds / cluster.world / 1e12,
        "matmulTflops": None if peak is None else peak / 1e12,
        "shareOfMatmul": None if peak is None else flops / seconds / cluster.world / peak,
        "peakGiB": max(step["memGiB"] for step in steps),
        "reports": [*warm, *steps],
        "trl": trl,
        "ratioToTrl": trl["seconds"] / seconds if trl is not None and "seconds" in trl else None,
    }
    if cluster.leader:
        text = json.dumps(result, indent=1)
        if args.out:
            Path(args.out).write_text(text + "\n")
        short = {k: v for k, v in result.items() if k not in ("arguments", "reports", "rows")}
        print(json.dumps(short if args.out else result))
    torch.distributed.destroy_process_group()


if __name__ == "__main__":
    main()
