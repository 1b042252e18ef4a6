"""Text to learn from, by name: Python's own documentation where nothing else is said, a file of yours, or a public set.

What is held out must not be seen in training, and documentation repeats itself: whole paragraphs stand in several
topics. So a paragraph that has come before is dropped, and documents are held out whole, by a hash of their names (a
part that neither order nor chance decides). A text that lexical copying can predict would flatter every model.
"""

from __future__ import annotations

import ast
import hashlib
import platform
import sysconfig
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from groundup.stack.data.catalog import CATALOG
from groundup.stack.data.places import DATA_VARIABLE as DATA_VARIABLE
from groundup.stack.data.places import find_file

HELD_OUT_SHARE = 0.1
SEPARATOR = "\n\n\n"
_SHORT = 40  # a paragraph of so few characters ("Example:") may come again
_LEAST = 80  # what is left of a document must be worth reading
_NOT_DOCUMENTATION = {
    "test", "tests", "idle_test", "site-packages", "dist-packages", "idlelib", "lib2to3", "pydoc_data", "turtledemo",
    "tkinter", "encodings", "ensurepip", "distutils", "__phello__",
}  # fmt: skip


@dataclass(frozen=True)
class Corpus:
    """Text in two parts, and where it comes from: source, licence, documents, bytes, real or generated."""

    train: str
    held_out: str
    provenance: dict[str, str | int] = field(default_factory=dict)


SETS = {
    "tinyshakespeare": ("tinyshakespeare/input.txt", "karpathy/char-rnn; the text is in the public domain"),
    "the-verdict": ("the_verdict/the-verdict.txt", "E. Wharton, The Verdict; public domain"),
    "wikitext2": ("wikitext2/valid.txt", "WikiText-2, validation part; upstream CC BY-SA"),
    "botchan": ("tokenizers/sentencepiece/botchan.txt", "N. Soseki, Botchan; Apache-2.0 copy of SentencePiece"),
}


def read_text(name: str) -> Corpus:
    """A corpus by name: ``python``, one of ``SETS`` (below the folder that GROUNDUP_DATA names, or where downloads go:
    :mod:`~groundup.stack.data.places`), or a file's path.

    Raises ValueError for an unknown name or a file that is no text, FileNotFoundError where a set's file is absent.
    """
    if name == "python":
        return python_documentation()
    if name in SETS:
        relative, source = SETS[name]
        path = find_file(relative)
        corpus = split_text_file(path, source)
        return replace(corpus, provenance={**corpus.provenance, **_pinned(relative, path)})
    path = Path(name)
    if not path.is_file():
        raise ValueError(f"there is no text {name!r}: python, {', '.join(SETS)}, or the path of a file")
    return split_text_file(path, "a file of yours")


def _pinned(relative: str, path: Path) -> dict[str, str]:
    """What the catalog knows of a file: its terms, and whether these are the bytes that it names."""
    name, _, file = relative.partition("/")
    kept = next((one for one in CATALOG[name].files if one.name == file), None) if name in CATALOG else None
    if kept is None:
        return {}
    same = "the bytes" if kept.matches(path.read_bytes()) else "NOT the bytes"
    return {"licence": CATALOG[name].licence, "checked": f"{same} that groundup pins"}


def split_text_file(path: Path, source: str) -> Corpus:
    """A file's first nine tenths to learn from, its last tenth held out, cut at the end of a line.

    Raises ValueError where it is not UTF-8 or has fewer than 2000 characters.
    """
    raw = path.read_bytes()
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path.name} is not UTF-8 text (byte {error.start}): save it as UTF-8") from None
    if len(text) < 2000:
        raise ValueError(f"{path.name} has {len(text)} characters; there is nothing to learn from fewer than 2000")
    cut = text.find("\n", int(len(text) * (1 - HELD_OUT_SHARE))) + 1 or int(len(text) * (1 - HELD_OUT_SHARE))
    return _corpus(text[:cut], text[cut:], f"{path.name}: {source}", "see its source", 1)


def python_documentation() -> Corpus:
    """The language reference that ``help()`` shows, and the docstrings of the standard library, of this Python.

    About 1.7 MB. Nothing is imported or run: docstrings are read from the sources' syntax trees.
    """
    train: list[str] = []
    held_out: list[str] = []
    for name, text in _without_repetition(_documents()):
        first = hashlib.sha256(name.encode()).digest()[0]
        (held_out if first < 256 * HELD_OUT_SHARE else train).append(text)
    return _corpus(
        SEPARATOR.join(train),
        SEPARATOR.join(held_out),
        f"Python {platform.python_version()}: language reference and docstrings of the standard library",
        "PSF-2.0",
        len(train) + len(held_out),
    )


def _corpus(train: str, held_out: str, source: str, licence: str, documents: int) -> Corpus:
    provenance: dict[str, str | int] = {
        "source": source,
        "licence": licence,
        "documents": documents,
        "train_bytes": len(train.encode()),
        "held_out_bytes": len(held_out.encode()),
        "sha256": hashlib.sha256(f"{train}\0{held_out}".encode()).hexdigest(),
        "kind": "real text",
    }
    return Corpus(train, held_out, provenance)


def _documents() -> Iterator[tuple[str, str]]:
    """(name, text), the longest topics first, so that what repeats is kept where it stands among its like."""
    from pydoc_data.topics import topics

    yield from sorted(topics.items(), key=lambda one: (-len(one[1]), one[0]))
    root = Path(sysconfig.get_paths()["stdlib"])
    for path in sorted(root.rglob("*.py")):
        relative = path.relative_to(root)
        if _NOT_DOCUMENTATION.isdisjoint(relative.parts):
            docstrings = list(_docstrings(path))
            if docstrings:
                yield relative.as_posix(), "\n\n".join(docstrings)


def _docstrings(path: Path) -> Iterator[str]:
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            docstring = ast.get_docstring(node)
            if docstring:
                yield docstring


def _without_repetition(documents: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Each document without the paragraphs that have come before; white space does not make them different."""
    seen: set[str] = set()
    for name, text in documents:
        kept = []
        for paragraph in text.split("\n\n"):
            words = " ".join(paragraph.split())
            if words and not (len(words) > _SHORT and words in seen):
                seen.add(words)
                kept.append(paragraph.rstrip())
        whole = "\n\n".join(kept).strip("\n")
        if len(whole) >= _LEAST:
            yield name, whole
