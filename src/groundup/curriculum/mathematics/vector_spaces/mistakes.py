"""Wrong bases, ranks and null spaces, each named for what its author believed. The docstring is the hint."""

import torch

from groundup.authoring import replaces
from groundup.stack.numerics import spaces as right


def _real(a):
    if a.dim() != 2:
        raise ValueError(f"shape {tuple(a.shape)}")
    return a if a.is_floating_point() else a.to(torch.get_default_dtype())


def _stacked(rows, like):
    return torch.stack(rows) if rows else like[:0]


def _walk(vectors, subtract, counts, finish=lambda rest, vector: rest / rest.norm(), stop=False, passes=2):
    """Gram-Schmidt with its errors to choose from: what is subtracted, what counts as left, how a row is finished."""
    found = []
    for vector in vectors:
        rest = vector
        for _ in range(passes):
            rest = subtract(rest, found)
        if counts(rest, vector):
            found.append(finish(rest, vector))
        elif stop:
            break
    return _stacked(found, vectors)


def _usual(rest, found):
    for row in found:
        rest = rest - (rest @ row) * row
    return rest


def _left(rest, vector):
    return rest.norm() > 1e-5 * vector.norm()


# ── gram_schmidt ──


@replaces("gram_schmidt")
def lengths_not_made_one(vectors):
    """The rows are orthogonal, but they keep the length that was left. Bring each to length 1 before the next vector is treated."""
    return _walk(
        _real(vectors),
        lambda rest, found: _usual(rest, [row / row.norm() for row in found]),
        _left,
        finish=lambda rest, vector: rest,
    )


@replaces("gram_schmidt")
def lengths_made_one_and_nothing_else(vectors):
    """Each vector was brought to length 1 and nothing was subtracted. What earlier rows can mix has to go first."""
    vectors = _real(vectors)
    independent = _walk(vectors, _usual, _left, finish=lambda rest, vector: vector)
    return independent / independent.norm(dim=1, keepdim=True) if len(independent) else independent


@replaces("gram_schmidt")
def only_the_row_before_is_subtracted(vectors):
    """Each vector was freed of the row just before it only. It must be orthogonal to every row found so far."""
    return _walk(_real(vectors), lambda rest, found: _usual(rest, found[-1:]), _left)


@replaces("gram_schmidt")
def freed_of_the_given_vectors(vectors):
    """The projections onto the given vectors were subtracted. Those are not orthogonal to each other, so that what they share is subtracted twice: project onto the rows already found."""
    vectors = _real(vectors)
    basis = right.gram_schmidt(vectors)
    given = _walk(vectors, _usual, _left, finish=lambda rest, vector: vector)
    rows = []
    for i in range(len(basis)):
        rest = given[i]
        for earlier in given[:i]:
            rest = rest - (given[i] @ earlier) / (earlier @ earlier) * earlier
        rows.append(rest / rest.norm())
    return _stacked(rows, vectors)


@replaces("gram_schmidt")
def shares_of_rows_that_have_no_unit_length(vectors):
    """The dot product was taken as the share to subtract while the rows were not yet of length 1. Only along a row of length 1 is the dot product how far a vector reaches."""
    vectors = _real(vectors)
    independent = _walk(vectors, _usual, _left, finish=lambda rest, vector: vector)
    rows = []
    for vector in independent:
        rest = vector
        for row in rows:
            rest = rest - (vector @ row) * row
        rows.append(rest)
    return _stacked([row / row.norm() for row in rows], vectors)


@replaces("gram_schmidt")
def divided_by_the_old_length(vectors):
    """What was left was divided by the length of the whole vector. It is shorter than that: divide by its own length."""
    return _walk(
        _real(vectors),
        lambda r, f: _usual(r, [x / x.norm() for x in f]),
        _left,
        lambda rest, vector: rest / vector.norm(),
    )


@replaces("gram_schmidt")
def every_vector_kept(vectors):
    """Every vector gave a row, also those of which nothing is left: then rounding, or NaN for a zero vector, is brought to length 1. Skip what is a mixture of earlier rows."""
    return _walk(_real(vectors), _usual, lambda rest, vector: True)


@replaces("gram_schmidt")
def rows_of_zeros_left_in(vectors):
    """Where nothing of a vector is left, a row of zeros stands in the result. It has not length 1 and spans nothing: leave it out."""
    vectors = _real(vectors)
    rows = []
    for vector in vectors:
        rest = _usual(_usual(vector, rows), rows)
        rows.append(rest / rest.norm() if _left(rest, vector) else torch.zeros_like(vector))
    return _stacked(rows, vectors)


@replaces("gram_schmidt")
def skipped_only_when_exactly_zero(vectors):
    """What is left was compared with exactly 0. In floating point a mixture leaves some rounding, which then became a row: compare with the length of the vector that it came from."""
    return _walk(_real(vectors), _usual, lambda rest, vector: rest.norm() > 0)


