"""Layers, activations, losses, optimizers and schedules against torch's own, gradients included."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from groundup.stack.nn import (
    MLP,
    SGD,
    Adam,
    AdamW,
    Linear,
    Optimizer,
    RMSprop,
    binary_cross_entropy,
    cross_entropy,
    gelu,
    kaiming_init,
    mse_loss,
    relu,
    silu,
    softmax,
    warmup_cosine,
)
from groundup.stack.nn.losses import log_probabilities


def drawn(*shape: int, seed: int = 0, **more: Any) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64, **more)


# ── activations: the formulas, written out ───────────────────────────────────

FORMULAS: dict[Callable[[Tensor], Tensor], Callable[[Tensor], Tensor]] = {
    relu: lambda x: torch.where(x > 0, x, 0.0),
    gelu: lambda x: x * 0.5 * (1 + torch.erf(x / math.sqrt(2))),
    silu: lambda x: x / (1 + torch.exp(-x)),
}


@pytest.mark.parametrize("activation", FORMULAS, ids=lambda one: one.__name__)
def test_activations_are_their_formulas(activation: Callable[[Tensor], Tensor]) -> None:
    mine, theirs = (drawn(3, 5).requires_grad_() for _ in range(2))
    one, two = activation(mine), FORMULAS[activation](theirs)
    torch.testing.assert_close(one, two, rtol=0, atol=1e-12)
    one.sum().backward()
    two.sum().backward()
    torch.testing.assert_close(mine.grad, theirs.grad, rtol=0, atol=1e-12)
    assert activation(torch.tensor([-1e4, 0.0, 1e4])).isfinite().all()


@pytest.mark.parametrize("dim", [0, 1, -1])
def test_softmax_shares_sum_to_one_in_any_dimension(dim: int) -> None:
    x = drawn(3, 4, 5)
    exponentials = x.exp()
    torch.testing.assert_close(softmax(x, dim=dim), exponentials / exponentials.sum(dim, keepdim=True))
    large = torch.tensor([1e4, 1e4 - 1, -1e4])
    torch.testing.assert_close(softmax(large), torch.tensor([math.e / (1 + math.e), 1 / (1 + math.e), 0.0]))


# ── layers ───────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("bias", [True, False])
def test_linear_is_torchs(bias: bool) -> None:
    mine, theirs = Linear(5, 3, bias=bias).double(), nn.Linear(5, 3, bias=bias).double()
    theirs.load_state_dict(mine.state_dict())
    x, y = (drawn(2, 4, 5).requires_grad_() for _ in range(2))
    torch.testing.assert_close(mine(x), theirs(y))
    mine(x).square().sum().backward()
    theirs(y).square().sum().backward()
    torch.testing.assert_close(x.grad, y.grad)
    for one, two in zip(mine.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(one.grad, two.grad)


def test_linear_says_which_shape_it_wants() -> None:
    with pytest.raises(ValueError, match=r"must be 5: got shape \(2, 4\)"):
        Linear(5, 3)(torch.ones(2, 4))


def test_an_mlp_bends_between_its_layers_and_not_after() -> None:
    mlp = MLP([4, 6, 5, 2], relu).double()
    theirs = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 2)).double()
    assert list(mlp.state_dict()) == [f"layers.{i}.{name}" for i in range(3) for name in ("weight", "bias")]
    theirs.load_state_dict(dict(zip(theirs.state_dict(), mlp.state_dict().values(), strict=True)))
    x = drawn(3, 4)
    torch.testing.assert_close(mlp(x), theirs(x))
    with pytest.raises(ValueError, match="sizes"):
        MLP([4], relu)


@pytest.mark.parametrize("shape", [(400, 300), (64, 8, 5, 5)])
def test_kaiming_has_the_variance_of_its_fan_in(shape: tuple[int, ...]) -> None:
    weight = torch.empty(shape)
    assert kaiming_init(weight, torch.Generator().manual_seed(0)) is weight
    fan_in = math.prod(shape[1:])
    assert weight.var().item() == pytest.approx(2 / fan_in, rel=0.05)
    assert abs(weight.mean().item()) < 5 / math.sqrt(fan_in * weight.numel() / 2)
    again = kaiming_init(torch.empty(shape), torch.Generator().manual_seed(0))
    assert torch.equal(weight, again)
    with pytest.raises(ValueError, match="two dimensions"):
        kaiming_init(torch.empty(3), None)


# ── losses ───────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("smoothing", [0.0, 0.13])
@pytest.mark.parametrize("shape", [(7,), (2, 5), (2, 3, 4), ()])
def test_cross_entropy_is_torchs(shape: tuple[int, ...], smoothing: float) -> None:
    x, y = (drawn(*shape, 6).requires_grad_() for _ in range(2))
    targets = torch.randint(6, shape, generator=torch.Generator().manual_seed(1))
    if targets.numel() > 3:
        targets.view(-1)[::3] = -1
    mine = cross_entropy(x, targets, ignore_index=-1, label_smoothing=smoothing)
    theirs = functional.cross_entropy(y.reshape(-1, 6), targets.reshape(-1), ignore_index=-1, label_smoothing=smoothing)
    torch.testing.assert_close(mine, theirs)
    mine.backward()
    theirs.backward()
    torch.testing.assert_close(x.grad, y.grad)


def test_cross_entropy_of_nothing_is_zero_with_gradients_of_zero() -> None:
    x = drawn(3, 4).requires_grad_()
    loss = cross_entropy(x, torch.full((3,), -100))
    loss.backward()
    assert loss.item() == 0
    assert x.grad is not None
    assert (x.grad == 0).all()


def test_the_other_losses_are_torchs() -> None:
    x, y = drawn(3, 4), drawn(3, 4, seed=1)
    torch.testing.assert_close(mse_loss(x, y), functional.mse_loss(x, y))
    torch.testing.assert_close(
        binary_cross_entropy(x, y.sigmoid()), functional.binary_cross_entropy(x.sigmoid(), y.sigmoid())
    )
    assert binary_cross_entropy(torch.tensor([1e4, -1e4]), torch.tensor([1.0, 0.0])).item() == 0
    targets = torch.tensor([0, 3, 1])
    torch.testing.assert_close(log_probabilities(x, targets), x.log_softmax(-1)[torch.arange(3), targets])


@pytest.mark.parametrize("loss", [mse_loss, binary_cross_entropy])
def test_losses_do_not_broadcast(loss: Callable[[Tensor, Tensor], Tensor]) -> None:
    with pytest.raises(ValueError, match="shape"):
        loss(torch.zeros(3, 1), torch.zeros(3))
    with pytest.raises(ValueError, match="shape"):
        cross_entropy(torch.zeros(2, 3, 4), torch.zeros(3, 2, dtype=torch.long))


# ── optimizers ───────────────────────────────────────────────────────────────

PAIRS: list[tuple[Callable[..., Optimizer], Callable[..., torch.optim.Optimizer], dict[str, Any]]] = [
    (SGD, torch.optim.SGD, {"lr": 0.1}),
    (SGD, torch.optim.SGD, {"lr": 0.05, "momentum": 0.8, "weight_decay": 0.03}),
    (RMSprop, torch.optim.RMSprop, {"lr": 0.02, "alpha": 0.9}),
    (Adam, torch.optim.Adam, {"lr": 0.03, "betas": (0.8, 0.95)}),
    (AdamW, torch.optim.AdamW, {"lr": 0.03, "weight_decay": 0.2}),
]


@pytest.mark.parametrize(("ours", "theirs", "settings"), PAIRS, ids=lambda one: getattr(one, "__name__", None))
def test_optimizers_are_torchs(
    ours: Callable[..., Optimizer], theirs: Callable[..., torch.optim.Optimizer], settings: dict[str, Any]
) -> None:
    shapes = ((3, 4), (5,), (2,))
    sides = [[drawn(*shape, seed=sum(shape)).requires_grad_() for shape in shapes] for _ in range(2)]
    mine, yours = ours(sides[0], **settings), theirs(sides[1], **settings)
    for step in range(7):
        for params, optimizer in zip(sides, (mine, yours), strict=True):
            optimizer.zero_grad()
            used = params[: 2 + step % 2]  # the third is left out at times
            loss = sum((one.square() * one.sin()).sum() for one in used)
            assert isinstance(loss, Tensor)
            loss.backward()
            optimizer.step()
        mine.lr = yours.param_groups[0]["lr"] = settings["lr"] / (step + 1)
        for one, two in zip(*sides, strict=True):
            torch.testing.assert_close(one, two, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(("ours", "theirs", "settings"), PAIRS, ids=lambda one: getattr(one, "__name__", None))
def test_an_optimizer_goes_on_exactly_where_it_was(
    ours: Callable[..., Optimizer], theirs: Any, settings: dict[str, Any]
) -> None:
    def steps(optimizer: Optimizer, count: int) -> None:
        for _ in range(count):
            optimizer.zero_grad()
            optimizer.params[0].square().sum().backward()
            optimizer.step()

    straight = ours([drawn(3, 4).requires_grad_()], **settings)
    steps(straight, 5)
    first = ours([drawn(3, 4).requires_grad_()], **settings)
    steps(first, 3)
    second = ours([first.params[0].detach().clone().requires_grad_()], **settings)
    second.load_state_dict(first.state_dict())
    steps(second, 2)
    assert torch.equal(straight.params[0], second.params[0])
    other = ours([drawn(3, 5).requires_grad_()], **settings)
    if first.state:
        with pytest.raises(ValueError, match="other shapes"):
            other.load_state_dict(first.state_dict())


def test_settings_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ValueError, match="no parameters"):
        SGD([], lr=1)
    with pytest.raises(ValueError, match="not negative"):
        SGD([torch.zeros(1)], lr=-1)
    with pytest.raises(ValueError, match="not negative"):
        SGD([torch.zeros(1)], lr=1, momentum=-0.1)
    with pytest.raises(ValueError, match="betas"):
        Adam([torch.zeros(1)], lr=1, betas=(0.9, 1.0))
    with pytest.raises(ValueError, match="not negative"):
        AdamW([torch.zeros(1)], lr=1, weight_decay=-1)


# ── schedules ────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("warmup", "total", "floor"), [(4, 20, 0.0), (0, 10, 0.1), (10, 10, 0.3), (1, 7, 0.02)])
def test_warm_up_and_cosine(warmup: int, total: int, floor: float) -> None:
    rates = [warmup_cosine(step, 0.5, warmup, total, floor) for step in range(total + 3)]
    assert rates[total:] == [floor] * 3
    if warmup:
        assert rates[:warmup] == pytest.approx([0.5 * (step + 1) / warmup for step in range(warmup)])
    falling = rates[warmup:total]
    assert falling == sorted(falling, reverse=True)
    if falling:
        assert falling[0] == 0.5
        cosine = torch.optim.lr_scheduler.CosineAnnealingLR(
            torch.optim.SGD([torch.zeros(1)], lr=0.5), total - warmup, eta_min=floor
        )
        expected = []
        for _ in falling:
            expected.append(cosine.get_last_lr()[0])
            cosine.optimizer.step()
            cosine.step()
        assert falling == pytest.approx(expected)
    with pytest.raises(ValueError, match="warmup"):
        warmup_cosine(0, 1.0, 5, 4)
    with pytest.raises(ValueError, match="step"):
        warmup_cosine(-1, 1.0, 0, 4)
