"""Layers, activations, losses, optimizers and schedules against torch's own, gradients included."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
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
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64, **more)


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


HALF = [torch.bfloat16, torch.float16]


@pytest.mark.parametrize("dtype", [torch.float32, *HALF])
@pytest.mark.parametrize("activation", FORMULAS, ids=lambda one: one.__name__)
def test_activations_keep_the_dtype(activation: Callable[[Tensor], Tensor], dtype: torch.dtype) -> None:
    x = (2 * drawn(4, 5)).to(dtype)
    found = activation(x)
    assert found.dtype == dtype
    torch.testing.assert_close(
        found.double(), FORMULAS[activation](x.double()), rtol=0, atol=4 * torch.finfo(dtype).eps
    )


@pytest.mark.parametrize("activation", FORMULAS, ids=lambda one: one.__name__)
def test_far_from_zero_activations_are_lines_with_their_slopes(activation: Callable[[Tensor], Tensor]) -> None:
    x = torch.tensor([-1e4, -300.0, -100.0, 100.0, 300.0, 1e4], requires_grad=True)
    y = activation(x)
    y.sum().backward()
    torch.testing.assert_close(y, x.clamp(min=0.0), rtol=0, atol=1e-6)
    torch.testing.assert_close(x.grad, torch.tensor([0.0, 0.0, 0.0, 1.0, 1.0, 1.0]), rtol=0, atol=1e-6)


@pytest.mark.parametrize("dtype", HALF)
def test_softmax_in_half_precision(dtype: torch.dtype) -> None:
    x = drawn(3, 6).to(dtype)
    found = softmax(x)
    assert found.dtype == dtype
    torch.testing.assert_close(found.double(), x.double().softmax(-1), rtol=0, atol=torch.finfo(dtype).eps)


def test_softmax_gives_nothing_to_minus_infinity_and_has_gradients() -> None:
    x = drawn(3, 4).masked_fill(torch.tensor([False, True, False, True]), -math.inf).requires_grad_()
    shares = softmax(x)
    assert (shares[:, 1] == 0).all()
    shares[:, 0].sum().backward()
    expected = (shares[:, :1] * (torch.tensor([1.0, 0.0, 0.0, 0.0]) - shares)).detach()
    torch.testing.assert_close(x.grad, expected, rtol=0, atol=1e-12)


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


@pytest.mark.parametrize("dtype", HALF)
def test_linear_in_half_precision(dtype: torch.dtype) -> None:
    layer, x = Linear(6, 4).to(dtype), drawn(3, 6).to(dtype)
    exact = x.double() @ layer.weight.double().T + layer.bias.double()
    assert layer(x).dtype == dtype
    torch.testing.assert_close(layer(x).double(), exact, rtol=0, atol=4 * torch.finfo(dtype).eps)


def test_layers_begin_as_kaiming_says_with_biases_of_zero() -> None:
    torch.manual_seed(0)
    for layer in (Linear(400, 300), *MLP([400, 300, 200], relu).layers):
        assert layer.weight.var().item() == pytest.approx(2 / layer.weight.shape[1], rel=0.05)
        assert (layer.bias == 0).all()
    assert Linear(3, 2, bias=False).bias is None
    assert list(Linear(3, 2, bias=False).state_dict()) == ["weight"]


def test_kaiming_fills_a_parameter_and_draws_from_its_generator_alone() -> None:
    weight = nn.Parameter(torch.zeros(30, 20, dtype=torch.float64))
    before = torch.get_rng_state()
    assert kaiming_init(weight, torch.Generator().manual_seed(0)) is weight
    assert torch.equal(before, torch.get_rng_state())
    assert weight.is_leaf
    assert weight.requires_grad
    torch.manual_seed(3)
    one = kaiming_init(torch.zeros(4, 5), None)
    torch.manual_seed(3)
    assert torch.equal(one, kaiming_init(torch.zeros(4, 5), None))


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


def aims(targets: Tensor, classes: int, smoothing: float) -> Tensor:
    """The distribution that each place is held to."""
    return (1 - smoothing) * functional.one_hot(targets, classes).double() + smoothing / classes


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_cross_entropy_of_extreme_logits(smoothing: float) -> None:
    logits = torch.tensor([[1e4, -1e4, 0.0], [-1e4, 1e4, 9990.0], [1e4, 9999.0, -1e4]], requires_grad=True)
    targets = torch.tensor([1, 1, 0])
    loss = cross_entropy(logits, targets, label_smoothing=smoothing)
    loss.backward()
    logs = logits.detach().double().log_softmax(-1)
    held = aims(targets, 3, smoothing)
    torch.testing.assert_close(loss.double(), -(held * logs).sum(-1).mean(), rtol=1e-6, atol=0)
    torch.testing.assert_close(logits.grad, ((logs.exp() - held) / 3).float(), rtol=0, atol=1e-6)


@pytest.mark.parametrize("smoothing", [0.0, 0.3])
@pytest.mark.parametrize("ignored", [-100, -1, 2, 1000])
def test_whatever_number_is_ignored_the_rest_counts(ignored: int, smoothing: float) -> None:
    logits = drawn(9, 5).requires_grad_()
    targets = torch.tensor([0, 1, 3, 4, 1, 0, 3, 4, 1])
    kept = torch.tensor([True, False, True, True, False, True, True, False, True])
    loss = cross_entropy(logits, targets.masked_fill(~kept, ignored), ignored, smoothing)
    loss.backward()
    logs = logits.detach().log_softmax(-1)
    held = aims(targets, 5, smoothing)
    torch.testing.assert_close(loss, -(held * logs).sum(-1)[kept].mean(), rtol=1e-12, atol=0)
    expected = (logs.exp() - held) / kept.sum() * kept[:, None]
    torch.testing.assert_close(logits.grad, expected, rtol=0, atol=1e-12)


def test_classes_that_cannot_be_do_not_disturb() -> None:
    logits = drawn(2, 4).masked_fill(torch.tensor([False, True, False, False]), -math.inf).requires_grad_()
    loss = cross_entropy(logits, torch.tensor([0, 2]))
    loss.backward()
    rest = cross_entropy(logits.detach()[:, [0, 2, 3]], torch.tensor([0, 1]))
    torch.testing.assert_close(loss, rest)
    assert logits.grad is not None
    assert logits.grad.isfinite().all()
    assert (logits.grad[:, 1] == 0).all()


@pytest.mark.parametrize("dtype", HALF)
def test_cross_entropy_of_many_places_in_half_precision(dtype: torch.dtype) -> None:
    logits = torch.zeros(9000, 3, dtype=dtype)
    logits[:, 0] = 24.0  # 9000 times 24 is beyond float16
    loss = cross_entropy(logits, torch.ones(9000, dtype=torch.int64))
    assert loss.dtype == dtype
    assert loss.item() == 24.0


@pytest.mark.parametrize("dtype", [torch.float32, *HALF])
def test_losses_keep_the_dtype(dtype: torch.dtype) -> None:
    x, y, targets = drawn(4, 6).to(dtype), drawn(4, 6, seed=1).sigmoid().to(dtype), torch.tensor([0, 5, 2, 2])
    tolerance = 8 * torch.finfo(dtype).eps
    for found, exact in (
        (mse_loss(x, y), (x.double() - y.double()).square().mean()),
        (cross_entropy(x, targets), -x.double().log_softmax(-1)[torch.arange(4), targets].mean()),
        (binary_cross_entropy(x, y), functional.binary_cross_entropy(x.double().sigmoid(), y.double())),
    ):
        assert found.dtype == dtype
        torch.testing.assert_close(found.double(), exact, rtol=0, atol=tolerance)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_cross_entropy_of_nothing_is_zero_with_gradients_of_zero(smoothing: float) -> None:
    x = drawn(3, 4).requires_grad_()
    loss = cross_entropy(x, torch.full((3,), -100), label_smoothing=smoothing)
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


def test_gradients_of_the_other_losses() -> None:
    x, y = drawn(3, 4).requires_grad_(), drawn(3, 4, seed=1).requires_grad_()
    mse_loss(x, y).backward()
    expected = 2 * (x - y).detach() / 12
    torch.testing.assert_close(x.grad, expected)
    torch.testing.assert_close(y.grad, -expected)
    far = torch.tensor([-1e4, -300.0, -20.0, 0.0, 0.0, 20.0, 300.0, 1e4], dtype=torch.float64, requires_grad=True)
    targets = torch.tensor([1.0, 0.0, 0.3, 0.0, 1.0, 0.7, 0.0, 1.0], dtype=torch.float64)
    loss = binary_cross_entropy(far, targets)
    loss.backward()
    logs = functional.logsigmoid(far.detach()), functional.logsigmoid(-far.detach())
    torch.testing.assert_close(loss, -(targets * logs[0] + (1 - targets) * logs[1]).mean(), rtol=1e-12, atol=0)
    torch.testing.assert_close(far.grad, (far.detach().sigmoid() - targets) / 8, rtol=0, atol=1e-12)


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


@pytest.mark.parametrize(("ours", "theirs", "settings"), PAIRS, ids=lambda one: getattr(one, "__name__", None))
@pytest.mark.parametrize("scale", [0.0, 1e-5, 1.0, 1e5])
def test_the_first_steps_are_torchs_for_gradients_of_any_size(
    ours: Callable[..., Optimizer], theirs: Callable[..., torch.optim.Optimizer], settings: dict[str, Any], scale: float
) -> None:
    sides = [[drawn(4).requires_grad_(), drawn(seed=5).requires_grad_()] for _ in range(2)]
    optimizers = (ours(sides[0], **settings), theirs(sides[1], **settings))
    for step in range(2):
        for params, optimizer in zip(sides, optimizers, strict=True):
            for one in params:
                one.grad = scale * drawn(*one.shape, seed=step)
            optimizer.step()
        for one, two in zip(*sides, strict=True):
            torch.testing.assert_close(one, two, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(("ours", "theirs", "settings"), PAIRS, ids=lambda one: getattr(one, "__name__", None))
@pytest.mark.parametrize("dtype", [torch.float32, *HALF])
def test_optimizers_in_other_dtypes(
    ours: Callable[..., Optimizer], theirs: Callable[..., torch.optim.Optimizer], settings: dict[str, Any], dtype: Any
) -> None:
    sides = [[drawn(3, 4).to(dtype).requires_grad_()] for _ in range(2)]
    optimizers = (ours(sides[0], **settings), theirs(sides[1], **settings))
    for step in range(3):
        for (one,), optimizer in zip(sides, optimizers, strict=True):
            one.grad = drawn(3, 4, seed=step + 1).to(dtype)
            optimizer.step()
    assert sides[0][0].dtype == dtype
    torch.testing.assert_close(sides[0][0], sides[1][0], rtol=0, atol=16 * torch.finfo(dtype).eps)


def test_adam_begins_with_a_step_of_the_learning_rate() -> None:
    for scale in (1e-3, 1.0, 1e3):
        w = torch.tensor([1.0, -2.0], dtype=torch.float64, requires_grad=True)
        optimizer = Adam([w], lr=0.1)
        w.grad = scale * torch.tensor([3.0, -0.5], dtype=torch.float64)
        optimizer.step()
        torch.testing.assert_close(w.detach(), torch.tensor([0.9, -1.9], dtype=torch.float64), rtol=0, atol=1e-4)


def test_a_parameter_without_a_gradient_is_left_alone_with_what_is_remembered() -> None:
    for make in (
        lambda params: SGD(params, 0.1, momentum=0.9, weight_decay=0.1),
        lambda params: RMSprop(params, 0.1),
        lambda params: AdamW(params, 0.1, weight_decay=0.1),
    ):
        used, left = drawn(3).requires_grad_(), drawn(3, seed=1).requires_grad_()
        optimizer = make(iter([used, left]))
        used.grad, left.grad = drawn(3, seed=2), drawn(3, seed=3)
        optimizer.step()
        before = left.detach().clone(), [values[1].clone() for values in optimizer.state.values()]
        kept = used.grad.clone()
        left.grad = None
        optimizer.step()
        assert torch.equal(used.grad, kept)
        assert torch.equal(left.detach(), before[0])
        assert all(torch.equal(one[1], two) for one, two in zip(optimizer.state.values(), before[1], strict=True))
        assert optimizer.steps == [2, 1]
        optimizer.zero_grad()
        assert used.grad is None


def test_what_is_remembered_goes_through_a_checkpoint(tmp_path: Path) -> None:
    w = [drawn(3, 4).requires_grad_(), drawn(2, seed=1).requires_grad_()]
    first = AdamW(w, 0.1, weight_decay=0.2)

    def run(optimizer: Optimizer, params: list[Tensor], steps: range) -> None:
        for step in steps:
            optimizer.zero_grad()
            params[0].grad = drawn(3, 4, seed=step)
            params[1].grad = drawn(2, seed=step) if step % 3 else None
            optimizer.lr = 0.1 / (step + 1)
            optimizer.step()

    run(first, w, range(4))
    torch.save({"optimizer": first.state_dict(), "params": [one.detach() for one in w]}, tmp_path / "checkpoint.pt")
    run(first, w, range(4, 9))
    held = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    others = [one.requires_grad_() for one in held["params"]]
    second = AdamW(others, 0.5, weight_decay=0.2)
    second.load_state_dict(held["optimizer"])
    assert second.lr == 0.1 / 4
    run(second, others, range(4, 9))
    assert all(torch.equal(one, two) for one, two in zip(w, others, strict=True))
    assert SGD(w, 0.1).state == {}
    with pytest.raises(ValueError, match="3 parameters"):
        SGD(w, 0.1).load_state_dict(SGD([*w, drawn(1)], 0.1).state_dict())


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