@replaces("gram_schmidt")
def skipped_below_a_fixed_length(vectors):
    """What is left was compared with a fixed number, so that short vectors are lost, and the rounding of long ones counts. Compare with the length of the vector that it came from."""
    return _walk(_real(vectors), _usual, lambda rest, vector: rest.norm() > 1e-5)


@replaces("gram_schmidt")
def skipped_at_the_rounding_of_the_dtype(vectors):
    """What is left was compared with the rounding of the dtype, or something nearly as small. A mixture of numbers that were rounded, or measured, leaves more than that: the share to compare with is 1e-5."""
    vectors = _real(vectors)
    share = 100 * torch.finfo(vectors.dtype).eps
    return _walk(vectors, _usual, lambda rest, vector: rest.norm() > share * vector.norm())


@replaces("gram_schmidt")
def only_as_many_vectors_as_entries(vectors):
    """Vectors beyond the number of entries were not looked at. There are never more rows in the result than that, but the first vectors may be mixtures of each other, and a later one may bring what is missing."""
    return right.gram_schmidt(vectors[: vectors.shape[-1]] if vectors.dim() == 2 else vectors)


@replaces("gram_schmidt")
def stops_at_the_first_mixture(vectors):
    """The first vector that is a mixture of the others ended the work. Later vectors may still bring new directions."""
    return _walk(_real(vectors), _usual, _left, stop=True)


@replaces("gram_schmidt")
def vectors_in_columns(vectors):
    """The columns were taken for the vectors. Here each row is one."""
    return right.gram_schmidt(_real(vectors).T).T


@replaces("gram_schmidt")
def basis_transposed(vectors):
    """The basis is right, but stands in columns. Return one vector a row, as they came."""
    return right.gram_schmidt(vectors).T


@replaces("gram_schmidt")
def subtracted_once(vectors):
    """One pass of subtractions leaves rounding of the size that was subtracted. Where little of a vector is left, that rounding is large beside it and the rows are not orthogonal: subtract once more from what is left."""
    return _walk(_real(vectors), _usual, _left, passes=1)


@replaces("gram_schmidt")
def added_instead_of_subtracted(vectors):
    """The parts along earlier rows were added. Then they are there twice: they are to be taken away."""
    return _walk(
        _real(vectors),
        lambda rest, found: rest + sum((rest @ row) * row for row in found),
        lambda rest, vector: len(vector) > 0 and vector.norm() > 0,
        passes=1,
    )


@replaces("gram_schmidt")
def sign_turned(vectors):
    """The rows point the other way, as from a QR decomposition whose diagonal is negative. The rest of a vector keeps its sign."""
    return -right.gram_schmidt(vectors)


@replaces("gram_schmidt")
def basis_in_float64(vectors):
    """The result is float64 whatever came in. Computing in it is fine, but the rows are to have the dtype of the vectors."""
    return right.gram_schmidt(_real(vectors)).double()


@replaces("gram_schmidt")
def all_rows_of_a_stack_at_once(vectors):
    """A tensor of other than two dimensions was taken without a word. It has to be refused with its shape."""
    return right.gram_schmidt(vectors.reshape(-1, vectors.shape[-1]))


# ── rank ──


def _pivots(a, edge, exchange=True, per_row=False):
    """Elimination down the columns: how many pivots are above the edge."""
    rows = _real(a).double().clone()
    count = 0
    for j in range(rows.shape[1]):
        if count == len(rows):
            break
        best = count + int(rows[count:, j].abs().argmax()) if exchange else count
        if rows[best, j].abs() <= edge:
            continue
        rows[[count, best]] = rows[[best, count]]
        rows[count + 1 :] -= torch.outer(rows[count + 1 :, j] / rows[count, j], rows[count])
        count += 1
    return count


@replaces("rank")
def rows_that_are_not_zero(a, tolerance=1e-6):
    """The rows that are not zero were counted. A row may be full of numbers and still be a mixture of others."""
    a = _real(a)
    longest = a.norm(dim=1).max() if a.numel() else 0.0
    return int((a.norm(dim=1) > tolerance * longest).sum())


@replaces("rank")
def the_smaller_size(a, tolerance=1e-6):
    """The smaller of both sizes is the largest rank that such a matrix can have. Its rows may still be mixtures of each other."""
    return min(_real(a).shape)


@replaces("rank")
def different_rows(a, tolerance=1e-6):
    """Different rows were counted. Rows differ and are mixtures all the same: (1, 2) and (2, 4), or the sum of two others."""
    a = _real(a)
    return len({tuple(row) for row in a.tolist() if any(row)})


@replaces("rank")
def pivots_compared_with_zero(a, tolerance=1e-6):
    """Whatever was not exactly 0 counted as a direction. In floating point a mixture leaves some rounding: compare with the tolerance."""
    return _pivots(a, 0.0)


