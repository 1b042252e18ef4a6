"""Entropy, cross-entropy, divergence and perplexity against SciPy, PyTorch's losses and exact values."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special, stats
from torch import Tensor
from torch.nn import functional

from groundup.stack.numerics import cross_entropy_of, entropy, kl_divergence, perplexity

TWO = torch.float64


def table(*shape: int, dtype: torch.dtype = TWO, seed: int = 0) -> Tensor:
    """Distributions along the last dimension, no entry near 0."""
    drawn = torch.rand(shape, dtype=TWO, generator=torch.Generator().manual_seed(seed)) + 0.05
    return (drawn / drawn.sum(-1, keepdim=True)).to(dtype)


# ── against SciPy ──


@pytest.mark.parametrize("shape", [(1,), (5,), (3, 4), (2, 3, 7)])
def test_against_scipy(shape: tuple[int, ...]) -> None:
    p, q = table(*shape), table(*shape, seed=1)
    divergence = special.rel_entr(p.numpy(), q.numpy()).sum(-1)
    expected = {
        "entropy": stats.entropy(p.numpy(), axis=-1),
        "special": special.entr(p.numpy()).sum(-1),
        "divergence": stats.entropy(p.numpy(), q.numpy(), axis=-1),
    }
    for name, value in expected.items():
        found = kl_divergence(p, q) if name == "divergence" else entropy(p)
        torch.testing.assert_close(found, torch.from_numpy(np.asarray(value)), rtol=1e-12, atol=1e-15)
    torch.testing.assert_close(kl_divergence(p, q), torch.from_numpy(np.asarray(divergence)), rtol=1e-12, atol=1e-15)
    torch.testing.assert_close(
        cross_entropy_of(p, q), torch.from_numpy(np.asarray(divergence + expected["special"])), rtol=1e-12, atol=1e-15
    )


def test_against_pytorchs_losses_and_distributions() -> None:
    p, logits = table(4, 6), torch.randn(4, 6, dtype=TWO, generator=torch.Generator().manual_seed(2))
    q = logits.softmax(-1)
    theirs = functional.cross_entropy(logits, p, reduction="none")
    torch.testing.assert_close(cross_entropy_of(p, q), theirs)
    torch.testing.assert_close(kl_divergence(p, q), functional.kl_div(q.log(), p, reduction="none").sum(-1))
    one, other = torch.distributions.Categorical(probs=p), torch.distributions.Categorical(probs=q)
    torch.testing.assert_close(entropy(p), one.entropy())
    torch.testing.assert_close(kl_divergence(p, q), torch.distributions.kl_divergence(one, other))


def test_zeros_against_scipy() -> None:
    p = torch.tensor([[0.5, 0.5, 0.0], [0.0, 1.0, 0.0], [0.2, 0.3, 0.5], [0.0, 0.4, 0.6]], dtype=TWO)
    q = torch.tensor([[0.25, 0.75, 0.0], [0.0, 1.0, 0.0], [0.5, 0.5, 0.0], [0.0, 0.9, 0.1]], dtype=TWO)
    torch.testing.assert_close(entropy(p), torch.from_numpy(special.entr(p.numpy()).sum(-1)))
    torch.testing.assert_close(kl_divergence(p, q), torch.from_numpy(special.rel_entr(p.numpy(), q.numpy()).sum(-1)))
    assert kl_divergence(p, q)[2] == math.inf
    assert cross_entropy_of(p, q)[2] == math.inf
    assert cross_entropy_of(p, q)[1] == 0
    assert cross_entropy_of(p, q).isfinite().tolist() == [True, True, False, True]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.float16])
def test_the_dtype_is_kept(dtype: torch.dtype) -> None:
    p, q = table(3, 6, dtype=dtype), table(3, 6, dtype=dtype, seed=1)
    for found, expected in (
        (entropy(p), entropy(p.double())),
        (cross_entropy_of(p, q), cross_entropy_of(p.double(), q.double())),
    ):
        assert found.dtype == dtype
        torch.testing.assert_close(found.double(), expected, rtol=8 * torch.finfo(dtype).eps, atol=0)
    assert kl_divergence(p, q).dtype == dtype


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_tiny_beliefs_are_not_cut_off(dtype: torch.dtype) -> None:
    """Down to the smallest numbers of the dtype, whose quotient with 1 does not fit."""
    tiny = torch.finfo(dtype).tiny / 2
    p, q = torch.tensor([0.5, 0.5], dtype=dtype), torch.tensor([tiny, 1.0], dtype=dtype)
    expected = torch.tensor(-0.5 * math.log(q[0].item()), dtype=dtype)
    torch.testing.assert_close(cross_entropy_of(p, q), expected)
    torch.testing.assert_close(kl_divergence(p, q), expected + math.log(0.5))


@pytest.mark.parametrize(
    ("left", "right"), [((3, 5), (5,)), ((5,), (3, 5)), ((4, 1, 5), (3, 5)), ((0, 5), (5,)), ((2, 1), (1,))]
)
def test_batches_broadcast(left: tuple[int, ...], right: tuple[int, ...]) -> None:
    p, q = table(*left), table(*right, seed=1)
    wide = torch.broadcast_shapes(left, right)
    expected = special.rel_entr(p.expand(wide).numpy(), q.expand(wide).numpy()).sum(-1)
    torch.testing.assert_close(kl_divergence(p, q), torch.from_numpy(np.asarray(expected)), rtol=1e-12, atol=1e-15)
    torch.testing.assert_close(cross_entropy_of(p, q), kl_divergence(p, q) + entropy(p))


def test_the_layout_does_not_matter() -> None:
    p, q = table(4, 6, 5).transpose(0, 2)[:, ::2], table(4, 3, 5, seed=1).transpose(0, 2)
    assert not p.is_contiguous()
    for function in (cross_entropy_of, kl_divergence):
        torch.testing.assert_close(function(p, q), function(p.contiguous(), q.contiguous()))
    torch.testing.assert_close(entropy(p), entropy(p.contiguous()))


# ── laws ──


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.integers(0, 9), min_size=5, max_size=5).filter(any),
    st.lists(st.integers(0, 9), min_size=5, max_size=5).filter(any),
)
def test_laws_of_whole_numbers(left: list[int], right: list[int]) -> None:
    p, q = (torch.tensor(one, dtype=TWO) / sum(one) for one in (left, right))
    assert -1e-15 <= entropy(p) <= math.log(5) + 1e-15
    assert kl_divergence(p, p) == 0
    assert kl_divergence(p, q) >= -1e-15
    torch.testing.assert_close(cross_entropy_of(p, q), entropy(p) + kl_divergence(p, q))
    torch.testing.assert_close(entropy(p.flip(0)), entropy(p))
    expected = special.rel_entr(p.numpy(), q.numpy()).sum()
    assert kl_divergence(p, q).item() == pytest.approx(expected, rel=1e-12, abs=1e-14)


def test_entropy_of_independent_pairs_adds_up() -> None:
    p, q = table(3), table(4, seed=1)
    torch.testing.assert_close(entropy((p[:, None] * q).reshape(-1)), entropy(p) + entropy(q))


# ── gradients ──


def test_gradients() -> None:
    p, q = table(2, 1, 4).requires_grad_(), table(3, 4, seed=1).requires_grad_()
    assert torch.autograd.gradcheck(entropy, p)
    for function in (cross_entropy_of, kl_divergence):
        assert torch.autograd.gradcheck(function, (p, q))
    assert torch.autograd.gradcheck(perplexity, (table(2, 3).log().requires_grad_(),))


def test_gradients_beside_zeros() -> None:
    """Right with respect to positive entries, finite with respect to zeros, also where both are zero."""
    p = torch.tensor([0.0, 0.0, 0.4, 0.6], dtype=TWO, requires_grad=True)
    q = torch.tensor([0.0, 0.3, 0.3, 0.4], dtype=TWO, requires_grad=True)
    (found,) = torch.autograd.grad(entropy(p), p)
    torch.testing.assert_close(found[2:], -p.detach()[2:].log() - 1)
    assert found.isfinite().all()
    for function, wrt_p in (
        (cross_entropy_of, lambda p, q: -q.log()),
        (kl_divergence, lambda p, q: p.log() + 1 - q.log()),
    ):
        one, other = torch.autograd.grad(function(p, q), (p, q))
        torch.testing.assert_close(one[2:], wrt_p(p.detach(), q.detach())[2:])
        torch.testing.assert_close(other[1:], -(p / q).detach()[1:])
        assert one.isfinite().all() and other.isfinite().all()


# ── perplexity ──


def test_perplexity_against_pytorchs_loss() -> None:
    logits = torch.randn(2, 9, 6, dtype=TWO, generator=torch.Generator().manual_seed(3))
    tokens = torch.randint(6, (2, 9), generator=torch.Generator().manual_seed(4))
    of_tokens = logits.log_softmax(-1).gather(-1, tokens[..., None])[..., 0]
    expected = functional.cross_entropy(logits.reshape(-1, 6), tokens.reshape(-1)).exp()
    torch.testing.assert_close(perplexity(of_tokens), expected)


@pytest.mark.parametrize("shape", [(), (1,), (3, 4), (2, 1, 5)])
def test_perplexity_is_one_over_the_geometric_mean(shape: tuple[int, ...]) -> None:
    p = table(*shape, 2)[..., 0]
    expected = 1 / stats.gmean(p.numpy(), axis=None)
    found = perplexity(p.log())
    assert found.shape == ()
    assert found.item() == pytest.approx(float(expected), rel=1e-12)


def test_perplexity_of_long_texts_and_of_impossible_tokens() -> None:
    long = torch.full((300_000,), -math.log(50_257.0))
    torch.testing.assert_close(perplexity(long), torch.tensor(50_257.0), rtol=1e-4, atol=0)
    assert perplexity(torch.tensor([-1.0, -math.inf])) == math.inf
    assert perplexity(torch.zeros(3)) == 1


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_perplexity_of_half_precision_in_float32(dtype: torch.dtype) -> None:
    of_tokens = torch.full((1000,), -12.5, dtype=dtype)
    assert perplexity(of_tokens).dtype == torch.float32
    torch.testing.assert_close(perplexity(of_tokens), torch.tensor(math.exp(12.5)))


def test_perplexity_of_nothing() -> None:
    with pytest.raises(ValueError, match="no tokens"):
        perplexity(torch.zeros(2, 0))


@pytest.mark.parametrize(("left", "right"), [((3,), (4,)), ((1,), (4,)), ((4,), (1,)), ((2, 3), (3, 2))])
def test_different_numbers_of_outcomes_are_refused(left: tuple[int, ...], right: tuple[int, ...]) -> None:
    for function in (cross_entropy_of, kl_divergence):
        with pytest.raises(ValueError, match="number of outcomes") as caught:
            function(torch.ones(left), torch.ones(right))
        assert f"{left} and {right}" in str(caught.value)
