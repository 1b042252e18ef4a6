"""WordPiece against ``tokenizers``: ids, offsets, decoding, files; on BERT's vocabulary, hard texts and random ones."""

from __future__ import annotations

import json
import os
import unicodedata
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import BertWordPieceTokenizer, Tokenizer, normalizers, pre_tokenizers

from groundup.stack.text.tokenizer_file import TokenizerError
from groundup.stack.text.wordpiece import SPECIAL, Normalization, WordPiece, train_vocabulary
from groundup.stack.text.wordpiece_file import read_wordpiece, write_wordpiece

DATA = Path(os.environ.get("GROUNDUP_DATA", Path(__file__).resolve().parents[4] / "shared" / "data")) / "tokenizers"
PIECES = (
    *SPECIAL, *"abcdefghijklmnopqrstuvwxyz0123456789.,!?'-~漢字µᄒ",
    *(f"##{one}" for one in "abcdefghijklmnopqrst019漢ᅡᆫ"),
    "un", "##aff", "##able", "naive", "cafe", "the", "##the", "ABC", "É", "do", "not", "##ing", "½",
)  # fmt: skip
HARD = [
    "",
    " ",
    "\t\r\n\u00a0\u2028\u3000",
    "Unaffable NAÏVE café unaffables unaffablex",
    "e\u0301te\u0301 \u0301a İstanbul ΣΑΣ ς ǅ ß ﬁ",
    "漢字kanji 漢\u0301字 한국어 \uf900\U0002f800\U0002b820\U0002b920",
    "a\x00b\ufffdc\u200bd\u00ade\x85f\x0bg\x0ch\x1ci\ue000j",
    "don't stop, U.S.A.! ... ~$+=|^` a_b «x» ¿y? 3.14 ½ ² ٣",
    "x" * 100 + " " + "x" * 101 + " " + "a" * 100 + " " + "a" * 101,
    "[CLS] the [MASK][SEP] [mask] [CLS[PAD]] [UNK]",
    "🦙.cpp 😶‍🌫️ 👩‍👩‍👧",
    "\u0f71\u0f72\u0344 \u1734a \u166da \U000111c9a \U00011938 a\u0898b \U00016ff0",
]
KINDS = {
    "uncased": Normalization(),
    "cased": Normalization(lower=False),
    "small with accents": Normalization(accents=False),
    "large without": Normalization(lower=False, accents=True),
    "as it is": Normalization(lower=False, accents=False, ideographs=False, clean=False),
}


def in_order(text: str) -> bool:
    """Whether marks on one letter stand in canonical order: else the library points to the places of others."""
    return unicodedata.normalize("NFD", text) == "".join(unicodedata.normalize("NFD", char) for char in text)


TEXTS = st.one_of(
    st.text(alphabet="unafble [CLS]MASK漢É\u0301.'\n\u200b", max_size=40),
    st.text(alphabet=st.characters(max_codepoint=0x24FF, exclude_categories=("Cn", "Cs")), max_size=30),
    st.text(alphabet=st.characters(exclude_categories=("Cn", "Cs")), max_size=30),
).filter(in_order)


def library(vocab: dict[str, int], rules: Normalization) -> BertWordPieceTokenizer:
    return BertWordPieceTokenizer(
        vocab,
        clean_text=rules.clean,
        handle_chinese_chars=rules.ideographs,
        strip_accents=rules.accents,
        lowercase=rules.lower,
    )


VOCABULARY = {piece: new for new, piece in enumerate(PIECES)}
BOTH = {kind: (WordPiece(VOCABULARY, rules), library(VOCABULARY, rules)) for kind, rules in KINDS.items()}


def same(ours: WordPiece, theirs: Any, text: str) -> None:
    expected = theirs.encode(text, add_special_tokens=False)
    assert ours.encode_with_offsets(text) == (expected.ids, expected.offsets), text
    assert ours.encode(text) == expected.ids
    for special in (True, False):
        assert ours.decode(expected.ids, special=special) == theirs.decode(
            expected.ids, skip_special_tokens=not special
        )


# ── text to ids and back ─────────────────────────────────────────────────────


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("text", HARD)
def test_hard_texts(kind: str, text: str) -> None:
    same(*BOTH[kind], text)


