"""Feed-forward layers against their formulas, gradients included."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from groundup.stack.transformer import feed_forward, swiglu


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def same_gradients(mine: Tensor, theirs: Tensor, x: Tensor, y: Tensor, share: float = 1.0) -> None:
    torch.testing.assert_close(mine, theirs, rtol=1e-9 * share, atol=1e-10 * share)
    weight = drawn(*mine.shape, seed=9)
    (mine * weight).sum().backward()
    (theirs * weight).sum().backward()
    torch.testing.assert_close(x.grad, y.grad, rtol=1e-9 * share, atol=1e-10 * share)


def test_feed_forward_layers_are_their_formulas() -> None:
    x, y = (drawn(2, 3, 4).requires_grad_() for _ in range(2))
    w_in, w_up, w_out = drawn(4, 7, seed=1), drawn(4, 7, seed=2), drawn(7, 4, seed=3)
    same_gradients(feed_forward(x, w_in, w_out), functional.linear(functional.linear(y, w_in.T).relu(), w_out.T), x, y)
    x, y = (drawn(2, 3, 4).requires_grad_() for _ in range(2))
    gate = functional.linear(y, w_in.T)
    expected = (gate * gate.sigmoid() * functional.linear(y, w_up.T)) @ w_out
    same_gradients(swiglu(x, w_in, w_up, w_out), expected, x, y)
