"""SentencePiece's own files against SentencePiece, and what we make of them against ``tokenizers``."""

from __future__ import annotations

import json
import os
import random
import runpy
from functools import cache
from pathlib import Path

import pytest
import sentencepiece
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from groundup.stack.text.files import TokenizerError
from groundup.stack.text.pieces import PieceTokenizer
from groundup.stack.text.pieces_file import document, pieces_from, write_pieces
from groundup.stack.text.sentencepiece_bpe import CharacterBPE, ScoredBPE, merge_all
from groundup.stack.text.sentencepiece_file import read_fields, read_model
from groundup.stack.text.tokenizer_file import read_tokenizer

SHARED = runpy.run_path(str(Path(__file__).with_name("hard_texts.py")))
HARD, TEXTS, MODELS, BPE, trained = (SHARED[name] for name in ("HARD", "TEXTS", "MODELS", "BPE", "trained"))
DATA = Path(os.environ.get("GROUNDUP_DATA", Path(__file__).resolve().parents[4] / "shared" / "data")) / "tokenizers"
BOTCHAN, TEST_MODEL = DATA / "sentencepiece" / "botchan.txt", DATA / "sentencepiece" / "test_model.model"
PLAIN = [kind for kind in MODELS if kind != "bpe, user-defined"]  # merges cannot say what a user defined


@cache
def both(kind: str) -> tuple[PieceTokenizer, sentencepiece.SentencePieceProcessor]:
    return of(trained(**MODELS[kind]))


def of(model: bytes) -> tuple[PieceTokenizer, sentencepiece.SentencePieceProcessor]:
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as folder:
        path = Path(folder) / "spiece.model"
        path.write_bytes(model)
        return read_model(path), sentencepiece.SentencePieceProcessor(model_proto=model)


def same(ours: PieceTokenizer, theirs: sentencepiece.SentencePieceProcessor, text: str) -> None:
    expected = theirs.encode(text, return_type="offset_mapping")
    assert ours.encode_with_offsets(text) == (expected["ids"], expected["offsets"]), text
    assert ours.encode(text) == expected["ids"]
    assert ours.decode(expected["ids"]) == theirs.decode(expected["ids"])


# ── as SentencePiece computes it ─────────────────────────────────────────────


@pytest.mark.parametrize("kind", MODELS)
def test_hard_texts(kind: str) -> None:
    ours, theirs = both(kind)
    assert ours.vocab_size == theirs.get_piece_size()
    for text in HARD:
        same(ours, theirs, text)


@settings(max_examples=400, deadline=None)
@given(text=TEXTS, kind=st.sampled_from(list(MODELS)))
def test_random_texts(text: str, kind: str) -> None:
    same(*both(kind), text)


@pytest.mark.parametrize("kind", MODELS)
def test_many_equal_sums(kind: str) -> None:
    """Few letters: many cuts of the same worth, so that rounding and the order of search decide."""
    draw, (ours, theirs) = random.Random(0), both(kind)
    for _ in range(300):
        text = "".join(draw.choice("aet ") for _ in range(draw.randint(1, 40)))
        assert ours.encode(text) == theirs.encode(text), text


@pytest.mark.parametrize("kind", MODELS)
def test_any_ids_are_decoded_alike(kind: str) -> None:
    ours, theirs = both(kind)
    draw = random.Random(0)
    for _ in range(500):
        ids = [draw.randrange(draw.choice([4, 260, ours.vocab_size])) for _ in range(12)]
        assert ours.decode(ids) == theirs.decode(ids), ids


@pytest.mark.skipif(not BOTCHAN.is_file(), reason="no text of SentencePiece (set GROUNDUP_DATA)")
def test_the_models_on_a_novel() -> None:
    text = BOTCHAN.read_text(encoding="utf-8")[:30_000]
    for kind in MODELS:
        same(*both(kind), text)
    ours, theirs = of(TEST_MODEL.read_bytes())
    assert ours.vocab_size == 1000
    for one in (*HARD, text):
        same(ours, theirs, one)


