"""A small curriculum of one track with one complete topic and two that are not written, in a folder of its own."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from groundup.study.roadmap import Roadmap, load_roadmap

ROADMAP = """
[[tracks]]
id = "first-track"
title = "The first track"

[[tracks.resources]]
id = "a-book"
title = "A book"
url = "https://example.org/"
kind = "text"

[[tracks.stages]]
id = "start"
title = "The start"
level = "beginner"
points = [
  { id = "doubling", title = "Doubling numbers", topics = ["doubling"] },
  { id = "more", title = "What follows", topics = ["tripling", "halving"] },
]
"""

BARE = 'title = "{title}"\ntrack = "first-track"\nneeds = [{needs}]\n\n[[builds]]\nname = "f"\nsignature = "f(x)"\n'

REFERENCE = '''
import torch

FACTOR = 2


def double(x):
    """Twice x."""
    return _times(x, FACTOR)


def shifted(x, by=1.0):
    """x plus by."""
    if by == 0:
        return x - 0
    return x + by


def _times(x, factor):
    return x * factor


def unrelated():
    return torch.inf
'''

FACTS = """title = "Doubling"
track = "first-track"
needs = []
minutes = 20

[check]
version = 1
digest = "DIGEST"

[[builds]]
name = "double"
signature = "double(x)"
reference = "tiny_reference:double"
without = ["torch.mul"]

[builds.hints]
nudge = "How much larger than what it was given should the result be?"
next = "One multiplication is enough."

[[builds]]
name = "shifted"
signature = "shifted(x, by=1.0) -> the moved tensor"
reference = "tiny_reference:shifted"

[builds.hints]
nudge = "Every entry moves by the same amount."
next = "A number is added to every entry of a tensor by itself."

[[equivalent]]
build = "shifted"
mutant = "`by == 0` → `False` in `if by == 0:`"
reason = "adding zero is what the branch does, too"

[[sources]]
title = "A paper"
url = "https://example.org/paper"

