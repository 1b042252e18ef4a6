"""Norms and residuals against their formulas and torch, gradients included."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from groundup.stack.transformer import LayerNorm, RMSNorm, layer_norm, post_norm, pre_norm, rms_norm


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def same_gradients(mine: Tensor, theirs: Tensor, x: Tensor, y: Tensor, share: float = 1.0) -> None:
    torch.testing.assert_close(mine, theirs, rtol=1e-9 * share, atol=1e-10 * share)
    weight = drawn(*mine.shape, seed=9)
    (mine * weight).sum().backward()
    (theirs * weight).sum().backward()
    torch.testing.assert_close(x.grad, y.grad, rtol=1e-9 * share, atol=1e-10 * share)


def test_norms_are_their_formulas() -> None:
    x, y = (drawn(3, 4, 6).requires_grad_() for _ in range(2))
    weight, bias = drawn(6, seed=1), drawn(6, seed=2)
    centered = y - y.mean(-1, keepdim=True)
    expected = centered / (centered.square().mean(-1, keepdim=True) + 1e-3).sqrt() * weight + bias
    same_gradients(layer_norm(x, weight, bias, eps=1e-3), expected, x, y)
    x, y = (drawn(3, 4, 6).requires_grad_() for _ in range(2))
    same_gradients(rms_norm(x, weight, 1e-3), y / (y.square().mean(-1, keepdim=True) + 1e-3).sqrt() * weight, x, y)
    assert layer_norm(torch.zeros(2, 3), torch.ones(3), None).eq(0).all()
    assert rms_norm(torch.zeros(2, 3), torch.ones(3)).eq(0).all()


def test_norm_modules_begin_as_the_identity_of_scale() -> None:
    x = drawn(4, 6).float()
    torch.testing.assert_close(LayerNorm(6)(x), functional.layer_norm(x, (6,)))
    torch.testing.assert_close(RMSNorm(6, 1e-4)(x), functional.rms_norm(x, (6,), eps=1e-4))
    assert set(LayerNorm(6).state_dict()) == {"weight", "bias"}


def test_residuals_stand_on_either_side_of_the_norm() -> None:
    x = drawn(2, 3)
    torch.testing.assert_close(pre_norm(x, lambda y: 2 * y, lambda y: y + 1), x + 2 * x + 1)
    torch.testing.assert_close(post_norm(x, lambda y: 2 * y, lambda y: y + 1), 2 * (2 * x + 1))


def test_gradients_reach_weight_and_bias() -> None:
    x, weight, bias = drawn(2, 3, 5), drawn(5, seed=1).requires_grad_(), drawn(5, seed=2).requires_grad_()
    direction = drawn(2, 3, 5, seed=3)
    centered = x - x.mean(-1, keepdim=True)
    normal = centered / (centered.square().mean(-1, keepdim=True) + 1e-5).sqrt()
    found = torch.autograd.grad((layer_norm(x, weight, bias) * direction).sum(), [weight, bias])
    torch.testing.assert_close(found, ((normal * direction).sum((0, 1)), direction.sum((0, 1))))
    (rms,) = torch.autograd.grad((rms_norm(x, weight) * direction).sum(), weight)
    rooted = x / (x.square().mean(-1, keepdim=True) + 1e-5).sqrt()
    torch.testing.assert_close(rms, (rooted * direction).sum((0, 1)))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_has_float32_statistics(dtype: torch.dtype) -> None:
    """Squares of a few hundred are not in float16."""
    x, weight, bias = ((drawn(3, 7) * 500).to(dtype), drawn(7, seed=1).to(dtype), drawn(7, seed=2).to(dtype))
    for found, wide in (
        (layer_norm(x, weight, bias), layer_norm(x.double(), weight.double(), bias.double())),
        (rms_norm(x, weight), rms_norm(x.double(), weight.double())),
    ):
        assert found.dtype == dtype
        torch.testing.assert_close(found.double(), wide, rtol=2 * torch.finfo(dtype).eps, atol=torch.finfo(dtype).eps)


def test_entries_far_from_zero_and_vectors_of_one_entry() -> None:
    x = 10000 + torch.randint(-16, 17, (4, 8), generator=torch.Generator().manual_seed(0)) / 8
    wide = layer_norm(x.double(), torch.ones(8).double(), None)
    torch.testing.assert_close(layer_norm(x, torch.ones(8), None).double(), wide, rtol=0, atol=1e-2)
    bias = drawn(1).float()
    assert torch.equal(layer_norm(torch.tensor([[7.0], [-3.0]]), torch.ones(1), bias), bias.expand(2, 1))


def test_a_vector_of_zeros_sends_back_finite_gradients() -> None:
    x, weight = torch.zeros(2, 5, requires_grad=True), drawn(5, seed=1).float()
    for result in (rms_norm(x, weight), layer_norm(x, weight, None)):
        (gradient,) = torch.autograd.grad(result.sum(), x)
        assert gradient.isfinite().all()


def test_nothing_is_written_into_what_was_given() -> None:
    x, kept = drawn(3, 4), drawn(3, 4, seed=1)
    before = x.clone(), kept.clone()
    for place in (pre_norm, post_norm):
        place(x, lambda y: 2 * y, lambda y: kept)
    layer_norm(x, kept[0], kept[1]), rms_norm(x, kept[0])
    assert torch.equal(x, before[0])
    assert torch.equal(kept, before[1])
