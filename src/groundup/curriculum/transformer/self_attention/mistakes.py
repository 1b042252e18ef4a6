"""Wrong implementations that learners write. The name is the misconception, the docstring the hint."""

import math

import torch

from groundup.authoring import replaces
from groundup.stack.transformer import attention_by_formula, attention_scores


def _same_d(q, k):
    if q.shape[-1] != k.shape[-1]:
        raise ValueError(f"shapes {tuple(q.shape)} and {tuple(k.shape)}")


def _products(q, k):
    _same_d(q, k)
    return q @ k.transpose(-2, -1)


def _weights(scores, mask):
    """The right weights of these scores."""
    if mask is None:
        return torch.softmax(scores, dim=-1)
    lowest = torch.finfo(scores.dtype).min
    return torch.softmax(scores.masked_fill(~mask, lowest), dim=-1).masked_fill(~mask, 0.0)


def _attend(scores, v, mask):
    return _weights(scores, mask).to(v.dtype) @ v


def _infinite(scores, mask):
    """Scores with -inf where the mask blocks."""
    return scores if mask is None else scores.masked_fill(~mask, -math.inf)


# ── attention_scores ──


@replaces("attention_scores")
def scores_not_scaled(q, k):
    """These are the plain dot products: the division by the square root of d is missing. Without it the scores grow with
    d, and the softmax after them puts nearly all weight on one key."""
    return _products(q, k)


@replaces("attention_scores")
def scores_divided_by_d(q, k):
    """The dot products are divided by d itself. A sum of d independent terms has a spread of the square root of d, so the
    square root is what brings the scores back to a spread of 1; with d they come out too small and too equal."""
    return _products(q, k) / q.shape[-1]


@replaces("attention_scores")
def scores_multiplied(q, k):
    """The dot products are multiplied where they should be divided: the factor is 1 / sqrt(d), not sqrt(d)."""
    return _products(q, k) * math.sqrt(q.shape[-1])


@replaces("attention_scores")
def scores_scaled_by_number_of_keys(q, k):
    """The scale is taken from the number of keys, not from d. What makes a dot product large is how many entries are summed
    in it, and that is the last dimension of q and k."""
    return _products(q, k) / math.sqrt(k.shape[-2])


@replaces("attention_scores")
def scores_already_softmaxed(q, k):
    """The rows of the result sum to 1: a softmax has been applied. This function returns the scores before it."""
    return torch.softmax(attention_scores(q, k), dim=-1)


@replaces("attention_scores")
def scores_transposed(q, k):
    """The result is transposed: its rows belong to keys and its columns to queries. A row of the scores is one query."""
    return attention_scores(q, k).transpose(-2, -1)


@replaces("attention_scores")
def scores_with_other_dimensions_exchanged(q, k):
    """Right for two matrices, but in a batch the wrong dimensions of the keys are exchanged: all of them (as .T does), or the
    first two. Only the last two are to change places, whatever stands before them: count from the end."""
    _same_d(q, k)
    return (q / math.sqrt(q.shape[-1])) @ k.permute(*reversed(range(k.dim())))


@replaces("attention_scores")
def scores_as_cosines(q, k):
    """Queries and keys were given length 1 first, which makes the scores cosines between -1 and 1. Attention uses the dot
    product itself: a long key is allowed to be heard more."""
    _same_d(q, k)
    return torch.nn.functional.normalize(q, dim=-1) @ torch.nn.functional.normalize(k, dim=-1).transpose(-2, -1)


@replaces("attention_scores")
def scores_scaled_in_place(q, k):
    """The scores are right, but the queries that were passed in have been divided in place (as /= and *= do). The caller
    still needs them as they were."""
    _same_d(q, k)
    q /= math.sqrt(q.shape[-1])
    return q @ k.transpose(-2, -1)


@replaces("attention_scores")
def scores_in_float32(q, k):
    """The result is float32 whatever came in. A model in float64 or bfloat16 expects its own dtype back."""
    return attention_scores(q.float(), k.float())


@replaces("attention_scores")
def scores_without_a_check_of_shapes(q, k):
    """Shapes that do not fit are not refused with a ValueError that names both: PyTorch's error, if there is one at all,
    does not say which argument was meant."""
    return (q / math.sqrt(q.shape[-1])) @ k.transpose(-2, -1)


