"""Wrong implementations that learners write. The name is the misconception, the docstring the hint."""

import math

import torch
from torch import nn
from torch.nn import functional

from groundup.authoring import replaces
from groundup.stack.models import gpt as stack
from groundup.stack.nn.layers import Linear
from groundup.stack.transformer.blocks import DecoderOnlyBlock
from groundup.stack.transformer.heads import merge_heads, split_heads
from groundup.stack.transformer.normalization import LayerNorm, RMSNorm
from groundup.stack.transformer.rotary import apply_rope, rope_frequencies

# ── next_token_pairs ──


def _checked(ids, length):
    if ids.dim() != 1 or len(ids) <= length or length < 1:
        raise ValueError("too short")


def _beginnings(ids, length, batch_size, generator):
    return torch.randint(len(ids) - length, (batch_size, 1), generator=generator)


def _stretches(ids, length, batch_size, generator):
    """Places of right stretches."""
    _checked(ids, length)
    return _beginnings(ids, length, batch_size, generator) + torch.arange(length)


@replaces("next_token_pairs")
def targets_are_the_inputs(ids, length, batch_size, generator):
    """The targets are the inputs themselves. A model that is asked to say what it was just told learns to copy, with a loss of
    almost zero, and nothing about what comes next."""
    places = _stretches(ids, length, batch_size, generator)
    return ids[places], ids[places]


@replaces("next_token_pairs")
def single_stretch_from_the_front(ids, length, batch_size, generator):
    """A batch of one is always the beginning of the text. It should begin anywhere, as the rows of larger batches do: training
    with small batches and accumulated gradients would see the first page only."""
    places = _stretches(ids, length, batch_size, generator)
    if batch_size == 1:
        places = places - places[:, :1]
    return ids[places], ids[places + 1]


@replaces("next_token_pairs")
def targets_one_token_earlier(ids, length, batch_size, generator):
    """The shift goes the wrong way: each target is the token before. The model has seen that one already."""
    places = _stretches(ids, length, batch_size, generator)
    return ids[places + 1], ids[places]


@replaces("next_token_pairs")
def targets_two_tokens_later(ids, length, batch_size, generator):
    """The targets are two tokens ahead. Perhaps inputs and targets are shifted here and again somewhere else: one shift, in one
    place, is what is wanted."""
    places = _stretches(ids, length, batch_size, generator)
    return ids[places], ids[(places + 2).clamp(max=len(ids) - 1)]


@replaces("next_token_pairs")
def last_target_wraps_around(ids, length, batch_size, generator):
    """The targets are the inputs rolled by one: the last target of a stretch is the stretch's own first token. The token that
    follows must come from the text."""
    inputs = ids[_stretches(ids, length, batch_size, generator)]
    return inputs, inputs.roll(-1, dims=1)


@replaces("next_token_pairs")
def only_the_last_token_is_a_target(ids, length, batch_size, generator):
    """There is one target for each stretch, the token after it. Every token of the stretch is a question, since a causal model
    answers at every position: length targets, not one."""
    places = _stretches(ids, length, batch_size, generator)
    return ids[places], ids[places[:, -1] + 1]


@replaces("next_token_pairs")
def one_token_too_few(ids, length, batch_size, generator):
    """The stretches are one token shorter than asked for: they were cut to `length` first and then shifted, which costs one. Cut
    length + 1 tokens, or take the targets from the text."""
    whole = ids[_stretches(ids, length, batch_size, generator)]
    return whole[:, :-1], whole[:, 1:]


@replaces("next_token_pairs")
def last_beginning_never_drawn(ids, length, batch_size, generator):
    """The last possible stretch is never drawn: the upper end of the range of beginnings is excluded twice. torch.randint
    does not draw its upper bound in any case."""
    _checked(ids, length)
    beginnings = torch.randint(max(len(ids) - length - 1, 1), (batch_size, 1), generator=generator)
    places = beginnings + torch.arange(length)
    return ids[places], ids[places + 1]


@replaces("next_token_pairs")
def beginning_beyond_the_end(ids, length, batch_size, generator):
    """Stretches may begin so late that the text has no target for their last token. There are n - length possible beginnings,
    not n - length + 1: a stretch needs length + 1 tokens of text."""
    _checked(ids, length)
    windows = len(ids) - length + 1
    places = torch.randint(windows, (batch_size, 1), generator=generator) + torch.arange(length)
    places[0] = windows - 1 + torch.arange(length)
    return ids[places], ids[places + 1]


