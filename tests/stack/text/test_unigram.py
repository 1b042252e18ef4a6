"""Unigram against every cut written out, ``tokenizers`` and SentencePiece; its training against both trainers."""

from __future__ import annotations

import io
import json
import math
import os
import random
import runpy
from collections import Counter
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest
import sentencepiece
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

from groundup.stack.text.normalization import Traced, pre_tokenizer
from groundup.stack.text.unigram import Unigram
from groundup.stack.text.unigram_training import METASPACE, Lattices, count_words, losses, seed_pieces, train_unigram

SHARED = runpy.run_path(str(Path(__file__).with_name("hard_texts.py")))
DATA = Path(os.environ.get("GROUNDUP_DATA", Path(__file__).resolve().parents[4] / "shared" / "data")) / "tokenizers"
BOTCHAN = DATA / "sentencepiece" / "botchan.txt"
SCORED = [
    ("<unk>", 0.0), ("a", -2.0), ("b", -2.5), ("c", -3.0), ("ab", -2.8), ("bc", -4.5), ("abc", -6.0), ("aa", -3.5),
    ("d", -9.0), ("de", -9.25), ("é", -7.0), ("ef", -8.0),
]  # fmt: skip
UNKNOWN = min(score for _, score in SCORED) - 10


def cuts(text: str, scored: list[tuple[str, float]] = SCORED) -> Iterator[tuple[list[str], float]]:
    """Every cut of a text and its score; a character that is no piece is unknown, and only then."""
    known = dict(scored)
    if not text:
        yield [], 0.0
    for end in range(1, len(text) + 1):
        score = known.get(text[:end], UNKNOWN if end == 1 else None)
        if score is not None:
            for rest, more in cuts(text[end:], scored):
                yield [text[:end], *rest], score + more


def texts(model: Unigram, text: str) -> list[str]:
    return [text[begin:end] for _, begin, end in model.cut(text)]


def joined(parts: list[str]) -> list[str]:
    """With what is unknown in one where it stands together."""
    done: list[str] = []
    known = dict(SCORED)
    for at, part in enumerate(parts):
        if at and part not in known and parts[at - 1] not in known:
            done[-1] += part
        else:
            done.append(part)
    return done


# ── the best cut, all cuts, drawn cuts ───────────────────────────────────────


@settings(max_examples=200, deadline=None)
@given(text=st.text("abcdefxé", max_size=9))
def test_the_best_cut_is_the_best_of_all(text: str) -> None:
    model = Unigram(SCORED)
    every = list(cuts(text))
    best = max(score for _, score in every)
    assert texts(model, text) in [joined(parts) for parts, score in every if score > best - 1e-9]
    assert model.log_likelihood(text) == pytest.approx(math.log(sum(math.exp(score) for _, score in every)), rel=1e-12)


@settings(max_examples=100, deadline=None)
@given(text=st.text("abcdex", min_size=1, max_size=8), n=st.integers(1, 12))
def test_the_n_best_cuts(text: str, n: int) -> None:
    found = Unigram(SCORED).n_best(text, n)
    expected = sorted((score for _, score in cuts(text)), reverse=True)[:n]
    assert [score for _, score in found] == pytest.approx(expected, abs=1e-9)
    for pieces, _ in found:
        assert [begin for _, begin, _ in pieces] == [0, *(end for _, _, end in pieces[:-1])]
        assert pieces[-1][2] == len(text)
    scores = {tuple(joined(parts)): score for parts, score in cuts(text)}
    assert [scores[tuple(text[b:e] for _, b, e in pieces)] for pieces, _ in found] == pytest.approx(expected, abs=1e-9)


@settings(max_examples=300, deadline=None)
@given(
    text=st.text("abcdx", max_size=30),
    pieces=st.dictionaries(st.text("abcd", min_size=1, max_size=4), st.integers(1, 40), min_size=1, max_size=20),
)
def test_any_vocabulary_against_the_library(text: str, pieces: dict[str, int]) -> None:
    """Scores in tenths: many cuts are worth the same but for rounding."""
    scored = [("<unk>", 0.0), *((piece, -tenths / 10) for piece, tenths in pieces.items())]
    theirs = Tokenizer(models.Unigram(scored, 0, False)).encode(text)
    assert Unigram(scored).cut(text) == [(new, *place) for new, place in zip(theirs.ids, theirs.offsets, strict=True)]


