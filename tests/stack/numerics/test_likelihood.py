"""Maximum likelihood against SciPy's fits, scikit-learn's logistic regression without a penalty, and closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, special, stats
from sklearn.linear_model import LogisticRegression
from torch import Tensor

from groundup.stack.numerics import fit_logistic, fit_normal, negative_log_likelihood

TWO = torch.float64
FAR_OUT = [(2, -3), (0, -5), (2, -7), (-60, 7), (60, -60), (4, -8), (-2, 0), (31, 32), (0, 0), (1, 0), (0, 0), (-1, 0)]
FAR_OUT_LABELS = [0, 1, 0, 1, 0, 0, 1, 1, 0, 1, 1, 1]


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def numbers(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, dtype=TWO, generator=seeded(seed))


def slopes(x: Tensor, y: Tensor, w: Tensor, b: Tensor) -> Tensor:
    """The gradient of the log-likelihood with respect to weights and bias, by hand."""
    pull = y.double() - torch.sigmoid(x.double() @ w.double() + b.double())
    return torch.cat([x.double().mT @ pull, pull.sum().reshape(1)])


def surprise(x: np.ndarray, y: np.ndarray, w: np.ndarray) -> float:
    scores = x @ w[:-1] + w[-1]
    return float(-(special.log_expit(np.where(y == 1, scores, -scores))).sum())


# ── normal ──


@pytest.mark.parametrize("n", [1, 2, 7, 200])
@pytest.mark.parametrize("shift", [0.0, 1e6, -1e9])
def test_normal_against_scipy(n: int, shift: float) -> None:
    x = 3 * numbers(n) + shift
    mean, std = fit_normal(x)
    theirs = stats.norm.fit(x.numpy())
    assert mean.item() == pytest.approx(theirs[0], rel=1e-14)
    assert std.item() == pytest.approx(theirs[1], rel=1e-6 if shift else 1e-13, abs=1e-15)


@given(st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=12))
@settings(max_examples=60, deadline=None)
def test_no_other_normal_distribution_is_more_likely(samples: list[float]) -> None:
    x = torch.tensor(samples, dtype=TWO)
    mean, std = (one.item() for one in fit_normal(x))
    if std < 1e-6:
        return
    best = -stats.norm.logpdf(samples, mean, std).sum()
    for m, s in ((mean + 0.01 * std, std), (mean - 0.01 * std, std), (mean, 1.01 * std), (mean, 0.99 * std)):
        assert -stats.norm.logpdf(samples, m, s).sum() > best


def test_normal_keeps_batch_and_dtype_and_passes_gradients() -> None:
    mean, std = fit_normal(numbers(2, 3, 5).float())
    assert mean.shape == std.shape == (2, 3)
    assert mean.dtype == std.dtype == torch.float32
    assert torch.autograd.gradcheck(fit_normal, (numbers(2, 5).requires_grad_(),))
    for empty in (torch.zeros(0), torch.zeros(3, 0)):
        with pytest.raises(ValueError, match="0"):
            fit_normal(empty)
    with pytest.raises(ValueError, match="sample"):
        fit_normal(torch.tensor(1.0))


# ── likelihood ──


def test_likelihood_is_minus_the_logarithm_of_the_product() -> None:
    p = torch.rand(4, 6, generator=seeded(0), dtype=TWO)
    torch.testing.assert_close(negative_log_likelihood(p.log()), -p.prod(dim=-1).log())
    assert negative_log_likelihood(torch.zeros(2, 0)).tolist() == [0.0, 0.0]
    assert negative_log_likelihood(torch.tensor([-1.0, -math.inf])).item() == math.inf


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_likelihood_of_half_precision_is_summed_in_float32(dtype: torch.dtype) -> None:
    x = (-12 * torch.rand(30_000, generator=seeded(0))).to(dtype)
    found = negative_log_likelihood(x)
    assert found.dtype == torch.float32
    assert found.item() == pytest.approx(-math.fsum(x.tolist()), rel=1e-5)


def test_likelihood_agrees_with_the_loss_of_language_models() -> None:
    logits, tokens = numbers(9, 20), torch.randint(20, (9,), generator=seeded(1))
    chosen = logits.log_softmax(-1)[torch.arange(9), tokens]
    whole = torch.nn.functional.cross_entropy(logits, tokens, reduction="sum")
    torch.testing.assert_close(negative_log_likelihood(chosen), whole)
    assert torch.autograd.gradcheck(negative_log_likelihood, (chosen.clone().requires_grad_(),))


# ── logistic ──


def labeled(n: int, d: int, seed: int) -> tuple[Tensor, Tensor]:
    x, w = numbers(n, d, seed=seed) + 0.5, numbers(d, seed=seed + 1)
    return x, (torch.rand(n, generator=seeded(seed), dtype=TWO) < torch.sigmoid(x @ w - 0.3)).double()


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("n", "d"), [(40, 1), (90, 3), (400, 12)])
def test_logistic_against_scikit_learn(n: int, d: int, seed: int) -> None:
    x, y = labeled(n, d, seed)
    w, b = fit_logistic(x, y)
    theirs = LogisticRegression(C=math.inf, tol=1e-10, max_iter=5000).fit(x.numpy(), y.numpy())
    np.testing.assert_allclose(w, theirs.coef_[0], rtol=1e-4, atol=1e-5)
    assert b.item() == pytest.approx(theirs.intercept_[0], rel=1e-4, abs=1e-5)
    assert slopes(x, y, w, b).abs().max() < 1e-7


def test_logistic_of_a_table_of_two_by_two_has_a_closed_form() -> None:
    x = torch.tensor([0.0] * 10 + [1.0] * 16, dtype=TWO)[:, None]
    y = torch.tensor([1.0] * 3 + [0.0] * 7 + [1.0] * 11 + [0.0] * 5, dtype=TWO)
    w, b = fit_logistic(x, y)
    assert b.item() == pytest.approx(math.log(3 / 7))
    assert w.item() == pytest.approx(math.log(11 / 5) - math.log(3 / 7))
    w, b = fit_logistic(torch.zeros(26, 0, dtype=TWO), y)
    assert (w.shape, b.item()) == ((0,), pytest.approx(math.log(14 / 12)))


def test_samples_far_out_where_whole_newton_steps_run_away() -> None:
    x, y = np.array(FAR_OUT, dtype=float), np.array(FAR_OUT_LABELS)
    rows, w = np.column_stack([x, np.ones(len(x))]), np.zeros(3)
    reached = []
    for _ in range(6):
        chance = special.expit(rows @ w)
        bend = (rows.T * (chance * (1 - chance))) @ rows
        w = w + np.linalg.lstsq(bend, rows.T @ (y - chance), rcond=None)[0]
        reached.append(surprise(x, y, w))
    assert max(reached) > 3 * min(reached)  # so the whole steps do go up, in this data set
    found = torch.cat([part.reshape(-1) for part in fit_logistic(torch.tensor(x), torch.tensor(y))]).numpy()
    best = optimize.minimize(lambda w: surprise(x, y, w), found, method="Nelder-Mead", options={"xatol": 1e-10})
    assert surprise(x, y, found) <= best.fun + 1e-9
    assert slopes(torch.tensor(x), torch.tensor(y), torch.tensor(found[:2]), torch.tensor(found[2])).abs().max() < 1e-4


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
@pytest.mark.parametrize("shift", [0.0, 2000.0])
def test_units_do_not_matter(scale: float, shift: float) -> None:
    x, y = labeled(60, 2, seed=3)
    w, b = fit_logistic(x, y)
    other_w, other_b = fit_logistic((x + shift) * scale, y)
    torch.testing.assert_close(other_w * scale, w, rtol=1e-6, atol=1e-8)
    assert (other_b + (shift * scale * other_w).sum()).item() == pytest.approx(b.item(), rel=1e-6, abs=1e-6)


def test_columns_that_repeat_each_other_and_constant_ones() -> None:
    x, y = labeled(60, 2, seed=5)
    w, b = fit_logistic(x, y)
    wide = torch.cat([x, x[:, :1], 3 - x, torch.full((60, 1), 4.0, dtype=TWO), torch.zeros(60, 1, dtype=TWO)], dim=1)
    other_w, other_b = fit_logistic(wide, y)
    torch.testing.assert_close(wide @ other_w + other_b, x @ w + b, rtol=1e-6, atol=1e-6)


def test_labels_that_can_be_separated_give_finite_weights() -> None:
    x = numbers(30, 3, seed=7)
    y = (x @ numbers(3, seed=8) > 0.2).long()
    for labels in (y, torch.ones(30), torch.zeros(30)):
        w, b = fit_logistic(x, labels)
        right = torch.where(labels == 1, 1.0, -1.0) * (x @ w + b)
        assert torch.isfinite(w).all()
        assert torch.isfinite(b)
        assert torch.sigmoid(right).min() > 0.999
    more = numbers(5, 20)  # fewer samples than features
    w, b = fit_logistic(more, torch.tensor([0, 1, 1, 0, 1]))
    assert torch.sigmoid(torch.tensor([-1.0, 1, 1, -1, 1]) * (more @ w + b)).min() > 0.999


def test_steps_and_dtypes() -> None:
    x, y = labeled(50, 2, seed=9)
    w, b = fit_logistic(x.float(), y.bool(), steps=0)
    assert (w.tolist(), b.item(), w.dtype) == ([0.0, 0.0], 0.0, torch.float32)
    reached = [surprise(x.numpy(), y.numpy(), torch.cat([w, b.reshape(1)]).numpy()) for w, b in
               (fit_logistic(x, y, steps) for steps in range(7))]  # fmt: skip
    assert reached == sorted(reached, reverse=True)
    assert reached[1] > reached[6] + 1e-4
    for labels in (y, y.long(), y.bool(), y.float()):
        torch.testing.assert_close(fit_logistic(x, labels)[0], fit_logistic(x, y)[0])


def test_what_is_refused() -> None:
    x, y = labeled(12, 2, seed=1)
    for wrong in (2 * y - 1, y + 0.5, y * math.nan):
        with pytest.raises(ValueError, match="0 and 1"):
            fit_logistic(x, wrong)
    for rows, labels in ((x, y[:-1]), (x, y[:1]), (x, y[:, None]), (x[:0], y[:0]), (x[:, 0], y)):
        with pytest.raises(ValueError, match="got"):
            fit_logistic(rows, labels)
    with pytest.raises(ValueError, match="-1"):
        fit_logistic(x, y, steps=-1)
