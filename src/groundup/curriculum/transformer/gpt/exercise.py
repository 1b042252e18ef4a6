"""GPT: what it learns from, and the model itself.

`next_token_pairs` cuts a long text into inputs and targets. `GPT` is the whole decoder-only model: tokens in, scores for
every next token out. It is a stack of the blocks of earlier topics (transformer-blocks, rotary-positions, normalization,
feed-forward, multi-head-attention). Import your own, for instance

    from mine.transformer.normalization import rms_norm

or write what you need again in this file: both are fine, as long as names and shapes of the weights are those below. Your
DecoderOnlyBlock has all that is needed: through its `update` a cache comes between the keys and values that it makes and those
that it attends to.

`Cache` is given. It is what `GPT.new_cache` returns and `GPT.forward` may be handed; a faster one is the topic kv-cache.
"""

import torch
from torch import nn


class Cache:
    """Given, and complete: the keys and values of earlier tokens, layer by layer.

    `length` is the number of positions that are held. `update(layer, k, v)` adds the keys and values of the new positions,
    each (batch, heads, n, head_dim), and returns those of all positions so far, old ones first.
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


def next_token_pairs(ids, length, batch_size, generator):
    """Random stretches of a text, and for each of their tokens the token that follows it.

    ids: the text, a tensor (n,) of whole numbers, perhaps not contiguous in memory; length and batch_size: whole numbers, at
    least 1; generator: a torch.Generator, from which alone all chance comes. Returns (inputs, targets), two tensors of shape
    (batch_size, length) in the dtype of ids.

    A row of inputs is a stretch of `length` tokens that stand together in ids; the same row of targets is the stretch that
    begins one token later. Every stretch for which ids holds a target of each token is equally likely: the first begins at
    0, the last at n - length - 1. Rows are drawn independently of each other, so that a stretch may come twice, and
    batch_size may be larger than the number of stretches. The same state of the generator gives the same pairs.

    Raises ValueError unless ids has one dimension and more than `length` entries, and length is at least 1.

        ids = tensor([5, 9, 2, 7])
        next_token_pairs(ids, 3, 2, g)      -> tensor([[5, 9, 2], [5, 9, 2]]), tensor([[9, 2, 7], [9, 2, 7]])
        next_token_pairs(ids, 2, 1, g)      -> tensor([[5, 9]]), tensor([[9, 2]])   or   tensor([[9, 2]]), tensor([[2, 7]])
    """
    raise NotImplementedError


class GPT(nn.Module):
    """A decoder-only language model of today's plan: causal blocks with rotary positions, RMS norms and SwiGLU.

    Sizes. vocab: number of different tokens; dim: width; heads: divides dim, and dim / heads is even; layers: number of blocks,
    at least 1; context: the longest text. They stand in attributes of these names: self.vocab, self.dim, self.heads,
    self.layers, self.context (the rest of the workshop reads them). The hidden width of the feed-forward layers is
    8 * ceil(dim / 3): 24 for dim 8, 64 for dim 24.

    Weights, by their names in the state_dict, with their shapes. There are no others, and no biases:

        embedding.weight                    (vocab, dim)
        blocks.{i}.attention_norm.weight    (dim,)              i from 0 to layers - 1
        blocks.{i}.q.weight                 (dim, dim)          and k, v and o likewise
        blocks.{i}.feed_norm.weight         (dim,)
        blocks.{i}.gate.weight              (hidden, dim)       and up likewise
        blocks.{i}.down.weight              (dim, hidden)
        norm.weight                         (dim,)

    Tables of angles may be buffers, if they are registered with persistent=False.

    What a block does with x (batch, n, dim), where W x means that each position's vector is multiplied by the matrix W:

        y = rms_norm(x) with attention_norm (eps 1e-5)
        q, k, v = W_q y, W_k y, W_v y, each cut into heads: head h gets entries h * head_dim to (h + 1) * head_dim - 1
        q and k are turned by their positions: halves, theta 10000, angles in float32 (as in the topic rotary-positions)
        x = x + W_o (scaled dot-product attention, causal, in each head; heads put together again)
        z = rms_norm(x) with feed_norm (eps 1e-5)
        x = x + W_down (silu(W_gate z) * W_up z)

    After the last block: rms_norm with `norm` (eps 1e-5), and the logits are the dot products with the rows of
    embedding.weight, which so serves twice.

    At the beginning norms are ones, and all other weights are drawn from a normal distribution with mean 0 and standard
    deviation 0.02; those of o and down from one of 0.02 / sqrt(2 * layers). They come from torch's global generator, so that
    torch.manual_seed(0) makes two models equal.

    The model works in the dtype that its weights are brought to: model.double() gives float64 logits, model.bfloat16()
    bfloat16 ones.

        torch.manual_seed(0)
        model = GPT(vocab=50, dim=24, heads=4, layers=2, context=16)
        model(torch.tensor([[3, 1, 4]])).shape                      -> torch.Size([1, 3, 50])
        sum(p.numel() for p in model.parameters())                  -> 15144
    """

    def __init__(self, vocab, dim, heads, layers, context):
        super().__init__()
        raise NotImplementedError

    def forward(self, ids, cache=None):
        """ids: whole numbers (batch, n), n at least 1. Returns logits (batch, n, vocab): position i scores what may follow
        token i, and depends on tokens 0 to i of its own row only.

        With a cache, ids are the tokens that come after those whose keys and values the cache holds: the first of them has
        position cache.length, and each sees everything that the cache holds, itself, and the new tokens before it. Nothing is
        asked of a cache but `length` and `update`, which each block calls once, with its own number i as the layer. The
        logits are those of the new tokens, the same as if the whole text had been given at once.

        Raises ValueError where the text, with what the cache holds, has more than `context` tokens.
        """
        raise NotImplementedError

    def new_cache(self, batch, length):
        """An empty cache for `batch` texts of at most `length` tokens: a `Cache` of this file will do, which grows by itself
        and needs neither number."""
        raise NotImplementedError
