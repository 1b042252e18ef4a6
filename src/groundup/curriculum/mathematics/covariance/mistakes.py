"""Wrong variances and covariances, each named for what its author believed. The docstring is the hint that a learner reads."""

import torch

from groundup.authoring import replaces
from groundup.stack.numerics import correlation as _correlation
from groundup.stack.numerics import covariance as _covariance
from groundup.stack.numerics import moments as right


class _Stream(right.RunningMoments):
    """The right one, to be changed."""

    def __init__(self):
        super().__init__()
        self._mean = self._squares = torch.zeros(())


def _taken(x):
    x = x.detach() if isinstance(x, torch.Tensor) else torch.as_tensor(x, dtype=torch.float64)
    return x if x.is_floating_point() else x.double()


def _need(x):
    if x.dim() < 2:
        raise ValueError(f"got shape {tuple(x.shape)}")


def _centered(x):
    _need(x)
    return x - x.mean(dim=-2, keepdim=True)


def _constant(x):
    same = (x == x[..., :1, :]).all(dim=-2)
    return same.unsqueeze(-1) | same.unsqueeze(-2)


def _scaled(distance):
    return distance / distance.detach().abs().amax(dim=-2, keepdim=True)


def _correlated(distance, x):
    distance = _scaled(distance)
    unit = distance / distance.square().sum(dim=-2, keepdim=True).sqrt()
    return (unit.mT @ unit).masked_fill(_constant(x), torch.nan)


# ── RunningMoments ──


@replaces("RunningMoments")
class divided_by_the_number_of_observations(_Stream):
    """The variance was divided by n. The distances are taken from the mean of the same observations, to which they are nearer than to the true mean, so that comes out too small on average; the divisor n - 1 makes up for it."""

    @property
    def variance(self):
        self._require_some()
        return self._squares / self._count


@replaces("RunningMoments")
class zero_after_one_observation(_Stream):
    """After a single observation the variance came out as 0. That would mean that the numbers are known not to vary; one number says nothing about it, and NaN says so."""

    @property
    def variance(self):
        self._require_some()
        return self._squares / max(self._count - 1, 1)


@replaces("RunningMoments")
class sum_of_squares_kept(_Stream):
    """The sums of the numbers and of their squares were kept, and subtracted at the end. Where the mean is large both are huge and equal in nearly all digits, and the difference is rounding. Keep the squared distances from the mean instead, and correct them as the mean moves."""

    def update(self, x):
        super().update(x)
        x = _taken(x)
        if self._count == 1:
            self._total, self._total_of_squares = torch.zeros_like(x), torch.zeros_like(x)
        self._total, self._total_of_squares = self._total + x, self._total_of_squares + x * x

    @property
    def variance(self):
        self._require_some()
        return (self._total_of_squares - self._total * self._total / self._count) / (self._count - 1)


@replaces("RunningMoments")
class distance_from_the_old_mean_squared(_Stream):
    """The distance from the mean before the update was squared. The new observation pulls the mean toward itself, so that is too much: the sum grows by the product of the distances from the mean before and after."""

    def update(self, x):
        before, squares, count = self._mean, self._squares, self._count
        super().update(x)
        if count:
            self._squares = squares + (_taken(x) - before) ** 2


@replaces("RunningMoments")
class distance_from_the_new_mean_squared(_Stream):
    """The distance from the mean after the update was squared. That is too little, since the new observation has pulled the mean toward itself: the sum grows by the product of the distances from the mean before and after."""

    def update(self, x):
        squares = self._squares
        super().update(x)
        if self._count > 1:
            self._squares = squares + (_taken(x) - self._mean) ** 2


@replaces("RunningMoments")
class average_that_forgets(_Stream):
    """The mean moved a fixed share of the way toward each observation. That is a moving average, which forgets what is old; here every observation counts alike, so the share gets smaller as there are more of them."""

    def update(self, x):
        before = self._mean
        super().update(x)
        if self._count > 1:
            self._mean = before + 0.1 * (_taken(x) - before)


