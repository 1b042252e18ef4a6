"""The blocks that Transformers are stacks of: encoder layer, decoder layer, and the block of today's language models.

Three modules that are put together from what you have built. The conventions hold for all of them:

- x has shape (..., n, dim): n positions of a text, a vector of dim numbers for each. The dimensions written ... are a
  batch. There may be none, one or several, so count dimensions from the end. The result has the shape and dtype of x.
- Masks are boolean, True = may attend, and broadcast to (..., heads, n, m), for n queries and m keys: (n, m) and
  (batch, 1, 1, m) are in use. None lets everything through. A position that may attend to nothing gets zeros from attention.
- Attention works in heads of head_dim = dim / heads numbers each; scores are divided by the square root of head_dim. Head h
  owns the h-th slice of head_dim numbers, and the heads' results are joined in that order before o.
- All matrices are stored as nn.Linear stores them, (out, in), are used as it uses them, and have no biases: nn.Linear(a, b,
  bias=False) makes one. They begin at random; what nn.Linear does is fine. The norms' weights begin at 1, their biases at 0;
  eps is 1e-5 in all norms.
- The names and shapes in the state_dict are those given here, and there are no others. A name such as attention.q.weight
  comes about by itself where self.attention is a module that has a layer self.q.
- Any floating dtype (after module.to(dtype)): float64, float32, bfloat16. Inputs are not changed, and nothing is kept from
  one call to the next. Gradients flow to all inputs and parameters.
- Where heads does not divide dim (or kv_heads does not divide heads), making the module raises a ValueError.

Import your own of earlier topics, for instance
    from mine.transformer.multi_head_attention import MultiHeadAttention, merge_heads, repeat_kv, split_heads
    from mine.transformer.normalization import layer_norm, post_norm, pre_norm, rms_norm
    from mine.transformer.feed_forward import feed_forward, swiglu
    from mine.transformer.self_attention import scaled_dot_product_attention
or write again in this file what you need of them; nn.Linear, nn.LayerNorm, nn.RMSNorm, nn.Dropout and
nn.functional.scaled_dot_product_attention may be used, too. What is switched off are PyTorch's finished layers:
nn.MultiheadAttention, nn.TransformerEncoderLayer, nn.TransformerDecoderLayer.
"""

import torch
from torch import nn


def apply_rope(x, cos, sin):
    """Given: every position's vector turned by its angles, pair by pair. How it is made is a topic of its own.

    x: (..., n, head_dim), cos and sin: (n, head_dim), of any floating dtype. Returns (..., n, head_dim) in x's dtype.
    """
    first, second = x.chunk(2, dim=-1)
    turned = torch.cat((-second, first), dim=-1)
    return x * cos.to(x.dtype) + turned * sin.to(x.dtype)


class EncoderLayer(nn.Module):
    """Self-attention, then a feed-forward layer with ReLU, each in the post-norm arrangement with layer norm.

    EncoderLayer(dim, heads, hidden, dropout=0.0). State:
        attention.q.weight, attention.k.weight, attention.v.weight, attention.o.weight (dim, dim)
        attention_norm.weight, attention_norm.bias (dim,)
        w_in.weight (hidden, dim)    w_out.weight (dim, hidden)
        feed_norm.weight, feed_norm.bias (dim,)

    forward(x, mask=None): mask is for the self-attention, of n queries and n keys. Post-norm: what a sublayer makes of x is
    added to x, and the sum is normalized, by attention_norm the first time and by feed_norm the second.
    dropout acts in two places, on what each of the two sublayers returns, before it is added, and nowhere else. As with
    nn.Dropout, it acts in training mode only, sets each entry to 0 with probability dropout (1.0: every entry) and divides
    the others by 1 - dropout.

        layer = EncoderLayer(4, 2, 4)                               # with all matrices set to the identity
        x = tensor([[2., 0., 1., 0.], [0., 2., 1., 4.]])            # two positions
        layer(x)                              -> tensor([[ 1.6059, -1.1471, -0.2294, -0.2294],
                                                         [-0.9754, -0.0942, -0.5759,  1.6456]])
        mask = tensor([[True, False], [True, True]])
        layer(x, mask)                        -> tensor([[ 1.5992, -0.8466,  0.0941, -0.8466],
                                                         [-0.9754, -0.0942, -0.5759,  1.6456]])
    """

    def __init__(self, dim, heads, hidden, dropout=0.0):
        super().__init__()
        raise NotImplementedError

    def forward(self, x, mask=None):
        raise NotImplementedError


