"""Clipping and the training step, against torch's own and against one large batch."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from groundup.stack.nn import MLP, SGD, cross_entropy, mse_loss, relu
from groundup.stack.training import clip_grad_norm, train_step


def with_gradients(scale: float) -> list[Tensor]:
    generator = torch.Generator().manual_seed(0)
    params = [torch.zeros(shape, requires_grad=True) for shape in ((3, 4), (5,), (2,))]
    for one in params[:2]:
        one.grad = scale * torch.randn(one.shape, generator=generator)
    return params


@pytest.mark.parametrize("scale", [0.01, 1.0, 1e4])
def test_clipping_is_torchs(scale: float) -> None:
    mine, theirs = with_gradients(scale), with_gradients(scale)
    before = clip_grad_norm(iter(mine), 0.7)
    torch.testing.assert_close(before, nn.utils.clip_grad_norm_(theirs, 0.7))
    for one, two in zip(mine[:2], theirs[:2], strict=True):
        torch.testing.assert_close(one.grad, two.grad, rtol=1e-5, atol=1e-6)
    assert mine[2].grad is None


def test_clipping_leaves_short_gradients_and_odd_ones_alone() -> None:
    params = with_gradients(1.0)
    kept = params[0].grad
    assert kept is not None
    copy = kept.clone()
    clip_grad_norm(params, 100.0)
    assert torch.equal(kept, copy)
    kept[0, 0] = math.inf
    assert clip_grad_norm(params, 1.0).item() == math.inf
    assert kept[0, 1] == copy[0, 1]
    assert clip_grad_norm([torch.zeros(2)], 1.0).item() == 0
    with pytest.raises(ValueError, match="max_norm"):
        clip_grad_norm(params, 0.0)


def test_micro_batches_are_one_large_batch() -> None:
    torch.manual_seed(0)
    sides = [MLP([4, 8, 3], relu).double() for _ in range(2)]
    sides[1].load_state_dict(sides[0].state_dict())
    x, y = torch.randn(12, 4, dtype=torch.float64), torch.randint(3, (12,))
    for one in sides:
        one.eval()
    optimizers = [SGD(one.parameters(), lr=0.3) for one in sides]
    for _ in range(3):
        whole = train_step(sides[0], cross_entropy, optimizers[0], [(x, y)])
        parts = train_step(
            sides[1], cross_entropy, optimizers[1], [(x[i : i + 4], y[i : i + 4]) for i in range(0, 12, 4)]
        )
        torch.testing.assert_close(whole, parts)
    assert sides[0].training
    assert not parts.requires_grad
    for one, two in zip(sides[0].parameters(), sides[1].parameters(), strict=True):
        torch.testing.assert_close(one, two)


def test_old_gradients_do_not_count() -> None:
    model = nn.Linear(2, 1, bias=False)
    optimizer = SGD(model.parameters(), lr=0.1)
    model.weight.grad = torch.full_like(model.weight, 1e6)
    before = model.weight.detach().clone()
    train_step(model, mse_loss, optimizer, [(torch.ones(3, 2), torch.zeros(3, 1))])
    assert (model.weight - before).abs().max() < 10
    with pytest.raises(ValueError, match="micro-batch"):
        train_step(model, mse_loss, optimizer, [])
