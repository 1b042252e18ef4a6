"""Texts on which tokenizers differ: spaces, marks, ligatures, jamo, emoji, what looks like a token."""

from __future__ import annotations

import io
import struct
import unicodedata
from functools import cache
from pathlib import Path
from typing import Any

import sentencepiece
from hypothesis import strategies as st

import groundup.stack.text

HARD = [
    "",
    " ",
    "\t\r\n\u00a0\u2028\u3000",
    "   x  y \n\n z\r\n\r\n",
    "Unaffable NAÏVE café unaffables",
    "e\u0301te\u0301 \u0301a İstanbul ΣΑΣ ς ǅ ß ﬁ ﬁ\u0301 a\u0327\u0301 a\u0301\u0327",
    "漢字kanji 漢\u0301字 한국어 \u1100\u1161\u11a8 \uf900\U0002f800 ㍿ ｶﾞ ｱﾞ",
    "\u200b\u200ba\ufffdc\u200bd\u00ade\x85f\x0bg\x1ci\ue000j",
    "don't stop,  U.S.A.! ... ~$+=|^` a_b «x» ``a'' 3.14 ½ ² ٣ Ⅷ ™",
    "<s>[CLS] the [MASK]  <unk> <sep>the b</s> <0x41> <mask> [mask]",
    "🦙.cpp 😶‍🌫️ 👩‍👩‍👧 🇩🇪 \u1401<unk>\u1401",
    "▁a ▁ b▁ ▁▁",
    "\u0f71\u0f72\u0344 \u1734a \u0600a",
    "a" * 200 + " " + "ab" * 50,
]


def old(text: str) -> bool:
    """Whether all characters are so old (Unicode 3.2) that no library's tables lack them."""
    return all(unicodedata.ucd_3_2_0.category(char) not in ("Cn", "Cs") for char in text)


TEXTS = st.one_of(
    st.text(alphabet="the b a<s>[MASK]\n", max_size=40),
    st.text(alphabet="ab e\u0301\u0327ﬁ½▁ \nÉ漢🦙", max_size=40),
    st.text(
        alphabet=st.characters(min_codepoint=1, max_codepoint=0x24FF, exclude_categories=("Cn", "Cs")), max_size=30
    ),
    st.text(alphabet=st.characters(min_codepoint=1, exclude_categories=("Cn", "Cs")), max_size=30),
).filter(old)


@cache
def our_sources() -> tuple[str, ...]:
    """Lines of prose and code that are there wherever the tests are: this package's own."""
    files = sorted(Path(groundup.stack.text.__file__).parent.glob("*.py"))
    return tuple(line for file in files for line in file.read_text(encoding="utf-8").splitlines() if line.strip())


@cache
def trained(**settings: Any) -> bytes:
    """A model that SentencePiece trained and wrote."""
    out = io.BytesIO()
    told = {"vocab_size": 600, "minloglevel": 2, "num_threads": 1, **settings}
    sentencepiece.SentencePieceTrainer.train(sentence_iterator=iter(our_sources()), model_writer=out, **told)
    return out.getvalue()


UNIGRAM: dict[str, dict[str, Any]] = {
    "unigram": {},
    "unigram with bytes": {"byte_fallback": True, "character_coverage": 0.99, "vocab_size": 700},
    "lower case": {"normalization_rule_name": "nmt_nfkc_cf"},
    "spaces as they are": {"normalization_rule_name": "identity", "remove_extra_whitespaces": False},
    "user-defined": {"user_defined_symbols": "<sep>,a,the b,é", "add_dummy_prefix": False},
}
BPE: dict[str, dict[str, Any]] = {
    "llama": {
        "model_type": "bpe",
        "byte_fallback": True,
        "normalization_rule_name": "identity",
        "remove_extra_whitespaces": False,
        "split_digits": True,
        "character_coverage": 0.99,
        "vocab_size": 800,
    },
    "bpe": {"model_type": "bpe"},
    "bpe, user-defined": {"model_type": "bpe", "user_defined_symbols": "<sep>,a,the b,é"},
}
MODELS = UNIGRAM | BPE


# ── files of SentencePiece, written by hand ──────────────────────────────────


def field(number: int, value: bytes | int) -> bytes:
    if isinstance(value, int):
        return bytes([number << 3]) + varint(value)
    key = varint(number << 3 | 2)
    return key + varint(len(value)) + value


def varint(value: int) -> bytes:
    out = []
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def piece(text: str, score: float, kind: int) -> bytes:
    return field(1, field(1, text.encode()) + bytes([0x15]) + struct.pack("<f", score) + field(3, kind))
