"""Conditioning, total probability and Bayes' rule against NumPy, SciPy and exact fractions, also at hard inputs."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special, stats
from torch import Tensor

from groundup.stack.numerics import bayes, conditional, total_probability

TWO = torch.float64


def table(*shape: int, dtype: torch.dtype = TWO, seed: int = 0) -> Tensor:
    """Positive numbers, normalized along the last dimension."""
    drawn = torch.rand(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)) + 0.05
    return (drawn / drawn.sum(-1, keepdim=True)).to(dtype)


def exact_posterior(prior: Sequence[float], likelihood: Sequence[Sequence[float]], observed: Sequence[int]) -> Tensor:
    """Bayes' rule in fractions: nothing is rounded but the result."""
    joint = [
        math.prod((Fraction(row[outcome]) for outcome in observed), start=Fraction(p))
        for p, row in zip(prior, likelihood, strict=True)
    ]
    evidence = sum(joint)
    return torch.tensor([float(one / evidence) if evidence else 0.0 for one in joint], dtype=TWO)


# ── conditional ──


@pytest.mark.parametrize("shape", [(5,), (2, 3), (3, 1), (2, 3, 4), (2, 1, 3, 4)])
def test_conditional_on_each_axis_against_numpy(shape: tuple[int, ...]) -> None:
    joint = table(*shape)
    for axis in range(-len(shape), len(shape)):
        others = tuple(other for other in range(len(shape)) if other != axis % len(shape))
        expected = joint.numpy() / joint.numpy().sum(axis=others, keepdims=True)
        torch.testing.assert_close(conditional(joint, axis), torch.from_numpy(np.asarray(expected)))


def test_conditional_against_scipys_contingency_margins() -> None:
    counts = torch.tensor([[3, 0, 5], [1, 7, 2]])
    rows, columns = stats.contingency.margins(counts.numpy())
    for axis, margin in ((0, rows), (1, columns)):
        torch.testing.assert_close(
            conditional(counts.double(), axis), torch.from_numpy(counts.numpy() / margin.astype(float))
        )


@pytest.mark.parametrize("default", [torch.float32, torch.float64])
def test_counts_are_taken_as_the_default_floating_dtype(default: torch.dtype) -> None:
    before = torch.get_default_dtype()
    torch.set_default_dtype(default)
    try:
        result = conditional(torch.tensor([[1, 3], [0, 0]]), 0)
        assert result.dtype == default
        assert result.tolist() == [[0.25, 0.75], [0.0, 0.0]]
        assert conditional(torch.tensor([True, False]), 0).tolist() == [1.0, 0.0]
    finally:
        torch.set_default_dtype(before)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.float16])
def test_only_proportions_matter(dtype: torch.dtype) -> None:
    joint = torch.tensor([[1.0, 2.0, 5.0], [0.0, 0.0, 0.0], [4.0, 0.0, 0.0]], dtype=dtype)
    for factor in (1.0, 2.0**-12, 2.0**10):
        result = conditional(joint * factor, 0)
        assert result.dtype == dtype
        assert result.tolist() == [[0.125, 0.25, 0.625], [0.0, 0.0, 0.0], [1.0, 0.0, 0.0]]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_masses_at_the_lower_end_of_the_range(dtype: torch.dtype) -> None:
    tiny = torch.finfo(dtype).tiny
    joint = torch.tensor([[3.0, 1.0], [0.5, 1.5]], dtype=dtype) * tiny
    expected = torch.tensor([[0.75, 0.25], [0.25, 0.75]], dtype=dtype)
    torch.testing.assert_close(conditional(joint, 0), expected)


def test_conditional_times_marginal_is_the_joint() -> None:
    joint = table(2, 3, 4)
    joint[:, 1] = 0.0
    for axis in range(3):
        others = [other for other in range(3) if other != axis]
        torch.testing.assert_close(conditional(joint, axis) * joint.sum(others, keepdim=True), joint)


