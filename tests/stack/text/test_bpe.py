"""The tokenizer against tiktoken, Hugging Face's tokenizers, GPT-2's own files and a plain restatement of the rules."""

from __future__ import annotations

import doctest
import json
import math
import os
import random
import sys
import unicodedata
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest
import tiktoken
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

import groundup.stack.text as text_room
from groundup.curriculum.nlp.byte_pair_encoding import exercise, solution
from groundup.stack.text import BytePairTokenizer, Merges, bpe, decode, encode, split_text, train_bpe, wordpiece
from groundup.stack.text.bpe import Merge, byte_characters

DATA = Path(os.environ.get("GROUNDUP_DATA", Path(__file__).resolve().parents[4] / "shared" / "data")) / "tokenizers"
GPT2 = DATA / "gpt2"
REFERENCE = DATA / "bpe_training_reference"
PATTERN = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
BYTES_ONLY = {bytes([byte]): byte for byte in range(256)}
HARD = [
    "",
    " ",
    "   x",
    "\n\n \t x \r\n",
    "we'll I'M don't'ts '''s",
    "½ Ⅷ ² ٣ 一二三 12一",
    "é e\u0301 ﬁ ʼn",
    "🦙🦙 👩‍👩‍👧 🇩🇪",
    "a\x1cb \x1d\x1e \x1fc",
    "\u00a0a\u2009b\u3000 c\u2028d",
    "\x85x\x00y",
    "aaaa aaa aa a",
    "_a_ $5 #1 --x",
    "かな漢字 ไทย កាន់",
]
# Long runs, few letters and many kinds of characters, so that merges meet.
TEXTS = st.one_of(
    st.text(alphabet="ab ", max_size=40),
    st.text(alphabet="aé漢🦙 1½'st\n\u00a0\x1c.", max_size=40),
    st.text(alphabet=st.characters(exclude_categories=("Cs", "Cn")), max_size=30),
)


def needs(folder: Path) -> pytest.MarkDecorator:
    return pytest.mark.skipif(not folder.is_dir(), reason=f"no {folder.name} data (set GROUNDUP_DATA)")


@pytest.fixture(scope="module")
def gpt2() -> BytePairTokenizer:
    return BytePairTokenizer.from_gpt2(GPT2 / "vocab.bpe", GPT2 / "encoder.json")


def read(path: Path) -> str:
    return path.read_bytes().decode("utf-8")


def oracle(merges: list[Merge], pattern: str = PATTERN) -> tiktoken.Encoding:
    ranks = BYTES_ONLY | {left + right: 256 + i for i, (left, right) in enumerate(merges)}
    return tiktoken.Encoding("oracle", pat_str=pattern, mergeable_ranks=ranks, special_tokens={})


def train_plainly(text: str, merges_wanted: int) -> list[Merge]:
    """The rules of the module's docstring, word for word and slow; shares no code with the subject but split_text."""
    words = [[bytes([byte]) for byte in word.encode()] for word in split_text(text)]
    merges: list[Merge] = []
    while len(merges) < merges_wanted:
        counts = Counter(pair for word in words for pair in pairwise(word))
        if not counts:
            break
        left, right = max((count, pair) for pair, count in counts.items())[1]
        merges.append((left, right))
        for word in words:
            at = 0
            while at + 1 < len(word):
                if word[at] == left and word[at + 1] == right:
                    word[at : at + 2] = [left + right]
                at += 1
    return merges


def random_merges(letters: str, n: int, seed: int) -> list[Merge]:
    """Merges that no training would learn in this order, but could: halves exist, and no piece is made twice."""
    draw = random.Random(seed)
    pieces = sorted({bytes([byte]) for byte in letters.encode()})
    merges: list[Merge] = []
    while len(merges) < n:
        pair = draw.choice(pieces), draw.choice(pieces)
        if b"".join(pair) not in pieces:
            pieces.append(b"".join(pair))
            merges.append(pair)
    return merges


# ── words ──


def test_words_of_the_docstring() -> None:
    assert split_text("We'll pay 30.\n") == ["We", "'ll", " pay", " 30", ".", "\n"]


@pytest.mark.parametrize("text", HARD)
def test_words_against_hugging_face(text: str) -> None:
    cut = pre_tokenizers.ByteLevel(add_prefix_space=False).pre_tokenize_str(text)
    assert split_text(text) == [text[start:end] for _, (start, end) in cut]