@replaces("next_token_pairs")
def tokens_from_everywhere(ids, length, batch_size, generator):
    """Each token of a row is drawn by itself, from anywhere in the text. What stands together in the text must stand together in
    a row: the order is what there is to learn."""
    _checked(ids, length)
    places = torch.randint(len(ids) - 1, (batch_size, length), generator=generator)
    return ids[places], ids[places + 1]


@replaces("next_token_pairs")
def one_beginning_for_all_rows(ids, length, batch_size, generator):
    """All rows of a batch hold the same stretch. Each row needs a beginning of its own, or the batch is no better than one text."""
    _checked(ids, length)
    places = _beginnings(ids, length, 1, generator) + torch.arange(length).expand(batch_size, length)
    return ids[places], ids[places + 1]


@replaces("next_token_pairs")
def rows_follow_each_other(ids, length, batch_size, generator):
    """Only the first row begins by chance; the others follow it in the text. Neighbors resemble each other, so that a batch of
    them says less than independent ones."""
    _checked(ids, length)
    beginnings = _beginnings(ids, length, 1, generator) + torch.arange(batch_size)[:, None]
    places = beginnings % (len(ids) - length) + torch.arange(length)
    return ids[places], ids[places + 1]


@replaces("next_token_pairs")
def no_stretch_twice(ids, length, batch_size, generator):
    """Beginnings are drawn without replacement. That fails as soon as the batch is larger than the number of stretches, and makes
    the rows depend on each other."""
    _checked(ids, length)
    beginnings = torch.randperm(len(ids) - length, generator=generator)[:batch_size, None]
    places = beginnings + torch.arange(length)
    return ids[places], ids[places + 1]


