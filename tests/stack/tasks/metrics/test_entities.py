"""Spans of tags and entity scores against seqeval, leniently and strictly, tags that are not well formed among them."""

from __future__ import annotations

import math
import warnings
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundup.stack.tasks.metrics.entities import (
    SCHEMES,
    Entity,
    entity_scores,
    find_entities,
    split_tag,
    tag_names,
    write_tags,
)

seqeval = pytest.importorskip("seqeval.metrics")
schemes = pytest.importorskip("seqeval.scheme")
labeling = pytest.importorskip("seqeval.metrics.sequence_labeling")

TYPES = ("PER", "LOC", "a-b")
AVERAGES = ("micro", "macro", "weighted")


def all_tags(marks: str) -> list[str]:
    return ["O", *(f"{mark}-{kind}" for mark in marks for kind in TYPES), *marks]


def two_readings(marks: str) -> st.SearchStrategy[list[tuple[list[str], list[str]]]]:
    """Sentences with right and predicted tags, any after any; the predicted ones are the right ones here and there."""
    tag = st.sampled_from(all_tags(marks))
    word = st.tuples(tag, st.one_of(st.none(), tag)).map(lambda two: (two[0], two[0] if two[1] is None else two[1]))
    return st.lists(st.lists(word, max_size=9).map(lambda row: ([a for a, _ in row], [b for _, b in row])), max_size=5)


def compare(sentences: list[tuple[list[str], list[str]]], scheme: str | None, more: dict[str, Any]) -> None:
    right, guess = [a for a, _ in sentences], [b for _, b in sentences]
    ours = entity_scores(right, guess, scheme)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for average in AVERAGES:
            if not ours.labels and average != "micro":
                continue  # seqeval divides by the number of types; ours is 0
            theirs = labeling.precision_recall_fscore_support(right, guess, average=average, **more)
            mine = getattr(ours, average)
            assert (mine.precision, mine.recall, mine.f1) == pytest.approx(theirs[:3], abs=1e-12)
            assert mine.support == theirs[3]
        if ours.labels:
            each = labeling.precision_recall_fscore_support(right, guess, average=None, **more)
            for at, (_, one) in enumerate(sorted(ours.labels.items())):
                expected = tuple(float(values[at]) for values in each)
                assert (one.precision, one.recall, one.f1, one.support) == pytest.approx(expected, abs=1e-12)


@given(two_readings("BIES"))
def test_lenient_scores_are_seqevals(sentences: list[tuple[list[str], list[str]]]) -> None:
    for tags in (tags for pair in sentences for tags in pair):
        theirs = [Entity(kind, begin, end + 1) for kind, begin, end in labeling.get_entities(tags)]
        assert find_entities(tags) == theirs
    if sentences:
        compare(sentences, None, {})


@pytest.mark.parametrize("scheme", SCHEMES)
def test_strict_scores_are_seqevals(scheme: str) -> None:
    theirs = getattr(schemes, scheme)
    strict = pytest.importorskip("seqeval.metrics.v1")

    @given(two_readings(SCHEMES[scheme]))
    def check(sentences: list[tuple[list[str], list[str]]]) -> None:
        for tags in (tags for pair in sentences for tags in pair):
            found = [(one.tag, one.start, one.end) for one in schemes.Tokens(tags, theirs).entities]
            assert find_entities(tags, scheme) == found
        right, guess = [a for a, _ in sentences], [b for _, b in sentences]
        ours = entity_scores(right, guess, scheme)
        if not ours.labels:
            return
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for average in AVERAGES:
                expected = strict.precision_recall_fscore_support(right, guess, average=average, scheme=theirs)
                mine = getattr(ours, average)
                assert (mine.precision, mine.recall, mine.f1) == pytest.approx(expected[:3], abs=1e-12)

    check()


def test_both_readings_differ_where_tags_are_not_well_formed() -> None:
    tags = ["I-PER", "I-PER", "O", "B-LOC", "I-PER"]
    assert find_entities(tags) == [Entity("PER", 0, 2), Entity("LOC", 3, 4), Entity("PER", 4, 5)]
    assert find_entities(tags, "BIO") == [Entity("LOC", 3, 4)]
    assert find_entities(["B-PER", "I-PER", "O"], "bioes") == []


@st.composite
def sentences(draw: st.DrawFn) -> tuple[list[Entity], int]:
    """Entities that do not overlap; neighbours may be of one type."""
    entities, end = [], 0
    for _ in range(draw(st.integers(0, 4))):
        begin = end + draw(st.integers(0, 2))
        end = begin + draw(st.integers(1, 3))
        entities.append(Entity(draw(st.sampled_from(TYPES)), begin, end))
    return entities, end + draw(st.integers(0, 2))


@given(sentences())
def test_written_tags_are_read_back_in_every_scheme(drawn: tuple[list[Entity], int]) -> None:
    entities, length = drawn
    for scheme in SCHEMES:
        tags = write_tags(entities, length, scheme)
        assert len(tags) == length
        assert set(tags) <= set(tag_names(TYPES, scheme))
        assert find_entities(tags) == find_entities(tags, scheme) == entities


def test_no_entity_at_all_scores_zero() -> None:
    scores = entity_scores([["O", "O"], []], [["O", "O"], []])
    assert scores.labels == {}
    assert (scores.micro.f1, scores.macro.f1, scores.weighted.f1, scores.micro.support) == (0, 0, 0, 0)
    assert not math.isnan(scores.macro.precision)


def test_mistakes_are_named() -> None:
    for tag in ("PER", "X-PER", "B-", "O-PER", "", "Bx-PER"):
        with pytest.raises(ValueError, match="is no tag"):
            split_tag(tag)
    with pytest.raises(ValueError, match="IOB2 has no E"):
        find_entities(["B-PER", "E-PER"], "BIO")
    with pytest.raises(ValueError, match="no scheme 'IOB9'"):
        find_entities(["O"], "IOB9")
    with pytest.raises(ValueError, match="sentence 1 has 2 words and 1 predicted"):
        entity_scores([["O"], ["O", "O"]], [["O"], ["O"]])
    with pytest.raises(ValueError, match="2 examples, 1 of them"):
        entity_scores([["O"], ["O"]], [["O"]])
    with pytest.raises(ValueError, match="overlaps"):
        write_tags([Entity("PER", 0, 2), Entity("LOC", 1, 3)], 3)
    with pytest.raises(ValueError, match="no span of a sentence of 3 words"):
        write_tags([Entity("PER", 2, 4)], 3)
