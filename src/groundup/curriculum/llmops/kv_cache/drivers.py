"""What is done with KVCache, cache_bytes and generate_cached, from small to large. No two sizes of a shape are equal."""

import collections

import torch

Config = collections.namedtuple("Config", "layers heads kv_heads head_dim dim")


def _pair(rng, batch, heads, n, head_dim, dtype=torch.float32):
    return rng.normal(batch, heads, n, head_dim, dtype=dtype), rng.normal(batch, heads, n, head_dim, dtype=dtype)


# ── KVCache ──


def cache_of_one_layer(my, rng):
    cache = my.KVCache(1, 1, 1, 4, 2)
    first, second = _pair(rng, 1, 1, 2, 2), _pair(rng, 1, 1, 1, 2)
    return [[one.clone() for one in cache.update(0, *pair)] for pair in (first, second)]


def cache_counts_its_positions(my, rng):
    cache = my.KVCache(1, 2, 3, 9, 4)
    found = [cache.length]
    for n in (rng.integer(1, 4), 1, rng.integer(1, 5)):
        cache.update(0, *_pair(rng, 2, 3, n, 4))
        found.append(cache.length)
    return found


def cache_fills_its_room(my, rng):
    cache, found = my.KVCache(1, 2, 3, 7, 5), []
    for n in (3, 1, 2, 1):
        found.append([one.clone() for one in cache.update(0, *_pair(rng, 2, 3, n, 5))])
    return [found, cache.length]


def cache_of_several_layers(my, rng):
    cache, found = my.KVCache(3, 2, 1, 6, 4), []
    for n in (2, 1, 3):
        for layer in range(3):
            found.append([cache.length, *(one.clone() for one in cache.update(layer, *_pair(rng, 2, 1, n, 4)))])
    return [found, cache.length]


def cache_in_the_middle_of_a_pass(my, rng):
    """Layers in another order than a model's, so that no one of them speaks for all."""
    cache, lengths = my.KVCache(4, 1, 2, 60, 3), []
    for n in (rng.integer(2, 30), rng.integer(2, 30)):
        for layer in rng.choice(((2, 0, 3, 1), (1, 3, 0, 2), (2, 3, 0, 1), (1, 0, 3, 2))):
            cache.update(layer, *_pair(rng, 1, 2, n, 3))
            lengths.append(cache.length)
    return lengths


def cache_named_and_with_a_device(my, rng):
    cache = my.KVCache(layers=1, batch=2, kv_heads=3, length=5, head_dim=4, dtype=torch.float64, device="cpu")
    return [one.clone() for one in cache.update(0, *_pair(rng, 2, 3, 2, 4, dtype=torch.float64))]


def cache_in_other_dtypes(my, rng):
    k, v = _pair(rng, 2, 1, 3, 4)
    found = []
    for dtype in (None, torch.float64, torch.bfloat16, torch.float16):
        cache = my.KVCache(1, 2, 1, 5, 4, dtype=dtype)
        found.append([one.clone() for one in cache.update(0, k, v)])
    return found


def cache_without_room(my, rng):
    room = rng.integer(4, 8)
    cache = my.KVCache(2, 1, 2, room, 3)
    cache.update(0, *_pair(rng, 1, 2, room - 1, 3))
    cache.update(1, *_pair(rng, 1, 2, room - 1, 3))
    refused = rng.attempt(cache.update, 0, *_pair(rng, 1, 2, 2, 3))
    last = [one.clone() for one in cache.update(0, *_pair(rng, 1, 2, 1, 3))]
    return [refused, cache.length, last, rng.attempt(cache.update, 0, *_pair(rng, 1, 2, 1, 3))]


def cache_holds_what_it_held(my, rng):
    """Views stay what they are while the cache goes on; what was given may change."""
    cache = my.KVCache(1, 1, 2, 8, 3)
    k, v = _pair(rng, 1, 2, 3, 3)
    keys, values = cache.update(0, k, v)
    k.fill_(100.0), v.fill_(100.0)
    more = cache.update(0, *_pair(rng, 1, 2, 2, 3))
    return [keys, values, *more]


def cache_copies_nothing_again(my, rng):
    cache = my.KVCache(2, 2, 3, 40, 4)
    found = []  # all of them alive to the end, so that no address is used twice
    for n in (rng.integer(2, 30), 1, 3):
        cache.update(1, *_pair(rng, 2, 3, n, 4))
        found.append(cache.update(0, *_pair(rng, 2, 3, n, 4)))
    moved = [[now.data_ptr() == then.data_ptr() for now, then in zip(pair, found[0])] for pair in found]
    return [moved, cache.length]


def caches_of_two_texts(my, rng):
    one, two = my.KVCache(1, 1, 2, 5, 3), my.KVCache(1, 1, 2, 5, 3)
    first = [x.clone() for x in one.update(0, *_pair(rng, 1, 2, 2, 3))]
    other = [x.clone() for x in two.update(0, *_pair(rng, 1, 2, 3, 3))]
    more = [x.clone() for x in one.update(0, *_pair(rng, 1, 2, 1, 3))]
    return [first, other, more, one.length, two.length]


def cache_and_attention(my, rng):
    """Attention token by token over the cache; it is that over the whole text."""
    q, (k, v) = rng.normal(2, 3, 6, 4), _pair(rng, 2, 3, 6, 4)
    cache, rows = my.KVCache(1, 2, 3, 6, 4), []
    for i in range(6):
        keys, values = cache.update(0, k[:, :, i : i + 1], v[:, :, i : i + 1])
        rows.append((q[:, :, i : i + 1] @ keys.mT / 2).softmax(dim=-1) @ values)
    return torch.cat(rows, dim=2)


