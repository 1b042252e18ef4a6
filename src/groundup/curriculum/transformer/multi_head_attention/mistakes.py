"""Wrong implementations that learners write. The name is the misconception, the docstring the hint."""

import math

import torch
from torch import nn

from groundup.authoring import replaces
from groundup.stack.transformer import MultiHeadAttention as Right
from groundup.stack.transformer import attention_by_formula, merge_heads, repeat_kv, split_heads


def _refuse(x, heads):
    if heads < 1 or x.shape[-1] % heads:
        raise ValueError(f"{heads} heads, dimension {x.shape[-1]}")


# ── split_heads ──


@replaces("split_heads")
def split_by_reshape_alone(x, heads):
    """The shape is right, but positions and heads are mixed up: a reshape straight to the final shape deals out the
    numbers in the order in which they lie in memory, and so the first head gets whole vectors of the first positions.
    Cut only the last dimension, then let dimensions change places."""
    _refuse(x, heads)
    return x.reshape(*x.shape[:-2], heads, x.shape[-2], x.shape[-1] // heads)


@replaces("split_heads")
def heads_left_behind_positions(x, heads):
    """The vectors are cut rightly, but the heads still stand behind the positions. Attention works on the last two
    dimensions: like this, the heads of one position would attend to each other."""
    _refuse(x, heads)
    return x.reshape(*x.shape[:-1], heads, x.shape[-1] // heads)


@replaces("split_heads")
def heads_dealt_out_like_cards(x, heads):
    """Head 0 has got every heads-th number of a vector: the numbers were dealt out in turn. A head gets numbers that
    stand side by side; the last dimension is to be cut into heads first, and numbers of a head second."""
    _refuse(x, heads)
    return x.reshape(*x.shape[:-1], x.shape[-1] // heads, heads).movedim(-1, -3)


@replaces("split_heads")
def heads_taken_for_their_size(x, heads):
    """The second argument is the number of heads. Here it was taken for the number of numbers in each head."""
    _refuse(x, heads)
    return x.reshape(*x.shape[:-1], x.shape[-1] // heads, heads).transpose(-3, -2)


@replaces("split_heads")
def split_with_dimensions_counted_from_the_front(x, heads):
    """Right for a batch of texts, but the dimensions that change places were counted from the front (1 and 2). With no
    batch dimension, or with two, these are others: count from the end."""
    _refuse(x, heads)
    return x.reshape(*x.shape[:-1], heads, x.shape[-1] // heads).transpose(1, 2)


@replaces("split_heads")
def split_of_three_dimensions_only(x, heads):
    """The shape of x was unpacked into three names: batch, positions, dim. There may be no batch dimension, or
    several."""
    _refuse(x, heads)
    batch, n, dim = x.shape
    return x.reshape(batch, n, heads, dim // heads).transpose(1, 2)


@replaces("split_heads")
def heads_before_the_batch(x, heads):
    """The heads have become the very first dimension, before the batch. They belong right before the positions."""
    _refuse(x, heads)
    return torch.stack(x.chunk(heads, dim=-1))


@replaces("split_heads")
def positions_behind_the_numbers(x, heads):
    """The last two dimensions have changed places: a row of a head must be one position. The queries keep that shape;
    only the keys are transposed, later, when the scores are computed."""
    _refuse(x, heads)
    return split_heads(x, heads).transpose(-2, -1)


@replaces("split_heads")
def positions_cut(x, heads):
    """The text was cut, not the vectors: each head has got some of the positions. Each head is to see all positions,
    and of each vector its own slice."""
    _refuse(x, heads)
    return x.repeat_interleave(heads, dim=-2).unflatten(-2, (heads, x.shape[-2]))[..., : x.shape[-1] // heads]


@replaces("split_heads")
def whole_vectors_for_every_head(x, heads):
    """Every head has got the whole vectors, all dim numbers. The vectors are to be cut, so that all heads together
    cost no more than one head that sees everything."""
    _refuse(x, heads)
    return x.unsqueeze(-3).repeat_interleave(heads, dim=-3)


@replaces("split_heads")
def split_without_a_refusal(x, heads):
    """A number of heads that does not fit is not refused with a ValueError. PyTorch's own error, where there is one,
    does not say what was wrong."""
    return x.reshape(*x.shape[:-1], heads, x.shape[-1] // heads).transpose(-3, -2)


@replaces("split_heads")
def rest_of_the_vector_dropped(x, heads):
    """Where heads does not divide dim, the numbers left over were dropped silently. That is to be refused with a
    ValueError."""
    if heads < 1:
        raise ValueError(f"{heads} heads")
    width = x.shape[-1] // heads
    return x[..., : heads * width].reshape(*x.shape[:-1], heads, width).transpose(-3, -2)


@replaces("split_heads")
def refused_by_an_assertion(x, heads):
    """What does not fit is noticed, but with assert, which raises an AssertionError and is switched off in optimized
    Python. Raise a ValueError."""
    assert heads > 0
    assert x.shape[-1] % heads == 0
    return split_heads(x, heads)


@replaces("split_heads")
def negative_heads_accepted(x, heads):
    """Zero heads are refused, or lead to an error, but a negative number is not: the remainder of a division by -2 can
    be 0, too."""
    if heads == 0 or x.shape[-1] % heads:
        raise ValueError(f"{heads} heads, dimension {x.shape[-1]}")
    return x.reshape(*x.shape[:-1], abs(heads), x.shape[-1] // abs(heads)).transpose(-3, -2)


@replaces("split_heads")
def split_detached(x, heads):
    """The numbers are right, but no gradient comes back through them: they were cut off from the graph (by detach,
    no_grad or NumPy)."""
    return split_heads(x, heads).detach()


@replaces("split_heads")
def split_in_float32(x, heads):
    """The result is float32 whatever came in. The dtype is to be kept."""
    return split_heads(x, heads).float()


# ── merge_heads ──


def _joined(x):
    return (*x.shape[:-3], x.shape[-2], x.shape[-3] * x.shape[-1])


@replaces("merge_heads")
def merged_by_reshape_alone(x):
    """The shape is right, but a vector now holds numbers of one head from several positions: the numbers were taken in
    the order in which they lie in memory. Bring the positions to the front of the heads first."""
    return x.reshape(_joined(x))


@replaces("merge_heads")
def merged_by_view(x):
    """The dimensions change places rightly, but then view raises an error: after that the numbers no longer lie in
    memory in the order in which they are read, and view never copies."""
    return x.transpose(-3, -2).view(_joined(x))


@replaces("merge_heads")
def merged_in_turn(x):
    """The numbers of the heads alternate in each vector: the first of every head, then the second of every head. Each
    head's numbers are to stay together."""
    return x.movedim(-3, -1).flatten(-2)


@replaces("merge_heads")
def heads_placed_one_below_the_other(x):
    """The heads were joined along the positions, as if the text had become longer. Each position is to get one longer
    vector."""
    return x.flatten(-3, -2)


@replaces("merge_heads")
def heads_averaged(x):
    """The heads were averaged. They are to stand side by side: an average would keep head_dim numbers out of dim, and
    mix what the heads kept apart."""
    return x.mean(dim=-3)


@replaces("merge_heads")
def heads_added_up(x):
    """The heads were added up. They are to stand side by side; adding is what the layer's last matrix does later, with
    weights of its own for each head."""
    return x.sum(dim=-3)


@replaces("merge_heads")
def merged_with_dimensions_counted_from_the_front(x):
    """Right for a batch of texts, but dimensions 1 and 2 change places. These are heads and positions only where
    exactly one batch dimension stands before them: count from the end."""
    return x.transpose(1, 2).flatten(-2)


@replaces("merge_heads")
def merge_of_four_dimensions_only(x):
    """The shape of x was unpacked into four names: batch, heads, positions, numbers. There may be no batch dimension,
    or several."""
    batch, heads, n, head_dim = x.shape
    return x.transpose(1, 2).reshape(batch, n, heads * head_dim)


@replaces("merge_heads")
def only_transposed(x):
    """The positions stand before the heads again, but the last two dimensions are still two: they are to be joined."""
    return x.transpose(-3, -2)


@replaces("merge_heads")
def merged_in_reverse(x):
    """The slices come together in the wrong order: the last head first. Head 0 holds the first numbers of a vector."""
    return merge_heads(x.flip(-3))


@replaces("merge_heads")
def merged_detached(x):
    """The numbers are right, but no gradient comes back to the heads: they were cut off from the graph."""
    return merge_heads(x).detach()


@replaces("merge_heads")
def merged_in_float32(x):
    """The merged vectors are float32 whatever came in. The dtype is to be kept."""
    return merge_heads(x).float()


# ── repeat_kv ──


@replaces("repeat_kv")
def repeated_as_a_block(x, groups):
    """All heads in a row, then all of them again: a b a b. Each head is to be repeated in place, a a b b. With both
    orders the shape is the same; but the weights of a trained model were made for one of them, and with the other each
    query head attends to keys that belong to somebody else."""
    return torch.cat([x] * groups, dim=-3)


@replaces("repeat_kv")
def positions_repeated(x, groups):
    """The positions were repeated, not the heads: the text has become longer."""
    return x.repeat_interleave(groups, dim=-2)


@replaces("repeat_kv")
def numbers_repeated(x, groups):
    """The numbers of each vector were repeated, not the heads. The heads are the third dimension from the end."""
    return x.repeat_interleave(groups, dim=-1)


@replaces("repeat_kv")
def repeated_along_dimension_one(x, groups):
    """Right for a batch of texts, but dimension 1 was repeated. With no batch dimension, or with two, the heads are
    elsewhere: count from the end."""
    return x.repeat_interleave(groups, dim=1)


@replaces("repeat_kv")
def repeated_along_the_first_dimension(x, groups):
    """The first dimension was repeated. That is the heads only where there is no batch; in a batch it is the texts."""
    return x.repeat_interleave(groups, dim=0)


@replaces("repeat_kv")
def groups_taken_for_the_final_number(x, groups):
    """The second argument says how many times each head is repeated. Here it was taken for the number of heads that
    there should be in the end."""
    return x.repeat_interleave(max(groups // x.shape[-3], 1), dim=-3)


@replaces("repeat_kv")
def once_too_often(x, groups):
    """There are as many copies as asked for *beside* the original. The original counts: with one group, nothing
    changes."""
    return repeat_kv(x, groups + 1)


@replaces("repeat_kv")
def groups_as_a_dimension_of_their_own(x, groups):
    """The copies stand in a new dimension behind the heads. It is still to be joined with that of the heads, so that
    keys and values have as many heads as the queries."""
    return x.unsqueeze(-3).expand(*x.shape[:-2], groups, *x.shape[-2:])


@replaces("repeat_kv")
def heads_scrambled_by_the_reshape(x, groups):
    """A new dimension was stretched, but behind the positions, and then joined with the heads by a reshape, which runs
    over both: the heads now hold rows of each other. The new dimension belongs right behind that of the heads."""
    wide = x.unsqueeze(-2).expand(*x.shape[:-1], groups, x.shape[-1])
    return wide.reshape(*x.shape[:-3], x.shape[-3] * groups, *x.shape[-2:])


@replaces("repeat_kv")
def only_one_head_repeated(x, groups):
    """Every head of the result is the first head of x. That is right where there is only one; where there are several,
    each serves its own group."""
    return x[..., :1, :, :].repeat_interleave(x.shape[-3] * groups, dim=-3)


@replaces("repeat_kv")
def copies_without_a_gradient(x, groups):
    """The numbers are right, but no gradient, or not that of all copies, reaches the head that was repeated. Each copy
    was used by another query head, and all of their gradients belong to it."""
    rest = repeat_kv(x.detach(), groups).unflatten(-3, (x.shape[-3], groups))
    return torch.cat([x.unsqueeze(-3), rest[..., 1:, :, :]], dim=-3).flatten(-4, -3)


@replaces("repeat_kv")
def repeated_in_float32(x, groups):
    """The repeated heads are float32 whatever came in. The dtype is to be kept."""
    return repeat_kv(x, groups).float()


# ── MultiHeadAttention ──


class _Layer(Right):
    """The right layer in steps, for mistakes that get one of them wrong."""

    def qkv(self, x):
        groups = self.heads // self.kv_heads
        q = split_heads(self.q(x), self.heads)
        return q, *(repeat_kv(split_heads(one(x), self.kv_heads), groups) for one in (self.k, self.v))

    def attend(self, q, k, v, mask):
        return attention_by_formula(q, k, v, mask)

    def forward(self, x, mask=None):
        return self.o(merge_heads(self.attend(*self.qkv(x), mask)))


@replaces("MultiHeadAttention")
class ScaledByDim(_Layer):
    """The scores were divided by the square root of dim. Each score is a sum over the numbers of one head, head_dim of
    them, so it is the square root of head_dim that brings it to its right size; with dim all keys come out too
    equal."""

    def attend(self, q, k, v, mask):
        return attention_by_formula(q / math.sqrt(self.heads), k, v, mask)


@replaces("MultiHeadAttention")
class NotScaled(_Layer):
    """The scores were not divided by the square root of head_dim."""

    def attend(self, q, k, v, mask):
        return attention_by_formula(q * math.sqrt(q.shape[-1]), k, v, mask)


@replaces("MultiHeadAttention")
class ScaledTwice(_Layer):
    """The scores were divided by the square root of head_dim twice: the attention function does it already."""

    def attend(self, q, k, v, mask):
        return attention_by_formula(q / math.sqrt(q.shape[-1]), k, v, mask)


@replaces("MultiHeadAttention")
class ScaledByTheNumberOfHeads(_Layer):
    """The scores were divided by the square root of the number of heads. What makes them large is how many numbers are
    summed in each: head_dim."""

    def attend(self, q, k, v, mask):
        return attention_by_formula(q * math.sqrt(q.shape[-1] / self.heads), k, v, mask)


@replaces("MultiHeadAttention")
class OneHeadForEverything(_Layer):
    """The vectors were not cut into heads: there is one attention over all dim numbers, so that each position has one
    set of weights where it should have one for each head."""

    def forward(self, x, mask=None):
        groups = self.heads // self.kv_heads
        k, v = (merge_heads(repeat_kv(split_heads(one(x), self.kv_heads), groups)) for one in (self.k, self.v))
        if mask is not None and mask.dim() > 2:
            mask = mask[..., 0, :, :]
        return self.o(attention_by_formula(self.q(x), k, v, mask))


@replaces("MultiHeadAttention")
class CutByReshapeAlone(_Layer):
    """The heads were cut with a reshape straight to (heads, n, head_dim), which mixes positions and heads. For the
    result the shape looks right all the way."""

    def qkv(self, x):
        def cut(y, heads):
            return y.reshape(*y.shape[:-2], heads, y.shape[-2], y.shape[-1] // heads)

        groups = self.heads // self.kv_heads
        k, v = (repeat_kv(cut(one(x), self.kv_heads), groups) for one in (self.k, self.v))
        return cut(self.q(x), self.heads), k, v


@replaces("MultiHeadAttention")
class HeadsAttendToEachOther(_Layer):
    """The heads stand behind the positions when attention is computed, so that within each position the heads attend
    to each other, and no position learns anything of another one."""

    def forward(self, x, mask=None):
        q, k, v = (one.transpose(-3, -2) for one in self.qkv(x))
        return self.o(attention_by_formula(q, k, v).flatten(-2))


@replaces("MultiHeadAttention")
class PutTogetherByReshapeAlone(_Layer):
    """The heads were put together with a reshape alone. The positions have to come before the heads first, or else each
    vector gets numbers of several positions."""

    def forward(self, x, mask=None):
        return self.o(self.attend(*self.qkv(x), mask).reshape(x.shape))


@replaces("MultiHeadAttention")
class LastProjectionForgotten(_Layer):
    """The heads' results come out side by side, without the last matrix, o. It is what lets the heads' results be
    mixed; without it head 0 could write into the first numbers of a vector only."""

    def forward(self, x, mask=None):
        return merge_heads(self.attend(*self.qkv(x), mask)) + 0.0 * self.o(x)


@replaces("MultiHeadAttention")
class WeightsNotTransposed(_Layer):
    """The weights were used as x @ weight. A linear layer keeps its weight as (out, in) and multiplies by the
    transpose, which matters as soon as a matrix is not symmetric."""

    def forward(self, x, mask=None):
        groups = self.heads // self.kv_heads
        q = split_heads(x @ self.q.weight, self.heads)
        k, v = (
            repeat_kv(split_heads(x @ one.weight, self.kv_heads), groups)
            if self.kv_heads == self.heads
            else repeat_kv(split_heads(one(x), self.kv_heads), groups)
            for one in (self.k, self.v)
        )
        return merge_heads(self.attend(q, k, v, mask)) @ self.o.weight


@replaces("MultiHeadAttention")
class QueriesInTurn(_Layer):
    """Right with as many heads of keys as of queries, and with one, but in between the keys were repeated as a block:
    a b a b. Query heads that stand side by side share their keys: a a b b."""

    def qkv(self, x):
        groups = self.heads // self.kv_heads
        k, v = (torch.cat([split_heads(one(x), self.kv_heads)] * groups, dim=-3) for one in (self.k, self.v))
        return split_heads(self.q(x), self.heads), k, v


@replaces("MultiHeadAttention")
class KeysRepeatedAndValuesNot(_Layer):
    """The keys were repeated in place, the values as a block (or the other way round). Both must take the same path: a
    weight belongs to the value that stands where its key stood."""

    def qkv(self, x):
        q, k, _ = super().qkv(x)
        return q, k, torch.cat([split_heads(self.v(x), self.kv_heads)] * (self.heads // self.kv_heads), dim=-3)


@replaces("MultiHeadAttention")
class KeyHeadsIgnored(_Layer):
    """kv_heads makes no difference: keys and values have as many heads as the queries. Their weights are to be
    smaller, and so is what a model must remember of each position."""

    def __init__(self, dim, heads, kv_heads=None):
        Right.__init__(self, dim, heads, kv_heads)
        if self.kv_heads != self.heads:
            Right.__init__(self, dim, heads)


@replaces("MultiHeadAttention")
class GroupsTakenForKeyHeads(_Layer):
    """kv_heads was taken for the number of query heads that share keys. It is the number of heads of keys: 6 heads of
    queries with 2 of keys make 2 groups of 3."""

    def __init__(self, dim, heads, kv_heads=None):
        Right.__init__(self, dim, heads, kv_heads)
        if kv_heads is not None:
            Right.__init__(self, dim, heads, heads // kv_heads)


@replaces("MultiHeadAttention")
class NarrowerKeys(_Layer):
    """Keys and values have the right number of heads, but these are wider, so that together they still make dim
    numbers. A key must have as many numbers as the query that meets it."""

    def __init__(self, dim, heads, kv_heads=None):
        super().__init__(dim, heads, kv_heads)
        self.k, self.v = nn.Linear(dim, dim, bias=False), nn.Linear(dim, dim, bias=False)

    def qkv(self, x):
        width = self.q.weight.shape[0] // self.heads
        k, v = (split_heads(one(x), self.kv_heads)[..., :width] for one in (self.k, self.v))
        groups = self.heads // self.kv_heads
        return split_heads(self.q(x), self.heads), repeat_kv(k, groups), repeat_kv(v, groups)


@replaces("MultiHeadAttention")
class WithBiases(_Layer):
    """The linear layers have biases. This layer has none: bias=False. A model's file with four weights could not be
    loaded."""

    def __init__(self, dim, heads, kv_heads=None):
        super().__init__(dim, heads, kv_heads)
        self.q, self.k, self.v, self.o = (
            nn.Linear(dim, one.weight.shape[0]) for one in (self.q, self.k, self.v, self.o)
        )


@replaces("MultiHeadAttention")
class OtherNames(_Layer):
    """The four matrices have other names than q, k, v and o (or are one big matrix). The names are what a model's file
    is read by."""

    def __init__(self, dim, heads, kv_heads=None):
        super().__init__(dim, heads, kv_heads)
        self.w_q, self.w_k, self.w_v, self.w_o = self.q, self.k, self.v, self.o
        del self.q, self.k, self.v, self.o

    def forward(self, x, mask=None):
        q = split_heads(self.w_q(x), self.heads)
        k, v = (split_heads(one(x), self.kv_heads) for one in (self.w_k, self.w_v))
        groups = self.heads // self.kv_heads
        return self.w_o(merge_heads(attention_by_formula(q, repeat_kv(k, groups), repeat_kv(v, groups), mask)))


@replaces("MultiHeadAttention")
class WeightsInAPlainList(_Layer):
    """The matrices are kept where PyTorch does not find them (a plain list, a dictionary, or plain tensors), so that
    they are missing from the state_dict and from parameters(). No optimizer would ever change them."""

    def __init__(self, dim, heads, kv_heads=None):
        super().__init__(dim, heads, kv_heads)
        self.kept = [self.q, self.k, self.v, self.o]
        del self.q, self.k, self.v, self.o

    def __getattr__(self, name):
        if name in ("q", "k", "v", "o"):
            return self.kept["qkvo".index(name)]
        return super().__getattr__(name)


@replaces("MultiHeadAttention")
class MaskKeptInTheState(_Layer):
    """Something that is no weight (a mask, a counter) stands in the state_dict. It would be written into every model's
    file, and be missing in those of others: keep it out of the buffers, or make the buffer not persistent."""

    def __init__(self, dim, heads, kv_heads=None):
        super().__init__(dim, heads, kv_heads)
        self.register_buffer("mask", torch.ones(8, 8, dtype=torch.bool).tril())


@replaces("MultiHeadAttention")
class ZerosToBeginWith(_Layer):
    """The weights start as zeros (or all alike). Then all queries and keys are the same, every gradient is zero, and
    heads that begin alike stay alike: start at random."""

    def __init__(self, dim, heads, kv_heads=None):
        super().__init__(dim, heads, kv_heads)
        for one in self.parameters():
            nn.init.zeros_(one)


@replaces("MultiHeadAttention")
class TooLargeToBeginWith(_Layer):
    """The weights start with a standard deviation of 1. Each output is a sum of dim products, so vectors grow by the
    square root of dim, and scores by dim: the softmax is saturated before training begins."""

    def __init__(self, dim, heads, kv_heads=None):
        super().__init__(dim, heads, kv_heads)
        for one in self.parameters():
            nn.init.normal_(one)


@replaces("MultiHeadAttention")
class OneMatrixForKeysAndValues(_Layer):
    """The values come from the matrix of the keys. What a position is found by and what it passes on are different
    things, each with a matrix of its own."""

    def qkv(self, x):
        q, k, _ = super().qkv(x)
        return q, k, k


@replaces("MultiHeadAttention")
class KeysFromTheMatrixOfValues(_Layer):
    """The matrices of keys and values have been exchanged."""

    def qkv(self, x):
        q, k, v = super().qkv(x)
        return q, v, k


@replaces("MultiHeadAttention")
class QueriesAndKeysExchanged(_Layer):
    """Queries and keys have been exchanged: the rows of the scores belong to keys. It is each query that shares out its
    attention."""

    def attend(self, q, k, v, mask):
        return attention_by_formula(k, q, v, mask)


@replaces("MultiHeadAttention")
class WeightsAveragedOverHeads(_Layer):
    """The attention weights were averaged over the heads before they were used. Each head is to use its own: that they
    differ is what several heads are for."""

    def attend(self, q, k, v, mask):
        weights = attention_by_formula(q, k, torch.eye(k.shape[-2], dtype=q.dtype), mask)
        return weights.mean(dim=-3, keepdim=True) @ v


@replaces("MultiHeadAttention")
class SoftmaxOverHeads(_Layer):
    """The softmax runs over the heads, which then compete for each pair of positions. It belongs on the last dimension
    of the scores, the keys: each head shares out its own attention."""

    def attend(self, q, k, v, mask):
        scores = (q / math.sqrt(q.shape[-1])) @ k.mT
        if mask is None:
            return torch.softmax(scores, dim=-3) @ v
        lowest = torch.finfo(scores.dtype).min
        return torch.softmax(scores.masked_fill(~mask, lowest), dim=-3).masked_fill(~mask, 0.0) @ v


@replaces("MultiHeadAttention")
class SoftmaxOverQueries(_Layer):
    """The softmax runs over the queries. It belongs on the last dimension of the scores, the keys: each query shares
    out its attention among them."""

    def attend(self, q, k, v, mask):
        scores = (q / math.sqrt(q.shape[-1])) @ k.mT
        if mask is None:
            return torch.softmax(scores, dim=-2) @ v
        lowest = torch.finfo(scores.dtype).min
        return torch.softmax(scores.masked_fill(~mask, lowest), dim=-2).masked_fill(~mask, 0.0) @ v


@replaces("MultiHeadAttention")
class MaskIgnored(_Layer):
    """The mask does not reach the attention: every position attends to every other."""

    def attend(self, q, k, v, mask):
        return attention_by_formula(q, k, v)


@replaces("MultiHeadAttention")
class MaskInverted(_Layer):
    """The mask is read the wrong way round, as torch.nn.MultiheadAttention reads it. Here True = may attend."""

    def attend(self, q, k, v, mask):
        return attention_by_formula(q, k, v, None if mask is None else ~mask)


@replaces("MultiHeadAttention")
class OneMaskForAllHeads(_Layer):
    """Where the mask has a row for each head, only the first head's is used, for all of them. A mask of shape
    (…, heads, n, n) fits the scores as it is."""

    def attend(self, q, k, v, mask):
        return attention_by_formula(q, k, v, mask if mask is None or mask.dim() < 3 else mask[..., :1, :, :])


@replaces("MultiHeadAttention")
class DimensionAddedToTheMask(_Layer):
    """A dimension for the heads was put into the mask, although the caller has it in place already: (batch, 1, 1, n)
    arrives ready for use. A mask of shape (n, n) fits as it is, too."""

    def attend(self, q, k, v, mask):
        return attention_by_formula(q, k, v, None if mask is None else mask.unsqueeze(-3))


@replaces("MultiHeadAttention")
class AlwaysCausal(_Layer):
    """The future is hidden although nobody asked for it. Only the mask that is passed in decides."""

    def attend(self, q, k, v, mask):
        past = torch.ones(q.shape[-2], k.shape[-2], dtype=torch.bool).tril()
        return attention_by_formula(q, k, v, past if mask is None else mask & past)


@replaces("MultiHeadAttention")
class MaskedRowsNotANumber(_Layer):
    """Right but for a position that may attend to nothing: a row of minus infinity alone has a softmax of 0 / 0. Use
    your attention function of the topic before, which gives zeros."""

    def attend(self, q, k, v, mask):
        scores = (q / math.sqrt(q.shape[-1])) @ k.mT
        return torch.softmax(scores if mask is None else scores.masked_fill(~mask, -math.inf), dim=-1) @ v


@replaces("MultiHeadAttention")
class MaskedRowsAveraged(_Layer):
    """Right but for a position that may attend to nothing: with equal, very low scores it gets the plain average of
    all values. Use your attention function of the topic before, which gives zeros."""

    def attend(self, q, k, v, mask):
        scores = (q / math.sqrt(q.shape[-1])) @ k.mT
        scores = scores if mask is None else scores.masked_fill(~mask, torch.finfo(scores.dtype).min)
        return torch.softmax(scores, dim=-1) @ v


@replaces("MultiHeadAttention")
class ThreeDimensionsOnly(_Layer):
    """The layer unpacks the shape of x into three names (batch, positions, dim). A single text has two dimensions, and
    a batch of batches four."""

    def forward(self, x, mask=None):
        batch, n, dim = x.shape
        return super().forward(x, mask)


@replaces("MultiHeadAttention")
class ResidualAdded(_Layer):
    """The input was added to the result. That is the residual connection, which belongs to the block around this
    layer."""

    def forward(self, x, mask=None):
        return x + super().forward(x, mask)


@replaces("MultiHeadAttention")
class ComputedInFloat32(_Layer):
    """The layer computes and returns float32 whatever it is given. It should work in the dtype of its weights and its
    input."""

    def forward(self, x, mask=None):
        wide = Right(x.shape[-1], self.heads, self.kv_heads)
        wide.load_state_dict({name: value.float() for name, value in self.state_dict().items()})
        if x.dtype == torch.float32:
            return super().forward(x, mask)
        return wide(x.float(), mask)


@replaces("MultiHeadAttention")
class NoGradientToTheWeights(_Layer):
    """The values are right, but the weight matrices get no gradient: they were used through detach, data or no_grad.
    The layer could never learn."""

    def forward(self, x, mask=None):
        q, k, v, o = (one.weight.detach().T for one in (self.q, self.k, self.v, self.o))
        groups = self.heads // self.kv_heads
        k, v = (repeat_kv(split_heads(x @ one, self.kv_heads), groups) for one in (k, v))
        return merge_heads(self.attend(split_heads(x @ q, self.heads), k, v, mask)) @ o


@replaces("MultiHeadAttention")
class HeadsNotRefused(_Layer):
    """A number of heads that does not divide dim is not refused when the layer is made. It would fail much later, in
    the middle of a forward pass, or lose numbers silently."""

    def __init__(self, dim, heads, kv_heads=None):
        fits = heads > 0 and dim % heads == 0
        super().__init__(dim if fits else 12, heads if fits else 6, kv_heads)


@replaces("MultiHeadAttention")
class KeyHeadsNotRefused(_Layer):
    """A kv_heads that does not divide heads is not refused when the layer is made: some query heads would have no
    keys."""

    def __init__(self, dim, heads, kv_heads=None):
        fits = kv_heads is None or (kv_heads > 0 and heads % kv_heads == 0)
        super().__init__(dim, heads, kv_heads if fits else None)


@replaces("MultiHeadAttention")
class NoKeyHeadsTakenForAll(_Layer):
    """kv_heads = 0 was taken for "not given" (as `or` does). Zero heads of keys are a mistake of the caller's, and to
    be refused; only None means as many as heads."""

    def __init__(self, dim, heads, kv_heads=None):
        super().__init__(dim, heads, kv_heads or heads)


@replaces("MultiHeadAttention")
class RefusedByAnAssertion(_Layer):
    """What does not divide is noticed, but with assert, which raises an AssertionError and is switched off in
    optimized Python. Raise a ValueError."""

    def __init__(self, dim, heads, kv_heads=None):
        try:
            super().__init__(dim, heads, kv_heads)
        except ValueError as error:
            raise AssertionError from error


@replaces("MultiHeadAttention")
class InputChangedInPlace(_Layer):
    """The result is right, but the mask that was passed in has been changed in place. The next layer uses it again."""

    def forward(self, x, mask=None):
        result = super().forward(x, mask)
        if mask is not None:
            mask.logical_not_()
        return result


@replaces("MultiHeadAttention")
class MaskRememberedFromAnEarlierCall(_Layer):
    """A mask of an earlier call is used again where none was given, or one of another length. Nothing is to be kept
    from one call to the next."""

    def forward(self, x, mask=None):
        if mask is None and getattr(self, "last", None) is not None:
            mask = self.last[: x.shape[-2], : x.shape[-2]]
        self.last = mask
        return super().forward(x, mask)


@replaces("MultiHeadAttention")
class AlwaysTheSameStart(_Layer):
    """All layers of one size start with the same weights: the random source was seeded inside the constructor, or the
    same matrices are handed out again. Leave the source alone, so that each layer draws numbers of its own."""

    def __init__(self, dim, heads, kv_heads=None):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            super().__init__(dim, heads, kv_heads)


@replaces("MultiHeadAttention")
class MaskedByAPenalty(_Layer):
    """A masked score was made lower by a fixed number such as 10 000. A key that matches far better than that comes
    through all the same, and takes the weight of those that may be seen: a masked score has to be replaced, whatever it
    was."""

    def attend(self, q, k, v, mask):
        if mask is None:
            return attention_by_formula(q, k, v)
        scores = q @ k.mT / math.sqrt(q.shape[-1]) - 1e4 * (~mask).to(q.dtype)
        return torch.softmax(scores, dim=-1).masked_fill(~mask, 0.0) @ v


@replaces("MultiHeadAttention")
class EmptyRowsOfTheFirstHead(_Layer):
    """Whether a position may attend to nothing was decided by the mask of one head for all of them. A mask may have a
    row for each head, and a position may see something in one and nothing in another."""

    def attend(self, q, k, v, mask):
        if mask is None or mask.dim() < 3:
            return attention_by_formula(q, k, v, mask)
        scores = (q @ k.mT / math.sqrt(q.shape[-1])).masked_fill(~mask, torch.finfo(q.dtype).min)
        empty = ~mask.any(dim=-1, keepdim=True)[..., :1, :, :]
        return torch.softmax(scores, dim=-1).masked_fill(empty, 0.0) @ v