@given(TEXTS)
@settings(max_examples=300)
def test_words_join_to_the_text_and_agree_with_hugging_face(text: str) -> None:
    words = split_text(text)
    assert "".join(words) == text
    cut = pre_tokenizers.ByteLevel(add_prefix_space=False).pre_tokenize_str(text)
    if all(known_everywhere(char) for char in text):
        assert words == [text[start:end] for _, (start, end) in cut]


def known_everywhere(char: str) -> bool:
    """Older than the oldest Unicode tables in play (3.2 is what Python keeps beside its own): no version disagrees."""
    return unicodedata.ucd_3_2_0.category(char) not in ("Cn", "Cs") and unicodedata.ucd_3_2_0.category(
        char
    ) == unicodedata.category(char)


def test_every_character_has_the_class_that_unicode_gives_it() -> None:
    """Letters, numbers and white space are exactly L*, N* and White_Space, of Python's Unicode version."""
    spaces = {*range(9, 14), 32, 0x85, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F, 0x205F, 0x3000}
    wrong = []
    for code in range(sys.maxunicode + 1):
        shape = bpe._Shape()[code]
        kind = unicodedata.category(chr(code))[0]
        seen = "L" if shape.isalpha() else "N" if shape.isdigit() else "S" if shape.isspace() else "-"
        if seen != (kind if kind in "LN" else "S" if code in spaces else "-"):
            wrong.append((hex(code), shape))
    assert wrong == []


@needs(GPT2)
def test_words_of_real_text_against_tiktoken() -> None:
    """tiktoken runs GPT-2's pattern itself; without merges its ids are the bytes, so words show only through merges."""
    text = read(REFERENCE / "german.txt") + read(REFERENCE / "address.txt")
    merges = train_bpe(text, 600)
    assert encode(text, merges) == oracle(merges).encode_ordinary(text)


# ── training ──


@needs(REFERENCE)
def test_training_reproduces_all_243_merges_of_the_reference() -> None:
    byte = byte_characters()
    lines = read(REFERENCE / "train-bpe-reference-merges.txt").splitlines()
    expected = [tuple(bytes(byte[char] for char in piece) for piece in line.split(" ")) for line in lines]
    merges = train_bpe(read(REFERENCE / "corpus.en"), 256 + len(expected))
    assert len(expected) == 243
    assert merges == expected


@pytest.mark.parametrize(
    ("text", "size", "merges"),
    [
        ("aaabdaaabac", 259, [(b"a", b"a"), (b"aa", b"a"), (b"aaa", b"b")]),
        ("aaaa", 300, [(b"a", b"a"), (b"aa", b"aa")]),
        ("aaaaa", 300, [(b"a", b"a"), (b"aa", b"aa"), (b"aaaa", b"a")]),
        ("abcd", 257, [(b"c", b"d")]),
        ("a1a1a1", 300, []),
        ("é", 300, [(b"\xc3", b"\xa9")]),
        ("", 300, []),
        ("abab", 256, []),
    ],
)
def test_training_on_texts_worked_out_by_hand(text: str, size: int, merges: list[Merge]) -> None:
    assert train_bpe(text, size) == merges


@given(st.lists(TEXTS, max_size=6), st.integers(0, 40))
@settings(max_examples=300, deadline=None)
def test_training_follows_the_rules(texts: list[str], merges_wanted: int) -> None:
    text = " ".join(texts)
    assert train_bpe(text, 256 + merges_wanted) == train_plainly(text, merges_wanted)


@pytest.mark.parametrize("seed", range(5))
def test_training_follows_the_rules_on_one_long_word(seed: int) -> None:
    """Runs and overlaps without end: where counts kept by hand go wrong first."""
    text = "".join(random.Random(seed).choices("ab", weights=(3, 1), k=600))
    assert train_bpe(text, 256 + 80) == train_plainly(text, 80)


@needs(REFERENCE)
def test_training_agrees_with_hugging_face_up_to_ties() -> None:
    """Both learn the same pieces as long as no tie is broken; the counts of what is learned are the same throughout."""
    text = read(REFERENCE / "corpus.en")
    theirs = Tokenizer(models.BPE())
    theirs.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    theirs.train_from_iterator(
        [text], trainers.BpeTrainer(vocab_size=356, initial_alphabet=alphabet, show_progress=False)
    )
    byte = byte_characters()
    pieces = {bytes(byte[char] for char in piece) for piece in theirs.get_vocab()}
    ours = {left + right for left, right in train_bpe(text, 356)}
    assert len(ours & pieces) >= 95