def test_bytes_by_hand() -> None:
    ours, _ = both("llama")
    ids, offsets = ours.encode_with_offsets("a🦙")
    assert [ours.token(one) for one in ids] == ["▁a", "<0xF0>", "<0x9F>", "<0xA6>", "<0x99>"]
    assert offsets == [(0, 1), (1, 1), (1, 1), (1, 1), (1, 2)]
    assert b"".join(map(ours.token_bytes, ids)) == b" a\xf0\x9f\xa6\x99"
    assert ours.decode(ids) == "a🦙"
    assert ours.decode(ids[:-1]) == "a\ufffd\ufffd\ufffd"
    with pytest.raises(ValueError, match="id 800 is not in this vocabulary, whose ids end at 799"):
        ours.decode([800])
    assert ours.token_bytes(800) == b""


# ── as tokenizer.json ────────────────────────────────────────────────────────


@cache
def written(kind: str) -> tuple[PieceTokenizer, Tokenizer]:
    """What we write of SentencePiece's file, as we read it and as the library does."""
    file = document(both(kind)[0])
    return pieces_from(file), Tokenizer.from_str(json.dumps(file))


def same_as_library(ours: PieceTokenizer, theirs: Tokenizer, text: str) -> None:
    expected = theirs.encode(text, add_special_tokens=False)
    assert ours.encode_with_offsets(text) == (expected.ids, expected.offsets), text
    for special in (True, False):
        shown = theirs.decode(expected.ids, skip_special_tokens=not special)
        assert ours.decode(expected.ids, special=special) == shown, text


@pytest.mark.parametrize("kind", PLAIN)
def test_hard_texts_against_the_library(kind: str) -> None:
    for text in HARD:
        same_as_library(*written(kind), text)


@settings(max_examples=300, deadline=None)
@given(text=TEXTS, kind=st.sampled_from(PLAIN))
def test_random_texts_against_the_library(text: str, kind: str) -> None:
    same_as_library(*written(kind), text)


@pytest.mark.parametrize("kind", PLAIN)
def test_both_forms_give_the_same_ids(kind: str) -> None:
    """But where rounding alone tells cuts apart that are worth the same; and where a control token is spelled out."""
    ours, theirs = both(kind)[0], written(kind)[1]
    scores = [score for _, score in ours.model.scored]
    texts = [
        "",
        " ",
        "  the  b ",
        "Unaffable NAÏVE café",
        "½ ² ™ ﬁ Ⅷ",
        "▁a ▁ b▁",
        "漢字 🦙 한국어",
        "the b<sep>a, a\tb",
    ]
    lines = [*texts, *SHARED["our_sources"]()[::20]]
    others = 0
    for text in lines:
        if not any(mark in text for mark in ("<s>", "</s>", "<unk>", "<0x")):
            mine, library = ours.encode(text), theirs.encode(text, add_special_tokens=False).ids
            if mine != library:
                others += 1
                assert kind in SHARED["UNIGRAM"], text
                worth = [sum(scores[new] for new in ids) for ids in (mine, library)]
                assert worth[0] == pytest.approx(worth[1], abs=1e-4), text
    assert others <= 0.05 * len(lines)
    assert ours.encode("<s>") != theirs.encode("<s>", add_special_tokens=False).ids


@pytest.mark.parametrize("kind", PLAIN)
def test_files_are_found_read_and_written(kind: str, tmp_path: Path) -> None:
    (tmp_path / "tokenizer.model").write_bytes(trained(**MODELS[kind]))
    first = read_tokenizer(tmp_path)
    assert isinstance(first, PieceTokenizer)
    write_pieces(tmp_path / "one", first)
    again = read_tokenizer(tmp_path / "one")
    assert isinstance(again, PieceTokenizer)
    write_pieces(tmp_path / "two", again)
    assert (tmp_path / "one" / "tokenizer.json").read_bytes() == (tmp_path / "two" / "tokenizer.json").read_bytes()
    theirs = Tokenizer.from_file(str(tmp_path / "two" / "tokenizer.json"))
    for text in HARD:
        same_as_library(again, theirs, text)


def test_what_merges_cannot_say_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="which pieces the user defined"):
        write_pieces(tmp_path, both("bpe, user-defined")[0])
    assert not (tmp_path / "tokenizer.json").exists()


# ── merging ──────────────────────────────────────────────────────────────────


