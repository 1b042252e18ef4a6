"""Wrong implementations that learners write. The name is the misconception, the docstring the hint."""

import torch

from groundup.authoring import replaces
from groundup.stack.inference import cache as right

# ── KVCache ──


class _Cache(right.KVCache):
    """The right one, to be changed."""


@replaces("KVCache")
class old_ones_copied_each_time(_Cache):
    """The right numbers, but old and new are put together in new memory at every call (torch.cat does that), so that all that is held is
    copied for every token. Make the room once, and write only what is new into it."""

    def update(self, layer, k, v):
        keys, values = super().update(layer, k, v)
        return keys.clone(), values.clone()


@replaces("KVCache")
class written_to_the_front(_Cache):
    """New keys and values are always written to the front of the room, over the old ones. They belong behind what this layer holds."""

    def update(self, layer, k, v):
        held = self.held[layer]
        super().update(layer, k, v)
        end = self.held[layer]
        self.keys[layer][:, :, : end - held] = k
        self.values[layer][:, :, : end - held] = v
        return self.keys[layer][:, :, :end], self.values[layer][:, :, :end]


@replaces("KVCache")
class one_counter_for_all_layers(_Cache):
    """One counter serves all layers and moves on at every call. The second layer then writes behind what the first one has written: there are
    gaps, and the room is used up too soon."""

    def update(self, layer, k, v):
        self.held[layer] = sum(self.held)
        for other in range(len(self.held)):
            if other != layer:
                self.held[other] = 0
        result = super().update(layer, k, v)
        return result

    @property
    def length(self):
        return sum(self.held)


@replaces("KVCache")
class length_of_the_first_layer(_Cache):
    """length is what the first layer holds. While a model's pass is under way, later layers do not hold the new tokens yet; what every
    layer holds is the least of all."""

    @property
    def length(self):
        return self.held[0]


@replaces("KVCache")
class length_of_the_last_layer(_Cache):
    """length is what the last layer holds. That is right as long as layers are called in order and each pass is finished, and the docstring
    asks for more: what every layer holds."""

    @property
    def length(self):
        return self.held[-1]


@replaces("KVCache")
class length_of_the_fullest_layer(_Cache):
    """length is what the fullest layer holds. Positions that only some layers hold do not count."""

    @property
    def length(self):
        return max(self.held)


@replaces("KVCache")
class length_is_the_room(_Cache):
    """length is the room, as it was asked for. As an attribute it is what is in it: 0 at the beginning."""

    @property
    def length(self):
        return self.capacity


@replaces("KVCache")
class whole_room_returned(_Cache):
    """The whole room comes back, with zeros where nothing has been written yet. Zeros are keys like others: attention would give them
    weight."""

    def update(self, layer, k, v):
        super().update(layer, k, v)
        return self.keys[layer], self.values[layer]


@replaces("KVCache")
class only_new_ones_returned(_Cache):
    """Only the new keys and values come back. Attention needs all that the layer holds, old ones first."""

    def update(self, layer, k, v):
        keys, values = super().update(layer, k, v)
        return keys[:, :, -k.shape[2] :], values[:, :, -k.shape[2] :]


@replaces("KVCache")
class old_ones_returned(_Cache):
    """What comes back is what was held before the call: the new tokens are missing, and so cannot attend to themselves."""

    def update(self, layer, k, v):
        keys, values = super().update(layer, k, v)
        return keys[:, :, : -k.shape[2]], values[:, :, : -k.shape[2]]


@replaces("KVCache")
class values_before_keys(_Cache):
    """Keys and values have changed places. Keys come first, in the call and in the result."""

    def update(self, layer, k, v):
        keys, values = super().update(layer, k, v)
        return values, keys


@replaces("KVCache")
class keys_kept_twice(_Cache):
    """The values are keys: k was written where v belongs."""

    def update(self, layer, k, v):
        return super().update(layer, k, k)


@replaces("KVCache")
class layers_share_their_room(_Cache):
    """All layers have one and the same room: a list was multiplied, which repeats the tensor and does not make new ones. The last layer
    to write overwrites the others."""

    def __init__(self, layers, batch, kv_heads, length, head_dim, dtype=None, device=None):
        super().__init__(layers, batch, kv_heads, length, head_dim, dtype, device)
        self.keys, self.values = [self.keys[0]] * layers, [self.values[0]] * layers

    def update(self, layer, k, v):
        keys, values = super().update(layer, k, v)
        return keys, values


_rooms = {}


