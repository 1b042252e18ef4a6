"""Wrong implementations that learners write. The name is the misconception, the docstring the hint."""

import torch

from groundup.authoring import replaces
from groundup.stack.inference import sampling as right

GONE = float("-inf")


def _shares(logits):
    return logits.softmax(dim=-1, dtype=torch.promote_types(logits.dtype, torch.float32))


# ── apply_temperature ──


@replaces("apply_temperature")
def temperature_multiplied(logits, temperature):
    """The logits are multiplied by the temperature. Then a high temperature would sharpen the distribution; heat is to flatten it,
    as in physics, where energies are divided by it."""
    right.apply_temperature(logits, temperature)
    return logits * temperature


@replaces("apply_temperature")
def temperature_of_probabilities(logits, temperature):
    """The result sums to 1: a softmax has been applied. Logits are wanted, so that other filters can follow."""
    return right.apply_temperature(logits, temperature).softmax(dim=-1)


@replaces("apply_temperature")
def probabilities_divided(logits, temperature):
    """The temperature divides probabilities, after the softmax. That changes all of them by one factor and their ratios not at all; it
    belongs before the softmax."""
    right.apply_temperature(logits, temperature)
    return logits.softmax(dim=-1) / temperature


@replaces("apply_temperature")
def shifted_to_the_largest(logits, temperature):
    """The largest logit was subtracted first. For the softmax that makes no difference, and it is not asked for: these are no longer
    the logits divided by the temperature, and a penalty that looks at their signs would go wrong."""
    right.apply_temperature(logits, temperature)
    return (logits - logits.amax(dim=-1, keepdim=True)) / temperature


@replaces("apply_temperature")
def only_zero_refused(logits, temperature):
    """Negative temperatures are not refused. They turn the order round: the least probable token becomes the most probable."""
    if temperature == 0:
        raise ValueError("zero")
    return logits / temperature


@replaces("apply_temperature")
def nan_not_refused(logits, temperature):
    """A temperature that is not a number slips through: every comparison with nan is False, also `<=`. Ask whether it is above
    0, and refuse otherwise."""
    if temperature <= 0:
        raise ValueError("not above zero")
    return logits / temperature


@replaces("apply_temperature")
def temperature_not_checked(logits, temperature):
    """A temperature of 0 is not refused: the logits become infinite, or nan, and nobody says why."""
    return logits / torch.tensor(temperature, dtype=logits.dtype)


@replaces("apply_temperature")
def zero_taken_for_greedy(logits, temperature):
    """A temperature of 0 is answered with the largest logit alone. That is what one may mean by it, but this function refuses 0: a
    greedy choice is the caller's to make."""
    if temperature == 0:
        return right.top_k(logits, 1)
    return right.apply_temperature(logits, temperature)


@replaces("apply_temperature")
def temperature_in_place(logits, temperature):
    """The logits that were passed in have been divided in place. The caller may need them as they were."""
    right.apply_temperature(logits, temperature)
    logits /= temperature
    return logits


@replaces("apply_temperature")
def temperature_in_float32(logits, temperature):
    """The result is float32 whatever came in; the dtype of the logits is to be kept."""
    return right.apply_temperature(logits.float(), temperature)


# ── top_k ──


def _least(logits, k):
    if k < 1:
        raise ValueError("k below 1")
    return logits.topk(min(k, logits.shape[-1]), dim=-1).values[..., -1:]


@replaces("top_k")
def kth_removed(logits, k):
    """The k-th largest goes too: only what is larger than it stays, which is one token too few."""
    return logits.masked_fill(logits <= _least(logits, k), GONE)


@replaces("top_k")
def largest_removed(logits, k):
    """The k largest are removed and the others stay: the comparison is the wrong way round."""
    return logits.masked_fill(logits >= _least(logits, k), GONE)


