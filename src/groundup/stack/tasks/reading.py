"""How a text, or a pair of texts, becomes what a model reads: ids with the special tokens around them.

    first, second ── tokenizer ──► ids ── cut to length ── layout ──► [CLS] first [SEP] second [SEP]
                                                                 types  0   0     0     1      1

A layout is written as the families' papers write it: "[CLS] A [SEP] B:1 [SEP]:1", where A and B are the texts and the
number is the token type, 0 where none stands. It is taken from the tokenizer's file, where that says one, else from the
family. Too long a pair is cut at the end of its longer text ("longest first"), as ``tokenizers`` does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from groundup.stack.text.files import AnyTokenizer
from groundup.stack.text.pieces import PieceTokenizer, templates
from groundup.stack.text.wordpiece import WordPiece

_BERT = ("[CLS] A [SEP]", "[CLS] A [SEP] B:1 [SEP]:1")
LAYOUTS = {
    **dict.fromkeys(("bert", "albert", "electra", "deberta", "deberta-v2", "unilm", "structbert"), _BERT),
    "roberta": ("<s> A </s>", "<s> A </s> </s> B </s>"),
    "xlnet": ("A <sep> <cls>:2", "A <sep> B:1 <sep>:1 <cls>:2"),
    "t5": ("A </s>", "A </s> B </s>"),
}
"""``model_type`` to how its papers put one text and two; a family that is not here reads ids as they are.

DeBERTa 1 was trained on one [SEP] between two texts and types 0 and 1, as its authors' code has it. transformers 5 puts
two there and writes so into ``tokenizer.json``, which is followed where it says so.
"""

LEFT = ("xlnet",)
"""Families that read a class from the last token, so that they are padded on the left."""

_PLAIN = ("A", "A B")
_TEXTS = {"A": 0, "B": 1}


@dataclass(frozen=True)
class Joined:
    """What a model reads: ids with their token types, and where each text's own tokens begin and end."""

    ids: list[int]
    token_types: list[int]
    spans: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Slot:
    """One part of a layout: a special token's id or, with None, a text (0 or 1); and its token type."""

    token: int | None
    text: int
    token_type: int


@dataclass(frozen=True)
class Layout:
    """Where special tokens stand around one text and around two, and how a batch is filled up."""

    single: tuple[Slot, ...]
    pair: tuple[Slot, ...]
    pad_id: int = 0
    left: bool = False

    def extra(self, texts: int = 1) -> int:
        """How many special tokens there are beside one text, or two."""
        return sum(slot.token is not None for slot in self._slots(texts))

    def join(self, *texts: Sequence[int]) -> Joined:
        """One text or two with the special tokens. Raises ValueError for another number of texts."""
        ids: list[int] = []
        types: list[int] = []
        spans = [(0, 0)] * len(texts)
        for slot in self._slots(len(texts)):
            added = texts[slot.text] if slot.token is None else [slot.token]
            if slot.token is None:
                spans[slot.text] = (len(ids), len(ids) + len(added))
            ids += added
            types += [slot.token_type] * len(added)
        return Joined(ids, types, tuple(spans))

    def _slots(self, texts: int) -> tuple[Slot, ...]:
        if texts not in (1, 2):
            raise ValueError(f"a model reads one text or two, not {texts}")
        return self.pair if texts == 2 else self.single

    @property
    def types(self) -> bool:
        """Are there other token types than 0?"""
        return any(slot.token_type for slot in self.single + self.pair)


@dataclass(frozen=True)
class Reader:
    """A tokenizer and a layout: all that is needed to turn texts into a model's input.

    ``types``: does the model know token types; ``longest``: how many tokens it reads at most, None for no bound.
    """

    tokenizer: AnyTokenizer
    layout: Layout
    types: bool = True
    longest: int | None = None

    def read(self, text: str, second: str | None = None, length: int | None = None) -> Joined:
        """A text or a pair, with special tokens, of at most ``length`` tokens in all (or what the model reads at most).

        Raises ValueError where so few tokens leave nothing for the texts.
        """
        texts = [self.tokenizer.encode(one) for one in (text, second) if one is not None]
        return self.layout.join(*cut(texts, self.room(len(texts), length)))

    def room(self, texts: int = 1, length: int | None = None) -> int | None:
        """How many tokens are left for the texts themselves; None where there is no bound.

        Raises ValueError for a ``length`` that leaves none, or is more than the model reads.
        """
        if length is not None and self.longest is not None and length > self.longest:
            raise ValueError(f"length {length} is more than the {self.longest} tokens that this model reads")
        bound = self.longest if length is None else length
        if bound is None:
            return None
        room = bound - self.layout.extra(texts)
        if room < texts:
            raise ValueError(
                f"length {bound} leaves {max(room, 0)} tokens for {texts} texts, beside {self.layout.extra(texts)} "
                "special ones: a larger length is needed"
            )
        return room


