"""Self-attention: scores, the causal mask, and the weighted average of values.

Three functions, each a few lines of PyTorch. The conventions hold for all of them:

- q (queries) has shape (..., n_q, d), k (keys) has (..., n_k, d), v (values) has (..., n_k, d_v). A row is one position
  of a text. n_q and n_k may differ, and so may d and d_v.
- The dimensions written ... are batch dimensions (texts, heads). There may be none, one or several, and those of q, k,
  v and mask broadcast as everywhere in PyTorch: q of (8, 1, 5, d) with k of (3, 7, d) gives scores of (8, 3, 5, 7).
- A mask is boolean. True = this query may attend to this key. It broadcasts to (..., n_q, n_k): shapes such as (n_k,),
  (1, n_k), (n_q, n_k) and (batch, 1, 1, n_k) are all in use.
- Any floating dtype: float64, float32, bfloat16, float16. Tensors need not be contiguous.
- Inputs are not changed. Gradients flow through to q, k and v, and are never NaN.

PyTorch's own attention functions are switched off here. Matrix products, einsum, exp and torch.softmax are not: softmax
is the subject of an earlier topic.
"""


def attention_scores(q, k):
    """How well each query matches each key: scaled by 1 / sqrt(d), before the softmax.

    q: (..., n_q, d), k: (..., n_k, d). Returns (..., n_q, n_k) in their dtype: entry [i, j] belongs to query i and key j.
    Where the last dimensions of q and k differ, raises a ValueError with both shapes in its message. That includes a last
    dimension of 1 against one of 7.

        q = tensor([[1., 0., 1., 0.]])                              # one query, d = 4
        k = tensor([[2., 5., 0., 5.], [3., 0., 3., 9.]])            # two keys
        attention_scores(q, k)                                      -> tensor([[1., 3.]])
    """
    raise NotImplementedError


def causal_mask(n):
    """Who may attend to whom in a text that is read from left to right: each position to itself and to those before it.

    n: a whole number, at least 1. Returns a boolean tensor of shape (n, n), True = may attend; row = query, column = key.
    Each call returns a new tensor, on torch's default device: where torch.ones(3) would be. (The last is not checked.)

        causal_mask(3)      -> tensor([[ True, False, False],
                                       [ True,  True, False],
                                       [ True,  True,  True]])
    """
    raise NotImplementedError


def scaled_dot_product_attention(q, k, v, mask=None):
    """For each query the average of the values, weighted by the softmax of the query's scores.

    q: (..., n_q, d), k: (..., n_k, d), v: (..., n_k, d_v); mask: boolean, True = may attend, or None (all may).
    Returns (..., n_q, d_v), in v's dtype. (v may have another floating dtype than q and k, which share one: a model may
    keep its values in half precision.)
    A key that is masked has no influence at all, however well it matches. A query for which every key is masked gets zeros,
    and sends back gradients of zero. Scores may be as large as 10 000 or -10 000: the result is finite, and as exact as the rounding of such scores allows.

        q = tensor([[0., 0.], [4., 0.]])                            # two queries, d = 2
        k = tensor([[1., 0.], [0., 1.]])                            # two keys
        v = tensor([[10., 0., 2.], [20., 8., 4.]])                  # two values, d_v = 3

        scaled_dot_product_attention(q, k, v)                       -> tensor([[15.0000,  4.0000,  3.0000],
                                                                               [10.5581,  0.4465,  2.1116]])
        mask = tensor([[False, True], [False, False]])
        scaled_dot_product_attention(q, k, v, mask)                 -> tensor([[20.,  8.,  4.],
                                                                               [ 0.,  0.,  0.]])
    """
    raise NotImplementedError