@replaces("attention_scores")
def scores_of_a_stretched_dimension(q, k):
    """A last dimension of 1 is repeated silently to match the other (einsum and broadcasting do so), and scores come out that
    mean nothing. Compare the last dimensions themselves; it is not enough to wait for PyTorch's error."""
    try:
        return torch.einsum("...qd,...kd->...qk", q, k) / math.sqrt(q.shape[-1])
    except RuntimeError:
        _same_d(q, k)
        raise


# ── causal_mask ──


@replaces("causal_mask")
def mask_upper_triangle(n):
    """This is the upper triangle: each position sees itself and what comes after it. Rows are queries, columns are keys;
    a query may look back."""
    return torch.ones(n, n, dtype=torch.bool).triu()


@replaces("causal_mask")
def mask_marks_what_is_blocked(n):
    """The mask says True where attention is forbidden. Here True means: may attend."""
    return torch.ones(n, n, dtype=torch.bool).triu(diagonal=1)


@replaces("causal_mask")
def mask_without_the_diagonal(n):
    """A position does not see itself. It should: the first one would otherwise have nothing at all to attend to, and a
    token's own content would not reach its output."""
    return torch.ones(n, n, dtype=torch.bool).tril(diagonal=-1)


@replaces("causal_mask")
def mask_sees_one_ahead(n):
    """Each position also sees the one after it. That is the very token it will be trained to predict."""
    return torch.ones(n, n, dtype=torch.bool).tril(diagonal=1)


@replaces("causal_mask")
def mask_of_everything(n):
    """Everything is allowed: each position sees the whole text, the future included."""
    return torch.ones(n, n, dtype=torch.bool)


@replaces("causal_mask")
def mask_of_only_itself(n):
    """Only the diagonal is True: each position sees itself alone and nothing before it."""
    return torch.eye(n, dtype=torch.bool)


@replaces("causal_mask")
def mask_of_numbers(n):
    """The triangle is right, but it holds the numbers 1.0 and 0.0. A mask is boolean here; numbers would sooner or later be
    added to the scores by someone who takes them for a bias."""
    return torch.ones(n, n).tril()


@replaces("causal_mask")
def mask_of_whole_numbers(n):
    """The triangle is right, but it holds whole numbers. A mask is boolean here: for integers ~ means something else, ~1 is
    -2 and not False."""
    return torch.ones(n, n, dtype=torch.int64).tril()


@replaces("causal_mask")
def mask_to_be_added(n):
    """This is the other kind of mask, numbers to be added to the scores: 0 where allowed, minus infinity where not. Here a
    mask is boolean, True = may attend."""
    return torch.full((n, n), -math.inf).triu(diagonal=1)


@replaces("causal_mask")
def mask_with_dimensions_in_front(n):
    """The mask has dimensions for batch and head in front. Shape (n, n) is enough: it broadcasts over them."""
    return torch.ones(n, n, dtype=torch.bool).tril()[None, None]


_kept = {}


@replaces("causal_mask")
def mask_shared_by_all_callers(n):
    """The same tensor is handed out each time. Once somebody edits theirs, every later caller gets the edited mask."""
    if n not in _kept:
        _kept[n] = torch.ones(n, n, dtype=torch.bool).tril()
    return _kept[n]


# ── scaled_dot_product_attention ──


@replaces("scaled_dot_product_attention")
def not_scaled(q, k, v, mask=None):
    """The weights are those of the plain dot products: the scores were not divided by the square root of d."""
    return _attend(_products(q, k), v, mask)


@replaces("scaled_dot_product_attention")
def scaled_twice(q, k, v, mask=None):
    """The scores were divided by the square root of d twice. `attention_scores` has done it already."""
    return _attend(attention_scores(q, k) / math.sqrt(q.shape[-1]), v, mask)


@replaces("scaled_dot_product_attention")
def scale_multiplied(q, k, v, mask=None):
    """The dot products were multiplied by the square root of d where they should be divided by it."""
    return _attend(_products(q, k) * math.sqrt(q.shape[-1]), v, mask)


@replaces("scaled_dot_product_attention")
def scaled_by_number_of_keys(q, k, v, mask=None):
    """The scale is taken from the number of keys, not from d, the last dimension of queries and keys."""
    return _attend(_products(q, k) / math.sqrt(k.shape[-2]), v, mask)


@replaces("scaled_dot_product_attention")
def scaled_by_size_of_values(q, k, v, mask=None):
    """The scale is taken from the last dimension of the values. Scores are sums over the last dimension of queries and keys,
    and only that one makes them large."""
    return _attend(_products(q, k) / math.sqrt(v.shape[-1]), v, mask)


