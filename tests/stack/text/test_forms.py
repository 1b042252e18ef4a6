"""Unicode's forms against ``tokenizers``: texts, and the place that each character is from."""

from __future__ import annotations

import json
import random
import runpy
import unicodedata
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Regex, Tokenizer, models, normalizers

from groundup.stack.text.forms import FORMS, LATER, Form, changes, is_formed
from groundup.stack.text.normalization import Traced, forms_alone, normalizer

SHARED = runpy.run_path(str(Path(__file__).with_name("hard_texts.py")))
HARD = [
    *SHARED["HARD"],
    "a\u0301\u0327 a\u0327\u0301 e\u0323\u0301\u0301 é\u0323 e\u0334\u0301 \u0301a \u0344 \u0340",  # unsorted marks
    "ṩ ṡ\u0323 ṣ\u0307 q\u0307\u0323 s\u0307\u0323\u0307 \u1e9b\u0323 \u212b \u0958 \u0f73 \ufb2c \u2adc",
    "\u1100\u1161\u11a8 \u1100\u1161 \uac00\u11a8 \uac00\u11a7 \uac01\u11a8 \u1161\u11a8 각\u0301 ㄱㅏ ﾡￂ ㈀",  # Hangul
    "ﬁ\u0301 ﬃ ½é ㍿\u0301 ＡＢＣ ｶﾞ ﷺ ² Ⅷ ™ … \u00a0",
    "👩🏽‍🚀 🏴󠁧󠁢󠁥󠁮󠁧󠁿 🇩🇪 1️⃣ ☺︎",
    "\U00011938 \U00011935\U00011930 \u32ff a\u1df6\u0323 a\u0323\u1df6\u0301",  # younger than the library's tables
]
MARKS = [chr(code) for code in range(0x110000) if unicodedata.combining(chr(code))]
COMPOSED = [
    chr(code) for code in range(0x30000) if not 0xAC00 <= code < 0xD7A4 and unicodedata.decomposition(chr(code))
]
COMPOSED = [char for char in COMPOSED if not 0xD800 <= ord(char) < 0xE000]
JAMO = [chr(code) for code in [*range(0x1100, 0x1200), *range(0xAC00, 0xAC20), 0xD7A3, 0xFFA1, 0x3131]]
ANY = st.characters(min_codepoint=1, exclude_categories=["Cs"])
TEXTS = st.one_of(
    st.text(st.sampled_from("aeqs \u0327\u0301\u0323\u0307éﬁ"), max_size=12),
    st.text(st.one_of(st.sampled_from("aeouAs"), st.sampled_from(MARKS)), max_size=10),
    st.text(st.one_of(st.sampled_from(COMPOSED), st.sampled_from(MARKS)), max_size=8),
    st.text(st.sampled_from(JAMO), max_size=10),
    st.text(ANY, max_size=20),
)
ROWS: dict[str, list[Any]] = {
    "DeBERTa 2": [
        normalizers.Replace(Regex(r"\s{2,}|[\n\r\t]"), " "),
        normalizers.NFC(),
        normalizers.Strip(False, True),
    ],
    "CLIP": [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()],
    "ALBERT": [normalizers.Replace("``", '"'), normalizers.NFKD(), normalizers.StripAccents(), normalizers.Lowercase()],
    "SeamlessM4T": [
        normalizers.Replace(Regex(r"[\n\r\t]"), " "),
        normalizers.NFKC(),
        normalizers.Strip(False, True),
        normalizers.Replace(Regex(r" +▁"), "▁"),
        normalizers.Replace(Regex(r"^▁+$"), ""),
        normalizers.Replace(Regex(r" {2,}"), "▁"),
    ],
    "all forms": [
        normalizers.NFD(),
        normalizers.NFC(),
        normalizers.Prepend("▁"),
        normalizers.NFKD(),
        normalizers.NFKC(),
    ],
    "Pegasus": [normalizers.Replace(Regex(r"\n"), " "), normalizers.Replace(Regex(r"\A +| +\z"), "")],
}


def library(kind: str) -> Any:
    return normalizers.Sequence(ROWS[kind]) if kind in ROWS else getattr(normalizers, kind)()


