"""How the result of each driver is compared with the reference's."""

import torch

from groundup.authoring import close, distributed_as, exact, valid

PAIRS = "next_token_pairs"
GPT = "GPT"

DEEP = "each of the layers rounds, and norms and softmaxes between them pass the rounding on"
ANGLES = "right programs make the tables of angles in float32, in different ways; in float64 that rounding shows"
HALF = "bfloat16 keeps three digits, and right programs round in different places"


def _pair(value, ids):
    """The two tensors of a pair, where they are what they should be by type and shape; else what is wrong."""
    if not isinstance(value, list) or len(value) != 2 or not all(isinstance(one, torch.Tensor) for one in value):
        return "a pair of tensors was expected"
    if value[0].shape != value[1].shape or value[0].dtype != ids.dtype or value[1].dtype != ids.dtype:
        return "inputs and targets need one shape, and the dtype of ids"
    return None


def _holds_tokens(returned, expected):
    """Every row is a stretch of the text, and its targets stand one place later."""
    ids, (wanted, _) = expected
    if not isinstance(returned, list) or len(returned) != 2:
        return "a pair of tensors was expected"
    wrong = _pair(returned[1], ids)
    if wrong:
        return wrong
    inputs, targets = returned[1]
    if inputs.shape != wanted.shape:
        return f"inputs have shape {tuple(inputs.shape)}, and should have {tuple(wanted.shape)}"
    stretches = ids.unfold(0, wanted.shape[1] + 1, 1)
    whole = torch.cat((inputs, targets[:, -1:]), dim=1)
    known = (whole[:, None] == stretches).all(dim=-1).any(dim=-1)
    if not bool(known.all()):
        return "some rows are not stretches of the text, each followed by the token that follows it there"
    if not torch.equal(inputs[:, 1:], targets[:, :-1]):
        return "targets are not the inputs one token later"
    return None


def _repeats(returned, expected):
    """Both calls with one state of the generator gave the same."""
    for call in returned:
        wrong = _pair(call, expected[0][0])
        if wrong:
            return wrong
    one, two = returned
    if not all(torch.equal(a, b) for a, b in zip(one, two)):
        return "the same state of the generator gave different pairs"
    return None


def _changes(returned, expected):
    """Two calls in a row with one generator gave different stretches."""
    one, two = returned
    if one.shape != expected[0].shape or two.shape != one.shape:
        return f"inputs have shape {tuple(one.shape)}, and should have {tuple(expected[0].shape)}"
    if torch.equal(one, two):
        return "the generator was used twice in a row, and the same stretches came out again"
    return None


def _moves(returned, expected):
    """Of several calls for a single stretch, two at least gave different ones (by chance none: once in 10^18)."""
    for one in returned:
        if one.shape != expected[0].shape:
            return f"inputs have shape {tuple(one.shape)}, and should have {tuple(expected[0].shape)}"
    if all(torch.equal(one, returned[0]) for one in returned):
        return "asked for one stretch at a time, it gave the same one again and again"
    return None


def _begins_by_seed(returned, expected):
    """Equal weights for equal seeds, others for another."""
    _, one, same, other = returned
    if one.shape != expected[1].shape:
        return f"the model has {one.numel()} weights, and should have {expected[1].numel()}"
    if not torch.equal(one, same):
        return "after torch.manual_seed with the same number, two models have different weights"
    if torch.equal(one, other):
        return "after torch.manual_seed with different numbers, two models have the same weights"
    return None


# ── next_token_pairs ──

pairs_of_the_only_stretch = exact("a text with room for one stretch only", builds=PAIRS)
pairs_of_single_tokens = exact("stretches of one token", builds=PAIRS)
pairs_are_stretches = exact("inputs stand together in the text, targets one token later", builds=PAIRS)
pairs_hold_the_tokens = valid("pairs hold the tokens of the text, not their places", _holds_tokens, builds=PAIRS)
pairs_begin_anywhere = distributed_as("every beginning is equally likely, the first and the last too", builds=PAIRS)
pairs_begin_independently = distributed_as("the rows of a batch begin independently of each other", builds=PAIRS)
pairs_come_from_the_generator = valid("one state of the generator gives one result", _repeats, builds=PAIRS)
pairs_differ_from_call_to_call = valid("the generator moves on from call to call", _changes, builds=PAIRS)
pairs_of_one_stretch_at_a_time = valid("a batch of one begins anywhere, too", _moves, builds=PAIRS)
pairs_leave_the_text_alone = exact("editing the inputs changes neither text nor targets", builds=PAIRS)
pairs_in_other_dtypes = exact("the dtype of the text is kept", builds=PAIRS)
pairs_of_too_short_a_text = exact("what holds no pair of that length is refused with a ValueError", builds=PAIRS)

# ── GPT ──

model_sizes = exact("the sizes stand in attributes", builds=GPT)
model_weights = exact("names and shapes of the weights", builds=GPT)
model_of_one_token = close("one token, one head, one block", builds=GPT, reduction=8, conditioning=4.0, because=DEEP)
model_of_two_tokens = close("two tokens", builds=GPT, reduction=8, conditioning=4.0, because=DEEP)
model_with_heads = close("several heads", builds=GPT, reduction=24, conditioning=4.0, because=DEEP)
model_with_layers = close("several blocks", builds=GPT, reduction=16, conditioning=8.0, because=DEEP)
model_of_a_batch = close("each text of a batch by itself", builds=GPT, reduction=18, conditioning=8.0, because=DEEP)
model_of_a_full_context = close(
    "a text as long as the context", builds=GPT, reduction=33, conditioning=8.0, because=DEEP
)
model_with_small_activations = close("eps of the norms", builds=GPT, reduction=12, conditioning=8.0, because=DEEP)
model_does_not_see_the_future = close(
    "other tokens in the future do not change the past", builds=GPT, reduction=16, conditioning=8.0, because=DEEP
)
model_beyond_its_context = exact("a text longer than the context is refused with a ValueError", builds=GPT)
model_gradients = close("gradients reach every weight", builds=GPT, reduction=16, conditioning=32.0, because=DEEP)
model_in_other_dtypes = close(
    "float64 and bfloat16 weights give logits in that dtype", builds=GPT, reduction=16, conditioning=1e8,
    because=f"{ANGLES}; {HALF}",
)  # fmt: skip
model_takes_weights_of_others = close(
    "weights can be loaded into another model", builds=GPT, reduction=12, conditioning=8.0, because=DEEP
)
model_begins_small = distributed_as("weights begin normal with a deviation of 0.02", builds=GPT)
model_begins_smaller_where_it_adds = distributed_as(
    "weights that write into the stream of x begin smaller, the more layers there are", builds=GPT
)
model_norms_begin_as_ones = exact("norms begin as ones", builds=GPT)
model_begins_by_the_global_generator = valid("torch.manual_seed decides how it begins", _begins_by_seed, builds=GPT)
cache_token_by_token = close(
    "with a cache, token by token: the same logits", builds=GPT, reduction=16, conditioning=8.0, because=DEEP
)
cache_in_pieces = close(
    "with a cache, in pieces of several tokens", builds=GPT, reduction=24, conditioning=8.0, because=DEEP
)
caches_do_not_meet = close("two caches at the same time", builds=GPT, reduction=12, conditioning=8.0, because=DEEP)
cache_of_another_kind = close(
    "any cache that has length and update will do", builds=GPT, reduction=24, conditioning=8.0, because=DEEP
)
cache_beyond_the_context = close(
    "held and new tokens together stay within the context", builds=GPT, reduction=12, conditioning=8.0, because=DEEP
)
