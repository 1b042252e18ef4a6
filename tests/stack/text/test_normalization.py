"""Steps before the model, one by one, against ``tokenizers``: texts, and which place each character is from."""

from __future__ import annotations

import base64
import json
import runpy
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import sentencepiece
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

from groundup.stack.text.charsmap import CharsMap
from groundup.stack.text.decoding import decoder
from groundup.stack.text.normalization import StepError, Traced, charsmap, normalizer, pre_tokenizer
from groundup.stack.text.sentencepiece_file import read_fields

SHARED = runpy.run_path(str(Path(__file__).with_name("hard_texts.py")))
HARD, TEXTS, trained = SHARED["HARD"], SHARED["TEXTS"], SHARED["trained"]


@cache
def blob(rules: str = "nmt_nfkc") -> bytes:
    """A map as SentencePiece compiles it."""
    message = dict(read_fields(trained(normalization_rule_name=rules, vocab_size=500)))
    found = dict(read_fields(message[3]))[2]
    assert isinstance(found, bytes)
    return found


def made(rules: dict[str, str], folder: Path) -> bytes:
    """A map compiled from rules of our own."""
    table = folder / "rules.tsv"
    lines = (" ".join(f"{ord(one):X}" for one in old) + f"\t{ord(new):X}\n" for old, new in rules.items())
    table.write_text("".join(lines), encoding="utf-8")
    return dict(read_fields(dict(read_fields(trained(normalization_rule_tsv=str(table), hard_vocab_limit=False)))[3]))[
        2
    ]


def step(given: Any) -> Any:
    """What a part of the library is in its files."""
    return json.loads(given.__getstate__())


NORMALIZERS = {
    "map": lambda: normalizers.Precompiled(blob()),
    "map, lower case": lambda: normalizers.Precompiled(blob("nmt_nfkc_cf")),
    "NFC": normalizers.NFC,
    "NFD": normalizers.NFD,
    "NFKC": normalizers.NFKC,
    "NFKD": normalizers.NFKD,
    "no accents": lambda: normalizers.Sequence([normalizers.NFKD(), normalizers.StripAccents()]),
    "lower case": normalizers.Lowercase,
    "replaced": lambda: normalizers.Replace("a", "▁xy"),
    "taken out": lambda: normalizers.Replace("a", ""),
    "double spaces": lambda: normalizers.Replace(Regex(" {2,}"), "▁"),
    "white space": lambda: normalizers.Replace(Regex(r"\s{2,}|[\n\r\t]"), " "),
    "ends of lines": lambda: normalizers.Replace(Regex(r"[\n\r\t]"), " "),
    "spaces before ▁": lambda: normalizers.Replace(Regex(r" +▁"), "▁"),
    "▁ alone": lambda: normalizers.Replace(Regex(r"^▁+$"), ""),
    "ends": lambda: normalizers.Replace(Regex(r"\A +|[ ▁]+\z"), ""),
    "spaces at the ends": lambda: normalizers.Replace(Regex(r"\A +| +\z"), ""),
    "▁ first": lambda: normalizers.Replace(Regex(r"\A▁"), "▁▁"),
    "line feeds": lambda: normalizers.Replace(Regex(r"\n"), " "),
    "all white space": lambda: normalizers.Replace(Regex(r"\s+"), " "),
    "stripped": lambda: normalizers.Strip(left=True, right=True),
    "stripped right": lambda: normalizers.Strip(left=False, right=True),
    "prepended": lambda: normalizers.Prepend("▁▁"),
}
CUTS = {
    "always": lambda: pre_tokenizers.Metaspace(prepend_scheme="always"),
    "first": lambda: pre_tokenizers.Metaspace(prepend_scheme="first"),
    "never": lambda: pre_tokenizers.Metaspace(prepend_scheme="never"),
    "whole": lambda: pre_tokenizers.Metaspace(prepend_scheme="always", split=False),
    "another mark": lambda: pre_tokenizers.Metaspace("_", prepend_scheme="always"),
    "white space": pre_tokenizers.WhitespaceSplit,
    "punctuation": pre_tokenizers.Punctuation,
    "gemma": lambda: pre_tokenizers.Split(" ", "merged_with_previous"),
    "two": lambda: pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()]),
}


