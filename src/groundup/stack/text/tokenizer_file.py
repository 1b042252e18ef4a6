"""``tokenizer.json``: the ecosystem's file for a tokenizer, read and written without its library.

    tokenizer.json, or older files ── read_tokenizer ──► byte-level BPE: FileTokenizer (this file)
    (vocab.json and merges.txt,                          Unigram, SentencePiece's BPE: PieceTokenizer (:mod:`.pieces`)
    spiece.model, vocab.txt)                             WordPiece (:mod:`.wordpiece`)
    merges of train_bpe ── write_tokenizer ──► tokenizer.json, tokenizer_config.json

The file numbers pieces as it likes: GPT-2's printable bytes come first, Llama 3's follow tiktoken's ranks. So merges
are applied under their own numbers (:mod:`.bpe`), and a table turns those into the file's ids and back.

What a FileTokenizer computes: BPE over bytes, cut by GPT-2's pattern, Llama 3's or Qwen 2's, digits by themselves
where it says so, or not cut at all; added tokens, found in the text before anything else; what is done to the text
before it is cut (:mod:`.normalization`; NFC for Qwen 2 and GPT-NeoX); the tokens that the file puts before every text
(``begin``). What no tokenizer here computes is refused by name.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

from groundup.stack.models.checkpoints import write_whole
from groundup.stack.text.added import Added, Finder
from groundup.stack.text.bpe import _SHAPE, BYTES, Merge, Tables, byte_characters, split_text
from groundup.stack.text.characters import SPACES
from groundup.stack.text.files import TOKENIZER, TOKENIZER_CONFIG, AnyTokenizer, TokenizerError, read_json, read_text
from groundup.stack.text.forms import is_formed
from groundup.stack.text.normalization import Span, StepError, Traced, forms_alone, normalizer
from groundup.stack.text.pieces_file import pieces_from
from groundup.stack.text.sentencepiece_file import MODELS, read_model
from groundup.stack.text.wordpiece_file import VOCAB, read_wordpiece

__all__ = ["TOKENIZER", "TOKENIZER_CONFIG", "FileTokenizer", "TokenizerError", "read_tokenizer", "write_tokenizer"]

PAIRS = (("vocab.json", "merges.txt"), ("encoder.json", "vocab.bpe"))

_SPACE = "Ġ"  # as GPT-2's files write it
# Patterns as the files write them.
_GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
_LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|"
    r"\s*[\r\n]+|\s+(?!\S)|\s+"
)
_KNOWN = {_LLAMA3, _LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}")}


class FileTokenizer:
    """A tokenizer of a file: ``encode`` and ``decode``, the bytes of each token, and the tokens before every text."""

    def __init__(
        self,
        merges: Sequence[Merge],
        ids: dict[bytes, int],
        added: Mapping[str, int] | Sequence[Added],
        split: Callable[[str], list[str]] = split_text,
        begin: Sequence[int] = (),
        *,
        whole_words: bool = False,
        trimmed: bool = False,
        keep_first: bool = False,
        normalization: Mapping[str, Any] | None = None,
    ) -> None:
        """``ids`` gives each piece's id; ``whole_words``: a word that is a piece is that piece, whatever merges say.

        ``trimmed``: offsets leave out spaces; ``keep_first``: but not one alone before the text. ``normalization`` is
        what is done to a text, as ``tokenizer.json`` says it; raises StepError for a step that is not computed here.
        """
        tokens = [Added(text, new) for text, new in added.items()] if isinstance(added, Mapping) else list(added)
        self.added = {one.text: one.id for one in tokens}
        self.begin = list(begin)
        self.trimmed, self.keep_first = trimmed, keep_first
        self._split = split
        self._ids = ids
        self._whole_words = whole_words
        self._tables = Tables(merges)
        _allow_repeated(self._tables, merges)
        try:
            self._file_id = {new: ids[piece] for new, piece in self._tables.pieces.items()}
        except KeyError as missing:
            raise TokenizerError(f"the vocabulary has no id for the piece {missing}") from None
        self._bytes = {new: piece for piece, new in ids.items()} | {one.id: one.text.encode() for one in tokens}
        self._normalize = normalizer(normalization) if normalization else None
        self._forms = forms_alone(normalization)
        normal = {one.id: normalizer(normalization)(Traced.of(one.text)).text for one in tokens if one.normalized}
        self._first = Finder({one.text: one for one in tokens if not one.normalized})
        self._second = Finder({normal[one.id]: one for one in tokens if one.normalized})
        self._shown = self._bytes | {one.id: _spelled(normal.get(one.id, one.text)) for one in tokens}

    @property
    def vocab_size(self) -> int:
        """One more than the largest id: what a model's embedding must at least have."""
        return max(self._bytes, default=-1) + 1

    def encode(self, text: str) -> list[int]:
        """The ids of a text; an added token that stands in it becomes its own id. ``begin`` is left to the caller."""
        ids: list[int] = []
        for part, token, _, _ in self._parts(text):
            if token is not None:
                ids.append(token.id)
                continue
            for word in self._split(part):
                ids += self._encode_word(word)
        return ids

    def _parts(self, text: str) -> Iterator[tuple[str, Added | None, int, list[Span] | None]]:
        """The text cut at added tokens: each part, normalized, the token that it is, and where it begins.

        Where normalizing changed it, the last is the place of each of its characters in the original.
        """
        for begin, end, token in self._first.split(text):
            part, spans = text[begin:end], None
            if token is not None:
                yield part, token, begin, None
                continue
            if self._normalize and not (self._forms and all(is_formed(form, part) for form in self._forms)):
                new = self._normalize(Traced(part, [(at, at + 1) for at in range(begin, end)]))
                part, spans = new.text, new.spans
            for first, last, inner in self._second.split(part):
                yield part[first:last], inner, begin + first, None if spans is None else spans[first:last]

    def _encode_word(self, word: str) -> list[int]:
        whole = self._ids.get(word.encode("utf-8")) if self._whole_words else None
        return [self._file_id[one] for one in self._tables.encode_word(word)] if whole is None else [whole]

    def encode_with_offsets(self, text: str) -> tuple[list[int], list[tuple[int, int]]]:
        """The same ids, and for each the place (begin, end) in the text that it was made from.

        A token that has some bytes of a character has the whole character's place.
        """
        ids: list[int] = []
        offsets: list[Span] = []
        whole: dict[int, str] = {}  # which of the tokens are added ones, and the text of each
        for part, token, begin, spans in self._parts(text):
            if token is not None:
                whole[len(ids)] = part
                ids.append(token.id)
                offsets.append((spans[0][0], spans[-1][1]) if spans else (begin, begin + len(part)))
                continue
            start = 0 if spans else begin
            for word in self._split(part):
                owner = [at for at, char in enumerate(word, start=start) for _ in char.encode("utf-8")]
                done = 0
                for new in self._encode_word(word):
                    size = len(self._bytes[new])
                    first, last = owner[done], owner[done + size - 1]
                    ids.append(new)
                    offsets.append((spans[first][0], spans[last][1]) if spans else (first, last + 1))
                    done += size
                start += len(word)
        return ids, self._without_spaces(ids, offsets, whole) if self.trimmed else offsets

    def _without_spaces(self, ids: list[int], offsets: list[Span], whole: Mapping[int, str]) -> list[Span]:
        """Places as GPT-2's files may ask for them. Of a piece only the space counts, of an added token all white."""
        done = []
        for at, (token, (begin, end)) in enumerate(zip(ids, offsets, strict=True)):
            piece = self._bytes[token]
            if at in whole:
                white = [char in SPACES or char == _SPACE for char in whole[at]]
            else:
                white = [byte == ord(" ") for byte in piece]
            before = white.index(False) if False in white else len(white)
            after = white[::-1].index(False) if False in white else len(white)
            if before == 1 and self.keep_first and (at == 0 or begin == 0):
                before = 0  # as if it had been put in
            begin = min(begin + before, end)
            done.append((begin, max(end - after, begin) if after <= end else end))
        return done

    def token_bytes(self, token: int) -> bytes:
        """The bytes of one token, which need not be whole characters; none for an id without a token."""
        return self._bytes.get(token, b"")

    def decode(self, ids: Iterable[int]) -> str:
        """The text of ids. Bytes that are not UTF-8 become U+FFFD; an id outside of the vocabulary is a ValueError."""
        try:
            return b"".join([self._shown[token] for token in ids]).decode("utf-8", errors="replace")
        except KeyError as missing:
            raise ValueError(
                f"id {missing} is not in this vocabulary, whose ids end at {self.vocab_size - 1}"
            ) from None