[[sources]]
title = "Another paper"
url = "https://example.org/other"
note = "chapter 2"
"""

EXERCISE = '''"""Doubling: two functions on tensors of any shape."""

import torch


def double(x):
    """Twice x, entry by entry. double(tensor([1., 2.])) -> tensor([2., 4.])"""
    raise NotImplementedError


def shifted(x, by=1.0):
    """x moved by a number. shifted(tensor([1., 2.])) -> tensor([2., 3.])"""
    raise NotImplementedError
'''

SECTIONS = [
    "Why you need it",
    "The idea",
    "A worked example",
    "The formula",
    "The code",
    "In a language model",
    "Where it goes wrong",
    "Sources",
]


def lesson() -> str:
    filler = "Doubling is the smallest change that a number can suffer and still be told from what it was. " * 4
    text = "# Doubling\n\nThe model that you are building doubles one number in its first layer.\n"
    for title in SECTIONS:
        text += f"\n## {title}\n\n{filler}\n"
        if title == "The idea":
            text += "\n{{figure}}\n"
        if title == "A worked example":
            text += "\n```python\nx = 21\nprint(2 * x)\n```\n\n```output\n42\n```\n"
        if title == "The formula":
            text += "\n$$y = 2x$$\n\nwhere $x < y$ is what was given.\n"
        if title == "The code":
            text += "\n```python\nx = x + 1\n```\n\n```python\nprint(x)\n```\n\n```output\n22\n```\n"
    return text


def drivers() -> tuple[str, str]:
    code, checks = '"""Drivers."""\n\nimport torch\n', "from groundup.authoring import close\n\n"
    for n in range(2, 8):
        code += f"\n\ndef double_of_{n}(my, rng):\n    return my.double(rng.normal({n}, 3, dtype=torch.float64))\n"
        arguments = f"rng.normal({n}, 2), {n}.5" if n % 2 else f"rng.normal({n}, 2)"
        code += f"\n\ndef shift_of_{n}(my, rng):\n    return my.shifted({arguments})\n"
        checks += f'double_of_{n} = close("twice {n} rows", builds="double")\n'
        checks += f'shift_of_{n} = close("{n} rows moved", builds="shifted")\n'
    code += "\n\ndef shift_by_nothing(my, rng):\n    return my.shifted(rng.normal(3, 2), 0)\n"
    checks += 'shift_by_nothing = close("moved by zero", builds="shifted")\n'
    return code, checks


def mistakes() -> str:
    text = '"""Mistakes."""\n\nfrom groundup.authoring import replaces\n'
    for k in range(3, 11):
        text += (
            f'\n\n@replaces("double")\ndef times_{k}(x):\n    """This multiplies by {k}, which is not twice."""\n'
            f"    return x * {k}\n"
            f'\n\n@replaces("shifted")\ndef moved_too_far_{k}(x, by=1.0):\n'
            f'    """This moves the entries {k} times as far as it was told to."""\n    return x + {k} * by + {k}\n'
        )
    return text


def alternatives() -> str:
    text = '"""Alternatives."""\n\nimport torch\n\nfrom groundup.authoring import replaces\n'
    for name, body in (("by_sum", "x + x"), ("by_shift", "x - (-x)"), ("by_stack", "torch.stack([x, x]).sum(0)")):
        text += f'\n\n@replaces("double")\ndef double_{name}(x):\n    return {body}\n'
    for name, body in (("by_minus", "x - (-by)"), ("swapped", "by + x"), ("by_add", "torch.add(x, by)")):
        text += f'\n\n@replaces("shifted")\ndef shifted_{name}(x, by=1.0):\n    return {body}\n'
    return text


FIGURE = '''"""A line."""

from groundup.authoring import slider

sliders = {"size": slider("size", 1, 10, step=1, start=3)}
needs_builds = ("double",)
caption = "A line that gets longer."


def compute(my, size):
    import torch

    return {"y": my.double(torch.arange(float(size)))}


def draw(data):
    import plotly.graph_objects as go

    return go.Figure(go.Scatter(y=data["y"].tolist()))
'''


def write_topic(folder: Path) -> None:
    code, checks = drivers()
    cards = "".join(f'[[cards]]\nquestion = "What is twice {n}?"\nanswer = "{2 * n}"\n' for n in range(8))
    digest = hashlib.sha256(code.encode() + b"\0" + checks.encode()).hexdigest()
    files = {
        "topic.toml": FACTS.replace("DIGEST", digest),
        "lesson.md": lesson(),
        "exercise.py": EXERCISE,
        "drivers.py": code,
        "checks.py": checks,
        "mistakes.py": mistakes(),
        "alternatives.py": alternatives(),
        "cards.toml": cards,
        "figure.py": FIGURE,
    }
    folder.mkdir(parents=True)
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the small curriculum; its reference module is importable."""
    folder = tmp_path / "curriculum"
    write_topic(folder / "first_track" / "doubling")
    for name, needs in (("tripling", '"doubling"'), ("halving", '"doubling", "tripling"')):
        (folder / "first_track" / name).mkdir()
        text = BARE.format(title=name.capitalize(), needs=needs)
        (folder / "first_track" / name / "topic.toml").write_text(text, encoding="utf-8")
    (folder / "roadmap.toml").write_text(ROADMAP, encoding="utf-8")
    (tmp_path / "tiny_reference.py").write_text(REFERENCE, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "tiny_reference", raising=False)  # an earlier test's
    return folder


@pytest.fixture
def edited(small: Path) -> Callable[[str, str, str], Roadmap]:
    """Change one file of the small curriculum by replacing a text that must be in it, and load it."""

    def edit(file: str, old: str, new: str) -> Roadmap:
        path = small / file
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new, 1), encoding="utf-8")
        return load_roadmap(small)

    return edit
