"""The tasks of public sets, by name: examples to learn from and examples that are held out, with their provenance.

    read_task("sst2").train[0]      LabeledText(text="a stirring , funny …", label="positive")

Files are read as they are kept (:mod:`~groundup.stack.data.catalog`), and strictly: a line that does not have the form
of its file is named with file and number. What is odd in the files themselves is taken as follows. TREC is ISO-8859-1.
AG News has a lone backslash where a line ended; it becomes a space. WNUT separates texts by lines that hold a tab. BTC
has four words without a character, one of them a text of its own; they are left out. A byte-order mark and Windows'
line ends are no part of a text.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from groundup.stack.data.catalog import CATALOG, PublicSet
from groundup.stack.data.examples import (
    Answer,
    LabeledText,
    PlainText,
    Question,
    ScoredPair,
    TaggedWords,
    TaskData,
    TextPair,
    hold_out,
    labels_of,
)
from groundup.stack.data.places import find_file
from groundup.stack.data.sets import split_text_file

SENTIMENTS = ("very negative", "negative", "neutral", "positive", "very positive")
_TAG = re.compile(r"O|[BI]-\S+")


@dataclass(frozen=True)
class _Reading:
    """How a task is read: from which files of which set. A set in one part has every tenth example held out, a plain
    text (``read`` is None) its last tenth. ``labels`` where their order is not the alphabet's."""

    set: str
    read: Callable[[Sequence[Path]], list[Any]] | None
    train: tuple[str, ...]
    dev: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()


def read_task(name: str, folder: Path | None = None) -> TaskData[Any]:
    """A task's examples: of the set below ``folder``, or below GROUNDUP_DATA and where downloads go
    (:mod:`~groundup.stack.data.places`).

    Raises ValueError for an unknown name, and for a line or an entry that cannot be read, with file and number;
    FileNotFoundError where the set is not there, with the mend.
    """
    plain = name.strip().lower().replace("-", "_")
    reading = TASKS.get(_ALIASES.get(plain, plain))
    if reading is None:
        raise ValueError(f"there is no task {name!r}: {', '.join(TASKS)}")
    chosen = CATALOG[reading.set]
    files = [_place(chosen, one, folder) for one in (*reading.train, *reading.dev)]
    train: list[Any]
    if reading.read is None:
        corpus = split_text_file(files[0], chosen.about)
        train, dev = [PlainText(corpus.train)], [PlainText(corpus.held_out)]
    elif reading.dev:
        train, dev = reading.read(files[: len(reading.train)]), reading.read(files[len(reading.train) :])
    else:
        train, dev = hold_out(reading.read(files))
    labels = reading.labels or labels_of(train + dev)
    return TaskData(
        _ALIASES.get(plain, plain),
        chosen.task,
        train,
        dev,
        labels,
        tuple(files),
        _provenance(chosen, files, train, dev),
    )


def _place(chosen: PublicSet, name: str, folder: Path | None) -> Path:
    if folder is None:
        return find_file(f"{chosen.name}/{name}")
    path = folder / chosen.name / name
    if not path.is_file():
        raise FileNotFoundError(f"there is no {path}: `groundup data get {chosen.name} --folder {folder}` downloads it")
    return path


def _provenance(chosen: PublicSet, files: Sequence[Path], train: list[Any], dev: list[Any]) -> dict[str, str | int]:
    kept = {one.name: one for one in chosen.files}
    others = [path.name for path in files if not kept[path.name].matches(path.read_bytes())]
    return {
        "source": f"{chosen.name}: {chosen.about}; {chosen.home}",
        "licence": chosen.licence,
        "freedom": chosen.freedom.value,
        "part": chosen.part,
        "train": len(train),
        "held_out": len(dev),
        "checked": f"NOT the bytes that groundup pins: {', '.join(others)}"
        if others
        else "the bytes that groundup pins",
        "kind": "real text",
    }


# ── files ────────────────────────────────────────────────────────────────────


def _bad(path: Path, line: int, problem: str) -> ValueError:
    return ValueError(f"{path.name}, line {line}: {problem}")


def _text(path: Path, encoding: str = "utf-8-sig") -> str:
    """A file's text, unpacked where it is gzip, with Unix's line ends."""
    raw = path.read_bytes()
    if path.suffix == ".gz":
        try:
            raw = gzip.decompress(raw)
        except (OSError, EOFError, zlib.error) as error:
            raise ValueError(f"{path.name} is damaged: {error}. Fetch it again: groundup data get") from None
    try:
        return raw.decode(encoding).replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise _bad(path, raw.count(b"\n", 0, error.start) + 1, f"it is not {encoding.partition('-sig')[0]}") from None


