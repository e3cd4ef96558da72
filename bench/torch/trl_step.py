"""TRL's GRPOTrainer on the rows of bench.py: its loss (DAPO, clip-higher, no KL), backward, clipping and AdamW.

Pure bf16 weights and AdamW state, gradient checkpointing, SDPA, rows padded to the longest as TRL does: what fits one card.
One row a micro-batch when they are long; the optimizer step is taken after all rows. Prints one JSON object.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time

import torch
from shapes import PROMPT, SHAPES, model_directory, model_flops, row_lengths


def make_trainer(shape: str, liger: bool, longest: int):
    from datasets import Dataset
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedTokenizerFast
    from trl import GRPOConfig, GRPOTrainer

    cuda = torch.cuda.is_available()
    dtype = torch.bfloat16 if cuda else torch.float32
    config = AutoConfig.from_pretrained(str(model_directory(shape)))
    with torch.device("cuda" if cuda else "cpu"):
        model = AutoModelForCausalLM.from_config(config, dtype=dtype, attn_implementation="sdpa")
    words = Tokenizer(WordLevel({"<pad>": 0, "<eos>": 1, "a": 2}, unk_token="a"))
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=words, pad_token="<pad>", eos_token="<eos>")
    settings = GRPOConfig(
        output_dir=tempfile.mkdtemp(), per_device_train_batch_size=2, num_generations=2, gradient_accumulation_steps=1,
        max_completion_length=longest - PROMPT, loss_type="dapo", epsilon=0.2, epsilon_high=0.28, beta=0.0, bf16=cuda,
        use_cpu=not cuda, gradient_checkpointing=True, gradient_checkpointing_kwargs={"use_reentrant": False},
        use_liger_kernel=liger, report_to=[], learning_rate=1e-6,
    )  # fmt: skip
    return GRPOTrainer(
        model=model, reward_funcs=lambda **_: [0.0], args=settings, processing_class=tokenizer,
        train_dataset=Dataset.from_list([{"prompt": "a"}] * 4),
    )  # fmt: skip


def rows_of(lengths: list[int], vocab: int, device, micro_rows: int) -> list[dict]:
    """TRL's inputs, padded to the longest row of the step: its rollouts come as one padded tensor."""
    longest = max(lengths)
    total = sum(length - min(PROMPT, length // 2) for length in lengths)
    batches = []
    for start in range(0, len(lengths), micro_rows):
        part = lengths[start : start + micro_rows]
        prompts = [min(PROMPT, length // 2) for length in part]
        widest, completion = max(prompts), longest - min(PROMPT, longest // 2)
        at = torch.arange(completion, device=device)[None]
        have = torch.tensor([length - prompt for length, prompt in zip(part, prompts)], device=device)[:, None]
        place = torch.arange(widest, device=device)[None]
        filled = torch.tensor([widest - prompt for prompt in prompts], device=device)[:, None]
        batches.append(
            {
                "prompt_ids": torch.randint(3, vocab, (len(part), widest), device=device),
                "prompt_mask": (place >= filled).long(),
                "completion_ids": torch.randint(3, vocab, (len(part), completion), device=device),
                "completion_mask": (at < have).long(),
                "advantages": torch.randn(len(part), device=device),
                "num_items_in_batch": torch.tensor(total, device=device),
            }
        )
    return batches


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shape", choices=SHAPES, default="7b")
    parser.add_argument("--rows", choices=("full", "spread"), default="full")
    for name, default in (("tokens", 16384), ("longest", 16384), ("steps", 5), ("seed", 0), ("micro-rows", 1)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--liger", action="store_true")
    args = parser.parse_args()
    lengths = row_lengths(args.rows, args.tokens, args.longest, args.seed)
    trainer = make_trainer(args.shape, args.liger, args.longest)
    model, device = trainer.model, trainer.accelerator.device
    model.train()
    trainer.current_gradient_accumulation_steps = 1
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-6, betas=(0.9, 0.99), fused=True)
    cuda = device.type == "cuda"
    batches = rows_of(lengths, SHAPES[args.shape]["vocab_size"], device, args.micro_rows)

    def step() -> float:
        started = time.perf_counter()
        for inputs in batches:
            with trainer.compute_loss_context_manager():
                loss = trainer.compute_loss(model, inputs)
            loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        if cuda:
            torch.cuda.synchronize()
        return time.perf_counter() - started

    for _ in range(2):
        step()
    if cuda:
        torch.cuda.reset_peak_memory_stats()
    times = [step() for _ in range(args.steps)]
    seconds = statistics.median(times)
    print(
        json.dumps(
            {
                "liger": args.liger,
                "seconds": seconds,
                "times": times,
                "tokensPerSecond": sum(lengths) / seconds,
                "modelTflops": model_flops(args.shape, lengths) / seconds / 1e12,
                "peakGiB": torch.cuda.max_memory_allocated() / 2**30 if cuda else None,
            }
        )
    )


if __name__ == "__main__":
    main()