@replaces("top_k")
def filled_with_zero(logits, k):
    """What is removed gets a logit of 0. That is a logit like any other, with a probability above 0; only -inf has none."""
    return logits.masked_fill(logits < _least(logits, k), 0.0)


@replaces("top_k")
def filled_with_a_large_number(logits, k):
    """What is removed gets a large negative number. It is not -inf, and dividing by a temperature, or shifting, moves it; only -inf
    stays what it is."""
    return logits.masked_fill(logits < _least(logits, k), -1e4)


@replaces("top_k")
def only_the_k_values(logits, k):
    """What comes back are the k values alone. Nobody can tell any more which tokens they belong to: the shape of the logits is to be
    kept."""
    _least(logits, k)
    return logits.topk(min(k, logits.shape[-1]), dim=-1).values


@replaces("top_k")
def equal_ones_cut_off(logits, k):
    """Of several logits that equal the k-th largest, only some stay, as the sorting happened to leave them. Here all of them stay."""
    _least(logits, k)
    chosen = logits.topk(min(k, logits.shape[-1]), dim=-1).indices
    return torch.full_like(logits, GONE).scatter(-1, chosen, logits.gather(-1, chosen))


@replaces("top_k")
def one_bound_for_the_batch(logits, k):
    """The k largest are sought in the whole batch. Each row has its own: some rows are left with nothing here."""
    _least(logits, k)
    flat = logits.flatten()
    return logits.masked_fill(logits < flat.topk(min(k, len(flat))).values[-1], GONE)


@replaces("top_k")
def more_than_there_are_fails(logits, k):
    """A k larger than the vocabulary is not dealt with: PyTorch's topk raises an error. All tokens should stay."""
    if k < 1:
        raise ValueError("k below 1")
    return logits.masked_fill(logits < logits.topk(k, dim=-1).values[..., -1:], GONE)


@replaces("top_k")
def k_not_checked(logits, k):
    """A k below 1 is not refused with a ValueError."""
    bound = logits.topk(min(max(k, 0), logits.shape[-1]), dim=-1).values[..., -1:]
    return logits.masked_fill(logits < bound, GONE) if k > 0 else torch.full_like(logits, GONE)


@replaces("top_k")
def top_k_as_probabilities(logits, k):
    """The result sums to 1: a softmax has been applied. Filters give logits back, so that they can follow one another."""
    return right.top_k(logits, k).softmax(dim=-1)


@replaces("top_k")
def top_k_in_place(logits, k):
    """The logits that were passed in have been overwritten (masked_fill_ and assignments do that)."""
    return logits.masked_fill_(logits < _least(logits, k), GONE)


# ── top_p ──


def _sorted(logits, p):
    """Shares from the most probable down, and their order."""
    if not 0 < p <= 1:
        raise ValueError("p")
    share, order = _shares(logits).sort(dim=-1, descending=True, stable=True)
    return share, order


def _without(logits, order, removed):
    return logits.masked_fill(torch.zeros_like(logits, dtype=torch.bool).scatter(-1, order, removed), GONE)


def _for_one(logits, p):
    """p = 1 is a matter of its own."""
    return logits.clone() if p == 1 else None


@replaces("top_p")
def crossing_token_removed(logits, p):
    """The token with which the sum crosses p is removed. What stays then has less than p together, and where the first token alone is
    above p, nothing stays at all."""
    share, order = _sorted(logits, p)
    whole = _for_one(logits, p)
    return _without(logits, order, share.cumsum(dim=-1) > p) if whole is None else whole


@replaces("top_p")
def crossing_token_removed_but_never_the_first(logits, p):
    """The token with which the sum crosses p is removed, unless it is the first. What stays is to have p or more together: the
    crossing one belongs to it."""
    share, order = _sorted(logits, p)
    removed = share.cumsum(dim=-1) > p
    removed[..., 0] = False
    whole = _for_one(logits, p)
    return _without(logits, order, removed) if whole is None else whole