def test_the_layout_of_a_table_does_not_matter() -> None:
    joint = table(4, 6, 5).transpose(0, 2)[:, ::2]
    assert not joint.is_contiguous()
    for axis in range(3):
        torch.testing.assert_close(conditional(joint, axis), conditional(joint.contiguous(), axis))


def test_gradients_of_conditional() -> None:
    joint = table(2, 3, 2).requires_grad_()
    for axis in range(3):
        assert torch.autograd.gradcheck(lambda joint, axis=axis: conditional(joint, axis), joint)
    empty = torch.tensor([[0.0, 0.0], [0.25, 0.75]], requires_grad=True)
    assert torch.autograd.grad(conditional(empty, 0).square().sum(), empty)[0].isfinite().all()


@pytest.mark.parametrize(("dims", "axis"), [(1, 1), (1, -2), (2, 2), (2, -3), (3, 7), (0, 0)])
def test_an_axis_that_is_not_there(dims: int, axis: int) -> None:
    with pytest.raises(IndexError, match=f"{dims} axes has no axis {axis}"):
        conditional(torch.ones((2,) * dims), axis)


# ── total probability ──


@pytest.mark.parametrize(
    ("left", "right"),
    [((3,), (3, 4)), ((1,), (1, 4)), ((3,), (3, 1)), ((5, 3), (3, 4)), ((3,), (5, 3, 4)), ((5, 1, 3), (2, 3, 4))],
)
def test_total_probability_against_einsum(left: tuple[int, ...], right: tuple[int, ...]) -> None:
    prior, likelihood = table(*left), table(*right, seed=1)
    result = total_probability(prior, likelihood)
    expected = np.einsum("...h,...ho->...o", prior.numpy(), likelihood.numpy())
    torch.testing.assert_close(result, torch.from_numpy(np.asarray(expected)))
    torch.testing.assert_close(result.sum(-1), torch.ones(result.shape[:-1], dtype=TWO))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_total_probability_keeps_the_dtype(dtype: torch.dtype) -> None:
    prior, likelihood = table(4, 3, dtype=dtype), table(3, 5, dtype=dtype, seed=1)
    result = total_probability(prior, likelihood)
    assert result.dtype == dtype
    expected = total_probability(prior.double(), likelihood.double())
    torch.testing.assert_close(result.double(), expected, rtol=8 * torch.finfo(dtype).eps, atol=0)


def test_total_probability_of_the_conditional_is_the_marginal() -> None:
    joint = table(12, seed=3).reshape(3, 4)
    joint[1] = 0.0
    torch.testing.assert_close(total_probability(joint.sum(1), conditional(joint, 0)), joint.sum(0))


def test_gradients_of_total_probability() -> None:
    prior, likelihood = table(2, 1, 3).requires_grad_(), table(2, 3, 4, seed=1).requires_grad_()
    assert torch.autograd.gradcheck(total_probability, (prior, likelihood))


# ── bayes ──


@pytest.mark.parametrize("observed", [[], [0], [3], [1, 1], [3, 0, 2, 3]])
def test_bayes_against_fractions(observed: list[int]) -> None:
    prior, likelihood = table(3), table(3, 4, seed=1)
    expected = exact_posterior(prior.tolist(), likelihood.tolist(), observed)
    torch.testing.assert_close(bayes(prior, likelihood, observed), expected)
    torch.testing.assert_close(bayes(prior, likelihood, torch.tensor(observed)), expected)


def test_one_outcome_may_be_a_number() -> None:
    prior, likelihood = table(3), table(3, 4, seed=1)
    expected = bayes(prior, likelihood, [2])
    for observed in (2, torch.tensor(2), torch.tensor([2], dtype=torch.int32), (2,)):
        assert torch.equal(bayes(prior, likelihood, observed), expected)


def test_bayes_is_the_conditional_of_the_joint() -> None:
    prior, likelihood = table(3), table(3, 4, seed=1)
    posteriors = torch.stack([bayes(prior, likelihood, outcome) for outcome in range(4)], dim=1)
    torch.testing.assert_close(posteriors, conditional(prior[:, None] * likelihood, 1))