@cache
def steps(kind: str) -> tuple[Any, Tokenizer]:
    """Our step, and a library's tokenizer whose every token is a character, so that it shows all places."""
    theirs = Tokenizer(models.BPE({"?": 0}, [], unk_token="?", fuse_unk=False))
    theirs.normalizer = NORMALIZERS[kind]()
    return normalizer(step(theirs.normalizer)), theirs


def same(kind: str, text: str) -> None:
    run, theirs = steps(kind)
    ours = run(Traced.of(text))
    assert ours.text == theirs.normalizer.normalize_str(text), text
    assert ours.spans == theirs.encode(text).offsets, (text, ours.text)


@pytest.mark.parametrize("kind", NORMALIZERS)
def test_hard_texts(kind: str) -> None:
    for text in HARD:
        same(kind, text)


@settings(max_examples=500, deadline=None)
@given(text=TEXTS, kind=st.sampled_from(list(NORMALIZERS)))
def test_random_texts(text: str, kind: str) -> None:
    same(kind, text)


@settings(max_examples=400, deadline=None)
@given(text=TEXTS, kind=st.sampled_from(list(CUTS)))
def test_words(text: str, kind: str) -> None:
    theirs = CUTS[kind]()
    words = pre_tokenizer(step(theirs))(Traced.of(text))
    assert [(one.text, one.span(0, len(one.text))) for one in words] == theirs.pre_tokenize_str(text)


def test_every_character_is_a_mark_or_not_as_in_the_library() -> None:
    ours, theirs = normalizer({"type": "StripAccents"}), normalizers.StripAccents()
    for char in map(chr, [*range(0xD800), *range(0xE000, 0x32000), *range(0xE0000, 0xE0200)]):
        assert ours(Traced.of(char)).text == theirs.normalize_str(char), hex(ord(char))


def test_every_character_becomes_small_as_in_the_library() -> None:
    ours, theirs = steps("lower case")
    for char in map(chr, [*range(0xD800), *range(0xE000, 0x20000), *range(0x2F800, 0x2FA20)]):
        assert ours(Traced.of(char)).text == theirs.normalizer.normalize_str(char), hex(ord(char))


def test_tracing_by_hand() -> None:
    run = normalizer({"type": "Sequence", "normalizers": [{"type": "NFKD"}, {"type": "StripAccents"}]})
    assert run(Traced.of("ﬁné")) == Traced("fine", [(0, 1), (0, 1), (1, 2), (2, 3)])
    words = pre_tokenizer({"type": "Metaspace", "prepend_scheme": "always"})(Traced.of("a b"))
    assert words == [Traced("▁a", [(0, 1), (0, 1)]), Traced("▁b", [(1, 2), (2, 3)])]


# ── the map of characters ────────────────────────────────────────────────────


@pytest.mark.parametrize("rules", ["nmt_nfkc", "nmt_nfkc_cf"])
def test_every_character_stands_for_what_the_library_says(rules: str) -> None:
    ours, theirs = CharsMap(blob(rules)), normalizers.Precompiled(blob(rules))
    for char in map(chr, [*range(0xD800), *range(0xE000, 0x20000), *range(0x2F800, 0x2FA20)]):
        found = ours.shortest(char)
        assert (char if found is None else found) == theirs.normalize_str(char), hex(ord(char))


def test_characters_stick_together_as_in_the_library(tmp_path: Path) -> None:
    """A map with a rule for every character shows how long the clusters are: one is replaced as a whole."""
    chars = [chr(code) for code in [*range(1, 0x3400), *range(0xA000, 0xAC00), *range(0xF900, 0x10000)]]
    chars += map(chr, [*range(0x10000, 0x12000), *range(0x16000, 0x17000), *range(0x1B000, 0x1F000)])
    content = made({char: "z" for char in chars if char not in "z▁"}, tmp_path)
    ours, theirs = CharsMap(content), normalizers.Precompiled(content)
    for char in chars:
        for text in (f"a{char}", f"{char}\u0301", f"{char}a"):
            assert "".join(new for new, _ in ours.replace_graphemes(text)) == theirs.normalize_str(text), ascii(text)


