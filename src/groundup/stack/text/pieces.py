"""A tokenizer of pieces, as SentencePiece has them: what is done to a text, a model that cuts it, and the way back.

    text ── added tokens found ── normalized ── cut into words ── model: Unigram or BPE ──► ids, offsets
    ids ── pieces' texts ── decoder: ▁ to spaces, bytes to characters ──► text

T5, ALBERT, XLNet, XLM-R, mBART, DeBERTa 2, Llama 2 and Gemma are all this, with other steps (:mod:`.normalization`).
The rules are kept in the words of ``tokenizer.json``, so that what was read can be written. Those of SentencePiece's
own files are of the type "SentencePiece", which is computed here and written as steps that say the same
(:mod:`.pieces_file`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch

from groundup.stack.text.added import Added, Finder
from groundup.stack.text.decoding import decoder
from groundup.stack.text.normalization import SPACE, Span, Traced, normalizer, pre_tokenizer
from groundup.stack.text.unigram import Piece, Unigram
from groundup.stack.text.wordpiece import Encoding

_BYTE = re.compile(r"<0x([0-9A-F]{2})>")


class Model(Protocol):
    """What cuts a word: Unigram or one of the BPEs."""

    pieces: list[str]
    byte_fallback: bool

    def cut(self, text: str) -> list[Piece]:
        """The pieces of a text: id, begin, end."""


@dataclass(frozen=True)
class Rules:
    """The steps around the model, each as ``tokenizer.json`` has it."""

    normalizer: Mapping[str, Any] | None = None
    pre_tokenizer: Mapping[str, Any] | None = None
    decoder: Mapping[str, Any] | None = None
    post_processor: Mapping[str, Any] | None = None


Part = tuple[str, str, int]
"""A part of what a model is given: "token" or "text"; the token, or A or B; the token type."""


class PieceTokenizer:
    """A model with its rules. ``hidden`` are ids that decoding leaves out, beside those of special added tokens.

    Raises StepError (a ValueError) for a rule that is not computed here.
    """

    def __init__(
        self, model: Model, rules: Rules, added: Sequence[Added] = (), *, hidden: Collection[int] = ()
    ) -> None:
        self.model, self.rules, self.added_tokens = model, rules, list(added)
        self.added = {one.text: one.id for one in added}
        self.hidden = frozenset(hidden) | {one.id for one in added if one.special}
        self._normalize, self._cut = normalizer(rules.normalizer), pre_tokenizer(rules.pre_tokenizer)
        self._decode = decoder(rules.decoder)
        self._gaps = (rules.decoder or {}).get("type") == "SentencePiece"
        self._texts = dict(enumerate(model.pieces)) | {one.id: one.text for one in added}
        self._first = Finder({one.text: one for one in added if not one.normalized})
        seen = {self._normalize(Traced.of(one.text)).text: one for one in added if one.normalized}
        self._second = Finder(seen)
        self._shown = {one.id: text for text, one in seen.items()}  # the library decodes them as it looks for them
        self._templates = templates(rules.post_processor)
        self.begin = self._ids_before()

    @property
    def vocab_size(self) -> int:
        """One more than the largest id: what a model's embedding must at least have."""
        return max(self._texts, default=-1) + 1

    # ── text to ids ──────────────────────────────────────────────────────────

    def encode(self, text: str) -> list[int]:
        """The ids of a text alone, without what the file puts around it (``model_input``)."""
        return self.encode_with_offsets(text)[0]

    def encode_with_offsets(self, text: str) -> tuple[list[int], list[Span]]:
        """The same ids, and for each the place (begin, end) in the text that it was made from.

        A ▁ that was put before a word has the place of what follows it.
        """
        return self._encoded(text, self.model.cut)

    def sample(
        self, text: str, generator: torch.Generator, *, alpha: float = 1.0, n_best: int | None = None
    ) -> tuple[list[int], list[Span]]:
        """As :meth:`encode_with_offsets`, each word cut as :meth:`.Unigram.sample` draws it: subword regularization.

        Raises ValueError for a model that is not Unigram.
        """
        model = self.model
        if not isinstance(model, Unigram):
            raise ValueError(f"cuts are drawn from a Unigram model, not from {type(model).__name__}")
        return self._encoded(text, lambda word: model.sample(word, generator, alpha=alpha, n_best=n_best))

    def _encoded(self, text: str, cut: Callable[[str], list[Piece]]) -> tuple[list[int], list[Span]]:
        found: list[tuple[int, Span]] = []
        whole = Traced.of(text)
        for begin, end, token in self._first.split(text):
            if token is not None:
                found.append((token.id, (begin, end)))
                continue
            part = self._normalize(whole[begin:end])
            for first, last, inner in self._second.split(part.text):
                if inner is not None:
                    found.append((inner.id, part.span(first, last)))
                    continue
                for word in self._cut(part[first:last]):
                    found += [(new, word.span(*place)) for new, *place in cut(word.text)]
        return [new for new, _ in found], [span for _, span in found]

    def model_input(self, text: str, second: str | None = None) -> Encoding:
        """A text, or a pair, with the tokens that the file puts around it, as its model is given it."""
        texts = {"A": self.encode_with_offsets(text)}
        if second is not None:
            texts["B"] = self.encode_with_offsets(second)
        ids: list[int] = []
        offsets: list[Span] = []
        types: list[int] = []
        for kind, name, token_type in self._templates[second is not None]:
            new, places = ([self._id_of(name)], [(0, 0)]) if kind == "token" else texts[name]
            ids += new
            offsets += places
            types += [token_type] * len(new)
        return Encoding(ids, offsets, types)

    def _id_of(self, text: str) -> int:
        if text in self.added:
            return self.added[text]
        if text not in self.model.pieces:
            raise ValueError(f"the vocabulary has no {text}, which the file puts beside a text")
        return self.model.pieces.index(text)

    def _ids_before(self) -> list[int]:
        before: list[int] = []
        for kind, name, _ in self._templates[0]:
            if kind != "token":
                break
            before.append(self._id_of(name))
        return before

    # ── ids to text ──────────────────────────────────────────────────────────

    def token(self, token: int) -> str:
        """The piece of an id. Raises ValueError for an id outside of the vocabulary."""
        try:
            return self._texts[token]
        except KeyError:
            raise ValueError(f"id {token} is not in this vocabulary, whose ids end at {self.vocab_size - 1}") from None

    def token_bytes(self, token: int) -> bytes:
        """The bytes of one token, which need not be whole characters; none for an id without a token."""
        text = self._texts.get(token, "")
        byte = _BYTE.fullmatch(text) if self.model.byte_fallback else None
        return bytes([int(byte[1], 16)]) if byte else text.replace(SPACE, " ").encode("utf-8", errors="replace")

    def decode(self, ids: Iterable[int], *, special: bool = False) -> str:
        """A text that these ids could be of; ``special``: are special tokens shown."""
        row = []
        for one in ids:
            text = self.token(one)
            if special or one not in self.hidden:
                row.append(self._shown.get(one, text))
            elif self._gaps:  # a control token between bytes keeps them apart
                row.append("")
        return self._decode(row)


