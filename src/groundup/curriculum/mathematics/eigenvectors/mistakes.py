"""Wrong eigenvalues, eigenvectors and components, each named for what its author believed. The docstring is the hint."""

import torch

from groundup.authoring import replaces
from groundup.stack.numerics import eigen as right


def _real(x):
    return x if x.is_floating_point() else x.to(torch.get_default_dtype())


def _square(a):
    if a.dim() != 2 or a.shape[0] != a.shape[1] or len(a) == 0:
        raise ValueError(f"shape {tuple(a.shape)}")
    return _real(a)


def _steps(steps):
    if steps < 0:
        raise ValueError("negative number of steps")


def _unit(x):
    x = x / x.abs().max()
    return x / x.norm()


def _drawn(a, generator):
    return _unit(torch.randn(len(a), generator=generator, dtype=a.dtype))


def _walk(a, steps, x, apply=lambda a, x: a @ x, finish=_unit):
    for _ in range(steps):
        image = apply(a, x)
        if not image.any():
            break
        x = finish(image)
    return x


def _both(a, x):
    return x @ (a @ x), x


# ── power_iteration ──


@replaces("power_iteration")
def begins_with_ones(a, steps, generator):
    """It begins with all ones instead of drawing. Where the strongest direction is at a right angle to that, or where all ones is itself an eigenvector, it is never found."""
    a = _square(a)
    _steps(steps)
    return _both(a, _walk(a, steps, _unit(torch.ones(len(a), dtype=a.dtype))))


@replaces("power_iteration")
def begins_with_the_first_axis(a, steps, generator):
    """It always begins with the first axis. A matrix that never leads out of that axis, such as a diagonal one, then gives its first entry, whatever the others are."""
    a = _square(a)
    _steps(steps)
    return _both(a, _walk(a, steps, torch.eye(len(a), dtype=a.dtype)[0]))


@replaces("power_iteration")
def begins_with_positive_numbers(a, steps, generator):
    """It begins with numbers between 0 and 1, so that half of all directions or more can never come up. Draw normal numbers, which are as often negative as positive."""
    a = _square(a)
    _steps(steps)
    return _both(a, _walk(a, steps, _unit(torch.rand(len(a), generator=generator, dtype=a.dtype))))


@replaces("power_iteration")
def length_only_at_the_end(a, steps, generator):
    """The vector is brought to length 1 at the end only. Until then it grows or shrinks by the eigenvalue in each step, until it does not fit into the dtype."""
    a = _square(a)
    _steps(steps)
    return _both(a, _unit(_walk(a, steps, _drawn(a, generator), finish=lambda image: image)))


@replaces("power_iteration")
def length_never_made_one(a, steps, generator):
    """The vector returned is not of length 1, so that the eigenvalue, which is made from it, is too large by the square of its length."""
    a = _square(a)
    _steps(steps)
    x = torch.randn(len(a), generator=generator, dtype=a.dtype)
    return _both(a, _walk(a, steps, x, finish=lambda image: image))


@replaces("power_iteration")
def largest_entry_made_one(a, steps, generator):
    """The largest entry is brought to 1, not the length. The direction is right, and the value x · (a x) needs a length of 1."""
    a = _square(a)
    _steps(steps)
    return _both(a, _walk(a, steps, _drawn(a, generator), finish=lambda image: image / image.abs().max()))


@replaces("power_iteration")
def sum_made_one(a, steps, generator):
    """The vector is divided by the sum of its magnitudes, as a list of probabilities would be. Its length, the root of the sum of squares, is to be 1."""
    a = _square(a)
    _steps(steps)
    return _both(a, _walk(a, steps, _drawn(a, generator), finish=lambda image: _scaled(image)))


def _scaled(image):
    image = image / image.abs().max()
    return image / image.abs().sum()


@replaces("power_iteration")
def stretch_without_its_sign(a, steps, generator):
    """The eigenvalue is taken as the length that the vector gets. A length is never negative, and an eigenvalue may be: it turns the vector round as well."""
    value, x = right.power_iteration(a, steps, generator)
    return value.abs(), x


@replaces("power_iteration")
def rows_for_columns(a, steps, generator):
    """The vector is multiplied from the left, which applies the transposed matrix. The eigenvalues are the same, the eigenvectors only where the matrix is symmetric."""
    a = _square(a)
    _steps(steps)
    return _both(a, _walk(a, steps, _drawn(a, generator), apply=lambda a, x: x @ a))


