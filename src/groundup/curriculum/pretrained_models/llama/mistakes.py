"""Wrong implementations that learners write. The name is the misconception, the docstring the hint."""

import math

import torch
from torch import nn
from torch.nn import functional

from groundup.authoring import replaces
from groundup.stack.models import llama as right
from groundup.stack.nn.layers import Linear
from groundup.stack.transformer.heads import merge_heads, split_heads
from groundup.stack.transformer.normalization import LayerNorm, RMSNorm
from groundup.stack.transformer.rotary import apply_rope, rope_rates, rope_tables

# ── LlamaBlock ──


class _Block(right.LlamaBlock):
    """The right block, in pieces that can be replaced one by one."""

    def __init__(self, config):
        super().__init__(config)
        self.head_dim = config.head_dim
        self.dim = config.dim

    def turn(self, x, cos, sin):
        return apply_rope(x, cos, sin)

    def turn_value(self, x, cos, sin):
        return x

    def shared(self, x):
        return x.repeat_interleave(self.heads // self.kv_heads, dim=1)

    def scale(self):
        return math.sqrt(self.head_dim)

    def masked(self, scores, mask):
        return scores if mask is None else scores.masked_fill(~mask, -math.inf)

    def _attend(self, x, cos, sin, mask, cache, layer):
        q = self.turn(split_heads(self.q(x), self.heads), cos, sin)
        k = self.turn(split_heads(self.k(x), self.kv_heads), cos, sin)
        v = self.turn_value(split_heads(self.v(x), self.kv_heads), cos, sin)
        if cache is not None:
            k, v = cache.update(layer, k, v)
        k, v = self.shared(k), self.shared(v)
        scores = self.masked(q @ k.mT / self.scale(), mask)
        return self.o(merge_heads(scores.softmax(dim=-1) @ v))


@replaces("LlamaBlock")
class groups_laid_out_in_turns(_Block):
    """Query heads share key heads in turns: head 0 takes key head 0, head 1 key head 1, and so round again (that is what repeat does).
    Heads of a group stand side by side: repeat each key head before the next one comes."""

    def shared(self, x):
        return x.repeat(1, self.heads // self.kv_heads, 1, 1)


@replaces("LlamaBlock")
class scaled_by_the_width(_Block):
    """The scores are divided by the root of dim. What makes them large is the number of terms in a head's dot product, which is
    head_dim."""

    def scale(self):
        return math.sqrt(self.dim)


@replaces("LlamaBlock")
class scaled_by_the_share_of_the_width(_Block):
    """The scores are divided by the root of dim / heads. In most models that is head_dim, but not in all: the configuration says how
    large a head is."""

    def scale(self):
        return math.sqrt(self.dim / self.heads)


@replaces("LlamaBlock")
class scores_not_scaled(_Block):
    """The scores are not divided by the root of head_dim."""

    def scale(self):
        return 1.0


@replaces("LlamaBlock")
class neighbors_are_turned(_Block):
    """Neighboring entries are turned as pairs. That is the layout of the weights that Meta published; those on the Hub were reordered, so that
    entry i is paired with entry i + head_dim / 2."""

    def turn(self, x, cos, sin):
        half = x.shape[-1] // 2
        cos, sin = (one[..., :half].repeat_interleave(2, dim=-1).to(x.dtype) for one in (cos, sin))
        return x * cos + torch.stack((-x[..., 1::2], x[..., ::2]), dim=-1).flatten(-2) * sin


@replaces("LlamaBlock")
class turned_backwards(_Block):
    """Queries and keys are turned the wrong way round: the minus sign stands at the wrong half. Among themselves positions would still be
    consistent, but weights that were trained the other way are read wrongly."""

    def turn(self, x, cos, sin):
        return apply_rope(x, cos, -sin)


@replaces("LlamaBlock")
class positions_missing(_Block):
    """Queries and keys are not turned at all: cos and sin are not used."""

    def turn(self, x, cos, sin):
        return x


@replaces("LlamaBlock")
class values_turned_too(_Block):
    """The values are turned as well. Only queries and keys are; what is passed on should not depend on where it stood."""

    def turn_value(self, x, cos, sin):
        return apply_rope(x, cos, sin)


@replaces("LlamaBlock")
class heads_cut_across_positions(_Block):
    """The heads were cut out by one reshape to (batch, heads, n, head_dim), which mixes numbers of different positions. Cut the last
    dimension in two first, then exchange heads and positions."""

    def _attend(self, x, cos, sin, mask, cache, layer):
        batch, n, _ = x.shape
        q = apply_rope(self.q(x).reshape(batch, self.heads, n, -1), cos, sin)
        k = apply_rope(self.k(x).reshape(batch, self.kv_heads, n, -1), cos, sin)
        v = self.v(x).reshape(batch, self.kv_heads, n, -1)
        if cache is not None:
            k, v = cache.update(layer, k, v)
        scores = self.masked(q @ self.shared(k).mT / self.scale(), mask)
        return self.o(merge_heads(scores.softmax(dim=-1) @ self.shared(v)))


@replaces("LlamaBlock")
class mask_ignored(_Block):
    """The mask makes no difference: every token sees every other, the future included."""

    def masked(self, scores, mask):
        return scores


@replaces("LlamaBlock")
class mask_inverted(_Block):
    """The mask is read the wrong way round. True = may attend."""

    def masked(self, scores, mask):
        return scores if mask is None else scores.masked_fill(mask, -1e9)


@replaces("LlamaBlock")
class mask_needed_always(_Block):
    """mask=None is not dealt with. It means that all may attend to all, as a single new token does."""

    def masked(self, scores, mask):
        return scores.masked_fill(~mask, -math.inf)


@replaces("LlamaBlock")
class feed_forward_reads_the_old_x(_Block):
    """The feed-forward layer reads x as it came into the block. It is to read what attention has been added to."""

    def forward(self, x, cos, sin, mask=None, cache=None, layer=0):
        return x + self._attend(self.attention_norm(x), cos, sin, mask, cache, layer) + self._feed(self.feed_norm(x))


@replaces("LlamaBlock")
class norms_after_the_sums(_Block):
    """The norms stand after the sums, on the stream itself. Here they stand on the branches, and the stream passes untouched."""

    def forward(self, x, cos, sin, mask=None, cache=None, layer=0):
        x = self.attention_norm(x + self._attend(x, cos, sin, mask, cache, layer))
        return self.feed_norm(x + self._feed(x))


@replaces("LlamaBlock")
class residual_missing(_Block):
    """What attention and feed-forward layer make is not added to x but replaces it."""

    def forward(self, x, cos, sin, mask=None, cache=None, layer=0):
        return self._feed(self.feed_norm(self._attend(self.attention_norm(x), cos, sin, mask, cache, layer)))


@replaces("LlamaBlock")
class norms_exchanged(_Block):
    """The two norms have changed places: feed_norm stands before attention, and attention_norm before the feed-forward layer."""

    def forward(self, x, cos, sin, mask=None, cache=None, layer=0):
        x = x + self._attend(self.feed_norm(x), cos, sin, mask, cache, layer)
        return x + self._feed(self.attention_norm(x))


@replaces("LlamaBlock")
class gate_and_up_exchanged(_Block):
    """silu is applied to W_up z and not to W_gate z. A model trained from scratch would not mind; weights from a checkpoint would be read the
    wrong way round."""

    def _feed(self, z):
        return self.down(functional.silu(self.up(z)) * self.gate(z))


@replaces("LlamaBlock")
class gelu_for_silu(_Block):
    """The gate goes through GELU. Llama's is silu, the input times its sigmoid; the two are close enough for text that looks nearly right."""

    def _feed(self, z):
        return self.down(functional.gelu(self.gate(z)) * self.up(z))


@replaces("LlamaBlock")
class eps_of_its_own(_Block):
    """eps of the norms is a fixed number and not the configuration's. Llama 1 had 1e-6, later ones have 1e-5."""

    def __init__(self, config):
        super().__init__(config)
        self.attention_norm, self.feed_norm = RMSNorm(config.dim, 1e-5), RMSNorm(config.dim, 1e-5)


@replaces("LlamaBlock")
class layer_norms(_Block):
    """The norms are layer norms, with a bias. Llama's are RMS norms, with a weight only."""

    def __init__(self, config):
        super().__init__(config)
        self.attention_norm, self.feed_norm = LayerNorm(config.dim), LayerNorm(config.dim)


@replaces("LlamaBlock")
class biases_in_attention(_Block):
    """Queries, keys and values have biases. nn.Linear makes one unless it is told not to; Llama has none anywhere."""

    def __init__(self, config):
        super().__init__(config)
        self.q, self.k, self.v = (nn.Linear(one.weight.shape[1], len(one.weight)) for one in (self.q, self.k, self.v))


@replaces("LlamaBlock")
class as_many_key_heads_as_queries(_Block):
    """There are as many key and value heads as query heads: kv_heads is not used. The matrices of a checkpoint with grouped queries do not fit
    then."""

    def __init__(self, config):
        super().__init__(config)
        wide = config.heads * config.head_dim
        self.k, self.v = Linear(config.dim, wide, bias=False), Linear(config.dim, wide, bias=False)


@replaces("LlamaBlock")
class heads_as_wide_as_the_stream(_Block):
    """q and o are dim × dim. Their other side is heads times head_dim, which is dim in most models and not in all."""

    def __init__(self, config):
        super().__init__(config)
        self.q, self.o = Linear(config.dim, config.dim, bias=False), Linear(config.dim, config.dim, bias=False)


@replaces("LlamaBlock")
class weights_stored_transposed(_Block):
    """The matrices of the feed-forward layer are stored as (in, out). The Hub's Llama stores (out, in), as nn.Linear does; GPT-2 is the one
    that differs."""

    def __init__(self, config):
        super().__init__(config)
        self.gate, self.up = (Linear(config.hidden, config.dim, bias=False) for _ in range(2))
        self.down = Linear(config.dim, config.hidden, bias=False)


@replaces("LlamaBlock")
class kept_after_repeating(_Block):
    """Keys and values are handed to the cache after they were repeated for all query heads, so that it takes as much memory as without groups.
    Keep the kv_heads, and repeat what comes back."""

    def _attend(self, x, cos, sin, mask, cache, layer):
        q = apply_rope(split_heads(self.q(x), self.heads), cos, sin)
        k = self.shared(apply_rope(split_heads(self.k(x), self.kv_heads), cos, sin))
        v = self.shared(split_heads(self.v(x), self.kv_heads))
        if cache is not None:
            k, v = cache.update(layer, k, v)
        scores = self.masked(q @ k.mT / self.scale(), mask)
        return self.o(merge_heads(scores.softmax(dim=-1) @ v))


@replaces("LlamaBlock")
class kept_before_turning(_Block):
    """Keys are handed to the cache before they are turned, and never turned, since cos and sin are those of the new positions. Turn first,
    then keep."""

    def _attend(self, x, cos, sin, mask, cache, layer):
        if cache is None:
            return super()._attend(x, cos, sin, mask, cache, layer)
        q = apply_rope(split_heads(self.q(x), self.heads), cos, sin)
        k, v = cache.update(layer, split_heads(self.k(x), self.kv_heads), split_heads(self.v(x), self.kv_heads))
        n = x.shape[1]
        k = torch.cat((k[:, :, :-n], apply_rope(k[:, :, -n:], cos, sin)), dim=2)
        scores = self.masked(q @ self.shared(k).mT / self.scale(), mask)
        return self.o(merge_heads(scores.softmax(dim=-1) @ self.shared(v)))


@replaces("LlamaBlock")
class always_layer_zero(_Block):
    """The cache is told layer 0 whatever layer was given: all blocks would write into one place."""

    def _attend(self, x, cos, sin, mask, cache, layer):
        return super()._attend(x, cos, sin, mask, cache, 0)


@replaces("LlamaBlock")
class cache_ignored(_Block):
    """A cache that is handed in makes no difference: new tokens attend only to each other, and the mask does not fit."""

    def _attend(self, x, cos, sin, mask, cache, layer):
        return super()._attend(x, cos, sin, mask, None, layer)


@replaces("LlamaBlock")
class angles_decide_the_dtype(_Block):
    """In half precision the result is float32: the angles are, and whatever is multiplied with them becomes so. The result keeps the dtype of
    x."""

    def forward(self, x, cos, sin, mask=None, cache=None, layer=0):
        return super().forward(x, cos, sin, mask, cache, layer).to(torch.promote_types(x.dtype, cos.dtype))


# ── Llama ──


class _Llama(right.Llama):
    """The right model, to be changed."""


@replaces("Llama")
class future_is_seen(_Llama):
    """There is no causal mask: every position sees the whole text."""

    def __init__(self, config):
        super().__init__(config)
        self._window = lambda begin, end, device: None


@replaces("Llama")
class always_tied(_Llama):
    """The embedding always scores the tokens. Most Llamas have a head of their own: config.tied says which."""

    def __init__(self, config):
        super().__init__(config)
        self.head = None


@replaces("Llama")
class never_tied(_Llama):
    """There is always a head. In tied models the embedding scores the tokens, and their checkpoints hold no head."""

    def __init__(self, config):
        super().__init__(config)
        if self.head is None:
            self.head = Linear(config.dim, config.vocab, bias=False)
            nn.init.normal_(self.head.weight, std=0.02)


@replaces("Llama")
class tied_in_the_state_too(_Llama):
    """In tied models the head is the embedding's own tensor, but under a name of its own, so that it stands in the state_dict twice. Use the
    embedding in forward instead."""

    def __init__(self, config):
        super().__init__(config)
        if self.head is None:
            self.head = Linear(config.dim, config.vocab, bias=False)
            self.head.weight = self.embedding.weight
        else:
            self.extra = Linear(1, 1, bias=False)


@replaces("Llama")
class last_norm_missing(_Llama):
    """The vectors go from the last block to the head as they are: `norm` is not used."""

    def forward(self, ids, cache=None, attention_mask=None):
        norm = self._modules.pop("norm")
        try:
            self.norm = lambda x: x
            return super().forward(ids, cache, attention_mask)
        finally:
            del self.norm
            self.norm = norm


@replaces("Llama")
class eps_of_the_last_norm(_Llama):
    """The last norm has an eps of its own. All norms take the configuration's."""

    def __init__(self, config):
        super().__init__(config)
        self.norm = RMSNorm(config.dim, 1e-5)


@replaces("Llama")
class theta_always_ten_thousand(_Llama):
    """theta is 10000 whatever the configuration says. Llama 3 has 500 000, for the sake of longer texts."""

    def __init__(self, config):
        super().__init__(config)
        self.cos, self.sin = rope_tables(right.scaled_rates(config._replace(theta=10000.0)), config.context)


@replaces("Llama")
class scaling_ignored(_Llama):
    """rope_scaling is not used: the plain rates serve all models. scaled_rates is given, and does it."""

    def __init__(self, config):
        super().__init__(config)
        self.cos, self.sin = rope_tables(rope_rates(config.head_dim, config.theta), config.context)


@replaces("Llama")
class positions_scaled_too(_Llama):
    """The positions were divided by the factor as well as the rates: it is counted twice."""

    def __init__(self, config):
        super().__init__(config)
        factor = 1.0 if config.rope_scaling is None else config.rope_scaling["factor"]
        self.cos, self.sin = rope_tables(right.scaled_rates(config) / factor, config.context)


@replaces("Llama")
class angles_are_saved(_Llama):
    """The tables of angles stand in the state_dict. They are computed, not learned: register them with persistent=False."""

    def __init__(self, config):
        super().__init__(config)
        self.register_buffer("cos", self.cos.clone())
        self.register_buffer("sin", self.sin.clone())


@replaces("Llama")
class one_block_for_all_layers(_Llama):
    """All layers are one and the same block, put into the list several times. Each needs its own weights."""

    def __init__(self, config):
        super().__init__(config)
        self.blocks = nn.ModuleList([self.blocks[0]] * config.layers)


@replaces("Llama")
class blocks_in_a_python_list(_Llama):
    """The blocks stand in a Python list, where PyTorch does not find them: nothing of them is trained, saved or loaded."""

    def __init__(self, config):
        super().__init__(config)
        blocks = list(self.blocks)
        del self.blocks
        self.blocks = blocks


@replaces("Llama")
class config_not_kept(_Llama):
    """The configuration is not kept in self.config; others need it to know the model's sizes."""

    def __init__(self, config):
        super().__init__(config)
        del self.config
        self._kept = config

    def __getattr__(self, name):
        if name == "config":
            import sys

            caller = sys._getframe(1).f_code.co_filename
            if caller.endswith("llama.py"):
                return self._kept
        return super().__getattr__(name)


@replaces("Llama")
class last_position_only(_Llama):
    """Only the logits of the last position come back; all positions are asked for."""

    def forward(self, ids, cache=None, attention_mask=None):
        return super().forward(ids, cache, attention_mask)[:, -1]


@replaces("Llama")
class probabilities_returned(_Llama):
    """The rows of the result sum to 1: a softmax has been applied. Logits are wanted."""

    def forward(self, ids, cache=None, attention_mask=None):
        return super().forward(ids, cache, attention_mask).softmax(dim=-1)


@replaces("Llama")
class embedding_scaled_up(_Llama):
    """The embedding is multiplied by the root of dim. The first Transformer and Gemma do that; Llama does not."""

    def forward(self, ids, cache=None, attention_mask=None):
        rows = self.embedding.forward
        self.embedding.forward = lambda one: rows(one) * math.sqrt(self.config.dim)
        try:
            return super().forward(ids, cache, attention_mask)
        finally:
            del self.embedding.forward


@replaces("Llama")
class filling_for_the_future(_Llama):
    """Where attention_mask is given, it takes the place of the causal mask: the tokens see no filling, but they see the future. Both hold at
    once."""

    def forward(self, ids, cache=None, attention_mask=None):
        window = self._window
        if attention_mask is not None:
            self._window = lambda begin, end, device: None
        try:
            return super().forward(ids, cache, attention_mask)
        finally:
            self._window = window


@replaces("Llama")
class boolean_masks_only(_Llama):
    """attention_mask is taken to be boolean. Tokenizers give whole numbers, 1 and 0, for which ~ and & mean something else."""

    def forward(self, ids, cache=None, attention_mask=None):
        if attention_mask is not None and attention_mask.dtype != torch.bool:
            raise TypeError("a boolean mask was expected")
        return super().forward(ids, cache, attention_mask)


@replaces("Llama")
class context_not_checked(_Llama):
    """A text that is longer than the context is not refused with a ValueError."""

    def forward(self, ids, cache=None, attention_mask=None):
        begin = 0 if cache is None else cache.length
        tables = rope_tables(right.scaled_rates(self.config), begin + ids.shape[1])
        kept, config = (self.cos, self.sin), self.config
        self.config = config._replace(context=10**9)
        self.cos, self.sin = (one.to(self.cos.dtype) for one in tables)
        try:
            return super().forward(ids, cache, attention_mask)
        finally:
            (self.cos, self.sin), self.config = kept, config


@replaces("Llama")
class full_context_refused(_Llama):
    """A text that is exactly as long as the context is refused. It fits."""

    def forward(self, ids, cache=None, attention_mask=None):
        if ids.shape[1] + (0 if cache is None else cache.length) >= self.config.context:
            raise ValueError("too long")
        return super().forward(ids, cache, attention_mask)


@replaces("Llama")
class held_tokens_not_counted(_Llama):
    """Only the new tokens are held against the context; those that the cache holds are forgotten."""

    def forward(self, ids, cache=None, attention_mask=None):
        if cache is None:
            return super().forward(ids, cache, attention_mask)
        return context_not_checked.forward(self, ids, cache, attention_mask)


class _Numbered(_Llama):
    """A model whose positions, window and layer can be set."""

    def begin(self, cache):
        return cache.length

    def number(self, layer):
        return layer

    def window(self, begin, end, device):
        return self._window(begin, end, device)

    def forward(self, ids, cache=None, attention_mask=None):
        if cache is None:
            return super().forward(ids, cache, attention_mask)
        end = cache.length + ids.shape[1]
        if end > self.config.context:
            raise ValueError("too long")
        begin, first = cache.length, self.begin(cache)
        cos, sin = self.cos[first : first + ids.shape[1]], self.sin[first : first + ids.shape[1]]
        x, mask = self.embedding(ids), self.window(begin, end, ids.device)
        for layer, block in enumerate(self.blocks):
            x = block(x, cos, sin, mask, cache, self.number(layer))
        x = self.norm(x)
        return x @ self.embedding.weight.T if self.head is None else self.head(x)


@replaces("Llama")
class positions_start_again(_Numbered):
    """With a cache, the new tokens are numbered from 0 again. The first of them has position cache.length."""

    def begin(self, cache):
        return 0


@replaces("Llama")
class new_tokens_see_each_other(_Numbered):
    """With a cache, the mask is left out. One new token may see everything; of several, the earlier ones then see the later ones."""

    def window(self, begin, end, device):
        return None if begin else self._window(begin, end, device)


@replaces("Llama")
class mask_of_the_new_tokens_only(_Numbered):
    """With a cache, the mask is a square for the new tokens alone. It needs a column for every position that is held."""

    def window(self, begin, end, device):
        return self._window(0, end - begin, device)


@replaces("Llama")
class all_layers_are_layer_zero(_Numbered):
    """Every block is told that it is layer 0, and so they all write into one place of the cache."""

    def number(self, layer):
        return 0


@replaces("Llama")
class model_ignores_the_cache(_Llama):
    """A cache that is handed in makes no difference: the new tokens know nothing of those before them."""

    def forward(self, ids, cache=None, attention_mask=None):
        return super().forward(ids, None, attention_mask)


@replaces("Llama")
class one_cache_for_everybody(_Llama):
    """new_cache hands out the same cache each time, so that two texts mix. Each call makes a new one."""

    def new_cache(self, batch, length):
        if not hasattr(self, "_own"):
            self._own = super().new_cache(batch, self.config.context)
        return self._own


@replaces("Llama")
class begins_as_pytorch_does(_Llama):
    """The weights begin as PyTorch's layers make them: the embedding with a deviation of 1, matrices uniform. 0.02 is asked for."""

    def __init__(self, config):
        super().__init__(config)
        for name, one in self.named_parameters():
            if one.dim() == 2 and name == "embedding.weight":
                nn.init.normal_(one)
            elif one.dim() == 2:
                nn.init.kaiming_uniform_(one, a=math.sqrt(5))


@replaces("Llama")
class begins_smaller_in_deep_layers(_Llama):
    """o and down begin smaller, by the number of layers, as in GPT-2. Here all begin alike, with 0.02."""

    def __init__(self, config):
        super().__init__(config)
        for name, one in self.named_parameters():
            if name.endswith(("o.weight", "down.weight")):
                nn.init.normal_(one, std=0.02 / math.sqrt(2 * config.layers))


# ── rename_checkpoint ──


@replaces("rename_checkpoint")
def names_cut_at_the_front_only(state):
    """Only the front of the names was changed, from model.layers to blocks; the parts of a layer keep their old names."""
    return {name.replace("model.layers.", "blocks."): one for name, one in state.items() if "rotary_emb" not in name}


@replaces("rename_checkpoint")
def layers_of_one_digit(state):
    """Layer numbers of more than one digit are not recognized: the number was read as a single character."""
    found = right.rename_checkpoint(state)
    for name, one in state.items():
        words = name.split(".")
        if words[:2] == ["model", "layers"] and len(words[2]) > 1 and name not in found:
            found = {key: value for key, value in found.items() if value is not one}
            found[name] = one
    return found


@replaces("rename_checkpoint")
def norms_exchanged(state):
    """The two norms of a layer have changed places. input_layernorm stands before attention, post_attention_layernorm after it, and so before the
    feed-forward layer."""
    exchanged = {"attention_norm": "feed_norm", "feed_norm": "attention_norm"}
    found = {}
    for name, one in right.rename_checkpoint(state).items():
        words = name.split(".")
        found[".".join(exchanged.get(word, word) for word in words)] = one
    return found


@replaces("rename_checkpoint")
def projections_exchanged(state):
    """gate and up have changed places. Both have the same shape, so that loading does not complain; the text is nonsense."""
    exchanged = {"gate": "up", "up": "gate"}
    found = {}
    for name, one in right.rename_checkpoint(state).items():
        found[".".join(exchanged.get(word, word) for word in name.split("."))] = one
    return found


@replaces("rename_checkpoint")
def matrices_transposed(state):
    """The matrices were transposed. Only GPT-2's checkpoints store them the other way round; here the tensors stay what they are."""
    return {name: one.T if one.dim() == 2 else one.clone() for name, one in right.rename_checkpoint(state).items()}


@replaces("rename_checkpoint")
def tensors_copied(state):
    """The tensors were copied. For a large model that doubles the memory; the same tensors get other names."""
    return {name: one.clone() for name, one in right.rename_checkpoint(state).items()}


@replaces("rename_checkpoint")
def state_itself_changed(state):
    """The dict that was given has been changed: names were taken out of it. Build a new one."""
    found = right.rename_checkpoint(state)
    state.clear()
    state.update(found)
    return state


@replaces("rename_checkpoint")
def unknown_names_dropped(state):
    """Names that are not known have disappeared. Whoever loads the weights would not find out that something is missing from the model: leave them
    as they are."""
    found = right.rename_checkpoint(state)
    return {name: one for name, one in found.items() if name not in state}


@replaces("rename_checkpoint")
def unknown_names_refused(state):
    """A name that is not known raises an error. Leave it as it is: whoever loads the weights complains of all that do not fit, at once."""
    found = right.rename_checkpoint(state)
    for name in found:
        if name in state:
            raise KeyError(name)
    return found


@replaces("rename_checkpoint")
def old_tables_kept(state):
    """The tables of rotary rates stand in the result. They are no weights; a model that computes its own has no place for them."""
    tables = {name: one for name, one in state.items() if name.endswith("rotary_emb.inv_freq")}
    return {**right.rename_checkpoint(state), **tables}


@replaces("rename_checkpoint")
def only_the_first_old_table_dropped(state):
    """Tables of rotary rates are left out only inside the layers. Some checkpoints have one for the whole model: what counts is how the name
    ends."""
    tables = {one: state[one] for one in state if one == "model.rotary_emb.inv_freq"}
    return {**right.rename_checkpoint(state), **tables}


@replaces("rename_checkpoint")
def words_replaced_everywhere(state):
    """Known words were replaced wherever they stood, also in names that are not the Hub's (str.replace does that). Compare whole names, part by
    part."""
    pairs = {
        "model.embed_tokens": "embedding", "model.norm": "norm", "lm_head": "head", "model.layers": "blocks",
        "input_layernorm": "attention_norm", "post_attention_layernorm": "feed_norm", "self_attn.q_proj": "q",
        "self_attn.k_proj": "k", "self_attn.v_proj": "v", "self_attn.o_proj": "o", "mlp.gate_proj": "gate",
        "mlp.up_proj": "up", "mlp.down_proj": "down",
    }  # fmt: skip
    found = {}
    for name, one in state.items():
        if not name.endswith("rotary_emb.inv_freq"):
            for theirs, ours in pairs.items():
                name = name.replace(theirs, ours)
            found[name] = one
    return found


@replaces("rename_checkpoint")
def always_weight(state):
    """Every name ends in weight, whatever it ended in before. A bias must not be taken for a weight: the last word is kept."""
    found = {}
    for name, one in right.rename_checkpoint(state).items():
        found[name if name in state else name.rpartition(".")[0] + ".weight"] = one
    return found


@replaces("rename_checkpoint")
def only_weights_renamed(state):
    """Only names that end in weight are renamed. A bias, or another last word, is to be renamed likewise and kept."""
    kept = {name: one for name, one in state.items() if not name.endswith((".weight", "inv_freq"))}
    return {**right.rename_checkpoint({name: one for name, one in state.items() if name not in kept}), **kept}


@replaces("rename_checkpoint")
def head_forgotten(state):
    """lm_head keeps its name. It is the head, which most Llamas have."""
    return {name.replace("head.", "lm_head.") if name.startswith("head.") else name: one
            for name, one in right.rename_checkpoint(state).items()}  # fmt: skip


@replaces("rename_checkpoint")
def the_other_way_round(state):
    """The names were translated in the other direction, from ours to the Hub's. Nothing of a checkpoint is found then."""
    back = {f"{b}.weight": f"{a}.weight" for a, b in {"model.norm": "norm", "lm_head": "head"}.items()}
    return {back.get(name, name): one for name, one in state.items()}