@replaces("RunningMoments")
class standard_deviation_given(_Stream):
    """This is the standard deviation, the root of the variance."""

    @property
    def variance(self):
        return super().variance.sqrt()


@replaces("RunningMoments")
class everything_in_one_number(_Stream):
    """All entries of the observations were thrown together into one mean and one variance. Each entry of an observation has its own."""

    @property
    def mean(self):
        return super().mean.mean()

    @property
    def variance(self):
        return super().variance.mean()


@replaces("RunningMoments")
class shared_by_all_streams(_Stream):
    """What was seen is stored on the class, so that all streams write into one place. It belongs to the object: make it in __init__."""

    _shared = None

    def __init__(self):
        super().__init__()
        type(self)._shared = (
            self.__dict__ if type(self)._shared is None or type(self)._shared["_count"] > 0 else type(self)._shared
        )
        self.__dict__ = type(self)._shared


@replaces("RunningMoments")
class observation_kept_by_reference(_Stream):
    """The first observation became the mean as it was, the same tensor and no copy. When the caller writes the next observation into it, the mean changes unasked."""

    def update(self, x):
        super().update(x)
        if self._count == 1 and isinstance(x, torch.Tensor) and x.is_floating_point():
            self._mean = x.detach()


@replaces("RunningMoments")
class changed_after_handing_out(_Stream):
    """Mean and squares are updated in place, and were handed out as they are: whoever read the mean early sees it change. Make a new tensor at each update, or hand out a copy."""

    def update(self, x):
        mean = self._mean
        super().update(x)
        if self._count > 1:
            self._mean = mean.copy_(self._mean)


@replaces("RunningMoments")
class all_observations_kept(_Stream):
    """The numbers are right, but all observations are kept in a list. A stream may have billions; their number, mean and sum of squared distances are enough to go on from."""

    def __init__(self):
        super().__init__()
        self._kept = []

    def update(self, x):
        super().update(x)
        self._kept.append(_taken(x).clone())


@replaces("RunningMoments")
class zeros_before_the_first(_Stream):
    """Before the first observation a mean or a variance came back. There is none; a ValueError says so before somebody computes with it."""

    @property
    def mean(self):
        return self._mean

    @property
    def variance(self):
        return self._squares / max(self._count - 1, 1) if self._count != 1 else self._squares / 0


@replaces("RunningMoments")
class refused_but_counted(_Stream):
    """An observation of another shape was refused, but counted before: the next one then moves the mean by too small a share. Compare the shapes before anything is changed."""

    def update(self, x):
        if self._count and _taken(x).shape != self._mean.shape:
            self._count += 1
        super().update(x)


@replaces("RunningMoments")
class numbers_of_entries_compared(_Stream):
    """Only the numbers of entries were compared, not the shapes: a table of 2 by 3 is not one of 3 by 2, and a number is not a vector of one entry."""

    def update(self, x):
        x = _taken(x)
        if self._count and x.numel() == self._mean.numel():
            x = x.reshape(self._mean.shape)
        super().update(x)


@replaces("RunningMoments")
class variance_kept_above_zero(_Stream):
    """A small number was added to the variance, or it was held above one, as layers do before they divide by it. Here it is the variance itself that is asked for: 0 for what does not vary, and tiny for tiny numbers."""

    @property
    def variance(self):
        return super().variance.clamp(min=1e-12)


@replaces("RunningMoments")
class shapes_not_compared(_Stream):
    """An observation of another shape was taken as far as PyTorch can stretch it over the others. Compare the shapes, and refuse what does not match."""

    def update(self, x):
        x = _taken(x)
        if self._count and x.shape != self._mean.shape:
            x, self._mean, self._squares = (
                one.clone() for one in torch.broadcast_tensors(x, self._mean, self._squares)
            )
        super().update(x)


@replaces("RunningMoments")
class whole_numbers_in_float32(_Stream):
    """Whole numbers, or Python numbers, went through float32, which is exact to 7 digits only. Take them as float64."""

    def update(self, x):
        floating = isinstance(x, torch.Tensor) and x.is_floating_point()
        super().update(x if floating else torch.as_tensor(x).float())


