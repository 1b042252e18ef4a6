"""Whole tokenizers of T5, ALBERT, XLNet, XLM-R, Llama 2 and Gemma against ``tokenizers``: ids, places, texts, files."""

from __future__ import annotations

import json
import os
import runpy
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

from groundup.stack.text.files import TokenizerError
from groundup.stack.text.pieces import PieceTokenizer
from groundup.stack.text.pieces_file import document, pieces_from, write_pieces
from groundup.stack.text.sentencepiece_bpe import merges_of
from groundup.stack.text.sentencepiece_file import read_fields, read_model
from groundup.stack.text.tokenizer_file import read_tokenizer

SHARED = runpy.run_path(str(Path(__file__).with_name("hard_texts.py")))
HARD, TEXTS, MODELS, trained = (SHARED[name] for name in ("HARD", "TEXTS", "MODELS", "trained"))
DATA = Path(os.environ.get("GROUNDUP_DATA", Path(__file__).resolve().parents[4] / "shared" / "data"))
QUOTES = [normalizers.Replace("``", '"'), normalizers.Replace("''", '"')]
FEWER = normalizers.Replace(Regex(" {2,}"), " ")


@cache
def scored(kind: str) -> list[tuple[str, float]]:
    """The pieces of a model that SentencePiece trained, by its file."""
    return list(model(kind).scored)


@cache
def model(kind: str) -> Any:
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as folder:
        (Path(folder) / "spiece.model").write_bytes(trained(**MODELS[kind]))
        return read_model(Path(folder) / "spiece.model").model


@cache
def blob() -> bytes:
    found = dict(read_fields(dict(read_fields(trained(**MODELS["unigram"])))[3]))[2]
    assert isinstance(found, bytes)
    return found


def metaspace(scheme: str) -> dict[str, Any]:
    return {
        "pre_tokenizer": pre_tokenizers.Metaspace(prepend_scheme=scheme),
        "decoder": decoders.Metaspace(prepend_scheme=scheme),
    }


def llama_decoder(strip: int) -> Any:
    chain = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    return decoders.Sequence(chain + ([decoders.Strip(" ", strip, 0)] if strip else []))


def albert() -> dict[str, Any]:
    accents = [normalizers.NFKD(), normalizers.StripAccents(), normalizers.Lowercase()]
    return {
        "normalizer": normalizers.Sequence([*QUOTES, *accents, normalizers.Precompiled(blob()), FEWER]),
        **metaspace("always"),
        "single": "[CLS] $A [SEP]",
        "pair": "[CLS] $A [SEP] $B:1 [SEP]:1",
    }


def t5() -> dict[str, Any]:
    words = [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace(prepend_scheme="always")]
    return {
        "normalizer": normalizers.Precompiled(blob()),
        **metaspace("always"),
        "pre_tokenizer": pre_tokenizers.Sequence(words),
        "single": "$A [SEP]",
        "pair": "$A [SEP] $B [SEP]",
    }


def xlnet() -> dict[str, Any]:
    return {
        "normalizer": normalizers.Sequence([*QUOTES, normalizers.Precompiled(blob()), FEWER]),
        **metaspace("always"),
        "single": "$A:0 [SEP]:0 [CLS]:2",
        "pair": "$A:0 [SEP]:0 $B:1 [SEP]:1 [CLS]:2",
    }


def xlm_r() -> dict[str, Any]:
    steps = [normalizers.Precompiled(blob()), normalizers.Strip(left=False, right=True)]
    return {
        "normalizer": normalizers.Sequence([*steps, normalizers.Replace(Regex(" {2,}"), "▁")]),
        **metaspace("first"),
        "single": "[CLS] $A [SEP]",
        "pair": "[CLS] $A [SEP] [SEP] $B [SEP]",
    }


def llama() -> dict[str, Any]:
    prepended = [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]
    return {
        "model": "llama",
        "normalizer": normalizers.Sequence(prepended),
        "decoder": llama_decoder(1),
        "single": "[CLS] $A",
        "pair": "[CLS] $A [CLS]:1 $B:1",
    }


def llama_without_legacy() -> dict[str, Any]:
    cut = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
    return {**llama(), "normalizer": None, "pre_tokenizer": cut, "ignore_merges": True}


def gemma() -> dict[str, Any]:
    return {
        "model": "llama",
        "normalizer": normalizers.Replace(" ", "▁"),
        "pre_tokenizer": pre_tokenizers.Split(" ", "merged_with_previous"),
        "decoder": llama_decoder(0),
        "single": "[CLS] $A",
        "pair": "[CLS] $A [CLS] $B",
    }


def bpe_without_bytes() -> dict[str, Any]:
    return {**llama(), "byte_fallback": False, "fuse_unk": False}


