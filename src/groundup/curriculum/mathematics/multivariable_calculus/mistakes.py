"""Wrong Jacobians and Hessians, each named for what its author believed. The docstring is the hint that a learner reads."""

import torch

from groundup.authoring import replaces
from groundup.stack.numerics import jacobians as right

TWO = torch.float64


def _moves(x, step):
    """A step along each entry of x, in the shape of x."""
    for i in range(x.numel()):
        move = torch.zeros(x.numel(), dtype=TWO)
        move[i] = step
        yield move.reshape(x.shape)


def _table(columns, x):
    return torch.stack(columns, dim=-1).reshape((*columns[0].shape, *x.shape))


def _square(table, x):
    """A (n, n) matrix out of a Hessian, and what turns such a matrix into one again."""
    n = x.numel()
    return table.reshape(n, n), lambda flat: flat.reshape((*x.shape, *x.shape))


# ── jacobian ──


@replaces("jacobian")
def rows_and_columns_exchanged(f, x):
    """The table is transposed: the dimensions of x come first. Here those of the result do, so that the table times a small step of x is the step of f."""
    found = right.jacobian(f, x)
    outs = found.dim() - x.dim()
    return found.permute(*range(outs, found.dim()), *range(outs))


@replaces("jacobian")
def forward_differences(f, x):
    """These are one-sided differences: the bend of f enters with its full weight, and no more than four digits are right. Step to both sides."""
    x = x.to(TWO)
    return _table([(f(x + move) - f(x)) / 1e-4 for move in _moves(x, 1e-4)], x)


@replaces("jacobian")
def divided_by_one_step(f, x):
    """The difference of both sides was divided by one step. From one side to the other it is two."""
    return 2 * right.jacobian(f, x)


@replaces("jacobian")
def differences_not_divided(f, x):
    """The differences were not divided by the way. They are small because the step is; a slope is a rise for each unit."""
    return right.jacobian(f, x) * 2e-4


@replaces("jacobian")
def left_minus_right(f, x):
    """The difference was taken the wrong way round, and every sign is wrong."""
    return -right.jacobian(f, x)


@replaces("jacobian")
def step_too_small(f, x):
    """The step is so small that the two values agree in nearly all of their digits, and their difference is mostly rounding."""
    return right._slopes(f, x.to(TWO), 1e-11)


@replaces("jacobian")
def step_too_wide(f, x):
    """The step is so wide that the bends of f do not cancel to six digits: the error falls with the square of the step, and at a tenth it is a percent or so."""
    return right._slopes(f, x.to(TWO), 0.1)


@replaces("jacobian")
def results_added_up(f, x):
    """The entries of f were added up, as one does before asking for a gradient. What came out is the sum of all rows; each result has slopes of its own."""
    return right.jacobian(lambda t: f(t).sum(), x)


@replaces("jacobian")
def all_entries_moved_together(f, x):
    """All entries of x were moved at once. That is the slope along the diagonal, and says nothing of any one entry: move one at a time."""
    x = x.to(TWO)
    slope = (f(x + 1e-4) - f(x - 1e-4)) / 2e-4
    return slope.reshape((*slope.shape, *[1] * x.dim())).expand((*slope.shape, *x.shape)).clone()


@replaces("jacobian")
def steps_not_taken_back(f, x):
    """Each entry was moved and not moved back before the next one was: from the second column on, the slopes are those of another place."""
    x, columns = x.to(TWO).clone(), []
    for move in _moves(x, 1e-2):
        columns.append((f(x + move / 100) - f(x - move / 100)) / 2e-4)
        x = x + move
    return _table(columns, x)


@replaces("jacobian")
def entries_moved_in_one_tensor(f, x):
    """One copy of x was moved to one side, then to the other, and f asked each time. Where f returns x itself or a view of it, the first value changes with the second move, and the difference is zero. Make a new tensor for each side."""
    x = x.to(TWO).clone(memory_format=torch.contiguous_format)
    flat, columns = x.reshape(-1), []
    for i in range(x.numel()):
        before = flat[i].item()
        flat[i] = before + 1e-4
        high = f(x)
        flat[i] = before - 1e-4
        low = f(x)
        columns.append((high - low) / 2e-4)
        flat[i] = before
    return _table(columns, x)


@replaces("jacobian")
def diagonal_alone(f, x):
    """Only the slopes of a result in the direction of its own entry were kept, and zeros put elsewhere. A result may depend on every entry."""
    found = right.jacobian(f, x)
    if found.dim() == 2:
        return found * torch.eye(*found.shape, dtype=TWO)
    return found