@replaces("rank")
def tolerance_taken_as_a_length(a, tolerance=1e-6):
    """The tolerance was compared with what is left as it is. It is a share: a trillionth of the matrix has the same rank, so multiply it by the largest there is."""
    left, count = _real(a).double().clone(), 0
    while count < min(left.shape) and left.norm(dim=1).max() > tolerance:
        row = left[left.norm(dim=1).argmax()]
        row = row / row.norm()
        left -= torch.outer(left @ row, row)
        count += 1
    return count


@replaces("rank")
def tolerance_not_used(a, tolerance=1e-6):
    """The tolerance given was not used: a fixed one decides. Whoever knows the noise in the numbers has to be able to say so."""
    return right.rank(a)


@replaces("rank")
def tolerance_squared(a, tolerance=1e-6):
    """Squares of lengths were compared with the tolerance as it is (or eigenvalues of the matrix times its transpose, which are squares, too). Then what is a thousandth looks like a millionth."""
    return right.rank(a, tolerance**0.5)


@replaces("rank")
def each_row_compared_with_itself(a, tolerance=1e-6):
    """What is left of a row was compared with that row's own length, so that a row that is tiny beside all others counts. Compare with the largest of the whole matrix."""
    rows = _real(a).double()
    return right.rank(
        rows / torch.where(rows.norm(dim=1, keepdim=True) > 0, rows.norm(dim=1, keepdim=True), 1.0), tolerance
    )


@replaces("rank")
def rows_in_the_order_they_came(a, tolerance=1e-6):
    """The rows were taken in the order in which they came. A short row that comes early becomes an axis, and its own small errors are stretched with it: begin with the longest, and go on with the longest that is left."""
    a = _real(a).double()
    longest = a.norm(dim=1).max() if a.numel() else 0.0
    return len(_walk(a, _usual, lambda rest, vector: rest.norm() > tolerance * longest))


@replaces("rank")
def columns_in_the_order_they_came(a, tolerance=1e-6):
    """The pivots were looked for column by column, from the left. A column that is small throughout gives a small pivot, and the errors are divided by it: take the largest entry left anywhere."""
    a = _real(a)
    return _pivots(a, tolerance * float(a.double().abs().max()) if a.numel() else 0.0)


@replaces("rank")
def no_rows_exchanged(a, tolerance=1e-6):
    """A zero where the pivot should stand was taken to mean that nothing is left in this column. Another row may have an entry there: look further down before you give up."""
    a = _real(a)
    return _pivots(a, tolerance * float(a.double().abs().max()) if a.numel() else 0.0, exchange=False)


@replaces("rank")
def what_is_lost_instead_of_what_is_left(a, tolerance=1e-6):
    """This is the number of directions that are taken to zero. The rank is the number of those that are not: both together make the number of columns."""
    return _real(a).shape[1] - right.rank(a, tolerance)


@replaces("rank")
def empty_matrix_raises(a, tolerance=1e-6):
    """A matrix without rows or columns stopped the program, since nothing has no largest. Its rank is 0."""
    _real(a).abs().max()
    return right.rank(a, tolerance)


@replaces("rank")
def zeros_have_rank_one(a, tolerance=1e-6):
    """A matrix of zeros got the rank 1: its largest number was compared with itself and counted. Of zeros nothing is left, so compare with 'above', not with 'at least'."""
    a = _real(a)
    return max(right.rank(a, tolerance), int(a.numel() > 0))


@replaces("rank")
def square_block_only(a, tolerance=1e-6):
    """Only the square corner of the matrix was looked at. In a wide one the columns beyond it, in a tall one the rows below it, may hold what makes rows independent."""
    a = _real(a)
    n = min(a.shape)
    return right.rank(a[:n, :n], tolerance)


@replaces("rank")
def rank_as_a_tensor(a, tolerance=1e-6):
    """The count came back as a floating-point number or tensor. A rank is a whole number: return a Python integer."""
    return torch.tensor(float(right.rank(a, tolerance)))


@replaces("rank")
def one_vector_has_rank_one(a, tolerance=1e-6):
    """A tensor of one dimension was taken for a matrix of one row. What is no matrix has to be refused with its shape."""
    return right.rank(a.reshape(-1, a.shape[-1]), tolerance)


# ── null_space ──


@replaces("null_space")
def null_space_in_columns(a, tolerance=1e-6):
    """The basis is right, but stands in columns, as in SciPy. Here each row is one vector of it."""
    return right.null_space(a, tolerance).T


@replaces("null_space")
def null_space_of_the_transpose(a, tolerance=1e-6):
    """These are the mixtures of the rows that give zero, which is the null space of the transpose. Wanted are the x with a x = 0: as many entries as a has columns."""
    return right.null_space(_real(a).T, tolerance)