def with_bytes() -> dict[str, Any]:
    return {**t5(), "model": "unigram with bytes", "decoder": llama_decoder(1)}


FAMILIES = [albert, t5, xlnet, xlm_r, llama, llama_without_legacy, gemma, bpe_without_bytes, with_bytes]


@cache
def library(name: str) -> Tokenizer:
    parts = next(one for one in FAMILIES if one.__name__ == name)()
    kind = parts.pop("model", "unigram")
    pieces = [*scored(kind), ("[MASK]", 0.0), ("[CLS]", 0.0), ("[SEP]", 0.0), ("<pad>", 0.0)]
    if kind == "llama":
        vocab = {piece: new for new, (piece, _) in enumerate(pieces)}
        told = {"byte_fallback": True, "fuse_unk": True, "unk_token": "<unk>"}
        told |= {key: parts.pop(key) for key in ("byte_fallback", "fuse_unk", "ignore_merges") if key in parts}
        theirs = Tokenizer(models.BPE(vocab, merges_of(scored(kind), model(kind).skipped), **told))
    else:
        theirs = Tokenizer(models.Unigram(pieces, 0, kind != "unigram"))
    for part in ("normalizer", "pre_tokenizer", "decoder"):
        if parts.get(part):
            setattr(theirs, part, parts[part])
    mask = AddedToken("[MASK]", lstrip=True, rstrip=name == "t5")
    theirs.add_special_tokens([AddedToken("<s>"), AddedToken("</s>"), mask, AddedToken("[CLS]"), AddedToken("[SEP]")])
    theirs.add_tokens([AddedToken("<pad>", single_word=True, normalized=False), AddedToken("The b", normalized=True)])
    named = [(one, theirs.token_to_id(one)) for one in ("[CLS]", "[SEP]")]
    theirs.post_processor = processors.TemplateProcessing(parts["single"], parts["pair"], named)
    return theirs


@cache
def ours(name: str) -> PieceTokenizer:
    return pieces_from(json.loads(library(name).to_str()))


NAMES = [one.__name__ for one in FAMILIES]
MARKED = st.lists(
    st.sampled_from(
        ["[MASK]", " [MASK]  ", "<s>", "<pad>", "a<pad>", " <pad> ", "The b", " The b s", "the b", " ", "é"]
    ),
    max_size=8,
).map("".join)


def same(name: str, text: str, second: str = "the b") -> None:
    mine, theirs = ours(name), library(name)
    expected = theirs.encode(text, add_special_tokens=False)
    assert mine.encode_with_offsets(text) == (expected.ids, expected.offsets), text
    for special in (True, False):
        shown = theirs.decode(expected.ids, skip_special_tokens=not special)
        assert mine.decode(expected.ids, special=special) == shown
    for pair in ((text,), (text, second)):
        whole, given_ = theirs.encode(*pair), mine.model_input(*pair)
        assert (given_.ids, given_.offsets, given_.token_types) == (whole.ids, whole.offsets, whole.type_ids)


@pytest.mark.parametrize("name", NAMES)
def test_hard_texts(name: str) -> None:
    for text in HARD:
        same(name, text)


@settings(max_examples=500, deadline=None)
@given(text=TEXTS | MARKED, name=st.sampled_from(NAMES))
def test_random_texts(text: str, name: str) -> None:
    same(name, text)


@pytest.mark.parametrize("name", NAMES)
def test_real_texts(name: str) -> None:
    for file in ("tokenizers/sentencepiece/botchan.txt", "tokenizers/bpe_training_reference/german.txt"):
        if not (DATA / file).is_file():
            pytest.skip("no texts (set GROUNDUP_DATA)")
        same(name, (DATA / file).read_text(encoding="utf-8")[:8_000])


@pytest.mark.parametrize("name", NAMES)
def test_what_we_write_means_the_same_to_everybody(name: str, tmp_path: Path) -> None:
    write_pieces(tmp_path, ours(name))
    again, theirs = read_tokenizer(tmp_path), Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    assert isinstance(again, PieceTokenizer)
    for text in HARD:
        assert again.encode(text) == ours(name).encode(text) == theirs.encode(text, add_special_tokens=False).ids
        assert again.model_input(text).ids == theirs.encode(text).ids
    assert again.vocab_size == theirs.get_vocab_size()


def test_an_example_by_hand() -> None:
    mine = ours("albert")
    ids, offsets = mine.encode_with_offsets("É  [MASK]a")
    assert [mine.token(one) for one in ids][-2:] == ["[MASK]", "▁a"]
    assert offsets[-2:] == [(1, 9), (9, 10)]
    assert mine.begin == [mine.added["[CLS]"]]
    assert ours("t5").begin == []
    assert mine.token_bytes(mine.added["[CLS]"]) == b"[CLS]"