@replaces("jacobian")
def first_result_alone(f, x):
    """Only the first entry of f was looked at. The table has a row for each."""
    return right.jacobian(lambda t: f(t).reshape(-1)[0], x)


@replaces("jacobian")
def flattened_to_a_matrix(f, x):
    """The slopes are right, but they come as a matrix whatever the shapes were. The result has the dimensions of f, and then those of x."""
    found = right.jacobian(f, x)
    return found.reshape(-1, x.numel())


@replaces("jacobian")
def one_result_kept_as_a_row(f, x):
    """Where f returns a single number, the table has a dimension of size 1 in front. A number has no dimensions, and the Jacobian is then the gradient, in the shape of x."""
    found = right.jacobian(f, x)
    return found[None] if found.dim() == x.dim() else found


@replaces("jacobian")
def row_of_one_result_lost(f, x):
    """Dimensions of size 1 were dropped. A vector of one entry is a vector, and its Jacobian a matrix with one row."""
    return right.jacobian(f, x).squeeze()


@replaces("jacobian")
def lengths_of_the_rows(f, x):
    """Each row was replaced by its direction: divided by its length. How steep it is, is lost."""
    found = right.jacobian(f, x)
    flat = found.reshape(-1, x.numel())
    return (flat / flat.norm(dim=1, keepdim=True).clamp(min=1e-12)).reshape(found.shape)


@replaces("jacobian")
def signs_lost(f, x):
    """The slopes have lost their signs. A result that falls as an entry grows has a negative one."""
    return right.jacobian(f, x).abs()


@replaces("jacobian")
def dtype_of_x_kept(f, x):
    """The steps were made in the dtype of x. In float32 or half precision, or with whole numbers, x and x + step agree in most digits or in all: turn x into float64 first."""
    if x.is_floating_point() and x.dtype == TWO:
        return right.jacobian(f, x)
    moves = [move.to(x.dtype) for move in _moves(x, 1e-4)]
    return _table([(f((x + move).to(TWO)) - f((x - move).to(TWO))) / 2e-4 for move in moves], x)


@replaces("jacobian")
def jacobian_in_float32(f, x):
    """The result is float32. All of this is computed, and returned, in float64."""
    return right.jacobian(f, x).float()


@replaces("jacobian")
def x_left_moved(f, x):
    """The slopes are right, but the tensor that was passed in has been moved and not moved back exactly: += and -= work on the caller's own tensor."""
    found = right.jacobian(f, x)
    if x.dtype == TWO:
        x += 1e-4
    return found


# ── hessian ──


@replaces("hessian")
def slopes_for_bends(f, x):
    """These are the slopes, the gradient. The Hessian says how they change."""
    return right.jacobian(f, x)


@replaces("hessian")
def bends_of_single_entries(f, x):
    """Only the second derivatives by one entry, twice, are there, as a list. There is one for every *two* entries: the slope along one changes as another grows, too."""
    flat, _ = _square(right.hessian(f, x), x)
    return flat.diag().reshape(x.shape)


@replaces("hessian")
def nothing_between_entries(f, x):
    """Everything off the diagonal is zero. The slope along one entry changes as another grows, too: f = x y has no bends but those."""
    flat, back = _square(right.hessian(f, x), x)
    return back(flat.diag().diag())


@replaces("hessian")
def one_triangle_alone(f, x):
    """One triangle of the table is empty. It was right to compute only one, but both are asked for: second derivatives do not depend on the order."""
    flat, back = _square(right.hessian(f, x), x)
    return back(flat.triu())


@replaces("hessian")
def mirrored_with_the_diagonal(f, x):
    """The table was made symmetric by adding its transpose, and so the diagonal was counted twice. Mirror only one triangle, or take the mean."""
    flat, back = _square(right.hessian(f, x), x)
    return back(flat + flat.diag().diag())


@replaces("hessian")
def everything_twice(f, x):
    """Everything is twice too large: the table and its transpose were added and not halved, or a way of two steps was taken for one."""
    return 2 * right.hessian(f, x)


@replaces("hessian")
def everything_half(f, x):
    """Everything is half too small: the factor of a half from Taylor's formula belongs to that formula, not to the Hessian."""
    return right.hessian(f, x) / 2