@replaces("scaled_dot_product_attention")
def scaled_after_the_softmax(q, k, v, mask=None):
    """The division by the square root of d comes after the softmax. There it no longer tames the scores; it only makes the
    weights sum to less than 1."""
    return _attend(_products(q, k), v, mask) / math.sqrt(q.shape[-1])


@replaces("scaled_dot_product_attention")
def softmax_over_queries(q, k, v, mask=None):
    """The softmax runs over the queries: for each key the weights sum to 1. It is each query that shares out one unit of
    attention among the keys, so the sum is over the last dimension of the scores."""
    scores = attention_scores(q, k)
    if mask is None:
        return torch.softmax(scores, dim=-2).to(v.dtype) @ v
    weights = torch.softmax(scores.masked_fill(~mask, torch.finfo(scores.dtype).min), dim=-2)
    return weights.masked_fill(~mask, 0.0).to(v.dtype) @ v


@replaces("scaled_dot_product_attention")
def softmax_over_dimension_one(q, k, v, mask=None):
    """The softmax runs over dimension 1. For two matrices that is the right one, but in a batch dimension 1 is the queries
    or the heads: count from the end."""
    scores = attention_scores(q, k)
    if mask is None:
        return torch.softmax(scores, dim=1).to(v.dtype) @ v
    weights = torch.softmax(scores.masked_fill(~mask, torch.finfo(scores.dtype).min), dim=1)
    return weights.masked_fill(~mask, 0.0).to(v.dtype) @ v


@replaces("scaled_dot_product_attention")
def softmax_over_the_first_dimension(q, k, v, mask=None):
    """The softmax runs over dimension 0, which is the queries, or in a batch the texts. It belongs on the last one."""
    scores = attention_scores(q, k)
    if mask is None:
        return torch.softmax(scores, dim=0).to(v.dtype) @ v
    weights = torch.softmax(scores.masked_fill(~mask, torch.finfo(scores.dtype).min), dim=0)
    return weights.masked_fill(~mask, 0.0).to(v.dtype) @ v


@replaces("scaled_dot_product_attention")
def log_softmax_for_softmax(q, k, v, mask=None):
    """The values are weighted by logarithms of the weights, which are negative: log_softmax in place of softmax."""
    scores = attention_scores(q, k)
    if mask is None:
        return torch.log_softmax(scores, dim=-1).to(v.dtype) @ v
    weights = torch.log_softmax(scores.masked_fill(~mask, torch.finfo(scores.dtype).min), dim=-1)
    return weights.masked_fill(~mask, 0.0).to(v.dtype) @ v


@replaces("scaled_dot_product_attention")
def no_softmax(q, k, v, mask=None):
    """The values are weighted by the scores themselves. Scores may be negative and have no fixed sum; the softmax turns them
    into weights of an average."""
    scores = attention_scores(q, k)
    return (scores if mask is None else scores.masked_fill(~mask, 0.0)).to(v.dtype) @ v


@replaces("scaled_dot_product_attention")
def exponentials_that_overflow(q, k, v, mask=None):
    """Right for small scores, but the exponentials are taken of the scores as they are: of 89 or more it is infinite in
    float32, of very negative ones it is 0 for all keys. The softmax does not change when one number is subtracted from a
    whole row: use that."""
    shares = torch.exp(attention_scores(q, k))
    shares = shares if mask is None else shares.masked_fill(~mask, 0.0)
    total = shares.sum(dim=-1, keepdim=True)
    return (shares / total.masked_fill(total == 0, 1.0)).to(v.dtype) @ v


@replaces("scaled_dot_product_attention")
def largest_of_all_subtracted(q, k, v, mask=None):
    """Right for small scores, but what is subtracted before the exponential is the largest score of all queries together.
    The rows far below it become 0 altogether: each row needs its own largest score."""
    scores = attention_scores(q, k)
    scores = scores if mask is None else scores.masked_fill(~mask, torch.finfo(scores.dtype).min)
    shares = torch.exp(scores - scores.max())
    shares = shares if mask is None else shares.masked_fill(~mask, 0.0)
    total = shares.sum(dim=-1, keepdim=True)
    return (shares / total.masked_fill(total == 0, 1.0)).to(v.dtype) @ v


