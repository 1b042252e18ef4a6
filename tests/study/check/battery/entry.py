"""One hostile or awkward file: what it does, the source, and what the judge must make of it."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass, field

RIGHT = "import torch\n\n\ndef double(x):\n    return x * 2\n"
LEVELS = ("namespaces", "landlock", "rlimits")
"""From the strongest to the weakest: each stops all that the later ones stop."""

MARK = "se" + "cret-of-the-battery"
"""What stands in every file, environment and socket that a learner's code must not reach."""


@dataclass(frozen=True)
class Entry:
    """``verdicts``: the kinds that are right, at every level that is at least as strong as ``since``.

    ``since`` is the weakest level that stops what the file tries. Below it, the file is run only where ``harmless``:
    then any verdict that is not our own failure will do, and the report says that nothing stops it there.
    """

    name: str
    does: str
    source: bytes
    verdicts: frozenset[str]
    since: str = "rlimits"
    harmless: bool = True
    group: str = field(default="", compare=False)

    def stopped_at(self, level: str) -> bool:
        return LEVELS.index(level) <= LEVELS.index(self.since)

    def run_at(self, level: str) -> bool:
        return self.stopped_at(level) or self.harmless


def _kinds(verdicts: str) -> frozenset[str]:
    return frozenset(one.strip() for one in verdicts.split("|"))


def whole(name: str, does: str, source: str | bytes, verdicts: str, **more: object) -> Entry:
    """A file given as it is."""
    raw = source if isinstance(source, bytes) else textwrap.dedent(source).encode()
    return Entry(name, does, raw, _kinds(verdicts), **more)  # type: ignore[arg-type]


def at_call(name: str, does: str, body: str, verdicts: str = "passed", **more: object) -> Entry:
    """The body runs when the build is called; then comes the right answer, unless the body returns."""
    inside = textwrap.indent(textwrap.dedent(body).strip("\n"), "    ")
    source = f"import torch\n\n\ndef double(x):\n{inside}\n    return x * 2\n"
    return Entry(f"{name}, called", does, source.encode(), _kinds(verdicts), **more)  # type: ignore[arg-type]


def at_import(name: str, does: str, body: str, verdicts: str = "passed", **more: object) -> Entry:
    """The body runs when the file is loaded; the right answer stands after it."""
    source = f"{textwrap.dedent(body).strip(chr(10))}\n\n\n{RIGHT}"
    return Entry(f"{name}, imported", does, source.encode(), _kinds(verdicts), **more)  # type: ignore[arg-type]


def both(name: str, does: str, body: str, verdicts: str = "passed", **more: object) -> list[Entry]:
    return [at_import(name, does, body, verdicts, **more), at_call(name, does, body, verdicts, **more)]
