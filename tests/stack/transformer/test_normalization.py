"""Norms and residuals against their formulas and torch, gradients included."""

from __future__ import annotations

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