def _spelled(text: str) -> bytes:
    """What an added token is decoded to: as any piece, where it can be one."""
    byte = byte_characters()
    return bytes([byte[char] for char in text]) if all(char in byte for char in text) else text.encode()


def _allow_repeated(tables: Tables, merges: Sequence[Merge]) -> None:
    """Let a piece that several merges make be merged on, whichever made it: files converted from tiktoken have such."""
    made: dict[bytes, list[int]] = {}
    for new, piece in tables.pieces.items():
        made.setdefault(piece, []).append(new)
    if len(made) == len(tables.pieces):
        return
    tables.merged = {}
    for new, (left, right) in enumerate(merges, start=BYTES):
        for first in made.get(left, ()):
            for second in made.get(right, ()):
                tables.merged.setdefault((first, second), new)


# ── reading ──────────────────────────────────────────────────────────────────


def read_tokenizer(folder: str | os.PathLike[str]) -> AnyTokenizer:
    """The tokenizer of a model's folder. Raises TokenizerError where there is none, or none that is computed here.

    ``tokenizer.json`` goes before what stands beside it, as for transformers.
    """
    path = Path(folder)
    if (path / TOKENIZER).is_file():
        return _of_its_kind(path)
    for vocab, merges in PAIRS:
        if (path / vocab).is_file() and (path / merges).is_file():
            return _from_pair(read_json(path / vocab), read_text(path / merges))
    for name in MODELS:
        if (path / name).is_file():
            return read_model(path / name)
    if (path / VOCAB).is_file():
        return read_wordpiece(path)
    raise TokenizerError(
        f"{path} has no {TOKENIZER}, no vocab.json with merges.txt, no {', no '.join((*MODELS, VOCAB))}"
    )


