"""How the result of each driver is compared with the reference's."""

import torch

from groundup.authoring import close, exact, refused, valid

SPLIT = "split_heads"
MERGE = "merge_heads"
REPEAT = "repeat_kv"
LAYER = "MultiHeadAttention"

HALF = "each of four products is rounded to half precision, and so may be scores and weights between them"


def _started(returned, expected):
    """None where every weight is random, of about the size of a linear layer's, and unlike the others."""
    if not isinstance(returned, dict) or returned.keys() != expected.keys():
        return "the parameters are not q.weight, k.weight, v.weight and o.weight"
    for name, right in expected.items():
        weight = returned[name]
        if not isinstance(weight, torch.Tensor) or weight.shape != right.shape:
            return f"{name} has not the shape {tuple(right.shape)}"
        weight = weight.double()
        if not bool(weight.isfinite().all()):
            return f"{name} holds what is no number"
        spread = float(weight.std()) * weight.shape[-1] ** 0.5
        if spread < 0.05:
            return f"{name} starts as (nearly) the same number everywhere"
        if spread > 4.0:
            return f"{name} starts so large that vectors grow many times longer"
        if abs(float(weight.mean())) > float(weight.std()) / 2:
            return f"{name} does not start around zero"
        if float((weight[1:] - weight[:-1]).abs().amax(dim=-1).min()) == 0.0:
            return f"{name} starts with rows that are the same"
    names = sorted(returned)
    for i, one in enumerate(names):
        for other in names[i + 1 :]:
            first, second = returned[one].double(), returned[other].double()
            rows = min(len(first), len(second))
            if torch.equal(first[:rows], second[:rows]):
                return f"{one} and {other} start with the same numbers"
    return None


# ── split_heads ──

split_two_positions = exact("each head gets its own slice of every position's vector", builds=SPLIT)
split_one_text = exact("split: one text, no batch", builds=SPLIT)
split_a_batch = exact("split: each text of a batch for itself", builds=SPLIT)
split_two_batch_dimensions = exact("split: two batch dimensions", builds=SPLIT)
split_into_one_and_into_all = exact("one head with everything, heads with one number each, one position", builds=SPLIT)
split_transposed_tensors = exact("split: the memory layout of the input does not matter", builds=SPLIT)
split_other_dtypes = exact("split: the dtype is kept", builds=SPLIT)
split_gradients = close("split: gradients flow back to where the numbers came from", builds=SPLIT)
split_what_does_not_divide = valid("a number of heads that does not divide dim is refused", refused, builds=SPLIT)
split_into_no_heads = valid("no heads, or fewer, are refused", refused, builds=SPLIT)

# ── merge_heads ──

merge_two_positions = exact("the slices of a position come together again", builds=MERGE)
merge_one_text = exact("merge: one text, no batch", builds=MERGE)
merge_a_batch = exact("merge: each text of a batch for itself", builds=MERGE)
merge_two_batch_dimensions = exact("merge: two batch dimensions", builds=MERGE)
merge_one_head_and_one_number = exact("a single head, heads with one number each", builds=MERGE)
merge_transposed_tensors = exact("merge: the memory layout of the input does not matter", builds=MERGE)
merge_other_dtypes = exact("merge: the dtype is kept", builds=MERGE)
merge_gradients = close("merge: gradients flow back to where the numbers came from", builds=MERGE)

# ── repeat_kv ──

repeat_two_heads = exact("each head several times in a row", builds=REPEAT)
repeat_in_one_text = exact("repeat: one text, no batch", builds=REPEAT)
repeat_in_a_batch = exact("repeat: each text of a batch for itself", builds=REPEAT)
repeat_in_two_batch_dimensions = exact("repeat: two batch dimensions", builds=REPEAT)
repeat_one_head_for_all = exact("a single head for all queries", builds=REPEAT)
repeat_once = exact("one group changes nothing", builds=REPEAT)
repeat_transposed_tensors = exact("repeat: the memory layout of the input does not matter", builds=REPEAT)
repeat_other_dtypes = exact("repeat: the dtype is kept", builds=REPEAT)
repeat_gradients = close("the gradients of all copies arrive at the one head", builds=REPEAT, reduction=4)