@replaces("hessian")
def everything_four_times(f, x):
    """Everything is four times too large: the corners of the square lie two steps apart in each direction, so that it is 4 h² by which the four values have to be divided."""
    return 4 * right.hessian(f, x)


@replaces("hessian")
def diagonal_four_times_too_small(f, x):
    """The diagonal is four times too small: with steps of h, and x in the middle, the divisor is h². It is 4 h² only for the four corners, or for steps of 2h."""
    flat, back = _square(right.hessian(f, x), x)
    return back(flat - 0.75 * flat.diag().diag())


@replaces("hessian")
def products_of_slopes(f, x):
    """These are products of first slopes: the gradient times itself. A plane has slopes and no bends at all."""
    slopes = right.jacobian(f, x).reshape(-1)
    return torch.outer(slopes, slopes).reshape((*x.shape, *x.shape))


@replaces("hessian")
def bends_added_up(f, x):
    """The bends along all entries were added up to one number. That is the Laplacian; the Hessian keeps them apart."""
    flat, _ = _square(right.hessian(f, x), x)
    return flat.trace()


@replaces("hessian")
def eigenvalues_for_the_table(f, x):
    """These are the eigenvalues of the Hessian, the bends along its own directions, on a diagonal. They say what kind of place it is, but which directions they belong to is lost."""
    flat, back = _square(right.hessian(f, x), x)
    return back(torch.linalg.eigvalsh((flat + flat.T) / 2).diag())


@replaces("hessian")
def inverse_of_the_table(f, x):
    """This is the inverse of the Hessian, as Newton's method uses it. Asked for is the Hessian itself."""
    flat, back = _square(right.hessian(f, x), x)
    return back(torch.linalg.pinv(flat))


@replaces("hessian")
def wrong_sign(f, x):
    """All signs are wrong: a valley has positive bends, a hilltop negative ones."""
    return -right.hessian(f, x)


@replaces("hessian")
def bends_without_signs(f, x):
    """The bends have lost their signs, and a saddle looks like a valley."""
    return right.hessian(f, x).abs()


@replaces("hessian")
def step_too_small_for_bends(f, x):
    """The step is so small that only rounding is left: it is divided by the *square* of the step. What was good for slopes, 1e-6 or less, is too little here."""
    x = x.to(TWO)
    return right._slopes(lambda t: right._slopes(f, t, 3e-8), x, 3e-8)


@replaces("hessian")
def step_too_wide_for_bends(f, x):
    """The step is so wide that higher derivatives enter: at 0.2, one or two digits are right."""
    x = x.to(TWO)
    return right._slopes(lambda t: right._slopes(f, t, 0.2), x, 0.2)


@replaces("hessian")
def one_sided_bends(f, x):
    """The differences look to one side only, and third derivatives enter with their full weight. Step to both sides, for both entries."""
    x, h = x.to(TWO), 1e-3
    moves = list(_moves(x, h))
    rows = [torch.stack([(f(x + a + b) - f(x + a) - f(x + b) + f(x)) / h**2 for b in moves]) for a in moves]
    return torch.stack(rows).reshape((*x.shape, *x.shape))


@replaces("hessian")
def table_as_a_matrix(f, x):
    """The bends are right, but they come as a square matrix whatever the shape of x. The result has the dimensions of x twice."""
    return _square(right.hessian(f, x), x)[0]


@replaces("hessian")
def slopes_of_x_in_its_own_dtype(f, x):
    """The steps were made in the dtype of x. Second differences need all the digits that float64 has: turn x into float64 first."""
    if x.dtype == TWO:
        return right.hessian(f, x)
    h = 5e-4
    moves = [move.to(x.dtype) for move in _moves(x, h)]

    def g(t):
        return f(t.to(TWO))

    rows = [
        torch.stack([(g(x + a + b) - g(x + a - b) - g(x - a + b) + g(x - a - b)) / (4 * h * h) for b in moves])
        for a in moves
    ]
    return torch.stack(rows).reshape((*x.shape, *x.shape))


@replaces("hessian")
def hessian_in_float32(f, x):
    """The bends were returned in float32. All of this is computed, and returned, in float64."""
    return right.hessian(f, x).float()


@replaces("hessian")
def x_left_moved_by_the_hessian(f, x):
    """The bends are right, but the tensor that was passed in has been moved and not moved back exactly: += and -= work on the caller's own tensor."""
    found = right.hessian(f, x)
    if x.dtype == TWO:
        x -= 1e-4
    return found
