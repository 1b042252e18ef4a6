"""Tokenizers whose files normalize a text first, each kind of model against ``tokenizers``: ids, places, decoding."""

from __future__ import annotations

import json
import runpy
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import (
    AddedToken,
    Regex,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
)

from groundup.stack.text.files import AnyTokenizer, TokenizerError
from groundup.stack.text.pieces import PieceTokenizer
from groundup.stack.text.pieces_file import write_pieces
from groundup.stack.text.tokenizer_file import _LLAMA3, FileTokenizer, read_tokenizer
from groundup.stack.text.wordpiece import WordPiece
from groundup.stack.text.wordpiece_file import write_wordpiece

SHARED = runpy.run_path(str(Path(__file__).with_name("hard_texts.py")))
HARD = [
    *SHARED["HARD"],
    "e\u0301 a\u0301\u0327 é\u0323x ﬁ\u0301 ½ Ⅷ ｶﾞ ＡＢＣ \u0301a \u0344 \u212b",
    "\u1100\u1161\u11a8 각\u1100\u1161 \uac00\u11a8 👩🏽‍🚀 🦙 漢字 ㍿",
    "we'll <e\u0301> <é> xe\u0301y the <mask>  <Mask> e\u0301e\u0301 12e\u0301345",
    "   e\u0301  ",
]
TEXTS = st.one_of(
    st.text(st.sampled_from("aebou Tth \n\u0301\u0327\u0323éﬁ½<>"), max_size=20),
    st.lists(
        st.sampled_from(["<é>", "<e\u0301>", "<mask>", " ", "e\u0301", "a", "ẹ́", "가\u11a8", "ﬁ"]), max_size=9
    ).map("".join),
    st.text(st.characters(min_codepoint=1, max_codepoint=0x2FFF, exclude_categories=["Cs"]), max_size=15),
    st.text(st.characters(min_codepoint=1, exclude_categories=["Cs"]), max_size=15),
)
LETTERS = "abcdefghijklmnopqrstuvwxyzéáạẹíçẢ가각漢.,'½1⁄2/"
DEBERTA = [normalizers.Replace(Regex(r"\s{2,}|[\n\r\t]"), " "), normalizers.NFC(), normalizers.Strip(False, True)]
TOKENS = [AddedToken("<é>", normalized=True), AddedToken("xé", normalized=True, single_word=True)]
TOKENS += [AddedToken("<mask>", special=True, lstrip=True), AddedToken("Ġq", normalized=False)]


def on_bytes(step: Any, cut: Any, after: Any = None) -> Tokenizer:
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    spelled = ["Ġ a", "Ġ t", "Ã ©", "Ì ģ", "t h", "Ġt h", "e Ì", "eÌ ģ", "á º", "áº ¹"]
    merges: list[tuple[str, str]] = [(one.split(" ")[0], one.split(" ")[1]) for one in spelled]
    vocab = {piece: new for new, piece in enumerate([*alphabet, *("".join(pair) for pair in merges)])}
    tokenizer = Tokenizer(models.BPE(vocab, merges))
    tokenizer.normalizer, tokenizer.pre_tokenizer, tokenizer.decoder = step, cut, decoders.ByteLevel()
    if after is not None:
        tokenizer.post_processor = after
    return tokenizer


def unigram(step: Any, *, bytes_too: bool = False) -> Tokenizer:
    scored = [("[PAD]", 0.0), ("[UNK]", 0.0), ("▁", -2.0), *((one, -4.0) for one in LETTERS), ("▁th", -3.0)]
    scored += [("éa", -5.0), ("fi", -5.0), *((f"<0x{byte:02X}>", -9.0) for byte in range(256) if bytes_too)]
    tokenizer = Tokenizer(models.Unigram(scored, 1, bytes_too))
    tokenizer.normalizer = step
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    tokenizer.decoder = decoders.Metaspace(prepend_scheme="always")
    return tokenizer


