"""Accuracy, precision, recall, F1, Matthews' correlation and confusion against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from groundup.stack.tasks.metrics.labels import accuracy, confusion, label_scores, matthews, set_scores

sklearn = pytest.importorskip("sklearn.metrics")

NAMES = ("ham", "spam", "other", "never")
PAIRS = st.lists(st.tuples(st.sampled_from(NAMES[:3]), st.sampled_from(NAMES[:3])), min_size=1, max_size=12)
SETS = st.lists(st.tuples(*[st.frozensets(st.sampled_from(NAMES), max_size=3)] * 2), min_size=1, max_size=8)
AVERAGES = ("micro", "macro", "weighted")


@pytest.mark.filterwarnings("ignore")
@given(PAIRS, st.sampled_from([None, list(NAMES), ["spam", "never"], ["other"]]))
def test_scores_are_scikit_learns(pairs: list[tuple[str, str]], labels: list[str] | None) -> None:
    true, predicted = [a for a, _ in pairs], [b for _, b in pairs]
    ours = label_scores(true, predicted, labels)
    for average in AVERAGES:
        theirs = sklearn.precision_recall_fscore_support(
            true, predicted, labels=labels, average=average, zero_division=0
        )
        mine = getattr(ours, average)
        assert (mine.precision, mine.recall, mine.f1) == pytest.approx(theirs[:3], abs=1e-12)
    each = sklearn.precision_recall_fscore_support(true, predicted, labels=labels, zero_division=0)
    mine = [(one.precision, one.recall, one.f1, one.support) for one in ours.labels.values()]
    for one, theirs in zip(mine, zip(*each, strict=True), strict=True):
        assert one == pytest.approx(theirs, abs=1e-12)


@pytest.mark.filterwarnings("ignore")
@given(PAIRS)
def test_accuracy_matthews_and_confusion_are_scikit_learns(pairs: list[tuple[str, str]]) -> None:
    true, predicted = [a for a, _ in pairs], [b for _, b in pairs]
    assert accuracy(true, predicted) == pytest.approx(sklearn.accuracy_score(true, predicted), abs=1e-12)
    assert matthews(true, predicted) == pytest.approx(sklearn.matthews_corrcoef(true, predicted), abs=1e-12)
    ours = confusion(true, predicted)
    assert ours.labels == tuple(sorted({*true, *predicted}))
    assert ours.counts == tuple(map(tuple, sklearn.confusion_matrix(true, predicted).tolist()))
    if set(NAMES[1:]) & set(true):
        some = confusion(true, predicted, NAMES[1:])
        theirs = sklearn.confusion_matrix(true, predicted, labels=NAMES[1:]).tolist()
        assert some.counts == tuple(map(tuple, theirs))


@pytest.mark.filterwarnings("ignore")
@given(SETS)
def test_scores_of_several_labels_are_scikit_learns(pairs: list[tuple[frozenset[str], frozenset[str]]]) -> None:
    true, predicted = [a for a, _ in pairs], [b for _, b in pairs]
    ours = set_scores(true, predicted, NAMES)
    table = [[[int(name in one) for name in NAMES] for one in side] for side in (true, predicted)]
    for average in AVERAGES:
        theirs = sklearn.precision_recall_fscore_support(*table, average=average, zero_division=0)
        mine = getattr(ours, average)
        assert (mine.precision, mine.recall, mine.f1) == pytest.approx(theirs[:3], abs=1e-12)


def test_a_label_that_was_never_predicted_counts_zero() -> None:
    scores = label_scores(["a", "a", "b"], ["a", "a", "a"])
    assert scores.labels["b"].f1 == 0
    assert scores.macro.f1 == pytest.approx(0.4)  # (4/5 + 0) / 2
    assert matthews(["a", "a", "b"], ["a", "a", "a"]) == 0


def test_labels_need_not_be_comparable() -> None:
    assert confusion([1, "a"], ["a", "a"]).labels == (1, "a")


def test_arrays_are_read_and_tensors_refused() -> None:
    """Tensors that are equal differ as keys of a dictionary: each score would be 0, and Matthews' correlation 1.5."""
    array, tensor = np.array([0, 1, 1]), torch.tensor([0, 1, 1])
    assert (accuracy(array, [0, 1, 0]), matthews(array, array)) == (pytest.approx(2 / 3), 1)
    assert label_scores(array, array).macro.f1 == 1
    for measure in (accuracy, matthews, label_scores, confusion):
        for labels in (tensor, list(tensor)):
            for pair in ((labels, [0, 1, 1]), ([0, 1, 1], labels)):
                with pytest.raises(TypeError, match=r"give tensor.tolist\(\)"):
                    measure(*pair)  # type: ignore[operator]


def test_mistakes_are_named() -> None:
    for measure in (accuracy, matthews, label_scores, confusion):
        with pytest.raises(ValueError, match="2 examples, 1 of them"):
            measure(["a", "b"], ["a"])  # type: ignore[operator]
    with pytest.raises(ValueError, match="no accuracy of no examples"):
        accuracy([], [])
