"""Llama, assembled: a block, the model, and the names in its checkpoints.

`LlamaBlock` and `Llama` together load the weights of Llama 1, 2 and 3 and of their many relatives, and compute what their makers'
code computes. Most of it you have built: norms, rotary positions, grouped queries, SwiGLU. Import your own, for instance

    from mine.transformer.rotary_positions import apply_rope

or write what you need again in this file: both are fine, as long as names and shapes of the weights are those below.

A configuration `config` has the attributes

    vocab           number of different tokens
    dim             width of the stream
    layers          number of blocks, at least 1
    heads           query heads
    kv_heads        key and value heads; divides heads
    head_dim        numbers in a head, even; heads * head_dim need not be dim
    hidden          width of the feed-forward layers
    context         the longest text
    eps             of all norms
    theta           of the rotary positions
    rope_scaling    None or a dict, as scaled_rates below reads it
    tied            whether the embedding also scores the tokens

`scaled_rates` and `Cache` are given. No matrix has a bias. x W means that each position's vector is multiplied by the matrix, as
nn.Linear does it.
"""

import math

import torch
from torch import nn


def scaled_rates(config):
    """Given, and complete: how far each pair of numbers turns from one position to the next, (head_dim / 2,) in float32.

    Without rope_scaling: theta to the power of -2i / head_dim for pair i. "linear" turns everything `factor` times more slowly.
    "llama3" leaves fast waves as they are, slows those that are longer than the old context by `factor`, and blends in between.
    """
    rates = 1.0 / config.theta ** (torch.arange(0, config.head_dim, 2, dtype=torch.float32) / config.head_dim)
    scaling = config.rope_scaling
    if scaling is None:
        return rates
    if scaling["rope_type"] == "linear":
        return rates / scaling["factor"]
    turns = scaling["original_max_position_embeddings"] * rates / (2 * math.pi)  # in the old context
    slow, fast = scaling["low_freq_factor"], scaling["high_freq_factor"]
    share = ((turns - slow) / (fast - slow)).clamp(0, 1)  # 1: as it was, 0: slowed down
    return rates * (share + (1 - share) / scaling["factor"])


class Cache:
    """Given, and complete: the keys and values of earlier tokens, layer by layer.

    `length` is the number of positions that are held. `update(layer, k, v)` adds the keys and values of the new positions,
    each (batch, kv_heads, n, head_dim), and returns those of all positions so far, old ones first.
    """

    def __init__(self, layers):
        self.kept = [None] * layers

    @property
    def length(self):
        return 0 if self.kept[-1] is None else self.kept[-1][0].shape[-2]

    def update(self, layer, k, v):
        if self.kept[layer] is not None:
            old_k, old_v = self.kept[layer]
            k, v = torch.cat((old_k, k), dim=-2), torch.cat((old_v, v), dim=-2)
        self.kept[layer] = k, v
        return k, v


class LlamaBlock(nn.Module):
    """One layer: grouped-query attention with rotary positions, and SwiGLU, an RMS norm before each, both added to x.

    Weights, by their names in the state_dict, with their shapes:

        attention_norm.weight   (dim,)                          begins as ones
        q.weight                (heads * head_dim, dim)
        k.weight, v.weight      (kv_heads * head_dim, dim)
        o.weight                (dim, heads * head_dim)
        feed_norm.weight        (dim,)                          begins as ones
        gate.weight, up.weight  (hidden, dim)
        down.weight             (dim, hidden)
    """

    def __init__(self, config):
        super().__init__()
        raise NotImplementedError

    def forward(self, x, cos, sin, mask=None, cache=None, layer=0):
        """x: (batch, n, dim). Returns (batch, n, dim), in x's dtype.

            y = rms_norm(x) with attention_norm
            q, k, v = y W_q, y W_k, y W_v, each cut into heads: head h gets entries h * head_dim to (h + 1) * head_dim - 1
            q and k are turned by their positions: in halves, entry i with entry i + head_dim / 2, by the angles of cos and sin
            x = x + W_o (scaled dot-product attention in each query head; heads put together again)
            z = rms_norm(x) with feed_norm
            x = x + W_down (silu(W_gate z) * W_up z)

        cos, sin: (n, head_dim), cosines and sines of the angles of the n positions, both halves alike; in float32 even where x is in
        half precision. mask: boolean, True = may attend, and it broadcasts to (batch, heads, n, positions): shapes (n, positions) and
        (batch, 1, n, positions) are in use; every query may attend to something. None: all may attend to all.

        With fewer key and value heads than query heads, heads / kv_heads query heads that stand side by side share one: with 4 and
        2, query heads 0 and 1 use key head 0. With a cache, the block hands its new keys (turned) and values to
        cache.update(layer, k, v), each (batch, kv_heads, n, head_dim), once, and attends to what comes back.
        """
        raise NotImplementedError


