"""How the result of each driver is compared with the reference's."""

from groundup.authoring import close

JACOBIAN = "jacobian"
HESSIAN = "hessian"

SLOPES = "slopes are measured, and the stub asks for six digits, so that every step that gives them is right"
BENDS = (
    "second differences are measured, and the stub asks for four digits, so that every step that gives them is right"
)


def _slopes(title):
    return close(title, builds=JACOBIAN, conditioning=1.5e8, because=SLOPES)


def _bends(title):
    return close(title, builds=HESSIAN, conditioning=1.5e10, because=BENDS)


# ── jacobian ──

slopes_of_a_linear_map = _slopes("a linear map has its own matrix as Jacobian")
slopes_of_a_square_map = _slopes("rows belong to results, columns to entries of x")
slopes_of_products = _slopes("four results of three entries")
slopes_entry_by_entry = _slopes("where each result depends on one entry, a diagonal")
slopes_of_polar_coordinates = _slopes("polar coordinates")
slopes_of_mixed_entries = _slopes("five entries and two results, two entries and six")
slopes_of_a_softmax = _slopes("the softmax: each share depends on every score")
slopes_of_one_result = _slopes("a single number has no dimension of its own, a vector of one has")
slopes_along_one_entry = _slopes("one entry, in a vector or by itself")
slopes_of_matrices = _slopes("from matrices to matrices: the dimensions of the result, then those of x")
slopes_from_a_matrix_to_a_vector = _slopes("from a matrix to a vector, and back")
slopes_of_what_was_given = _slopes("f may return x itself, or a view of it")
slopes_at_zeros_and_whole_numbers = _slopes("slopes: entries of zero, and whole numbers")
slopes_in_other_dtypes = _slopes("slopes are measured in float64, whatever x comes in")
slopes_at_strided_entries = _slopes("slopes at a view with strides")
slopes_leave_x_alone = _slopes("jacobian does not change x, not even for a while")

# ── hessian ──

bends_of_a_bowl = _bends("a bowl: two bends, and nothing between them")
bends_of_a_saddle = _bends("a saddle: up one way, down the other")
bends_of_a_product = _bends("a product: bends between entries only")
bends_of_a_square_times_another = _bends("bends that depend on the place")
bends_of_a_quadratic_form = _bends("a quadratic form: the matrix and its transpose")
bends_of_mixed_entries = _bends("five entries that work together")
bends_of_one_entry = _bends("one entry: the second derivative")
bends_of_a_matrix = _bends("the dimensions of x, twice")
bends_of_a_loss = _bends("the loss by the scores")
bends_of_squared_errors = _bends("squared errors of a bent function")
bends_beside_a_large_value = _bends("small bends beside a large value: the step is not too small")
bends_at_a_minimum = _bends("at a minimum, where all slopes are zero")
bends_at_zeros_and_whole_numbers = _bends("bends: entries of zero, and whole numbers")
bends_in_other_dtypes = _bends("bends are measured in float64, whatever x comes in")
bends_at_strided_entries = _bends("bends at a view with strides")
bends_leave_x_alone = _bends("hessian does not change x, not even for a while")