def test_drawn_cuts_are_of_the_same_text() -> None:
    mine, text = ours("t5"), "the tokenizer reads [MASK] and the pieces"
    generator = torch.Generator().manual_seed(0)
    drawn = [mine.sample(text, generator, alpha=0.2) for _ in range(20)]
    assert len({tuple(ids) for ids, _ in drawn}) > 10
    assert {mine.decode(ids, special=True) for ids, _ in drawn} == {mine.decode(mine.encode(text), special=True)}
    for _, offsets in drawn:
        assert all(begin <= after for (begin, _), (after, _) in pairwise(offsets))
        assert offsets[-1][1] == len(text)
    assert mine.sample(text, generator, alpha=1e4) == mine.encode_with_offsets(text)
    with pytest.raises(ValueError, match="not from CharacterBPE"):
        ours("llama").sample(text, generator)


# ── files of transformers ────────────────────────────────────────────────────


def test_files_that_transformers_writes_are_read(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    pieces = scored("unigram")
    merged = {piece: new for new, (piece, _) in enumerate(scored("llama"))}
    made = {
        "T5Tokenizer": {"vocab": [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), *pieces[3:]], "extra_ids": 4},
        "AlbertTokenizer": {"vocab": [("<pad>", 0.0), ("<unk>", 0.0), ("[CLS]", 0.0), ("[SEP]", 0.0), *pieces[3:]]},
        "XLNetTokenizer": {"vocab": [("<unk>", 0.0), ("<s>", 0.0), ("</s>", 0.0), ("<cls>", 0.0), *pieces[3:]]},
        "XLMRobertaTokenizer": {"vocab": [("<s>", 0.0), ("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), *pieces[3:]]},
        "LlamaTokenizer": {"vocab": merged, "merges": merges_of(scored("llama"), model("llama").skipped)},
        "GemmaTokenizer": {"vocab": merged, "merges": merges_of(scored("llama"), model("llama").skipped)},
    }
    for name, told in made.items():
        if "merges" not in told:
            told["_spm_precompiled_charsmap"] = blob()
        theirs = getattr(transformers, name)(**told)
        theirs.save_pretrained(tmp_path / name)
        mine = read_tokenizer(tmp_path / name)
        assert isinstance(mine, PieceTokenizer)
        for text in HARD:
            assert mine.model_input(text).ids == theirs(text)["input_ids"], (name, text)
            assert mine.model_input(text, "the b").ids == theirs(text, "the b")["input_ids"], (name, text)
            assert mine.decode(mine.encode(text)) == theirs.backend_tokenizer.decode(mine.encode(text)), (name, text)


# ── what is refused ──────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("name", "changes", "said"),
    [
        ("t5", {"normalizer": {"type": "Nmt"}}, "a normalizer of type Nmt"),
        ("t5", {"pre_tokenizer": {"type": "Digits"}}, "a pre-tokenizer of type Digits"),
        ("t5", {"decoder": {"type": "CTC"}}, "a decoder of type CTC"),
        ("t5", {"post_processor": {"type": "RobertaProcessing"}}, "a post-processor of type RobertaProcessing"),
        ("t5", {"model": {"unk_id": 9999}}, "the unknown piece must be one of"),
        ("t5", {"model": {"vocab": [7]}}, "not in the form"),
        ("t5", {"model": {"type": "WordLevel"}}, "of type WordLevel"),
        ("t5", {"added_tokens": [7]}, "not in the form"),
        ("llama", {"model": {"dropout": 0.1}}, "dropout = 0.1"),
        ("llama", {"model": {"end_of_word_suffix": "</w>"}}, "end_of_word_suffix"),
        ("llama", {"model": {"unk_token": "<none>"}}, "no <none>"),
        ("llama", {"model": {"merges": [["a", "\n\n\n"]]}}, "merge 0 of 'a'"),
        ("llama", {"model": {"vocab": {"a": 0, "b": 2}}}, "not those from 0 to 1"),
    ],
)
def test_what_is_not_computed_is_refused_by_name(name: str, changes: dict[str, Any], said: str, tmp_path: Path) -> None:
    file = document(ours(name))
    file["model"] |= changes.pop("model", {})
    (tmp_path / "tokenizer.json").write_text(json.dumps(file | changes))
    with pytest.raises(TokenizerError, match=said):
        read_tokenizer(tmp_path)


def test_a_token_in_a_template_must_be_known() -> None:
    file = document(ours("llama"))
    file["post_processor"]["single"][0]["SpecialToken"]["id"] = "<none>"
    with pytest.raises(TokenizerError, match="no <none>"):
        pieces_from(file)
