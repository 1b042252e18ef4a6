"""Shuffled batches and SGD: against torch, scikit-learn and by counting, and against what theory says of the noise."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.linear_model import LogisticRegression
from torch import Tensor
from torch.utils.data import DataLoader

from groundup.stack.numerics import gradient_descent, minibatches, sgd

TWO = torch.float64


def source(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def mean_pull(x: Tensor, batch: Tensor) -> Tensor:
    return (x - batch).mean(dim=0)


# ── minibatches ──


@given(st.integers(0, 200), st.integers(1, 250), st.integers(0, 2**32))
@settings(max_examples=80, deadline=None)
def test_every_number_once_and_the_sizes_of_torchs_loader(n: int, batch_size: int, seed: int) -> None:
    batches = minibatches(n, batch_size, source(seed))
    assert sorted(int(one) for batch in batches for one in batch) == list(range(n))
    loader = DataLoader(range(n), batch_size=batch_size) if n else []  # type: ignore[arg-type, var-annotated]
    assert [len(batch) for batch in batches] == [len(batch) for batch in loader]
    assert all(batch.dtype == torch.int64 and batch.dim() == 1 for batch in batches)


def test_all_orders_are_equally_likely() -> None:
    generator = source(1)
    drawn = [tuple(torch.cat(minibatches(4, 3, generator)).tolist()) for _ in range(12_000)]
    counts = [drawn.count(order) for order in set(drawn)]
    assert len(counts) == 24
    assert stats.chisquare(counts).pvalue > 1e-6


def test_a_state_gives_one_order_and_the_next_another() -> None:
    generator = source(2)
    first, second = (torch.cat(minibatches(50, 7, generator)) for _ in range(2))
    assert torch.equal(first, torch.cat(minibatches(50, 7, source(2))))
    assert not torch.equal(first, second)


def test_the_process_wide_random_numbers_are_left_alone() -> None:
    kept = torch.get_rng_state()
    minibatches(10, 3, source())
    sgd(mean_pull, torch.zeros(2), torch.ones(10, 2), 0.1, 2, 3, source())
    assert torch.equal(torch.get_rng_state(), kept)


# ── sgd ──


@pytest.mark.parametrize("batch_size", [1, 4, 7, 30, 100])
def test_the_steps_of_torchs_optimizer_on_the_same_batches(batch_size: int) -> None:
    data = torch.randn(30, 3, dtype=TWO, generator=source(3))
    x0 = torch.randn(3, dtype=TWO, generator=source(4))
    x = torch.nn.Parameter(x0.clone())
    optimizer, generator = torch.optim.SGD([x], lr=0.07), source(5)
    for _ in range(3):
        for rows in minibatches(30, batch_size, generator):
            optimizer.zero_grad()
            torch.autograd.backward(((x - data[rows]) ** 2).sum(dim=1).mean() / 2)
            optimizer.step()
    found = sgd(mean_pull, x0, data, 0.07, 3, batch_size, source(5))
    torch.testing.assert_close(found, x.detach(), rtol=1e-12, atol=1e-12)


def test_one_batch_of_everything_is_gradient_descent() -> None:
    data = torch.randn(9, 2, dtype=TWO, generator=source(6))
    x0 = torch.tensor([3.0, -2.0], dtype=TWO)
    path = gradient_descent(lambda x: mean_pull(x, data), x0, 0.3, 5)
    torch.testing.assert_close(sgd(mean_pull, x0, data, 0.3, 5, 9, source()), path[-1])


def test_falling_rates_find_the_weights_of_scikit_learn() -> None:
    """A logistic regression with a penalty, whose optimum scikit-learn computes by another method."""
    inputs = torch.randn(400, 4, dtype=TWO, generator=source(7)) * torch.tensor([1.0, 0.5, 2.0, 1.0])
    labels = (
        inputs @ torch.tensor([1.0, -2.0, 0.5, 0.0]).double() + torch.randn(400, generator=source(8)) > 0
    ).double()
    model = LogisticRegression(C=1.0, fit_intercept=False, tol=1e-10, max_iter=1000).fit(inputs.numpy(), labels.numpy())
    data = torch.cat([inputs, labels[:, None]], dim=1)

    def grad(x: Tensor, batch: Tensor) -> Tensor:
        off = torch.sigmoid(batch[:, :4] @ x) - batch[:, 4]
        return (batch[:, :4] * off[:, None]).mean(dim=0) + x / 400

    x, generator = torch.zeros(4, dtype=TWO), source(9)
    for lr in (0.5, 0.1, 0.02, 0.004, 0.001):
        x = sgd(grad, x, data, lr, 60, 20, generator)
    torch.testing.assert_close(x, torch.from_numpy(model.coef_[0]), rtol=0, atol=5e-3)


def test_the_noise_of_independent_batches_settles_where_theory_says() -> None:
    """Batches that are independent, here rows of a large set seen once: variance η / (2 - η) · σ² / b."""
    lr, size = 0.3, 4
    numbers = torch.randn(400_000, dtype=TWO, generator=source(10)).reshape(-1, 500)  # 500 walks side by side
    ends = sgd(mean_pull, torch.zeros(500, dtype=TWO), numbers, lr, 1, size, source(11))
    expected = lr / (2 - lr) / size
    low, high = (stats.chi2(500).ppf(p) / 500 for p in (1e-7, 1 - 1e-7))
    assert low < float(ends.square().mean()) / expected < high


EXACT: list[tuple[int, int, int]] = [(1, 10, 3), (4, 7, 2), (2, 1, 1), (3, 5, 9)]


@pytest.mark.parametrize(("epochs", "n", "batch_size"), EXACT)
@pytest.mark.parametrize("size", [1e-300, 1.0, 1e300])
def test_every_row_counts_once_in_each_epoch(epochs: int, n: int, batch_size: int, size: float) -> None:
    data = torch.arange(1.0, n + 1, dtype=TWO)[:, None] * size / 1024
    end = sgd(lambda x, batch: batch.sum(dim=0), torch.zeros(1, dtype=TWO), data, 0.5, epochs, batch_size, source())
    torch.testing.assert_close(end, -0.5 * epochs * data.sum(dim=0), rtol=1e-12, atol=0)


def test_no_epochs_no_rows_and_other_dtypes() -> None:
    x0 = torch.ones(2, 3, dtype=torch.bfloat16)
    nothing = torch.zeros(0, 4)
    zeros: Callable[[Tensor, Tensor], Tensor] = lambda x, batch: torch.zeros_like(x)  # noqa: E731
    for data, epochs in ((nothing, 3), (torch.ones(5, 4), 0), (torch.arange(5), 2)):
        end = sgd(zeros, x0, data, 0.1, epochs, 2, source())
        assert end.dtype == x0.dtype
        assert torch.equal(end, x0)


def test_nothing_that_was_passed_in_is_changed() -> None:
    x0, data = torch.ones(2), torch.randn(6, 2, generator=source())
    kept = data.clone()
    sgd(lambda x, batch: x, x0, data, 0.1, 2, 4, source())
    assert torch.equal(x0, torch.ones(2))
    assert torch.equal(data, kept)


def test_a_rate_that_is_too_large_runs_away_and_says_so() -> None:
    end = sgd(lambda x, batch: 1e200 * x, torch.ones(1, dtype=TWO), torch.zeros(6, 1), 1.0, 1, 1, source())
    assert not math.isfinite(float(end))


@pytest.mark.parametrize(("n", "batch_size"), [(5, 0), (5, -1), (-1, 2), (0, 0)])
def test_batches_that_are_refused(n: int, batch_size: int) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        minibatches(n, batch_size, source())


@pytest.mark.parametrize(("epochs", "batch_size"), [(-1, 2), (1, 0), (0, 0), (0, -2)])
def test_runs_that_are_refused(epochs: int, batch_size: int) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        sgd(mean_pull, torch.zeros(2), torch.ones(4, 2), 0.1, epochs, batch_size, source())