@replaces("next_token_pairs")
def stretches_on_a_grid(ids, length, batch_size, generator):
    """Stretches begin only at multiples of their length. Then the first token of each is never seen with what stood before it, in
    any pass over the text; every beginning is to be possible."""
    _checked(ids, length)
    blocks = max((len(ids) - 1) // length, 1)
    places = torch.randint(blocks, (batch_size, 1), generator=generator) * length + torch.arange(length)
    return ids[places], ids[places + 1]


@replaces("next_token_pairs")
def generator_ignored(ids, length, batch_size, generator):
    """The generator that was passed in is not used: chance comes from torch's global source. A run that is resumed could not go
    on with the same batches."""
    _checked(ids, length)
    places = torch.randint(len(ids) - length, (batch_size, 1)) + torch.arange(length)
    return ids[places], ids[places + 1]


@replaces("next_token_pairs")
def generator_started_anew(ids, length, batch_size, generator):
    """The generator is set back to its seed in every call, so that every batch is the first one again. Leave it where the draw
    has left it."""
    generator.manual_seed(generator.initial_seed())
    places = _stretches(ids, length, batch_size, generator)
    return ids[places], ids[places + 1]


@replaces("next_token_pairs")
def places_instead_of_tokens(ids, length, batch_size, generator):
    """What comes back are places in the text, not the tokens that stand there: the look-up in ids is missing."""
    places = _stretches(ids, length, batch_size, generator).to(ids.dtype)
    return places, places + 1


@replaces("next_token_pairs")
def columns_are_texts(ids, length, batch_size, generator):
    """The result is (length, batch_size): each stretch runs down a column. Models here take (batch, length)."""
    places = _stretches(ids, length, batch_size, generator).T
    return ids[places], ids[places + 1]


@replaces("next_token_pairs")
def tokens_become_int64(ids, length, batch_size, generator):
    """The dtype of the text is lost: everything comes back as int64. A long text is kept in small integers to save memory, and what
    is cut from it keeps its dtype."""
    places = _stretches(ids, length, batch_size, generator)
    return ids[places].long(), ids[places + 1].long()


@replaces("next_token_pairs")
def inputs_and_targets_share_memory(ids, length, batch_size, generator):
    """Inputs and targets are views of one tensor, so that whoever edits the inputs (to hide some tokens, say) edits the targets.
    Give each its own memory."""
    places = _stretches(ids, length, batch_size, generator)
    whole = ids[torch.cat((places, places[:, -1:] + 1), dim=1)]
    return whole[:, :-1], whole[:, 1:]


@replaces("next_token_pairs")
def too_short_not_refused(ids, length, batch_size, generator):
    """What cannot be cut is not refused with a ValueError: PyTorch's own error, or an empty result, does not say that the text is
    too short for that length."""
    places = _beginnings(ids, length, batch_size, generator) + torch.arange(length)
    return ids[places], ids[places + 1]


# ── GPT: attention and its mask ──


class _Block(DecoderOnlyBlock):
    """The right block, in pieces that can be replaced one by one."""

    def __init__(self, dim, heads, hidden):
        super().__init__(dim, heads, heads, hidden)

    def turn(self, x, cos, sin):
        return apply_rope(x, cos, sin)

    def scores(self, q, k):
        return q @ k.mT / math.sqrt(q.shape[-1])

    def _attend(self, x, cos, sin, mask, update):
        q = self.turn(split_heads(self.q(x), self.heads), cos, sin)
        k = self.turn(split_heads(self.k(x), self.heads), cos, sin)
        v = split_heads(self.v(x), self.heads)
        if update is not None:
            k, v = update(k, v)
        scores = self.scores(q, k)
        if mask is not None:
            scores = scores.masked_fill(~mask, -math.inf)
        return self.o(merge_heads(scores.softmax(dim=-1) @ v))


class _GPT(stack.GPT):
    """The right model, of a block that a subclass names."""

    block = _Block
    hidden = staticmethod(stack.hidden_size)

    def __init__(self, vocab, dim, heads, layers, context):
        super().__init__(vocab, dim, heads, layers, context)
        self.blocks = nn.ModuleList(type(self).block(dim, heads, type(self).hidden(dim)) for _ in range(layers))
        self._begin()


@replaces("GPT")
class future_is_seen(_GPT):
    """Every position sees the whole text: there is no causal mask. In training the model reads the answer in its input, with a
    splendid loss, and when it has to write there is no answer to read."""

    def __init__(self, vocab, dim, heads, layers, context):
        super().__init__(vocab, dim, heads, layers, context)
        self._window = lambda begin, end, device: None


@replaces("GPT")
class own_token_not_seen(_GPT):
    """A position sees what comes before it but not itself. The first then has nothing to attend to, and no token's own content passes
    through attention; the diagonal of the mask belongs to what is seen."""

    def __init__(self, vocab, dim, heads, layers, context):
        super().__init__(vocab, dim, heads, layers, context)
        self._window = lambda begin, end, device: torch.ones(end, end, dtype=torch.bool).tril(-1)[begin:]


@replaces("GPT")
class scaled_by_the_width(_GPT):
    """The scores are divided by the root of dim. Each head works with vectors of head_dim = dim / heads numbers, and that is what
    makes their dot products large."""

    class block(_Block):
        def scores(self, q, k):
            return q @ k.mT / math.sqrt(q.shape[-1] * self.heads)


@replaces("GPT")
class heads_cut_across_positions(_GPT):
    """The heads were cut out by a reshape straight to (batch, heads, n, head_dim). That mixes numbers of different positions. Cut
    the last dimension in two first, then exchange heads and positions."""

    class block(_Block):
        def _attend(self, x, cos, sin, mask, update):
            batch, n, dim = x.shape
            q, k, v = (one(x).reshape(batch, self.heads, n, dim // self.heads) for one in (self.q, self.k, self.v))
            q, k = self.turn(q, cos, sin), self.turn(k, cos, sin)
            if update is not None:
                k, v = update(k, v)
            scores = self.scores(q, k)
            scores = scores if mask is None else scores.masked_fill(~mask, -math.inf)
            return self.o((scores.softmax(dim=-1) @ v).reshape(batch, n, dim))


@replaces("GPT")
class output_projection_missing(_GPT):
    """The heads are put together and added as they are: the projection W_o is not used. Each head could then write only into its own
    slice of the stream."""

    class block(_Block):
        def _attend(self, x, cos, sin, mask, update):
            q = self.turn(split_heads(self.q(x), self.heads), cos, sin)
            k = self.turn(split_heads(self.k(x), self.heads), cos, sin)
            v = split_heads(self.v(x), self.heads)
            if update is not None:
                k, v = update(k, v)
            scores = self.scores(q, k)
            scores = scores if mask is None else scores.masked_fill(~mask, -math.inf)
            return merge_heads(scores.softmax(dim=-1) @ v)


# ── GPT: positions ──


@replaces("GPT")
class positions_missing(_GPT):
    """Queries and keys are not turned by their positions. For the model all orders of the earlier tokens are then the same."""

    class block(_Block):
        def turn(self, x, cos, sin):
            return x


@replaces("GPT")
class neighbors_are_turned(_GPT):
    """Neighboring entries are turned as pairs. That is the paper's layout; here, and in the checkpoints on the Hub, entry i is paired
    with entry i + head_dim / 2."""

    class block(_Block):
        def turn(self, x, cos, sin):
            half = x.shape[-1] // 2
            angles = cos[..., :half].repeat_interleave(2, dim=-1), sin[..., :half].repeat_interleave(2, dim=-1)
            turned = torch.stack((-x[..., 1::2], x[..., ::2]), dim=-1).flatten(-2)
            return x * angles[0] + turned * angles[1]


@replaces("GPT")
class turned_by_the_whole_width(_GPT):
    """The rates of turning are those of vectors of dim numbers. Each head has head_dim numbers, so its pairs should spread their
    rates over head_dim."""

    def __init__(self, vocab, dim, heads, layers, context):
        super().__init__(vocab, dim, heads, layers, context)
        cos, sin = rope_frequencies(dim, context)
        half = dim // heads // 2
        self.cos, self.sin = cos[:, :half].repeat(1, 2), sin[:, :half].repeat(1, 2)


@replaces("GPT")
class theta_of_llama_3(_GPT):
    """The rates of turning come from another theta than 10000. Later models use 500 000; this one keeps the paper's."""

    def __init__(self, vocab, dim, heads, layers, context):
        super().__init__(vocab, dim, heads, layers, context)
        self.cos, self.sin = rope_frequencies(dim // heads, context, 500_000.0)


@replaces("GPT")
class values_turned_too(_GPT):
    """The values are turned as well. Positions are for finding, that is for the dot products of queries and keys; what is passed on
    should not depend on where it stood."""

    class block(_Block):
        def _attend(self, x, cos, sin, mask, update):
            q, k, v = (apply_rope(split_heads(one(x), self.heads), cos, sin) for one in (self.q, self.k, self.v))
            if update is not None:
                k, v = update(k, v)
            scores = self.scores(q, k)
            scores = scores if mask is None else scores.masked_fill(~mask, -math.inf)
            return self.o(merge_heads(scores.softmax(dim=-1) @ v))


@replaces("GPT")
class learned_positions(_GPT):
    """There is a table of learned positions beside the embedding, as in GPT-2. This model turns queries and keys instead and has no
    weights for positions."""

    def __init__(self, vocab, dim, heads, layers, context):
        super().__init__(vocab, dim, heads, layers, context)
        self.positions = nn.Embedding(context, dim)
        nn.init.normal_(self.positions.weight, std=0.02)


@replaces("GPT")
class angles_are_saved(_GPT):
    """The tables of angles stand in the state_dict. They are computed, not learned; saved with the weights they would make checkpoints
    that no other model takes."""

    def __init__(self, vocab, dim, heads, layers, context):
        super().__init__(vocab, dim, heads, layers, context)
        self.register_buffer("cos", self.cos.clone())
        self.register_buffer("sin", self.sin.clone())


# ── GPT: norms, feed-forward layer, residual stream ──


class _Eps(RMSNorm):
    """A norm with another eps."""

    def __init__(self, dim):
        super().__init__(dim, 1e-8)


def _with_norms(model, kind):
    """The model with another kind of norm everywhere."""
    dim = model.dim
    model.norm = kind(dim)
    for block in model.blocks:
        block.attention_norm, block.feed_norm = kind(dim), kind(dim)


@replaces("GPT")
class another_eps(_GPT):
    """eps of the norms is not 1e-5: it was left at some other default, or out. It shows where activations are small."""

    def __init__(self, vocab, dim, heads, layers, context):
        super().__init__(vocab, dim, heads, layers, context)
        _with_norms(self, _Eps)


@replaces("GPT")
class layer_norms(_GPT):
    """The norms are layer norms, which subtract the mean and have a bias. Here they are RMS norms, with a weight only."""

    def __init__(self, vocab, dim, heads, layers, context):
        super().__init__(vocab, dim, heads, layers, context)
        _with_norms(self, LayerNorm)


@replaces("GPT")
class last_norm_missing(_GPT):
    """The vectors go from the last block to the logits as they are: the last norm is not used. In a pre-norm stack nothing else
    brings what has been added up to a common size."""

    def forward(self, ids, cache=None):
        norm = self._modules.pop("norm")
        try:
            self.norm = lambda x: x
            return super().forward(ids, cache)
        finally:
            del self.norm
            self.norm = norm


@replaces("GPT")
class norms_after_the_sums(_GPT):
    """The norms stand after the sums, on the stream itself, as in the first Transformer. Here they stand on the branches: what runs
    through the sums is not touched."""

    class block(_Block):
        def forward(self, x, cos, sin, mask=None, update=None):
            x = self.attention_norm(x + self._attend(x, cos, sin, mask, update))
            return self.feed_norm(x + self._feed(x))


@replaces("GPT")
class residual_missing(_GPT):
    """What a block makes replaces x instead of being added to it. Without the sums, nothing carries a token's own vector, or a
    gradient, through many layers."""

    class block(_Block):
        def forward(self, x, cos, sin, mask=None, update=None):
            x = self._attend(self.attention_norm(x), cos, sin, mask, update)
            return self._feed(self.feed_norm(x))


@replaces("GPT")
class both_halves_in_parallel(_GPT):
    """Attention and feed-forward layer both read the same x, and both results are added to it. Some models do that (PaLM); here the
    feed-forward layer reads what attention has added to."""

    class block(_Block):
        def forward(self, x, cos, sin, mask=None, update=None):
            return x + self._attend(self.attention_norm(x), cos, sin, mask, update) + self._feed(self.feed_norm(x))


@replaces("GPT")
class one_norm_for_both_halves(_GPT):
    """attention_norm is used before both halves of a block; feed_norm is there but never used."""

    class block(_Block):
        def forward(self, x, cos, sin, mask=None, update=None):
            x = x + self._attend(self.attention_norm(x), cos, sin, mask, update)
            return x + self._feed(self.attention_norm(x))


@replaces("GPT")
class gate_and_up_exchanged(_GPT):
    """silu is applied to W_up z and not to W_gate z. A model trained from scratch would not mind; weights that come from elsewhere
    would be read the wrong way round."""

    class block(_Block):
        def _feed(self, z):
            return self.down(functional.silu(self.up(z)) * self.gate(z))


@replaces("GPT")
class gelu_for_silu(_GPT):
    """The gate goes through GELU. That is GEGLU; SwiGLU uses silu, the input times its sigmoid."""

    class block(_Block):
        def _feed(self, z):
            return self.down(functional.gelu(self.gate(z)) * self.up(z))


@replaces("GPT")
class four_times_as_wide(_GPT):
    """The feed-forward layers are 4 * dim wide. That was for two matrices; SwiGLU has three, and with 8 / 3 of dim (rounded up to a
    multiple of 8) they weigh the same."""

    hidden = staticmethod(lambda dim: 4 * dim)


@replaces("GPT")
class width_not_rounded(_GPT):
    """The feed-forward layers are 8 / 3 of dim wide, rounded to a whole number. It is rounded up to a multiple of 8, which suits the
    machine; see the docstring for the formula."""

    hidden = staticmethod(lambda dim: math.ceil(8 * dim / 3))


@replaces("GPT")
class one_block_for_all_layers(_GPT):
    """All layers are one and the same block, put into the list several times. They share their weights; build a new block for each
    layer."""

    def __init__(self, vocab, dim, heads, layers, context):
        super().__init__(vocab, dim, heads, layers, context)
        self.blocks = nn.ModuleList([self.blocks[0]] * layers)


@replaces("GPT")
class blocks_in_a_python_list(_GPT):
    """The blocks stand in a Python list, where PyTorch does not find them: they are not in parameters() and not in the state_dict, are
    not trained and not saved."""

    def __init__(self, vocab, dim, heads, layers, context):
        super().__init__(vocab, dim, heads, layers, context)
        blocks = list(self.blocks)
        del self.blocks
        self.blocks = blocks


@replaces("GPT")
class biases_everywhere(_GPT):
    """The matrices have biases. nn.Linear makes one unless it is told not to; here there is none."""

    def __init__(self, vocab, dim, heads, layers, context):
        super().__init__(vocab, dim, heads, layers, context)
        for block in self.blocks:
            for name in ("q", "k", "v", "o", "gate", "up", "down"):
                rows, columns = getattr(block, name).weight.shape
                setattr(block, name, nn.Linear(columns, rows))


# ── GPT: from the last vector to the logits ──


@replaces("GPT")
class head_of_its_own(_GPT):
    """The logits come from a matrix of their own. Here the embedding is used a second time: a token's row says both what it means as
    input and how well it fits as the next one."""

    def __init__(self, vocab, dim, heads, layers, context):
        super().__init__(vocab, dim, heads, layers, context)
        self.head = Linear(dim, vocab, bias=False)
        nn.init.normal_(self.head.weight, std=0.02)


@replaces("GPT")
class probabilities_returned(_GPT):
    """The rows of the result sum to 1: a softmax has been applied. Logits are wanted; the loss, temperature and filters each take their
    own softmax of them."""

    def forward(self, ids, cache=None):
        return super().forward(ids, cache).softmax(dim=-1)


@replaces("GPT")
class log_probabilities_returned(_GPT):
    """The result holds logarithms of probabilities: log_softmax has been applied. The loss would do it again, and the plain logits are
    asked for."""

    def forward(self, ids, cache=None):
        return super().forward(ids, cache).log_softmax(dim=-1)


@replaces("GPT")
class last_position_only(_GPT):
    """Only the logits of the last position come back. Generating needs no others, but training asks at every position, n questions for
    the price of one pass."""

    def forward(self, ids, cache=None):
        return super().forward(ids, cache)[:, -1]


@replaces("GPT")
class embedding_scaled_up(_GPT):
    """The embedding is multiplied by the root of dim before the first block. The first Transformer did that, because fixed positions
    were added to it; here nothing is added."""

    def forward(self, ids, cache=None):
        rows = self.embedding.forward
        self.embedding.forward = lambda one: rows(one) * math.sqrt(self.dim)
        try:
            return super().forward(ids, cache)
        finally:
            del self.embedding.forward


# ── GPT: how it begins ──


@replaces("GPT")
class begins_as_pytorch_does(_GPT):
    """The weights begin as PyTorch's layers make them: embeddings with a deviation of 1, matrices uniform. The first logits are then
    far too large, and the first loss is far above the logarithm of the vocabulary."""

    def _begin(self):
        for name, one in self.named_parameters():
            if one.dim() == 2 and name == "embedding.weight":
                nn.init.normal_(one)
            elif one.dim() == 2:
                nn.init.kaiming_uniform_(one, a=math.sqrt(5))


@replaces("GPT")
class all_begin_alike(_GPT):
    """o and down begin with a deviation of 0.02 like the rest. They write into the stream of x, 2 * layers times, and the more often
    one adds, the larger the sum grows; that is what the divisor is for."""

    def _begin(self):
        for one in self.parameters():
            if one.dim() == 2:
                nn.init.normal_(one, std=0.02)


@replaces("GPT")
class divided_by_the_root_of_layers(_GPT):
    """What writes into the stream is divided by the root of the number of layers. Each layer writes twice, once from attention and once
    from the feed-forward layer."""

    def _begin(self):
        for name, one in self.named_parameters():
            if one.dim() == 2:
                writes = name.endswith(("o.weight", "down.weight"))
                nn.init.normal_(one, std=0.02 / math.sqrt(self.layers) if writes else 0.02)


@replaces("GPT")
class always_the_same_beginning(_GPT):
    """Every new model begins with the same weights: a seed is set inside. Whoever wants a particular beginning sets the seed outside;
    inside it cannot be changed any more, and it disturbs everybody else's chance."""

    def _begin(self):
        torch.manual_seed(0)
        super()._begin()


# ── GPT: the context and the cache ──


@replaces("GPT")
class context_not_checked(_GPT):
    """A text that is longer than the context is not refused with a ValueError. Either an error comes from deep inside, about shapes, or the
    model goes on where it has never been trained."""

    def forward(self, ids, cache=None):
        context, self.context = self.context, 10**9
        cos, sin = self.cos, self.sin
        self.cos, self.sin = (one.to(cos.dtype) for one in rope_frequencies(self.dim // self.heads, context + 64))
        try:
            return super().forward(ids, cache)
        finally:
            self.context, self.cos, self.sin = context, cos, sin


@replaces("GPT")
class full_context_refused(_GPT):
    """A text that is exactly as long as the context is refused. It fits; only a longer one does not."""

    def forward(self, ids, cache=None):
        if ids.shape[1] + (0 if cache is None else cache.length) >= self.context:
            raise ValueError("too long")
        return super().forward(ids, cache)


@replaces("GPT")
class held_tokens_not_counted(_GPT):
    """Only the new tokens are held against the context; those that the cache holds are forgotten. Together they are the text."""

    def forward(self, ids, cache=None):
        context = self.context
        if ids.shape[1] > context:
            raise ValueError("too long")
        self.context = 10**9
        cos, sin = self.cos, self.sin
        self.cos, self.sin = (one.to(cos.dtype) for one in rope_frequencies(self.dim // self.heads, context + 64))
        try:
            return super().forward(ids, cache)
        finally:
            self.context, self.cos, self.sin = context, cos, sin


@replaces("GPT")
class positions_start_again(_GPT):
    """With a cache, the new tokens are numbered from 0 again. They stand after what the cache holds: the first of them has position
    cache.length."""

    def forward(self, ids, cache=None):
        if cache is None:
            return super().forward(ids)
        begin, n = cache.length, ids.shape[1]
        if begin + n > self.context:
            raise ValueError("too long")
        x = self.embedding(ids)
        for layer, block in enumerate(self.blocks):
            update = lambda k, v, layer=layer: cache.update(layer, k, v)  # noqa: E731
            x = block(x, self.cos[:n], self.sin[:n], self._window(begin, begin + n, ids.device), update)
        return self.norm(x) @ self.embedding.weight.T


@replaces("GPT")
class cache_ignored(_GPT):
    """A cache that is handed in makes no difference: the new tokens know nothing of those before them, and the cache stays empty."""

    def forward(self, ids, cache=None):
        return super().forward(ids)


@replaces("GPT")
class new_tokens_see_each_other(_GPT):
    """With a cache, the mask is left out. For one new token that is right, it sees everything; of several new tokens, the earlier
    ones then see the later ones."""

    def __init__(self, vocab, dim, heads, layers, context):
        super().__init__(vocab, dim, heads, layers, context)
        window = self._window
        self._window = lambda begin, end, device: None if begin else window(begin, end, device)


@replaces("GPT")
class mask_of_the_new_tokens_only(_GPT):
    """With a cache, the mask is a square for the new tokens alone, and does not fit the keys, which are those of all tokens so far. It
    needs a row for each new token and a column for each position."""

    def __init__(self, vocab, dim, heads, layers, context):
        super().__init__(vocab, dim, heads, layers, context)
        window = self._window
        self._window = lambda begin, end, device: window(0, end - begin, device)


@replaces("GPT")
class old_tokens_not_seen(_GPT):
    """With a cache, the new tokens attend only to each other: what update returns, the keys and values of all positions, is not
    used."""

    class block(_Block):
        def _attend(self, x, cos, sin, mask, update):
            if update is None:
                return super()._attend(x, cos, sin, mask, None)
            kept = []
            super()._attend(x, cos, sin, mask, lambda k, v: kept.extend((k, v)) or update(k, v))
            n = x.shape[-2]
            return super()._attend(x, cos, sin, torch.ones(n, n, dtype=torch.bool).tril(), None)


@replaces("GPT")
class all_layers_in_one_place(_GPT):
    """Every block hands its keys and values to the cache as layer 0. Each has its own; mixed up, a block attends to what other blocks
    have made."""

    def forward(self, ids, cache=None):
        if cache is None:
            return super().forward(ids)
        begin, end = cache.length, cache.length + ids.shape[1]
        if end > self.context:
            raise ValueError("too long")
        x = self.embedding(ids)
        for block in self.blocks:
            size = len(x[0])
            held = lambda k, v: tuple(one[:, :, -(begin + size) :] for one in cache.update(0, k, v))  # noqa: B023, E731
            x = block(x, self.cos[begin:end], self.sin[begin:end], self._window(begin, end, ids.device), held)
        return self.norm(x) @ self.embedding.weight.T


@replaces("GPT")
class one_cache_for_everybody(_GPT):
    """new_cache hands out the same cache each time, so that two texts mix. Each call makes a new one."""

    def new_cache(self, batch, length):
        if not hasattr(self, "_own"):
            self._own = super().new_cache(64, self.context)
            update, view = self._own.update, slice(0, batch)
            self._own.update = lambda layer, k, v: tuple(
                one[: len(k)]
                for one in update(layer, *(torch.cat([x, x.new_zeros(64 - len(x), *x.shape[1:])]) for x in (k, v)))
            )
            assert view
        return self._own