def by_rescanning(symbols: list[str], orders: dict[str, float]) -> list[str]:
    """The rule word for word: of pairs that make a piece the lowest order, of these the leftmost; again and again."""
    while True:
        made = [
            (orders[symbols[at] + symbols[at + 1]], at)
            for at in range(len(symbols) - 1)
            if symbols[at] + symbols[at + 1] in orders
        ]
        if not made:
            return symbols
        _, at = min(made)
        symbols = [*symbols[:at], symbols[at] + symbols[at + 1], *symbols[at + 2 :]]


@settings(max_examples=300, deadline=None)
@given(text=st.text("abc", max_size=30), seed=st.integers(0, 1000))
def test_merging_is_what_rescanning_gives(text: str, seed: int) -> None:
    draw = random.Random(seed)
    pieces = {"".join(draw.choice("abc") for _ in range(draw.randint(2, 5))) for _ in range(25)}
    orders = {piece: float(draw.randint(0, 8)) for piece in sorted(pieces)}
    scored = [("<unk>", 0.0), *((char, -99.0) for char in "abc"), *((piece, -order) for piece, order in orders.items())]
    ids = ScoredBPE(scored, skipped={0}).cut(text)
    assert [text[begin:end] for _, begin, end in ids] == by_rescanning(list(text), orders)
    assert [scored[new][0] for new, _, _ in ids] == [text[begin:end] for _, begin, end in ids]


def test_merging_lets_alone_what_it_is_told_to() -> None:
    symbols = [("a", 0, 1), ("b", 1, 2), ("a", 2, 3), ("b", 3, 4)]
    assert merge_all(symbols, lambda left, right: (0.0, left + right)) == [("abab", 0, 4)]
    assert merge_all(symbols, lambda left, right: (0.0, left + right), {2}) == [("ab", 0, 2), *symbols[2:]]


def test_unknown_characters_with_and_without_fusing() -> None:
    pieces = ["<unk>", "a", "b", "ab"]
    for unknown, fused, expected in [
        (0, True, [(3, 0, 2), (0, 2, 4), (1, 4, 5)]),
        (0, False, [(3, 0, 2), (0, 2, 3), (0, 3, 4), (1, 4, 5)]),
        (None, False, [(3, 0, 2), (1, 4, 5)]),
    ]:
        assert CharacterBPE(pieces, [("a", "b")], unknown, fuse_unknown=fused).cut("abxya") == expected
    assert CharacterBPE(["<unk>", "a", "b", "ab"], [], whole_words=True).cut("ab") == [(3, 0, 2)]
    with pytest.raises(ValueError, match="merge 0 of 'a' and 'c': 'c' is not in the vocabulary"):
        CharacterBPE(pieces, [("a", "c")])


# ── files that are none ──────────────────────────────────────────────────────


field, varint, piece = (SHARED[name] for name in ("field", "varint", "piece"))
SOUND = piece("<unk>", 0.0, 2) + piece("a", -1.0, 1)


def test_fields_of_every_kind() -> None:
    message = field(1, 300) + bytes([2 << 3 | 1]) + b"12345678" + bytes([3 << 3 | 5]) + b"1234" + field(40, b"text")
    assert list(read_fields(message)) == [(1, 300), (2, b"12345678"), (3, b"1234"), (40, b"text")]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "has no pieces"),
        (SOUND[:-3], "is cut off: 3 bytes are missing"),
        (b"\x80", "in the middle of a number"),
        (b"\xff" * 12, "a number without an end"),
        (b"\x0b", "a field of kind 3"),
        (field(1, 7), "a number where a text should be"),
        (field(1, field(1, b"\xff")), "is not UTF-8"),
        (field(1, field(2, b"12")), "a score that is not of four bytes"),
        (piece("a", 0.0, 1), "has 0 pieces for unknown characters"),
        (SOUND + field(2, field(3, 3)), "a model of type 3"),
        (SOUND + field(2, varint(24 << 3) + b"\1"), "treat_whitespace_as_suffix"),
        (SOUND + field(3, field(5, 0)), "escape_whitespaces = false"),
        (SOUND + field(3, field(2, b"\x10\0\0\0")), "its trie alone has 16"),
        (SOUND + field(5, field(2, b"map")), "a denormalizer"),
        (SOUND + piece("b", 0.0, 5) + field(2, field(3, 2)), "unused pieces in BPE"),
        (piece("<unk>", 0.0, 2), "must have a piece"),
    ],
)
def test_what_is_no_model_of_ours_is_refused_by_name(content: bytes, said: str, tmp_path: Path) -> None:
    (tmp_path / "spiece.model").write_bytes(content)
    with pytest.raises(TokenizerError, match=said):
        read_tokenizer(tmp_path)


