"""``tokenizer.json`` read and written, against the library that everybody reads it with, and against transformers."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, processors, trainers

from groundup.stack.text.bpe import BytePairTokenizer, encode, train_bpe
from groundup.stack.text.pieces import PieceTokenizer, Rules
from groundup.stack.text.pieces_file import write_pieces
from groundup.stack.text.tokenizer_file import (
    _GPT2,
    _LLAMA3,
    FileTokenizer,
    TokenizerError,
    read_tokenizer,
    write_tokenizer,
)
from groundup.stack.text.unigram import Unigram
from groundup.stack.text.unigram_training import METASPACE
from groundup.stack.text.wordpiece import WordPiece
from groundup.stack.text.wordpiece_file import write_wordpiece

DATA = Path(os.environ.get("GROUNDUP_DATA", Path(__file__).resolve().parents[4] / "shared" / "data")) / "tokenizers"
TEXT = (
    "We'll say it was 1,234 days, it's 5678 to me; don't you think THAT'S odd?\n\n  A naïve café – 漢字漢字 ½ Ⅷ.\r\n"
    * 9
    + "".join(f"word{one} the cat sat because it was tired, {one * 37} times\n" for one in range(60))
)
HARD = [
    "",
    " ",
    "a",
    "   x  y \n\n z\r\n\r\n",
    "we'll I'M don't'ts '''s",
    "½ Ⅷ ² ٣ 一二三 12一 12345678",
    "é e\u0301 ﬁ 🦙🦙 👩‍👩‍👧",
    "a\x1cb \x1d\x1e \x1fc\x00",
    "\u00a0a\u2009b\u3000 c\u2028d",
    "<|endoftext|> <|endoftext|>the<|pad|>end<|endoftext",
]
TEXTS = st.one_of(
    st.text(alphabet="ab 's\n1", max_size=40),
    st.text(alphabet="aé漢🦙 1½'st\n\u00a0\x1c.<|>", max_size=40),
    st.text(alphabet=st.characters(exclude_categories=("Cs", "Cn")), max_size=30),
)
SPECIAL = ("<|endoftext|>", "<|pad|>")


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("written")
    write_tokenizer(folder, train_bpe(TEXT, 500), SPECIAL)
    return folder


def theirs(folder: Path) -> Tokenizer:
    return Tokenizer.from_file(str(folder / "tokenizer.json"))


def trained(folder: Path, cut: Any, **model: Any) -> Path:
    """A file that the library itself trained and wrote, with pieces numbered in its own way."""
    tokenizer = Tokenizer(models.BPE(**model))
    tokenizer.pre_tokenizer = cut
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=600,
        special_tokens=["<|pad|>", "<|endoftext|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator([TEXT], trainer)
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder


def level(*, use_regex: bool = True) -> Any:
    return pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=use_regex)


def split(pattern: str) -> Any:
    return pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(pattern), "isolated"), level(use_regex=False)])


CUTS = {
    "gpt2": level(),
    "uncut": level(use_regex=False),
    "gpt2-split": split(_GPT2),
    "llama3": split(_LLAMA3),
    "qwen2": split(_LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}")),
    "digits": pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), level()]),
}


# ── what we write ────────────────────────────────────────────────────────────


@settings(max_examples=150, deadline=None)
@given(text=TEXTS)
def test_what_we_write_means_the_same_to_everybody(written: Path, text: str) -> None:
    ours, library = read_tokenizer(written), theirs(written)
    ids = library.encode(text).ids
    assert ours.encode(text) == ids
    assert ours.decode(ids) == library.decode(ids, skip_special_tokens=False)


def test_ids_are_those_of_the_stack(written: Path) -> None:
    merges = train_bpe(TEXT, 500)
    ours = read_tokenizer(written)
    assert ours.encode(TEXT) == encode(TEXT, merges) == theirs(written).encode(TEXT).ids
    assert ours.vocab_size == 502
    assert ours.added == {"<|endoftext|>": 500, "<|pad|>": 501}
    assert ours.token_bytes(256) == b"".join(merges[0])
    assert ours.token_bytes(10**6) == b""
    with pytest.raises(ValueError, match="ids end at 501"):
        ours.decode([502])


@pytest.mark.parametrize("text", HARD)
def test_hard_texts(written: Path, text: str) -> None:
    ours, library = read_tokenizer(written), theirs(written)
    assert ours.encode(text) == library.encode(text).ids
    assert ours.decode(ours.encode(text)) == text


def test_transformers_loads_what_we_write(written: Path, tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    config = {"model_type": "llama", "architectures": ["LlamaForCausalLM"], "vocab_size": 502}
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (tmp_path / name).write_bytes((written / name).read_bytes())
    (tmp_path / "config.json").write_text(json.dumps(config))
    loaded = transformers.AutoTokenizer.from_pretrained(tmp_path)
    assert loaded(TEXT)["input_ids"] == read_tokenizer(written).encode(TEXT)
    assert loaded.eos_token_id == 500


def test_bytes_alone_are_a_tokenizer(tmp_path: Path) -> None:
    write_tokenizer(tmp_path, [])
    assert read_tokenizer(tmp_path).encode("aé") == theirs(tmp_path).encode("aé").ids == [97, 0xC3, 0xA9]


def test_a_piece_that_is_made_twice_is_refused(tmp_path: Path) -> None:
    merges = [(b"a", b"b"), (b"b", b"c"), (b"ab", b"c"), (b"a", b"bc")]
    with pytest.raises(ValueError, match="once more"):
        write_tokenizer(tmp_path, merges)
    assert not (tmp_path / "tokenizer.json").exists()


# ── what others wrote ────────────────────────────────────────────────────────


@pytest.mark.parametrize("cut", CUTS)
def test_files_of_the_library_mean_the_same(cut: str, tmp_path: Path) -> None:
    folder = trained(tmp_path, CUTS[cut])
    ours, library = read_tokenizer(folder), theirs(folder)
    for text in (*HARD, TEXT):
        ids = library.encode(text).ids
        assert ours.encode(text) == ids, text
        assert ours.decode(ids) == text


def test_llama3s_whole_words_and_repeated_merges(tmp_path: Path) -> None:
    """Files converted from tiktoken list every way to make a piece, and take a word that is a piece as it is."""
    folder = trained(tmp_path, CUTS["llama3"])
    file = json.loads((folder / "tokenizer.json").read_text())
    vocab = file["model"]["vocab"]
    ranks = {piece: rank for rank, piece in enumerate(vocab)}
    every = [
        (rank, [piece[:at], piece[at:]])
        for piece, rank in ranks.items()
        for at in range(1, len(piece))
        if piece[:at] in vocab and piece[at:] in vocab
    ]
    file["model"]["merges"] = [pair for _, pair in sorted(every, key=lambda one: one[0])]
    for whole in (True, False):
        file["model"]["ignore_merges"] = whole
        (folder / "tokenizer.json").write_text(json.dumps(file))
        ours, library = read_tokenizer(folder), theirs(folder)
        for text in (*HARD, TEXT):
            assert ours.encode(text) == library.encode(text).ids, text


def test_what_stands_before_every_text_is_known(tmp_path: Path) -> None:
    folder = trained(tmp_path, level())
    library = theirs(folder)
    template = processors.TemplateProcessing(single="<|endoftext|> $A", special_tokens=[("<|endoftext|>", 1)])
    library.post_processor = processors.Sequence([processors.ByteLevel(trim_offsets=False), template])
    library.save(str(folder / "tokenizer.json"))
    ours = read_tokenizer(folder)
    assert ours.begin + ours.encode("the cat") == library.encode("the cat").ids


@pytest.mark.skipif(not (DATA / "gpt2").is_dir(), reason="no GPT-2 tokenizer (set GROUNDUP_DATA)")
def test_gpt2s_own_pair_of_files(tmp_path: Path) -> None:
    for name in ("vocab.bpe", "encoder.json"):
        (tmp_path / name).write_bytes((DATA / "gpt2" / name).read_bytes())
    ours = read_tokenizer(tmp_path)
    plain = BytePairTokenizer.from_gpt2(tmp_path / "vocab.bpe", tmp_path / "encoder.json")
    for text in HARD[:-1]:
        assert ours.encode(text) == plain.encode(text)
    assert ours.encode("a<|endoftext|>") == [64, 50256]


# ── where tokens are from ────────────────────────────────────────────────────

AFTER = {
    "nothing": None,
    "trimmed": processors.ByteLevel(trim_offsets=True, add_prefix_space=False),
    "trimmed but for the first space": processors.ByteLevel(trim_offsets=True, add_prefix_space=True),
    "not trimmed": processors.ByteLevel(trim_offsets=False),
}


class Placed(dict[tuple[str, str], tuple[FileTokenizer, Tokenizer]]):
    """By the cut and what comes after it; its repr is short, so that a failure can be read."""

    def __repr__(self) -> str:
        return "Placed()"


@pytest.fixture(scope="module")
def placed(tmp_path_factory: pytest.TempPathFactory) -> Placed:
    found = Placed()
    folder = trained(tmp_path_factory.mktemp("placed"), level())
    for cut in ("gpt2", "uncut", "llama3"):
        for after, processor in AFTER.items():
            library = theirs(folder)
            library.pre_tokenizer = CUTS[cut]
            if processor is not None:
                library.post_processor = processor
            library.add_special_tokens([AddedToken("<|mask|>", lstrip=True, rstrip=True), AddedToken(" x ")])
            library.add_special_tokens([AddedToken("<|word|>", single_word=True)])
            library.save(str(folder / "tokenizer.json"))
            ours = read_tokenizer(folder)
            assert isinstance(ours, FileTokenizer)
            found[cut, after] = ours, theirs(folder)
            trained(folder, level())
    return found


PLACED = st.lists(st.sampled_from([" ", "<|mask|>", "  <|mask|>\n", "<|word|>", "a<|word|>", " x ", "the cat", "é"]))


def same_places(placed: Placed, cut: str, text: str) -> None:
    for after in AFTER:
        ours, library = placed[cut, after]
        expected = library.encode(text, add_special_tokens=False)
        assert ours.encode_with_offsets(text) == (expected.ids, expected.offsets), (after, text)
        assert ours.encode(text) == expected.ids


@pytest.mark.parametrize("cut", ["gpt2", "uncut", "llama3"])
def test_places_are_those_of_the_library(placed: Placed, cut: str) -> None:
    for text in (*HARD, TEXT):
        same_places(placed, cut, text)


@settings(max_examples=200, deadline=None)
@given(text=TEXTS | PLACED.map("".join), cut=st.sampled_from(["gpt2", "uncut", "llama3"]))
def test_places_in_random_texts(placed: Placed, cut: str, text: str) -> None:
    same_places(placed, cut, text)


def test_places_by_hand(written: Path) -> None:
    ours = read_tokenizer(written)
    ids, offsets = ours.encode_with_offsets("a🦙<|pad|>b")
    assert ids == [97, 0xF0, 0x9F, 0xA6, 0x99, 501, 98]
    assert offsets == [(0, 1), *[(1, 2)] * 4, (2, 9), (9, 10)]


# ── one way in ───────────────────────────────────────────────────────────────


def test_every_kind_of_file_has_its_reader(tmp_path: Path) -> None:
    """What is shared: ids, ids with places, the way back, a size, bytes, what stands before a text."""
    level_folder, word_folder, unigram_folder = tmp_path / "level", tmp_path / "word", tmp_path / "unigram"
    write_tokenizer(level_folder, train_bpe(TEXT, 300), SPECIAL)
    write_wordpiece(word_folder, WordPiece({"[UNK]": 0, "the": 1, "##n": 2, "[CLS]": 3}))
    pieces = [("<unk>", 0.0), ("▁the", -1.0), ("n", -2.0), ("▁", -2.0)]
    unigram = PieceTokenizer(Unigram(pieces), Rules(pre_tokenizer=METASPACE))
    write_pieces(unigram_folder, unigram)
    kinds: dict[Path, type] = {level_folder: FileTokenizer, word_folder: WordPiece, unigram_folder: PieceTokenizer}
    for folder, kind in kinds.items():
        ours, library = read_tokenizer(folder), theirs(folder)
        assert isinstance(ours, kind)
        expected = library.encode("the then 🦙", add_special_tokens=False)
        assert ours.encode("the then 🦙") == expected.ids
        assert ours.encode_with_offsets("the then 🦙") == (expected.ids, expected.offsets)
        assert ours.decode(expected.ids) == library.decode(expected.ids, skip_special_tokens=kind is WordPiece)
        assert ours.vocab_size == library.get_vocab_size()
        assert ours.token_bytes(ours.encode("the")[0]).strip() == b"the" or kind is FileTokenizer
        assert ours.token_bytes(10**6) == b""
    assert read_tokenizer(word_folder).begin == [3]
    (word_folder / "tokenizer.json").unlink()
    assert isinstance(read_tokenizer(word_folder), WordPiece), "its vocab.txt is read"
    assert [read_tokenizer(word_folder).token_bytes(one) for one in (1, 2)] == [b" the", b"n"]


# ── what is refused ──────────────────────────────────────────────────────────


def broken(folder: Path, **changes: Any) -> Path:
    write_tokenizer(folder, train_bpe(TEXT, 300))
    file = json.loads((folder / "tokenizer.json").read_text())
    if changes.get("model") is not None:
        file["model"].update(changes.pop("model"))
    (folder / "tokenizer.json").write_text(json.dumps(file | changes))
    return folder


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"model": {"type": "WordLevel"}}, "of type WordLevel"),
        ({"model": {"type": "Unigram"}}, "not in the form"),
        ({"model": None}, "it has no model"),
        ({"model": {"byte_fallback": True}}, "byte_fallback"),
        ({"normalizer": {"type": "Nmt"}}, "a normalizer of type Nmt"),
        ({"decoder": {"type": "Fuse"}}, "a decoder of type Fuse"),
        ({"model": {"end_of_word_suffix": "</w>"}}, "end_of_word_suffix"),
        ({"pre_tokenizer": {"type": "Whitespace"}}, "type Whitespace"),
        ({"pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": True}}, "add_prefix_space"),
        ({"pre_tokenizer": {"type": "Split", "pattern": {"Regex": "x+"}}}, "not a pattern known"),
        ({"model": {"vocab": {"a": 0}}}, "no id for the piece"),
        ({"model": {"vocab": {"▁a": 0}}}, "no byte's character"),
        ({"model": {"vocab": None}}, "not in the form"),
        ({"model": {"merges": [["a"]]}}, "not in the form"),
        ({"added_tokens": [7]}, "not in the form"),
    ],
)
def test_what_is_not_computed_is_refused_by_name(changes: dict[str, Any], said: str, tmp_path: Path) -> None:
    with pytest.raises(TokenizerError, match=said):
        read_tokenizer(broken(tmp_path, **changes))


def test_a_folder_without_a_tokenizer_is_said_to_be(tmp_path: Path) -> None:
    with pytest.raises(TokenizerError, match=r"has no tokenizer\.json"):
        read_tokenizer(tmp_path)
    (tmp_path / "tokenizer.json").write_text("{")
    with pytest.raises(TokenizerError, match="is not JSON"):
        read_tokenizer(tmp_path)