@replaces("RunningMoments")
class everything_in_float64(_Stream):
    """Everything came back as float64. Computing in float64 is fine, but observations in float32 give moments in float32."""

    def update(self, x):
        super().update(_taken(x).double())


# ── covariance ──


@replaces("covariance")
def divided_by_n(x):
    """The sums were divided by n. The distances are taken from the mean of the same samples, which lies nearer to them than the true mean; divided by n - 1 the result is right on average."""
    distance = _centered(x)
    return distance.mT @ distance / x.shape[-2] * (1.0 if x.shape[-2] > 1 else torch.nan)


@replaces("covariance")
def means_not_subtracted(x):
    """The products are those of the features as they are. Covariance is about how they vary around their means: subtract the mean of each column first."""
    _need(x)
    return x.mT @ x / (x.shape[-2] - 1) * (1.0 if x.shape[-2] > 1 else torch.nan)


@replaces("covariance")
def samples_taken_for_features(x):
    """Rows and columns were confused: this says how the samples vary together, and has as many rows as there are samples. Each column is a feature, and the result has one row and one column for each of them."""
    _need(x)
    return _covariance(x.mT)


@replaces("covariance")
def mean_over_all_entries(x):
    """One mean was taken over the whole table. Each column has a mean of its own."""
    _need(x)
    distance = x - x.mean(dim=(-2, -1), keepdim=True)
    return distance.mT @ distance / (x.shape[-2] - 1)


@replaces("covariance")
def mean_over_each_row(x):
    """The mean of each row was subtracted, which is over the features of one sample. The mean of a feature goes down its column."""
    _need(x)
    distance = x - x.mean(dim=-1, keepdim=True)
    return distance.mT @ distance / (x.shape[-2] - 1)


@replaces("covariance")
def squares_of_means_subtracted(x):
    """On paper covariance is the mean product minus the product of the means. In a computer both are huge where the means are large, agree in nearly all digits, and their difference is rounding. Subtract the means before you multiply."""
    _need(x)
    n, mean = x.shape[-2], x.mean(dim=-2, keepdim=True)
    return (x.mT @ x - n * (mean.mT @ mean)) / (n - 1)


@replaces("covariance")
def variances_only(x):
    """Only the variances are there, on the diagonal or in a row. The rest of the matrix is what matters: how each feature varies with each other."""
    return torch.diag_embed(_covariance(x).diagonal(dim1=-2, dim2=-1))


@replaces("covariance")
def variances_scaled_away(x):
    """This is the correlation: the covariance divided by both standard deviations. Covariance keeps the units of the features."""
    return _correlation(x)


@replaces("covariance")
def batch_thrown_together(x):
    """The tables of a batch were thrown together as if all their rows were samples of one. Each table has its own covariance."""
    _need(x)
    whole = _covariance(x.reshape(-1, x.shape[-1]))
    return whole.expand(*x.shape[:-2], *whole.shape) if x.shape[-2] > 1 else _covariance(x)


@replaces("covariance")
def batch_axis_centered(x):
    """The means were taken over the first dimension. With a batch that is not the dimension of the samples, which is the last but one."""
    _need(x)
    distance = x - x.mean(dim=0, keepdim=True)
    return distance.mT @ distance / (x.shape[-2] - 1)


@replaces("covariance")
def one_sample_has_zeros(x):
    """One sample gave zeros. It is not known that nothing varies, nothing is known: NaN."""
    distance = _centered(x)
    return distance.mT @ distance / max(x.shape[-2] - 1, 1)


@replaces("covariance")
def centered_in_place(x):
    """The result is right, but the table that came in was centered in place (as -= does). Work on a new tensor."""
    result = _covariance(x)
    if not x.requires_grad:
        x -= x.mean(dim=-2, keepdim=True)
    return result


@replaces("covariance")
def one_factor_cut_off(x):
    """The numbers are right, but one of the two factors was cut off from the table (by detach, item or NumPy), so that only a part of the gradient arrives. Both hold the samples. (The means alone may be cut off: the distances add up to 0, and what would flow through them cancels.)"""
    distance = _centered(x)
    return distance.detach().mT @ distance / (x.shape[-2] - 1)