class DecoderLayer(nn.Module):
    """Self-attention, attention to a memory (the encoder's output), then a feed-forward layer; all post-norm, as above.

    DecoderLayer(dim, heads, hidden, dropout=0.0). State: that of EncoderLayer, and between its two halves
        cross.q.weight, cross.k.weight, cross.v.weight, cross.o.weight (dim, dim)
        cross_norm.weight, cross_norm.bias (dim,)

    forward(x, memory, mask=None, memory_mask=None): memory is (..., m, dim), with m positions of another text. mask is for
    the self-attention (n queries, n keys), memory_mask for the attention to the memory (n queries, m keys). The decoder layer
    makes no causal mask by itself: it is passed in. In the attention to the memory the queries come from x, as the first
    sublayer left it, keys and values from the memory as it is.
    dropout as above, in three places: on what each of the three sublayers returns.

        layer = DecoderLayer(4, 2, 4)                               # with all matrices set to the identity
        x = tensor([[2., 0., 1., 0.], [0., 2., 1., 4.]])
        memory = tensor([[1., 3., 0., 0.], [0., 0., 2., 0.], [1., 1., 1., 1.]])
        causal = tensor([[True, False], [True, True]])
        layer(x, memory, causal)              -> tensor([[ 1.3555, -0.7257,  0.5330, -1.1628],
                                                         [-1.1996,  0.2946, -0.5635,  1.4685]])
        layer(x, memory, causal, tensor([True, True, False]))
                                              -> tensor([[ 1.1533, -0.6978,  0.7918, -1.2474],
                                                         [-1.3022,  0.7324, -0.6110,  1.1809]])
    """

    def __init__(self, dim, heads, hidden, dropout=0.0):
        super().__init__()
        raise NotImplementedError

    def forward(self, x, memory, mask=None, memory_mask=None):
        raise NotImplementedError


class DecoderOnlyBlock(nn.Module):
    """Self-attention with rotary positions and grouped keys, then SwiGLU, each in the pre-norm arrangement with RMS norm.

    DecoderOnlyBlock(dim, heads, kv_heads, hidden). State, with head_dim = dim / heads:
        attention_norm.weight (dim,)
        q.weight (dim, dim)    k.weight, v.weight (kv_heads * head_dim, dim)    o.weight (dim, dim)
        feed_norm.weight (dim,)
        gate.weight, up.weight (hidden, dim)    down.weight (dim, hidden)

    forward(x, cos, sin, mask=None, update=None): a model calls it as block(x, cos, sin, mask) or, while it writes,
    block(x, cos, sin, mask, update).
    Pre-norm: a sublayer gets x normalized (by attention_norm, then by feed_norm), and what it makes is added to x as it was.
    cos and sin, each (n, head_dim), belong to the n positions of x, and may be float32 where x is not: turn the queries and
    the keys of every head with apply_rope after the cut into heads. Values are not turned.
    update is a function or None. Where it is given, call it once, as update(k, v), with this block's new keys (turned) and
    values, each (..., kv_heads, n, head_dim); attend to the keys and values that it returns, each (..., kv_heads, m,
    head_dim), where m may be larger than n. This is how a cache comes in. Without it, m = n.
    Head h of the queries uses head h // (heads / kv_heads) of the keys and values. The block makes no mask by itself.

        block = DecoderOnlyBlock(4, 2, 1, 4)                        # with all matrices set to eye(out, in)
        x = tensor([[2., 0., 1., 0.], [0., 2., 1., 4.]])
        cos = tensor([[1., 1.], [0.5403, 0.5403]])                  # angles 0 and 1
        sin = tensor([[0., 0.], [0.8415, 0.8415]])
        causal = tensor([[True, False], [True, True]])
        block(x, cos, sin, causal)            -> tensor([[5.9513, 0.0000, 3.8655, 0.0000],
                                                         [0.3425, 3.3752, 1.2134, 7.2753]])
    """

    def __init__(self, dim, heads, kv_heads, hidden):
        super().__init__()
        raise NotImplementedError

    def forward(self, x, cos, sin, mask=None, update=None):
        raise NotImplementedError
