"""What is done with the filters and with generate, from small to large.

Logits of a row are never alike unless the case is about that, and where something is cut off, the cut lies in the middle
between two tokens: rounding cannot move it.
"""

import torch

HALF = (torch.bfloat16, torch.float16)


def _distinct(rng, *shape, step=0.25, lowest=-3.0):
    """Logits on a grid that half precision holds, no two of a row alike."""
    *batch, vocab = shape
    rows = rng.uniform(*batch, vocab).argsort(dim=-1)
    return rows.float() * step + lowest


def _crossing(logits, place):
    """A p that is crossed in the middle of each row's token of that rank (0 is the most probable), by the first row."""
    shares = logits.double().reshape(-1, logits.shape[-1])[0].softmax(dim=-1).sort(descending=True).values
    return (shares[:place].sum() + shares[place] / 2).item()


def _ratio(logits, place):
    """A p between the tokens of rank place and place + 1, relative to the first."""
    shares = logits.double().reshape(-1, logits.shape[-1])[0].softmax(dim=-1).sort(descending=True).values
    return ((shares[place] + shares[place + 1]) / 2 / shares[0]).item()


def _with_gaps(rng, *shape):
    """Distinct logits of which some, not the largest, are -inf already."""
    logits = _distinct(rng, *shape)
    gone = rng.mask(*shape, p=0.35) & (logits < logits.amax(dim=-1, keepdim=True) - 0.3)
    return logits.masked_fill(gone, float("-inf"))


# ── apply_temperature ──


def temperature_of_one_row(my, rng):
    return [my.apply_temperature(rng.integers(-5, 6, 4).float() + 0.5, t) for t in (0.5, 2.0)]


def temperature_in_a_batch(my, rng):
    return my.apply_temperature(rng.normal(2, 3, 5, scale=3.0), 0.3 + rng.integer(0, 9) / 7)


def temperature_in_other_dtypes(my, rng):
    logits = rng.normal(3, 5, dtype=torch.float64)
    return [my.apply_temperature(logits.to(dtype), 0.7) for dtype in (torch.float64, *HALF)]


def temperature_after_a_filter(my, rng):
    return [my.apply_temperature(_with_gaps(rng, 3, 7), t) for t in (0.25, 4)]


def temperature_leaves_logits_alone(my, rng):
    logits = rng.normal(5, 3).T
    return [my.apply_temperature(logits, 1.7), logits]


def temperature_that_is_none(my, rng):
    logits = rng.normal(6)
    return [rng.attempt(my.apply_temperature, logits, t) for t in (0.0, -0.5, float("nan"), 0)]


# ── top_k ──


def top_k_of_one_row(my, rng):
    logits = _distinct(rng, 6)
    return [my.top_k(logits, k) for k in (1, 3, 5)]


def top_k_in_a_batch(my, rng):
    return [my.top_k(_distinct(rng, 3, 7), 2), my.top_k(_distinct(rng, 2, 3, 5), rng.integer(2, 5))]


def top_k_of_equal_logits(my, rng):
    logits = rng.integers(0, 3, 4, 9).float()
    logits[:, rng.integer(0, 9)] = 4.0
    return [my.top_k(logits, k) for k in (2, 4)]


def top_k_of_more_than_there_are(my, rng):
    logits = rng.normal(3, 5)
    return [my.top_k(logits, k) for k in (5, 6, 1000)]


def top_k_after_a_filter(my, rng):
    return [my.top_k(_with_gaps(rng, 3, 8), k) for k in (2, 7)]


def top_k_in_other_dtypes(my, rng):
    logits = _distinct(rng, 2, 6).T.double()
    return [my.top_k(logits.to(dtype), 1) for dtype in (torch.float64, *HALF)]


def top_k_leaves_logits_alone(my, rng):
    logits = rng.normal(3, 8)[:, ::2]
    return [my.top_k(logits, 2), logits]


