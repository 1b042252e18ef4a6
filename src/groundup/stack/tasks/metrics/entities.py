"""Entities in a sentence: tags to spans and back, and how well predicted spans agree with right ones.

    words  Ada     Lovelace  met  Babbage  in  London          type and place of each entity, as half-open spans
    IOB2   B-PER   I-PER     O    B-PER    O   B-LOC           B begins, I goes on
    IOE2   I-PER   E-PER     O    E-PER    O   E-LOC           E ends
    IOBES  B-PER   E-PER     O    S-PER    O   S-LOC           S is one word alone

What is not well formed (an I that nothing began) can be read in two ways. Leniently, as the script of the CoNLL shared
tasks does: whatever is not O and does not go on with the entity before it begins one. Strictly, by a scheme: only what
begins and ends as the scheme says is an entity, the rest is nothing. Scores count entities of which type and both ends
are right (Tjong Kim Sang and De Meulder, "Introduction to the CoNLL-2003 Shared Task", 2003, section 2.4); both ways of
reading give those of ``seqeval``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from groundup.stack.tasks.metrics.labels import Counts, Scores, average_counts, require_pairs

OUTSIDE = "O"
SCHEMES = {"IOB2": "BI", "IOE2": "IE", "IOBES": "BIES"}
"""Each scheme and the marks that it has beside O."""
NAMES = {**{name: name for name in SCHEMES}, "BIO": "IOB2", "BIOES": "IOBES"}
"""What schemes are called."""

_BEGINS = {"IOB2": "B", "IOE2": "IE", "IOBES": "BS"}
_ENDS = {"IOB2": "BI", "IOE2": "E", "IOBES": "ES"}
_UNTYPED = "_"


class Entity(NamedTuple):
    """The words from ``begin`` up to ``end``, which does not belong to it, are of that type."""

    type: str
    begin: int
    end: int


def split_tag(tag: str) -> tuple[str, str]:
    """The mark of a tag (B, I, E, S, O) and the type. A mark alone has the type "_". Raises ValueError for no tag."""
    mark, dash, kind = tag.partition("-")
    if (len(mark) != 1 or mark not in "BIESO") or (dash and not kind) or (mark == OUTSIDE and dash):
        raise ValueError(f"{tag!r} is no tag: O, or B, I, E or S with a type, such as B-PER")
    return mark, "" if mark == OUTSIDE else kind or _UNTYPED


def find_entities(tags: Sequence[str], scheme: str | None = None) -> list[Entity]:
    """The entities of one sentence's tags, in their order: leniently, or strictly by a scheme.

    Raises ValueError for what is no tag, for an unknown scheme, and for a mark that the scheme does not have.
    """
    known = None if scheme is None else find_scheme(scheme)
    split = [split_tag(tag) for tag in tags]
    if known is not None:
        for mark, _ in split:
            if mark not in SCHEMES[known] + OUTSIDE:
                raise ValueError(f"{known} has no {mark}: it has {', '.join(SCHEMES[known])} and {OUTSIDE}")
    entities = []
    begin = 0
    for at, (mark, kind) in enumerate(split):
        if not _goes_on(split, at):
            begin = at
        if mark == OUTSIDE or (at + 1 < len(split) and _goes_on(split, at + 1)):
            continue
        if known is None or (split[begin][0] in _BEGINS[known] and mark in _ENDS[known]):
            entities.append(Entity(kind, begin, at + 1))
    return entities


def _goes_on(split: Sequence[tuple[str, str]], at: int) -> bool:
    """Does the tag go on with the entity of the one before it?"""
    if at == 0:
        return False
    (before, its_kind), (mark, kind) = split[at - 1], split[at]
    return before in "BI" and mark in "IE" and its_kind == kind


def find_scheme(name: str) -> str:
    """The scheme of that name. Raises ValueError for an unknown one."""
    if name.upper() not in NAMES:
        raise ValueError(f"there is no scheme {name!r}: {', '.join(NAMES)} are known")
    return NAMES[name.upper()]


def write_tags(entities: Iterable[Entity], length: int, scheme: str = "IOB2") -> list[str]:
    """The tags of a sentence of so many words.

    Raises ValueError for an unknown scheme, entities that overlap, are empty or lie outside of the sentence.
    """
    known = find_scheme(scheme)
    tags = [OUTSIDE] * length
    for kind, begin, end in entities:
        if not 0 <= begin < end <= length:
            raise ValueError(f"{kind} from {begin} to {end} is no span of a sentence of {length} words")
        if any(tag != OUTSIDE for tag in tags[begin:end]):
            raise ValueError(f"{kind} from {begin} to {end} overlaps another entity")
        marks = ["I"] * (end - begin)
        if "B" in SCHEMES[known]:
            marks[0] = "B"
        if "E" in SCHEMES[known]:
            marks[-1] = "E"
        if "S" in SCHEMES[known] and len(marks) == 1:
            marks[0] = "S"
        tags[begin:end] = [f"{mark}-{kind}" for mark in marks]
    return tags


def tag_names(types: Iterable[str], scheme: str = "IOB2") -> tuple[str, ...]:
    """All tags of these types, in the order in which to number them: O, then each type's. Raises ValueError for an
    unknown scheme."""
    marks = SCHEMES[find_scheme(scheme)]
    return (OUTSIDE, *(f"{mark}-{kind}" for kind in types for mark in marks))


def entity_scores(
    true: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]], scheme: str | None = None
) -> Scores[str]:
    """Scores of each type and their averages, of sentences' tags; ``scheme`` as in :func:`find_entities`.

    A type is one that some entity has, right or predicted. Raises ValueError where sentences differ in number or
    length.
    """
    require_pairs(true, predicted)
    is_true: Counter[str] = Counter()
    is_predicted: Counter[str] = Counter()
    is_right: Counter[str] = Counter()
    for at, (one, other) in enumerate(zip(true, predicted, strict=True)):
        if len(one) != len(other):
            raise ValueError(f"sentence {at} has {len(one)} words and {len(other)} predicted tags")
        right, guess = set(find_entities(one, scheme)), set(find_entities(other, scheme))
        is_true.update(entity.type for entity in right)
        is_predicted.update(entity.type for entity in guess)
        is_right.update(entity.type for entity in right & guess)
    types = sorted(is_true.keys() | is_predicted.keys())
    return average_counts({one: Counts(is_right[one], is_predicted[one], is_true[one]) for one in types})
