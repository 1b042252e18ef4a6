"""The NumPy tensor's values and gradients against torch's, in float64; and the two uses of torch's own engine."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from groundup.stack.autograd import Tensor, frozen_features, gradients_of

Function = Callable[..., Any]
SHAPES: list[tuple[tuple[int, ...], tuple[int, ...]]] = [
    ((), ()),
    ((3,), (3,)),
    ((2, 3), ()),
    ((), (2, 3)),
    ((2, 3), (3,)),
    ((2, 1), (1, 3)),
    ((4, 1, 3), (2, 1)),
    ((1,), (2, 3)),
    ((1, 1, 1), (2, 3)),
    ((2, 0), (1,)),
]


def helper(mine: Function, shapes: Sequence[tuple[int, ...]], theirs: Function | None = None, low: float = -2) -> None:
    """One expression on both engines: the same value, and the same gradients under a random weighting of it."""
    draws = np.random.default_rng(7)
    arrays = [draws.uniform(low, 2, shape) for shape in shapes]
    ours = [Tensor(array) for array in arrays]
    oracle = [torch.tensor(array, requires_grad=True) for array in arrays]
    value, expected = mine(*ours), (theirs or mine)(*oracle)
    assert value.data.shape == tuple(expected.shape)
    np.testing.assert_allclose(value.data, expected.detach().numpy(), rtol=1e-12, atol=1e-12)
    weights = draws.normal(size=value.data.shape)
    (value * weights).sum().backward()
    torch.autograd.backward((expected * torch.tensor(weights)).sum())
    for one, two, array in zip(ours, oracle, arrays, strict=True):
        assert two.grad is not None and one.grad is not None
        assert isinstance(one.grad, np.ndarray) and one.grad.dtype == np.float64
        assert one.grad.shape == array.shape
        np.testing.assert_allclose(one.grad, two.grad.numpy(), rtol=1e-10, atol=1e-12)
        np.testing.assert_array_equal(one.data, array)


@pytest.mark.parametrize("shapes", SHAPES)
def test_addition_broadcasts(shapes: tuple[tuple[int, ...], ...]) -> None:
    helper(lambda a, b: a + b, shapes)


@pytest.mark.parametrize("shapes", SHAPES)
def test_subtraction_broadcasts(shapes: tuple[tuple[int, ...], ...]) -> None:
    helper(lambda a, b: a - b, shapes)


@pytest.mark.parametrize("shapes", SHAPES)
def test_multiplication_broadcasts(shapes: tuple[tuple[int, ...], ...]) -> None:
    helper(lambda a, b: a * b, shapes)


@pytest.mark.parametrize("shapes", SHAPES)
def test_division_broadcasts(shapes: tuple[tuple[int, ...], ...]) -> None:
    helper(lambda a, b: a / b, shapes, low=0.3)


@pytest.mark.parametrize(
    "shapes",
    [
        ((2, 3), (3, 4)),
        ((1, 1), (1, 1)),
        ((5, 2, 3), (5, 3, 4)),
        ((5, 2, 3), (3, 4)),
        ((2, 3), (5, 3, 4)),
        ((6, 1, 2, 3), (5, 3, 4)),
        ((1, 2, 3), (5, 3, 1)),
        ((2, 1), (1, 3)),
    ],
)
def test_matrix_products_with_batch_dimensions(shapes: tuple[tuple[int, ...], ...]) -> None:
    helper(lambda a, b: a @ b, shapes)


@pytest.mark.parametrize("exponent", [0, 1, 2, 3, -1, -2, 0.5, -1.5])
def test_powers(exponent: float) -> None:
    helper(lambda a: a**exponent, [(2, 3)], low=0.2)


def test_powers_of_zero_and_of_negative_numbers() -> None:
    for exponent in (0, 1, 2, 3):
        x, y = Tensor([0.0, -1.5]), torch.tensor([0.0, -1.5], dtype=torch.float64, requires_grad=True)
        (x**exponent).sum().backward()
        torch.autograd.backward((y**exponent).sum())
        np.testing.assert_array_equal(x.grad, y.grad)


@pytest.mark.parametrize("name", ["exp", "log", "tanh", "relu"])
def test_functions_of_each_entry(name: str) -> None:
    helper(lambda a: getattr(a, name)(), [(2, 3)], low=0.2 if name == "log" else -2)
    helper(lambda a: getattr(a, name)(), [()], low=0.2)


def test_relu_is_flat_at_zero() -> None:
    x = Tensor([0.0, -0.0, 1.0])
    x.relu().sum().backward()
    np.testing.assert_array_equal(x.grad, [0.0, 0.0, 1.0])


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("axis", [None, 0, 1, -1, (0, 2), (-1, 0), (1,), ()])
@pytest.mark.parametrize("name", ["sum", "mean"])
def test_sums_and_means(name: str, axis: int | tuple[int, ...] | None, keepdims: bool) -> None:
    def theirs(a: torch.Tensor) -> torch.Tensor:
        if axis == ():  # of torch's, an empty tuple means all axes
            return a * 1.0
        found: torch.Tensor = getattr(a, name)(dim=axis, keepdim=keepdims) if axis is not None else getattr(a, name)()
        return found.reshape(1, 1, 1) if axis is None and keepdims else found

    helper(lambda a: getattr(a, name)(axis=axis, keepdims=keepdims), [(2, 3, 4)], theirs)


def test_shapes() -> None:
    helper(lambda a: a.reshape(4, 6), [(2, 3, 4)])
    helper(lambda a: a.reshape(-1), [(2, 3, 4)])
    helper(lambda a: a.reshape(), [(1, 1)], lambda a: a.reshape(()))
    helper(lambda a: a.transpose(), [(2, 3, 4)], lambda a: a.permute(2, 1, 0))
    for axes in ((1, 2, 0), (2, 0, 1), (0, 2, 1), (-1, 0, 1), (1, -1, -3)):
        helper(lambda a, axes=axes: a.transpose(*axes), [(2, 3, 4)], lambda a, axes=axes: a.permute(*axes))
    helper(lambda a: a.transpose(), [()], lambda a: a * 1.0)


def test_numbers_and_arrays_on_either_side() -> None:
    array = np.arange(1.0, 7.0).reshape(2, 3)
    matrix = torch.tensor(array)
    for other, theirs in ((2, 2), (0.5, 0.5), (array, matrix)):
        for mine in (
            lambda a, o: a + o,
            lambda a, o: o + a,
            lambda a, o: a - o,
            lambda a, o: o - a,
            lambda a, o: a * o,
            lambda a, o: o * a,
            lambda a, o: a / o,
            lambda a, o: o / a,
        ):
            helper(lambda a, f=mine, o=other: f(a, o), [(2, 3)], lambda a, f=mine, o=theirs: f(a, o), low=0.3)
    helper(lambda a: a @ array, [(4, 2)], lambda a: a @ matrix)
    helper(lambda a: array @ a, [(3, 4)], lambda a: matrix @ a)
    helper(lambda a: -a, [(3, 4)])


def test_what_is_used_twice_gets_both_gradients() -> None:
    helper(lambda a: a * a + a, [(2, 3)])
    helper(lambda a: a @ a, [(3, 3)])
    helper(lambda a: a - a / a, [(3,)], low=0.5)
    helper(lambda a, b: (a * b + a.exp()) * (a * b).tanh() + b, [(2, 3), (3,)])


def test_a_graph_of_exponentially_many_paths() -> None:
    x = Tensor(1.0)
    y = x
    for _ in range(60):
        y = y + y
    y.backward()
    assert x.grad == 2.0**60


def test_order_is_kept_where_paths_differ_in_length() -> None:
    def skipping(a: Any) -> Any:
        b = a * 2
        c = b
        for _ in range(5):
            c = (c * 0.9).tanh() + b
        return c * a + b

    helper(skipping, [(3,)])


@pytest.mark.parametrize("length", [5000, 100_000])
def test_deep_chains(length: int) -> None:
    x = Tensor([0.5, -1.0])
    y = x
    for _ in range(length):
        y = y * 1.0001 if y.data[0] < 0.9 else y * 0.9999
    y.sum().backward()
    np.testing.assert_allclose(x.grad, y.data / x.data, rtol=1e-9)
    del y  # freeing a long chain must not recurse either


def test_gradients_add_up_over_calls_as_torchs_do() -> None:
    draws = np.random.default_rng(1)
    array = draws.normal(size=(2, 3))
    x, y = Tensor(array), torch.tensor(array, requires_grad=True)
    shared, theirs = (x * x).tanh(), (y * y).tanh()
    for _ in range(2):
        (shared * 3).sum().backward()
        torch.autograd.backward((theirs * 3).sum(), retain_graph=True)
    shared.mean().backward()
    torch.autograd.backward(theirs.mean())
    assert y.grad is not None
    np.testing.assert_allclose(x.grad, y.grad.numpy(), rtol=1e-12)
    np.testing.assert_allclose(shared.grad, np.full((2, 3), 6 + 1 / 6))


def test_gradients_share_no_memory() -> None:
    a, b = Tensor([1.0, 2.0]), Tensor([3.0, 4.0])
    total = a + b
    total.sum().backward()
    assert a.grad is not None
    a.grad *= 0
    np.testing.assert_array_equal(b.grad, [1.0, 1.0])
    np.testing.assert_array_equal(total.grad, [1.0, 1.0])
    a.grad[0] = 7.0  # writable


def test_data_are_float64_and_the_tensors_own() -> None:
    array = np.ones((2, 2), dtype=np.float32)
    x = Tensor(array)
    array[0, 0] = 9
    assert x.data.dtype == np.float64
    assert x.data[0, 0] == 1
    assert Tensor([1, 2]).data.dtype == np.float64
    assert x.grad is None
    assert repr(Tensor([1])) == "Tensor([1.0])"


def test_errors_say_what_came() -> None:
    with pytest.raises(ValueError, match=r"\(2,\)"):
        Tensor([1.0, 2.0]).backward()
    with pytest.raises(ValueError, match="one number"):
        Tensor(np.zeros((0,))).backward()
    with pytest.raises(ValueError, match=r"\(2,\) and \(2, 2\)"):
        Tensor([1.0, 2.0]) @ np.ones((2, 2))
    x = Tensor([[3.0]])
    x.backward()
    np.testing.assert_array_equal(x.grad, [[1.0]])


def test_a_network_learns_as_torchs_does() -> None:
    """Ten steps of a two-layer classifier with a stable log-softmax, side by side."""
    draws = np.random.default_rng(3)
    x, target = draws.normal(size=(16, 5)), draws.integers(0, 4, 16)
    start = [draws.normal(size=shape) for shape in ((5, 8), (8,), (8, 4), (4,))]
    mine = [Tensor(one) for one in start]
    theirs = [torch.tensor(one, requires_grad=True) for one in start]
    hot = np.eye(4)[target]
    for _ in range(10):
        logits = ((x @ mine[0] + mine[1]).tanh() @ mine[2] + mine[3]).relu()
        shifted = logits - logits.data.max(axis=1, keepdims=True)
        loss = (shifted.exp().sum(axis=1).log() - (shifted * hot).sum(axis=1)).mean()
        loss.backward()
        out = ((torch.tensor(x) @ theirs[0] + theirs[1]).tanh() @ theirs[2] + theirs[3]).relu()
        expected = nn.functional.cross_entropy(out, torch.tensor(target))
        torch.autograd.backward(expected)
        np.testing.assert_allclose(loss.data, expected.item(), rtol=1e-11)
        for one, two in zip(mine, theirs, strict=True):
            assert one.grad is not None and two.grad is not None
            np.testing.assert_allclose(one.grad, two.grad.numpy(), rtol=1e-9, atol=1e-13)
            one.data -= 0.1 * one.grad
            one.grad = None
            with torch.no_grad():
                two -= 0.1 * two.grad
            two.grad = None


# ── gradients_of ──


def test_gradients_of_leaves_no_trace() -> None:
    torch.manual_seed(0)
    weight = torch.randn(3, dtype=torch.float64, requires_grad=True)
    x = torch.randn(2, 3, dtype=torch.float64)
    y = torch.randn(3, dtype=torch.float64, requires_grad=True) * 2
    f = lambda a, b, unused: ((a * b).sin() * weight).sum()  # noqa: E731
    with torch.no_grad():
        found = gradients_of(f, [x, y, torch.ones(4)])
    assert [one.shape for one in found] == [(2, 3), (3,), (4,)]
    torch.testing.assert_close(found[0], (x * y).cos() * weight * y)
    torch.testing.assert_close(found[1], ((x * y).cos() * weight * x).sum(0))
    assert found[2].eq(0).all()
    assert not any(one.requires_grad for one in found)
    assert not x.requires_grad
    assert y.requires_grad and not y.is_leaf
    assert x.grad is None and weight.grad is None


def test_gradients_of_odd_functions() -> None:
    x = torch.tensor([2.0, 3.0], dtype=torch.float16)
    same = gradients_of(lambda a, b: (a * b * b).sum().reshape(1, 1), [x, x])
    assert [one.tolist() for one in same] == [[4.0, 9.0], [8.0, 18.0]]
    assert same[0].dtype == torch.float16
    assert gradients_of(lambda a: torch.tensor(3.0), [x])[0].tolist() == [0.0, 0.0]
    assert gradients_of(lambda: torch.tensor(3.0), []) == []
    with pytest.raises(ValueError, match=r"\(2,\)"):
        gradients_of(lambda a: a * 2, [x])
    assert not x.requires_grad


# ── frozen_features ──


class Grown(nn.Module):
    """Parts with flags of their own, and a record of how they were called."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Linear(4, 5), nn.BatchNorm1d(5), nn.Dropout(0.5))
        self.second = nn.Linear(5, 3)
        self.recorded: list[bool] = []

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.recorded.append(torch.is_grad_enabled())
        result: torch.Tensor = self.second(self.first(x))
        return result


