"""Several attentions side by side: cutting vectors into heads, putting them together, sharing keys and values, the
layer.

Three functions that only move numbers about, and a layer that uses them. The conventions hold for all of them:

- x has shape (..., n, dim): n positions of a text, a vector of dim numbers for each. The dimensions written ... are a
  batch. There may be none, one or several, so count dimensions from the end.
- With heads, a tensor has shape (..., heads, n, head_dim), where head_dim = dim / heads. The heads stand before the
  positions: to attention they are one more batch dimension.
- Any floating dtype, which is kept: float64, float32, bfloat16, float16. Tensors need not be contiguous.
- Inputs are not changed. Gradients flow through. Whether a result shares memory with its input is not checked.

For the attention inside each head use your own of the topic before,
    from mine.transformer.self_attention import scaled_dot_product_attention
or torch.nn.functional.scaled_dot_product_attention. What is switched off is torch.nn.MultiheadAttention and, in
repeat_kv, repeat_interleave, which would be the whole answer. torch.nn.Linear is not switched off.
"""

from torch import nn


def split_heads(x, heads):
    """Cut each position's vector into slices of equal length, one for each head.

    x: (..., n, dim). Returns (..., heads, n, dim / heads). Head 0 gets the first dim / heads numbers of every
    position's vector, head 1 the next ones, and so on; the order of the positions stays.
    Raises a ValueError where heads is less than 1 or does not divide dim.

        x = tensor([[1., 2., 3., 4., 5., 6.],                       # two positions, dim = 6
                    [7., 8., 9., 10., 11., 12.]])
        split_heads(x, 3)      -> tensor([[[ 1.,  2.], [ 7.,  8.]],
                                          [[ 3.,  4.], [ 9., 10.]],
                                          [[ 5.,  6.], [11., 12.]]])
    """
    raise NotImplementedError


def merge_heads(x):
    """The inverse of split_heads: what the heads hold for a position, joined into one vector again.

    x: (..., heads, n, head_dim). Returns (..., n, heads * head_dim): for each position the numbers of head 0, then
    those of head 1, and so on.

        x = tensor([[[ 1.,  2.], [ 7.,  8.]],
                    [[ 3.,  4.], [ 9., 10.]],
                    [[ 5.,  6.], [11., 12.]]])                      # three heads, two positions, head_dim = 2
        merge_heads(x)         -> tensor([[1., 2., 3., 4., 5., 6.], [7., 8., 9., 10., 11., 12.]])
    """
    raise NotImplementedError


def repeat_kv(x, groups):
    """Each head of keys or values several times in a row, so that there are as many as heads of queries.

    x: (..., kv_heads, n, head_dim); groups: a whole number, at least 1. Returns (..., kv_heads * groups, n, head_dim).
    Head h of the result is head h // groups of x: with groups = 3, the first three are all head 0.

        x = tensor([[[1., 2.]], [[3., 4.]]])                        # two heads, one position, head_dim = 2
        repeat_kv(x, 3)        -> tensor([[[1., 2.]], [[1., 2.]], [[1., 2.]], [[3., 4.]], [[3., 4.]], [[3., 4.]]])
    """
    raise NotImplementedError


class MultiHeadAttention(nn.Module):
    """Self-attention in several heads: project, cut into heads, attend in each, put together, project.

    MultiHeadAttention(dim, heads, kv_heads=None): kv_heads is the number of heads of keys and values, as many as heads
    where it is None. Raises a ValueError where heads or kv_heads is less than 1, heads does not divide dim, or kv_heads
    does not divide heads. Head h of the queries uses head h // (heads / kv_heads) of the keys and values.

    The layer has four weight matrices and no biases. In its state_dict they are called, with head_dim = dim / heads:
        q.weight (dim, dim)    k.weight, v.weight (kv_heads * head_dim, dim)    o.weight (dim, dim)
    which is what nn.Linear(dim, width, bias=False) makes for each of them. Nothing else is in the state_dict. They are
    used as nn.Linear uses them: y = x @ weight.T. The first head_dim rows of q.weight make the queries of head 0, and
    so on; the heads' results are joined in the same order before o. The weights start at random, of such a size that a
    vector keeps about its length, each of the four for itself; what nn.Linear does is fine.

    forward(x, mask=None): x (..., n, dim). mask is boolean, True = may attend, and broadcasts to (..., heads, n, n):
    (n, n) and (batch, 1, 1, n) are in use, and so is a mask with a row for each head. Scores are divided by the square
    root of head_dim. A position that may attend to nothing gets zeros. Returns (..., n, dim). Nothing here is random,
    and nothing is kept from one call to the next.

        layer = MultiHeadAttention(4, 2)                            # with all four weights set to the identity
        x = tensor([[2., 0., 1., 0.], [0., 2., 1., 4.]])            # two positions
        layer(x)                                  -> tensor([[1.8884, 0.1116, 1.0000, 2.0000],
                                                             [0.1116, 1.8884, 1.0000, 4.0000]])
        mask = tensor([[True, False], [True, True]])
        layer(x, mask)                            -> tensor([[2.0000, 0.0000, 1.0000, 0.0000],
                                                             [0.1116, 1.8884, 1.0000, 4.0000]])
    """

    def __init__(self, dim, heads, kv_heads=None):
        super().__init__()
        raise NotImplementedError

    def forward(self, x, mask=None):
        raise NotImplementedError