@replaces("power_iteration")
def made_symmetric_first(a, steps, generator):
    """The matrix has been averaged with its transpose. That changes nothing where it is symmetric, and everything where it is not."""
    a = _square(a)
    _steps(steps)
    return right.power_iteration((a + a.T) / 2, steps, generator)


@replaces("power_iteration")
def one_step_too_many(a, steps, generator):
    """One step more is done than was asked for, or one before the counting begins: with 0 steps the vector is the drawn one."""
    a = _square(a)
    _steps(steps)
    return right.power_iteration(a, steps + 1, generator)


@replaces("power_iteration")
def ends_when_little_changes(a, steps, generator):
    """It ends as soon as a step changes little. Where the two strongest eigenvalues are near each other every step changes little, long before the vector is right."""
    a = _square(a)
    _steps(steps)
    x = _drawn(a, generator)
    for _ in range(steps):
        image = a @ x
        if not image.any():
            break
        old, x = x, _unit(image)
        if (x - old).norm() < 1e-4 or (x + old).norm() < 1e-4:
            break
    return _both(a, x)


@replaces("power_iteration")
def value_of_the_vector_before(a, steps, generator):
    """The eigenvalue was computed before the last step, so that it belongs to another vector than the one that is returned."""
    a = _square(a)
    _steps(steps)
    x = _drawn(a, generator)
    value = x @ (a @ x)
    for _ in range(steps):
        image = a @ x
        value = x @ image
        if not image.any():
            break
        x = _unit(image)
    return value, x


@replaces("power_iteration")
def zero_divided_by_zero(a, steps, generator):
    """Where the matrix takes the vector to zero, its length of 0 is divided by, and NaN comes out. Keep the vector then."""
    a = _square(a)
    _steps(steps)
    x = _drawn(a, generator)
    for _ in range(steps):
        x = _unit(a @ x)
    return _both(a, x)


@replaces("power_iteration")
def squares_that_do_not_fit(a, steps, generator):
    """The length is taken at once, and the squares of very large or very small entries do not fit into the dtype. Bring the entries near 1 first."""
    a = _square(a)
    _steps(steps)
    return _both(a, _walk(a, steps, _drawn(a, generator), finish=lambda image: image / image.square().sum().sqrt()))


@replaces("power_iteration")
def generator_not_used(a, steps, generator):
    """The start is drawn from PyTorch's global source. The generator that was passed in is there so that a run can be repeated."""
    a = _square(a)
    _steps(steps)
    return _both(a, _walk(a, steps, _unit(torch.randn(len(a), dtype=a.dtype))))


@replaces("power_iteration")
def vector_before_value(a, steps, generator):
    """The two results are exchanged: the eigenvalue comes first, then the eigenvector."""
    return right.power_iteration(a, steps, generator)[::-1]


@replaces("power_iteration")
def results_in_float32(a, steps, generator):
    """The eigenvalue and the vector are float32 whatever the dtype of the matrix was. In float64 that loses half of the digits."""
    value, x = right.power_iteration(a, steps, generator)
    return value.float(), x.float()


@replaces("power_iteration")
def whole_numbers_kept(a, steps, generator):
    """A matrix of whole numbers is not brought to a floating dtype before it is multiplied: PyTorch refuses to mix the two."""
    _square(a)
    _steps(steps)
    return _both(a, _walk(a, steps, _drawn(_real(a), generator)))


@replaces("power_iteration")
def power_iteration_accepts_anything(a, steps, generator):
    """What is no square matrix, has no rows, or comes with a negative number of steps is not refused with a ValueError of your own that shows the shape."""
    a = _real(a)
    x = torch.randn(a.shape[-1], generator=generator, dtype=a.dtype)
    return _both(a, _walk(a, steps, x / x.norm()))


# ── qr_eigenvalues ──


def _iterate(a, steps, change, finish=lambda a: a.diagonal().sort(descending=True).values):
    if a.dim() != 2 or a.shape[0] != a.shape[1]:
        raise ValueError(f"shape {tuple(a.shape)}")
    _steps(steps)
    a = _real(a)
    for _ in range(steps):
        q, r = torch.linalg.qr(a)
        a = change(a, q, r)
    return finish(a)