def _of_its_kind(path: Path) -> AnyTokenizer:
    file = read_json(path / TOKENIZER)
    model = file.get("model")
    if not isinstance(model, dict):
        raise TokenizerError(f"{TOKENIZER} is not in the form that it should have: it has no model")
    kind = model.get("type") or ("Unigram" if isinstance(model.get("vocab"), list) else "BPE")
    if kind == "WordPiece":
        return read_wordpiece(path)
    if kind == "Unigram" or (kind == "BPE" and not _on_bytes(file)):
        return pieces_from(file)
    if kind == "BPE":
        return _from_file(file)
    raise TokenizerError(f"a tokenizer of type {kind} is not computed here; BPE, Unigram and WordPiece are")


def _on_bytes(file: Mapping[str, Any]) -> bool:
    return "ByteLevel" in json.dumps([file.get("pre_tokenizer"), file.get("decoder")])


def _from_pair(vocab: dict[str, Any], lines: str) -> FileTokenizer:
    """GPT-2's older pair of files. A piece that no merge makes is a token that is found as a whole."""
    pairs = [line.split(" ") for line in lines.split("\n") if line and not line.startswith("#version")]
    merges = _merges(pairs)
    made = {bytes([byte]) for byte in range(BYTES)} | {left + right for left, right in merges}
    pieces = _pieces(vocab)
    added = {piece.decode("utf-8", "replace"): new for piece, new in pieces.items() if piece not in made}
    return FileTokenizer(merges, {piece: new for piece, new in pieces.items() if piece in made}, added)