@settings(max_examples=300, deadline=None)
@given(text=TEXTS, kind=st.sampled_from(list(KINDS)))
def test_random_texts(text: str, kind: str) -> None:
    same(*BOTH[kind], text)


@settings(max_examples=100, deadline=None)
@given(first=TEXTS, second=st.none() | TEXTS)
def test_what_a_model_is_given(first: str, second: str | None) -> None:
    ours, theirs = BOTH["uncased"]
    mine, expected = ours.model_input(first, second), theirs.encode(first, second)
    assert (mine.ids, mine.offsets, mine.token_types) == (expected.ids, expected.offsets, expected.type_ids)


def test_every_character_is_taken_for_what_the_library_takes_it_for() -> None:
    """But for letters that this Python does not know yet, and so cannot make small."""
    rules = KINDS["uncased"]
    known, unknown = normalizers.BertNormalizer(), normalizers.BertNormalizer(strip_accents=True, lowercase=False)
    cut = pre_tokenizers.BertPreTokenizer().pre_tokenize_str
    for char in map(chr, [*range(0xD800), *range(0xE000, 0x32000), *range(0xE0000, 0xE0200), 0xFFFFD, 0x10FFFD]):
        theirs = unknown if unicodedata.category(char) == "Cn" else known
        words = [word for word, _ in cut(theirs.normalize_str(f"a{char}b"))]
        assert [one for one in f"a{rules.form(char)}b".split(" ") if one] == words, hex(ord(char))


def test_an_example_by_hand() -> None:
    ours = BOTH["uncased"][0]
    ids, offsets = ours.encode_with_offsets("Naïve,  Unaffable?")
    assert [ours.token(one) for one in ids] == ["naive", ",", "un", "##aff", "##able", "?"]
    assert offsets == [(0, 5), (5, 6), (8, 10), (10, 13), (13, 17), (17, 18)]
    assert ours.decode(ids) == "naive, unaffable?"
    assert ours.decode(ids, tidy=False) == "naive , unaffable ?"
    assert ours.encode_with_offsets("e\u0301 x")[1] == [(0, 1), (3, 4)], "an accent written apart belongs to no token"


def test_marks_out_of_order_have_their_own_places() -> None:
    """U+08E0 is younger than Unicode 8, and so a letter here; in canonical order it stands behind U+0331."""
    ours = WordPiece({**VOCABULARY, "##\u08e0": len(VOCABULARY)})
    theirs = library(ours.vocab, Normalization()).encode("p\u08e0\u0331a", add_special_tokens=False)
    ids, offsets = ours.encode_with_offsets("p\u08e0\u0331a")
    assert ids == theirs.ids
    assert offsets == [(0, 1), (1, 2), (3, 4)]
    assert theirs.offsets[1] == (2, 3)
    same(ours, library(ours.vocab, Normalization()), "p\u0331\u08e0a")


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match=r"no \[UNK\]"):
        WordPiece({"a": 0})
    few = WordPiece({"a": 0, "[UNK]": 1})
    assert few.encode("a b aa") == [0, 1, 1]
    with pytest.raises(ValueError, match=r"no \[CLS\] and no \[SEP\]"):
        few.model_input("a")
    with pytest.raises(ValueError, match="id 7 is not in this vocabulary, whose ids end at 1"):
        few.decode([7])


# ── BERT's own vocabulary ────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def bert() -> tuple[WordPiece, BertWordPieceTokenizer]:
    folder = DATA / "bert-base-uncased"
    if not folder.is_dir():
        pytest.skip("no vocabulary of BERT (set GROUNDUP_DATA)")
    return read_wordpiece(folder), BertWordPieceTokenizer(str(folder / "vocab.txt"), lowercase=True)


def test_bert_on_questions(bert: tuple[WordPiece, BertWordPieceTokenizer]) -> None:
    ours, theirs = bert
    folder = DATA / "bert-base-uncased"
    questions = json.loads((folder / "question_tokens.first2000.json").read_text())
    expected = json.loads((folder / "tokenized_questions.first2000.json").read_text())
    assert len(questions) == len(expected) == 2000
    for question, ids in zip(questions, expected, strict=True):
        assert ours.encode(question["original"]) == ids
        assert [ours.token(one) for one in ids] == question["wordpiece"]
    for question in questions[:200]:
        same(ours, theirs, question["original"])