def test_unknown_characters_become_bytes_or_one_piece() -> None:
    assert Unigram(SCORED).cut("axyb") == [(1, 0, 1), (0, 1, 3), (2, 3, 4)]
    with_bytes = [*SCORED, *((f"<0x{byte:02X}>", 0.0) for byte in range(256))]
    byte, both = len(SCORED), Unigram(with_bytes, byte_fallback=True)
    assert both.cut("aÿx") == [(1, 0, 1), *((byte + one, 1, 3) for one in "ÿx".encode())]
    library = Tokenizer(models.Unigram(with_bytes, 0, True)).encode("aÿx")
    assert [new for new, _, _ in both.cut("aÿx")] == library.ids
    some = Unigram([*SCORED, ("<0x78>", 0.0)], byte_fallback=True)
    assert some.cut("x") == [(len(SCORED), 0, 1)]
    assert some.cut("ÿ") == [(0, 0, 1)], "one of its bytes has no piece"
    with pytest.raises(ValueError, match="'xy' is in no piece"):
        Unigram(SCORED[1:], None).cut("axy")


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="must be one of the 12, not 12"):
        Unigram(SCORED, 12)
    with pytest.raises(ValueError, match="must have a piece"):
        Unigram(SCORED[:1], skipped={0})


@pytest.mark.parametrize("alpha", [0.0, 0.3, 1.0])
def test_drawn_cuts_have_the_probabilities_of_the_lattice(alpha: float) -> None:
    """10,000 draws: each share within five standard deviations of its binomial."""
    model, text, n = Unigram(SCORED), "abcaab", 10_000
    weights = {tuple(parts): math.exp(alpha * score) for parts, score in cuts(text)}
    generator = torch.Generator().manual_seed(0)
    drawn = Counter(tuple(text[b:e] for _, b, e in model.sample(text, generator, alpha=alpha)) for _ in range(n))
    assert set(drawn) <= set(weights) and len(weights) > 10
    for parts, weight in weights.items():
        share = weight / sum(weights.values())
        assert abs(drawn[parts] - n * share) <= 5 * math.sqrt(n * share * (1 - share)) + 1, parts


def test_draws_from_the_n_best_and_from_one_seed() -> None:
    model, text = Unigram(SCORED), "abcaab"
    few = {tuple(pieces) for pieces, _ in model.n_best(text, 3)}
    generator = torch.Generator().manual_seed(1)
    assert {tuple(model.sample(text, generator, alpha=0.1, n_best=3)) for _ in range(200)} == few
    assert model.sample("", generator) == model.sample("", generator, n_best=2) == []
    assert model.sample(text, generator, alpha=1e4) == model.cut(text)
    twice = [[model.sample(text, torch.Generator().manual_seed(9)) for _ in range(2)] for _ in range(2)]
    assert twice[0] == twice[1]


def test_sentencepiece_draws_from_the_same_distribution() -> None:
    """Its 10,000 draws against the probabilities of all cuts (same bound)."""
    scored, n, alpha = [*SCORED, ("▁", -1.0)], 10_000, 0.4
    content = b"".join(SHARED["piece"](text, score, 1 if at else 2) for at, (text, score) in enumerate(scored))
    theirs = sentencepiece.SentencePieceProcessor(model_proto=content)
    weights = {tuple(parts): math.exp(alpha * score) for parts, score in cuts("▁abcaab", scored)}
    assert len(weights) > 10
    sentencepiece.set_random_generator_seed(3)
    told = {"enable_sampling": True, "nbest_size": -1, "alpha": alpha, "return_type": str}
    drawn = Counter(tuple(theirs.encode("abcaab", **told)) for _ in range(n))
    assert set(drawn) <= set(weights)
    for parts, weight in weights.items():
        share = weight / sum(weights.values())
        assert abs(drawn[parts] - n * share) <= 5 * math.sqrt(n * share * (1 - share)) + 1, parts