@replaces("qr_eigenvalues")
def factors_in_the_old_order(a, steps):
    """The factors were multiplied in the order in which they came, which gives the matrix itself back: nothing changes. The order has to be turned round."""
    return _iterate(a, steps, lambda a, q, r: q @ r)


@replaces("qr_eigenvalues")
def goes_on_with_the_triangle(a, steps):
    """It goes on with the triangular factor alone. Its diagonal is not that of a matrix with the same eigenvalues: the orthogonal factor must be multiplied back, on the other side."""
    return _iterate(a, steps, lambda a, q, r: r)


@replaces("qr_eigenvalues")
def turned_the_wrong_way(a, steps):
    """The matrix was turned the wrong way round: q stands on the left and its transpose on the right. The eigenvalues stay, but the entries beside the diagonal do not shrink."""
    return _iterate(a, steps, lambda a, q, r: q @ a @ q.T)


@replaces("qr_eigenvalues")
def diagonal_of_the_triangle(a, steps):
    """The diagonal of the last triangular factor was returned. It tends to the magnitudes of the eigenvalues, up to signs that mean nothing."""
    return right.qr_eigenvalues(a, steps) if steps < 1 or not a.numel() else _last_triangle(a, steps)


def _last_triangle(a, steps):
    triangles = []

    def keep(a, q, r):
        triangles.append(r)
        return r @ q

    _iterate(a, steps, keep)
    return triangles[-1].diagonal().abs().sort(descending=True).values


@replaces("qr_eigenvalues")
def smallest_first(a, steps):
    """The eigenvalues come with the smallest first. The largest is to stand first."""
    return right.qr_eigenvalues(a, steps).flip(0)


@replaces("qr_eigenvalues")
def sorted_by_magnitude(a, steps):
    """They are sorted by magnitude, or stand in the order in which the iteration left them, which is nearly the same. Sort by value: a large negative one comes last."""
    found = right.qr_eigenvalues(a, steps)
    return found[found.abs().argsort(descending=True)]


@replaces("qr_eigenvalues")
def not_sorted(a, steps):
    """The diagonal was returned as it stands. The iteration brings it into an order by magnitude in the end, but not by value, and not at once."""
    return _iterate(a, steps, lambda a, q, r: r @ q, finish=lambda a: a.diagonal())


@replaces("qr_eigenvalues")
def signs_lost(a, steps):
    """All values came out positive: magnitudes, such as singular values are, and not eigenvalues."""
    return right.qr_eigenvalues(a, steps).abs().sort(descending=True).values


@replaces("qr_eigenvalues")
def one_qr_step_too_many(a, steps):
    """One step more is done than was asked for. With 0 steps the diagonal of the matrix itself comes back."""
    if steps < 0:
        raise ValueError("steps")
    return right.qr_eigenvalues(a, steps + 1)


@replaces("qr_eigenvalues")
def one_qr_step_too_few(a, steps):
    """One step less is done than was asked for."""
    if steps < 0:
        raise ValueError("steps")
    return right.qr_eigenvalues(a, max(steps - 1, 0))


@replaces("qr_eigenvalues")
def shifted(a, steps):
    """A multiple of the identity is subtracted before each decomposition and added after it. That is how libraries get there faster; here the plain iteration is asked for, step by step."""

    def change(a, q, r):
        shift = a[-1, -1] * torch.eye(len(a), dtype=a.dtype)
        q, r = torch.linalg.qr(a - shift)
        return r @ q + shift

    return _iterate(a, steps, change) if a.numel() else right.qr_eigenvalues(a, steps)


@replaces("qr_eigenvalues")
def pivots_of_elimination(a, steps):
    """The factors of elimination, lower times upper triangle, took the place of an orthogonal and a triangular one. Their iteration has the same eigenvalues in the end, but other numbers on the way, and it fails where a pivot is zero."""
    if a.dim() != 2 or a.shape[0] != a.shape[1]:
        raise ValueError(f"shape {tuple(a.shape)}")
    _steps(steps)
    a = _real(a).clone()
    n = len(a)
    for _ in range(steps):
        lower, upper = torch.eye(n, dtype=a.dtype), a.clone()
        for k in range(n):
            lower[k + 1 :, k] = upper[k + 1 :, k] / upper[k, k]
            upper[k + 1 :] -= torch.outer(lower[k + 1 :, k], upper[k])
        a = upper @ lower
    return a.diagonal().sort(descending=True).values


