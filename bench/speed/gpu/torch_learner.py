"""The same optimizer step in PyTorch on one GPU (or the CPU): eager and compiled, TF32 and bf16 autocast.

usage: python bench/speed/gpu/torch_learner.py [--shape 121M,24.7M,1.8M] [--row 1024] [--budgets 8192,16384,32768,65536]
       [--steps 10] [--modes eager-tf32,compiled-tf32,eager-bf16,compiled-bf16] [--device cuda|cpu] [--out FILE]

fp32 parameters and moments, cross-entropy on every token, gradient norm clipped at 1, fused AdamW, attention by
scaled_dot_product_attention (flash in bf16). One step is one micro-batch. Needs torch alone.
"""

import argparse
import json
import statistics
import time
from datetime import datetime, timezone

import torch
import torch.nn.functional as F

# V, d, layers, heads, kv heads, ffn: as in shapes.ts
SHAPES = {
    "1.8M": (1024, 192, 4, 6, 2, 512),
    "24.7M": (4096, 512, 8, 8, 2, 1408),
    "121M": (8192, 1024, 10, 16, 4, 2816),
}


class Norm(torch.nn.Module):
    def __init__(self, d):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(d))

    def forward(self, x):
        y = x.float()
        return (self.weight * y * torch.rsqrt(y.square().mean(-1, keepdim=True) + 1e-6)).to(x.dtype)


class Layer(torch.nn.Module):
    def __init__(self, d, heads, kv, ffn):
        super().__init__()
        self.heads, self.kv, self.hd = heads, kv, d // heads
        self.n1, self.n2 = Norm(d), Norm(d)
        self.qkv = torch.nn.Linear(d, (heads + 2 * kv) * self.hd)
        self.o = torch.nn.Linear(d, d, bias=False)
        self.gate = torch.nn.Linear(d, ffn, bias=False)
        self.up = torch.nn.Linear(d, ffn, bias=False)
        self.down = torch.nn.Linear(ffn, d, bias=False)

    def forward(self, x, cos, sin):
        b, t, d = x.shape
        q, k, v = (
            y.transpose(1, 2)
            for y in self.qkv(self.n1(x)).view(b, t, -1, self.hd).split([self.heads, self.kv, self.kv], 2)
        )

        def rotate(y):
            one, two = y.chunk(2, -1)
            return (y * cos + torch.cat((-two, one), -1) * sin).to(y.dtype)

        y = F.scaled_dot_product_attention(rotate(q), rotate(k), v, is_causal=True, enable_gqa=True)
        x = x + self.o(y.transpose(1, 2).reshape(b, t, d))
        m = self.n2(x)
        return x + self.down(F.silu(self.gate(m)) * self.up(m))


class Model(torch.nn.Module):
    def __init__(self, shape, t):
        super().__init__()
        v, d, layers, heads, kv, ffn = shape
        self.embed = torch.nn.Embedding(v, d)
        torch.nn.init.normal_(self.embed.weight, std=0.02)
        self.layers = torch.nn.ModuleList(Layer(d, heads, kv, ffn) for _ in range(layers))
        self.norm = Norm(d)
        hd = d // heads
        angle = torch.arange(t)[:, None] / 10000 ** (torch.arange(0, hd, 2) / hd)
        angle = torch.cat((angle, angle), -1)
        self.register_buffer("cos", angle.cos())
        self.register_buffer("sin", angle.sin())

    def forward(self, ids, targets):
        x = self.embed(ids)
        for layer in self.layers:
            x = layer(x, self.cos, self.sin)
        logits = F.linear(self.norm(x), self.embed.weight)
        return F.cross_entropy(logits.float().view(-1, logits.shape[-1]), targets.reshape(-1))


def flops_per_token(shape, t):
    v, d, layers, heads, kv, ffn = shape
    layer = d * (2 * d + 2 * kv * (d // heads)) + 3 * d * ffn
    return 6 * (layers * layer + v * d) + 12 * layers * d * t


def run(shape, mode, rows, t, steps, device):
    how, precision = mode.split("-")
    torch.manual_seed(0)
    torch.backends.cuda.matmul.allow_tf32 = precision != "fp32"
    model = Model(shape, t).to(device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, betas=(0.9, 0.99), weight_decay=0.01, fused=True)
    loss_of = torch.compile(model) if how == "compiled" else model
    data = torch.randint(0, shape[0], (rows, t + 1), device=device)
    sync = torch.cuda.synchronize if device == "cuda" else lambda: None
    wall = []
    for i in range(steps + 5):
        sync()
        start = time.perf_counter()
        with torch.autocast(device, torch.bfloat16, enabled=precision == "bf16"):
            loss = loss_of(data[:, :-1].contiguous(), data[:, 1:].contiguous())
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        value = loss.item()
        sync()
        if i >= 5:
            wall.append(time.perf_counter() - start)
    seconds = statistics.median(wall)
    tokens = rows * t
    return {
        "tokens": tokens,
        "tokensPerSecond": round(tokens / seconds),
        "msPerStep": round(seconds * 1000, 1),
        "tflops": round(tokens * flops_per_token(shape, t) / seconds / 1e12, 2),
        "loss": value,
        "peakMiB": round(torch.cuda.max_memory_allocated() / 2**20) if device == "cuda" else None,
    }


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--shape", default="121M,24.7M,1.8M")
    parser.add_argument("--row", type=int, default=1024)
    parser.add_argument("--budgets", default="8192,16384,32768,65536")
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--modes", default="eager-tf32,compiled-tf32,eager-bf16,compiled-bf16")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--out")
    args = parser.parse_args()
    results = []
    for name in args.shape.split(","):
        for mode in args.modes.split(","):
            for budget in map(int, args.budgets.split(",")):
                rows = max(1, budget // args.row)
                if args.device == "cuda":
                    torch.cuda.reset_peak_memory_stats()
                torch.compiler.reset()
                try:
                    row = run(SHAPES[name], mode, rows, args.row, args.steps, args.device)
                except Exception as error:  # out of memory, or no compiler: said, and the others go on
                    row = {"error": str(error).splitlines()[0]}
                if args.device == "cuda":
                    torch.cuda.empty_cache()
                results.append({"shape": name, "mode": mode, "budget": budget, **row})
                print(json.dumps(results[-1]), flush=True)
    device = torch.cuda.get_device_name() if args.device == "cuda" else "cpu"
    record = {"date": datetime.now(timezone.utc).isoformat(), "torch": torch.__version__, "device": device, "results": results}
    if args.out:
        with open(args.out, "w") as file:
            json.dump(record, file, indent=1)


main()