@replaces("scaled_dot_product_attention")
def largest_of_each_key_subtracted(q, k, v, mask=None):
    """What is subtracted before the exponential is the largest score of each key (a column). Within a row that is a different
    number for each key, which changes the weights; subtract one number from the whole row."""
    scores = attention_scores(q, k)
    return _attend(scores - scores.amax(dim=-2, keepdim=True), v, mask)


@replaces("scaled_dot_product_attention")
def mask_ignored(q, k, v, mask=None):
    """The mask makes no difference: every query attends to every key."""
    return _attend(attention_scores(q, k), v, None)


@replaces("scaled_dot_product_attention")
def mask_inverted(q, k, v, mask=None):
    """The mask is read the wrong way round: what may be attended to is blocked. True = may attend, so what has to be
    blocked is where the mask is False."""
    return _attend(attention_scores(q, k), v, None if mask is None else ~mask)


@replaces("scaled_dot_product_attention")
def mask_added_as_numbers(q, k, v, mask=None):
    """The mask was added to the scores as 0 and 1. That raises the allowed keys by 1 and blocks none."""
    scores = attention_scores(q, k)
    return _attend(scores if mask is None else scores + mask.to(scores.dtype), v, None)


@replaces("scaled_dot_product_attention")
def mask_multiplies_scores(q, k, v, mask=None):
    """Masked scores were set to 0. The softmax gives a score of 0 its share like any other (the exponential of 0 is 1): to
    block a key, its exponential must be 0."""
    scores = attention_scores(q, k)
    return _attend(scores if mask is None else scores * mask, v, None)


@replaces("scaled_dot_product_attention")
def mask_after_the_softmax(q, k, v, mask=None):
    """Masked weights were set to 0 after the softmax, so the remaining ones no longer sum to 1: the masked keys have
    already taken their share."""
    weights = _weights(attention_scores(q, k), None)
    return (weights if mask is None else weights * mask).to(v.dtype) @ v


@replaces("scaled_dot_product_attention")
def renormalized_after_the_softmax(q, k, v, mask=None):
    """Masked weights are set to 0 after the softmax and the rest is scaled up to a sum of 1. That is right as long as the
    masked keys left something: when one of them matched far best, the others have been rounded to 0 and cannot be brought
    back. Mask the scores instead."""
    weights = _weights(attention_scores(q, k), None)
    if mask is not None:
        weights = weights * mask
        total = weights.sum(dim=-1, keepdim=True)
        weights = weights / total.masked_fill(total == 0, 1.0)
    return weights.to(v.dtype) @ v


@replaces("scaled_dot_product_attention")
def blocked_by_a_small_constant(q, k, v, mask=None):
    """Masked scores are set to -10 000. Next to true scores as low as that, it blocks nothing; take a number that no score
    can reach."""
    scores = attention_scores(q, k)
    if mask is None:
        return _attend(scores, v, None)
    return (
        torch.softmax(scores.masked_fill(~mask, -1e4), dim=-1).masked_fill(~mask.any(-1, keepdim=True), 0.0).to(v.dtype)
        @ v
    )


@replaces("scaled_dot_product_attention")
def masked_rows_averaged(q, k, v, mask=None):
    """Right but for queries whose keys are all masked: there all scores are the same very low number, and the softmax of
    equal numbers is the plain average. Such a query should get zeros."""
    scores = attention_scores(q, k)
    scores = scores if mask is None else scores.masked_fill(~mask, torch.finfo(scores.dtype).min)
    return torch.softmax(scores, dim=-1).to(v.dtype) @ v


@replaces("scaled_dot_product_attention")
def masked_rows_not_a_number(q, k, v, mask=None):
    """Right but for queries whose keys are all masked: a row of nothing but minus infinity has a softmax of 0 / 0, which is
    NaN. One such query (a padded position) spoils the loss of the whole batch. It should get zeros."""
    return torch.softmax(_infinite(attention_scores(q, k), mask), dim=-1).to(v.dtype) @ v


@replaces("scaled_dot_product_attention")
def not_a_number_in_gradients(q, k, v, mask=None):
    """The values are right, but the NaN of a query without keys was only hidden after it had arisen. The backward pass goes
    through the same 0 / 0 and meets it again: avoid it before the softmax."""
    scores = attention_scores(q, k)
    if mask is not None:
        scores = scores + torch.zeros_like(mask, dtype=scores.dtype).masked_fill(~mask, -math.inf)
    return torch.softmax(scores, dim=-1).nan_to_num(nan=0.0).to(v.dtype) @ v