@replaces("KVCache")
class caches_share_their_room(_Cache):
    """Two caches have the same room: it was made outside of __init__, once for all. Every text needs its own."""

    def __init__(self, layers, batch, kv_heads, length, head_dim, dtype=None, device=None):
        super().__init__(layers, batch, kv_heads, length, head_dim, dtype, device)
        shape = (layers, batch, kv_heads, length, head_dim, dtype)
        self.keys, self.values = _rooms.setdefault(shape, (self.keys, self.values))


@replaces("KVCache")
class room_not_checked(_Cache):
    """What has no room is not refused with a ValueError: PyTorch's error about shapes says nothing of a cache that is full, and where one
    position is written it may be silently lost."""

    def update(self, layer, k, v):
        begin = self.held[layer]
        end = min(begin + k.shape[2], self.capacity)
        self.keys[layer][:, :, begin:end] = k[:, :, : end - begin]
        self.values[layer][:, :, begin:end] = v[:, :, : end - begin]
        self.held[layer] = end
        return self.keys[layer][:, :, :end], self.values[layer][:, :, :end]


@replaces("KVCache")
class last_position_refused(_Cache):
    """The last position of the room cannot be used: the comparison refuses what just fits."""

    def update(self, layer, k, v):
        if self.held[layer] + k.shape[2] >= self.capacity:
            raise ValueError("no room")
        return super().update(layer, k, v)


@replaces("KVCache")
class refused_but_counted(_Cache):
    """A refused update is counted all the same: the counter moves before the room is checked. After the error the cache is to be as it
    was."""

    def update(self, layer, k, v):
        begin = self.held[layer]
        if begin + k.shape[2] > self.capacity:
            self.held[layer] = begin + k.shape[2]
            raise ValueError("no room")
        return super().update(layer, k, v)


@replaces("KVCache")
class oldest_given_up(_Cache):
    """When the room is full, the oldest positions make way for the new ones. That is a sliding window, another kind of cache; here what has no
    room is refused."""

    def update(self, layer, k, v):
        over = self.held[layer] + k.shape[2] - self.capacity
        if over > 0:
            for room in (self.keys[layer], self.values[layer]):
                room[:, :, : self.capacity - over] = room[:, :, over:].clone()
            self.held[layer] -= over
        return super().update(layer, k, v)


@replaces("KVCache")
class always_float32(_Cache):
    """dtype is not used: the cache is float32 whatever was asked for. In half precision it would take half the memory."""

    def __init__(self, layers, batch, kv_heads, length, head_dim, dtype=None, device=None):
        super().__init__(layers, batch, kv_heads, length, head_dim, None, device)


@replaces("KVCache")
class dtype_of_what_is_given(_Cache):
    """The results have the dtype of k and v, not that of the cache. What is held is held in the cache's dtype, and comes back so."""

    def update(self, layer, k, v):
        keys, values = super().update(layer, k, v)
        return (keys, values) if k.dtype == keys.dtype else (keys.to(k.dtype), values.to(v.dtype))


@replaces("KVCache")
class given_tensors_kept(_Cache):
    """The first keys and values are kept as they were given, without a copy: whoever changes them later changes the cache."""

    def update(self, layer, k, v):
        if self.held[layer] == 0 and k.dtype == self.keys[layer].dtype:
            super().update(layer, k, v)
            self._first = getattr(self, "_first", {})
            self._first[layer] = (k, v)
            return k, v
        first = getattr(self, "_first", {}).get(layer)
        keys, values = super().update(layer, k, v)
        if first is not None:
            keys[:, :, : first[0].shape[2]] = first[0]
            values[:, :, : first[1].shape[2]] = first[1]
        return keys, values


# ── cache_bytes ──


@replaces("cache_bytes")
def keys_only(config, batch, length, bytes_per_value):
    """Half of it: keys and values are both kept, so the number is twice that of one of them."""
    return right.cache_bytes(config, batch, length, bytes_per_value) // 2


@replaces("cache_bytes")
def query_heads_counted(config, batch, length, bytes_per_value):
    """The query heads were counted. Queries are used once and thrown away; it is key and value heads that are kept, and with grouped
    queries these are fewer."""
    return 2 * config.layers * batch * config.heads * length * config.head_dim * bytes_per_value


@replaces("cache_bytes")
def whole_width_counted(config, batch, length, bytes_per_value):
    """Each position was counted with dim numbers. The width of the model is not what is kept: kv_heads times head_dim numbers are."""
    return 2 * config.layers * batch * length * config.dim * bytes_per_value