def test_no_piece_is_made_twice() -> None:
    text = " ".join("".join(random.Random(i).choices("abc", k=9)) for i in range(200))
    made = [left + right for left, right in train_bpe(text, 256 + 400)]
    assert len(made) == len(set(made)) == 400


@pytest.mark.parametrize("size", [255, 0, -1])
def test_a_vocabulary_without_room_for_the_bytes_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match=f"at least 256, one id for each byte, not {size}"):
        train_bpe("text", size)


# ── encoding and decoding ──


@pytest.mark.parametrize("seed", range(6))
def test_encoding_against_hugging_face_with_merges_in_any_order(seed: int) -> None:
    merges = random_merges("abc", 60, seed)
    character = {byte: char for char, byte in byte_characters().items()}
    written = [tuple("".join(character[byte] for byte in piece) for piece in merge) for merge in merges]
    vocab = {char: byte for byte, char in character.items()}
    vocab.update({left + right: 256 + i for i, (left, right) in enumerate(written)})
    theirs = Tokenizer(models.BPE(vocab=vocab, merges=written))
    theirs.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    for length in (1, 2, 3, 10, 100, 3000):
        text = "".join(random.Random(length).choices("abc ", k=length))
        assert encode(text, merges) == theirs.encode(text).ids


@pytest.mark.parametrize("seed", range(4))
def test_encoding_against_tiktoken_with_learned_merges(seed: int) -> None:
    draw = random.Random(seed)
    merges = train_bpe(" ".join("".join(draw.choices("abcé", k=draw.randrange(1, 12))) for _ in range(300)), 500)
    theirs = oracle(merges)
    for length in (1, 2, 3, 10, 100, 3000):
        text = "".join(draw.choices("abcé ", k=length))
        assert encode(text, merges) == theirs.encode_ordinary(text)


@given(TEXTS, TEXTS, st.integers(0, 30))
@settings(max_examples=200, deadline=None)
def test_any_text_comes_back(seen: str, other: str, merges_wanted: int) -> None:
    merges = train_bpe(seen, 256 + merges_wanted)
    ids = encode(other, merges)
    assert decode(ids, merges) == other
    assert all(type(token) is int and 0 <= token < 256 + len(merges) for token in ids)


def test_the_first_merge_that_fits_is_not_the_one_that_is_applied() -> None:
    assert encode("abc", [(b"b", b"c"), (b"a", b"b")]) == [97, 256]


def test_a_run_is_merged_from_the_left() -> None:
    assert encode("aaa", [(b"a", b"a")]) == [256, 97]


def test_remembered_tables_change_nothing() -> None:
    merges = train_bpe("how much wood would a woodchuck chuck " * 3, 300)
    kept = Merges(merges)
    for text in ("a woodchuck would", "a woodchuck would", "would a", "x" * 500, "x" * 500):
        assert encode(text, kept) == encode(text, merges)
        assert decode(encode(text, kept), kept) == text
    assert kept.tables is kept.tables
    assert list(kept) == merges


def test_what_is_returned_is_not_what_is_remembered() -> None:
    kept = Merges([(b"a", b"b")])
    encode("ab", kept).append(7)
    assert encode("ab", kept) == [256]


def test_arguments_stay_as_they_were() -> None:
    merges: list[Merge] = [(b"a", b"b"), (b"ab", b"ab")]
    ids = encode("ababab", merges)
    assert decode(ids, merges) == "ababab"
    assert ids == [257, 256]
    assert merges == [(b"a", b"b"), (b"ab", b"ab")]


def test_merges_that_cannot_come_up_are_ids_all_the_same() -> None:
    assert encode("xyz", [(b"xy", b"z")]) == [120, 121, 122]
    assert decode([256], [(b"xy", b"z")]) == "xyz"


