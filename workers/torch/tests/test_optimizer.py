"""AdamW and its low-precision moments, on plain tensors."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from helpers import HYPER
from veriloop_torch.optimizer import AdamW
from veriloop_torch.rounding import block_size, from_codes, to_bf16, to_codes


def parameters():
    draw = torch.Generator().manual_seed(2)
    shapes = {"a": (8, 512), "b": (6, 48), "odd": (5, 7), "norm": (64,)}
    return [(name, nn.Parameter(torch.randn(shape, generator=draw))) for name, shape in shapes.items()]


def train(moments, steps=300, compiled=False):
    """Towards a target with noisy gradients of very different sizes; returns the distances left."""
    named = parameters()
    targets = {name: torch.randn(p.shape, generator=torch.Generator().manual_seed(4)) for name, p in named}
    optimizer = AdamW(named, moments, compiled)
    hyper = replace(HYPER, weight_decay=0.0, beta2=0.999)
    noise = torch.Generator().manual_seed(9)
    torch.manual_seed(0)
    for _ in range(steps):
        for name, p in named:
            size = torch.logspace(-6, 0, p.numel()).view(p.shape)
            p.grad = size * ((p.detach() - targets[name]) + 0.1 * torch.randn(p.shape, generator=noise))
        optimizer.step(hyper)
    return {name: float((p.detach() - targets[name]).abs().mean()) for name, p in named}


def test_fp32_is_torch_adamw():
    ours, theirs = parameters(), parameters()
    optimizer = AdamW(ours, "fp32")
    decayed = [p for _, p in theirs if p.dim() > 1]
    groups = [{"params": decayed}, {"params": [theirs[-1][1]], "weight_decay": 0.0}]
    expected = torch.optim.AdamW(
        groups, lr=HYPER.lr, betas=(HYPER.beta1, HYPER.beta2), eps=HYPER.eps, weight_decay=HYPER.weight_decay
    )
    for step in range(10):
        for (_, p), (_, q) in zip(ours, theirs):
            p.grad = torch.randn(p.shape, generator=torch.Generator().manual_seed(step))
            q.grad = p.grad.clone()
        optimizer.step(HYPER)
        expected.step()
    assert all(torch.allclose(p, q, atol=1e-6) for (_, p), (_, q) in zip(ours, theirs))


@pytest.mark.parametrize("moments", ["bf16", "8bit"])
def test_few_bits_get_as_far_as_fp32(moments):
    """beta2 = 0.999: a moment that is rounded to nearest would never move again."""
    fp32, few = train("fp32"), train(moments)
    for name in fp32:
        assert few[name] < 1.1 * fp32[name] + 0.01, name


def test_small_and_odd_parameters_keep_fp32_moments():
    state = AdamW(parameters(), "8bit").sharded_state()
    assert {name for name, tensor in state.items() if tensor.dtype == torch.float32 and "scale" not in name} == {
        "m.odd", "v.odd", "m.norm", "v.norm",
    }  # fmt: skip
    assert state["m.a"].dtype == torch.int8 and state["v.a"].dtype == torch.uint8
    assert state["m_scale.a"].shape == (8, 2)  # 512 columns in blocks of 256


def test_memory_of_8bit_moments():
    named = [("w", nn.Parameter(torch.zeros(1024, 1024)))]
    state = AdamW(named, "8bit").sharded_state()
    assert sum(t.numel() * t.element_size() for t in state.values()) / named[0][1].numel() < 2.04


def test_rounding_is_unbiased():
    torch.manual_seed(0)
    x = torch.tensor([1.2345678, -3.3e-5, 0.7]).repeat(40_000, 1)
    assert torch.allclose(to_bf16(x).float().mean(0), x[0], rtol=2e-4)
    codes, scale = to_codes(x, signed=True)
    assert torch.allclose(from_codes(codes, scale).mean(0), x[0], rtol=2e-2)


@pytest.mark.parametrize("signed", [True, False])
def test_codes_are_near_what_they_stand_for(signed):
    torch.manual_seed(0)
    x = torch.randn(64, 256) * torch.logspace(-6, 3, 64)[:, None]
    x = x if signed else x.square()
    x[0] = 0
    got = from_codes(*to_codes(x, signed))
    assert torch.equal(got[0], x[0])
    top = x.abs().amax(1, keepdim=True)
    clear = x.abs() > 1e-6 * top
    assert float((got / x - 1)[clear].abs().max()) < 0.16
    assert torch.equal(got.sign()[clear], x.sign()[clear])


def test_a_second_moment_above_zero_never_becomes_zero():
    x = torch.full((1, 256), 1e-30)
    x[0, 0] = 1.0
    codes, _ = to_codes(x, signed=False)
    assert int(codes.min()) == 1


@pytest.mark.parametrize(("columns", "block"), [(3584, 256), (18_944, 256), (896, 224), (64, 64), (7, None), (257, None)])
def test_block_size(columns, block):
    assert block_size(columns) == block