def top_k_of_none(my, rng):
    return [rng.attempt(my.top_k, rng.normal(6), k) for k in (0, -2)]


# ── top_p ──


def top_p_of_one_row(my, rng):
    logits = _distinct(rng, 6)
    return [my.top_p(logits, _crossing(logits, place)) for place in (1, 2, 3)]


def top_p_below_the_most_probable(my, rng):
    logits = _distinct(rng, 31)
    return my.top_p(logits, _crossing(logits, 0))


def top_p_in_a_batch(my, rng):
    found = []
    for shape in ((4, 7), (2, 3, 5)):
        logits = _distinct(rng, shape[-1], step=0.5)
        rows = torch.stack(
            [logits[rng.uniform(shape[-1]).argsort()] for _ in range(shape[0] * (shape[1] if shape[2:] else 1))]
        )
        found.append(my.top_p(rows.reshape(shape), _crossing(logits, 2)))
    return found


def top_p_of_flat_and_steep_rows(my, rng):
    steep = _distinct(rng, 9, step=1.5)
    flat = _distinct(rng, 9, step=0.125)
    p = _crossing(steep, 1)
    while min((flat.double().softmax(-1).sort(descending=True).values.cumsum(-1) - p).abs()) < 1e-3:
        p += 1e-3
    rows = torch.stack((flat, steep))
    return [my.top_p(rows, p), my.top_p(torch.stack((rows, rows.flip(0))), p)]


def top_p_of_one(my, rng):
    logits = rng.normal(3, 6)
    logits[0, rng.integer(0, 6)] += 60.0
    return my.top_p(logits, 1.0)


def top_p_after_a_filter(my, rng):
    logits = _with_gaps(rng, 9)
    return my.top_p(logits, _crossing(logits, 1))


def top_p_in_other_dtypes(my, rng):
    logits = _distinct(rng, 12)
    return [my.top_p(logits.to(dtype), _crossing(logits, 3)) for dtype in (torch.float64, *HALF)]


def top_p_of_many_small_shares(my, rng):
    fine = _distinct(rng, 1000, step=2**-10, lowest=-1.0)
    # A thousand neighboring numbers of bfloat16, from 1/64 up: their probabilities are smaller than its steps near 1.
    coarse = (torch.arange(1000, dtype=torch.int16) + 0x3C80).view(torch.bfloat16)[rng.uniform(1000).argsort()]
    return [my.top_p(fine, _crossing(fine, 400)), my.top_p(coarse, _crossing(coarse, rng.integer(250, 350)))]


def top_p_that_is_reached_exactly(my, rng):
    """Equal probabilities, 1 / 2 to 1 / 8: how many stay, wherever they are."""
    found = []
    for count in (2, 4, 8):
        logits = torch.full((11,), float("-inf"))
        logits[rng.uniform(11).argsort()[:count]] = float(rng.integer(-20, 20))
        kept = [my.top_p(logits, k / count) for k in range(1, count)]
        found += [[int(one.isfinite().sum()), one.amax()] for one in kept]
    return found


def top_p_leaves_logits_alone(my, rng):
    logits = _distinct(rng, 8).repeat(3, 1).T.contiguous().T
    return [my.top_p(logits, _crossing(logits, 2)), logits]


def top_p_of_impossible_shares(my, rng):
    return [rng.attempt(my.top_p, rng.normal(6), p) for p in (0.0, -0.1, 1.001, float("nan"))]


# ── min_p ──


def min_p_of_one_row(my, rng):
    logits = _distinct(rng, 6)
    return [my.min_p(logits, _ratio(logits, place)) for place in (0, 1, 3)]


def min_p_in_a_batch(my, rng):
    logits = _distinct(rng, 4, 7) + torch.tensor([[3.0], [-2.0], [0.0], [1.0]])
    deep = _distinct(rng, 2, 3, 5, step=0.5)
    return [my.min_p(logits, _ratio(logits, 2)), my.min_p(deep, _ratio(deep, 1))]


