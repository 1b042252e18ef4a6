"""Inputs of one text and of two against transformers' tokenizers: special tokens, token types, cutting."""

from __future__ import annotations

import runpy
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundup.stack.tasks.reading import Layout, Reader, cut, family_layout, file_layout, parse_layout, token_id
from groundup.stack.text.bpe import byte_characters
from groundup.stack.text.files import read_json
from groundup.stack.text.tokenizer_file import read_tokenizer

transformers = pytest.importorskip("transformers")

TINY = runpy.run_path(str(Path(__file__).with_name("tiny.py")))
WORDS = st.lists(st.sampled_from([*TINY["CORPUS"], "unaffably", "İ", "[SEP]", "don't", "x" * 9]), max_size=9).map(
    " ".join
)


def scored(*special: str) -> list[tuple[str, float]]:
    pieces = [*special, "▁", "▁the", "▁film", *"abcdefghijklmnopqrstuvwxyzABCDLP;.,'"]
    return [(piece, 0.0 if piece in special else -2.0 - at / 10) for at, piece in enumerate(pieces)]


def merged(*special: str) -> dict[str, Any]:
    named = dict.fromkeys([*special, *byte_characters(), "th", "the", "Ġf"])
    return {"vocab": {piece: at for at, piece in enumerate(named)}, "merges": [("t", "h"), ("th", "e"), ("Ġ", "f")]}


THEIRS = {
    "bert": lambda: ("BertTokenizer", {"vocab": TINY["WORDPIECE"].vocab}),
    "roberta": lambda: ("RobertaTokenizer", merged("<s>", "<pad>", "</s>", "<unk>", "<mask>")),
    "albert": lambda: ("AlbertTokenizer", {"vocab": scored("<pad>", "<unk>", "[CLS]", "[SEP]", "[MASK]"), "unk_id": 1}),
    "xlnet": lambda: ("XLNetTokenizer", {"vocab": scored("<unk>", "<s>", "</s>", "<cls>", "<sep>", "<pad>", "<mask>")}),
    "t5": lambda: ("T5Tokenizer", {"vocab": scored("<pad>", "</s>", "<unk>"), "extra_ids": 0}),
}


@cache
def both(family: str) -> tuple[Reader, Any, Layout]:
    """Our reader of the file that their tokenizer writes, their tokenizer, and what the family's layout would be."""
    name, told = THEIRS[family]()
    theirs = getattr(transformers, name)(**told)
    with TemporaryDirectory() as folder:
        theirs.save_pretrained(folder)
        ours = read_tokenizer(folder)
        layout = file_layout(read_json(Path(folder) / "tokenizer.json")["post_processor"], ours)
    assert layout is not None
    return Reader(ours, layout), theirs, family_layout(family, ours)


@pytest.mark.parametrize("family", THEIRS)
def test_layouts_of_families_are_those_of_files(family: str) -> None:
    reader, _, layout = both(family)
    assert (reader.layout.single, reader.layout.pair) == (layout.single, layout.pair)


@pytest.mark.parametrize("family", THEIRS)
def test_texts_and_pairs_are_read_as_transformers_reads_them(family: str) -> None:
    reader, theirs, _ = both(family)

    @given(WORDS, st.one_of(st.none(), WORDS), st.one_of(st.none(), st.integers(6, 40)))
    def check(text: str, second: str | None, length: int | None) -> None:
        mine = reader.read(text, second, length)
        cut = {} if length is None else {"truncation": "longest_first", "max_length": length}
        pair = None if second is None else [second]  # alone, an empty second text would count as none
        expected = theirs([text], pair, return_token_type_ids=True, **cut)
        assert mine.ids == expected["input_ids"][0]
        assert mine.token_types == expected["token_type_ids"][0]
        for span, one in zip(mine.spans, (text, second), strict=False):
            own = reader.tokenizer.encode(str(one))
            assert mine.ids[slice(*span)] == own[: span[1] - span[0]]

    check()


@given(st.integers(0, 20), st.integers(0, 20), st.integers(2, 24))
def test_the_longer_of_two_is_cut_first(first: int, second: int, room: int) -> None:
    one, other = list(range(first)), list(range(100, 100 + second))
    kept = cut([one, other], room)
    assert sum(map(len, kept)) == min(room, first + second)
    for text, left in zip((one, other), kept, strict=True):
        assert left == text[: len(left)]
        assert len(left) == len(text) or len(left) >= room // 2
    if len(kept[0]) < first and len(kept[1]) < second:
        assert abs(len(kept[0]) - len(kept[1])) <= 1


def test_a_layout_that_is_written_down() -> None:
    layout = parse_layout("<s> A", "<s> A </s> B:1", {"<s>": 7, "</s>": 9}.get, pad_id=3)
    assert layout.join([1, 2]).ids == [7, 1, 2]
    pair = layout.join([1, 2], [4])
    assert (pair.ids, pair.token_types, pair.spans) == ([7, 1, 2, 9, 4], [0, 0, 0, 0, 1], ((1, 3), (4, 5)))
    assert (layout.extra(1), layout.extra(2), layout.types) == (1, 2, True)
    with pytest.raises(ValueError, match="one text or two, not 3"):
        layout.join([1], [2], [3])
    with pytest.raises(ValueError, match="has no <cls>"):
        parse_layout("A <cls>", "A B", {}.get)


def test_lengths_that_leave_no_room_are_refused() -> None:
    reader, _, layout = both("bert")
    bounded = Reader(reader.tokenizer, layout, longest=20)
    assert (bounded.room(1), bounded.room(2), bounded.room(1, 12), reader.room(1)) == (18, 17, 10, None)
    assert bounded.room(1, 20) == 18
    assert len(bounded.read(" ".join(TINY["CORPUS"])).ids) == 20
    with pytest.raises(ValueError, match="leaves 1 tokens for 2 texts, beside 3 special ones"):
        bounded.read("the", "film", 4)
    with pytest.raises(ValueError, match="length 30 is more than the 20 tokens"):
        bounded.read("the", length=30)


def test_special_tokens_of_every_kind_are_found() -> None:
    for family, name in (("bert", "[SEP]"), ("roberta", "</s>"), ("xlnet", "<cls>"), ("t5", "</s>")):
        reader, theirs, _ = both(family)
        assert token_id(reader.tokenizer, name) == theirs.convert_tokens_to_ids(name)
        assert token_id(reader.tokenizer, "no such token") is None


def test_a_file_that_says_nothing_has_no_layout() -> None:
    reader, _, _ = both("bert")
    assert file_layout(None, reader.tokenizer) is None
    assert file_layout({"type": "ByteLevel"}, reader.tokenizer) is None
    roberta, _, layout = both("roberta")
    around = {"type": "RobertaProcessing", "cls": ["<s>", 0], "sep": ["</s>", 2]}
    several = {"type": "Sequence", "processors": [{"type": "ByteLevel"}, around]}
    assert file_layout(several, roberta.tokenizer) == layout
    assert file_layout({"type": "Sequence", "processors": [{"type": "ByteLevel"}]}, roberta.tokenizer) is None
    with pytest.raises(ValueError, match="type Other is not computed here"):
        file_layout({"type": "Other"}, reader.tokenizer)