def _from_file(file: dict[str, Any]) -> FileTokenizer:
    model = file.get("model") or {}
    _refuse_what_is_not_ours(file, model)
    try:
        tokens = [Added.of(one) for one in file.get("added_tokens") or []]
        added = {one.text: one.id for one in tokens}
        pairs = [one.split(" ") if isinstance(one, str) else one for one in model.get("merges") or []]
        vocab = {piece: new for piece, new in model["vocab"].items() if piece not in added}
        merges, ids = _merges(pairs), _pieces(vocab)
        split, begin = _splitter(file.get("pre_tokenizer")), _begin(file.get("post_processor"), added)
        whole_words, trimmed = bool(model.get("ignore_merges")), _trimming(file.get("post_processor"))
        told: dict[str, Any] = {"whole_words": whole_words, "normalization": file.get("normalizer"), **trimmed}
        return FileTokenizer(merges, ids, tokens, split, begin, **told)
    except StepError as error:
        raise TokenizerError(f"{TOKENIZER}: {error}") from None
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        if isinstance(error, TokenizerError):
            raise
        raise TokenizerError(f"{TOKENIZER} is not in the form that it should have: {error!r}") from error


def _refuse_what_is_not_ours(file: dict[str, Any], model: dict[str, Any]) -> None:
    if model.get("byte_fallback"):
        raise TokenizerError("byte_fallback, for a BPE that works on bytes already, is not computed here")
    back = file.get("decoder") or {}
    others = {one.get("type") for one in back.get("decoders") or [back]} - {"ByteLevel", None}
    if others:
        raise TokenizerError(f"a decoder of type {others.pop()}, for a BPE that works on bytes, is not computed here")
    for name in ("continuing_subword_prefix", "end_of_word_suffix", "dropout"):
        if model.get(name):
            raise TokenizerError(f"{name} = {model[name]!r} is not computed here")


def _pieces(vocab: dict[str, Any]) -> dict[bytes, int]:
    byte = byte_characters()
    try:
        return {bytes([byte[char] for char in piece]): int(new) for piece, new in vocab.items()}
    except KeyError as missing:
        raise TokenizerError(
            f"the vocabulary has {missing}, which is no byte's character: this is not byte-level BPE"
        ) from None


def _merges(pairs: Sequence[Sequence[str]]) -> list[Merge]:
    byte = byte_characters()
    try:
        return [(bytes(byte[c] for c in left), bytes(byte[c] for c in right)) for left, right in pairs]
    except KeyError as missing:
        raise TokenizerError(
            f"a merge has {missing}, which is no byte's character: this is not byte-level BPE"
        ) from None


def _begin(processor: dict[str, Any] | None, added: dict[str, int]) -> list[int]:
    """The tokens before every text, as a template says: Llama 3's ``<|begin_of_text|>``."""
    if not processor:
        return []
    if processor.get("type") == "Sequence":
        return [one for inner in processor.get("processors") or [] for one in _begin(inner, added)]
    found: list[int] = []
    if processor.get("type") == "TemplateProcessing":
        for one in processor.get("single") or []:
            if "SpecialToken" not in one:
                break
            found.append(added[one["SpecialToken"]["id"]])
    return found


def _trimming(processor: Mapping[str, Any] | None) -> dict[str, bool]:
    """Whether offsets leave spaces out, and keep the text's first, as the file's post-processor says."""
    if processor and processor.get("type") == "Sequence":
        found = [_trimming(one) for one in processor.get("processors") or []]
        return next((one for one in found if one), {})
    if not processor or processor.get("type") not in ("ByteLevel", "RobertaProcessing"):
        return {}
    if not processor.get("trim_offsets", True):
        return {}
    return {"trimmed": True, "keep_first": bool(processor.get("add_prefix_space", True))}


# ── cutting a text into words ────────────────────────────────────────────────