def test_bert_on_hard_texts_of_llama_cpp(bert: tuple[WordPiece, BertWordPieceTokenizer]) -> None:
    ours, theirs = bert
    base = DATA / "llama_cpp_references" / "ggml-vocab-bert-bge.gguf"
    if not Path(f"{base}.inp").is_file():
        pytest.skip("no references of llama.cpp (set GROUNDUP_DATA)")
    texts = Path(f"{base}.inp").read_bytes().decode().split("\n__ggml_vocab_test__\n")
    expected = [[int(one) for one in line.split()] for line in Path(f"{base}.out").read_text().split("\n")]
    assert len(texts) > 40
    for text, ids in zip(texts, expected, strict=False):
        assert ours.encode(text) == ids, text
    for text in (*texts, *HARD):
        same(ours, theirs, text)


def test_bert_on_prose_of_two_languages(bert: tuple[WordPiece, BertWordPieceTokenizer]) -> None:
    for name in ("tinystories_sample.txt", "german.txt"):
        file = DATA / "bpe_training_reference" / name
        if not file.is_file():
            pytest.skip(f"no {name} (set GROUNDUP_DATA)")
        same(*bert, file.read_text(encoding="utf-8")[:100_000])


@settings(max_examples=150, deadline=None)
@given(text=TEXTS)
def test_bert_on_random_texts(bert: tuple[WordPiece, BertWordPieceTokenizer], text: str) -> None:
    same(*bert, text)


# ── training ─────────────────────────────────────────────────────────────────

CORPUS = [
    "The cat sat on the mat; the cats sat, and that was that.",
    "A naïve café: THE best, they say, of the cafés!",
    "unaffable, unaffably, affable; able and unable 漢字漢字",
] * 3 + [f"word{one} the cat was tired {one * 37} times" for one in range(40)]


def by_recounting(words: Counter[str], size: int, least: int) -> list[str]:
    """The same, with everything counted anew at each step."""
    spelled = {word: [f"##{char}" if at else char for at, char in enumerate(word)] for word in sorted(words)}
    pieces = [*SPECIAL, *sorted({char for word in words for char in word})]
    pieces += [one for one in dict.fromkeys(one for parts in spelled.values() for one in parts) if one not in pieces]
    while len(pieces) < size:
        counts: Counter[tuple[str, str]] = Counter()
        for word, parts in spelled.items():
            for pair in pairwise(parts):
                counts[pair] += words[word]
        if not counts:
            break
        left, right = min(counts, key=lambda pair: (-counts[pair], pieces.index(pair[0]), pieces.index(pair[1])))
        if counts[left, right] < least:
            break
        new = left + right[2:]
        pieces += [new] if new not in pieces else []
        for word, parts in spelled.items():
            at, joined = 0, []
            while at < len(parts):
                here = parts[at : at + 2] == [left, right]
                joined.append(new if here else parts[at])
                at += 1 + here
            spelled[word] = joined
    return pieces


@pytest.mark.parametrize(("size", "least"), [(10, 2), (90, 2), (150, 2), (10_000, 2), (10_000, 1), (10_000, 5)])
def test_training_is_what_recounting_gives(size: int, least: int) -> None:
    words = Counter(word for text in CORPUS for word in text.lower().split())
    assert train_vocabulary(words, size, least=least) == by_recounting(words, size, least)


@settings(max_examples=60, deadline=None)
@given(words=st.dictionaries(st.text("abc", min_size=1, max_size=8), st.integers(1, 9), max_size=8))
def test_training_on_random_words_is_what_recounting_gives(words: dict[str, int]) -> None:
    assert train_vocabulary(words, 40, least=2) == by_recounting(Counter(words), 40, 2)


def test_training_learns_what_the_library_learns() -> None:
    """It numbers characters in the order of a hash table, and so breaks ties otherwise at every run."""
    theirs = BertWordPieceTokenizer()
    theirs.train_from_iterator(CORPUS, vocab_size=140, min_frequency=2, limit_alphabet=100, show_progress=False)
    ours = WordPiece.train(CORPUS, 140, least=2, alphabet=100)
    expected = sorted(theirs.get_vocab(), key=theirs.get_vocab().__getitem__)
    alone = next(at for at, piece in enumerate(expected) if piece.startswith("##"))
    assert alone > 30
    assert list(ours.vocab)[:alone] == expected[:alone]
    assert len(ours.vocab) == len(expected)
    assert len(set(expected) ^ set(ours.vocab)) <= 12
    same(ours, library(ours.vocab, Normalization()), " ".join(CORPUS))


