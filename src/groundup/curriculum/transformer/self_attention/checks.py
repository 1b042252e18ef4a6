"""How the result of each driver is compared with the reference's."""

from groundup.authoring import close, exact, refused_with_shapes, valid

SCORES = "attention_scores"
MASK = "causal_mask"
ATTENTION = "scaled_dot_product_attention"

LARGE = "the difference of two numbers near 10 000, where some take the exponential, carries their rounding"
HALF = "in half precision the scores are rounded before the exponential, which magnifies that; alternatives do it elsewhere"


# ── attention_scores ──

scores_of_two_queries = close("one number for each query and each key", builds=SCORES, reduction=3)
scores_of_one_pair = close("one query and one key", builds=SCORES, reduction=6)
scores_in_float64 = close("float64 stays float64", builds=SCORES, reduction=12)
scores_in_a_batch = close("each text and head of a batch has scores of its own", builds=SCORES, reduction=5)
scores_of_batches_that_broadcast = close("scores: batch dimensions broadcast", builds=SCORES, reduction=6)
scores_of_transposed_tensors = close(
    "scores: the memory layout of the inputs does not matter", builds=SCORES, reduction=6
)
scores_in_half_precision = close("scores: bfloat16 and float16 are accepted and kept", builds=SCORES, reduction=7)
scores_leave_their_inputs_alone = close("scores: the inputs are not changed", builds=SCORES, reduction=5)
scores_gradients = close("gradients flow to queries and keys", builds=SCORES, reduction=6)
scores_of_unequal_dimensions = valid(
    "queries and keys of different dimensions are refused with a ValueError that shows both shapes",
    refused_with_shapes,
    builds=SCORES,
)
scores_of_one_dimension_and_many = valid(
    "a last dimension of 1 is not stretched, but refused with a ValueError", refused_with_shapes, builds=SCORES
)

# ── causal_mask ──

mask_of_a_short_text = exact("each position sees itself and those before it", builds=MASK)
mask_of_one_and_of_two = exact("texts of one, two and more positions", builds=MASK)
mask_is_new_each_time = exact("whoever edits a mask does not change the next one", builds=MASK)

# ── scaled_dot_product_attention ──

attention_of_two_queries = close("a weighted average of the values for each query", builds=ATTENTION, reduction=4)
attention_with_equal_scores = close("equal scores give the plain average", builds=ATTENTION, reduction=5)
attention_in_a_batch = close("each text and head of a batch attends to itself alone", builds=ATTENTION, reduction=7)
attention_of_a_text_to_itself = close("queries, keys and values may be one tensor", builds=ATTENTION, reduction=5)
attention_of_batches_that_broadcast = close("batch dimensions broadcast", builds=ATTENTION, reduction=6)
attention_in_float64 = close("float64 stays float64, with all its digits", builds=ATTENTION, reduction=7)
attention_of_transposed_tensors = close(
    "the memory layout of the inputs does not matter", builds=ATTENTION, reduction=6
)
masked = close("masked keys get no weight, and the weights of the others sum to 1", builds=ATTENTION, reduction=7)
masked_one_row_for_all_queries = close("one row of a mask may serve all queries", builds=ATTENTION, reduction=7)
masked_padding = close("a padding mask of shape (batch, 1, 1, n_k)", builds=ATTENTION, reduction=6)
masked_causal = close("a causal mask", builds=ATTENTION, reduction=7)
masked_future_changes_nothing = close(
    "under a causal mask, other tokens in the future do not change the past", builds=ATTENTION, reduction=6
)
masked_best_match = close("a masked key has no influence, however well it matches", builds=ATTENTION, reduction=6)
masked_whole_rows = close("a query that may attend to nothing gets zeros", builds=ATTENTION, reduction=6)
masked_everything = close("a mask that lets nothing through gives zeros", builds=ATTENTION)
large_scores = close(
    "scores of 10 240 and of -10 240", builds=ATTENTION, reduction=5, conditioning=300.0, because=LARGE
)
large_scores_masked = close(
    "scores of 10 240 and of -10 240, with a mask", builds=ATTENTION, reduction=6, conditioning=300.0, because=LARGE
)
attention_in_half_precision = close(
    "bfloat16 and float16 are accepted and kept", builds=ATTENTION, reduction=6, conditioning=2.0, because=HALF
)
attention_to_values_in_half_precision = close("the result has the dtype of the values", builds=ATTENTION, reduction=6)
attention_leaves_its_inputs_alone = close("the inputs are not changed", builds=ATTENTION, reduction=6)
attention_gradients = close("gradients flow to queries, keys and values", builds=ATTENTION, reduction=7)
masked_gradients = close("masked keys get no gradient, the others the right one", builds=ATTENTION, reduction=7)
masked_rows_gradients = close(
    "a query that may attend to nothing sends back zeros, not NaN", builds=ATTENTION, reduction=7
)