def _splitter(given: dict[str, Any] | None) -> Callable[[str], list[str]]:
    """What cuts texts as the file's pre-tokenizer says: several, one after the other."""
    steps = [given] if given and given.get("type") != "Sequence" else (given or {}).get("pretokenizers") or []
    cuts = [cut for step in steps if (cut := _cut(step)) is not None]
    if len(cuts) == 1:
        return cuts[0]

    def split(text: str) -> list[str]:
        words = [text] if text else []
        for cut in cuts:
            words = [piece for word in words for piece in cut(word)]
        return words

    return split


def _cut(step: dict[str, Any]) -> Callable[[str], list[str]] | None:
    kind = step.get("type")
    if kind == "ByteLevel":
        if step.get("add_prefix_space"):
            raise TokenizerError("add_prefix_space is not computed here")
        return split_text if step.get("use_regex", True) else None
    if kind == "Digits":
        return _by_shape(r"[0-9]|[^0-9]+" if step.get("individual_digits") else r"[0-9]+|[^0-9]+")
    if kind == "Split":
        pattern = (step.get("pattern") or {}).get("Regex")
        if pattern == _GPT2:
            return split_text
        if pattern in _KNOWN and step.get("behavior") == "Isolated" and not step.get("invert"):
            return _by_shape(pattern)
        raise TokenizerError(f"texts are cut by {pattern!r}, which is not a pattern known here")
    raise TokenizerError(f"a pre-tokenizer of type {kind} is not computed here")


def _by_shape(pattern: str) -> Callable[[str], list[str]]:
    """Cut by a pattern of letters and numbers: ``re`` has no such classes, so it runs on the text's shape."""
    letters, numbers = "A-Za-z", "0-9"
    inside = re.sub(
        r"\[[^\]]*\]", lambda found: found[0].replace(r"\p{L}", letters).replace(r"\p{N}", numbers), pattern
    )
    compiled = re.compile(inside.replace(r"\p{L}", f"[{letters}]").replace(r"\p{N}", f"[{numbers}]"))

    def split(text: str) -> list[str]:
        found = compiled.findall(text.translate(_SHAPE))
        ends = [0, *accumulate(map(len, found))]
        return [text[start:end] for start, end in pairwise(ends)]

    return split


# ── writing ──────────────────────────────────────────────────────────────────


def write_tokenizer(
    folder: str | os.PathLike[str], merges: Sequence[Merge], special_tokens: Sequence[str] = ()
) -> None:
    """Write ``tokenizer.json`` for merges as ``train_bpe`` returns them, and what transformers needs to load it.

    Ids are ours: bytes 0 to 255, merge ``i`` makes ``256 + i``, and the special tokens follow in their order. The first
    special token is the end of a text. Raises ValueError where a piece is made twice: its id would not be sure.
    """
    path = Path(folder)
    path.mkdir(parents=True, exist_ok=True)
    char = {byte: one for one, byte in byte_characters().items()}
    written = [("".join(char[byte] for byte in left), "".join(char[byte] for byte in right)) for left, right in merges]
    vocab = {char[byte]: byte for byte in range(BYTES)}
    for new, (left, right) in enumerate(written, start=BYTES):
        if left + right in vocab:
            raise ValueError(f"merge {new - BYTES} makes {left + right!r} once more")
        vocab[left + right] = new
    special = {text: len(vocab) + at for at, text in enumerate(special_tokens)}
    content = json.dumps(_document(vocab, written, special), ensure_ascii=False, indent=1)
    end = {"eos_token": special_tokens[0]} if special_tokens else {}
    config = {"tokenizer_class": "PreTrainedTokenizerFast", "clean_up_tokenization_spaces": False, **end}
    write_whole(path / TOKENIZER, (content + "\n").encode())
    write_whole(path / TOKENIZER_CONFIG, (json.dumps(config, ensure_ascii=False, indent=2) + "\n").encode())


def _document(vocab: dict[str, int], merges: list[tuple[str, str]], special: dict[str, int]) -> dict[str, Any]:
    level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [{"id": new, "content": text, **flags} for text, new in special.items()],
        "normalizer": None,
        "pre_tokenizer": level,
        "post_processor": None,
        "decoder": level,
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": False,
            "vocab": vocab,
            "merges": [list(pair) for pair in merges],
        },
    }