@replaces("top_p")
def one_token_too_many(logits, p):
    """One token more than needed stays: the sum has reached p with the one before it already."""
    share, order = _sorted(logits, p)
    before = share.cumsum(dim=-1) - share
    removed = torch.cat((torch.zeros_like(before[..., :1], dtype=torch.bool), (before >= p)[..., :-1]), dim=-1)
    whole = _for_one(logits, p)
    return _without(logits, order, removed) if whole is None else whole


@replaces("top_p")
def least_probable_kept(logits, p):
    """The tokens were added up from the least probable: what stays is the tail. Sort from the most probable down."""
    if not 0 < p <= 1:
        raise ValueError("p")
    share, order = _shares(logits).sort(dim=-1, stable=True)
    whole = _for_one(logits, p)
    return _without(logits, order, share.cumsum(dim=-1) - share >= p) if whole is None else whole


@replaces("top_p")
def order_not_restored(logits, p):
    """Which tokens go was found in sorted order, and then applied to the logits in their own order. The marks must first be brought back
    to the places that their tokens came from."""
    share, _ = _sorted(logits, p)
    whole = _for_one(logits, p)
    return logits.masked_fill(share.cumsum(dim=-1) - share >= p, GONE) if whole is None else whole


@replaces("top_p")
def logits_come_back_sorted(logits, p):
    """The logits come back sorted: place 0 holds the most probable token and not token 0. The places of the vocabulary are to be
    kept."""
    share, order = _sorted(logits, p)
    whole = _for_one(logits, p)
    return logits.gather(-1, order).masked_fill(share.cumsum(dim=-1) - share >= p, GONE) if whole is None else whole


@replaces("top_p")
def logits_added_up(logits, p):
    """The logits themselves were added up. They are no probabilities: take the softmax first."""
    _, order = _sorted(logits, p)
    values = logits.gather(-1, order).float()
    whole = _for_one(logits, p)
    return _without(logits, order, values.cumsum(dim=-1) - values >= p) if whole is None else whole


@replaces("top_p")
def every_share_compared_with_p(logits, p):
    """Each token's own probability is compared with p. It is the sum over the most probable ones that is to reach p."""
    share, order = _sorted(logits, p)
    whole = _for_one(logits, p)
    return _without(logits, order, share < p) if whole is None else whole


@replaces("top_p")
def relative_to_the_most_probable(logits, p):
    """What stays is at least p times as probable as the first token. That is min-p; top-p adds up."""
    _sorted(logits, p)
    whole = _for_one(logits, p)
    return right.min_p(logits, p) if whole is None else whole


@replaces("top_p")
def mass_of_the_batch(logits, p):
    """The probabilities were sorted and added up over the whole batch. Each row sums to 1 by itself."""
    _sorted(logits, p)
    whole = _for_one(logits, p)
    return right.top_p(logits.flatten(), p).reshape(logits.shape) if whole is None else whole


@replaces("top_p")
def equals_of_the_crossing_token_stay(logits, p):
    """All tokens stay that are as probable as the one that crosses p. As few as possible are to stay: of equal ones, only as many as are
    needed."""
    _sorted(logits, p)
    kept = right.top_p(logits, p)
    least = kept.masked_fill(kept.isinf(), float("inf")).amin(dim=-1, keepdim=True)
    return logits.masked_fill(logits < least, GONE)


@replaces("top_p")
def rounding_decides_for_one(logits, p):
    """p = 1 removes tokens: in float32 the sum is rounded to 1 before the last ones have been added. For p = 1 all stay."""
    share, order = _sorted(logits, p)
    return _without(logits, order, share.cumsum(dim=-1) - share >= p)