def test_bayes_against_a_binomial_grid_of_scipy() -> None:
    """A coin of unknown bias on a grid: SciPy's binomial mass has the same posterior as the throws one by one."""
    bias = np.linspace(0.05, 0.95, 19)
    throws = [1] * 70 + [0] * 30
    weight = stats.binom.logpmf(70, 100, bias)
    likelihood = torch.from_numpy(np.stack([1 - bias, bias], axis=1))
    expected = torch.from_numpy(special.softmax(weight))
    torch.testing.assert_close(bayes(torch.full((19,), 1 / 19, dtype=TWO), likelihood, throws), expected)


@pytest.mark.parametrize(
    ("left", "right"),
    [((3,), (5, 3, 4)), ((5, 3), (3, 4)), ((5, 1, 3), (2, 3, 4)), ((0, 3), (3, 4)), ((1,), (1, 4)), ((3,), (3, 1))],
)
def test_batches_of_bayes_equal_one_after_the_other(left: tuple[int, ...], right: tuple[int, ...]) -> None:
    prior, likelihood = table(*left), table(*right, seed=1)
    observed = torch.tensor([0, 2, 2]) % right[-1]
    batch = torch.broadcast_shapes(left[:-1], right[:-2])
    whole = bayes(prior, likelihood, observed)
    assert whole.shape == (*batch, left[-1])
    priors, likelihoods = prior.expand(*batch, left[-1]), likelihood.expand(*batch, *right[-2:])
    for index in itertools.product(*map(range, batch)):
        expected = exact_posterior(priors[index].tolist(), likelihoods[index].tolist(), observed.tolist())
        torch.testing.assert_close(whole[index], expected)


def test_updating_one_by_one_equals_updating_at_once() -> None:
    prior, likelihood = table(3), table(3, 4, seed=1)
    posterior = prior
    for outcome in (3, 1, 1, 0):
        posterior = bayes(posterior, likelihood, outcome)
    torch.testing.assert_close(posterior, bayes(prior, likelihood, [3, 1, 1, 0]))


def test_a_prior_counts_up_to_a_factor() -> None:
    prior, likelihood = table(3), table(3, 4, seed=1)
    torch.testing.assert_close(bayes(prior * 7, likelihood, 1), bayes(prior, likelihood, 1))


def test_what_was_impossible_stays_impossible() -> None:
    prior = torch.tensor([0.0, 0.5, 0.5], dtype=TWO)
    likelihood = torch.tensor([[0.9, 0.1], [0.0, 1.0], [0.5, 0.5]], dtype=TWO)
    assert bayes(prior, likelihood, 0).tolist() == [0.0, 0.0, 1.0]
    torch.testing.assert_close(bayes(prior, likelihood, 1), torch.tensor([0.0, 2 / 3, 1 / 3], dtype=TWO))