def templates(given: Mapping[str, Any] | None) -> tuple[list[Part], list[Part]]:
    """What a model is given for one text and for two, as a file's post-processor says."""
    alone: list[Part] = [("text", "A", 0)]
    kind = (given or {}).get("type")
    if given is None or kind == "ByteLevel":
        return alone, [*alone, ("text", "B", 1)]
    if kind == "Sequence":
        inner = [one for one in given["processors"] if one.get("type") != "ByteLevel"]
        if len(inner) > 1:
            raise ValueError("several post-processors, one after the other, are not computed here")
        return templates(inner[0] if inner else None)
    if kind == "BertProcessing":
        first: list[Part] = [("token", given["cls"][0], 0), *alone, ("token", given["sep"][0], 0)]
        return first, [*first, ("text", "B", 1), ("token", given["sep"][0], 1)]
    if kind != "TemplateProcessing":
        raise ValueError(f"a post-processor of type {kind} is not computed here; TemplateProcessing is")
    for name, one in given["special_tokens"].items():
        if one["tokens"] != [name]:
            raise ValueError(f"{name} in a template stands for {one['tokens']}; that is not computed here")
    single, pair = (
        [
            ("token" if which == "SpecialToken" else "text", str(one["id"]), int(one["type_id"]))
            for part in given[form]
            for which, one in part.items()
        ]
        for form in ("single", "pair")
    )
    return single, pair
