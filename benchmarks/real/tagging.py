"""What the field did before networks, for words: a conditional random field, and a dictionary of the entities seen.

Lafferty, McCallum and Pereira, "Conditional Random Fields" (2001); the features are those of shallow parsing and named
entities since Sha and Pereira (2003): words around, prefixes and suffixes, shapes, letters and digits.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

Sentence = Sequence[str]
Tags = Sequence[str]
_AROUND = 2


def shape(word: str) -> str:
    """``McDonald's-9`` to ``XxXx'x-d``: kinds of characters, runs of the same kind once."""
    kinds = re.sub(r"[^\W\d_]", lambda one: "X" if one[0].isupper() else "x", word)
    return re.sub(r"(.)\1+", r"\1", re.sub(r"\d", "d", kinds))


def features(words: Sentence, at: int) -> list[str]:
    """What a conditional random field is told of one word."""
    word = words[at]
    lower = word.lower()
    found = ["bias", f"word={lower}", f"shape={shape(word)}"]
    found += [f"begin{n}={lower[:n]}" for n in (1, 2, 3, 4)] + [f"end{n}={lower[-n:]}" for n in (1, 2, 3, 4)]
    told = {
        "title": word.istitle(), "upper": word.isupper(), "digit": any(one.isdigit() for one in word),
        "hyphen": "-" in word, "at": word.startswith("@"), "hash": word.startswith("#"),
        "link": lower.startswith(("http", "www.")), "sign": not any(one.isalnum() for one in word),
    }  # fmt: skip
    found += [name for name, holds in told.items() if holds]
    for away in range(-_AROUND, _AROUND + 1):
        if away == 0:
            continue
        if not 0 <= at + away < len(words):
            found.append(f"{away}:edge")
            continue
        other = words[at + away]
        found += [f"{away}:word={other.lower()}", f"{away}:shape={shape(other)}"]
    if at:
        found.append(f"pair={words[at - 1].lower()}|{lower}")
    return found


def crf(
    sentences: Sequence[Sentence], tags: Sequence[Tags], new: Sequence[Sentence], rounds: int = 100
) -> list[list[str]]:
    """A linear-chain conditional random field by L-BFGS with both penalties (python-crfsuite)."""
    import tempfile
    from pathlib import Path

    import pycrfsuite

    trainer = pycrfsuite.Trainer(verbose=False)
    trainer.set_params({"c1": 0.1, "c2": 0.01, "max_iterations": rounds, "feature.possible_transitions": True})
    for words, labels in zip(sentences, tags, strict=True):
        if words:
            trainer.append([features(words, at) for at in range(len(words))], list(labels))
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "model")
        trainer.train(path)
        tagger = pycrfsuite.Tagger()
        tagger.open(path)
        found = [tagger.tag([features(words, at) for at in range(len(words))]) if words else [] for words in new]
        tagger.close()
    return found


def entities(tags: Tags) -> list[tuple[int, int, str]]:
    """(begin, end, kind) of BIO tags; an I that follows nothing of its kind begins an entity, as in conlleval."""
    found: list[tuple[int, int, str]] = []
    begin, kind = 0, ""
    for at, tag in enumerate([*tags, "O"]):
        prefix, _, new = tag.partition("-")
        if kind and (prefix != "I" or new != kind):
            found.append((begin, at, kind))
            kind = ""
        if prefix != "O" and not kind:
            begin, kind = at, new
    return found


def dictionary(sentences: Sequence[Sentence], tags: Sequence[Tags], new: Sequence[Sentence]) -> list[list[str]]:
    """Names that were seen, longest first, each with the kind it mostly had, unless it was mostly none."""
    kinds: dict[tuple[str, ...], Counter[str]] = {}
    for words, labels in zip(sentences, tags, strict=True):
        for begin, end, kind in entities(labels):
            kinds.setdefault(tuple(words[begin:end]), Counter())[kind] += 1
    longest = max(map(len, kinds), default=0)
    seen: Counter[tuple[str, ...]] = Counter()
    for words in sentences:
        for size in range(1, longest + 1):
            seen.update(name for at in range(len(words) - size + 1) if (name := tuple(words[at : at + size])) in kinds)
    known = {name: by.most_common(1)[0][0] for name, by in kinds.items() if 2 * by.total() >= seen[name]}
    return [_look_up(words, known, longest) for words in new]


def _look_up(words: Sentence, known: dict[tuple[str, ...], str], longest: int) -> list[str]:
    found, at = ["O"] * len(words), 0
    while at < len(words):
        sizes = range(min(longest, len(words) - at), 0, -1)
        size = next((size for size in sizes if tuple(words[at : at + size]) in known), 0)
        if size:
            kind = known[tuple(words[at : at + size])]
            found[at : at + size] = [f"B-{kind}"] + [f"I-{kind}"] * (size - 1)
        at += max(size, 1)
    return found