@replaces("covariance")
def constant_features_have_none(x):
    """A feature that does not vary got NaN. Its correlation is unknown, but its covariance is not: it never leaves its mean, so every product is 0."""
    return _covariance(x).masked_fill(_constant(x), torch.nan) if x.dim() > 1 else _covariance(x)


@replaces("covariance")
def small_numbers_rounded_to_zero(x):
    """Covariances below some small number were taken for rounding and set to 0. Their size depends on the units of the features: in meters instead of millimeters they are a million times smaller, and as right as before."""
    found = _covariance(x)
    return torch.where(found.abs() < 1e-7, torch.zeros_like(found), found)


@replaces("covariance")
def covariance_in_float32(x):
    """The table went through float32. Float64 comes back as float64, with all its digits."""
    return _covariance(x.float())


@replaces("covariance")
def row_of_numbers_accepted(x):
    """A plain row of numbers was taken for a table with one feature, or with one sample, and nobody knows which. Refuse it with a ValueError."""
    if x.dim() < 2:
        x = x.reshape(-1, 1)
    return _covariance(x)


# ── correlation ──


@replaces("correlation")
def covariance_returned(x):
    """This is the covariance. It has units and grows with the features; correlation divides by the standard deviations of both."""
    _need(x)
    return _covariance(x).masked_fill(_constant(x), torch.nan)


@replaces("correlation")
def divided_by_the_variances(x):
    """The covariances were divided by variances. A variance has the square of the unit; it takes the standard deviation of each of the two features."""
    _need(x)
    spread = _covariance(x).diagonal(dim1=-2, dim2=-1)
    return (_covariance(x) / spread.unsqueeze(-1) / spread.unsqueeze(-2)).masked_fill(_constant(x), torch.nan)


@replaces("correlation")
def divided_once(x):
    """The covariances were divided by the standard deviation of one of the two features only. The unit of the other is still there, and the matrix is no longer symmetric."""
    _need(x)
    spread = _covariance(x).diagonal(dim1=-2, dim2=-1).sqrt()
    return (_covariance(x) / spread.unsqueeze(-1)).masked_fill(_constant(x), torch.nan)


@replaces("correlation")
def spread_with_another_divisor(x):
    """The covariance was divided by n - 1 and the standard deviations by n, or the reverse. Any divisor will do, but it has to be the same in both, so that it cancels."""
    n = x.shape[-2] if x.dim() > 1 else 1
    return _correlation(x) * n / max(n - 1, 1)


@replaces("correlation")
def cosine_taken(x):
    """This is the cosine of the columns as they are. Correlation is the cosine of the columns after their means have been subtracted."""
    _need(x)
    return _correlated(x, x) if x.shape[-2] > 1 else _correlation(x)


@replaces("correlation")
def sign_lost(x):
    """The sign was lost (by a square or an absolute value). That one feature falls as another rises is a correlation, too: a negative one."""
    return _correlation(x).abs()


@replaces("correlation")
def squared(x):
    """This is the square of the correlation, the share of explained variance. The correlation itself has a sign."""
    return _correlation(x) * _correlation(x).abs() if x.dim() > 1 else _correlation(x)


@replaces("correlation")
def samples_correlated(x):
    """Rows and columns were confused: these are the correlations of the samples. Each column is a feature."""
    _need(x)
    return _correlation(x.mT)


@replaces("correlation")
def small_number_in_the_divisor(x):
    """A small number was added to the divisor to keep 0/0 away. It hides the features that do not vary, and swallows those that are small. What does not vary is NaN, and nothing else is touched."""
    distance = _centered(x)
    unit = distance / (distance.square().sum(dim=-2, keepdim=True).sqrt() + 1e-8)
    return unit.mT @ unit * (1.0 if x.shape[-2] > 1 else torch.nan)


@replaces("correlation")
def constant_features_uncorrelated(x):
    """A feature that does not vary got the correlation 0, which claims that something is known. Nobody can say how the others would vary with it if it did: NaN."""
    return _correlation(x).nan_to_num(nan=0.0) if x.dim() > 1 and x.shape[-2] > 1 else _correlation(x)