@replaces("null_space")
def row_space(a, tolerance=1e-6):
    """This spans what the rows span. The null space is all that is orthogonal to them."""
    a = _real(a)
    return right._directions(a, tolerance, min(a.shape)).to(a.dtype)


@replaces("null_space")
def not_orthonormal(a, tolerance=1e-6):
    """The vectors span the right subspace, but they are not of length 1 and orthogonal to each other. Solutions read off elimination never are: make them so."""
    found = right.null_space(a, tolerance)
    return found if len(found) == 0 else torch.ones(len(found), len(found), dtype=found.dtype).tril() @ found


@replaces("null_space")
def unit_length_but_not_orthogonal(a, tolerance=1e-6):
    """Each vector has length 1, but they are not orthogonal to each other. An orthonormal basis is both."""
    found = not_orthonormal(a, tolerance)
    return found / found.norm(dim=1, keepdim=True) if len(found) else found


@replaces("null_space")
def one_vector_only(a, tolerance=1e-6):
    """One vector came back where there are more. There is one for each column beyond the rank."""
    return right.null_space(a, tolerance)[:1]


@replaces("null_space")
def sign_of_the_free_unknowns_wrong(a, tolerance=1e-6):
    """The free unknowns were read off with the wrong sign. Brought to the other side of the equation, a number changes its sign."""
    found = right.null_space(a, tolerance)
    if len(found) == 0 or _real(a).norm() == 0:
        return found
    turned = found.clone()
    turned[:, : _real(a).shape[1] // 2] *= -1
    return turned


@replaces("null_space")
def counted_by_size_instead_of_rank(a, tolerance=1e-6):
    """There are as many vectors as there are columns more than rows. Rows that are mixtures of others forbid nothing: it is the rank that counts."""
    a = _real(a)
    return right.null_space(a, tolerance)[: max(a.shape[1] - a.shape[0], 0)]


@replaces("null_space")
def first_rows_alone(a, tolerance=1e-6):
    """Rows beyond the number of columns were not looked at. Those before them may say the same several times, and then the later ones still forbid something."""
    return right.null_space(a[: a.shape[-1]] if a.dim() == 2 and a.shape[1] else a, tolerance)


@replaces("null_space")
def rows_compared_with_themselves(a, tolerance=1e-6):
    """What is left of a row was compared with that row's own length, so that a row that is tiny beside all others forbids a direction. Compare with the largest of the whole matrix."""
    rows = _real(a)
    kept = _walk(rows.double(), _usual, lambda rest, vector: rest.norm() > tolerance * vector.norm())
    return right.null_space(kept, 1e-9).to(rows.dtype)


@replaces("null_space")
def nothing_for_tall_matrices(a, tolerance=1e-6):
    """Matrices with as many rows as columns, or more, were taken to have no null space. They have one as soon as their columns are mixtures of each other."""
    a = _real(a)
    return right.null_space(a, tolerance) if a.shape[0] < a.shape[1] else a.new_zeros(0, a.shape[1])


@replaces("null_space")
def tolerance_left_out(a, tolerance=1e-6):
    """The tolerance given was not used. A direction that the noise of the numbers alone keeps from zero is for the caller to judge."""
    return right.null_space(a)


@replaces("null_space")
def null_space_at_a_fixed_edge(a, tolerance=1e-6):
    """The tolerance was taken for a length. It is a share of the largest: a trillionth of the matrix has the same null space."""
    a = _real(a)
    largest = float(a.double().norm(dim=1).max()) if a.numel() else 0.0
    return a.new_zeros(0, a.shape[1]) if not largest else right.null_space(a, tolerance / largest)


@replaces("null_space")
def nothing_has_no_shape(a, tolerance=1e-6):
    """Where nothing is taken to zero, a tensor without columns or with a row of zeros came back. No rows of n entries are a tensor of shape (0, n)."""
    found = right.null_space(a, tolerance)
    return found if len(found) else torch.zeros(0, dtype=found.dtype)


@replaces("null_space")
def null_space_in_float64(a, tolerance=1e-6):
    """The result is float64 whatever came in. Computing in it is fine, but the basis is to have the dtype of the matrix."""
    return right.null_space(a, tolerance).double()


@replaces("null_space")
def square_with_zero_rows(a, tolerance=1e-6):
    """Rows of zeros fill the basis up. They have not length 1: leave them out."""
    found = right.null_space(a, tolerance)
    return torch.cat([found, found.new_zeros(found.shape[1] - len(found), found.shape[1])])


@replaces("null_space")
def stack_of_matrices_taken(a, tolerance=1e-6):
    """A single vector or a stack of matrices was reshaped into one matrix and answered. Only a matrix has a null space: refuse the others, and show the shape."""
    return right.null_space(a.reshape(-1, a.shape[-1]), tolerance)
