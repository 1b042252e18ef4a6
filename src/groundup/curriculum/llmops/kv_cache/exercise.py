"""The key-value cache: what attention made of the earlier tokens is kept, so that each token goes through the model once.

`KVCache` is the memory, `cache_bytes` its price, `generate_cached` the loop that uses it. The models of the workshop make their
cache with

    KVCache(layers, batch, kv_heads, length, head_dim, dtype=…, device=…)

ask it for `length`, and call `update` once in each layer, with the keys (turned by their positions already) and values of the new
tokens. Nothing else is asked of it. It is used where no gradients are recorded. (Your own GPT from the topic gpt makes its `Cache`: let
its new_cache return a KVCache of this file, and your model has it, too.)
"""


class KVCache:
    """Room for the keys and values of `length` positions in every layer, made once and filled from the front.

    layers, batch, kv_heads, length, head_dim: whole numbers, at least 1. dtype: of everything that is held, torch's default where
    it is None. device: where it is held, torch's default where it is None.

    `cache.length` is, afterwards, the number of positions that every layer holds: 0 at the beginning. (The name is used twice: in the
    call it is the room, as an attribute what is in it.) In the middle of a model's pass, some layers hold the new tokens already
    and others do not; the positions that only some layers hold do not count.

        cache = KVCache(layers=2, batch=1, kv_heads=1, length=4, head_dim=3)
        cache.length                                            -> 0
        keys, values = cache.update(0, ones(1, 1, 2, 3), zeros(1, 1, 2, 3))
        keys.shape                                              -> torch.Size([1, 1, 2, 3])
        cache.length                                            -> 0        # layer 1 does not hold them yet
        cache.update(1, ones(1, 1, 2, 3), zeros(1, 1, 2, 3))
        cache.length                                            -> 2
        keys, values = cache.update(0, ones(1, 1, 1, 3), zeros(1, 1, 1, 3))
        keys.shape                                              -> torch.Size([1, 1, 3, 3])
    """

    def __init__(self, layers, batch, kv_heads, length, head_dim, dtype=None, device=None):
        raise NotImplementedError

    @property
    def length(self):
        """The positions that every layer holds."""
        raise NotImplementedError

    def update(self, layer, k, v):
        """Keep the new keys and values of one layer, and return all that this layer holds, old ones first.

        layer: from 0 to layers - 1. k and v: (batch, kv_heads, n, head_dim), n at least 1, perhaps in another floating dtype: they are
        kept in the cache's. Returns (keys, values), each (batch, kv_heads, positions held, head_dim).

        What is held already is not copied again: what comes back are views of the room that was made at the beginning, at every
        call the same memory. What was given is copied, so that nobody changes the cache by changing k or v later.

        Raises ValueError where the room does not suffice, and then keeps nothing: cache and length are as before.
        """
        raise NotImplementedError


def cache_bytes(config, batch, length, bytes_per_value):
    """How many bytes the keys and values of `length` positions of `batch` texts take, in all layers together.

    config has the attributes layers, heads, kv_heads, head_dim and dim, whole numbers (not all are needed: with grouped queries,
    kv_heads is smaller than heads). bytes_per_value: a whole number, 2 for bfloat16. Returns a whole number (int).

        config: 2 layers, 8 heads, 4 kv_heads, head_dim 16, dim 128
        cache_bytes(config, batch=1, length=10, bytes_per_value=2)              -> 5120
    """
    raise NotImplementedError


def generate_cached(model, ids, n):
    """A text continued by n tokens, always the most probable one, with every token run through the model once at most.

    ids: whole numbers (batch, length), length at least 1; n: 0 or more. Two things are asked of the model:

    - model.new_cache(batch, length) makes an empty cache with room for so many positions;
    - model(new, cache) takes the tokens (batch, new) that come after those that the cache holds, and gives their logits
      (batch, new, vocab); the cache then holds them, too.

    Returns the prompt with its continuation, (batch, length + n), in the dtype of ids. The model sees every token of the prompt and
    every new token but the last once, in order, in one cache that has room for them all; the last new token need not be
    run. No gradients are recorded meanwhile. ids is not changed.
    """
    raise NotImplementedError
