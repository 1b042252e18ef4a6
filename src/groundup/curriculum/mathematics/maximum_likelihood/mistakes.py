"""Wrong fits and wrong likelihoods, each named for what its author believed. The docstring is the hint that a learner reads."""

import math

import torch
import torch.nn.functional as F

from groundup.authoring import replaces
from groundup.stack.numerics import fit_logistic as _logistic
from groundup.stack.numerics import fit_normal as _normal
from groundup.stack.numerics import negative_log_likelihood as _nll


def _some(x):
    if x.dim() == 0 or x.shape[-1] == 0:
        raise ValueError("no sample")


def _wide(x):
    return x.to(torch.promote_types(x.dtype, torch.float32))


# ── fit_normal ──


@replaces("fit_normal")
def divisor_n_minus_one(x):
    """The spread was taken with the divisor n - 1. That makes its square right on average over many data sets; the most likely spread has the divisor n. For one sample the most likely spread is 0, and 0/0 came out."""
    _some(x)
    n = x.shape[-1]
    mean = x.mean(-1)
    return mean, ((x - mean[..., None]).square().sum(-1) / (n - 1)).sqrt()


@replaces("fit_normal")
def variance_returned(x):
    """The second number is the variance. The standard deviation is its root, in the unit of the samples."""
    mean, std = _normal(x)
    return mean, std.square()


@replaces("fit_normal")
def standard_error_returned(x):
    """The second number is the uncertainty of the mean, which shrinks with the number of samples. The distribution of the samples does not become narrower because you have seen more of them."""
    mean, std = _normal(x)
    return mean, std / math.sqrt(x.shape[-1])


@replaces("fit_normal")
def spread_around_zero(x):
    """The spread was measured from 0, and not from the mean."""
    mean, _ = _normal(x)
    return mean, x.square().mean(-1).sqrt()


@replaces("fit_normal")
def mean_absolute_distance(x):
    """The mean of the absolute distances was taken. That is the most likely scale of another distribution (Laplace's); in the normal one the distance is squared."""
    mean, _ = _normal(x)
    return mean, (x - mean[..., None]).abs().mean(-1)


@replaces("fit_normal")
def median_for_the_mean(x):
    """The middle sample was taken for the mean. It is the most likely center of another distribution (Laplace's), and for the normal one it is not."""
    _some(x)
    middle = x.quantile(0.5, dim=-1)
    return middle, (x - middle[..., None]).square().mean(-1).sqrt()


@replaces("fit_normal")
def all_rows_together(x):
    """One fit was made for all samples of the batch. Each row has its own, along the last dimension."""
    _some(x)
    return _normal(x.flatten())


@replaces("fit_normal")
def along_the_first_dimension(x):
    """The samples were taken along the first dimension. They lie along the last; for a single row these are the same."""
    _some(x)
    return _normal(x.movedim(0, -1))


@replaces("fit_normal")
def squares_subtracted(x):
    """The variance was computed as the mean of the squares minus the square of the mean. Around a million these two agree in nearly all of their digits, and what is left is rounding. Subtract the mean first."""
    _some(x)
    mean = x.mean(-1)
    return mean, (x.square().mean(-1) - mean.square()).clamp(min=0).sqrt()


@replaces("fit_normal")
def spread_before_mean(x):
    """The two results are in the wrong order: the mean comes first."""
    mean, std = _normal(x)
    return std, mean


@replaces("fit_normal")
def dimension_kept(x):
    """The results still have a last dimension, of size 1. One number for each row is wanted."""
    mean, std = _normal(x)
    return mean[..., None], std[..., None]


@replaces("fit_normal")
def small_number_in_the_root(x):
    """A small number was added to the variance, as normalization layers do it. A constant row has spread 0, and tiny samples have a tiny one."""
    mean, std = _normal(x)
    return mean, (std.square() + 1e-8).sqrt()


@replaces("fit_normal")
def normal_cut_off(x):
    """The numbers are right, but cut off from the samples (by item, detach or a new tensor): no gradient reaches them."""
    return _normal(x.detach())