def llama(step: Any) -> Tokenizer:
    vocab = ["<unk>", *(f"<0x{byte:02X}>" for byte in range(256)), *dict.fromkeys(LETTERS + "▁"), "▁t", "▁th", "éa"]
    numbered = {piece: new for new, piece in enumerate(vocab)}
    merges = [("▁", "t"), ("▁t", "h"), ("é", "a")]
    tokenizer = Tokenizer(models.BPE(numbered, merges, unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    tokenizer.normalizer = normalizers.Sequence([step, normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    back = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    tokenizer.decoder = decoders.Sequence(back)
    return tokenizer


def word_pieces(step: Any) -> Tokenizer:
    pieces = ["[UNK]", "[PAD]", *dict.fromkeys(LETTERS), *(f"##{one}" for one in dict.fromkeys(LETTERS)), "the", "##fi"]
    tokenizer = Tokenizer(models.WordPiece({piece: new for new, piece in enumerate(pieces)}, unk_token="[UNK]"))
    tokenizer.normalizer, tokenizer.pre_tokenizer = step, pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    return tokenizer


def level() -> Any:
    return pre_tokenizers.ByteLevel(add_prefix_space=False)


def qwen() -> Any:
    pattern = Regex(_LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}"))
    inner = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    return pre_tokenizers.Sequence([pre_tokenizers.Split(pattern, "isolated"), inner])


N = normalizers
KINDS: dict[str, Callable[[], Tokenizer]] = {
    "Qwen 2": lambda: on_bytes(N.NFC(), qwen(), processors.ByteLevel(trim_offsets=False)),
    "GPT-NeoX": lambda: on_bytes(N.NFC(), level(), processors.ByteLevel(trim_offsets=True)),
    "bytes, NFKC": lambda: on_bytes(N.NFKC(), level(), processors.ByteLevel(trim_offsets=True, add_prefix_space=False)),
    "bytes, NFKD and more": lambda: on_bytes(N.Sequence([N.NFKD(), N.StripAccents(), N.Lowercase()]), level()),
    "bytes, stripped": lambda: on_bytes(N.Sequence([*DEBERTA, N.Replace("a", ""), N.Prepend(" ")]), level()),
    "DeBERTa 2": lambda: unigram(N.Sequence(DEBERTA)),
    "Unigram, NFKC": lambda: unigram(N.NFKC(), bytes_too=True),
    "Unigram, NFKD": lambda: unigram(N.Sequence([N.NFKD(), N.StripAccents(), N.Lowercase(), N.Strip()])),
    "BPE, NFC": lambda: llama(N.NFC()),
    "BPE, NFKD": lambda: llama(N.NFKD()),
    "WordPiece, NFC": lambda: word_pieces(N.NFC()),
    "WordPiece, NFKC and lower": lambda: word_pieces(N.Sequence([N.NFKC(), N.Lowercase()])),
    "WordPiece, NFKC and BERT": lambda: word_pieces(N.Sequence([N.NFKC(), N.BertNormalizer()])),
    "WordPiece, NFD": lambda: word_pieces(N.Sequence([N.Sequence([N.NFD(), N.Lowercase()]), N.StripAccents()])),
}


def opened(theirs: Tokenizer, folder: Path) -> AnyTokenizer:
    folder.mkdir(parents=True, exist_ok=True)
    theirs.save(str(folder / "tokenizer.json"))
    return read_tokenizer(folder)


@cache
def both(kind: str) -> tuple[AnyTokenizer, Tokenizer]:
    from tempfile import TemporaryDirectory

    theirs = KINDS[kind]()
    if not kind.startswith("WordPiece"):  # whose added tokens have no such flags here
        theirs.add_tokens(TOKENS)
    with TemporaryDirectory() as folder:
        return opened(theirs, Path(folder)), theirs


def same(ours: AnyTokenizer, theirs: Tokenizer, text: str) -> None:
    expected = theirs.encode(text, add_special_tokens=False)
    assert ours.encode_with_offsets(text) == (expected.ids, expected.offsets), ascii(text)
    assert ours.encode(text) == expected.ids
    if isinstance(ours, FileTokenizer):
        assert ours.decode(expected.ids) == theirs.decode(expected.ids, skip_special_tokens=False), ascii(text)
    else:
        assert isinstance(ours, PieceTokenizer | WordPiece)
        for special in (True, False):
            shown = theirs.decode(expected.ids, skip_special_tokens=not special)
            assert ours.decode(expected.ids, special=special) == shown, ascii(text)


@pytest.mark.parametrize("kind", KINDS)
def test_hard_texts(kind: str) -> None:
    for text in HARD:
        for part in (text, *text.split(" ")):
            same(*both(kind), part)


@settings(max_examples=800, deadline=None)
@given(text=TEXTS, kind=st.sampled_from(list(KINDS)))
def test_random_texts(text: str, kind: str) -> None:
    same(*both(kind), text)


def test_by_hand() -> None:
    """The two characters of é are one token, and so is the place that it is from."""
    ours, _ = both("Qwen 2")
    assert ours.encode("e\u0301") == ours.encode("é")
    assert ours.encode_with_offsets("e\u0301b")[1] == [(0, 1), (2, 3)]
    assert ours.encode_with_offsets("<e\u0301>b")[1] == [(0, 4), (4, 5)]


@pytest.mark.parametrize("kind", ["WordPiece, NFKC and BERT", "WordPiece, NFD", "DeBERTa 2", "BPE, NFKD"])
def test_what_was_read_is_written(kind: str, tmp_path: Path) -> None:
    ours, _ = both(kind)
    if isinstance(ours, WordPiece):
        write_wordpiece(tmp_path, ours)
    else:
        assert isinstance(ours, PieceTokenizer)
        write_pieces(tmp_path, ours)
    again, theirs = read_tokenizer(tmp_path), Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    for text in HARD:
        same(again, theirs, text)
        assert again.encode_with_offsets(text) == ours.encode_with_offsets(text)


@pytest.mark.parametrize("kind", ["Qwen 2", "DeBERTa 2", "BPE, NFC", "WordPiece, NFC"])
@pytest.mark.parametrize(
    ("step", "said"),
    [
        ({"type": "Nmt"}, "a normalizer of type Nmt is not computed here"),
        ({"type": "ByteLevel"}, "a normalizer of type ByteLevel"),
        ({"type": "Sequence", "normalizers": [{"type": "NFC"}, {"type": "Nmt"}]}, "a normalizer of type Nmt"),
        (
            {"type": "Replace", "pattern": {"Regex": "x+"}, "content": ""},
            "the pattern 'x\\+' is not one of those known",
        ),
        ({"type": "Sequence"}, "not in the form that it should have"),
        ({"type": "Strip", "strip_left": True}, "not in the form that it should have"),
        ({"type": "Prepend"}, "not in the form that it should have"),
        ("NFC", "not in the form that it should have"),
        ({"type": "Sequence", "normalizers": [{"type": "BertNormalizer"}, {"type": "NFC"}]}, "of type BertNormalizer"),
    ],
)
def test_what_is_not_computed_is_refused_by_name(kind: str, step: Any, said: str, tmp_path: Path) -> None:
    file = json.loads(KINDS[kind]().to_str()) | {"normalizer": step}
    (tmp_path / "tokenizer.json").write_text(json.dumps(file))
    with pytest.raises(TokenizerError, match=said):
        read_tokenizer(tmp_path)
