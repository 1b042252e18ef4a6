"""What is done with attention_scores, causal_mask and scaled_dot_product_attention, from small to large.

No shape is square unless the case is about self-attention, d is no perfect square (but for the exact large scores), and
n_q, n_k, d and d_v differ from one another; scores are of the size at which a softmax is not yet saturated.
"""

import torch


def _short(rng, *shape):
    """Small whole numbers and halves, none of them zero: easy to follow by hand."""
    return rng.integers(-2, 2, *shape).float() + 0.5


def _qkv(rng, n_q, n_k, d, d_v, *batch, dtype=torch.float32):
    return (
        rng.normal(*batch, n_q, d, dtype=dtype),
        rng.normal(*batch, n_k, d, dtype=dtype),
        rng.normal(*batch, n_k, d_v, dtype=dtype),
    )


def _blocked(rng, n_q, n_k):
    """A random mask with one row, not always the same, that lets nothing through."""
    mask = rng.mask(n_q, n_k)
    mask[rng.integer(0, n_q)] = False
    return mask


def _large(rng, n_q, n_k):
    """q and k in small whole numbers and one large one: scores of 10 240 or -10 240 and a little, exact in float32."""
    q, k = rng.integers(-2, 3, n_q, 4).float(), rng.integers(-2, 3, n_k, 4).float()
    q[:, 0], k[:, 0] = 64.0, 320.0
    q[::2, 0] = -64.0
    return q, k


# ── attention_scores ──


def scores_of_two_queries(my, rng):
    return my.attention_scores(_short(rng, 2, 3), _short(rng, 4, 3))


def scores_of_one_pair(my, rng):
    return my.attention_scores(_short(rng, 1, 6), _short(rng, 1, 6))


def scores_in_float64(my, rng):
    return my.attention_scores(rng.normal(5, 12, dtype=torch.float64), rng.normal(3, 12, dtype=torch.float64))


def scores_in_a_batch(my, rng):
    return my.attention_scores(rng.normal(2, 3, 4, 5), rng.normal(2, 3, 6, 5))


def scores_of_batches_that_broadcast(my, rng):
    q, k = rng.normal(2, 1, 3, 6), rng.normal(4, 5, 6)
    return [my.attention_scores(q, k), my.attention_scores(k, q[0, 0])]


def scores_of_transposed_tensors(my, rng):
    q, k = rng.normal(6, 2, 4).permute(1, 2, 0), rng.normal(2, 6, 5).transpose(-2, -1)
    return my.attention_scores(q, k)


def scores_in_half_precision(my, rng):
    q, k = rng.normal(3, 7), rng.normal(5, 7)
    return [my.attention_scores(q.to(dtype), k.to(dtype)) for dtype in (torch.bfloat16, torch.float16)]


def scores_leave_their_inputs_alone(my, rng):
    q, k = rng.normal(3, 5), rng.normal(4, 5)
    return [my.attention_scores(q, k), q, k]


def scores_gradients(my, rng):
    q, k = rng.normal(2, 3, 5).requires_grad_(), rng.normal(4, 5).requires_grad_()
    return rng.gradients(my.attention_scores(q, k), q=q, k=k)


def scores_of_unequal_dimensions(my, rng):
    d = rng.integer(30, 60)
    return [
        rng.attempt(my.attention_scores, rng.normal(2, d), rng.normal(4, d + 3)),
        rng.attempt(my.attention_scores, rng.normal(2, d), rng.normal(d, 4)),
    ]


def scores_of_one_dimension_and_many(my, rng):
    d = rng.integer(30, 60)
    return [
        rng.attempt(my.attention_scores, rng.normal(2, 3, 1), rng.normal(2, 4, d)),
        rng.attempt(my.attention_scores, rng.normal(3, d), rng.normal(4, 1)),
    ]


# ── causal_mask ──


def mask_of_a_short_text(my, rng):
    return my.causal_mask(rng.integer(3, 6))


def mask_of_one_and_of_two(my, rng):
    return [my.causal_mask(n) for n in (1, 2, rng.integer(7, 40))]


def mask_is_new_each_time(my, rng):
    n = rng.integer(4, 16)
    first = my.causal_mask(n)
    first[rng.integer(0, n - 1)] = True
    return [first, my.causal_mask(n)]


# ── scaled_dot_product_attention ──


def attention_of_two_queries(my, rng):
    return my.scaled_dot_product_attention(_short(rng, 2, 3), _short(rng, 4, 3), _short(rng, 4, 2))


def attention_with_equal_scores(my, rng):
    q, k = torch.zeros(2, 6), rng.normal(5, 6)
    return my.scaled_dot_product_attention(q, k, rng.normal(5, 3))


def attention_in_a_batch(my, rng):
    return [
        my.scaled_dot_product_attention(*_qkv(rng, 4, 7, 6, 3, 2)),
        my.scaled_dot_product_attention(*_qkv(rng, 4, 5, 6, 3, 2, 3)),
    ]


def attention_of_a_text_to_itself(my, rng):
    x = rng.normal(2, 5, 3)
    return my.scaled_dot_product_attention(x, x, x)