class Llama(nn.Module):
    """The whole model. Weights, by their names in the state_dict, with their shapes; there are no others:

        embedding.weight    (vocab, dim)
        blocks.{i}.…        as in LlamaBlock, for i from 0 to layers - 1
        norm.weight         (dim,)
        head.weight         (vocab, dim)        only where config.tied is False

    Tables of angles may be buffers, if they are registered with persistent=False; position m turns pair i by m times the i-th of
    scaled_rates(config), in float32. `config` stands in an attribute: self.config.

    At the beginning norms are ones, and all other weights are drawn from a normal distribution with mean 0 and standard
    deviation 0.02, by torch's global generator. The model works in the dtype that its weights are brought to.
    """

    def __init__(self, config):
        super().__init__()
        raise NotImplementedError

    def forward(self, ids, cache=None, attention_mask=None):
        """ids: whole numbers (batch, n), n at least 1. Returns logits (batch, n, vocab): embedding, the blocks in turn under a causal
        mask, rms_norm with `norm`, then dot products with the rows of head.weight, or of embedding.weight where config.tied.

        With a cache, ids are the tokens after those that it holds: the first has position cache.length, and each sees everything
        that is held, itself, and the new tokens before it.

        attention_mask: (batch, n), True or 1 for real tokens, False or 0 for the filling behind the end of shorter texts. Logits at the
        filling do not matter, and those at real tokens are the same as if there were no filling. (Think about what that asks of you
        under a causal mask.) It is never given together with a cache.

        Raises ValueError where the text, with what the cache holds, has more than config.context tokens.
        """
        raise NotImplementedError

    def new_cache(self, batch, length):
        """An empty cache for `batch` texts of at most `length` tokens: a `Cache` of this file will do."""
        raise NotImplementedError


def rename_checkpoint(state):
    """The weights of a checkpoint from the Hub, under the names of our model.

    state: a dict from names to tensors. Returns a new dict with the same tensors (not copies); state is not changed.

        model.embed_tokens.weight                           embedding.weight
        model.layers.{i}.input_layernorm.weight             blocks.{i}.attention_norm.weight
        model.layers.{i}.self_attn.q_proj.weight            blocks.{i}.q.weight             likewise k, v, o
        model.layers.{i}.post_attention_layernorm.weight    blocks.{i}.feed_norm.weight
        model.layers.{i}.mlp.gate_proj.weight               blocks.{i}.gate.weight          likewise up, down
        model.norm.weight                                   norm.weight
        lm_head.weight                                      head.weight

    {i} is any whole number. The last word of a name is kept, be it weight or another (bias, for instance). Names that end in
    rotary_emb.inv_freq (tables that old checkpoints carry along) are left out. All other names stay as they are, so that whoever
    loads the weights finds out about them: also where a part of a name is known, but not in that place.

        rename_checkpoint({"model.norm.weight": a, "model.layers.12.mlp.up_proj.weight": b, "adapter": c})
            -> {"norm.weight": a, "blocks.12.up.weight": b, "adapter": c}
    """
    raise NotImplementedError
