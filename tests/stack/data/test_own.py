"""Examples of one's own: each kind, and bad lines by their number."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from groundup.stack.data.examples import Answer, LabeledText, Question, ScoredPair, TaggedWords, TextPair
from groundup.stack.data.own import read_own


def written(folder: Path, *lines: Any, count: int = 25) -> Path:
    path = folder / "mine.jsonl"
    texts = [one if isinstance(one, str) else json.dumps(one) for one in lines]
    path.write_text("\n".join((texts * count)[: max(count, len(texts))]) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("line", "example"),
    [
        ({"text": "a b", "label": 3}, LabeledText("a b", "3")),
        ({"first": "a", "second": "b", "score": 2}, ScoredPair("a", "b", 2.0)),
        ({"words": ["New", "York"], "tags": ["B-LOC", "I-LOC"]}, TaggedWords(("New", "York"), ("B-LOC", "I-LOC"))),
        ({"source": "ein Hund", "target": "a dog"}, TextPair("ein Hund", ("a dog",))),
        ({"source": "ein Hund", "target": ["a dog", "one dog"]}, TextPair("ein Hund", ("a dog", "one dog"))),
    ],
)
def test_each_kind(tmp_path: Path, line: Any, example: Any) -> None:
    data = read_own(written(tmp_path, line))
    assert (len(data.train), len(data.dev)) == (23, 2)
    assert {*data.train, *data.dev} == {example}
    assert data.name == "mine"
    assert data.provenance["held_out"] == 2


def test_questions_find_their_answers(tmp_path: Path) -> None:
    for name in ("start", "answer_start"):  # the second is SQuAD's own
        line = {"question": "who", "context": "Ann saw Ann", "answers": ["Ann", {"text": "Ann", name: 8}]}
        first = read_own(written(tmp_path, line)).train[0]
        assert isinstance(first, Question)
        assert first.answers == (Answer("Ann", 0), Answer("Ann", 8))
    unanswered = read_own(written(tmp_path, {"question": "who", "context": "nobody"})).train[0]
    assert unanswered.answers == ()


def test_every_tenth_is_held_out_and_labels_are_in_order(tmp_path: Path) -> None:
    lines = [{"text": str(number), "label": "ba"[number % 2]} for number in range(31)]
    data = read_own(written(tmp_path, *lines))
    assert [one.text for one in data.dev] == ["9", "19", "29"]
    assert data.labels == ("a", "b")
    tags = [{"words": ["x", "y"], "tags": ["B-Z", "O"]}, {"words": ["x"], "tags": ["B-A"]}]
    assert read_own(written(tmp_path, *tags)).labels == ("A", "Z")


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("{", "line 3: not JSON"),
        ([1], "line 3: a JSON object"),
        ({"txt": "a", "label": "b"}, "line 3: the keys txt, label are of no kind"),
        ({"text": 1, "label": "b"}, "line 3: text is a text, not 1"),
        ({"first": "a", "second": "b", "score": True}, "line 3: score is a number"),
        ({"words": ["a", "b"], "tags": ["O"]}, "line 3: 2 words and 1 tags"),
        ({"words": [], "tags": []}, "line 3: words is a list of texts"),
        ({"words": ["a"], "tags": ["PER"]}, "line 3: the tag 'PER'"),
        ({"question": "q", "context": "abc", "answers": ["d"]}, "line 3: the answer 'd' does not stand"),
        ({"question": "q", "context": "abc", "answers": [{"text": "b", "start": 2}]}, "does not stand in the context"),
        ({"question": "q", "context": "abc", "answers": [""]}, "line 3: an answer is a text"),
        ({"text": "a", "label": None}, "line 3: label is a name or a number, not None"),
        ({"text": "a", "label": ["b"]}, "line 3: label is a name or a number"),
        ({"text": "a", "label": " "}, "line 3: label is a name or a number"),
        ('{"first": "a", "second": "b", "score": NaN}', "line 3: score is a number, not nan"),
        ('{"first": "a", "second": "b", "score": -1e999}', "line 3: score is a number, not -inf"),
        ({"first": "a", "second": "b", "score": 10**400}, "line 3: score is a number of 401 digits"),
        ({"words": ["a"], "tags": ["B-"]}, "line 3: the tag 'B-'"),
        ({"question": "q", "context": "abc", "answers": None}, "line 3: answers is a list"),
        ({"question": "q", "context": "abc", "answers": "ab"}, "line 3: answers is a list"),
        ({"question": "q", "context": "abc", "answers": {"text": ["ab"], "answer_start": [0]}}, "answers is a list"),
        ({"question": "q", "context": "abc", "answers": [{"text": "b", "start": 0}]}, "does not stand in the .* at 0"),
        (
            {"question": "q", "context": "abc", "answers": [{"text": "ab", "start": -3}]},
            "does not stand in the .* at -3",
        ),
        ("[" * 100_000, "line 3: not JSON"),
        ({"source": "a", "target": []}, "line 3: target is a list of texts"),
        ({"source": "a", "target": "b"}, "line 3: TextPair after LabeledText"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, line: Any, problem: str) -> None:
    good = {"text": "a", "label": "b"}
    with pytest.raises(ValueError, match=problem.replace("(", r"\(")):
        read_own(written(tmp_path, good, "", line))


def test_what_ends_a_line_elsewhere_ends_none_here(tmp_path: Path) -> None:
    """A byte-order mark and Windows' line ends are no part of a line; Unicode's other line ends are part of a text."""
    texts = [f"one\u2028two\x85three {number}" for number in range(20)]
    lines = [json.dumps({"text": one, "label": "b"}, ensure_ascii=False) for one in texts]
    path = tmp_path / "mine.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + "\r\n".join(lines).encode())
    data = read_own(path)
    assert [one.text for one in data.dev] == [texts[9], texts[19]]
    assert len(data.train) == 18


def test_a_file_that_is_no_text_or_has_too_little(tmp_path: Path) -> None:
    path = tmp_path / "mine.jsonl"
    path.write_bytes(b"\xff\xfe{}")
    with pytest.raises(ValueError, match="UTF-8"):
        read_own(path)
    with pytest.raises(ValueError, match="19 examples: at least 20"):
        read_own(written(tmp_path, {"text": "a", "label": "b"}, count=19))