def _lines(path: Path, encoding: str = "utf-8-sig") -> Iterator[tuple[int, str]]:
    """(number from 1, line) of every line that is not empty. Only a line feed ends a line: some texts hold other
    characters that Unicode counts among line ends."""
    for number, line in enumerate(_text(path, encoding).split("\n"), 1):
        if line.strip():
            yield number, line


def _rows(path: Path, columns: int) -> Iterator[tuple[int, list[str]]]:
    """(number of its last line, fields) of every row of a csv file."""
    reader = csv.reader(io.StringIO(_text(path), newline=""), strict=True)
    try:
        for row in reader:
            if len(row) != columns and row:
                raise _bad(path, reader.line_num, f"{len(row)} fields, where {columns} are meant")
            if row:
                yield reader.line_num, row
    except csv.Error as error:
        raise _bad(path, reader.line_num, str(error)) from None


def _objects(path: Path, needed: Sequence[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    """(number, object) of every line of a file of JSON lines."""
    for number, line in _lines(path):
        try:
            found = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise _bad(path, number, f"no JSON: {error}") from None
        if not isinstance(found, dict) or any(one not in found for one in needed):
            raise _bad(path, number, f"no object with {', '.join(needed)}")
        yield number, found


# ── kinds ────────────────────────────────────────────────────────────────────


def _sentiments(names: Sequence[str]) -> Callable[[Sequence[Path]], list[LabeledText]]:
    """A number, a space, a sentence of words apart."""

    def read(files: Sequence[Path]) -> list[LabeledText]:
        found = []
        for path in files:
            for number, line in _lines(path):
                mark, _, text = line.partition(" ")
                if mark not in map(str, range(len(names))) or not text.strip():
                    raise _bad(path, number, f"a class from 0 to {len(names) - 1}, a space and a text are meant")
                found.append(LabeledText(text, names[int(mark)]))
        return found

    return read


def _questions_by_kind(fine: bool) -> Callable[[Sequence[Path]], list[LabeledText]]:
    """COARSE:fine, a space, a question."""

    def read(files: Sequence[Path]) -> list[LabeledText]:
        found = []
        for path in files:
            for number, line in _lines(path, "iso-8859-1"):
                label, _, text = line.partition(" ")
                if not re.fullmatch(r"[A-Z]+:\w+", label) or not text.strip():
                    raise _bad(path, number, "COARSE:fine, a space and a question are meant")
                found.append(LabeledText(text, label if fine else label.partition(":")[0]))
        return found

    return read


def _messages(files: Sequence[Path]) -> list[LabeledText]:
    """ham or spam, a tab, a message, in which quotes mean nothing."""
    found = []
    for path in files:
        for number, line in _lines(path):
            label, _, text = line.partition("\t")
            if label not in ("ham", "spam") or not text.strip():
                raise _bad(path, number, "ham or spam, a tab and a text are meant")
            found.append(LabeledText(text, label))
    return found


NEWS = ("World", "Sports", "Business", "Sci/Tech")


def _news(files: Sequence[Path]) -> list[LabeledText]:
    """A class from 1, a title, a text; title and text become one."""
    found = []
    for path in files:
        for number, (mark, title, text) in _rows(path, 3):
            if mark not in map(str, range(1, len(NEWS) + 1)):
                raise _bad(path, number, f"a class from 1 to {len(NEWS)} is meant, and not {mark!r}")
            found.append(LabeledText(f"{title} {text}".replace("\\", " "), NEWS[int(mark) - 1]))
    return found


def _reviews(files: Sequence[Path]) -> list[LabeledText]:
    found = []
    for path in files:
        for number, one in _objects(path, ("text", "label")):
            if one["label"] not in ("neg", "pos") or not isinstance(one["text"], str) or not one["text"].strip():
                raise _bad(path, number, "a text and the label neg or pos are meant")
            found.append(LabeledText(one["text"], one["label"]))
    return found


def _tagged(files: Sequence[Path]) -> list[TaggedWords]:
    """A word, a tab, a tag; a line without either ends a text."""
    found = []
    for path in files:
        words: list[str] = []
        tags: list[str] = []
        for number, line in enumerate([*_text(path).split("\n"), ""], 1):
            if not line.strip():
                if words:
                    found.append(TaggedWords(tuple(words), tuple(tags)))
                words, tags = [], []
                continue
            word, *more = line.split("\t")
            if len(more) != 1 or not _TAG.fullmatch(more[0]):
                raise _bad(path, number, "a word, a tab and a tag (O, B-TYPE or I-TYPE) are meant")
            if word.strip():
                words.append(word)
                tags.append(more[0])
            elif more[0] != "O":
                raise _bad(path, number, f"the tag {more[0]} has no word")
    return found


def _scored(files: Sequence[Path]) -> list[ScoredPair]:
    found = []
    for path in files:
        for number, (first, second, score) in _rows(path, 3):
            if not re.fullmatch(r"[0-5](\.\d+)?", score) or float(score) > 5 or not (first.strip() and second.strip()):
                raise _bad(path, number, "two texts and a number from 0 to 5 are meant")
            found.append(ScoredPair(first, second, float(score)))
    return found


def _questions(files: Sequence[Path]) -> list[Question]:
    """SQuAD's format; every answer must stand where it is said to."""
    found = []
    for path in files:
        try:
            for article in json.loads(_text(path))["data"]:
                for paragraph in article["paragraphs"]:
                    found += [_question(one, paragraph["context"], article["title"]) for one in paragraph["qas"]]
        except (ValueError, RecursionError) as error:
            raise ValueError(f"{path.name}: {error}") from None
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"{path.name} is not in SQuAD's format: {type(error).__name__}: {error}") from None
    return found


def _question(one: dict[str, Any], context: str, title: str) -> Question:
    answers = tuple(Answer(it["text"], it["answer_start"]) for it in one["answers"])
    for it in answers:
        if it.start < 0 or not it.text or context[it.start : it.start + len(it.text)] != it.text:
            raise ValueError(f"question {one['id']}: the answer {it.text!r} is not at character {it.start}")
    if one.get("is_impossible", not answers) == bool(answers):
        raise ValueError(f"question {one['id']}: it cannot be impossible and have an answer, nor be possible without")
    return Question(one["id"], one["question"], context, answers, title)


def _translations(files: Sequence[Path]) -> list[TextPair]:
    """Two files, line by line."""
    sides = [_text(path).removesuffix("\n").split("\n") for path in files]
    if len(sides[0]) != len(sides[1]):
        raise ValueError(
            f"{files[0].name} has {len(sides[0])} lines and {files[1].name} {len(sides[1])}: they must be aligned"
        )
    for path, lines in zip(files, sides, strict=True):
        for number, line in enumerate(lines, 1):
            if not line.strip():
                raise _bad(path, number, "it is empty")
    return [TextPair(source, (target,)) for source, target in zip(*sides, strict=True)]


def _summaries(files: Sequence[Path]) -> list[TextPair]:
    found = []
    for path in files:
        for number, one in _objects(path, ("source", "target")):
            for part in (one["source"], one["target"]):
                if not isinstance(part, list) or not part or not all(isinstance(it, str) and it.strip() for it in part):
                    raise _bad(path, number, "source and target are lists of texts, and none is empty")
            found.append(TextPair(" ".join(one["source"]), tuple(one["target"]), tuple(one["source"])))
    return found


def _plain_lines(files: Sequence[Path]) -> list[PlainText]:
    return [PlainText(line) for path in files for _, line in _lines(path)]


_ALIASES = {"sst": "sst2", "trec": "trec_questions"}
TASKS = {
    "sst2": _Reading(
        "sst",
        _sentiments(("negative", "positive")),
        ("stsa.binary.train",),
        ("stsa.binary.dev",),
        ("negative", "positive"),
    ),
    "sst5": _Reading("sst", _sentiments(SENTIMENTS), ("stsa.fine.train",), ("stsa.fine.dev",), SENTIMENTS),
    "trec_questions": _Reading("trec_questions", _questions_by_kind(fine=False), ("TREC.train",)),
    "trec_fine": _Reading("trec_questions", _questions_by_kind(fine=True), ("TREC.train",)),
    "sms_spam": _Reading("sms_spam", _messages, ("train.tsv",), ("dev.tsv",), ("ham", "spam")),
    "ag_news": _Reading("ag_news", _news, ("train.csv",), ("dev.csv",), NEWS),
    "movie_reviews": _Reading("movie_reviews", _reviews, ("train.jsonl.gz",), ("dev.jsonl.gz",), ("neg", "pos")),
    "wnut17": _Reading("wnut17", _tagged, ("wnut17train.conll",), ("emerging.dev.conll",)),
    "btc": _Reading("btc", _tagged, ("btc.train",), ("btc.dev",)),
    "stsb": _Reading("stsb", _scored, ("stsb-en-train.filtered.csv",), ("stsb-en-dev.filtered.csv",)),
    "squad2": _Reading("squad2", _questions, ("train.json",), ("dev.json",)),
    "multi30k": _Reading("multi30k", _translations, ("train15k.en.gz", "train15k.de.gz"), ("val.en", "val.de")),
    "scitldr": _Reading("scitldr", _summaries, ("train1000.jsonl",), ("dev300.jsonl",)),
    "wikitext2": _Reading("wikitext2", None, ("valid.txt",)),
    "tinyshakespeare": _Reading("tinyshakespeare", None, ("input.txt",)),
    "the_verdict": _Reading("the_verdict", None, ("the-verdict.txt",)),
    "names": _Reading("names", _plain_lines, ("names.txt",)),
}
"""The tasks by name."""