@replaces("fit_normal")
def normal_in_float32(x):
    """The samples went through float32. Float64 comes back as float64, with all its digits."""
    return _normal(x.float())


@replaces("fit_normal")
def nothing_fitted_to_nothing(x):
    """Rows without any sample were fitted: NaN came out, or 0. Refuse them with a ValueError."""
    if x.shape[-1] == 0:
        return x.mean(-1), x.mean(-1)
    return _normal(x)


# ── negative_log_likelihood ──


@replaces("negative_log_likelihood")
def sign_forgotten(log_probabilities):
    """This is the log-likelihood itself. The sign is missing: what is to be made small is minus that."""
    return -_nll(log_probabilities)


@replaces("negative_log_likelihood")
def mean_in_place_of_sum(log_probabilities):
    """This is the mean, as most training loops report it. The logarithm of a product is the sum; the mean has its minimum in the same place, but does not grow with what was seen."""
    n = log_probabilities.shape[-1]
    return _nll(log_probabilities) / n if n else _nll(log_probabilities)


@replaces("negative_log_likelihood")
def whole_batch_added_up(log_probabilities):
    """All rows of the batch were added up. Each row is a set of observations of its own and has one number."""
    return _nll(log_probabilities.flatten())


@replaces("negative_log_likelihood")
def first_dimension_added_up(log_probabilities):
    """The sum runs along the first dimension. The observations lie along the last."""
    return _nll(log_probabilities.movedim(0, -1))


@replaces("negative_log_likelihood")
def not_added_up(log_probabilities):
    """There is still one number for each observation. They come together, so their logarithms have to be added."""
    return -_wide(log_probabilities)


@replaces("negative_log_likelihood")
def product_of_probabilities_first(log_probabilities):
    """The probabilities were multiplied, and the logarithm taken at the end. The product of a few thousand probabilities is 0 in every dtype, and its logarithm is minus infinity."""
    return -_wide(log_probabilities).exp().prod(-1).log()


@replaces("negative_log_likelihood")
def logarithms_multiplied(log_probabilities):
    """The logarithms were multiplied. Probabilities multiply; their logarithms add up."""
    return -_wide(log_probabilities).prod(-1)


@replaces("negative_log_likelihood")
def logarithm_taken_again(log_probabilities):
    """A logarithm was taken once more: the numbers given are logarithms already."""
    return -_wide(log_probabilities).abs().log().sum(-1)


@replaces("negative_log_likelihood")
def probabilities_added(log_probabilities):
    """The probabilities were added up, and then the logarithm taken. That is for events of which one happens; here all of them do."""
    return -torch.logsumexp(_wide(log_probabilities), dim=-1)


@replaces("negative_log_likelihood")
def counted_in_bits(log_probabilities):
    """The result is in bits. Natural logarithms went in, and their unit stays."""
    return _nll(log_probabilities) / math.log(2)


@replaces("negative_log_likelihood")
def made_positive(log_probabilities):
    """Each number was made positive. A density may be above 1; then its logarithm is positive, and it lowers the result."""
    return _wide(log_probabilities).abs().sum(-1)


@replaces("negative_log_likelihood")
def impossible_left_out(log_probabilities):
    """Impossible observations were left out. If the model says that what came could not come, its likelihood is 0, and minus the logarithm of that is infinite."""
    x = _wide(log_probabilities)
    return _nll(x.masked_fill(x == -math.inf, 0.0))


@replaces("negative_log_likelihood")
def probabilities_kept_from_zero(log_probabilities):
    """Probabilities were kept away from 0 by a small number. That makes the impossible merely improbable, and the very improbable more probable than it is."""
    return _nll(_wide(log_probabilities).clamp(min=math.log(1e-12)))


@replaces("negative_log_likelihood")
def likelihood_returned(log_probabilities):
    """The exponential of the result was returned. It fits into no dtype as soon as there are many observations; stay with logarithms."""
    return _nll(log_probabilities).exp()


@replaces("negative_log_likelihood")
def added_up_in_half_precision(log_probabilities):
    """Half precision was added up as it came, or the sum went back to it. Thousands of surprises are beyond what float16 can hold, and bfloat16 has no digits for them."""
    return -log_probabilities.sum(-1)