@replaces("correlation")
def one_on_the_diagonal(x):
    """The diagonal was filled with ones. A feature that does not vary does not correlate with itself either: its row and its column are NaN, the diagonal included."""
    result = _correlation(x)
    eye = torch.eye(x.shape[-1], dtype=torch.bool)
    return torch.where(eye, torch.ones_like(result), result)


@replaces("correlation")
def constant_by_its_first_samples(x):
    """A feature was taken for constant because its first samples are equal, or its first and its last. It is constant only if all of them are."""
    found = _correlation(x)
    same = x[..., 0, :] == x[..., min(1, x.shape[-2] - 1), :]
    return found.masked_fill(same.unsqueeze(-1) | same.unsqueeze(-2), torch.nan)


@replaces("correlation")
def small_spread_taken_for_none(x):
    """A feature whose spread is small beside its mean was taken for constant. Years around 2000 vary by a few in thousands and are no constant: look whether the samples are all the same."""
    found = _correlation(x)
    spread = _centered(x).detach().abs().amax(dim=-2)
    small = spread <= 1e-7 * x.detach().abs().amax(dim=-2)
    return found.masked_fill(small.unsqueeze(-1) | small.unsqueeze(-2), torch.nan)


@replaces("correlation")
def rounding_correlated(x):
    """The computed mean of equal numbers may be off in the last digit. Then all distances are that tiny number, the division blows them up, and a feature that never varies gets a correlation made of rounding. Look at the samples themselves to see whether they differ."""
    distance = _scaled(_centered(x))
    unit = distance / distance.square().sum(dim=-2, keepdim=True).sqrt()
    return unit.mT @ unit


@replaces("correlation")
def squares_that_leave_the_dtype(x):
    """The squared distances of features around 1e-25 are 0 in float32, and around 1e25 infinite, although their correlation is a plain number. Bring each feature to a size near 1 before you square."""
    distance = _centered(x)
    unit = distance / distance.square().sum(dim=-2, keepdim=True).sqrt()
    return (unit.mT @ unit).masked_fill(_constant(x), torch.nan)


@replaces("correlation")
def spreads_from_squares(x):
    """Means of squares minus squares of means: where the means are large, that difference is rounding, and correlations beyond 1 or NaN come out. Subtract the means first."""
    _need(x)
    size = x.detach().abs().amax(dim=-2, keepdim=True)
    y = x / torch.where(size > 0, size, 1.0)
    n, mean = y.shape[-2], y.mean(dim=-2, keepdim=True)
    c = y.mT @ y - n * (mean.mT @ mean)
    spread = c.diagonal(dim1=-2, dim2=-1).clamp(min=1e-30).sqrt()
    result = c / spread.unsqueeze(-1) / spread.unsqueeze(-2)
    return result.masked_fill(_constant(x), torch.nan)


@replaces("correlation")
def ranks_correlated(x):
    """This is the rank correlation (Spearman's): values were replaced by their places in the order. Pearson's correlation takes the values themselves."""
    _need(x)
    ranks = x.argsort(dim=-2).argsort(dim=-2).to(x.dtype)
    return _correlation(ranks).masked_fill(_constant(x), torch.nan)


@replaces("correlation")
def spreads_held_fixed(x):
    """The numbers are right, but the standard deviations were cut off from the table before the division. A spread changes with its samples, and the gradient has to know."""
    distance = _scaled(_centered(x))
    unit = distance / distance.square().sum(dim=-2, keepdim=True).sqrt().detach()
    return (unit.mT @ unit).masked_fill(_constant(x), torch.nan)


@replaces("correlation")
def correlation_in_float32(x):
    """The samples went through float32 on their way to the correlation. Float64 comes back as float64, with all its digits."""
    return _correlation(x.float())


@replaces("correlation")
def any_shape_accepted(x):
    """A plain row of numbers was taken for a table with one feature, or with one sample, and nobody knows which. Refuse it with a ValueError that shows the shape."""
    return _correlation(x.reshape(-1, 1) if x.dim() < 2 else x)
