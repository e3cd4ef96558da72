"""The same training step in plain PyTorch on one thread, eager and compiled; prints one JSON object.

usage: python torch_train.py STEPS
"""

import json
import statistics
import sys
import time

import torch
import torch.nn.functional as F

torch.set_num_threads(1)
V, D, L, H, KV, HD, FF, T, B = 1024, 192, 4, 6, 2, 32, 512, 256, 8


class Norm(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(D))

    def forward(self, x):
        return self.weight * x * torch.rsqrt(x.square().mean(-1, keepdim=True) + 1e-6)


class Layer(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.n1, self.n2 = Norm(), Norm()
        self.q = torch.nn.Linear(D, H * HD)
        self.k = torch.nn.Linear(D, KV * HD)
        self.v = torch.nn.Linear(D, KV * HD)
        self.o = torch.nn.Linear(H * HD, D, bias=False)
        self.gate = torch.nn.Linear(D, FF, bias=False)
        self.up = torch.nn.Linear(D, FF, bias=False)
        self.down = torch.nn.Linear(FF, D, bias=False)

    def forward(self, x, cos, sin):
        h = self.n1(x)

        def heads(y, n):
            return y.view(B, T, n, HD).transpose(1, 2)

        def rotate(y):
            a, b = y.chunk(2, -1)
            return y * cos + torch.cat((-b, a), -1) * sin

        q, k = rotate(heads(self.q(h), H)), rotate(heads(self.k(h), KV))
        v = heads(self.v(h), KV)
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)
        x = x + self.o(y.transpose(1, 2).reshape(B, T, H * HD))
        m = self.n2(x)
        return x + self.down(F.silu(self.gate(m)) * self.up(m))


class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = torch.nn.Embedding(V, D)
        torch.nn.init.normal_(self.embed.weight, std=0.02)
        self.layers = torch.nn.ModuleList(Layer() for _ in range(L))
        self.norm = Norm()
        angle = torch.arange(T)[:, None] / 10000 ** (torch.arange(0, HD, 2) / HD)
        angle = torch.cat((angle, angle), -1)
        self.register_buffer("cos", angle.cos())
        self.register_buffer("sin", angle.sin())

    def forward(self, ids, targets):
        x = self.embed(ids)
        for layer in self.layers:
            x = layer(x, self.cos, self.sin)
        logits = F.linear(self.norm(x), self.embed.weight)
        return F.cross_entropy(logits.view(-1, V), targets.view(-1))


def run(compiled, steps):
    torch.manual_seed(0)
    model = Model()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, fused=True)
    loss_of = torch.compile(model) if compiled else model
    ids = torch.randint(0, V, (B, T + 1))
    cpu, wall = [], []
    for i in range(steps + 3):
        c, w = time.process_time(), time.perf_counter()
        loss = loss_of(ids[:, :-1].contiguous(), ids[:, 1:].contiguous())
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        if i >= 3:
            cpu.append(B * T / (time.process_time() - c))
            wall.append(B * T / (time.perf_counter() - w))
    return {"tokensPerCpuSecond": round(statistics.median(cpu)), "tokensPerSecond": round(statistics.median(wall))}


steps = int(sys.argv[1]) if len(sys.argv) > 1 else 10
result = {"version": torch.__version__, "eager": run(False, steps)}
try:
    result["compiled"] = run(True, steps)
except Exception as error:  # no C++ compiler: say so, the eager figure stands
    result["compiled"] = None
    result["compileError"] = str(error).splitlines()[0]
print(json.dumps(result))
