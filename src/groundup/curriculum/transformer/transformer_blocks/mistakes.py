"""Wrong implementations that learners write. The name is the misconception, the docstring the hint.

Each is the right block, cut into pieces, with one piece replaced.
"""

import math

import torch
from torch import nn
from torch.nn import functional

from groundup.authoring import replaces
from groundup.stack.transformer import (
    DecoderLayer,
    DecoderOnlyBlock,
    EncoderLayer,
    apply_rope,
    attention_by_formula,
    merge_heads,
    repeat_kv,
    split_heads,
)


class _Half:
    """Pieces that the encoder and the decoder layer share."""

    def norm(self, x, which):
        return which(x)

    def drop(self, x):
        return self.dropout(x)

    def weigh(self, q, k, v, mask):
        return attention_by_formula(q, k, v, mask)

    def look(self, four, x, source, mask):
        q, k, v = (split_heads(y, four.heads) for y in (four.q(x), four.k(source), four.v(source)))
        return four.o(merge_heads(self.weigh(q, k, v, mask)))

    def bend(self, hidden):
        return torch.relu(hidden)

    def feed(self, x):
        return self.w_out(self.bend(self.w_in(x)))

    def join(self, x, branch, norm):
        return self.norm(x + self.drop(branch(x)), norm)


class _Encoder(_Half, EncoderLayer):
    def forward(self, x, mask=None):
        x = self.join(x, lambda y: self.look(self.attention, y, y, mask), self.attention_norm)
        return self.join(x, self.feed, self.feed_norm)


class _Decoder(_Half, DecoderLayer):
    def across(self, x, memory, mask):
        return self.look(self.cross, x, memory, mask)

    def forward(self, x, memory, mask=None, memory_mask=None):
        x = self.join(x, lambda y: self.look(self.attention, y, y, mask), self.attention_norm)
        x = self.join(x, lambda y: self.across(y, memory, memory_mask), self.cross_norm)
        return self.join(x, self.feed, self.feed_norm)