@replaces("top_p")
def sums_in_half_precision(logits, p):
    """In half precision the sum was made in half precision. Its steps are then larger than many a probability, so that it stands still:
    add up in float32."""
    _sorted(logits, p)
    if logits.dtype not in (torch.bfloat16, torch.float16) or p == 1:
        return right.top_p(logits, p)
    share, order = logits.softmax(dim=-1).sort(dim=-1, descending=True, stable=True)
    total, sums = torch.zeros_like(share[..., 0]), []
    for one in share.unbind(-1):
        sums.append(total)
        total = total + one
    return _without(logits, order, torch.stack(sums, dim=-1) >= p)


@replaces("top_p")
def top_p_filled_with_zero(logits, p):
    """What is removed gets a logit of 0, which has a probability above 0. Only -inf has none."""
    result = right.top_p(logits, p)
    return result.masked_fill(result.isinf() & ~logits.isinf(), 0.0)


@replaces("top_p")
def top_p_as_probabilities(logits, p):
    """Probabilities come back, scaled to a sum of 1. Logits are wanted, so that other filters can follow."""
    return right.top_p(logits, p).softmax(dim=-1)


@replaces("top_p")
def top_p_not_checked(logits, p):
    """A p outside (0, 1] is not refused with a ValueError. A p of 40 is a slip of somebody who meant top-k."""
    if 0 < p <= 1:
        return right.top_p(logits, p)
    return logits.clone() if p > 1 else right.top_k(logits, 1)


@replaces("top_p")
def top_p_in_place(logits, p):
    """The logits that were passed in have been overwritten."""
    return logits.copy_(right.top_p(logits, p))


# ── min_p ──


def _known(p):
    if not 0 <= p <= 1:
        raise ValueError("p")


@replaces("min_p")
def absolute_bound(logits, p):
    """Tokens are compared with p itself. The bound is p times the probability of the most probable token, so that it is low where the
    model is unsure."""
    _known(p)
    return logits.masked_fill(_shares(logits) < p, GONE)


@replaces("min_p")
def share_of_the_largest_logit(logits, p):
    """The bound is p times the largest *logit*. Ratios of probabilities are differences of logits; a share of a logit means
    nothing."""
    _known(p)
    return logits.masked_fill(logits < p * logits.amax(dim=-1, keepdim=True), GONE)


@replaces("min_p")
def compared_in_half_precision(logits, p):
    """Right in float32, but the probabilities of half-precision logits are compared in half precision. They are rounded to two or
    three digits there, so that tokens near the bound fall on the wrong side."""
    _known(p)
    share = logits.softmax(dim=-1)
    return logits.masked_fill(share < p * share.amax(dim=-1, keepdim=True), GONE)


@replaces("min_p")
def difference_of_logits(logits, p):
    """p is compared with the distance of logits. A ratio of probabilities of p is a distance of logits of ln p."""
    _known(p)
    return logits.masked_fill(logits < logits.amax(dim=-1, keepdim=True) - p, GONE)


@replaces("min_p")
def bound_itself_removed(logits, p):
    """A token exactly at the bound is removed. For p = 1 that is the most probable one, and nothing stays."""
    _known(p)
    share = _shares(logits)
    return logits.masked_fill(share <= p * share.amax(dim=-1, keepdim=True), GONE)


@replaces("min_p")
def largest_of_the_batch(logits, p):
    """The bound comes from the most probable token of the whole batch. Each row has its own."""
    _known(p)
    share = _shares(logits)
    return logits.masked_fill(share < p * share.max(), GONE)


@replaces("min_p")
def probable_ones_removed(logits, p):
    """What is above the bound is removed, and the improbable stays: the comparison is the wrong way round."""
    _known(p)
    share = _shares(logits)
    return logits.masked_fill(share >= p * share.amax(dim=-1, keepdim=True), GONE)


@replaces("min_p")
def sums_as_in_top_p(logits, p):
    """Probabilities were added up until p was reached. That is top-p; min-p compares each token with the most probable one."""
    _known(p)
    return right.top_p(logits, p) if p > 0 else right.top_k(logits, 1)