@pytest.mark.parametrize("seed", range(40))
def test_any_scores_are_summed_alike(seed: int) -> None:
    """Scores in tenths: cuts that are worth the same differ by rounding only, which is that of single precision."""
    draw = random.Random(seed)
    texts = {"".join(draw.choice("ab") for _ in range(draw.randint(1, 5))) for _ in range(12)} | {"a", "b", "▁"}
    content = SOUND.replace(b"\x0a\x01a", b"\x0a\x01c")  # another piece than those below
    content += b"".join(piece(one, -draw.randint(1, 60) / 10, 1) for one in sorted(texts))
    content += piece("bb" * draw.randint(1, 3) + "x", 0.0, 4)
    ours, theirs = of(content)
    for _ in range(60):
        text = "".join(draw.choice("aabbx") for _ in range(30))
        assert ours.encode(text) == theirs.encode(text), text


# ── DeBERTa's ────────────────────────────────────────────────────────────────

PIECES: dict[str, int | str] = {"pad_id": 0, "bos_id": 1, "eos_id": 2, "unk_id": 3}
PIECES |= {"pad_piece": "[PAD]", "bos_piece": "[CLS]", "eos_piece": "[SEP]", "unk_piece": "[UNK]"}


def test_debertas_file_has_its_special_tokens(tmp_path: Path) -> None:
    (tmp_path / "spm.model").write_bytes(content := trained(vocab_size=500, **PIECES))
    ours, theirs = read_tokenizer(tmp_path), sentencepiece.SentencePieceProcessor(model_proto=content)
    assert isinstance(ours, PieceTokenizer)
    assert ours.added == {"[PAD]": 0, "[CLS]": 1, "[SEP]": 2, "[UNK]": 3, "[MASK]": 500}
    assert ours.vocab_size == theirs.get_piece_size() + 1
    for text in HARD:
        if not any(one in text for one in ours.added):
            same(ours, theirs, text)
    ids, offsets = ours.encode_with_offsets("the[MASK] b[SEP]")
    assert ids == [*theirs.encode("the"), 500, *theirs.encode(" b"), 2]
    assert (offsets[-1], ours.decode(ids)) == ((11, 16), "the b")
    assert ours.decode(ids, special=True) == "the[MASK] b[SEP]"


def test_debertas_file_is_written_for_the_library(tmp_path: Path) -> None:
    (tmp_path / "spm.model").write_bytes(trained(vocab_size=500, **PIECES))
    first = read_tokenizer(tmp_path)
    assert isinstance(first, PieceTokenizer)
    write_pieces(tmp_path / "one", first)
    again, theirs = read_tokenizer(tmp_path / "one"), Tokenizer.from_file(str(tmp_path / "one" / "tokenizer.json"))
    assert isinstance(again, PieceTokenizer)
    assert again.added == first.added
    for text in HARD:
        same_as_library(again, theirs, text)


def test_what_debertas_file_does_not_say_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "spm.model").write_bytes(trained(vocab_size=500))
    with pytest.raises(TokenizerError, match=r"spm\.model has no \[PAD\] and no \[CLS\]"):
        read_tokenizer(tmp_path)
    (tmp_path / "spm.model").write_bytes(trained(vocab_size=500, **PIECES))
    for name in ("do_lower_case", "split_by_punct"):
        (tmp_path / "tokenizer_config.json").write_text(json.dumps({name: True}))
        with pytest.raises(TokenizerError, match=f"{name} beside spm.model is not computed here"):
            read_tokenizer(tmp_path)
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"do_lower_case": False, "vocab_type": "spm"}))
    assert read_tokenizer(tmp_path).vocab_size == 501


def test_unused_pieces_are_not_found() -> None:
    ours, theirs = of(SOUND + piece("▁", -1.0, 1) + piece("aa", -0.5, 5))
    assert ours.encode("aaa") == theirs.encode("aaa") == [2, 1, 1, 1]