class _Block(DecoderOnlyBlock):
    def turn(self, x, cos, sin):
        return apply_rope(x, cos, sin)

    def repeat(self, x):
        return repeat_kv(x, self.heads // self.kv_heads)

    def weigh(self, q, k, v, mask):
        return attention_by_formula(q, k, v, mask)

    def ask(self, update, k, v):
        return (k, v) if update is None else update(k, v)

    def cut(self, x):
        parts = ((self.q, self.heads), (self.k, self.kv_heads), (self.v, self.kv_heads))
        return [split_heads(matrix(x), heads) for matrix, heads in parts]

    def look(self, x, cos, sin, mask, update):
        q, k, v = self.cut(x)
        q, k = self.turn(q, cos, sin), self.turn(k, cos, sin)
        k, v = self.ask(update, k, v)
        return self.o(merge_heads(self.weigh(q, self.repeat(k), self.repeat(v), mask)))

    def gated(self, gate, up):
        return functional.silu(gate) * up

    def feed(self, x):
        return self.down(self.gated(self.gate(x), self.up(x)))

    def norm(self, x, which):
        return which(x)

    def forward(self, x, cos, sin, mask=None, update=None):
        x = x + self.look(self.norm(x, self.attention_norm), cos, sin, mask, update)
        return x + self.feed(self.norm(x, self.feed_norm))


def _infinite(q, k, v, mask):
    """Attention with minus infinity where the mask blocks, and nothing done about rows of nothing else."""
    scores = q @ k.mT / math.sqrt(q.shape[-1])
    return (scores if mask is None else scores.masked_fill(~mask, -math.inf)).softmax(-1).to(v.dtype) @ v


def _future_hidden(q, k):
    return torch.ones(q.shape[-2], k.shape[-2], dtype=torch.bool).tril(k.shape[-2] - q.shape[-2])


def _unscaled(q, k, v, mask):
    """Attention whose scores are divided by the root of dim, given as heads times head_dim."""
    return attention_by_formula(q * math.sqrt(q.shape[-1] / (q.shape[-1] * q.shape[-3])), k, v, mask)


# ── EncoderLayer ──


@replaces("EncoderLayer")
class encoder_with_pre_norm(_Encoder):
    """The norms stand in front of the sublayers: pre-norm. In this layer, as in the first Transformer, the sublayer gets x as it
    is, and the sum is normalized."""

    def join(self, x, branch, norm):
        return x + self.drop(branch(norm(x)))


@replaces("EncoderLayer")
class encoder_without_residuals(_Encoder):
    """What the sublayers make is normalized, but x is not added to it: both residual connections are missing."""

    def join(self, x, branch, norm):
        return norm(self.drop(branch(x)))


@replaces("EncoderLayer")
class encoder_norms_the_branch(_Encoder):
    """What a sublayer makes is normalized and then added to x. The sum is to be normalized."""

    def join(self, x, branch, norm):
        return x + norm(self.drop(branch(x)))


@replaces("EncoderLayer")
class encoder_without_norms(_Encoder):
    """The sums are not normalized: both norms are there, and neither is called."""

    def norm(self, x, which):
        return x


@replaces("EncoderLayer")
class encoder_without_the_last_norm(_Encoder):
    """The second sum is returned as it is. Each of the two sums is normalized, the last as well."""

    def norm(self, x, which):
        return x if which is self.feed_norm else which(x)


@replaces("EncoderLayer")
class encoder_with_one_norm_for_both(_Encoder):
    """The first norm is used a second time, after the feed-forward layer. That place has a norm of its own, feed_norm, with
    weights of its own."""

    def norm(self, x, which):
        return self.attention_norm(x)


@replaces("EncoderLayer")
class encoder_norms_exchanged(_Encoder):
    """The two norms have changed places: attention_norm follows the attention, feed_norm the feed-forward layer."""

    def norm(self, x, which):
        return (self.attention_norm if which is self.feed_norm else self.feed_norm)(x)


@replaces("EncoderLayer")
class encoder_adds_what_came_in(_Encoder):
    """The second residual adds the x that came into the layer. It starts where the first half ended: what attention brought
    would otherwise reach the result only through the feed-forward layer."""

    def forward(self, x, mask=None):
        y = self.join(x, lambda z: self.look(self.attention, z, z, mask), self.attention_norm)
        return self.feed_norm(x + self.drop(self.feed(y)))


@replaces("EncoderLayer")
class encoder_in_parallel(_Encoder):
    """Attention and feed-forward layer both read the x that came in, and one norm follows the sum of all. Some later models work
    like that; here they follow each other, with a norm after each."""

    def forward(self, x, mask=None):
        both = self.look(self.attention, x, x, mask) + self.feed(x)
        return self.feed_norm(x + self.drop(both))


@replaces("EncoderLayer")
class encoder_feeds_first(_Encoder):
    """The feed-forward layer comes before the attention. Attention comes first: the feed-forward layer then works on what it
    has brought."""

    def forward(self, x, mask=None):
        x = self.join(x, self.feed, self.feed_norm)
        return self.join(x, lambda y: self.look(self.attention, y, y, mask), self.attention_norm)


@replaces("EncoderLayer")
class encoder_ignores_the_mask(_Encoder):
    """The mask makes no difference: it was not handed on to the attention."""

    def weigh(self, q, k, v, mask):
        return attention_by_formula(q, k, v)


@replaces("EncoderLayer")
class encoder_inverts_the_mask(_Encoder):
    """The mask is read the wrong way round, as nn.MultiheadAttention reads it. Here True means: may attend."""

    def weigh(self, q, k, v, mask):
        return attention_by_formula(q, k, v, None if mask is None else ~mask)


@replaces("EncoderLayer")
class encoder_always_causal(_Encoder):
    """The layer hides the future by itself. An encoder sees the whole text, unless the mask that is passed in says
    otherwise."""

    def weigh(self, q, k, v, mask):
        causal = _future_hidden(q, k)
        return attention_by_formula(q, k, v, causal if mask is None else mask & causal)


@replaces("EncoderLayer")
class encoder_nan_where_all_is_masked(_Encoder):
    """Where a position may attend to nothing, the softmax of minus infinities alone gives NaN. Attention gives zeros there; the
    rest of the layer goes on with them."""

    def weigh(self, q, k, v, mask):
        return _infinite(q, k, v, mask)


@replaces("EncoderLayer")
class encoder_with_one_head(_Encoder):
    """The vectors are not cut into heads: there is one attention over all of dim, whatever heads says."""

    def look(self, four, x, source, mask):
        mask = mask if mask is None or mask.dim() < 3 else mask[..., 0, :, :]
        return four.o(attention_by_formula(four.q(x), four.k(source), four.v(source), mask))


@replaces("EncoderLayer")
class encoder_scores_over_root_of_dim(_Encoder):
    """The scores are divided by the square root of dim. In a head the dot products are over head_dim numbers, and its root is
    what tames them."""

    def weigh(self, q, k, v, mask):
        return _unscaled(q, k, v, mask)


@replaces("EncoderLayer")
class encoder_without_output_matrix(_Encoder):
    """The heads' results are joined and returned. The matrix o, which mixes what the heads have found, is missing."""

    def look(self, four, x, source, mask):
        q, k, v = (split_heads(y, four.heads) for y in (four.q(x), four.k(source), four.v(source)))
        return merge_heads(self.weigh(q, k, v, mask))


@replaces("EncoderLayer")
class encoder_mixes_texts(_Encoder):
    """Attention runs over the first dimension of a batch, so that the texts attend to each other. That comes of modules that
    expect the positions first, as PyTorch's do unless told batch_first; here the positions are the last dimension but one."""

    def look(self, four, x, source, mask):
        if x.dim() < 3:
            return super().look(four, x, source, mask)
        mask = mask if mask is None or mask.shape[-1] == x.shape[0] else None
        y = x.transpose(0, -2)
        return super().look(four, y, y, mask).transpose(0, -2)


@replaces("EncoderLayer")
class encoder_joins_heads_wrongly(_Encoder):
    """The heads' results are reshaped without bringing the positions back in front of the heads: the numbers of different
    positions end up in one vector."""

    def look(self, four, x, source, mask):
        q, k, v = (split_heads(y, four.heads) for y in (four.q(x), four.k(source), four.v(source)))
        return four.o(self.weigh(q, k, v, mask).reshape(x.shape))


@replaces("EncoderLayer")
class encoder_feed_not_bent(_Encoder):
    """There is no ReLU between the two matrices of the feed-forward layer: they collapse into one."""

    def bend(self, hidden):
        return hidden


@replaces("EncoderLayer")
class encoder_feed_with_gelu(_Encoder):
    """The feed-forward layer bends with GELU, as BERT's does. This is the first Transformer's layer, with ReLU."""

    def bend(self, hidden):
        return functional.gelu(hidden)


@replaces("EncoderLayer")
class encoder_matrices_with_biases(_Encoder):
    """The matrices have biases, as nn.Linear makes them unless told otherwise: the state_dict has names that do not belong
    there."""

    def __init__(self, dim, heads, hidden, dropout=0.0):
        super().__init__(dim, heads, hidden, dropout)
        self.w_in, self.w_out = nn.Linear(dim, hidden), nn.Linear(hidden, dim)
        for name in "qkvo":
            setattr(self.attention, name, nn.Linear(dim, dim))


@replaces("EncoderLayer")
class encoder_norm_with_smaller_eps(_Encoder):
    """The norms use another eps than 1e-5 (BERT's is 1e-12). Small vectors show the difference."""

    def norm(self, x, which):
        return functional.layer_norm(x, x.shape[-1:], which.weight, which.bias, 1e-12)


@replaces("EncoderLayer")
class encoder_takes_any_heads(_Encoder):
    """A number of heads that does not divide dim is accepted when the layer is made. It should be refused there, with a
    ValueError: the error would otherwise come up later, or never, far from its cause."""

    def __init__(self, dim, heads, hidden, dropout=0.0):
        super().__init__(dim, heads if dim % heads == 0 else 1, hidden, dropout)


@replaces("EncoderLayer")
class encoder_drops_in_use_too(_Encoder):
    """Dropout acts in eval mode as well: functional.dropout does so unless it is told whether the module is in training."""

    def drop(self, x):
        return functional.dropout(x, self.dropout.p)


@replaces("EncoderLayer")
class encoder_never_drops(_Encoder):
    """Dropout has no effect in training: it was taken as an argument and not used."""

    def drop(self, x):
        return x


@replaces("EncoderLayer")
class encoder_drops_one_branch(_Encoder):
    """Dropout acts on one of the two branches only. It belongs on what the attention returns and on what the feed-forward layer
    returns."""

    def forward(self, x, mask=None):
        x = self.join(x, lambda y: self.look(self.attention, y, y, mask), self.attention_norm)
        return self.feed_norm(x + self.feed(x))


@replaces("EncoderLayer")
class encoder_drops_the_sum(_Encoder):
    """Dropout acts on the sum, and so on x itself. It belongs on the branch alone: the way past the sublayer stays free."""

    def join(self, x, branch, norm):
        return self.norm(self.drop(x + branch(x)), norm)


@replaces("EncoderLayer")
class encoder_drops_the_same_each_time(_Encoder):
    """What is dropped is the same in each call, because the random numbers are started anew. Each call in training draws for
    itself."""

    def drop(self, x):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            return self.dropout(x)


@replaces("EncoderLayer")
class encoder_drops_inside_the_feed_forward_layer(_Encoder):
    """Dropout acts between the two matrices of the feed-forward layer, too. Many models have it there; here it acts only on
    what a sublayer returns."""

    def bend(self, hidden):
        return self.dropout(torch.relu(hidden))


@replaces("EncoderLayer")
class encoder_keeps_a_share_of_p(_Encoder):
    """The probability is taken for that of keeping an entry. It is that of dropping it."""

    def drop(self, x):
        return functional.dropout(x, 1.0 - self.dropout.p, self.training)


# ── DecoderLayer ──


@replaces("DecoderLayer")
class decoder_with_pre_norm(_Decoder):
    """The norms stand in front of the sublayers: pre-norm. In this layer the sublayers get x as it is, and the sums are
    normalized."""

    def join(self, x, branch, norm):
        return x + self.drop(branch(norm(x)))


@replaces("DecoderLayer")
class decoder_looks_at_itself_twice(_Decoder):
    """The second attention takes keys and values from x, too: the memory plays no part. They come from the memory."""

    def across(self, x, memory, mask):
        return self.look(self.cross, x, x, None if mask is not None and mask.shape[-1] != x.shape[-2] else mask)


@replaces("DecoderLayer")
class decoder_masks_memory_like_the_text(_Decoder):
    """Without a mask of its own, the memory gets the mask of the text, where both are of the same length. Each mask belongs to
    one attention: None lets everything through."""

    def forward(self, x, memory, mask=None, memory_mask=None):
        if memory_mask is None and x.shape[-2] == memory.shape[-2]:
            memory_mask = mask
        return super().forward(x, memory, mask, memory_mask)


@replaces("DecoderLayer")
class memory_asks(_Decoder):
    """In the second attention the queries come from the memory, keys and values from x. Then there is one result for each
    position of the memory, which cannot be added to x. The text asks, the memory answers."""

    def across(self, x, memory, mask):
        return self.look(self.cross, memory, x, None if mask is None else mask.mT)


@replaces("DecoderLayer")
class decoder_asks_memory_first(_Decoder):
    """The attention to the memory comes before the self-attention. The text is first to be read, then the memory is asked."""

    def forward(self, x, memory, mask=None, memory_mask=None):
        x = self.join(x, lambda y: self.across(y, memory, memory_mask), self.cross_norm)
        x = self.join(x, lambda y: self.look(self.attention, y, y, mask), self.attention_norm)
        return self.join(x, self.feed, self.feed_norm)


@replaces("DecoderLayer")
class decoder_never_looks_across(_Decoder):
    """The middle part is missing: no attention to the memory, so the text is continued without regard to it."""

    def forward(self, x, memory, mask=None, memory_mask=None):
        x = self.join(x, lambda y: self.look(self.attention, y, y, mask), self.attention_norm)
        return self.join(x, self.feed, self.feed_norm)


@replaces("DecoderLayer")
class decoder_uses_one_attention_twice(_Decoder):
    """The matrices of the self-attention are used for the memory as well. That attention has four matrices of its own, cross."""

    def across(self, x, memory, mask):
        return self.look(self.attention, x, memory, mask)


@replaces("DecoderLayer")
class decoder_normalizes_the_memory(_Decoder):
    """The memory was normalized before it was attended to. It is used as it is: the encoder's last step was a norm already."""

    def across(self, x, memory, mask):
        return self.look(self.cross, x, self.cross_norm(memory), mask)


@replaces("DecoderLayer")
class decoder_cuts_off_the_memory(_Decoder):
    """The values are right, but no gradient reaches the memory (detach or no_grad): the encoder would never learn."""

    def across(self, x, memory, mask):
        return self.look(self.cross, x, memory.detach(), mask)


@replaces("DecoderLayer")
class decoder_without_residual_across(_Decoder):
    """What the attention to the memory returns takes the place of x. It is to be added to x, as after the other two."""

    def forward(self, x, memory, mask=None, memory_mask=None):
        x = self.join(x, lambda y: self.look(self.attention, y, y, mask), self.attention_norm)
        x = self.cross_norm(self.drop(self.across(x, memory, memory_mask)))
        return self.join(x, self.feed, self.feed_norm)


@replaces("DecoderLayer")
class decoder_without_norm_across(_Decoder):
    """The sum after the attention to the memory is not normalized: cross_norm is not called."""

    def norm(self, x, which):
        return x if which is self.cross_norm else which(x)


@replaces("DecoderLayer")
class decoder_norms_exchanged(_Decoder):
    """The norms after the two attentions have changed places: attention_norm follows the self-attention, cross_norm the attention
    to the memory."""

    def norm(self, x, which):
        if which is self.feed_norm:
            return which(x)
        return (self.attention_norm if which is self.cross_norm else self.cross_norm)(x)


@replaces("DecoderLayer")
class decoder_in_one_attention(_Decoder):
    """Text and memory were laid end to end, and one attention looks at both. Here there are two attentions, one after the other,
    with a softmax each."""

    def across(self, x, memory, mask):
        source = torch.cat([memory, x], dim=-2)
        if mask is not None:
            mask = functional.pad(mask, (0, x.shape[-2]), value=True)
        return self.look(self.cross, x, source, mask)


@replaces("DecoderLayer")
class decoder_ignores_the_mask(_Decoder):
    """The mask of the text makes no difference: each position sees the words that are still to be written."""

    def forward(self, x, memory, mask=None, memory_mask=None):
        return super().forward(x, memory, None, memory_mask)


@replaces("DecoderLayer")
class decoder_ignores_the_memory_mask(_Decoder):
    """The mask of the memory makes no difference: the filling of short texts is attended to like words."""

    def forward(self, x, memory, mask=None, memory_mask=None):
        return super().forward(x, memory, mask, None)


@replaces("DecoderLayer")
class decoder_inverts_masks(_Decoder):
    """The masks are read the wrong way round, as nn.MultiheadAttention reads them. Here True means: may attend."""

    def weigh(self, q, k, v, mask):
        return attention_by_formula(q, k, v, None if mask is None else ~mask)


@replaces("DecoderLayer")
class decoder_masks_exchanged(_Decoder):
    """The two masks have changed places: mask is for the text's attention to itself, memory_mask for that to the memory."""

    def forward(self, x, memory, mask=None, memory_mask=None):
        return super().forward(x, memory, memory_mask, mask)


@replaces("DecoderLayer")
class decoder_hides_part_of_the_memory(_Decoder):
    """The causal mask is laid on the memory as well, so that the first word sees only the first word of the source. The source is
    complete before the first word is written: only memory_mask says what is hidden of it."""

    def across(self, x, memory, mask):
        causal = torch.ones(x.shape[-2], memory.shape[-2], dtype=torch.bool).tril()
        return self.look(self.cross, x, memory, causal if mask is None else mask & causal)


@replaces("DecoderLayer")
class decoder_always_causal(_Decoder):
    """The layer hides the future by itself. Whoever calls it passes the mask; without one, all is seen."""

    def weigh(self, q, k, v, mask):
        if q.shape[-2] != k.shape[-2]:
            return attention_by_formula(q, k, v, mask)
        causal = _future_hidden(q, k)
        return attention_by_formula(q, k, v, causal if mask is None else mask & causal)


@replaces("DecoderLayer")
class decoder_nan_where_all_is_masked(_Decoder):
    """Where all of the memory is masked, the softmax of minus infinities alone gives NaN. Attention gives zeros there."""

    def weigh(self, q, k, v, mask):
        return _infinite(q, k, v, mask)


@replaces("DecoderLayer")
class decoder_looks_across_with_one_head(_Decoder):
    """The attention to the memory is not cut into heads. It has as many heads as the self-attention."""

    def across(self, x, memory, mask):
        mask = mask if mask is None or mask.dim() < 3 else mask[..., 0, :, :]
        four = self.cross
        return four.o(attention_by_formula(four.q(x), four.k(memory), four.v(memory), mask))


@replaces("DecoderLayer")
class decoder_feed_not_bent(_Decoder):
    """There is no ReLU between the two matrices of the feed-forward layer."""

    def bend(self, hidden):
        return hidden


@replaces("DecoderLayer")
class decoder_takes_any_heads(_Decoder):
    """A number of heads that does not divide dim is accepted when the layer is made, and should be refused with a ValueError."""

    def __init__(self, dim, heads, hidden, dropout=0.0):
        super().__init__(dim, heads if dim % heads == 0 else 1, hidden, dropout)


@replaces("DecoderLayer")
class decoder_drops_in_use_too(_Decoder):
    """Dropout acts in eval mode, too. A module knows by self.training in which mode it is; nn.Dropout looks by itself."""

    def drop(self, x):
        return functional.dropout(x, self.dropout.p)


@replaces("DecoderLayer")
class decoder_never_drops(_Decoder):
    """Dropout has no effect in training."""

    def drop(self, x):
        return x


@replaces("DecoderLayer")
class decoder_does_not_drop_across(_Decoder):
    """What the attention to the memory returns is added without dropout. It acts on all three branches."""

    def forward(self, x, memory, mask=None, memory_mask=None):
        x = self.join(x, lambda y: self.look(self.attention, y, y, mask), self.attention_norm)
        x = self.cross_norm(x + self.across(x, memory, memory_mask))
        return self.join(x, self.feed, self.feed_norm)


# ── DecoderOnlyBlock ──


@replaces("DecoderOnlyBlock")
class block_with_post_norm(_Block):
    """The norms stand on the sums: post-norm. In this block a sublayer gets the normalized x, and nothing stands on the way of x
    itself."""

    def forward(self, x, cos, sin, mask=None, update=None):
        x = self.attention_norm(x + self.look(x, cos, sin, mask, update))
        return self.feed_norm(x + self.feed(x))


@replaces("DecoderOnlyBlock")
class block_without_residuals(_Block):
    """What the sublayers make is passed on alone: x is not added to it, neither the first nor the second time."""

    def forward(self, x, cos, sin, mask=None, update=None):
        x = self.look(self.attention_norm(x), cos, sin, mask, update)
        return self.feed(self.feed_norm(x))


@replaces("DecoderOnlyBlock")
class block_adds_the_normalized(_Block):
    """What is added to a sublayer's result is the normalized x. It is x as it came: the stream runs past the norms."""

    def forward(self, x, cos, sin, mask=None, update=None):
        x = self.attention_norm(x)
        x = self.feed_norm(x + self.look(x, cos, sin, mask, update))
        return x + self.feed(x)


@replaces("DecoderOnlyBlock")
class block_feeds_without_norm(_Block):
    """SwiGLU gets x as it is: the second norm is missing."""

    def forward(self, x, cos, sin, mask=None, update=None):
        x = x + self.look(self.attention_norm(x), cos, sin, mask, update)
        return x + self.feed(x)


@replaces("DecoderOnlyBlock")
class block_with_one_norm_for_both(_Block):
    """The first norm is used for both sublayers. The second has weights of its own, feed_norm."""

    def norm(self, x, which):
        return self.attention_norm(x)


@replaces("DecoderOnlyBlock")
class block_norms_exchanged(_Block):
    """The two norms have changed places: attention_norm stands before the attention, feed_norm before SwiGLU."""

    def norm(self, x, which):
        return (self.attention_norm if which is self.feed_norm else self.feed_norm)(x)


@replaces("DecoderOnlyBlock")
class block_normalizes_its_result(_Block):
    """The result of the block is normalized once more. In a pre-norm model there is one such norm behind the last block of all, and
    it belongs to the model."""

    def forward(self, x, cos, sin, mask=None, update=None):
        return self.feed_norm(super().forward(x, cos, sin, mask, update))


@replaces("DecoderOnlyBlock")
class block_with_layer_norm(_Block):
    """The mean is subtracted before the attention and before SwiGLU: layer norm. In this block it is RMS norm."""

    def norm(self, x, which):
        return functional.layer_norm(x, x.shape[-1:], which.weight, None, 1e-5)


@replaces("DecoderOnlyBlock")
class block_with_torchs_eps(_Block):
    """The norms use an eps of about 1e-7. That is what nn.RMSNorm takes unless it is given one; here it is 1e-5."""

    def norm(self, x, which):
        return functional.rms_norm(x, x.shape[-1:], which.weight)


@replaces("DecoderOnlyBlock")
class block_in_parallel(_Block):
    """Both sublayers read the x that came in, as in GPT-J and PaLM. Here SwiGLU reads what attention has added."""

    def forward(self, x, cos, sin, mask=None, update=None):
        seen = self.look(self.attention_norm(x), cos, sin, mask, update)
        return x + seen + self.feed(self.feed_norm(x))


@replaces("DecoderOnlyBlock")
class nothing_turned(_Block):
    """Queries and keys are not turned: cos and sin play no part, and the block does not know the order of the words."""

    def turn(self, x, cos, sin):
        return x


@replaces("DecoderOnlyBlock")
class values_turned(_Block):
    """The values are turned as well. Only queries and keys are: rotation shows in their dot products, and a value would arrive
    twisted by the place that it comes from."""

    def look(self, x, cos, sin, mask, update):
        q, k, v = self.cut(x)
        q, k, v = (apply_rope(one, cos, sin) for one in (q, k, v))
        k, v = self.ask(update, k, v)
        return self.o(merge_heads(self.weigh(q, self.repeat(k), self.repeat(v), mask)))


@replaces("DecoderOnlyBlock")
class keys_not_turned(_Block):
    """Only the queries are turned. Keys have positions too: a score depends on the distance of two positions because both are
    turned."""

    def look(self, x, cos, sin, mask, update):
        q, k, v = self.cut(x)
        k, v = self.ask(update, k, v)
        return self.o(merge_heads(self.weigh(apply_rope(q, cos, sin), self.repeat(k), self.repeat(v), mask)))


@replaces("DecoderOnlyBlock")
class turned_backwards(_Block):
    """Queries and keys are turned by the negative angles. Alone one may not notice, but keys in a cache, or weights that were
    trained elsewhere, are turned the other way."""

    def turn(self, x, cos, sin):
        return apply_rope(x, cos, -sin)


@replaces("DecoderOnlyBlock")
class turned_after_the_update(_Block):
    """The keys are turned after update has been called. What is kept in a cache must be turned already: cos and sin are those of
    the new positions, and do not fit the old keys."""

    def look(self, x, cos, sin, mask, update):
        q, k, v = self.cut(x)
        k, v = self.ask(update, k, v)
        k = apply_rope(k, cos, sin)
        return self.o(merge_heads(self.weigh(apply_rope(q, cos, sin), self.repeat(k), self.repeat(v), mask)))


@replaces("DecoderOnlyBlock")
class turned_before_the_heads(_Block):
    """The whole vectors are turned before they are cut into heads, with the angles laid side by side. The pairs that turn together
    are then not those of a head."""

    def look(self, x, cos, sin, mask, update):
        def wide(y, heads):
            return split_heads(apply_rope(y, cos.repeat(1, heads), sin.repeat(1, heads)), heads)

        q, k, v = wide(self.q(x), self.heads), wide(self.k(x), self.kv_heads), split_heads(self.v(x), self.kv_heads)
        k, v = self.ask(update, k, v)
        return self.o(merge_heads(self.weigh(q, self.repeat(k), self.repeat(v), mask)))


@replaces("DecoderOnlyBlock")
class tables_change_the_dtype(_Block):
    """In bfloat16 queries and keys become float32, because they were multiplied by tables in float32. The tables have to be brought
    to the dtype of x, as the given apply_rope does."""

    def turn(self, x, cos, sin):
        first, second = x.chunk(2, dim=-1)
        return x * cos + torch.cat((-second, first), dim=-1) * sin

    def weigh(self, q, k, v, mask):
        scores = q @ k.mT / math.sqrt(q.shape[-1])
        if mask is not None:
            scores = scores.masked_fill(~mask, torch.finfo(scores.dtype).min)
        weights = scores.softmax(-1)
        return (weights if mask is None else weights * mask) @ v


@replaces("DecoderOnlyBlock")
class repeated_before_the_update(_Block):
    """Keys and values are repeated for all heads before update gets them. The cache would be as large as without grouping, and saving
    that is what grouping is for: hand over kv_heads heads, and repeat what comes back."""

    def look(self, x, cos, sin, mask, update):
        q, k, v = self.cut(x)
        q, k = self.turn(q, cos, sin), self.turn(k, cos, sin)
        k, v = self.ask(update, self.repeat(k), self.repeat(v))
        return self.o(merge_heads(self.weigh(q, k, v, mask)))


@replaces("DecoderOnlyBlock")
class heads_of_keys_dealt_out_in_turn(_Block):
    """The heads of keys and values are repeated as a whole: head 0, head 1, head 0, head 1. A group of queries that stand side by side
    shares one: head 0, head 0, head 1, head 1."""

    def repeat(self, x):
        groups = self.heads // self.kv_heads
        return torch.cat([x] * groups, dim=-3)


@replaces("DecoderOnlyBlock")
class as_many_heads_of_keys(_Block):
    """kv_heads is not used: there are as many heads of keys and values as of queries, and their matrices are too large."""

    def __init__(self, dim, heads, kv_heads, hidden):
        if heads % kv_heads:
            raise ValueError("kv_heads must divide heads")
        super().__init__(dim, heads, heads, hidden)


@replaces("DecoderOnlyBlock")
class update_never_called(_Block):
    """update is not called. A model that writes with a cache would see only the last token."""

    def ask(self, update, k, v):
        return k, v


@replaces("DecoderOnlyBlock")
class updates_answer_ignored(_Block):
    """update is called, but attention goes on with the new keys and values. It returns the old ones as well: these are to be
    attended to."""

    def ask(self, update, k, v):
        if update is not None:
            update(k, v)
        return k, v


@replaces("DecoderOnlyBlock")
class updates_answer_exchanged(_Block):
    """What update returns is taken in the wrong order: keys come first, then values, as they are handed over."""

    def ask(self, update, k, v):
        if update is None:
            return k, v
        v, k = update(k, v)
        return k, v


@replaces("DecoderOnlyBlock")
class block_ignores_the_mask(_Block):
    """The mask makes no difference: each position sees the future."""

    def weigh(self, q, k, v, mask):
        return attention_by_formula(q, k, v)


@replaces("DecoderOnlyBlock")
class block_inverts_the_mask(_Block):
    """The mask is read the wrong way round: True means that a position may be attended to."""

    def weigh(self, q, k, v, mask):
        return attention_by_formula(q, k, v, None if mask is None else ~mask)


@replaces("DecoderOnlyBlock")
class block_always_causal(_Block):
    """The block hides the future by itself. The model passes a mask where one is needed; without one, all that update returns is
    seen."""

    def weigh(self, q, k, v, mask):
        causal = _future_hidden(q, k)
        return attention_by_formula(q, k, v, causal if mask is None else mask & causal)


@replaces("DecoderOnlyBlock")
class block_nan_where_all_is_masked(_Block):
    """Where a position may attend to nothing, as the filling of a batch, the softmax of minus infinities gives NaN, and a stack of
    blocks spreads it. Attention gives zeros there."""

    def weigh(self, q, k, v, mask):
        return _infinite(q, k, v, mask)


@replaces("DecoderOnlyBlock")
class block_scores_over_root_of_dim(_Block):
    """The scores are divided by the square root of dim. It is head_dim that counts: the dot products in a head are that long."""

    def weigh(self, q, k, v, mask):
        return _unscaled(q, k, v, mask)


@replaces("DecoderOnlyBlock")
class block_gate_and_up_exchanged(_Block):
    """SiLU is applied to what up makes. It belongs on the gate."""

    def gated(self, gate, up):
        return gate * functional.silu(up)


@replaces("DecoderOnlyBlock")
class block_gate_not_bent(_Block):
    """Gate and up are multiplied as they are: SiLU is missing on the gate."""

    def gated(self, gate, up):
        return gate * up


@replaces("DecoderOnlyBlock")
class block_gate_with_sigmoid(_Block):
    """The gate goes through the logistic function alone. SiLU also multiplies by the entry itself."""

    def gated(self, gate, up):
        return torch.sigmoid(gate) * up


@replaces("DecoderOnlyBlock")
class block_matrices_with_biases(_Block):
    """The matrices have biases, as nn.Linear makes them unless told otherwise. This block has none anywhere."""

    def __init__(self, dim, heads, kv_heads, hidden):
        super().__init__(dim, heads, kv_heads, hidden)
        for name in ("q", "k", "v", "o", "gate", "up", "down"):
            width_out, width_in = getattr(self, name).weight.shape
            setattr(self, name, nn.Linear(width_in, width_out))


@replaces("DecoderOnlyBlock")
class block_takes_any_heads(_Block):
    """Numbers of heads that do not divide dim, or heads of keys that do not divide the heads, are accepted when the block is made. A
    ValueError should say so there."""

    def __init__(self, dim, heads, kv_heads, hidden):
        fits = dim % heads == 0 and heads % kv_heads == 0
        super().__init__(dim, *((heads, kv_heads) if fits else (1, 1)), hidden)