@replaces("min_p")
def distance_of_probabilities(logits, p):
    """Tokens stay that are less than p below the most probable one in probability. It is the ratio that counts, not the distance."""
    _known(p)
    share = _shares(logits)
    return logits.masked_fill(share < share.amax(dim=-1, keepdim=True) - p, GONE)


@replaces("min_p")
def one_minus_p(logits, p):
    """The bound is 1 - p times the largest probability. Small p means a low bound and many tokens."""
    _known(p)
    share = _shares(logits)
    return logits.masked_fill(share < (1 - p) * share.amax(dim=-1, keepdim=True), GONE)


@replaces("min_p")
def zero_refused(logits, p):
    """p = 0 is refused. It is allowed, and switches the filter off."""
    if not 0 < p <= 1:
        raise ValueError("p")
    return right.min_p(logits, p)


@replaces("min_p")
def min_p_not_checked(logits, p):
    """A p outside [0, 1] is not refused with a ValueError. Above 1, not even the most probable token would be left."""
    share = _shares(logits)
    return logits.masked_fill(share < p * share.amax(dim=-1, keepdim=True), GONE)


@replaces("min_p")
def min_p_as_probabilities(logits, p):
    """Probabilities come back. Logits are wanted, so that other filters can follow."""
    return right.min_p(logits, p).softmax(dim=-1)


@replaces("min_p")
def min_p_in_place(logits, p):
    """The logits that were given have been changed in place: the caller finds holes in what was the model's answer."""
    return logits.copy_(right.min_p(logits, p))


# ── repetition_penalty ──


def _positive(penalty):
    if not penalty > 0:
        raise ValueError("penalty")


@replaces("repetition_penalty")
def always_divided(logits, previous, penalty):
    """All are divided by the penalty. A negative logit becomes larger by that: the token is rewarded for repeating. (So it stood in the
    paper; the sign has to be looked at.)"""
    _positive(penalty)
    return logits.scatter(-1, previous, logits.gather(-1, previous) / penalty)


@replaces("repetition_penalty")
def multiplied_where_positive(logits, previous, penalty):
    """Positive logits are multiplied and negative ones divided: with a penalty above 1, what occurred becomes more probable. It is the
    other way round."""
    _positive(penalty)
    return right.repetition_penalty(logits, previous, 1 / penalty)


@replaces("repetition_penalty")
def penalty_subtracted(logits, previous, penalty):
    """The penalty is subtracted. That is the presence penalty of some programs, and shifts cannot disturb it; here the logit is divided
    or multiplied."""
    _positive(penalty)
    return logits.scatter(-1, previous, logits.gather(-1, previous) - penalty)


@replaces("repetition_penalty")
def counted_every_time(logits, previous, penalty):
    """A token that occurred three times is penalized three times. Here it counts once, however often it occurred."""
    _positive(penalty)
    counts = torch.zeros_like(logits).scatter_add(-1, previous, torch.ones_like(previous, dtype=logits.dtype))
    factor = penalty**counts
    return torch.where(logits > 0, logits / factor, logits * factor)


@replaces("repetition_penalty")
def tokens_of_all_rows(logits, previous, penalty):
    """Every row is penalized for the tokens of all rows. Texts of a batch have nothing to do with each other."""
    _positive(penalty)
    everything = previous.flatten().expand(*logits.shape[:-1], -1)
    return right.repetition_penalty(logits, everything, penalty)


@replaces("repetition_penalty")
def only_the_last_token(logits, previous, penalty):
    """Only the last token so far is penalized. All that occurred are."""
    _positive(penalty)
    return right.repetition_penalty(logits, previous[..., -1:], penalty)


@replaces("repetition_penalty")
def new_tokens_penalized(logits, previous, penalty):
    """The tokens that did not occur are penalized, and those that did are not."""
    _positive(penalty)
    seen = torch.zeros_like(logits, dtype=torch.bool).scatter(-1, previous, True)
    return torch.where(seen, logits, torch.where(logits > 0, logits / penalty, logits * penalty))