def attention_of_batches_that_broadcast(my, rng):
    q, k, v = rng.normal(2, 1, 4, 6), rng.normal(3, 5, 6), rng.normal(5, 7)
    return my.scaled_dot_product_attention(q, k, v)


def attention_in_float64(my, rng):
    return my.scaled_dot_product_attention(*_qkv(rng, 5, 7, 3, 4, 2, dtype=torch.float64))


def attention_of_transposed_tensors(my, rng):
    q, k, v = (
        rng.normal(6, 2, 4).permute(1, 2, 0),
        rng.normal(2, 6, 5).transpose(1, 2),
        rng.normal(3, 5, 2).permute(2, 1, 0),
    )
    return my.scaled_dot_product_attention(q, k, v, mask=rng.mask(5, 4).T)


def masked(my, rng):
    return my.scaled_dot_product_attention(*_qkv(rng, 5, 7, 6, 3), mask=rng.mask(5, 7))


def masked_one_row_for_all_queries(my, rng):
    q, k, v = _qkv(rng, 3, 5, 7, 2, 2)
    mask = rng.mask(1, 5)
    return [my.scaled_dot_product_attention(q, k, v, mask=mask), my.scaled_dot_product_attention(q, k, v, mask[0])]


def masked_padding(my, rng):
    q, k, v = _qkv(rng, 4, 6, 5, 3, 3, 2)
    return my.scaled_dot_product_attention(q, k, v, mask=rng.mask(3, 1, 1, 6))


def masked_causal(my, rng):
    n = rng.integer(4, 8)
    q, k, v = _qkv(rng, n, n, 6, 3, 2)
    return my.scaled_dot_product_attention(q, k, v, mask=torch.ones(n, n, dtype=torch.bool).tril())


def masked_future_changes_nothing(my, rng):
    q, k, v = _qkv(rng, 5, 5, 6, 3)
    mask = torch.ones(5, 5, dtype=torch.bool).tril()
    before = my.scaled_dot_product_attention(q, k, v, mask=mask)
    k, v = k.clone(), v.clone()
    k[3:], v[3:] = rng.normal(2, 6, scale=2.0), rng.normal(2, 3, scale=2.0)
    return [before, my.scaled_dot_product_attention(q, k, v, mask=mask)]


def masked_best_match(my, rng):
    q, k, v = _qkv(rng, 3, 5, 6, 2)
    best = rng.integer(0, 5)
    q[:, 0], k[:, 0] = 1.0, 0.0
    k[best, 0] = 600.0
    mask = torch.ones(3, 5, dtype=torch.bool)
    mask[:, best] = False
    return my.scaled_dot_product_attention(q, k, v, mask=mask)


def masked_whole_rows(my, rng):
    return my.scaled_dot_product_attention(*_qkv(rng, 4, 6, 5, 3, 2), mask=_blocked(rng, 4, 6))


def masked_everything(my, rng):
    q, k, v = _qkv(rng, 2, 3, 5, 4)
    return [my.scaled_dot_product_attention(q, k, v, mask=torch.zeros(1, 3, dtype=torch.bool)), v]


def large_scores(my, rng):
    q, k = _large(rng, 4, 5)
    return my.scaled_dot_product_attention(q, k, rng.normal(5, 3))


def large_scores_masked(my, rng):
    q, k = _large(rng, 4, 6)
    mask = rng.mask(4, 6)
    mask[:, 0], mask[:, 1] = False, True
    return my.scaled_dot_product_attention(q, k, rng.normal(6, 3), mask=mask)


def attention_in_half_precision(my, rng):
    q, k, v = _qkv(rng, 3, 6, 5, 4, 2)
    mask = rng.mask(3, 6)
    return [
        my.scaled_dot_product_attention(q.to(dtype), k.to(dtype), v.to(dtype), mask)
        for dtype in (torch.bfloat16, torch.float16)
    ]


def attention_to_values_in_half_precision(my, rng):
    q, k, v = _qkv(rng, 3, 6, 5, 4)
    return my.scaled_dot_product_attention(q, k, v.to(torch.bfloat16), rng.mask(3, 6))


def attention_leaves_its_inputs_alone(my, rng):
    q, k, v = _qkv(rng, 3, 6, 5, 4)
    mask = rng.mask(3, 6)
    return [my.scaled_dot_product_attention(q, k, v, mask), q, k, v, mask]


def attention_gradients(my, rng):
    q, k, v = (x.requires_grad_() for x in _qkv(rng, 3, 6, 5, 4, 2))
    return rng.gradients(my.scaled_dot_product_attention(q, k, v), q=q, k=k, v=v)


def masked_gradients(my, rng):
    q, k, v = (x.requires_grad_() for x in _qkv(rng, 5, 7, 6, 3, 2))
    return rng.gradients(my.scaled_dot_product_attention(q, k, v, mask=rng.mask(5, 7)), q=q, k=k, v=v)


def masked_rows_gradients(my, rng):
    q, k, v = (x.requires_grad_() for x in _qkv(rng, 4, 6, 5, 3))
    return rng.gradients(my.scaled_dot_product_attention(q, k, v, mask=_blocked(rng, 4, 6)), q=q, k=k, v=v)