def min_p_of_flat_and_steep_rows(my, rng):
    flat, steep = _distinct(rng, 9, step=0.125), _distinct(rng, 9, step=1.5)
    rows = torch.stack((flat, steep))
    return [my.min_p(rows, _ratio(flat, 3)), my.min_p(torch.stack((rows, rows.flip(0))), _ratio(flat, 6))]


def min_p_of_none_and_of_one(my, rng):
    logits = _distinct(rng, 3, 6)
    logits[1] = logits[1].clamp(max=-2.5)
    return [my.min_p(logits, 0.0), my.min_p(logits, 1.0), my.min_p(logits * 100.0, 0), my.min_p(logits, 1)]


def min_p_after_a_filter(my, rng):
    logits = _with_gaps(rng, 3, 9)
    return [my.min_p(logits, 0.33), my.min_p(logits, 0.0)]


def min_p_in_other_dtypes(my, rng):
    logits = _distinct(rng, 3, 9, step=0.5)
    return [my.min_p(logits.to(dtype), _ratio(logits, 3)) for dtype in (torch.float64, *HALF)]


def min_p_near_the_bound_in_half_precision(my, rng):
    """A bound a little above or below a token: float32 tells which, to thousands of times its rounding; half precision
    cannot."""
    logits = _distinct(rng, 12)
    shares = logits.double().softmax(dim=-1).sort(descending=True).values
    bounds = [float(shares[place] / shares[0]) * by for place in (2, 3, 5, 6) for by in (0.9996, 1.0004)]
    return [my.min_p(logits.to(dtype), p) for dtype in HALF for p in bounds]


def min_p_leaves_logits_alone(my, rng):
    logits = _distinct(rng, 7, 3).T
    return [my.min_p(logits, 0.4), logits]


def min_p_of_impossible_shares(my, rng):
    return [rng.attempt(my.min_p, rng.normal(6), p) for p in (-0.1, 1.001, float("nan"))]


# ── repetition_penalty ──


def _signed(rng, *shape):
    """Logits of both signs, none near zero, of which no two are alike."""
    return _distinct(rng, *shape, step=0.5, lowest=-shape[-1] / 4 - 0.1)


def penalty_of_one_row(my, rng):
    logits = _signed(rng, 6)
    order = rng.uniform(6).argsort()
    return my.repetition_penalty(logits, order[:3], 1.5)


def penalty_of_tokens_of_both_signs(my, rng):
    logits = _signed(rng, 7)
    previous = torch.stack((logits.argmax(), logits.argmin()))
    return [my.repetition_penalty(logits, previous, 2.0), my.repetition_penalty(logits, previous, 0.5)]


def penalty_counts_once(my, rng):
    logits = _signed(rng, 8)
    one, two = rng.uniform(8).argsort()[:2].tolist()
    return my.repetition_penalty(logits, torch.tensor([one, two, one, one, two]), 1.3)


def penalty_in_a_batch(my, rng):
    logits, previous = _signed(rng, 3, 9), rng.integers(0, 9, 3, 4)
    deep, before = _signed(rng, 2, 3, 6), rng.integers(0, 6, 2, 3, 2)
    return [my.repetition_penalty(logits, previous, 1.7), my.repetition_penalty(deep, before, 1.2)]


def penalty_of_nothing(my, rng):
    logits = _signed(rng, 2, 5)
    return [
        my.repetition_penalty(logits, torch.zeros(2, 0, dtype=torch.long), 1.5),
        my.repetition_penalty(logits, rng.integers(0, 5, 2, 3), 1.0),
    ]


def penalty_after_a_filter(my, rng):
    logits = _with_gaps(rng, 3, 8)
    return my.repetition_penalty(logits, rng.integers(0, 8, 3, 6), 1.4)


def penalty_in_other_dtypes(my, rng):
    logits, previous = _signed(rng, 2, 6).double(), rng.integers(0, 6, 2, 3)
    return [my.repetition_penalty(logits.to(dtype), previous, 1.6) for dtype in (torch.float64, *HALF)]