@replaces("qr_eigenvalues")
def values_in_float32(a, steps):
    """The eigenvalues are float32 whatever came in. A matrix in float64 expects its own dtype back."""
    return right.qr_eigenvalues(a.float(), steps)


@replaces("qr_eigenvalues")
def whole_matrix(a, steps):
    """The whole matrix was returned. Its diagonal is asked for, sorted."""
    return _iterate(a, steps, lambda a, q, r: r @ q, finish=lambda a: a)


@replaces("qr_eigenvalues")
def written_into_the_argument(a, steps):
    """The eigenvalues are right, but each step has been written into the matrix that was passed in. The caller still needs it."""
    found = right.qr_eigenvalues(a, steps)
    if a.is_floating_point() and a.numel():
        last = a.clone()
        for _ in range(steps):
            q, r = torch.linalg.qr(last)
            last = r @ q
        a.copy_(last)
    return found


@replaces("qr_eigenvalues")
def qr_accepts_anything(a, steps):
    """A matrix that is not square, or a negative number of steps, is not refused with a ValueError of your own that shows the shape."""
    a = _real(a)
    for _ in range(steps):
        q, r = torch.linalg.qr(a)
        a = r @ q
    return a.diagonal().sort(descending=True).values


# ── pca ──


def _points(x, k):
    if x.dim() != 2 or len(x) < 2 or not 1 <= k <= min(x.shape):
        raise ValueError(f"shape {tuple(x.shape)}")
    return _real(x)


def _main(square, k, dtype):
    values, directions = torch.linalg.eigh(square.double())
    return directions.T.flip(0)[:k].to(dtype), values.flip(0)[:k].clamp(min=0.0).to(dtype)


@replaces("pca")
def mean_left_in(x, k):
    """The mean was not taken off. The first direction then points from zero to the middle of the cloud, and says nothing about how the points differ."""
    x = _points(x, k)
    return _main(x.double().T @ x.double() / (len(x) - 1), k, x.dtype)


@replaces("pca")
def one_mean_for_all_features(x, k):
    """One mean of all numbers was taken off. Each feature has its own mean, over the samples."""
    x = _points(x, k)
    centered = x.double() - x.double().mean()
    return _main(centered.T @ centered / (len(x) - 1), k, x.dtype)


@replaces("pca")
def mean_of_each_sample(x, k):
    """From each sample the mean of its own features was taken off. The mean belongs to a feature, over all samples: the other direction."""
    x = _points(x, k)
    centered = x.double() - x.double().mean(dim=1, keepdim=True)
    return _main(centered.T @ centered / (len(x) - 1), k, x.dtype)


@replaces("pca")
def divided_by_the_number_of_samples(x, k):
    """The variances are too small by a factor (m - 1) / m: the sum of squares was divided by the number of samples."""
    components, variance = right.pca(x, k)
    return components, variance * (len(x) - 1) / len(x)


@replaces("pca")
def variances_not_divided(x, k):
    """The sums of squares were not divided at all: they grow with the number of samples."""
    components, variance = right.pca(x, k)
    return components, variance * (len(x) - 1)


@replaces("pca")
def spreads_for_variances(x, k):
    """The second result holds standard deviations, or singular values, which are the roots of what is asked for."""
    components, variance = right.pca(x, k)
    return components, variance.sqrt()


@replaces("pca")
def singular_values_for_variances(x, k):
    """The second result holds the singular values of the centered points. Their squares, divided by m - 1, are the variances."""
    components, variance = right.pca(x, k)
    return components, (variance * (len(x) - 1)).sqrt()


@replaces("pca")
def shares_for_variances(x, k):
    """The second result holds shares of the variance, which sum to 1 or less. The variances themselves are asked for."""
    components, variance = right.pca(x, k)
    total = _real(x).double().var(dim=0).sum()
    return components, (variance / total.clamp(min=1e-300)).to(variance.dtype)


@replaces("pca")
def features_brought_to_one_spread(x, k):
    """Each feature was divided by its standard deviation first. That is another analysis, of correlations; here features keep their own spread."""
    x = _points(x, k)
    spread = x.double().std(dim=0)
    components, variance = right.pca((x.double() - x.double().mean(dim=0)) / torch.where(spread == 0, 1.0, spread), k)
    return components.to(x.dtype), variance.to(x.dtype)