# ── cache_bytes ──


def _config(rng):
    kv_heads, groups, head_dim = rng.integer(2, 9), rng.integer(2, 5), 8 * rng.integer(2, 17)
    heads = kv_heads * groups
    return Config(rng.integer(3, 97), heads, kv_heads, head_dim, heads * head_dim + 8)


def bytes_of_one_position(my, rng):
    return my.cache_bytes(_config(rng), 1, 1, 1)


def bytes_of_a_text(my, rng):
    return [my.cache_bytes(_config(rng), 1, rng.integer(100, 9999), size) for size in (1, 2, 4)]


def bytes_of_a_batch(my, rng):
    config = _config(rng)
    return [my.cache_bytes(config, batch, rng.integer(100, 9999), 2) for batch in (2, 7, 300)]


def bytes_of_one_kv_head(my, rng):
    config = _config(rng)._replace(kv_heads=1)
    return [my.cache_bytes(config, 3, 500, 2), my.cache_bytes(config._replace(kv_heads=config.heads), 3, 500, 2)]


def bytes_of_a_large_model(my, rng):
    config = Config(layers=126, heads=128, kv_heads=8, head_dim=128, dim=16384)
    return my.cache_bytes(config, 64, rng.integer(100_000, 131_072), 2)


def bytes_by_name(my, rng):
    return my.cache_bytes(config=_config(rng), batch=3, length=rng.integer(50, 90), bytes_per_value=2)


# ── generate_cached ──


class _Room:
    """A cache for `_Model`: a summary of the tokens so far, and how many they are."""

    def __init__(self, batch, length):
        self.batch, self.room, self.held, self.seen = batch, length, 0, None


class _Model:
    """Logits that depend on all tokens so far, in order; a record of what it was given."""

    def __init__(self, rng, vocab):
        self.vocab, self.weight = vocab, rng.normal(vocab, vocab)
        self.given, self.made, self.recording = [], 0, []

    def new_cache(self, batch, length):
        self.made += 1
        return _Room(batch, length)

    def __call__(self, ids, cache):
        if ids.shape[0] != cache.batch:
            raise ValueError(f"a cache for {cache.batch} texts was given {ids.shape[0]}")
        if cache.held + ids.shape[1] > cache.room:
            raise RuntimeError(f"the cache has room for {cache.room} positions")
        self.given.append(ids.clone())
        self.recording.append(torch.is_grad_enabled())
        seen = torch.zeros(ids.shape[0], self.vocab) if cache.seen is None else cache.seen
        rows = []
        for token in ids.unbind(dim=1):
            cache.held += 1
            hot = torch.nn.functional.one_hot(token.long(), self.vocab)
            seen = torch.tanh(seen @ self.weight * 0.3) + hot * cache.held
            rows.append(seen @ self.weight)
        cache.seen = seen
        return torch.stack(rows, dim=1)


def cached_one_token(my, rng):
    return my.generate_cached(_Model(rng, 9), rng.integers(0, 9, 1, 4), 1)


def cached_several_tokens(my, rng):
    return [my.generate_cached(_Model(rng, 12), rng.integers(0, 12, 1, length), 7) for length in (1, 5)]


def cached_batch(my, rng):
    return my.generate_cached(_Model(rng, 10), rng.integers(0, 10, 3, 4), 6)


def cached_nothing(my, rng):
    return my.generate_cached(_Model(rng, 9), rng.integers(0, 9, 2, 5), 0)


def cached_every_token_once(my, rng):
    model = _Model(rng, 8)
    text = my.generate_cached(model, rng.integers(0, 8, 2, 3), 5)
    return [text, torch.cat(model.given, dim=1), model.made]


def cached_without_gradients(my, rng):
    model = _Model(rng, 8)
    model.weight.requires_grad_()
    text = my.generate_cached(model, rng.integers(0, 8, 2, 3), 4)
    return [text, any(model.recording)]


def cached_in_other_dtypes(my, rng):
    ids = rng.integers(0, 9, 2, 3)
    return [my.generate_cached(_Model(rng, 9), ids.to(dtype), 2) for dtype in (torch.int32, torch.int16)]


def cached_and_the_prompt_left_alone(my, rng):
    ids = rng.integers(0, 9, 4, 2).T
    return [my.generate_cached(_Model(rng, 9), ids, 3), ids]


def cached_with_zero_as_a_token(my, rng):
    class Counting(_Model):
        def __call__(self, ids, cache):
            super().__call__(ids, cache)
            return torch.nn.functional.one_hot((ids + 1) % self.vocab, self.vocab).float()

    return my.generate_cached(Counting(rng, 5), rng.integers(0, 5, 2, 2), 7)


def cached_with_attention(my, rng):
    """A layer of attention over a KVCache, greedy."""
    vocab, dim = 11, 8
    embedding, wq, wk, wv = rng.normal(vocab, dim), *(rng.normal(dim, dim, scale=0.6) for _ in range(3))

    class Model:
        def new_cache(self, batch, length):
            return my.KVCache(1, batch, 1, length, dim)

        def __call__(self, ids, cache):
            begin, n = cache.length, ids.shape[1]
            x = embedding[ids] + torch.arange(begin, begin + n)[:, None] * 0.1
            q, k, v = ((x @ w).unsqueeze(1) for w in (wq, wk, wv))
            k, v = cache.update(0, k, v)
            seen = torch.ones(n, begin + n, dtype=torch.bool).tril(begin)
            weights = (q @ k.mT).masked_fill(~seen, float("-inf")).softmax(dim=-1)
            return (x + (weights @ v).squeeze(1)) @ embedding.T

    return my.generate_cached(Model(), rng.integers(0, vocab, 2, 3), 6)