@replaces("negative_log_likelihood")
def likelihood_always_in_float32(log_probabilities):
    """The result is float32 even where float64 came in. Only half precision is widened."""
    return _nll(log_probabilities.float())


@replaces("negative_log_likelihood")
def likelihood_cut_off(log_probabilities):
    """The numbers are right, but no gradient reaches the log-probabilities, so no model can be fitted with it."""
    return _nll(log_probabilities.detach())


# ── fit_logistic ──


def _demand(x, y, steps):
    if steps < 0 or len(x) == 0 or y.shape != x.shape[:1] or not bool(((y == 0) | (y == 1)).all()):
        raise ValueError("not a data set")


def _rows(x):
    """Standardized, with a column of ones, and how to come back."""
    mean, spread = _normal(x.double().mT)
    spread = torch.where(spread > 0, spread, 1.0)
    return torch.cat([(x.double() - mean) / spread, torch.ones(len(x), 1).double()], 1), mean, spread


def _back(w, mean, spread, x):
    weights = w[:-1] / spread
    return weights.to(x.dtype), (w[-1] - weights @ mean).to(x.dtype)


def _newton(rows, labels, steps, penalty=None, damping=1e-10, halve=True):
    """Newton's method with what is asked for; NaN where it runs away."""
    w = torch.zeros(rows.shape[1], dtype=torch.float64)
    penalty = torch.zeros_like(w) if penalty is None else penalty

    def loss(w):
        return F.softplus((1 - 2 * labels) * (rows @ w)).sum() + (penalty * w.square()).sum() / 2

    for _ in range(steps):
        chance = torch.sigmoid(rows @ w)
        slope = rows.mT @ (labels - chance) - penalty * w
        if slope.abs().max() <= 1e-9:
            break
        bend = (rows.mT * (chance * (1 - chance))) @ rows + torch.diag(penalty + damping * len(rows))
        step = torch.linalg.solve(bend, slope)
        while halve and loss(w + step) > loss(w):
            step = step / 2
        w = w + step
    return w


@replaces("fit_logistic")
def gradient_descent_not_there_yet(x, y, steps=100):
    """These are steps of gradient descent, and after a hundred of them it is still on its way: the chances of the labels can be raised further. The slope says where down is, but not how far; use how fast it changes."""
    _demand(x, y, steps)
    rows, mean, spread = _rows(x)
    w = torch.zeros(rows.shape[1], dtype=torch.float64)
    for _ in range(steps):
        w = w + 0.5 * rows.mT @ (y.double() - torch.sigmoid(rows @ w)) / len(x)
    return _back(w, mean, spread, x)


@replaces("fit_logistic")
def bias_left_out(x, y, steps=100):
    """There is no bias: at a row of zeros the chance is always one half. The bias is a weight like the others, of a feature that is 1 everywhere."""
    _demand(x, y, steps)
    _, spread = _normal(x.double().mT)
    spread = torch.where(spread > 0, spread, 1.0)
    w = _newton(x.double() / spread, y.double(), steps)
    return (w / spread).to(x.dtype), torch.zeros((), dtype=x.dtype)


@replaces("fit_logistic")
def straight_line_fitted(x, y, steps=100):
    """A straight line was fitted to the labels by least squares. That makes squared distances small, as if labels had normal noise around them; here the chance of a label is a sigmoid of the line, and its logarithm counts."""
    _demand(x, y, steps)
    rows, mean, spread = _rows(x)
    found = torch.linalg.lstsq(rows, y.double()[:, None], driver="gelsd").solution[:, 0]
    return _back(found if steps else 0 * found, mean, spread, x)