def cut(texts: Sequence[list[int]], room: int | None) -> list[list[int]]:
    """One text or two cut at their ends to ``room`` tokens together.

    Of two, the shorter keeps at least half of the room, or all that it has, and the other gets what is left.
    """
    if room is None or sum(map(len, texts)) <= room:
        return list(texts)
    if len(texts) == 1:
        return [texts[0][:room]]
    short = min((0, 1), key=lambda at: len(texts[at]))
    kept = [0, 0]
    kept[short] = min(len(texts[short]), room // 2)
    kept[1 - short] = room - kept[short]
    return [text[:size] for text, size in zip(texts, kept, strict=True)]


# ── from where a layout comes ────────────────────────────────────────────────


def parse_layout(
    single: str, pair: str, number: Callable[[str], int | None], pad_id: int = 0, left: bool = False
) -> Layout:
    """A layout as it is written above. ``number`` gives a special token's id. Raises ValueError where it gives none."""
    return Layout(_slots(_parsed(single), number), _slots(_parsed(pair), number), pad_id, left)


def family_layout(family: str, tokenizer: AnyTokenizer, pad_id: int = 0) -> Layout:
    """The layout of a family (``model_type``). Raises ValueError where the vocabulary lacks one of its tokens."""
    single, pair = LAYOUTS.get(family, _PLAIN)
    return parse_layout(single, pair, lambda name: token_id(tokenizer, name), pad_id, family in LEFT)


def file_layout(
    processor: Mapping[str, Any] | None, tokenizer: AnyTokenizer, pad_id: int = 0, left: bool = False
) -> Layout | None:
    """The layout that ``tokenizer.json`` says in its ``post_processor``; None where it says none.

    Raises ValueError for one that is not known here.
    """
    if processor is None or processor.get("type") == "ByteLevel":
        return None
    if processor.get("type") == "Sequence":
        found = [file_layout(one, tokenizer, pad_id, left) for one in processor["processors"]]
        return next((one for one in found if one is not None), None)
    if processor.get("type") == "RobertaProcessing":
        begin, end = processor["cls"][0], processor["sep"][0]
        single = [("token", begin, 0), ("text", "A", 0), ("token", end, 0)]
        pair = [*single, ("token", end, 0), ("text", "B", 0), ("token", end, 0)]
    else:
        single, pair = templates(processor)

    def number(name: str) -> int | None:
        return token_id(tokenizer, name)

    return Layout(_slots(single, number), _slots(pair, number), pad_id, left)


def token_id(tokenizer: AnyTokenizer, token: str) -> int | None:
    """The id of a whole token by its text, None where the vocabulary has none."""
    if token in tokenizer.added:
        return tokenizer.added[token]
    if isinstance(tokenizer, WordPiece):
        return tokenizer.vocab.get(token)
    if isinstance(tokenizer, PieceTokenizer):
        pieces = tokenizer.model.pieces
        return pieces.index(token) if token in pieces else None
    return None


def _parsed(written: str) -> list[tuple[str, str, int]]:
    parts = []
    for one in written.split():
        name, _, number = one.partition(":")
        parts.append(("text" if name in _TEXTS else "token", name, int(number or 0)))
    return parts


def _slots(parts: Sequence[tuple[str, str, int]], number: Callable[[str], int | None]) -> tuple[Slot, ...]:
    slots = []
    for kind, name, token_type in parts:
        token = None if kind == "text" else number(name)
        if kind != "text" and token is None:
            raise ValueError(f"the vocabulary has no {name}, which stands beside a text")
        slots.append(Slot(token, _TEXTS.get(name, 0) if kind == "text" else 0, token_type))
    return tuple(slots)