def test_the_longest_key_and_the_shortest(tmp_path: Path) -> None:
    rules = CharsMap(made({"a": "1", "ab": "2", "abc": "3", "é": "4"}, tmp_path))
    assert [rules.shortest(text) for text in ("abcd", "b", "éa")] == ["1", None, "4"]
    assert [rules.longest("xabcdabx", at) for at in (0, 1, 5, 6)] == [None, ("3", 3), ("2", 2), None]


def test_the_two_ways_to_read_a_map() -> None:
    """Of a ligature with an accent the library loses the accent; SentencePiece does not."""
    rules = {"type": "Precompiled", "precompiled_charsmap": base64.b64encode(blob()).decode()}
    native = {**rules, "type": "SentencePiece", "prefix": False, "fewer_spaces": True, "whole": []}
    text = "ﬁ\u0301"
    assert normalizer(rules)(Traced.of(text)).text == normalizers.Precompiled(blob()).normalize_str(text) == "fi"
    own = sentencepiece.SentencePieceProcessor(model_proto=trained(vocab_size=500))
    assert "▁" + normalizer(native)(Traced.of(text)).text == own.normalize(text) == "▁fi\u0301"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "too short to say its size"),
        (b"\x08\0\0\0\0\0\0\0", "has 4 bytes; its trie alone has 8"),
        (b"\x03\0\0\0abc", "its trie alone has 3"),
    ],
)
def test_a_broken_map_is_refused(content: bytes, said: str) -> None:
    with pytest.raises(StepError, match=said):
        charsmap({"precompiled_charsmap": base64.b64encode(content).decode()})


def test_a_map_that_points_outside_is_refused() -> None:
    with pytest.raises(ValueError, match="points outside of itself"):
        CharsMap(b"\4\0\0\0\0\xff\xff\0").shortest("a")
    with pytest.raises(StepError, match="precompiled_charsmap"):
        charsmap({"precompiled_charsmap": "no base64"})


# ── decoders ─────────────────────────────────────────────────────────────────

DECODERS = {
    "Metaspace": decoders.Metaspace(prepend_scheme="always"),
    "Metaspace, first": decoders.Metaspace(prepend_scheme="first"),
    "Metaspace, never": decoders.Metaspace(prepend_scheme="never"),
    "bytes": decoders.ByteFallback(),
    "fused and stripped": decoders.Sequence([decoders.Replace("▁", " "), decoders.Fuse(), decoders.Strip(" ", 2, 0)]),
    "stripped on the right": decoders.Sequence([decoders.Replace("a", "a"), decoders.Strip("b", 0, 1)]),
    "llama": decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    ),
}
PIECES = st.sampled_from(["▁", "▁a", "ab", "a▁▁b", "▁▁", "<0xC3>", "<0xA9>", "<0xF0>", "<0x41>", "<0x4>", "é"])


@settings(max_examples=400, deadline=None)
@given(row=st.lists(PIECES, max_size=8), kind=st.sampled_from(list(DECODERS)))
def test_decoders(row: list[str], kind: str) -> None:
    assert decoder(step(DECODERS[kind]))(row) == DECODERS[kind].decode(row)


@pytest.mark.parametrize(
    ("build", "given_", "said"),
    [
        (normalizer, {"type": "Nmt"}, "a normalizer of type Nmt"),
        (normalizer, {"type": "Replace", "pattern": {"Regex": "x+"}, "content": ""}, "the pattern 'x\\+'"),
        (pre_tokenizer, {"type": "Digits"}, "a pre-tokenizer of type Digits"),
        (pre_tokenizer, {"type": "Metaspace", "prepend_scheme": "last"}, "the scheme 'last'"),
        (pre_tokenizer, {"type": "Punctuation", "behavior": "Removed"}, "Punctuation that is Removed"),
        (pre_tokenizer, {"type": "Split", "pattern": {"String": "a"}, "behavior": "Isolated"}, "Split by"),
        (decoder, {"type": "CTC"}, "a decoder of type CTC"),
        (decoder, {"type": "Replace", "pattern": {"Regex": "a"}, "content": ""}, "a decoder that replaces"),
    ],
)
def test_what_is_not_computed_is_refused_by_name(build: Any, given_: dict[str, Any], said: str) -> None:
    with pytest.raises(StepError, match=said):
        build(given_)