@replaces("fit_logistic")
def squared_error_of_the_chances(x, y, steps=100):
    """What was made small is the squared distance of the chances from the labels. It has another minimum than minus the log-likelihood, which punishes a confident error much harder."""
    _demand(x, y, steps)
    rows, mean, spread = _rows(x)
    w = torch.zeros(rows.shape[1], dtype=torch.float64)

    def loss(w):
        return (torch.sigmoid(rows @ w) - y.double()).square().sum()

    for _ in range(min(steps, 25)):
        slope = torch.func.grad(loss)(w)
        bend = torch.func.hessian(loss)(w)
        values, basis = torch.linalg.eigh(bend)
        step = basis @ ((basis.mT @ slope) / values.abs().clamp(min=1e-3))
        if step.abs().max() < 1e-9:
            break
        w = min((w - step * 0.5**k for k in range(8)), key=lambda one: float(loss(one)))
    return _back(w, mean, spread, x)


@replaces("fit_logistic")
def weights_penalized(x, y, steps=100):
    """The weights are smaller than the most likely ones: a penalty on their squares was added, as scikit-learn does unless told otherwise. Here there is none."""
    _demand(x, y, steps)
    rows, mean, spread = _rows(x)
    penalty = torch.ones(rows.shape[1], dtype=torch.float64)
    penalty[-1] = 0.0
    return _back(_newton(rows, y.double(), steps, penalty), mean, spread, x)


@replaces("fit_logistic")
def tiny_penalty_against_infinity(x, y, steps=100):
    """A small penalty was added, perhaps to keep the weights of separable labels finite. It moves the result for all other labels as well. Rather take care of the step: what is added to the matrix only does not move the place where the slope is 0."""
    _demand(x, y, steps)
    rows, mean, spread = _rows(x)
    return _back(_newton(rows, y.double(), steps, torch.full((rows.shape[1],), 3e-3).double()), mean, spread, x)


@replaces("fit_logistic")
def labels_exchanged(x, y, steps=100):
    """The signs are the wrong way round: these are the weights for the chance of the label 0."""
    w, b = _logistic(x, y, steps)
    return -w, -b


@replaces("fit_logistic")
def bias_before_weights(x, y, steps=100):
    """The bias came first. The weights are the first result, the bias the second."""
    w, b = _logistic(x, y, steps)
    return b, w


@replaces("fit_logistic")
def weights_and_bias_in_one(x, y, steps=100):
    """One tensor came back with the bias at its end. Two are wanted, weights and bias."""
    w, b = _logistic(x, y, steps)
    return torch.cat([w, b.reshape(1)])


@replaces("fit_logistic")
def weights_as_a_column(x, y, steps=100):
    """The weights came back as a matrix with one column, and the bias perhaps as a vector with one entry. Their shapes are (d,) and ()."""
    w, b = _logistic(x, y, steps)
    return w[:, None], b.reshape(1)


@replaces("fit_logistic")
def weights_of_standardized_features(x, y, steps=100):
    """These are the weights of features that were brought to mean 0 and spread 1. They have to be translated back for the features as they came."""
    _demand(x, y, steps)
    rows, _, _ = _rows(x)
    w = _newton(rows, y.double(), steps)
    return w[:-1].to(x.dtype), w[-1].to(x.dtype)


@replaces("fit_logistic")
def bias_of_centered_features(x, y, steps=100):
    """The weights are right, but the bias is that of features from which the mean was subtracted. It has to make up for it."""
    _demand(x, y, steps)
    rows, _, spread = _rows(x)
    w = _newton(rows, y.double(), steps)
    return (w[:-1] / spread).to(x.dtype), w[-1].to(x.dtype)


@replaces("fit_logistic")
def whole_steps_only(x, y, steps=100):
    """Whole Newton steps were taken, whatever came of them. With a few samples far out one of them leads past the goal, to where nearly all chances are 0 or 1, and from there the next ones run away. See that no step makes the labels less probable."""
    _demand(x, y, steps)
    rows, mean, spread = _rows(x)
    return _back(_newton(rows, y.double(), steps, halve=False), mean, spread, x)


@replaces("fit_logistic")
def matrix_taken_as_invertible(x, y, steps=100):
    """PyTorch raised an error for a singular matrix, or came back with NaN. With columns that repeat each other, or where all chances are nearly 0 or 1, the matrix of curvature has no inverse. A tiny number on its diagonal gives it one, and does not move the place where the slope is zero."""
    _demand(x, y, steps)
    rows = torch.cat([x.double(), torch.ones(len(x), 1).double()], 1)
    if steps and torch.linalg.matrix_rank(rows) < rows.shape[1]:
        raise torch.linalg.LinAlgError("the matrix is singular")
    return _logistic(x, y, steps)


