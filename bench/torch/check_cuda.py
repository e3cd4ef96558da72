"""Every kernel and setting on a small model on this machine's GPU, against fp32 with a dense mask: what to run before the
benchmark on a new card or torch.

    python bench/torch/check_cuda.py            one line for each combination; exit code 1 when one fails or is off

bf16 is expected within a few percent of fp32; what is compared closely is each kernel against the dense mask in bf16.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import tempfile
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parents[2] / "workers/torch/src")]

import torch  # noqa: E402
from bench import make_batch  # noqa: E402
from shapes import SHAPES  # noqa: E402

from veriloop_torch.cluster import open_cluster  # noqa: E402
from veriloop_torch.learner import Learner  # noqa: E402
from veriloop_torch.optimizer import Hyper  # noqa: E402
from veriloop_torch.settings import Settings  # noqa: E402

SHAPE = {
    **SHAPES["tiny"], "hidden_size": 512, "intermediate_size": 1024, "num_attention_heads": 4, "num_key_value_heads": 2,
    "vocab_size": 4096, "tie_word_embeddings": False,
}  # fmt: skip
LENGTHS = [700, 33, 1500, 260, 128, 1021]

CASES = [
    {"attention": "split"},
    {"attention": "varlen"},
    {"attention": "flash4"},
    {"attention": "flex"},
    {"attention": "varlen", "checkpointing": "none"},
    {"attention": "varlen", "checkpointing": "full"},
    {"attention": "varlen", "compile": "on"},
    {"attention": "varlen", "compile": "on", "checkpointing": "none"},
    {"attention": "varlen", "compile": "on", "checkpointing": "full"},
    {"attention": "flash4", "compile": "on"},
    {"attention": "flex", "compile": "on"},
    {"attention": "varlen", "kernels": "liger"},
    {"attention": "varlen", "moments": "bf16"},
    {"attention": "varlen", "moments": "8bit"},
    {"attention": "varlen", "moments": "8bit", "compile": "on"},
    {"attention": "varlen", "offload": True},
    {"attention": "varlen", "reduce": "last"},
    {"attention": "varlen", "reshard": False},
    {"attention": "varlen", "lora_rank": 8},
]


def measure(model: str, device: str, **settings) -> tuple[float, float, dict[str, torch.Tensor], list[float]]:
    chosen = Settings(model=model, device=device, head_chunk=512, **{"kernels": "none", **settings}).check()
    learner = Learner(chosen, open_cluster(chosen), random_start=not settings.get("lora_rank"))
    batch = make_batch(LENGTHS, learner.vocab_size, 0)
    report, gradients = learner.gradients(batch, 2048)
    flat = {name: tensor.full_tensor().float().cpu() for name, tensor in gradients.items()}
    learner.release()
    hyper = Hyper(1e-4, 0.9, 0.99, 1e-8, 0.01, 1.0, 2048)
    losses = [learner.step(make_batch(LENGTHS, learner.vocab_size, step), hyper)["loss"] for step in range(3)]
    return report["loss"], report["gradNorm"], flat, losses


def distance(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> float:
    """Norm of the difference by the norm."""
    squares = [(float((a[name] - b[name]).square().sum()), float(b[name].square().sum())) for name in b]
    return math.sqrt(sum(x for x, _ in squares) / sum(y for _, y in squares))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--only", help="only cases whose JSON contains this")
    args = parser.parse_args()
    model = Path(tempfile.mkdtemp())
    (model / "config.json").write_text(json.dumps(SHAPE))
    exact = measure(str(model), args.device, attention="mask", compute="fp32", checkpointing="none")
    dense = measure(str(model), args.device, attention="mask", checkpointing="none")
    print(
        f"fp32, dense mask: loss {exact[0]:.6f}; bf16, dense mask: {dense[0]:.6f}, gradients off by {distance(dense[2], exact[2]):.4f}"
    )
    # LoRA needs weights to start from.
    from transformers import AutoConfig, AutoModelForCausalLM

    torch.manual_seed(0)
    stored = Path(tempfile.mkdtemp())
    AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(model)).save_pretrained(stored)
    failed = 0
    for case in CASES:
        name = json.dumps(case)
        if args.only and args.only not in name:
            continue
        try:
            lora = "lora_rank" in case
            loss, norm, gradients, losses = measure(str(stored if lora else model), args.device, **case)
            off = 0.0 if lora else distance(gradients, dense[2])
            good = math.isfinite(loss + norm + sum(losses)) and off < 0.05
            later = max(abs(a - b) for a, b in zip(losses, dense[3]))
            print(
                f"{'ok  ' if good else 'BAD '} {name}: loss {loss:.6f}, gradients off by {off:.4f}, later by {later:.5f}"
            )
        except Exception as error:
            good = False
            print(f"FAIL {name}: {type(error).__name__}: {str(error).strip().splitlines()[0] if str(error) else ''}")
        failed += not good
        torch._dynamo.reset()
        sys.stdout.flush()
    print(f"{failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