@cache
def both(kind: str) -> tuple[Any, Tokenizer]:
    """Our step, and a library's tokenizer whose every token is a character, so that it shows all places."""
    theirs = Tokenizer(models.BPE({"?": 0}, [], unk_token="?", fuse_unk=False))
    theirs.normalizer = library(kind)
    return normalizer(json.loads(theirs.normalizer.__getstate__())), theirs


def same(kind: str, text: str) -> None:
    run, theirs = both(kind)
    ours = run(Traced.of(text))
    assert ours.text == theirs.normalizer.normalize_str(text), ascii(text)
    assert ours.spans == theirs.encode(text).offsets, (ascii(text), ascii(ours.text))


KINDS = [*FORMS, *ROWS]


@pytest.mark.parametrize("kind", KINDS)
def test_hard_texts(kind: str) -> None:
    for text in HARD:
        for part in (text, *text.split(" ")):
            same(kind, part)


@settings(max_examples=800, deadline=None)
@given(text=TEXTS, kind=st.sampled_from(KINDS))
def test_random_texts(text: str, kind: str) -> None:
    same(kind, text)


@pytest.mark.parametrize("form", FORMS)
def test_every_character_is_taken_apart_as_in_the_library(form: Form) -> None:
    theirs = library(form)
    for char in map(chr, [*range(0xD800), *range(0xE000, 0x32400), *range(0xE0000, 0xE0200)]):
        assert "".join(one for one, _ in changes(form, char)) == theirs.normalize_str(char), hex(ord(char))


def test_every_mark_is_sorted_as_in_the_library() -> None:
    """Each beside one of every class, on either side; and what is younger than the library's tables beside a few."""
    theirs = normalizers.NFD()
    classes = {unicodedata.combining(char): char for char in MARKS if char not in LATER}
    assert {1, 9, 202, 220, 230, 240} <= classes.keys()
    for char in MARKS:
        for other in classes.values() if ord(char) % 8 == 0 else ("\u0334", "\u0345", "\u0323"):
            for text in (f"a{char}{other}", f"a{other}{char}"):
                assert "".join(one for one, _ in changes("NFD", text)) == theirs.normalize_str(text), ascii(text)


@settings(max_examples=400, deadline=None)
@given(text=TEXTS, form=st.sampled_from(FORMS))
def test_what_has_a_form_stays_as_it_is(text: str, form: Form) -> None:
    """So that it need not be computed: every character is its own, with the place that it has."""
    new = unicodedata.normalize(form, text)
    if is_formed(form, new):
        assert changes(form, new) == [(char, 0) for char in new]
    old = all(unicodedata.ucd_3_2_0.category(char) != "Cn" for char in text)
    assert not old or "".join(one for one, _ in changes(form, text)) == new


def test_by_hand() -> None:
    assert changes("NFKC", "e\u0301ﬁ") == [("é", -1), ("f", 0), ("i", 1)]
    assert changes("NFD", "é\u0323") == [("e", 0), ("\u0323", 0), ("\u0301", 1)]
    run = normalizer({"type": "NFC"})
    assert run(Traced.of("e\u0301 각")) == Traced("é 각", [(0, 1), (2, 3), (3, 4)])
    text = Traced.of("é 각")
    assert run(text) is text


def test_forms_alone() -> None:
    nfc, strip = {"type": "NFC"}, {"type": "Strip", "strip_left": True, "strip_right": True}
    assert forms_alone(None) == []
    assert forms_alone(nfc) == ["NFC"]
    assert forms_alone(strip) is None
    assert forms_alone({"type": "Sequence", "normalizers": [nfc, {"type": "NFKD"}]}) == ["NFC", "NFKD"]
    assert forms_alone({"type": "Sequence", "normalizers": [nfc, strip]}) is None


def test_long_texts() -> None:
    """A thousand marks on one letter, and a page of letters with marks: the same as the library, part by part."""
    draw = random.Random(0)
    for text in ("a" + "".join(draw.choices(MARKS, k=1000)), "".join(draw.choices(COMPOSED, k=3000))):
        for form in FORMS:
            same(form, text)