# ── training ─────────────────────────────────────────────────────────────────


@settings(max_examples=60, deadline=None)
@given(words=st.dictionaries(st.text("abc", min_size=1, max_size=7), st.integers(1, 5), min_size=1, max_size=6))
def test_expected_counts_are_those_of_all_cuts(words: dict[str, int]) -> None:
    scored = [one for one in SCORED if set(one[0]) <= set("abc")]
    pieces = [piece for piece, _ in scored]
    lattices, scores = Lattices(list(words), pieces), torch.tensor([score for _, score in scored], dtype=torch.float64)
    expected: Counter[str] = Counter()
    likelihoods = []
    for word, frequency in words.items():
        weights = [(parts, math.exp(score)) for parts, score in cuts(word, scored)]
        total = sum(weight for _, weight in weights)
        likelihoods.append(math.log(total))
        for parts, weight in weights:
            for part in parts:
                expected[part] += frequency * weight / total
    frequencies = torch.tensor(list(words.values()), dtype=torch.float64)
    counts = lattices.expected(scores, frequencies)
    assert counts.tolist() == pytest.approx([expected[piece] for piece in pieces], abs=1e-9)
    assert lattices.log_likelihood(scores).tolist() == pytest.approx(likelihoods, abs=1e-9)
    (at, piece), lengths = lattices.best(scores)
    for word, text in enumerate(words):
        used = sorted(pieces[new] for new in piece[at == word].tolist())
        best = max(score for _, score in cuts(text, scored))
        assert sum(dict(scored)[one] for one in used) == pytest.approx(best)
        assert len(used) == lengths[word] and sum(map(len, used)) == len(text)


def test_dropping_pieces_is_starting_without_them() -> None:
    words, pieces = ["abcab", "aab", "bc"], [piece for piece, _ in SCORED[1:8]]
    keep = torch.tensor([True, True, True, False, True, False, True])
    dropped = Lattices(words, pieces)
    dropped.drop(keep)
    fresh = Lattices(words, [one for one, kept in zip(pieces, keep.tolist(), strict=True) if kept])
    scores, frequencies = -torch.arange(1.0, 6.0, dtype=torch.float64), torch.ones(3, dtype=torch.float64)
    assert torch.equal(dropped.expected(scores, frequencies), fresh.expected(scores, frequencies))


def test_each_round_of_em_raises_the_likelihood() -> None:
    """With log(count / sum) for the scores, which is what maximizes it; digamma is that with a prior."""
    words = count_words(SHARED["our_sources"]()[:150])
    pieces = [*sorted({char for word in words for char in word}), *sorted(seed_pieces(words))]
    lattices, frequency = Lattices(list(words), pieces), torch.tensor(list(words.values()), dtype=torch.float64)
    scores = torch.full((len(pieces),), -math.log(len(pieces)), dtype=torch.float64)
    worth = []
    for _ in range(8):
        worth.append(float((lattices.log_likelihood(scores) * frequency).sum()))
        counts = lattices.expected(scores, frequency)
        scores = (counts / counts.sum()).log()
    assert all(before < after for before, after in pairwise(worth))


def test_seeds_by_hand() -> None:
    seeds = seed_pieces({"▁abab": 2, "▁abx": 1})
    assert seeds == {"▁ab": 9, "▁abab": 10, "ab": 10, "abab": 8, "bab": 6}
    assert seed_pieces({"abc": 1}) == {}
    assert max(map(len, seed_pieces({"a" * 40: 2}, longest=5))) == 5


def test_losses_by_hand() -> None:
    """ "ab" is used 6 times; as a and b these would be used 2 + 6 and 4 + 6 times, of 12 + 6."""
    scores, counts = torch.tensor([-2.0, -2.5, -1.0]).double(), torch.tensor([2.0, 4.0, 6.0]).double()
    found = losses(["a", "b", "ab"], scores, counts).tolist()
    assert found[:2] == [math.inf, math.inf]
    assert found[2] == pytest.approx(6 * (math.log(6 / 12) - math.log(8 / 18) - math.log(10 / 18)))


