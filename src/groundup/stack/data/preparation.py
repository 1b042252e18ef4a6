"""From a set's files at their source to the files that are kept: cut, unpacked, filtered, nothing rewritten.

Every function takes the bytes of one source file to the bytes of one kept file, the same each time, so that what is
kept has a checksum of its own (:mod:`~groundup.stack.data.catalog`).
"""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from collections.abc import Callable, Sequence
from typing import Any

Preparation = Callable[[bytes], bytes]


def cut_lines(*ranges: tuple[int, int]) -> Preparation:
    """The lines in these ranges (begin, end), counted from 0, with their line ends; a csv without line ends in its
    fields has its rows there. Raises ValueError where there are fewer lines."""

    def prepare(raw: bytes) -> bytes:
        lines = raw.split(b"\n")
        if lines[-1]:
            lines.append(b"")  # the last line has no line end; every one that is kept gets one
        count, needed = len(lines) - 1, max(end for _, end in ranges)
        if count < needed:
            raise ValueError(f"{count} lines, where {needed} are needed")
        return b"".join(line + b"\n" for begin, end in ranges for line in lines[begin:end])

    return prepare


def unpack(raw: bytes) -> bytes:
    """What a gzip file holds."""
    return gzip.decompress(raw)


def pack(raw: bytes) -> bytes:
    """A gzip file without name and date. Its bytes depend on the machine's zlib; what it holds does not."""
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=9, mtime=0) as file:
        file.write(raw)
    return packed.getvalue()


def packed_lines(count: int) -> Preparation:
    """The first lines of a gzip file, as a gzip file."""
    cut = cut_lines((0, count))
    return lambda raw: pack(cut(unpack(raw)))


def choose_articles(titles: Sequence[str], most: int) -> Preparation:
    """Of a file in SQuAD's format the articles of these titles, until there are ``most`` questions; the last paragraph
    keeps its first questions only. Written without spaces, and with every character as it is."""

    def prepare(raw: bytes) -> bytes:
        whole = json.loads(raw)
        kept: list[dict[str, Any]] = []
        left = most
        for article in whole["data"]:
            if article["title"] not in titles:
                continue
            paragraphs = []
            for paragraph in article["paragraphs"]:
                questions = paragraph["qas"][:left]
                left -= len(questions)
                if questions:
                    paragraphs.append({**paragraph, "qas": questions})
            if paragraphs:
                kept.append({**article, "paragraphs": paragraphs})
        if left:
            raise ValueError(f"{most - left} questions, where {most} are needed")
        return json.dumps({**whole, "data": kept}, ensure_ascii=False, separators=(",", ":")).encode()

    return prepare


def unzip_member(name: str) -> Preparation:
    """One file of a zip."""

    def prepare(raw: bytes) -> bytes:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            return archive.read(name)

    return prepare


def pack_reviews(begin: int, end: int) -> Preparation:
    """The reviews cv``begin`` to cv``end`` - 1 of both classes in NLTK's zip of film reviews, one JSON line each."""

    def prepare(raw: bytes) -> bytes:
        lines = []
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            for label in ("neg", "pos"):
                prefix = f"movie_reviews/{label}/cv"
                names = sorted(one for one in archive.namelist() if one.startswith(prefix) and one.endswith(".txt"))
                chosen = [one for one in names if begin <= int(one[len(prefix) : len(prefix) + 3]) < end]
                if len(chosen) != end - begin:
                    raise ValueError(f"{len(chosen)} {label} reviews, where {end - begin} are needed")
                for one in chosen:
                    review = {
                        "id": one.removeprefix("movie_reviews/"),
                        "label": label,
                        "text": archive.read(one).decode("utf-8"),
                    }
                    lines.append(json.dumps(review, ensure_ascii=False) + "\n")
        return pack("".join(lines).encode())

    return prepare