def test_zeros_where_no_hypothesis_allows_it() -> None:
    prior = torch.tensor([[0.5, 0.5, 0.0], [0.2, 0.4, 0.4]])
    likelihood = torch.tensor([[0.0, 1.0], [0.0, 1.0], [0.5, 0.5]])
    assert bayes(prior, likelihood, 0).tolist() == [[0.0, 0.0, 0.0], [0.0, 0.0, 1.0]]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_evidence_beyond_the_range_of_the_dtype(dtype: torch.dtype) -> None:
    """5000 outcomes for one hypothesis, then 5001 for the other: products and running posteriors both reach 0."""
    likelihood = torch.tensor([[0.75, 0.25], [0.25, 0.75]], dtype=dtype)
    observed = torch.tensor([0] * 5000 + [1] * 5001)
    tolerance = 20_000 * torch.finfo(dtype).eps
    expected = torch.tensor([0.25, 0.75], dtype=dtype)
    torch.testing.assert_close(bayes(expected * 0 + 0.5, likelihood, observed), expected, rtol=tolerance, atol=0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_tiny_masses(dtype: torch.dtype) -> None:
    tiny = torch.finfo(dtype).tiny
    prior = torch.tensor([3.0, 1.0], dtype=dtype) * tiny
    likelihood = torch.tensor([[tiny, 1.0], [tiny, 1.0]], dtype=dtype)
    expected = torch.tensor([0.75, 0.25], dtype=dtype)
    tolerance = 2000 * torch.finfo(dtype).eps
    torch.testing.assert_close(bayes(prior, likelihood, [0, 0]), expected, rtol=tolerance, atol=0)


def test_the_layout_does_not_matter() -> None:
    prior, likelihood = table(3, 5).T, table(4, 6, 5, seed=1).permute(2, 1, 0)[:, ::2]
    assert not likelihood.is_contiguous()
    expected = bayes(prior.contiguous(), likelihood.contiguous(), [1, 3])
    torch.testing.assert_close(bayes(prior, likelihood, [1, 3]), expected)


def test_gradients_of_bayes() -> None:
    prior, likelihood = table(2, 1, 3).requires_grad_(), table(2, 3, 4, seed=1).requires_grad_()
    for observed in (1, [0, 2, 2]):
        assert torch.autograd.gradcheck(lambda p, q, observed=observed: bayes(p, q, observed), (prior, likelihood))


def test_gradients_beside_zeros() -> None:
    """Positive entries have the gradient of the plain formula, zeros a finite one."""
    prior = torch.tensor([[0.0, 0.3, 0.7], [0.5, 0.5, 0.0]], dtype=TWO, requires_grad=True)
    likelihood = torch.tensor([[0.5, 0.5], [0.2, 0.8], [0.0, 1.0]], dtype=TWO, requires_grad=True)
    weight = table(2, 3, seed=2)
    ours = torch.autograd.grad((bayes(prior, likelihood, 1) * weight).sum(), (prior, likelihood))
    joint = prior * likelihood[:, 1]
    theirs = torch.autograd.grad((joint / joint.sum(-1, keepdim=True) * weight).sum(), (prior, likelihood))
    torch.testing.assert_close(ours[0][prior > 0], theirs[0][prior > 0])
    torch.testing.assert_close(ours[1], theirs[1])
    assert ours[0].isfinite().all()
    impossible = torch.autograd.grad(bayes(prior[:, :1], likelihood[:1] * 0, 0).sum(), (prior, likelihood))
    assert all(gradient.isfinite().all() for gradient in impossible)


# ── errors and laws ──


@pytest.mark.parametrize(
    "function", [total_probability, lambda prior, likelihood: bayes(prior, likelihood, 0)], ids=["total", "bayes"]
)
@pytest.mark.parametrize(
    ("left", "right"), [((3,), (4, 3)), ((1,), (4, 3)), ((4,), (1, 3)), ((3,), (3,)), ((), (1, 3))]
)
def test_different_numbers_of_hypotheses_are_refused(
    function: Callable[[Tensor, Tensor], Tensor], left: tuple[int, ...], right: tuple[int, ...]
) -> None:
    with pytest.raises(ValueError, match="numbers of hypotheses") as caught:
        function(torch.ones(left), torch.ones(right))
    assert f"{left} and {right}" in str(caught.value)


def test_an_outcome_that_is_not_there() -> None:
    with pytest.raises(IndexError):
        bayes(table(3), table(3, 4), 4)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(0, 8), min_size=3, max_size=3),
    st.lists(st.lists(st.integers(0, 8), min_size=4, max_size=4), min_size=3, max_size=3),
    st.lists(st.integers(0, 3), max_size=12),
)
def test_bayes_of_whole_numbers_against_fractions(
    prior: list[int], likelihood: list[list[int]], observed: list[int]
) -> None:
    """Likelihoods need not add up to 1 either: only proportions count, zeros included."""
    result = bayes(torch.tensor(prior, dtype=TWO), torch.tensor(likelihood, dtype=TWO), observed)
    torch.testing.assert_close(result, exact_posterior(prior, likelihood, observed), rtol=1e-12, atol=1e-14)