def penalty_leaves_logits_alone(my, rng):
    logits, previous = _signed(rng, 6, 3).T, rng.integers(0, 6, 2, 3).T
    return [my.repetition_penalty(logits, previous, 1.5), logits, previous]


def penalty_that_is_none(my, rng):
    logits, previous = rng.normal(6), rng.integers(0, 6, 3)
    return [rng.attempt(my.repetition_penalty, logits, previous, penalty) for penalty in (0.0, -1.5, float("nan"))]


# ── generate ──


def _greedy(logits):
    return logits.argmax(dim=-1)


def _model(rng, vocab):
    """Logits that depend on the whole text up to each position, in order; tokens seldom repeat."""
    weight = rng.normal(vocab, vocab)

    def model(ids):
        seen = torch.zeros(ids.shape[0], vocab)
        rows = []
        for i in range(ids.shape[1]):
            seen = torch.tanh(seen @ weight * 0.3) + torch.nn.functional.one_hot(ids[:, i].long(), vocab) * (1 + i)
            rows.append(seen @ weight)
        return torch.stack(rows, dim=1)

    return model


def generates_one_token(my, rng):
    return my.generate(_model(rng, 9), rng.integers(0, 9, 1, 3), 1, _greedy)


def generates_several(my, rng):
    return [my.generate(_model(rng, 12), rng.integers(0, 12, 1, length), 6, _greedy) for length in (1, 4)]


def generates_a_batch(my, rng):
    return my.generate(_model(rng, 10), rng.integers(0, 10, 3, 4), 5, _greedy)


def generates_nothing(my, rng):
    ids = rng.integers(0, 9, 2, 5)
    return my.generate(_model(rng, 9), ids, 0, _greedy)


def generates_what_is_sampled(my, rng):
    drawn = rng.generator()

    def sample(logits):
        return torch.multinomial(logits.softmax(dim=-1), 1, generator=drawn).squeeze(-1)

    # The same draws for everybody: what is compared is that each is used once, in order, on the right logits.
    drawn.manual_seed(rng.integer(0, 2**31))
    return my.generate(_model(rng, 8), rng.integers(0, 8, 3, 2), 7, sample)


def generates_by_calls(my, rng):
    """What model and sample are given, call by call."""
    inner, given, sampled = _model(rng, 7), [], []

    def model(ids):
        given.append([ids.clone(), torch.is_grad_enabled()])
        return inner(ids)

    def sample(logits):
        sampled.append(logits.clone())
        return (logits.argmin(dim=-1) + len(sampled)) % 7

    return [my.generate(model, rng.integers(0, 7, 2, 3), 3, sample), given, sampled]


def generates_in_other_dtypes(my, rng):
    ids = rng.integers(0, 9, 2, 3)
    return [my.generate(_model(rng, 9), ids.to(dtype), 2, _greedy) for dtype in (torch.int32, torch.int16)]


def generates_with_every_token(my, rng):
    """Tokens 0 and the last are tokens like others."""
    order = torch.cat((torch.tensor([0]), rng.uniform(5).argsort() + 1, torch.tensor([6])))

    def model(ids):
        return torch.nn.functional.one_hot(order[ids], 7).float()

    return my.generate(model, rng.integers(0, 7, 3, 1), 4, _greedy)


def generates_and_leaves_the_prompt_alone(my, rng):
    text = rng.integers(0, 9, 5, 2)
    ids = text.T
    return [my.generate(_model(rng, 9), ids, 3, _greedy), ids, text]


def generates_with_a_module(my, rng):
    model = torch.nn.Sequential(torch.nn.Embedding(9, 6), torch.nn.Linear(6, 9))
    with torch.enable_grad():
        result = my.generate(rng.fill(model), rng.integers(0, 9, 2, 3), 4, _greedy)
        return [result, result.requires_grad, torch.is_grad_enabled()]