# ── MultiHeadAttention ──

layer_state = exact("names and shapes of the weights", builds=LAYER)
layer_state_with_fewer_keys = exact("fewer heads of keys and values make two of the weights smaller", builds=LAYER)
layer_starting_weights = valid("the weights start at random, each for itself", _started, builds=LAYER)
layer_starts_anew = exact("every layer starts with weights of its own", builds=LAYER)
layer_of_one_head = close("one head: projections around plain attention", builds=LAYER, reduction=3)
layer_of_two_heads = close("two heads attend apart from each other", builds=LAYER, reduction=6)
layer_on_a_batch = close("three heads, each text of a batch for itself", builds=LAYER, reduction=12)
layer_of_many_narrow_heads = close("more heads than numbers in a head", builds=LAYER, reduction=10)
layer_on_two_batch_dimensions = close("layer: two batch dimensions", builds=LAYER, reduction=12)
layer_on_one_position = close("a text of one position", builds=LAYER, reduction=12)
layer_with_grouped_queries = close("six heads of queries share two of keys and values", builds=LAYER, reduction=18)
layer_with_pairs_of_queries = close("pairs of queries share keys and values", builds=LAYER, reduction=32)
layer_with_one_head_of_keys = close("all queries share one head of keys and values", builds=LAYER, reduction=12)
layer_with_as_many_heads_of_keys = close("kv_heads given, and equal to heads", builds=LAYER, reduction=15)
layer_causal = close("layer: a causal mask", builds=LAYER, reduction=12)
layer_causal_with_grouped_queries = close("a causal mask with grouped queries", builds=LAYER, reduction=18)
layer_masked_at_random = close("any mask of shape (n, n)", builds=LAYER, reduction=12)
layer_masked_padding = close("layer: a padding mask of shape (batch, 1, 1, n)", builds=LAYER, reduction=12)
layer_with_a_mask_for_each_head = close("each head may have a mask of its own", builds=LAYER, reduction=16)
layer_masked_whole_rows = close("layer: a position that may attend to nothing gets zeros", builds=LAYER, reduction=12)
layer_masked_whole_rows_of_one_head = close(
    "layer: what gets zeros is decided in each head for itself", builds=LAYER, reduction=12
)
layer_masked_whole_texts = close("layer: a text of nothing but padding gets zeros", builds=LAYER, reduction=12)
layer_masked_best_match = close(
    "layer: a masked position has no influence, however well it matches", builds=LAYER, reduction=12
)
layer_in_float64 = close("layer: float64 stays float64, with all its digits", builds=LAYER, reduction=12)
layer_in_half_precision = close(
    "layer: bfloat16 and float16 are kept", builds=LAYER, reduction=12, conditioning=3.0, because=HALF
)
layer_on_transposed_tensors = close("layer: the memory layout of the input does not matter", builds=LAYER, reduction=12)
layer_called_again = close("nothing is left over from an earlier call", builds=LAYER, reduction=12)
layer_leaves_its_inputs_alone = close("layer: the inputs are not changed", builds=LAYER, reduction=12)
layer_gradients = close("gradients flow to the input and to all four weights", builds=LAYER, reduction=24)
layer_gradients_with_grouped_queries = close(
    "gradients of grouped queries, and of a position that may attend to nothing", builds=LAYER, reduction=36
)
layer_of_heads_that_do_not_divide = valid(
    "a layer whose heads do not divide dim is refused when it is made", refused, builds=LAYER
)
layer_of_keys_that_do_not_divide = valid("kv_heads that do not divide heads are refused", refused, builds=LAYER)
layer_without_heads_of_keys = valid("kv_heads = 0 is refused", refused, builds=LAYER)
