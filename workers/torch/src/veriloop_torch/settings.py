"""What a worker is started with. Every field is a flag of `python -m veriloop_torch`; the README explains the choices."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, field, fields
from pathlib import Path

from .errors import WorkerError

CHOICES = {
    "device": ("auto", "cuda", "cpu"),
    "compute": ("auto", "bf16", "fp32"),
    "attention": ("auto", "split", "varlen", "flash4", "flex", "mask"),
    "checkpointing": ("none", "selective", "full"),
    "moments": ("fp32", "bf16", "8bit"),
    "compile": ("auto", "on", "off"),
    "kernels": ("auto", "liger", "none"),
    "reduce": ("each", "last"),
}


def _option(default, help: str):
    return field(default=default, metadata={"help": help})


@dataclass(frozen=True)
class Settings:
    model: str = _option("", "directory in Hugging Face layout: config.json, *.safetensors, tokenizer files")
    host: str = _option("127.0.0.1", "address to serve on; anything but loopback needs --token-file")
    port: int = _option(0, "port to serve on; 0 = any free one, printed as a line of JSON on stdout")
    token_file: str = _option("", "file whose contents clients must send as a bearer token")
    watch_pid: int = _option(0, "leave when the process with this id is gone; 0 = never")
    device: str = _option("auto", "auto takes CUDA where torch can use it")
    compute: str = _option("auto", "precision of the forward and backward passes; auto: bf16 on CUDA, fp32 on the CPU")
    attention: str = _option(
        "auto", "kernel for packed rows; auto: on CUDA flash4 if installed, else varlen; split on the CPU"
    )
    checkpointing: str = _option("selective", "what the backward pass computes again instead of keeping")
    compile: str = _option("off", "compile each transformer block with torch.compile; auto: on CUDA")
    kernels: str = _option("auto", "fused norms, rotary and MLP of liger-kernel; auto: on CUDA where it is installed")
    moments: str = _option("fp32", "precision of AdamW's moments; bf16 and 8bit round at random")
    offload: bool = _option(False, "keep fp32 masters, gradients and moments in host memory")
    head_chunk: int = _option(2048, "predicted tokens whose logits exist at one time")
    pad_multiple: int = _option(0, "micro-batches are padded to a multiple of this; 0 = 128 on CUDA, 1 on the CPU")
    reduce: str = _option("each", "reduce gradients after each micro-batch, or once after the last (more memory)")
    reshard: bool = _option(True, "free a block's gathered weights between forward and backward")
    replicas: int = _option(1, "HSDP: groups of ranks that hold a whole copy each (one a node, for example)")
    max_length: int = _option(32768, "longest row, tokens")
    seed: int = _option(0, "all randomness is drawn from (seed, step, rank)")
    lora_rank: int = _option(0, "train adapters of this rank in place of the weights; 0 = off. Needs peft")
    lora_alpha: float = _option(0.0, "scale of the adapters; 0 = twice the rank")
    lora_targets: str = _option("q_proj,k_proj,v_proj,o_proj,gate_proj,up_proj,down_proj", "projections that get an adapter")

    def check(self) -> "Settings":
        """Raises WorkerError `config` naming the first setting that cannot be meant."""
        for name, choices in CHOICES.items():
            if getattr(self, name) not in choices:
                raise WorkerError("config", f"{flag(name)}: expected {' | '.join(choices)}, got {getattr(self, name)}")
        for name, least in [("head_chunk", 1), ("max_length", 2), ("replicas", 1), ("lora_rank", 0), ("port", 0)]:
            if getattr(self, name) < least:
                raise WorkerError("config", f"{flag(name)}: expected at least {least}, got {getattr(self, name)}")
        if not (Path(self.model) / "config.json").is_file():
            raise WorkerError("config", f"--model: expected a directory with config.json, got {self.model or 'nothing'}")
        if self.host not in ("127.0.0.1", "localhost", "::1") and not self.token_file:
            raise WorkerError(
                "config",
                f"--host {self.host}: other machines could reach the worker, and no token is asked for",
                "give --token-file FILE, or serve on 127.0.0.1",
            )
        return self


def flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def parse_arguments(argv: list[str] | None = None) -> Settings:
    parser = argparse.ArgumentParser(
        prog="veriloop_torch", description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    for item in fields(Settings):
        help = item.metadata["help"]
        if isinstance(item.default, bool):
            parser.add_argument(flag(item.name), action=argparse.BooleanOptionalAction, default=item.default, help=help)
        else:
            parser.add_argument(
                flag(item.name),
                type=type(item.default),
                default=item.default,
                choices=CHOICES.get(item.name),
                help=help,
            )
    return Settings(**vars(parser.parse_args(argv))).check()