@replaces("pca")
def least_important_directions(x, k):
    """These are the directions of the smallest variance. torch.linalg.eigh gives the smallest first: take from its other end."""
    x = _points(x, k)
    centered = x.double() - x.double().mean(dim=0)
    values, directions = torch.linalg.eigh(centered.T @ centered / (len(x) - 1))
    return directions.T[:k].to(x.dtype), values[:k].clamp(min=0.0).to(x.dtype)


@replaces("pca")
def the_right_ones_the_wrong_way_round(x, k):
    """These are the right components with the smallest variance first. The largest is to stand first."""
    components, variance = right.pca(x, k)
    return components.flip(0), variance.flip(0)


@replaces("pca")
def components_in_columns(x, k):
    """The components stand in columns, as eigenvectors come from the library. One component a row is asked for."""
    components, variance = right.pca(x, k)
    return components.T, variance


@replaces("pca")
def rows_of_the_library_taken_for_components(x, k):
    """Rows of the matrix of eigenvectors were taken. The library puts each eigenvector into a column."""
    x = _points(x, k)
    centered = x.double() - x.double().mean(dim=0)
    values, directions = torch.linalg.eigh(centered.T @ centered / (len(x) - 1))
    return directions.flip(0)[:k].to(x.dtype), values.flip(0)[:k].clamp(min=0.0).to(x.dtype)


@replaces("pca")
def places_of_the_points(x, k):
    """The first result holds where each sample lies along the directions, (m, k). The directions themselves, (k, n), are asked for."""
    components, variance = right.pca(x, k)
    x = _real(x)
    return (x - x.mean(dim=0)) @ components.T, variance


@replaces("pca")
def longer_where_more_varies(x, k):
    """The components are multiplied by the spread along them. Directions of length 1 are asked for; the spread is in the second result."""
    components, variance = right.pca(x, k)
    return components * variance.sqrt()[:, None], variance


@replaces("pca")
def eigenvectors_of_samples(x, k):
    """The dot products of samples with samples were decomposed, so that the vectors have one entry for each sample. Features with features are asked for: turn the product round."""
    x = _points(x, k)
    centered = x.double() - x.double().mean(dim=0)
    return _main(centered @ centered.T / (len(x) - 1), k, x.dtype)


@replaces("pca")
def squares_before_the_mean(x, k):
    """The mean was taken off after squaring. Where it is large beside the spread, two nearly equal huge numbers are subtracted, and rounding is what is left."""
    x = _points(x, k)
    middle = x.mean(dim=0)
    square = (x.T @ x - len(x) * torch.outer(middle, middle)) / (len(x) - 1)
    if x.dtype == torch.float64:
        centered = x - middle
        square = centered.T @ centered / (len(x) - 1)
    values, directions = torch.linalg.eigh(square)
    return directions.T.flip(0)[:k], values.flip(0)[:k].clamp(min=0.0)


@replaces("pca")
def variances_below_zero(x, k):
    """Some variances are a little below zero. It is only rounding, and still their root is NaN: raise them to zero."""
    x = _points(x, k)
    centered = x.double() - x.double().mean(dim=0)
    values, directions = torch.linalg.eigh(centered.T @ centered / (len(x) - 1))
    return directions.T.flip(0)[:k].to(x.dtype), values.flip(0)[:k].to(x.dtype)


@replaces("pca")
def all_components(x, k):
    """All components were returned. Only the first k are asked for."""
    x = _points(x, k)
    centered = x.double() - x.double().mean(dim=0)
    return _main(centered.T @ centered / (len(x) - 1), x.shape[1], x.dtype)


@replaces("pca")
def centered_in_place(x, k):
    """The result is right, but the mean was taken off the points that were passed in. The caller still needs them."""
    found = right.pca(x, k)
    if x.is_floating_point():
        x -= x.mean(dim=0)
    return found


@replaces("pca")
def results_in_float64(x, k):
    """The results are float64 whatever came in. Computing in it is fine; the dtype of the points is to come back."""
    components, variance = right.pca(x, k)
    return components.double(), variance.double()


@replaces("pca")
def pca_accepts_anything(x, k):
    """What is no matrix, has a single row, or a k out of its range is not refused with a ValueError that shows the shape."""
    x = _real(x)
    centered = x.double() - x.double().mean(dim=0)
    return _main(centered.T @ centered / max(len(x) - 1, 1), k, x.dtype)