# ── files ────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("kind", KINDS)
def test_what_we_write_means_the_same_to_everybody(kind: str, tmp_path: Path) -> None:
    ours = BOTH[kind][0]
    write_wordpiece(tmp_path, ours)
    theirs, again = Tokenizer.from_file(str(tmp_path / "tokenizer.json")), read_wordpiece(tmp_path)
    assert (again.vocab, again.rules, again.added) == (ours.vocab, ours.rules, ours.added)
    for text in HARD:
        same(again, theirs, text)
        assert again.model_input(text, "the").ids == theirs.encode(text, "the").ids
    (tmp_path / "tokenizer.json").unlink()
    if kind != "as it is":  # that nothing is cleaned stands in tokenizer.json alone
        lines = read_wordpiece(tmp_path)
        assert (lines.vocab, lines.rules, lines.added) == (ours.vocab, ours.rules, ours.added)


def test_what_the_library_writes_is_read(tmp_path: Path) -> None:
    theirs = library(VOCABULARY, Normalization(lower=False))
    theirs.save(str(tmp_path / "tokenizer.json"))
    ours = read_wordpiece(tmp_path)
    for text in HARD:
        same(ours, theirs, text)
        assert ours.model_input(text).ids == theirs.encode(text).ids


def test_transformers_loads_what_we_write_and_we_what_it_writes(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    ours = BOTH["uncased"][0]
    write_wordpiece(tmp_path, ours)
    loaded = transformers.BertTokenizerFast.from_pretrained(tmp_path)
    loaded.save_pretrained(tmp_path / "again")
    again = read_wordpiece(tmp_path / "again")
    for text in HARD:
        assert loaded(text)["input_ids"] == ours.model_input(text).ids == again.model_input(text).ids
        both = loaded(text, "the")
        mine = again.model_input(text, "the")
        assert (both["input_ids"], both["token_type_ids"]) == (mine.ids, mine.token_types)


def document(folder: Path) -> dict[str, Any]:
    write_wordpiece(folder, BOTH["uncased"][0])
    found: dict[str, Any] = json.loads((folder / "tokenizer.json").read_text())
    return found


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"model": {"type": "Unigram"}}, "of type Unigram"),
        ({"model": {"unk_token": "<unk>"}}, "no <unk>"),
        ({"model": {"vocab": None}}, "not in the form"),
        ({"normalizer": {"type": "Nmt"}}, "normalizer of type Nmt"),
        ({"pre_tokenizer": {"type": "Whitespace"}}, "pre-tokenizer of type Whitespace"),
        ({"post_processor": {"type": "RobertaProcessing"}}, "RobertaProcessing"),
        ({"post_processor": {"type": "TemplateProcessing", "single": [], "pair": []}}, "a template"),
        ({"added_tokens": [{"id": 3, "content": "<x>", "lstrip": True}]}, "lstrip of the added token '<x>'"),
        ({"added_tokens": [7]}, "not in the form"),
    ],
)
def test_what_is_not_computed_is_refused_by_name(changes: dict[str, Any], said: str, tmp_path: Path) -> None:
    file = document(tmp_path)
    file["model"].update(changes.pop("model", {}))
    (tmp_path / "tokenizer.json").write_text(json.dumps(file | changes))
    with pytest.raises(TokenizerError, match=said):
        read_wordpiece(tmp_path)


def test_a_folder_without_a_tokenizer_is_said_to_be(tmp_path: Path) -> None:
    with pytest.raises(TokenizerError, match=r"no tokenizer\.json, and no vocab\.txt"):
        read_wordpiece(tmp_path)
    (tmp_path / "vocab.txt").write_text("a\nb\n")
    with pytest.raises(TokenizerError, match=r"vocab\.txt: the vocabulary has no \[UNK\]"):
        read_wordpiece(tmp_path)
    (tmp_path / "tokenizer.json").write_text("{")
    with pytest.raises(TokenizerError, match="is not JSON"):
        read_wordpiece(tmp_path)


def test_ids_with_gaps_are_not_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="from 0 to 1"):
        write_wordpiece(tmp_path, WordPiece({"[UNK]": 0, "a": 2}))
