"""Each set's reader on small files with the traps of its format, and on the real ones, where they are there."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundup.stack.data import read_text
from groundup.stack.data.catalog import CATALOG
from groundup.stack.data.examples import (
    Answer,
    LabeledText,
    PlainText,
    Question,
    ScoredPair,
    TaggedWords,
    TaskData,
    TextPair,
)
from groundup.stack.data.places import data_folders, find_file, reading_from
from groundup.stack.data.tasks import TASKS, read_task

DATA = Path(os.environ.get("GROUNDUP_DATA", Path(__file__).resolve().parents[4] / "shared" / "data"))


def write(folder: Path, name: str, content: bytes | str) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    raw = content.encode() if isinstance(content, str) else content
    path.write_bytes(gzip.compress(raw) if name.endswith(".gz") else raw)


def read(folder: Path, task: str, *contents: bytes | str) -> TaskData[Any]:
    """The task, of files with these contents in the order of its files."""
    reading = TASKS[task]
    for name, content in zip((*reading.train, *reading.dev), contents, strict=True):
        write(folder, f"{reading.set}/{name}", content)
    return read_task(task, folder)


# ── small files ──────────────────────────────────────────────────────────────


def test_sentiments(tmp_path: Path) -> None:
    found = read(tmp_path, "sst2", "\ufeff1 one  fine\u2028day .\r\n0 a \u0085 b\n\n", "0 bad")
    assert found.train == [LabeledText("one  fine\u2028day .", "positive"), LabeledText("a \u0085 b", "negative")]
    assert found.dev == [LabeledText("bad", "negative")]
    assert found.labels == ("negative", "positive")
    five = read(tmp_path, "sst5", "4 best\n0 worst\n", "2 so so\n")
    assert [one.label for one in five.train + five.dev] == ["very positive", "very negative", "neutral"]
    assert five.labels[2] == "neutral"
    assert len(five.labels) == 5


def test_questions_are_latin_1_and_every_tenth_is_held_out(tmp_path: Path) -> None:
    lines = [f"{'LOC:city' if at % 3 else 'HUM:ind'} Where is caf\xe9 {at} ?" for at in range(25)]
    raw = "\n".join(lines).encode("iso-8859-1")
    found = read(tmp_path, "trec_questions", raw)
    assert [one.text for one in found.dev] == ["Where is café 9 ?", "Where is café 19 ?"]
    assert len(found.train) == 23
    assert not {one.text for one in found.train} & {one.text for one in found.dev}
    assert found.labels == ("HUM", "LOC")
    assert read_task("trec-fine", tmp_path).labels == ("HUM:ind", "LOC:city")
    assert read_task("trec", tmp_path) == found


def test_messages_have_quotes_that_mean_nothing(tmp_path: Path) -> None:
    found = read(tmp_path, "sms_spam", 'ham\t"hello\nspam\tWIN\t"now"\n', "ham\tok\n")
    assert found.train == [LabeledText('"hello', "ham"), LabeledText('WIN\t"now"', "spam")]


def test_news_are_csv(tmp_path: Path) -> None:
    rows = '"3","Oil, up","He said ""no"".\\Then rain."\n"1","A","B\nC"\n'
    found = read(tmp_path, "ag_news", rows, '"4","x","y"\n')
    assert found.train == [
        LabeledText('Oil, up He said "no". Then rain.', "Business"), LabeledText("A B\nC", "World")
    ]  # fmt: skip
    assert found.labels == ("World", "Sports", "Business", "Sci/Tech")


def test_tagged_words(tmp_path: Path) -> None:
    train = "A\tO\nNew\tB-LOC\nYork\tI-LOC\n\t\nb c\tO\n\tO\n \tO\n\n\n\tO\n\n"
    found = read(tmp_path, "btc", train, "last\tB-PER")
    assert found.train == [TaggedWords(("A", "New", "York"), ("O", "B-LOC", "I-LOC")), TaggedWords(("b c",), ("O",))]
    assert found.dev == [TaggedWords(("last",), ("B-PER",))]
    assert found.labels == ("LOC", "PER")


def test_scored_pairs(tmp_path: Path) -> None:
    found = read(tmp_path, "stsb", 'A.,"B, c",2.6\nx,y,5.0\n', "a,b,0\n")
    assert found.train == [ScoredPair("A.", "B, c", 2.6), ScoredPair("x", "y", 5.0)]
    assert found.dev == [ScoredPair("a", "b", 0.0)]
    assert found.labels == ()


def squad(*questions: dict[str, Any], context: str = "Ä place in Rome") -> str:
    article = {"title": "T", "paragraphs": [{"context": context, "qas": list(questions)}]}
    return json.dumps({"version": "v2.0", "data": [article]}, ensure_ascii=False)


def asked(*answers: tuple[str, int], impossible: bool | None = None) -> dict[str, Any]:
    told = [{"text": text, "answer_start": start} for text, start in answers]
    return {"id": "q1", "question": "Where?", "answers": told} | (
        {} if impossible is None else {"is_impossible": impossible}
    )


def test_questions_about_a_context(tmp_path: Path) -> None:
    train = squad(asked(("Rome", 11), ("in Rome", 8)), asked(impossible=True))
    found = read(tmp_path, "squad2", train, squad(asked(("place", 2), impossible=False)))
    assert found.train[0] == Question(
        "q1", "Where?", "Ä place in Rome", (Answer("Rome", 11), Answer("in Rome", 8)), "T"
    )
    assert found.train[1].answers == ()
    assert found.dev[0].answers == (Answer("place", 2),)


def test_translations_are_aligned(tmp_path: Path) -> None:
    found = read(tmp_path, "multi30k", "a dog\na\u2028cat\n", "ein Hund\neine Katze\n", "x", "y\n")
    assert found.train == [TextPair("a dog", ("ein Hund",)), TextPair("a\u2028cat", ("eine Katze",))]
    assert found.dev == [TextPair("x", ("y",))]
    with pytest.raises(ValueError, match=r"train15k\.en\.gz has 2 lines and train15k\.de\.gz 1: they must be aligned"):
        read(tmp_path, "multi30k", "a dog\na cat\n", "ein Hund\n", "x", "y")


def test_summaries_keep_their_sentences(tmp_path: Path) -> None:
    lines = [{"source": ["One.", "Two."], "target": ["T1", "T2"], "paper_id": "p"}]
    found = read(tmp_path, "scitldr", "\n".join(map(json.dumps, lines)), json.dumps(lines[0]) + "\n")
    assert found.train == [TextPair("One. Two.", ("T1", "T2"), ("One.", "Two."))] == found.dev


def test_plain_texts_and_names(tmp_path: Path) -> None:
    text = "".join(f" = line {at} = \n" for at in range(500))
    found = read(tmp_path, "wikitext2", text)
    assert found.train[0].text + found.dev[0].text == text
    assert 0.05 < len(found.dev[0].text) / len(text) < 0.15
    names = read(tmp_path, "names", "\n".join(f"name{at}" for at in range(20)))
    assert names.dev == [PlainText("name9"), PlainText("name19")]
    assert len(names.train) == 18


@pytest.mark.parametrize(
    ("task", "contents", "says"),
    [
        ("sst2", ("1 good\n2 two\n", "0 x"), r"stsa\.binary\.train, line 2: a class from 0 to 1"),
        ("sst2", ("1 good\n", "0 x\n\n1\n"), r"stsa\.binary\.dev, line 3"),
        ("sst2", (b"1 good\n\n1 \xff\n", "0 x"), r"stsa\.binary\.train, line 3: it is not utf-8"),
        ("trec_questions", ("LOC:city a\nLOC b\n",), r"TREC\.train, line 2: COARSE:fine"),
        ("sms_spam", ("ham\tx\negg\ty\n", "ham\tx"), r"train\.tsv, line 2: ham or spam"),
        ("ag_news", ('"1","a","b\nc"\n"1","a"\n', '"1","a","b"'), r"train\.csv, line 3: 2 fields, where 3"),
        ("ag_news", ('"1","a","b"\n"5","a","b"\n', '"1","a","b"'), r"train\.csv, line 2: a class from 1 to 4.*'5'"),
        ("ag_news", ('"1","a","b\n', '"1","a","b"'), r"train\.csv, line 1: unexpected end"),
        ("btc", ("a\tO\nb\tX-LOC\n", "a\tO"), r"btc\.train, line 2: a word, a tab and a tag"),
        ("btc", ("a\tO\nb O\n", "a\tO"), r"btc\.train, line 2"),
        ("btc", ("a\tO\n\tB-PER\n", "a\tO"), r"btc\.train, line 2: the tag B-PER has no word"),
        ("stsb", ("a,b,5.1\n", "a,b,1"), r"train\.filtered\.csv, line 1: two texts and a number"),
        ("stsb", ("a,b,nan\n", "a,b,1"), "line 1"),
        ("stsb", ("a,b,1\na, ,1\n", "a,b,1"), "line 2"),
        ("squad2", (squad(asked(("Rome", 10))), squad()), r"train\.json: question q1: the answer 'Rome' is not at"),
        ("squad2", (squad(asked(("Rome", 11), impossible=True)), squad()), "cannot be impossible and have an answer"),
        ("squad2", (squad(asked(impossible=False)), squad()), "cannot be impossible"),
        ("squad2", ("[]", squad()), r"train\.json is not in SQuAD's format"),
        ("squad2", ("{", squad()), r"train\.json: "),
        ("multi30k", ("a\n\n", "b\nc\n", "x", "y"), r"train15k\.en\.gz, line 2: it is empty"),
        ("scitldr", ('{"source": ["a"], "target": ["b"]}\n{"source": ["a"]}', "{}"), r"1000\.jsonl, line 2: no object"),
        ("scitldr", ('{"source": [], "target": ["b"]}', "{}"), r"1000\.jsonl, line 1: source and target are"),
        ("scitldr", ("no json", "{}"), r"train1000\.jsonl, line 1: no JSON"),
        ("movie_reviews", ('{"text": "a", "label": "neg"}\n{"text": "a", "label": 1}', "{}"), r"jsonl\.gz, line 2"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_named(task: str, contents: tuple[bytes | str, ...], says: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=says):
        read(tmp_path, task, *contents)


def test_a_damaged_archive_is_named(tmp_path: Path) -> None:
    read(tmp_path, "multi30k", "a\n", "b\n", "x", "y")
    path = tmp_path / "multi30k" / "train15k.de.gz"
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(ValueError, match=r"train15k\.de\.gz is damaged.*groundup data get"):
        read_task("multi30k", tmp_path)


TEXT = st.text(st.characters(exclude_characters="\r", exclude_categories=["Cs"]), min_size=1).filter(str.strip)
LINE = TEXT.filter(lambda one: "\n" not in one and "\t" not in one and not one.startswith("\ufeff"))


@given(rows=st.lists(st.tuples(st.sampled_from("1234"), TEXT, TEXT), min_size=1))
def test_any_text_in_a_csv_is_read_as_it_was_written(
    rows: list[tuple[str, str, str]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    written = io.StringIO()
    csv.writer(written, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(rows)
    found = read(tmp_path_factory.mktemp("csv"), "ag_news", written.getvalue(), '"1","a","b"')
    assert [one.text for one in found.train] == [f"{title} {text}".replace("\\", " ") for _, title, text in rows]


@given(texts=st.lists(st.lists(st.tuples(LINE, st.sampled_from(["O", "B-LOC", "I-LOC"])), min_size=1), min_size=1))
def test_any_words_and_tags_are_read_as_they_were_written(
    texts: list[list[tuple[str, str]]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    raw = "\n\n".join("\n".join(f"{word}\t{tag}" for word, tag in text) for text in texts)
    found = read(tmp_path_factory.mktemp("conll"), "btc", raw, "a\tO")
    assert [list(zip(one.words, one.tags, strict=True)) for one in found.train] == texts


# ── where they are looked for ────────────────────────────────────────────────


def test_the_named_folder_comes_first_then_where_downloads_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GROUNDUP_DATA", raising=False)
    named, downloads = tmp_path / "named", tmp_path / "downloads"
    with pytest.raises(FileNotFoundError, match=r"`groundup data get names` downloads it, or .* GROUNDUP_DATA\.$"):
        read_task("names")
    write(downloads, "names/names.txt", "down\nload")
    with reading_from(downloads):
        assert read_task("names").train[0].text == "down"
        assert data_folders() == [downloads]
        monkeypatch.setenv("GROUNDUP_DATA", str(named))
        assert data_folders() == [named, downloads]
        assert find_file("names/names.txt") == downloads / "names" / "names.txt"
        write(named, "names/names.txt", "na\nmed")
        assert read_task("names").train[0].text == "na"
        with pytest.raises(FileNotFoundError, match=f"sst/stsa.*It is not in {named} or {downloads}"):
            read_task("sst2")
    assert data_folders() == [named]
    with pytest.raises(FileNotFoundError, match=f"data get sst --folder {named}"):
        read_task("sst2", named)


def test_a_corpus_is_found_there_too_and_says_what_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GROUNDUP_DATA", raising=False)
    write(tmp_path, "tinyshakespeare/input.txt", "To be, or not to be\n" * 200)
    with reading_from(tmp_path):
        about = read_text("tinyshakespeare").provenance
    assert about["licence"] == CATALOG["tinyshakespeare"].licence
    assert about["checked"] == "NOT the bytes that groundup pins"


def test_unknown_tasks_name_those_that_there_are() -> None:
    with pytest.raises(ValueError, match="there is no task 'imdb': sst2, sst5, trec_questions"):
        read_task("imdb")


def test_every_set_of_the_catalog_has_a_task_and_reads_files_that_it_keeps() -> None:
    assert {one.set for one in TASKS.values()} == set(CATALOG)
    for one in TASKS.values():
        assert {*one.train, *one.dev} <= {kept.name for kept in CATALOG[one.set].files}


# ── the real ones ────────────────────────────────────────────────────────────

COUNTS = {  # as their papers or their publishers give them, or as the catalog cuts them
    "sst2": (6920, 872, 2), "sst5": (8544, 1101, 5), "trec_questions": (4907, 545, 6), "trec_fine": (4907, 545, 50),
    "sms_spam": (4000, 574, 2), "ag_news": (5000, 1000, 4), "movie_reviews": (700, 100, 2), "wnut17": (3394, 1009, 6),
    "btc": (6338, 1000, 3), "stsb": (2999, 875, 0), "squad2": (2000, 500, 0), "multi30k": (15000, 1014, 0),
    "scitldr": (1000, 300, 0), "wikitext2": (1, 1, 0), "tinyshakespeare": (1, 1, 0), "the_verdict": (1, 1, 0),
    "names": (28830, 3203, 0),
}  # fmt: skip


@pytest.mark.parametrize("task", list(TASKS))
def test_the_real_sets_are_read_whole(task: str) -> None:
    if not (DATA / TASKS[task].set).is_dir():
        pytest.skip(f"no {TASKS[task].set} (set GROUNDUP_DATA)")
    found = read_task(task, DATA)
    assert (len(found.train), len(found.dev), len(found.labels)) == COUNTS[task]
    assert found.provenance["checked"] == "the bytes that groundup pins"
    assert found.provenance["licence"] == CATALOG[TASKS[task].set].licence
    assert all(path.is_file() for path in found.files)
    if found.task == "classification":
        assert {one.label for one in found.dev} <= set(found.labels) == {one.label for one in found.train}
    if found.task == "tagging":
        names = [tag for one in found.train + found.dev for tag in one.tags if tag.startswith("B-")]
        assert len(names) == {"wnut17": 1975 + 836, "btc": 8779 + 1730}[task]
    if task == "squad2":
        assert sum(not one.answers for one in found.train) == 1021
        assert sum(not one.answers for one in found.dev) == 339


def test_real_translations_are_aligned_line_by_line() -> None:
    if not (DATA / "multi30k").is_dir():
        pytest.skip("no multi30k (set GROUNDUP_DATA)")
    sides = [
        gzip.decompress((DATA / "multi30k" / f"train15k.{one}.gz").read_bytes()).decode().splitlines()
        for one in ("en", "de")
    ]
    pairs = [(one.source, *one.targets) for one in read_task("multi30k", DATA).train]
    assert pairs == list(zip(*sides, strict=True))


def test_a_byte_order_mark_and_windows_line_ends_are_no_part_of_words(tmp_path: Path) -> None:
    folder = tmp_path / "wnut17"
    folder.mkdir()
    for name in ("wnut17train.conll", "emerging.dev.conll"):
        (folder / name).write_bytes(b"\xef\xbb\xbfAda\tB-person\r\nmet\tO\r\n\r\nhim\tO\r\n")
    assert [one.words for one in read_task("wnut17", tmp_path).train] == [("Ada", "met"), ("him",)]