def test_frozen_features_changes_nothing() -> None:
    torch.manual_seed(0)
    module = Grown()
    module.first[1].eval()
    module.second.weight.requires_grad_(False)
    flags = [one.training for one in module.modules()]
    state = copy.deepcopy(module.state_dict())
    x = torch.randn(6, 4, requires_grad=True)
    found = frozen_features(module, x)
    assert [one.training for one in module.modules()] == flags
    assert [one.requires_grad for one in module.parameters()] == [True] * 4 + [False, True]
    assert all(torch.equal(one, state[name]) for name, one in module.state_dict().items())
    assert module.recorded == [False]
    assert torch.is_grad_enabled()
    assert not found.requires_grad and not found.is_inference()
    torch.testing.assert_close(found, copy.deepcopy(module).eval()(x).detach())
    head = nn.Linear(3, 2)
    torch.autograd.backward(head(found).sum())
    assert head.weight.grad is not None and x.grad is None


def test_frozen_features_of_odd_modules() -> None:
    x = torch.randn(2, 3, requires_grad=True)
    assert not frozen_features(nn.Identity(), x).requires_grad
    assert x.requires_grad

    class Broken(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            raise RuntimeError("no")

    broken = Broken()
    with pytest.raises(RuntimeError, match="no"):
        frozen_features(broken, x)
    assert broken.training
    assert torch.is_grad_enabled()
    shared = nn.Dropout()
    twice = nn.Sequential(shared, shared).eval()
    shared.train()
    assert torch.equal(frozen_features(twice, x), x)
    assert shared.training and not twice.training