@replaces("cache_bytes")
def one_layer_counted(config, batch, length, bytes_per_value):
    """Only one layer was counted. Every layer makes keys and values of its own, and keeps them."""
    return right.cache_bytes(config, batch, length, bytes_per_value) // config.layers


@replaces("cache_bytes")
def one_text_counted(config, batch, length, bytes_per_value):
    """The batch plays no part. Every text has its own keys and values."""
    return right.cache_bytes(config, 1, length, bytes_per_value)


@replaces("cache_bytes")
def numbers_counted(config, batch, length, bytes_per_value):
    """The numbers were counted, not their bytes: bytes_per_value is not used."""
    return right.cache_bytes(config, batch, length, 1)


@replaces("cache_bytes")
def bits_counted(config, batch, length, bytes_per_value):
    """The result is eight times too large: these are bits. A value takes bytes_per_value bytes already."""
    return 8 * right.cache_bytes(config, batch, length, bytes_per_value)


@replaces("cache_bytes")
def square_of_the_length(config, batch, length, bytes_per_value):
    """The length was counted twice. Attention's weights grow with the square of the length, but they are not kept; keys and values grow
    with the length itself."""
    return right.cache_bytes(config, batch, length * length, bytes_per_value)


@replaces("cache_bytes")
def head_size_forgotten(config, batch, length, bytes_per_value):
    """Each head was counted as one number. It keeps a key and a value of head_dim numbers for each position."""
    return right.cache_bytes(config, batch, length, bytes_per_value) // config.head_dim


@replaces("cache_bytes")
def megabytes(config, batch, length, bytes_per_value):
    """The result is in megabytes, a fraction. Bytes are asked for, as a whole number."""
    return right.cache_bytes(config, batch, length, bytes_per_value) / 2**20


@replaces("cache_bytes")
def bytes_as_a_fraction(config, batch, length, bytes_per_value):
    """The number is right but a float: bytes are whole, and for very large caches a float would lose the last ones. Divide nothing, and
    it stays an int."""
    return float(right.cache_bytes(config, batch, length, bytes_per_value))


# ── generate_cached ──


def _next(logits, ids):
    return logits[:, -1:].argmax(dim=-1).to(ids.dtype)


@replaces("generate_cached")
@torch.no_grad()
def whole_text_every_time(model, ids, n):
    """The whole text is run through the model for every token, with a new cache each time. The tokens are right, and nothing is saved: only the
    new ones should be given."""
    text = ids
    for _ in range(n):
        text = torch.cat((text, _next(model(text, model.new_cache(*text.shape)), ids)), dim=1)
    return text


@replaces("generate_cached")
@torch.no_grad()
def whole_text_into_one_cache(model, ids, n):
    """The whole text is given again for every token, to a cache that holds it already: each token is then there several times. After the prompt,
    give only the newest token."""
    if n == 0:
        return ids
    text, cache = ids, model.new_cache(len(ids), 10_000)
    for _ in range(n):
        text = torch.cat((text, _next(model(text, cache), ids)), dim=1)
    return text


@replaces("generate_cached")
@torch.no_grad()
def prompt_not_run(model, ids, n):
    """Only the last token of the prompt is run through the model. The cache then knows nothing of what stands before it."""
    if n == 0:
        return ids
    text, cache = ids, model.new_cache(len(ids), ids.shape[1] + n)
    for _ in range(n):
        text = torch.cat((text, _next(model(text[:, -1:], cache), ids)), dim=1)
    return text


@replaces("generate_cached")
@torch.no_grad()
def new_cache_for_every_token(model, ids, n):
    """Every new token gets a new, empty cache, and so knows nothing of the text. One cache serves from beginning to end."""
    text, new = [ids], ids
    for _ in range(n):
        new = _next(model(new, model.new_cache(len(ids), ids.shape[1] + n)), ids)
        text.append(new)
    return torch.cat(text, dim=1)


@replaces("generate_cached")
@torch.no_grad()
def room_for_the_prompt_only(model, ids, n):
    """The cache has room for the prompt only. The new tokens need room, too."""
    if n == 0:
        return ids
    cache, text, new = model.new_cache(*ids.shape), [ids], ids
    for _ in range(n):
        new = _next(model(new, cache), ids)
        text.append(new)
    return torch.cat(text, dim=1)


