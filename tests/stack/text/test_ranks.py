"""tiktoken's files of ranks, against tiktoken itself and its authors' expected ids."""

from __future__ import annotations

import base64
import json
import os
import re
from pathlib import Path

import pytest
import tiktoken

from groundup.stack.data.sets import python_documentation
from groundup.stack.text.ranks import read_ranks
from groundup.stack.text.tokenizer_file import FileTokenizer, TokenizerError

DATA = Path(os.environ.get("GROUNDUP_DATA", Path(__file__).resolve().parents[4] / "shared" / "data")) / "tokenizers"
CL100K = DATA / "tiktoken" / "cl100k_base.tiktoken"
HARD = [
    "", " ", "\n", "\r\n\r\n x", "I'll  say: DON'T!", "12345678 9", "a\u00a0b\u2003c", "naïve ﬁancée", "ÀÉÎ\u0301",
    "こんにちは、世界！", "🌍🏳️‍🌈 flags", "\t\tdef f(x):\n\t\treturn x  \n\n", "½ⅷ٣", "'S 'T'RE", "\x00\x1c\x7f",
]  # fmt: skip
THEIRS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
needs_data = pytest.mark.skipif(not CL100K.is_file(), reason="no tiktoken data (set GROUNDUP_DATA)")


@pytest.fixture(scope="module")
def cl100k() -> FileTokenizer:
    return read_ranks(CL100K, added={"<|endoftext|>": 100257})


@pytest.fixture(scope="module")
def oracle() -> tiktoken.Encoding:
    lines = [line.split() for line in CL100K.read_bytes().splitlines() if line]
    ranks = {base64.b64decode(piece): int(rank) for piece, rank in lines}
    return tiktoken.Encoding("cl100k", pat_str=THEIRS, mergeable_ranks=ranks, special_tokens={})


@needs_data
def test_the_ids_of_its_own_test_plans(cl100k: FileTokenizer) -> None:
    plans = (DATA / "tiktoken" / "TestPlans.first45.txt").read_text(encoding="utf-8")
    found = re.findall(r"EncodingName: cl100k_base\nSample: (.*?)\nEncoded: (\[.*?\])\n", plans, flags=re.DOTALL)
    assert len(found) == 45
    for text, ids in found:
        assert cl100k.encode(text) == json.loads(ids), repr(text)


@needs_data
def test_hard_strings_and_a_megabyte_of_real_text(cl100k: FileTokenizer, oracle: tiktoken.Encoding) -> None:
    texts = [*HARD, python_documentation().train[:1_000_000]]
    for name in ("bpe_training_reference/corpus.en", "bpe_training_reference/german.txt"):
        texts.append((DATA / name).read_bytes().decode())
    folder = DATA / "llama_cpp_references"
    texts += (folder / "ggml-vocab-gpt-2.gguf.inp").read_text(encoding="utf-8").split("\n__ggml_vocab_test__\n")
    for text in texts:
        ids = cl100k.encode(text)
        assert ids == oracle.encode_ordinary(text), repr(text[:80])
        assert cl100k.decode(ids) == text


@needs_data
def test_special_tokens_are_their_own(cl100k: FileTokenizer) -> None:
    assert cl100k.encode("a<|endoftext|>b") == [64, 100257, 65]
    assert cl100k.vocab_size == 100258


def written(path: Path, pieces: list[bytes]) -> Path:
    path.write_bytes(b"".join(base64.b64encode(one) + b" %d\n" % rank for rank, one in enumerate(pieces)))
    return path


def test_a_small_file_against_tiktoken(tmp_path: Path) -> None:
    pieces = [bytes([byte]) for byte in range(256)] + [b"th", b"in", b"the", b" the", b"ing", b"thing", b"xyz"]
    tokenizer = read_ranks(written(tmp_path / "small.tiktoken", pieces), "r50k")
    ranks = {piece: rank for rank, piece in enumerate(pieces)}
    theirs = tiktoken.Encoding("small", pat_str=r" ?\w+|\s", mergeable_ranks=ranks, special_tokens={})
    # "xyz" cannot be made by merging: it is a token as a whole word only.
    for text in ("the thing", "thin thing", "xyz", "axyz", "hithe"):
        assert tokenizer.encode(text) == theirs.encode(text), text


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    path = tmp_path / "bad.tiktoken"
    path.write_bytes(b"YQ== 0\nnot base64 !\n")
    with pytest.raises(TokenizerError, match="line 2"):
        read_ranks(path)
    with pytest.raises(TokenizerError, match="no rank for the byte 1"):
        read_ranks(written(path, [b"\x00"]))
    with pytest.raises(TokenizerError, match="cl100k, r50k, p50k"):
        read_ranks(path, "gpt9")