@given(st.lists(st.integers(0, 257)))
def test_bytes_that_are_no_text_are_replaced(ids: list[int]) -> None:
    merges = [(b"\xe6", b"\xbc"), (b"\xe6\xbc", b"\xa2")]
    pieces = [bytes([byte]) for byte in range(256)] + [b"\xe6\xbc", b"\xe6\xbc\xa2"]
    assert decode(ids, merges) == b"".join(pieces[token] for token in ids).decode(errors="replace")


@pytest.mark.parametrize("unknown", [-1, -256, 258, 10**9])
def test_an_id_outside_of_the_vocabulary_is_refused(unknown: int) -> None:
    with pytest.raises(ValueError, match=rf"id {unknown} is not in this vocabulary, whose ids are 0 to 257"):
        decode([97, unknown], [(b"a", b"b"), (b"ab", b"a")])


def test_a_lone_surrogate_has_no_bytes() -> None:
    with pytest.raises(UnicodeEncodeError):
        encode("a\ud800", [])


def test_a_long_word_takes_no_quadratic_number_of_steps() -> None:
    """Counted, not timed: each look-up of a pair is a step."""

    class Counting(dict[tuple[int, int], int]):
        asked = 0

        def get(self, key: tuple[int, int], default: int | None = None) -> int | None:  # type: ignore[override]
            Counting.asked += 1
            return super().get(key, default)

    merged = Counting(bpe.Tables([(b"a" * 2**k, b"a" * 2**k) for k in range(10)]).merged)
    ids = bpe._merge_all([97] * 5000, merged)
    assert decode(ids, [(b"a" * 2**k, b"a" * 2**k) for k in range(10)]) == "a" * 5000
    assert Counting.asked <= 5000 * math.log2(5000)


# ── GPT-2 ──


def llama_cpp_cases() -> list[tuple[str, list[int]]]:
    folder = DATA / "llama_cpp_references"
    if not folder.is_dir():
        return []
    inputs = read(folder / "ggml-vocab-gpt-2.gguf.inp").split("\n__ggml_vocab_test__\n")
    outputs = read(folder / "ggml-vocab-gpt-2.gguf.out").split("\n")
    return [(text, [int(token) for token in line.split()]) for text, line in zip(inputs, outputs, strict=False)]


@needs(GPT2)
def test_gpt2_ids_of_the_hard_strings_of_llama_cpp(gpt2: BytePairTokenizer) -> None:
    cases = llama_cpp_cases()
    assert len(cases) >= 46
    for text, ids in cases:
        assert gpt2.encode(text) == ids, repr(text)
        assert gpt2.decode(ids) == text


@needs(GPT2)
def test_gpt2_ids_against_tiktoken(gpt2: BytePairTokenizer) -> None:
    byte = byte_characters()
    ids = json.loads(read(GPT2 / "encoder.json"))
    ranks = {bytes(byte[char] for char in piece): rank for piece, rank in ids.items() if piece != "<|endoftext|>"}
    theirs = tiktoken.Encoding("gpt2", pat_str=PATTERN, mergeable_ranks=ranks, special_tokens={})
    for text in [*HARD, read(REFERENCE / "corpus.en"), read(REFERENCE / "german.txt")]:
        assert gpt2.encode(text) == theirs.encode_ordinary(text)
        assert gpt2.decode(gpt2.encode(text)) == text


@needs(GPT2)
def test_gpt2_ids_against_tiktoken_on_random_characters(gpt2: BytePairTokenizer) -> None:
    theirs = Tokenizer(models.BPE.from_file(str(GPT2 / "encoder.json"), str(GPT2 / "vocab.bpe")))
    theirs.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    draw = random.Random(1)
    characters = [chr(code) for code in range(0x30000) if not 0xD800 <= code < 0xE000 and known_everywhere(chr(code))]
    for _ in range(300):
        text = "".join(draw.choices(characters, k=20)) + " " + "".join(draw.choices(characters[:500], k=20))
        assert gpt2.encode(text) == theirs.encode(text).ids, ascii(text)


@needs(GPT2)
def test_gpt2_ids_of_a_french_page(gpt2: BytePairTokenizer) -> None:
    page = json.loads(read(GPT2 / "encoded_tokens.json"))
    assert gpt2.encode(page["text"]) == page["token_ids"]
    assert len(page["token_ids"]) > 100


