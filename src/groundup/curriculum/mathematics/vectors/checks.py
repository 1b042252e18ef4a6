"""How the result of each driver is compared with the reference's."""

from groundup.authoring import close, exact, refused, refused_with_shapes, valid


def _finite(returned, expected):
    """None where every gradient arrives with the right shape and without NaN or infinity."""
    if not isinstance(returned, dict) or returned.keys() != expected.keys():
        return "a gradient for each input was expected"
    for name, right in expected.items():
        gradient = returned[name]
        if getattr(gradient, "shape", None) != right.shape:
            return f"no gradient reaches {name}"
        if not bool(gradient.isfinite().all()):
            return f"the gradient of {name} holds NaN or infinity"
    return None


# ── dot ──

dot_of_two_short_vectors = close("the products of the entries are added up", builds="dot", reduction=3)
dot_of_word_counts = exact("whole numbers give a whole number", builds="dot")
dot_of_one_entry_or_none = close("one entry is enough, and none gives 0", builds="dot")
dot_in_a_batch = close("one number for each pair of vectors in a batch", builds="dot", reduction=3)
dot_of_opposite_directions = close("opposite directions give a negative number", builds="dot", reduction=7)
dot_of_each_query_with_each_document = close(
    "each query against each document: batch dimensions broadcast", builds="dot", reduction=6
)
dot_of_strided_float64 = close("products in float64, of views with strides", builds="dot", reduction=5)
dot_gradients = close("gradients of the dot product reach both vectors", builds="dot", reduction=5)
dot_of_different_lengths = valid(
    "vectors of different lengths have no dot product: a ValueError shows both shapes",
    refused_with_shapes,
    builds="dot",
)

# ── norm ──

norm_of_a_short_vector = close("the ordinary length, for p = 2", builds="norm", reduction=3)
norm_with_p_of_one = close("for p = 1 the magnitudes are added up", builds="norm", reduction=4)
norm_with_other_p = close("other p: 3, 2.5", builds="norm", reduction=5)
norm_with_p_infinite = close("for infinite p the largest magnitude", builds="norm")
norm_of_word_counts = close("the length of whole numbers is a floating-point number", builds="norm", reduction=7)
norm_in_a_batch = close("one length for each vector in a batch", builds="norm", reduction=7)
norm_of_zero_vectors = close("a zero vector has length 0", builds="norm", reduction=3)
norm_of_no_entries = close("a vector without entries has length 0", builds="norm")
norm_of_strided_float64 = close("lengths in float64, of views with strides", builds="norm", reduction=5)
norm_of_huge_entries = close("entries of 1e30, whose squares do not fit into float32", builds="norm", reduction=5)
norm_of_tiny_entries = close("entries of 1e-30, whose squares vanish in float32", builds="norm", reduction=5)
norm_of_huge_beside_tiny = close("huge and tiny vectors in one batch", builds="norm", reduction=6)
norm_at_the_ends_of_float64 = close(
    "entries of 1e200, whose squares do not fit into float64", builds="norm", reduction=4
)
norm_in_half_precision = close("half precision, where 256 squared already does not fit", builds="norm", reduction=6)
norm_leaves_its_input_alone = close("measuring does not change the vector", builds="norm", reduction=4)
norm_gradients = close("gradients of the length, for each p", builds="norm", reduction=4)
norm_gradient_at_zero = close("the gradient at a zero vector is zero, not NaN", builds="norm", reduction=3)
norm_with_p_below_one = valid("p below 1 is refused with a ValueError", refused, builds="norm")

# ── cosine_similarity ──

cosine_of_two_short_vectors = close(
    "the cosine of the angle of two short vectors", builds="cosine_similarity", reduction=2
)
cosine_of_the_same_and_the_opposite_direction = close(
    "1 for the same direction, -1 for the opposite one, at any length", builds="cosine_similarity", reduction=3
)
cosine_of_right_angles = close("0 for a right angle, 0.7071 for half of one", builds="cosine_similarity", reduction=2)
cosine_of_word_counts = close(
    "the cosine of whole numbers is a floating-point number", builds="cosine_similarity", reduction=6
)
cosine_in_a_batch = close("one cosine for each pair in a batch", builds="cosine_similarity", reduction=3)
cosine_of_each_query_with_each_document = close(
    "the angle of each query with each document", builds="cosine_similarity", reduction=6
)
cosine_with_zero_vectors = close("0 where either vector is zero", builds="cosine_similarity", reduction=3)
cosine_of_strided_float64 = close("cosines in float64, of views with strides", builds="cosine_similarity", reduction=5)
cosine_of_huge_vectors = close("entries of 1e30 have an angle, too", builds="cosine_similarity", reduction=5)
cosine_of_tiny_vectors = close("entries of 1e-30 have an angle, too", builds="cosine_similarity", reduction=5)
cosine_of_vectors_of_every_size = close("long against short vectors", builds="cosine_similarity", reduction=4)
cosine_at_the_ends_of_float64 = close("entries of 1e200 in float64", builds="cosine_similarity", reduction=4)
cosine_leaves_its_inputs_alone = close("comparing does not change the vectors", builds="cosine_similarity", reduction=4)
cosine_gradients = close("gradients of the cosine reach both vectors", builds="cosine_similarity", reduction=4)
cosine_gradients_beside_a_zero_vector = valid(
    "a zero vector in the batch makes no gradient of the cosine NaN", _finite, builds="cosine_similarity"
)
cosine_of_different_lengths = valid(
    "vectors of different lengths have no angle: a ValueError shows both shapes",
    refused_with_shapes,
    builds="cosine_similarity",
)

# ── project ──

projection_of_a_short_vector = close("the nearest point on the line", builds="project", reduction=2)
projection_onto_an_axis = close("onto an axis: one entry stays, however long the axis", builds="project", reduction=4)
projection_backwards = close("beyond a right angle the projection points backwards", builds="project", reduction=3)
projection_in_a_batch = close("one projection for each pair in a batch", builds="project", reduction=3)
projection_of_each_onto_each = close(
    "each vector onto each line: batch dimensions broadcast", builds="project", reduction=6
)
projection_of_word_counts = close("the projection of whole numbers is floating-point", builds="project", reduction=5)
projection_with_zero_vectors = close("onto the zero vector everything becomes zero", builds="project", reduction=3)
projection_of_strided_float64 = close("projections in float64, of views with strides", builds="project", reduction=5)
projection_onto_huge_and_tiny_vectors = close(
    "the line is the same, however long the vector that gives it", builds="project", reduction=4
)
projection_at_the_ends_of_float64 = close("the same in float64, for entries of 1e200", builds="project", reduction=4)
projection_leaves_its_inputs_alone = close("projecting does not change the vectors", builds="project", reduction=4)
projection_gradients = close("gradients of the projection reach both vectors", builds="project", reduction=4)
projection_gradients_beside_a_zero_vector = valid(
    "a zero vector in the batch makes no gradient of the projection NaN", _finite, builds="project"
)
projection_of_different_lengths = valid(
    "vectors of different lengths have no projection: a ValueError shows both shapes",
    refused_with_shapes,
    builds="project",
)
