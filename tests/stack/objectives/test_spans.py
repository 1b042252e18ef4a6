"""Span corruption: the paper's example, exact counts, how spans are drawn, and that the text comes back."""

from __future__ import annotations

import itertools
import math
from collections import Counter

import pytest
import torch

from groundup.stack.objectives.spans import (
    corrupt_spans,
    fill_spans,
    random_lengths,
    replace_spans,
    span_counts,
    span_noise,
)

TOP = 299
"""The first sentinel; 100 of them."""


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_the_papers_example() -> None:
    """Figure 2 of the paper: for inviting and last are taken out."""
    text = ["Thank", "you", "for", "inviting", "me", "to", "your", "party", "last", "week"]
    vocabulary = sorted(set(text))
    noise = torch.tensor([word in ("for", "inviting", "last") for word in text])
    inputs, targets = replace_spans(torch.tensor([vocabulary.index(word) for word in text]), noise, TOP)
    names = dict(enumerate(vocabulary)) | {TOP: "<X>", TOP - 1: "<Y>", TOP - 2: "<Z>"}
    assert " ".join(names[one] for one in inputs.tolist()) == "Thank you <X> me to your party <Y> week"
    assert " ".join(names[one] for one in targets.tolist()) == "<X> for inviting <Y> last <Z>"


@pytest.mark.parametrize("pattern", list(itertools.product([False, True], repeat=5)))
def test_every_pattern_of_five_words_comes_back(pattern: tuple[bool, ...]) -> None:
    ids = torch.tensor([11, 12, 11, 14, 15])
    inputs, targets = replace_spans(ids, torch.tensor(pattern), TOP)
    inside, outside, gaps, before = [], [], 0, False
    for word, gone in zip(ids.tolist(), pattern, strict=True):
        if gone and not before:
            inside.append(TOP - gaps)
            outside.append(TOP - gaps)
            gaps += 1
        (outside if gone else inside).append(word)
        before = gone
    assert inputs.tolist() == inside
    assert targets.tolist() == [*outside, TOP - gaps]
    assert torch.equal(fill_spans(inputs, targets, TOP), ids)


@pytest.mark.parametrize(("share", "mean"), [(0.15, 3.0), (0.5, 1.0), (0.5, 8.0), (0.9, 2.5), (0.02, 3.0)])
def test_the_numbers_of_words_and_spans_are_exact(share: float, mean: float) -> None:
    for n in (2, 3, 7, 20, 512):
        words, spans = span_counts(n, share, mean)
        assert abs(words - n * share) <= 0.5 or words in (1, n - 1)
        assert abs(spans - words / mean) <= 0.5 or spans in (1, n - words)
        for seed in range(20):
            noise = span_noise(n, share, mean, seeded(seed))
            runs = [(gone, len(list(run))) for gone, run in itertools.groupby(noise.tolist())]
            assert noise.shape == (n,)
            assert noise.sum() == words
            assert [gone for gone, _ in runs] == [False, True] * spans
    assert span_counts(512) == (77, 26), "76.8 words and 25.67 spans, rounded"


def test_every_list_of_lengths_is_equally_likely() -> None:
    """10 lists of three lengths that sum to 6, 8 000 draws: each count within 5 of its deviations."""
    n, draw = 8000, seeded()
    counts = Counter(tuple(random_lengths(6, 3, draw).tolist()) for _ in range(n))
    every = [one for one in itertools.product(range(1, 5), repeat=3) if sum(one) == 6]
    assert set(counts) == set(every)
    p = 1 / len(every)
    assert all(abs(count - n * p) < 5 * math.sqrt(n * p * (1 - p)) for count in counts.values())
    assert random_lengths(4, 4).tolist() == [1, 1, 1, 1]
    assert random_lengths(4, 1).tolist() == [4]


