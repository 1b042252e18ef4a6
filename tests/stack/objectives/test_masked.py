"""What is hidden and what is asked: how much, how often, and what must never happen.

Shares are held to 6.5 deviations of a binomial with the n that stands there: beyond that once in 10^10.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import Tensor

from groundup.stack.models.output import IGNORED
from groundup.stack.objectives import (
    Masking,
    corrupt,
    mask_spans,
    mask_tokens,
    mask_words,
    span_lengths,
    static_masks,
    word_ids,
)
from groundup.stack.text.wordpiece import Encoding, WordPiece

PAD, UNK, CLS, SEP, MASK = range(5)
RULES = Masking(MASK, 61, special_ids=(PAD, CLS, SEP))
Objective = Callable[[Tensor, Masking, torch.Generator], tuple[Tensor, Tensor]]


def texts(batch: int, n: int, real: int, seed: int = 1) -> Tensor:
    """[CLS] … [SEP] … [SEP] and padding: ``real`` tokens that are not special in each."""
    ids = torch.full((batch, n), PAD)
    ids[:, 0], ids[:, 1 : real + 3] = CLS, torch.randint(5, 61, (batch, real + 2), generator=draw(seed))
    ids[:, real // 2], ids[:, real + 2] = SEP, SEP
    return ids


def draw(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def threes(ids: Tensor) -> Tensor:
    """Words of one, two and three tokens, again and again."""
    cycle = torch.tensor([0, 1, 1, 2, 2, 2])
    at = torch.arange(ids.shape[1])
    return (at // 6 * 3 + cycle[at % 6]).expand_as(ids)


OBJECTIVES: dict[str, Objective] = {
    "tokens": mask_tokens,
    "words": lambda ids, rules, generator: mask_words(ids, threes(ids), rules, generator),
    "spans": lambda ids, rules, generator: mask_spans(ids, None, rules, generator),
    "spans of words": lambda ids, rules, generator: mask_spans(ids, threes(ids), rules, generator),
}


def near(count: float, n: int, share: float) -> None:
    """That ``count`` of n is what a share gives."""
    assert abs(count - n * share) < 6.5 * (n * share * (1 - share)) ** 0.5, (count, n, share)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_labels_ask_for_what_was_hidden_and_nothing_special_is_touched(name: str) -> None:
    ids = texts(200, 48, 40)
    inputs, labels = OBJECTIVES[name](ids, RULES, draw(0))
    asked = labels != IGNORED
    special = torch.isin(ids, torch.tensor([PAD, CLS, SEP]))
    assert not asked[special].any()
    assert torch.equal(labels[asked], ids[asked])
    assert torch.equal(inputs[~asked], ids[~asked]), "what is not asked stays"
    assert not torch.isin(inputs[asked], torch.tensor([PAD, CLS, SEP])).any(), "no special token is put in but [MASK]"
    assert (asked.sum(-1) <= 6).all(), "15 % of 40"
    if name in ("tokens", "spans"):
        assert (asked.sum(-1) == 6).all()
    again = OBJECTIVES[name](ids, RULES, draw(0))
    assert torch.equal(inputs, again[0]) and torch.equal(labels, again[1])
    assert not torch.equal(inputs, OBJECTIVES[name](ids, RULES, draw(1))[0]), "drawn anew, it is another mask"


@pytest.mark.parametrize("name", OBJECTIVES)
def test_of_the_chosen_80_10_and_10_percent_are_masked_replaced_and_left(name: str) -> None:
    ids = texts(4000, 48, 40)
    inputs, labels = OBJECTIVES[name](ids, RULES, draw(2))
    asked = labels != IGNORED
    if name.startswith("spans"):  # all tokens of a span share one draw: only the first of a run is sure to be a new one
        asked &= torch.cat((torch.ones(len(ids), 1, dtype=torch.bool), ~asked[:, :-1]), -1)
    n = int(asked.sum())
    assert n > 7000
    hidden, same = inputs[asked] == MASK, inputs[asked] == ids[asked]
    near(float(hidden.sum()), n, 0.8)
    near(float(same.sum()), n, 0.1 + 0.1 / 57)  # of 57 tokens that may be drawn one is the same again
    near(float((~hidden & ~same).sum()), n, 0.1 * 56 / 57)


def test_each_token_is_as_likely_to_be_chosen_and_each_other_to_be_drawn() -> None:
    ids = texts(20000, 48, 40)
    inputs, labels = mask_tokens(ids, RULES, draw(3))
    asked = labels != IGNORED
    real = ~torch.isin(ids[0], torch.tensor([PAD, CLS, SEP]))
    for count in asked.sum(0)[real].tolist():
        near(count, 20000, 0.15)
    drawn = inputs[asked & (inputs != MASK) & (inputs != ids)]
    counts = Counter(drawn.tolist())
    assert set(counts) == {UNK, *range(5, 61)}
    for count in counts.values():
        near(count, len(drawn), 1 / 57)


@pytest.mark.parametrize("real", [2, 3, 4, 10, 11, 30, 37, 50])
def test_the_number_is_that_of_rounding_and_one_at_least(real: int) -> None:
    ids = texts(3, real + 9, real)
    asked = mask_tokens(ids, RULES, draw(0))[1] != IGNORED
    assert asked.sum(-1).tolist() == [max(1, round(0.15 * real))] * 3
    few = Masking(MASK, 61, (PAD, CLS, SEP), most=2)
    assert (mask_tokens(ids, few, draw(0))[1] != IGNORED).sum(-1).max() == min(2, max(1, round(0.15 * real)))
    nothing = torch.full((2, 5), PAD)
    for name in OBJECTIVES:
        assert (OBJECTIVES[name](nothing, RULES, draw(0))[1] == IGNORED).all()


def test_static_masks_are_ten_that_differ_and_stay_and_dynamic_ones_are_new_each_time() -> None:
    ids = texts(6, 48, 40)
    inputs, labels = static_masks(ids, RULES, draw(4))
    assert inputs.shape == labels.shape == (10, 6, 48)
    assert all(not torch.equal(one, other) for one, other in pairwise(inputs))
    assert torch.equal(inputs, static_masks(ids, RULES, draw(4))[0])
    generator = draw(4)
    for copy in range(10):
        assert torch.equal(mask_tokens(ids, RULES, generator)[0], inputs[copy])
    ever = (static_masks(ids, RULES, draw(5), copies=200)[1] != IGNORED).any(0)
    assert torch.equal(ever, RULES.candidates(ids)), "in 200 drawings every token was once asked for"


@pytest.mark.parametrize("name", ["words", "spans of words"])
def test_words_are_hidden_whole(name: str) -> None:
    ids = texts(500, 60, 50)
    asked = OBJECTIVES[name](ids, RULES, draw(6))[1] != IGNORED
    words, candidates = threes(ids), RULES.candidates(ids)
    sizes = set()
    for row in range(500):
        for word in words[row].unique():
            mine = asked[row][(words[row] == word) & candidates[row]]
            assert mine.all() or not mine.any()
            sizes |= {len(mine)} if mine.any() else set()
    assert sizes == {1, 2, 3}
    assert (asked.sum(-1) >= 6).all(), "of 8 that are to be chosen no more than the rest of a word is missing"


def test_a_word_too_long_for_the_share_is_passed_over() -> None:
    ids = torch.arange(5, 25)[None]
    one = torch.zeros_like(ids)
    assert (mask_words(ids, one, RULES, draw(0))[1] == IGNORED).all()
    one[0, 3] = 7  # the word around it falls apart in two, of 3 and of 16
    asked = mask_words(ids, one, RULES, draw(0))[1] != IGNORED
    assert asked[0].nonzero().flatten().tolist() in ([3], [0, 1, 2])
    assert (mask_words(ids, torch.full_like(ids, -1), RULES, draw(0))[1] == IGNORED).all(), "-1 is no word"


def test_lengths_of_spans_have_the_papers_mean() -> None:
    chances = span_lengths()
    assert len(chances) == 10
    assert float(chances.sum()) == pytest.approx(1)
    assert float((chances * torch.arange(1, 11)).sum()) == pytest.approx(3.8, abs=0.005)
    torch.testing.assert_close(chances[1:] / chances[:-1], torch.full((9,), 0.8, dtype=torch.float64))


def test_spans_are_as_long_as_drawn_until_the_share_is_spent() -> None:
    n, goal, lengths = 600, 10, span_lengths().tolist()
    rules = Masking(MASK, 61, (PAD, CLS, SEP), share=goal / 2000)
    ids = torch.randint(5, 61, (n, 2000), generator=draw(7))
    asked = mask_spans(ids, None, rules, draw(7))[1] != IGNORED
    assert (asked.sum(-1) == goal).all()
    runs = (asked & ~torch.cat((torch.zeros(n, 1, dtype=torch.bool), asked[:, :-1]), -1)).sum(-1)

    def chance(number: int, left: int = goal) -> float:
        """That ``number`` lengths are drawn until ``left`` is spent, the last cut to what is left."""
        if number == 0 or left <= 0:
            return float(number == 0 and left <= 0)
        return sum(one * chance(number - 1, left - length) for length, one in enumerate(lengths, start=1))

    for number in (1, 2, 3, 4, 5):
        share = chance(number)
        # Two spans may come to touch, and seem one: with up to 9 others of 2000 tokens there at most.
        slack = n * 0.02
        count = int((runs == number).sum())
        assert abs(count - n * share) < 6.5 * (n * share * (1 - share)) ** 0.5 + slack, (number, count, n * share)
    assert abs(sum(chance(number) for number in range(1, 11)) - 1) < 1e-9


def test_what_becomes_of_a_span_is_drawn_once() -> None:
    def mixed(inputs: Tensor, labels: Tensor) -> int:
        hidden = (inputs == MASK).int().masked_fill(labels == IGNORED, 0).sum(-1)
        return int(((hidden > 0) & (hidden < 3)).sum())

    n = 2000
    ids = torch.randint(5, 61, (n, 60), generator=draw(9))
    rules = Masking(MASK, 61, (PAD, CLS, SEP), share=0.05, masked=0.5, random=0.5)
    inputs, labels = mask_spans(ids, None, rules, draw(9), torch.ones(3))
    # Three tokens are chosen, in spans of length 1, 2 or 3 alike, and each span is [MASK] or not at 1/2: how often are
    # they not all the same? Never in one span (1/3); at 1/2 in two, 2 + 1 or 1 + 2 (5/9); at 3/4 in three (1/9).
    near(mixed(inputs, labels), n, 5 / 9 / 2 + 1 / 9 * 3 / 4)
    near(mixed(*mask_spans(ids, None, rules, draw(9), torch.ones(3), together=False)), n, 3 / 4)


def test_a_span_stops_at_a_special_token() -> None:
    ids = torch.tensor([[CLS, 5, 6, SEP, 7, 8, SEP]])
    rules = Masking(MASK, 61, (CLS, SEP), share=0.5)
    seen = set()
    for seed in range(60):
        asked = mask_spans(ids, None, rules, draw(seed), torch.ones(2))[1][0] != IGNORED
        seen.add(tuple(asked.nonzero().flatten().tolist()))
    assert {(1, 2), (4, 5)} <= seen <= {(1, 2), (4, 5), (1, 4), (1, 5), (2, 4), (2, 5)}


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"share": 0.0}, "0 < share"), ({"masked": 0.9, "random": 0.2}, "masked"), ({"random": -0.1}, "negative"),
     ({"special_ids": tuple(range(61))}, "all 61 tokens are special")],
)  # fmt: skip
def test_impossible_rules_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Masking(MASK, 61, **settings)


def test_shapes_and_special_tokens_are_checked() -> None:
    ids = torch.tensor([[CLS, 5, 6, SEP]])
    with pytest.raises(ValueError, match=r"\(1, 4\): got \(1, 3\)"):
        corrupt(ids, torch.ones(1, 3, dtype=torch.bool), RULES)
    with pytest.raises(ValueError, match="special token must not be chosen"):
        corrupt(ids, torch.ones(1, 4, dtype=torch.bool), RULES)
    with pytest.raises(ValueError, match=r"words must .* \(1, 4\): got \(4,\)"):
        mask_words(ids, torch.arange(4), RULES)


# ── words of tokens ──────────────────────────────────────────────────────────

PIECES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "un", "##aff", "##able", "don", "'", "t", "na", "##ive", "!",
          "##n", "a", "##b", "c", "中", "文", "-", "x", "##x", "##ive"]  # fmt: skip
TEXTS = ["Unaffable, don't!", "nai\u0308ve  unaffable\nx-xx", "a\u00adb ab 中文x中 xxxx", "!!a unun - don", ""]


def tokenizers_words(text: str, second: str) -> list[int]:
    tokenizers = pytest.importorskip("tokenizers")
    vocab = {piece: at for at, piece in enumerate(dict.fromkeys(PIECES))}
    theirs = tokenizers.BertWordPieceTokenizer(vocab)
    encoding = theirs.encode(text, second)
    words = [-1 if one is None else one for one in encoding.word_ids]
    first = 1 + max((one for one, which in zip(words, encoding.sequence_ids, strict=True) if which == 0), default=-1)
    return [one + first if which == 1 else one for one, which in zip(words, encoding.sequence_ids, strict=True)]


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("second", TEXTS)
def test_words_are_those_of_hugging_faces_tokenizer(text: str, second: str) -> None:
    ours = WordPiece({piece: at for at, piece in enumerate(dict.fromkeys(PIECES))})
    assert word_ids(ours.model_input(text, second), text, second) == tokenizers_words(text, second)


def test_words_of_byte_pairs_begin_at_spaces_and_a_character_in_parts_stays_one() -> None:
    text = "no nonsense, 中x"
    offsets = [(0, 2), (2, 6), (6, 11), (11, 12), (12, 14), (13, 14), (13, 14), (14, 15)]
    assert word_ids(Encoding([0] * 8, offsets, [0] * 8), text) == [0, 1, 1, 2, 3, 3, 3, 4]


# ── beside transformers' collators ───────────────────────────────────────────


class Tokenizer:
    """What their collator asks of one."""

    mask_token, pad_token, all_special_ids = "[MASK]", "[PAD]", [PAD, CLS, SEP, MASK]

    def __len__(self) -> int:
        return 61

    def convert_tokens_to_ids(self, token: str) -> int:
        return {"[MASK]": MASK}[token]


@pytest.fixture(scope="module")
def collator() -> Any:
    collators = pytest.importorskip("transformers.data.data_collator")

    def build(whole: bool) -> Any:
        made = collators.DataCollatorForLanguageModeling.__new__(collators.DataCollatorForLanguageModeling)
        made.tokenizer, made.mlm_probability, made.whole_word_mask = Tokenizer(), 0.15, whole
        made.mask_replace_prob, made.random_replace_prob, made.generator = 0.8, 0.1, draw(11)
        return made

    return build


def test_shares_are_those_of_transformers(collator: Any) -> None:
    """Theirs flips a coin for every token, ours takes an exact number: the chance of each token is the same."""
    ids = texts(4000, 48, 40)
    special = ~RULES.candidates(ids)
    theirs = collator(False).torch_mask_tokens(ids.clone(), special.clone())
    for inputs, labels in (theirs, mask_tokens(ids, RULES, draw(12))):
        asked = labels != IGNORED
        assert not asked[special].any()
        near(float(asked.sum()), 4000 * 40, 0.15)
        near(float((inputs == MASK).sum()), int(asked.sum()), 0.8)
        near(float((asked & (inputs == ids)).sum()), int(asked.sum()), 0.1 + 0.1 / 60)
        assert torch.equal(labels[asked], ids[asked])


def test_whole_words_are_those_of_transformers_where_no_punctuation_touches_them(collator: Any) -> None:
    """Theirs takes "don't" for one word: it looks at offsets alone, BERT's own code at the pieces."""
    text = "unaffable don unun naive xxxx a ab unaffable c"
    ours = WordPiece({piece: at for at, piece in enumerate(dict.fromkeys(PIECES))}).model_input(text)
    special = torch.tensor([[one in (PAD, CLS, SEP, MASK) for one in ours.ids]])
    theirs, _ = collator(True)._calc_word_ids_and_prob_mask(torch.tensor([ours.offsets]).numpy(), special.numpy())
    mine = word_ids(ours, text)
    assert [one - 1 if one > 0 else one for one in theirs[0].tolist()] == mine
    ids = torch.tensor([ours.ids]).repeat(3000, 1)
    labels = mask_words(ids, torch.tensor([mine]).repeat(3000, 1), RULES, draw(13))[1]
    _, their_labels = collator(True).torch_mask_tokens(
        ids.clone(), special.repeat(3000, 1).numpy(), torch.tensor([ours.offsets]).repeat(3000, 1, 1).numpy()
    )
    for asked in (labels != IGNORED, their_labels != IGNORED):
        for word in set(mine) - {-1}:
            pieces = asked[:, [at for at, one in enumerate(mine) if one == word]]
            assert (pieces.all(-1) == pieces.any(-1)).all()
    first = torch.tensor([mine.index(word) for word in set(mine) - {-1}])
    for count in (their_labels != IGNORED)[:, first].sum(0).tolist():
        near(count, 3000, 0.15)  # theirs: a coin for every word
    assert ((labels != IGNORED).sum(-1) == round(0.15 * 18)).all(), "ours: words of one token fill the share up"