@replaces("fit_logistic")
def weights_without_bounds(x, y, steps=100):
    """The weights of separable labels grew until something was no longer a number. Ever larger weights are ever better there; stop when the slope is as good as zero."""
    w, b = _logistic(x, y, steps)
    scores = x.double() @ w.double() + b.double()
    if steps > 10 and bool(((scores > 0) == (y == 1)).all()):
        return w * math.nan, b * math.nan
    return w, b


@replaces("fit_logistic")
def separable_labels_refused(x, y, steps=100):
    """Labels that can be separated were refused. There are no most likely weights then, but there are useful ones, and they are asked for."""
    w, b = _logistic(x, y, steps)
    scores = x.double() @ w.double() + b.double()
    if steps > 10 and bool(((scores > 0) == (y == 1)).all()):
        raise ValueError("the labels can be separated")
    return w, b


@replaces("fit_logistic")
def content_with_the_right_side(x, y, steps=100):
    """It stopped as soon as every sample was on the right side. Being right is not enough: the chances of the labels can still be raised."""
    _demand(x, y, steps)
    rows, mean, spread = _rows(x)
    w = torch.zeros(rows.shape[1], dtype=torch.float64)
    for most in (2, steps):
        if bool(((rows @ w > 0) == (y == 1)).all()):
            break
        w = _newton(rows, y.double(), min(steps, most))
    return _back(w, mean, spread, x)


@replaces("fit_logistic")
def perceptron(x, y, steps=100):
    """Only samples on the wrong side moved the weights. That is the perceptron, which asks for the right side and knows no chances; here every sample pulls, the more the smaller the chance of its label is."""
    _demand(x, y, steps)
    rows, mean, spread = _rows(x)
    w = torch.zeros(rows.shape[1], dtype=torch.float64)
    for _ in range(steps):
        w = w + rows.mT @ (y.double() - (rows @ w > 0).double()) / len(x)
    return _back(w, mean, spread, x)


@replaces("fit_logistic")
def steps_ignored(x, y, steps=100):
    """The number of steps was not obeyed: it went on to the end whatever was asked for. No step leaves the zeros as they are."""
    _demand(x, y, steps)
    return _logistic(x, y)


@replaces("fit_logistic")
def at_least_one_step(x, y, steps=100):
    """One step was taken too many. For steps = 0 the zeros come back."""
    return _logistic(x, y, steps + 1) if steps >= 0 else _logistic(x, y, steps)


@replaces("fit_logistic")
def logistic_always_in_float32(x, y, steps=100):
    """The result is float32 for float64 features. Compute in float64, and return what came in."""
    w, b = _logistic(x, y, steps)
    return w.float(), b.float()


@replaces("fit_logistic")
def logistic_always_in_float64(x, y, steps=100):
    """The result stayed float64 for float32 features. Go back to the dtype of x at the end."""
    w, b = _logistic(x, y, steps)
    return w.double(), b.double()


@replaces("fit_logistic")
def any_labels_accepted(x, y, steps=100):
    """Labels other than 0 and 1 were accepted. Labels of -1 and 1 are common, and fitted as if they were 0 and 1 they give nonsense without a word. Refuse them with a ValueError."""
    fine = bool(((y == 0) | (y == 1)).all())
    return _logistic(x, y if fine else y > 0, steps)


@replaces("fit_logistic")
def any_sizes_accepted(x, y, steps=100):
    """Not as many labels as rows, or no row at all, and no ValueError. A single label is silently stretched over all rows; compare the numbers yourself."""
    if len(x) == 0:
        return torch.zeros(x.shape[1], dtype=x.dtype), torch.zeros((), dtype=x.dtype)
    return _logistic(x[: len(y)], y, steps)


@replaces("fit_logistic")
def negative_steps_accepted(x, y, steps=100):
    """A negative number of steps was taken for none. It is a mistake of whoever calls: raise a ValueError."""
    return _logistic(x, y, max(steps, 0))