@replaces("repetition_penalty")
def everything_penalized(logits, previous, penalty):
    """All tokens are penalized, whether they occurred or not: previous is not used."""
    _positive(penalty)
    return torch.where(logits > 0, logits / penalty, logits * penalty)


@replaces("repetition_penalty")
def places_taken_for_tokens(logits, previous, penalty):
    """The first n tokens of the vocabulary are penalized, n being the length of the text: places were used where the tokens that stand
    there are meant."""
    _positive(penalty)
    places = torch.arange(previous.shape[-1]).remainder(logits.shape[-1]).expand_as(previous)
    return right.repetition_penalty(logits, places, penalty)


@replaces("repetition_penalty")
def probabilities_penalized(logits, previous, penalty):
    """The logits were turned into probabilities first and these were divided. What comes back is the logarithm of that: other numbers,
    of which none is positive."""
    _positive(penalty)
    share = logits.softmax(dim=-1)
    return share.scatter(-1, previous, share.gather(-1, previous) / penalty).log()


@replaces("repetition_penalty")
def rewards_ignored(logits, previous, penalty):
    """A penalty below 1 changes nothing here. It is allowed, and makes what occurred more probable."""
    _positive(penalty)
    return logits.clone() if penalty < 1 else right.repetition_penalty(logits, previous, penalty)


@replaces("repetition_penalty")
def forbidden_altogether(logits, previous, penalty):
    """Tokens that occurred become -inf, so that no word could ever come twice, not even "the". They become less probable only."""
    _positive(penalty)
    return logits.scatter(-1, previous, GONE)


@replaces("repetition_penalty")
def penalty_not_checked(logits, previous, penalty):
    """A penalty of 0 or below is not refused with a ValueError."""
    old = logits.gather(-1, previous)
    penalty = torch.tensor(penalty, dtype=logits.dtype)
    return logits.scatter(-1, previous, torch.where(old > 0, old / penalty, old * penalty))


@replaces("repetition_penalty")
def penalty_in_place(logits, previous, penalty):
    """The logits that were passed in have been overwritten (scatter_ and assignments do that)."""
    return logits.copy_(right.repetition_penalty(logits, previous, penalty))


# ── generate ──


@replaces("generate")
@torch.no_grad()
def continuation_only(model, ids, n, sample):
    """Only the new tokens come back; the prompt is to stand before them."""
    return right.generate(model, ids, n, sample)[:, ids.shape[1] :]


@replaces("generate")
@torch.no_grad()
def only_the_last_token_given(model, ids, n, sample):
    """The model is given only the newest token. Without a cache it knows nothing of what stands before: give it the whole text."""
    text = ids
    for _ in range(n):
        text = torch.cat((text, sample(model(text[:, -1:])[:, -1]).unsqueeze(-1).to(ids.dtype)), dim=-1)
    return text


@replaces("generate")
@torch.no_grad()
def prompt_given_every_time(model, ids, n, sample):
    """The model is given the prompt again and again, never its own words: every new token is chosen as if it were the first."""
    text = ids
    for _ in range(n):
        text = torch.cat((text, sample(model(ids)[:, -1]).unsqueeze(-1).to(ids.dtype)), dim=-1)
    return text


@replaces("generate")
@torch.no_grad()
def first_position_read(model, ids, n, sample):
    """The logits of the first position are used. What follows the text is scored at its last position."""
    text = ids
    for _ in range(n):
        text = torch.cat((text, sample(model(text)[:, 0]).unsqueeze(-1).to(ids.dtype)), dim=-1)
    return text