@replaces("generate_cached")
@torch.no_grad()
def room_for_the_new_ones_only(model, ids, n):
    """The cache has room for n positions. The prompt stands in it as well."""
    if n == 0:
        return ids
    cache, text, new = model.new_cache(len(ids), n), [ids], ids
    for _ in range(n):
        new = _next(model(new, cache), ids)
        text.append(new)
    return torch.cat(text, dim=1)


@replaces("generate_cached")
@torch.no_grad()
def batch_and_length_exchanged(model, ids, n):
    """new_cache was given the length where the batch belongs. First the number of texts, then that of positions."""
    if n == 0:
        return ids
    cache, text, new = model.new_cache(ids.shape[1] + n, len(ids)), [ids], ids
    for _ in range(n):
        new = _next(model(new, cache), ids)
        text.append(new)
    return torch.cat(text, dim=1)


@replaces("generate_cached")
@torch.no_grad()
def first_position_read(model, ids, n):
    """The logits of the first position are read. For one new token there is no other; for the prompt it is the last position that says what
    follows."""
    if n == 0:
        return ids
    cache, text, new = model.new_cache(len(ids), ids.shape[1] + n), [ids], ids
    for _ in range(n):
        new = model(new, cache)[:, :1].argmax(dim=-1).to(ids.dtype)
        text.append(new)
    return torch.cat(text, dim=1)


@replaces("generate_cached")
@torch.no_grad()
def continuation_only(model, ids, n):
    """Only the new tokens come back; the prompt is to stand before them."""
    return right.generate_cached(model, ids, n)[:, ids.shape[1] :]


@replaces("generate_cached")
@torch.no_grad()
def one_token_more(model, ids, n):
    """There is one new token too many. The prompt's own pass gives the first one already, so n passes are enough."""
    return right.generate_cached(model, ids, n + 1)


@replaces("generate_cached")
@torch.no_grad()
def one_token_too_few(model, ids, n):
    """There is one new token too few: the pass of the prompt gives the first, and n - 1 more are needed after it."""
    return right.generate_cached(model, ids, max(n - 1, 0))


@replaces("generate_cached")
@torch.no_grad()
def last_token_run_for_nothing(model, ids, n):
    """The last new token is run through the model as well, and what comes out is thrown away. Nothing is to be known about what would follow
    it."""
    if n == 0:
        return ids
    cache, text = model.new_cache(len(ids), ids.shape[1] + n), [ids]
    logits = model(ids, cache)
    for _ in range(n):
        text.append(_next(logits, ids))
        logits = model(text[-1], cache)
    return torch.cat(text, dim=1)


@replaces("generate_cached")
@torch.no_grad()
def least_probable_taken(model, ids, n):
    """The least probable token is taken each time: it is the largest logit that is wanted."""
    if n == 0:
        return ids
    cache, text, new = model.new_cache(len(ids), ids.shape[1] + n), [ids], ids
    for _ in range(n):
        new = model(new, cache)[:, -1:].argmin(dim=-1).to(ids.dtype)
        text.append(new)
    return torch.cat(text, dim=1)


@replaces("generate_cached")
@torch.no_grad()
def first_text_decides(model, ids, n):
    """All texts of the batch get the token of the first one. Each has its own logits."""
    if n == 0:
        return ids
    cache, text, new = model.new_cache(len(ids), ids.shape[1] + n), [ids], ids
    for _ in range(n):
        new = _next(model(new, cache), ids)[:1].expand(len(ids), 1)
        text.append(new)
    return torch.cat(text, dim=1)


@replaces("generate_cached")
@torch.no_grad()
def zero_ends_the_text(model, ids, n):
    """Token 0 ends the text here. It is a token like any other; which one means the end, this function does not know."""
    if n == 0:
        return ids
    cache, text, new = model.new_cache(len(ids), ids.shape[1] + n), [ids], ids
    for _ in range(n):
        new = _next(model(new, cache), ids)
        text.append(new)
        if bool((new == 0).any()):
            break
    return torch.cat(text, dim=1)


@replaces("generate_cached")
def gradients_recorded(model, ids, n):
    """Gradients are recorded all the while, for a backward pass that never comes: every step of the model stays in memory."""
    if n == 0:
        return ids
    cache, text, new = model.new_cache(len(ids), ids.shape[1] + n), [ids], ids
    for _ in range(n):
        new = _next(model(new, cache), ids)
        text.append(new)
    return torch.cat(text, dim=1)


@replaces("generate_cached")
@torch.no_grad()
def tokens_as_int64(model, ids, n):
    """The result is int64 whatever the prompt was. Keep its dtype."""
    return right.generate_cached(model, ids, n).long()
