"""Examples of your own: a file with one JSON object a line, whose keys say what kind they are.

{"text": …, "label": …}                          a text and its class
{"first": …, "second": …, "score": …}            two texts and a number
{"words": [ … ], "tags": [ … ]}                  words and their tags: O, B-TYPE, I-TYPE
{"question": …, "context": …, "answers": [ … ]}  answers are texts that stand in the context, or text and start
                                                 (its first character; answer_start, as SQuAD has it, is the same)
{"source": …, "target": …}                       a text and what it becomes; several targets in a list
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from pathlib import Path
from typing import Any

from groundup.stack.data.examples import (
    HELD_OUT_EACH,
    Answer,
    LabeledText,
    Question,
    ScoredPair,
    TaggedWords,
    TaskData,
    TextPair,
    hold_out,
    labels_of,
)

_TAG = re.compile(r"[BI]-\S+")
_TASKS = {
    LabeledText: "classification",
    ScoredPair: "sentence similarity",
    TaggedWords: "named entities",
    Question: "question answering",
    TextPair: "translation",
}


def read_own(path: str | os.PathLike[str]) -> TaskData[Any]:
    """The examples of a file; every tenth is held out. Raises ValueError that names the line that cannot be read."""
    path = Path(path)
    try:
        # Only a line feed ends a line: a text may hold other characters that Unicode counts among line ends.
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path.name} is not UTF-8 text (byte {error.start}): save it as UTF-8") from None
    found: list[Any] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        where = f"{path.name}, line {number}"
        try:
            given = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise ValueError(f"{where}: not JSON ({error})") from None
        found.append(_example(given, where))
        if type(found[-1]) is not type(found[0]):
            raise ValueError(f"{where}: {type(found[-1]).__name__} after {type(found[0]).__name__}: one kind a file")
    if len(found) < 2 * HELD_OUT_EACH:
        raise ValueError(f"{path.name} has {len(found)} examples: at least {2 * HELD_OUT_EACH} are needed")
    train, dev = hold_out(found)
    provenance: dict[str, str | int] = {
        "source": f"{path.name}: a file of yours",
        "licence": "not stated",
        "train": len(train),
        "held_out": len(dev),
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
    }
    return TaskData(path.stem, _TASKS[type(found[0])], train, dev, labels_of(found), (path,), provenance)


def _example(given: Any, where: str) -> Any:
    """Raises ValueError for an object of no kind, or one whose values do not fit."""
    if not isinstance(given, dict):
        raise ValueError(f'{where}: a JSON object is needed, such as {{"text": …, "label": …}}')
    if {"text", "label"} <= given.keys():
        if not isinstance(given["label"], str | int | float) or not str(given["label"]).strip():
            raise ValueError(f"{where}: label is a name or a number, not {given['label']!r}")
        return LabeledText(_text(given, "text", where), str(given["label"]))
    if {"first", "second", "score"} <= given.keys():
        return ScoredPair(_text(given, "first", where), _text(given, "second", where), _score(given["score"], where))
    if {"words", "tags"} <= given.keys():
        words, tags = _texts(given, "words", where), _texts(given, "tags", where)
        if len(words) != len(tags) or not words:
            raise ValueError(f"{where}: {len(words)} words and {len(tags)} tags: one tag for each word is needed")
        wrong = next((tag for tag in tags if tag != "O" and not _TAG.fullmatch(tag)), None)
        if wrong is not None:
            raise ValueError(f"{where}: the tag {wrong!r} is none of O, B-TYPE, I-TYPE")
        return TaggedWords(words, tags)
    if {"question", "context"} <= given.keys():
        context = _text(given, "context", where)
        told = given.get("answers", [])
        if not isinstance(told, list):
            raise ValueError(f"{where}: answers is a list, an empty one where there is none, not {told!r}")
        answers = tuple(_answer(one, context, where) for one in told)
        return Question(where, _text(given, "question", where), context, answers)
    if {"source", "target"} <= given.keys():
        targets = given["target"]
        return TextPair(
            _text(given, "source", where),
            (targets,) if isinstance(targets, str) else _texts(given, "target", where),
        )
    raise ValueError(
        f"{where}: the keys {', '.join(map(str, given))} are of no kind: text and label; first, second and score; "
        "words and tags; question and context; source and target"
    )


def _text(given: dict[str, Any], name: str, where: str) -> str:
    if not isinstance(given[name], str):
        raise ValueError(f"{where}: {name} is a text, not {given[name]!r}")
    return str(given[name])


def _texts(given: dict[str, Any], name: str, where: str) -> tuple[str, ...]:
    found = given[name]
    if not isinstance(found, list) or not found or not all(isinstance(one, str) for one in found):
        raise ValueError(f"{where}: {name} is a list of texts, not {found!r}")
    return tuple(found)


def _score(given: Any, where: str) -> float:
    if isinstance(given, bool) or not isinstance(given, int | float) or not abs(given) < float("inf"):
        raise ValueError(f"{where}: score is a number, not {given!r}")
    try:
        return float(given)
    except OverflowError:
        raise ValueError(f"{where}: score is a number of {len(str(given))} digits, which is too large") from None


def _answer(given: Any, context: str, where: str) -> Answer:
    text = given.get("text") if isinstance(given, dict) else given
    start = given.get("start", given.get("answer_start")) if isinstance(given, dict) else None
    if not isinstance(text, str) or not text:
        raise ValueError(f"{where}: an answer is a text of the context, or text and start, not {given!r}")
    at = context.find(text) if start is None else start
    if type(at) is not int or at < 0 or context[at : at + len(text)] != text:
        raise ValueError(
            f"{where}: the answer {text!r} does not stand in the context{'' if start is None else f' at {start!r}'}"
        )
    return Answer(text, at)