@needs(GPT2)
def test_gpt2_has_its_own_numbers_for_the_bytes(gpt2: BytePairTokenizer) -> None:
    ids = json.loads(read(GPT2 / "encoder.json"))
    assert gpt2.vocab_size == 50_256  # and <|endoftext|>, which is no merge
    assert gpt2.encode("!") == [0] == [ids["!"]]
    assert gpt2.encode(" ") == [220] == [ids["Ġ"]]


def test_gpt2_files_with_other_numbers_are_refused(tmp_path: Path) -> None:
    vocab = {**byte_characters(), "ab": 300}
    (tmp_path / "encoder.json").write_text(json.dumps(vocab), encoding="utf-8")
    (tmp_path / "vocab.bpe").write_text("#version: 0.2\na b\n", encoding="utf-8")
    with pytest.raises(ValueError, match="'ab' has id 300; merge 0 must make 256"):
        BytePairTokenizer.from_gpt2(tmp_path / "vocab.bpe", tmp_path / "encoder.json")


def test_files_of_another_tokenizer_with_that_numbering_are_read(tmp_path: Path) -> None:
    vocab = {char: 255 - byte for char, byte in byte_characters().items()} | {"Ġa": 256, "Ġab": 257}
    (tmp_path / "vocab.json").write_text(json.dumps(vocab), encoding="utf-8")
    (tmp_path / "merges.txt").write_text("Ġ a\nĠa b\n", encoding="utf-8")
    read_back = BytePairTokenizer.from_gpt2(tmp_path / "merges.txt", tmp_path / "vocab.json")
    assert list(read_back.merges) == [(b" ", b"a"), (b" a", b"b")]
    assert read_back.encode("a ab") == [255 - 97, 257]
    assert read_back.decode([255 - 97, 257]) == "a ab"
    with pytest.raises(ValueError, match="id 258 is not in this vocabulary"):
        read_back.decode([258])


# ── a tokenizer of one's own ──


def test_a_tokenizer_is_its_three_functions(monkeypatch: pytest.MonkeyPatch) -> None:
    """A learner's functions replace the module's, so the class must call them through the module, by the contract."""
    tokenizer = BytePairTokenizer.train("the cat sat on the mat", 270)
    assert list(tokenizer.merges) == train_bpe("the cat sat on the mat", 270)
    assert tokenizer.decode(tokenizer.encode("the mat")) == "the mat"
    assert tokenizer.vocab_size == 256 + len(tokenizer.merges)
    calls = []
    for name in ("train_bpe", "encode", "decode"):
        original = getattr(bpe, name)
        monkeypatch.setattr(
            bpe, name, lambda *given, name=name, original=original: calls.append(name) or original(*given)
        )
    again = BytePairTokenizer.train("the cat sat on the mat", 270)
    again.decode(again.encode("the mat"))
    assert calls == ["train_bpe", "encode", "decode"]


def test_the_room_offers_what_the_module_has() -> None:
    for name in text_room.__all__:
        assert getattr(text_room, name) is getattr(bpe if hasattr(bpe, name) else wordpiece, name)


# ── the plain version ──


@given(TEXTS)
@settings(max_examples=200)
def test_the_words_given_to_the_learner_are_the_same(text: str) -> None:
    assert exercise.split_text(text) == solution.split_text(text) == split_text(text)


@given(TEXTS, TEXTS, st.integers(0, 30))
@settings(max_examples=200, deadline=None)
def test_the_plain_version_does_the_same(seen: str, other: str, merges_wanted: int) -> None:
    merges = train_bpe(seen, 256 + merges_wanted)
    assert solution.train_bpe(seen, 256 + merges_wanted) == merges
    assert solution.encode(other, merges) == encode(other, merges)
    assert solution.decode(encode(other, merges), merges) == other


@pytest.mark.parametrize("seed", range(6))
def test_the_plain_version_does_the_same_with_merges_in_any_order(seed: int) -> None:
    merges = random_merges("abc", 40, seed)
    text = "".join(random.Random(seed).choices("abc ", k=500))
    assert solution.encode(text, merges) == encode(text, merges)


@pytest.mark.parametrize("name", ["split_text", "train_bpe", "encode", "decode"])
def test_the_examples_of_the_stub_hold(name: str) -> None:
    example = doctest.DocTestParser().get_doctest(
        getattr(exercise, name).__doc__, dict(vars(solution)), name, None, None
    )
    assert example.examples
    assert doctest.DocTestRunner().run(example).failed == 0
