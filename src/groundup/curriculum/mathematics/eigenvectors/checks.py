"""How the result of each driver is compared with the reference's."""

import torch

from groundup.authoring import close, exact, refused_with_shapes, same_subspace, up_to_sign, valid

POWER, QR, PCA = "power_iteration", "qr_eigenvalues", "pca"
STEPS = "each step rounds anew, and the roundings of some dozens of steps add up"
CENTERED = "the mean, a thousand times as large, is rounded before it is taken off"


def rayleigh(returned, expected):
    """Each answer: (the matrix, the value, the vector). The matrix is taken from ours."""
    if not isinstance(returned, list) or len(returned) != len(expected):
        return "a value and a vector were expected for each call"
    for mine, (a, _, vector) in zip(returned, expected):
        if not isinstance(mine, list) or len(mine) != 3:
            return "(eigenvalue, eigenvector) was expected"
        value, x = mine[1:]
        if not isinstance(x, torch.Tensor) or x.shape != vector.shape or x.dtype != vector.dtype:
            return f"the second item should be the vector, of shape {tuple(vector.shape)} and dtype {vector.dtype}"
        if not isinstance(value, torch.Tensor) or value.ndim or value.dtype != vector.dtype:
            return "the first item should be the eigenvalue, a 0-d tensor in the dtype of the matrix"
        if abs(float(x.norm()) - 1.0) > 1e-9:
            return f"the vector has length {float(x.norm()):.4g}, where 1 was expected"
        if abs(float(value - x @ (a @ x))) > 1e-9 * float(a.abs().max()):
            return (
                f"the value is {float(value):.4g}, where x · (a x) of the vector returned is {float(x @ (a @ x)):.4g}"
            )
    return None


# ── power_iteration ──

strongest_of_two = close("the largest eigenvalue of two rows", builds=POWER, reduction=2)
strongest_direction_of_two = up_to_sign("the eigenvector of two rows", builds=POWER, reduction=4)
strongest_of_five = close("the largest eigenvalue of five rows, in float64", builds=POWER, reduction=5)
strongest_direction_of_five = up_to_sign("the eigenvector of five rows, in float64", builds=POWER, reduction=5)
negative_and_strongest = close("the strongest eigenvalue may be negative", builds=POWER, reduction=3)
not_symmetric = close(
    "a matrix that is not symmetric: its eigenvalue", builds=POWER, reduction=4, conditioning=10.0,
    because="its eigenvectors are not at right angles",
)  # fmt: skip
direction_of_not_symmetric = up_to_sign("a matrix that is not symmetric: its eigenvector", builds=POWER, reduction=1000)
no_direction_is_missed = close("a start that is at a right angle to nothing", builds=POWER, reduction=3)
begins_in_any_direction = exact("the beginning is drawn, and any direction may come", builds=POWER)
one_step_more = close("each step applies the matrix once and keeps the length at 1", builds=POWER, reduction=4)
before_it_has_settled = valid(
    "the value belongs to the vector that is returned, after any number of steps", rayleigh, builds=POWER
)
huge_and_tiny_entries = close("entries of 1e29 and of 1e-30 in float32", builds=POWER, reduction=4)
settles_slowly = close("no end before all steps are done", builds=POWER, reduction=100)
taken_to_zero = close("a vector that is taken to zero is kept, and gives no NaN", builds=POWER, reduction=2)
one_row = close("one row: the number itself", builds=POWER)
same_state_same_result = exact("chance comes from the generator alone", builds=POWER)
strongest_of_whole_numbers = close("whole numbers give floating-point results", builds=POWER, reduction=3)
power_iteration_refuses = valid(
    "power_iteration refuses what does not fit, and shows the shape", refused_with_shapes, builds=POWER
)

# ── qr_eigenvalues ──

QRS = {"builds": QR, "conditioning": 5.0, "because": STEPS}
eigenvalues_of_two_rows = close("both eigenvalues of two rows", reduction=2, **QRS)
eigenvalues_of_five_rows = close("all eigenvalues of five rows, in float64", reduction=5, **QRS)
eigenvalues_of_both_signs = close("eigenvalues keep their signs, and are sorted by value", reduction=4, **QRS)
eigenvalues_that_are_equal = close("equal eigenvalues come as often as they are there", reduction=5, **QRS)
few_steps = close("exactly as many steps as were asked for", reduction=4, **QRS)
eigenvalues_in_float32 = close("eigenvalues in float32", reduction=4, **QRS)
eigenvalues_of_diagonals = close("a diagonal matrix has its eigenvalues on the diagonal", reduction=4, **QRS)
eigenvalues_of_little = close("one row, no row, and zeros", reduction=1, **QRS)
eigenvalues_at_any_size = close("very large and very small entries", reduction=3, **QRS)
eigenvalues_of_whole_numbers = close("eigenvalues of whole numbers", reduction=3, **QRS)
qr_leaves_its_argument_alone = close("the matrix is not changed", reduction=3, **QRS)
qr_refuses = valid("qr_eigenvalues refuses what does not fit, and shows the shape", refused_with_shapes, builds=QR)

# ── pca ──

main_direction_of_a_flat_cloud = up_to_sign("the main direction of points in a plane", builds=PCA, reduction=6)
variances_of_a_flat_cloud = close("the variances along both directions", builds=PCA, reduction=6)
directions_of_many_features = up_to_sign("three directions of five, the widest first", builds=PCA, reduction=12)
variances_of_many_features = close("three variances of five, the largest first", builds=PCA, reduction=12)
fewer_points_than_features = up_to_sign("fewer points than features: the directions", builds=PCA, reduction=12)
variances_of_fewer_points_than_features = close("fewer points than features: the variances", builds=PCA, reduction=7)
far_from_zero = close("variances of points far from zero", builds=PCA, reduction=9, conditioning=20.0, because=CENTERED)
directions_far_from_zero = up_to_sign("directions of points far from zero", builds=PCA, reduction=4000)
features_of_unequal_spread = close("features keep their own spread", builds=PCA, reduction=8)
components_are_orthonormal = close("components are orthonormal, also where nothing varies", builds=PCA, reduction=9)
rebuilt_from_two = close("the points rebuilt from two components", builds=PCA, reduction=9)
equal_variances = same_subspace("two directions of equal variance: any pair of their plane", builds=PCA, reduction=9)
variances_are_never_negative = close("variances of zero are not negative", builds=PCA)
little_to_go_by = close("two points, one feature, and points that are all the same", builds=PCA, reduction=6)
points_of_whole_numbers = close("points of whole numbers", builds=PCA, reduction=6)
pca_leaves_its_argument_alone = close("the points are not changed", builds=PCA, reduction=8)
pca_refuses = valid("pca refuses what does not fit, and shows the shape", refused_with_shapes, builds=PCA)
