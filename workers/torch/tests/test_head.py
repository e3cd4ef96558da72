"""The chunked head against whole logits and autograd."""

import pytest
import torch

from helpers import CE
from veriloop_torch.batch import LossSpec
from veriloop_torch.head import chunked_log_probs, chunked_objective
from veriloop_torch.objective import token_loss

R, D, V = 50, 16, 61


def inputs(dtype=torch.float32):
    draw = torch.Generator().manual_seed(1)
    hidden = torch.randn(R, D, generator=draw).to(dtype).requires_grad_()
    weight = (0.3 * torch.randn(V, D, generator=draw)).to(dtype).requires_grad_()
    rest = {
        "targets": torch.randint(0, V, (R,), generator=draw),
        "coef": torch.rand(R, generator=draw),
        "old": -3 - 2 * torch.rand(R, generator=draw),
        "advantages": torch.randn(R, generator=draw),
    }
    return hidden, weight, rest


@pytest.mark.parametrize("loss", [CE, LossSpec("clip", 0.2, 0.28), LossSpec("clip", 0.2, 0.28, 3.0, 0.1, 0.02)])
@pytest.mark.parametrize("chunk", [1, 7, 50, 64])
@pytest.mark.parametrize("temperature", [1.0, 0.7])
def test_equals_whole_logits(loss, chunk, temperature):
    hidden, weight, rest = inputs()
    total, losses, logps = chunked_objective(hidden, weight, **rest, spec=loss, temperature=temperature, chunk=chunk)
    (2 * total).backward()

    whole_hidden, whole_weight = hidden.detach().double().requires_grad_(), weight.detach().double().requires_grad_()
    log_p = torch.log_softmax(whole_hidden @ whole_weight.t() / temperature, -1)
    logp = log_p.gather(1, rest["targets"][:, None]).squeeze(1)
    entropy = -(log_p.exp() * log_p).sum(-1)
    expected, _ = token_loss(loss, logp, rest["old"].double(), rest["advantages"].double(), entropy)
    whole = (rest["coef"].double() * expected).sum()
    (2 * whole).backward()

    assert float(total.detach()) == pytest.approx(float(whole.detach()), rel=1e-5)
    assert torch.allclose(losses.double(), expected, atol=1e-5)
    assert torch.allclose(logps.double(), logp, atol=1e-5)
    assert torch.allclose(hidden.grad.double(), whole_hidden.grad, atol=2e-6)
    assert torch.allclose(weight.grad.double(), whole_weight.grad, atol=1e-5)
    with_chunks = chunked_log_probs(hidden, weight, rest["targets"], temperature=temperature, chunk=chunk)
    assert torch.equal(with_chunks, logps)


def test_bf16_sums_the_weights_gradient_in_fp32():
    """Many small chunks must not lose what one large chunk keeps."""
    results = []
    for chunk in (1, R):
        hidden, weight, rest = inputs(torch.bfloat16)
        chunked_objective(hidden, weight, **rest, spec=CE, temperature=1.0, chunk=chunk)[0].backward()
        results.append(weight.grad.float())
    assert torch.allclose(results[0], results[1], rtol=2**-6, atol=2e-2)


def test_a_frozen_head_gets_no_gradient():
    hidden, weight, rest = inputs()
    weight.requires_grad_(False)
    chunked_objective(hidden, weight, **rest, spec=CE, temperature=1.0, chunk=8)[0].backward()
    assert weight.grad is None and hidden.grad is not None


def test_a_token_without_coefficient_adds_nothing_even_when_its_loss_is_not_finite():
    hidden, weight, rest = inputs()
    rest["coef"][0], rest["old"][0] = 0.0, torch.nan
    total, _, _ = chunked_objective(hidden, weight, **rest, spec=LossSpec("clip", 0.2, 0.28), temperature=1.0, chunk=8)
    assert bool(total.isfinite())