def test_each_place_goes_as_often_as_the_count_of_all_ways_says() -> None:
    """9 words of which 4 go in 2 spans; 6 000 draws."""
    words, spans = span_counts(9, 0.45, 2.0)
    assert (words, spans) == (4, 2)
    ways = [
        [False] * a + [True] * b + [False] * (5 - a) + [True] * (4 - b)
        for a, b in itertools.product(range(1, 5), range(1, 4))
    ]
    shares = torch.tensor(ways).double().mean(0)
    n, draw = 6000, seeded(1)
    found = torch.stack([span_noise(9, 0.45, 2.0, draw) for _ in range(n)])
    assert {tuple(one) for one in found.tolist()} == {tuple(one) for one in ways}
    away = (found.double().mean(0) - shares).abs()
    assert (away <= 5 * (shares * (1 - shares) / n).sqrt()).all()


def test_sentinels_count_down_and_the_text_comes_back() -> None:
    for seed in range(30):
        ids = torch.randint(5, 200, (120,), generator=seeded(seed))
        inputs, targets = corrupt_spans(ids, TOP, generator=seeded(seed))
        words, spans = span_counts(120)
        assert len(inputs) == 120 - words + spans
        assert len(targets) == words + spans + 1
        down = list(range(TOP, TOP - spans - 1, -1))
        assert inputs[inputs >= 200].tolist() == down[:-1]
        assert targets[targets >= 200].tolist() == down
        assert targets[-1] == down[-1]
        assert torch.equal(fill_spans(inputs, targets, TOP), ids)
    again = corrupt_spans(ids, TOP, generator=seeded(29))
    assert torch.equal(again[0], inputs)
    assert torch.equal(again[1], targets)
    other = corrupt_spans(ids, TOP, generator=seeded(28))
    assert not torch.equal(other[1], targets)


def test_special_tokens_stay() -> None:
    draw = seeded(2)
    split = 0
    for _ in range(200):
        ids = torch.randint(5, 200, (60,), generator=draw)
        ids[torch.randperm(60, generator=draw)[:12]] = 1
        ids[50:] = 0
        inputs, targets = corrupt_spans(ids, TOP, 0.4, 4.0, draw, special=(0, 1))
        words, spans = span_counts(int((ids > 1).sum()), 0.4, 4.0)
        assert (targets > 1).all(), "nothing special is asked for"
        assert ((targets > 1) & (targets < 200)).sum() == words
        assert Counter(inputs[inputs < 2].tolist()) == Counter(ids[ids < 2].tolist())
        assert torch.equal(fill_spans(inputs, targets, TOP), ids)
        split += int((inputs >= 200).sum() > spans)
    assert split > 0, "some span was split by a special token"


def test_a_model_that_forgets_a_span_leaves_it_empty() -> None:
    inputs = torch.tensor([5, TOP, 6, TOP - 1, 7])
    assert fill_spans(inputs, torch.tensor([TOP - 1, 8, 9]), TOP).tolist() == [5, 6, 8, 9, 7]
    assert fill_spans(inputs, torch.tensor([3, TOP, 4]), TOP).tolist() == [5, 4, 6, 7], "what precedes is no gap's"


def test_what_does_not_work_is_refused() -> None:
    ids = torch.arange(5, 25)
    with pytest.raises(ValueError, match="200 to 299, already"):
        corrupt_spans(torch.tensor([5, 6, 250, 7, 8]), TOP)
    with pytest.raises(ValueError, match="10 spans need 11 sentinels, and there are 10"):
        corrupt_spans(ids, TOP, 0.5, 1.0, sentinels=10)
    corrupt_spans(ids, TOP, 0.5, 1.0, sentinels=11)
    with pytest.raises(ValueError, match=r"\(20,\) and \(19,\)"):
        replace_spans(ids, torch.zeros(19, dtype=torch.bool), TOP)
    for bad in ((1, 0.15, 3.0), (9, 0.0, 3.0), (9, 1.0, 3.0), (9, 0.5, 0.5)):
        with pytest.raises(ValueError, match="n >= 2"):
            span_counts(*bad)
    with pytest.raises(ValueError, match="parts"):
        random_lengths(3, 4)
    with pytest.raises(ValueError, match="n >= 2"):
        corrupt_spans(torch.tensor([1, 1, 1, 7]), TOP, special=(1,))