@replaces("scaled_dot_product_attention")
def always_causal(q, k, v, mask=None):
    """The future is hidden even when nobody asked for it. Only the mask that is passed in decides who may attend to whom."""
    past = torch.ones(q.shape[-2], k.shape[-2], dtype=torch.bool).tril()
    return attention_by_formula(q, k, v, past if mask is None else mask & past)


@replaces("scaled_dot_product_attention")
def queries_and_keys_exchanged(q, k, v, mask=None):
    """Queries and keys have changed places: the rows of the scores belong to keys. Each query is to get one row."""
    return _attend(attention_scores(k, q), v, mask)


@replaces("scaled_dot_product_attention")
def weights_returned(q, k, v, mask=None):
    """What is returned are the weights, one for each key. They still have to be used: as the weights of an average of the
    values."""
    return _weights(attention_scores(q, k), mask).to(v.dtype)


@replaces("scaled_dot_product_attention")
def keys_averaged(q, k, v, mask=None):
    """The average is taken over the keys. Keys only decide the weights; what is passed on are the values."""
    return _weights(attention_scores(q, k), mask) @ k


@replaces("scaled_dot_product_attention")
def best_match_only(q, k, v, mask=None):
    """Each query takes the value of its best key alone. Attention is soft: every key that is not masked contributes, in
    proportion to its weight, and that is what lets gradients through."""
    weights = _weights(attention_scores(q, k), mask)
    chosen = torch.zeros_like(weights).scatter(-1, weights.argmax(dim=-1, keepdim=True), 1.0)
    return (chosen if mask is None else chosen.masked_fill(~mask, 0.0)).to(v.dtype) @ v


@replaces("scaled_dot_product_attention")
def average_of_all_values(q, k, v, mask=None):
    """Every query gets the plain average of the values it may attend to: the scores play no part."""
    return _attend(attention_scores(q, k) * 0.0, v, mask)


@replaces("scaled_dot_product_attention")
def weights_detached(q, k, v, mask=None):
    """The values are right, but no gradient reaches queries and keys: the weights were cut off from the graph (by detach,
    no_grad, item or NumPy). The layer could never learn where to look."""
    return _weights(attention_scores(q, k), mask).detach().to(v.dtype) @ v


@replaces("scaled_dot_product_attention")
def mask_inverted_in_place(q, k, v, mask=None):
    """The result is right, but the mask that was passed in has been changed in place. The next layer uses it again, and finds
    it inverted."""
    blocked = None if mask is None else mask.logical_not_()
    scores = attention_scores(q, k)
    if blocked is None:
        return _attend(scores, v, None)
    lowest = torch.finfo(scores.dtype).min
    return torch.softmax(scores.masked_fill(blocked, lowest), dim=-1).masked_fill(blocked, 0.0).to(v.dtype) @ v


@replaces("scaled_dot_product_attention")
def queries_scaled_in_place(q, k, v, mask=None):
    """The queries that were passed in have been divided in place (as /= and *= do). The caller still needs them as they were,
    and PyTorch refuses it for a tensor that wants gradients."""
    _same_d(q, k)
    q /= math.sqrt(q.shape[-1])
    return _attend(q @ k.transpose(-2, -1), v, mask)


@replaces("scaled_dot_product_attention")
def result_in_float32(q, k, v, mask=None):
    """The result is float32 whatever came in. It should have the dtype of the values."""
    return attention_by_formula(q.float(), k.float(), v.float(), mask)


@replaces("scaled_dot_product_attention")
def computed_in_float32(q, k, v, mask=None):
    """The dtype is right but the digits are not: somewhere on the way the numbers went through float32. In float64 that
    loses half of them."""
    return attention_by_formula(q.float(), k.float(), v.float(), mask).to(v.dtype)


@replaces("scaled_dot_product_attention")
def result_in_the_dtype_of_the_queries(q, k, v, mask=None):
    """The result has the dtype of the queries. It should have that of the values, which may be another."""
    return attention_by_formula(q, k, v.to(q.dtype), mask)


@replaces("scaled_dot_product_attention")
def masks_only_matrices(q, k, v, mask=None):
    """Each text of the batch gets the mask of the first one: a mask with batch dimensions was cut down to a matrix. It has to
    broadcast as it is."""
    while mask is not None and mask.dim() > 2:
        mask = mask[0]
    return attention_by_formula(q, k, v, mask)