@replaces("generate")
@torch.no_grad()
def position_before_the_last_read(model, ids, n, sample):
    """The logits of the position before the last are used. They score the last token itself, which is known already: there is no shift in
    generating."""
    text = ids
    for _ in range(n):
        logits = model(text)
        logits = logits[:, max(logits.shape[1] - 2, 0)]
        text = torch.cat((text, sample(logits).unsqueeze(-1).to(ids.dtype)), dim=-1)
    return text


@replaces("generate")
def always_the_most_probable(model, ids, n, sample):
    """The most probable token is taken each time, and sample is not asked."""
    return right.generate(model, ids, n, lambda logits: logits.argmax(dim=-1))


@replaces("generate")
def sample_gets_probabilities(model, ids, n, sample):
    """sample is given probabilities. It is to get the logits as they came: it decides about temperature and filters itself."""
    return right.generate(model, ids, n, lambda logits: sample(logits.softmax(dim=-1)))


@replaces("generate")
@torch.no_grad()
def sample_gets_all_positions(model, ids, n, sample):
    """sample is given the logits of all positions and asked once for each token of the text. Only the last position is wanted, as
    (batch, vocab)."""
    text = ids
    for _ in range(n):
        chosen = sample(model(text))[:, -1:]
        text = torch.cat((text, chosen.to(ids.dtype)), dim=-1)
    return text


@replaces("generate")
def one_token_more(model, ids, n, sample):
    """There is one new token too many: n are asked for."""
    return right.generate(model, ids, n + 1, sample)


@replaces("generate")
def up_to_n_tokens(model, ids, n, sample):
    """n is taken for the length of the whole text. It is the number of new tokens."""
    return right.generate(model, ids, max(n - ids.shape[1], 0), sample)


@replaces("generate")
@torch.no_grad()
def row_by_row(model, ids, n, sample):
    """All rows get the token that was chosen for the first one. Each text of the batch goes its own way."""
    text = ids
    for _ in range(n):
        chosen = sample(model(text)[:, -1])[:1].expand(len(ids))
        text = torch.cat((text, chosen.unsqueeze(-1).to(ids.dtype)), dim=-1)
    return text


@replaces("generate")
@torch.no_grad()
def zero_ends_the_text(model, ids, n, sample):
    """Token 0 ends the text here. It is a token like any other; whether one of them means the end, this function does not know."""
    text = ids
    for _ in range(n):
        chosen = sample(model(text)[:, -1]).unsqueeze(-1).to(ids.dtype)
        text = torch.cat((text, chosen), dim=-1)
        if bool((chosen == 0).any()):
            break
    return text


@replaces("generate")
@torch.no_grad()
def sampled_twice(model, ids, n, sample):
    """sample is called more than once for a token. Where it draws, the token that is taken is then not the one that was drawn first,
    and one seed no longer gives one text."""
    text = ids
    for _ in range(n):
        logits = model(text)[:, -1]
        sample(logits)
        text = torch.cat((text, sample(logits).unsqueeze(-1).to(ids.dtype)), dim=-1)
    return text


@replaces("generate")
def gradients_recorded(model, ids, n, sample):
    """Gradients are recorded all the while: every step keeps its intermediate results in memory, for a backward pass that never
    comes."""
    text = ids
    for _ in range(n):
        text = torch.cat((text, sample(model(text)[:, -1]).unsqueeze(-1).to(ids.dtype)), dim=-1)
    return text


@replaces("generate")
def tokens_as_int64(model, ids, n, sample):
    """The result is int64 whatever the prompt was. Keep its dtype."""
    return right.generate(model, ids, n, sample).long()


@replaces("generate")
@torch.no_grad()
def oldest_token_dropped(model, ids, n, sample):
    """For each new token the oldest one is dropped, so that the text does not grow: the prompt is lost bit by bit. The model is to
    see everything, and everything is to come back."""
    text = ids
    for _ in range(n):
        text = torch.cat((text[:, 1:], sample(model(text)[:, -1]).unsqueeze(-1).to(ids.dtype)), dim=-1)
    return text