def test_training_has_every_character_and_the_size_asked_for() -> None:
    words = count_words(SHARED["our_sources"]()[:150])
    learned = train_unigram(words, 300)
    assert len(learned) == len(dict(learned)) == 300
    assert [piece for piece, _ in learned[:3]] == ["<unk>", "<s>", "</s>"]
    assert {char for word in words for char in word} <= {piece for piece, _ in learned}
    scores = [score for _, score in learned[3:]]
    assert scores == sorted(scores, reverse=True)
    assert sum(map(math.exp, scores)) <= 1
    with pytest.raises(ValueError, match="are more than 20"):
        train_unigram(words, 20)
    assert train_unigram({}, 10) == [("<unk>", 0.0), ("<s>", 0.0), ("</s>", 0.0)]
    assert {piece for piece, _ in train_unigram({"ab": 1}, 50)} == {"<unk>", "<s>", "</s>", "a", "b"}


def test_words_are_counted_as_the_steps_cut_them() -> None:
    assert count_words(["A b", "a  b"], {"type": "Lowercase"}) == {"▁a": 2, "▁b": 2, "▁": 1}


@cache
def lines() -> tuple[str, ...]:
    if not BOTCHAN.is_file():
        pytest.skip("no text of SentencePiece (set GROUNDUP_DATA)")
    found = [line for line in BOTCHAN.read_text(encoding="utf-8").splitlines() if line.strip()]
    return tuple(random.Random(0).sample(found, 500))


def test_training_against_the_other_trainers() -> None:
    """The same 500 lines, the same words, 500 pieces: ours must explain the text better than theirs, and share most.

    What they count along best cuts is counted in expectation here, so vocabularies differ. Likelihoods are those of
    the text that was learned from, per character over all cuts, each vocabulary with the scores of its own trainer.
    """
    size, words = 500, count_words(lines())
    learned = {"ours": train_unigram(words, size)}
    out = io.BytesIO()
    told = {"normalization_rule_name": "identity", "remove_extra_whitespaces": False, "character_coverage": 1.0}
    told |= {"split_by_unicode_script": False, "split_by_number": False, "num_threads": 1, "minloglevel": 2}
    sentencepiece.SentencePieceTrainer.train(sentence_iterator=iter(lines()), model_writer=out, vocab_size=size, **told)
    theirs = sentencepiece.SentencePieceProcessor(model_proto=out.getvalue())
    learned["SentencePiece"] = [(theirs.id_to_piece(new), theirs.get_score(new)) for new in range(size)]
    library = Tokenizer(models.Unigram())
    library.pre_tokenizer = pre_tokenizers.Metaspace()
    special = {"special_tokens": ["<unk>", "<s>", "</s>"], "unk_token": "<unk>", "show_progress": False}
    library.train_from_iterator(lines(), trainers.UnigramTrainer(vocab_size=size, **special))
    learned["tokenizers"] = [(piece, score) for piece, score in json.loads(library.to_str())["model"]["vocab"]]
    characters = sum(len(word) * count for word, count in words.items())
    worth, used = {}, {}
    for name, scored in learned.items():
        model = Unigram(scored, skipped={0, 1, 2})
        worth[name] = sum(count * model.log_likelihood(word) for word, count in words.items()) / characters
        used[name] = sum(count * len(model.cut(word)) for word, count in words.items())
    ours = {piece for piece, _ in learned["ours"]}
    for name in ("SentencePiece", "tokenizers"):
        assert worth["ours"] > worth[name]
        assert used["ours"] < used[name] * 1.02
        assert len(ours & {piece for piece, _ in learned[name]}) > 0.65 * size


def test_a_trained_model_cuts_as_the_library_does_with_it() -> None:
    scored = train_unigram(count_words(SHARED["our_sources"]()[:150]), 300)
    model, theirs = Unigram(scored), Tokenizer(models.Unigram(scored, 0, False))
    theirs.pre_tokenizer = pre_tokenizers.Metaspace()
    for text in (*SHARED["HARD"], *SHARED["our_sources"]()[:200]):
        ids = [new for word in pre_tokenizer(METASPACE)(Traced.of(text)) for new, _, _ in model.cut(word.text)]
        assert ids == theirs.encode(text).ids
