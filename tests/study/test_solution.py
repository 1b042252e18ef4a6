"""The code to learn from, cut out of the stack or written for the topic."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from groundup.study.roadmap import CurriculumError, Roadmap, load_roadmap
from groundup.study.solution import foreign_imports, module_path, solution_source

Edited = Callable[[str, str, str], Roadmap]
FACTS = "first_track/doubling/topic.toml"


def reference(small: Path, text: str) -> None:
    (small.parent / "tiny_reference.py").write_text(text, encoding="utf-8")


def test_one_build_with_what_it_uses_and_no_more(small: Path) -> None:
    source = solution_source(load_roadmap(small).topic("doubling"), "double")
    assert source == (
        'FACTOR = 2\n\n\ndef double(x):\n    """Twice x."""\n    return _times(x, FACTOR)\n\n\n'
        "def _times(x, factor):\n    return x * factor\n"
    )
    space: dict[str, object] = {}
    exec(source, space)
    assert space["double"](4) == 8  # type: ignore[operator]


def test_all_builds_once(small: Path) -> None:
    source = load_roadmap(small).topic("doubling").solution_source()
    assert source.count("def ") == 3
    assert "unrelated" not in source
    assert "import torch" not in source


def test_imports_comments_decorators_and_annotations_come_along(small: Path) -> None:
    reference(
        small,
        "from __future__ import annotations\n\nimport math\nimport json\nfrom functools import cache, wraps\n"
        "from collections.abc import Sequence as Rows\nimport torch\nfrom torch import nn, Tensor\n\n"
        "# Why it is\n# two.\nFACTOR: int = 2\nOTHER = 3\n\n\n"
        "@cache\ndef _root(n: int) -> float:\n    return math.sqrt(n)\n\n\n"
        'def double(x: Tensor, rows: "Rows" = ()) -> Tensor:\n    return x * FACTOR * _root(1)\n\n\n'
        "class shifted(nn.Module):\n    at = OTHER\n\n    def __init__(self, x, by=1.0):\n        super().__init__()\n",
    )
    source = load_roadmap(small).topic("doubling").solution_source("double")
    assert source.startswith(
        "from __future__ import annotations\n\nimport math\nfrom collections.abc import Sequence as Rows\n"
        "from functools import cache\n\nfrom torch import Tensor\n\n# Why it is\n# two.\nFACTOR: int = 2\n\n\n"
        "@cache\ndef _root(n: int) -> float:\n"
    )
    assert "json" not in source
    assert "OTHER" not in source
    whole = load_roadmap(small).topic("doubling").solution_source()
    assert "OTHER = 3" in whole
    assert "from torch import Tensor, nn" in whole
    exec(whole, {})


def test_solution_py_is_preferred(small: Path) -> None:
    text = "import math\nimport torch\n\n\ndef double(x):\n    return math.ceil(x) + x\n\n\n"
    text += "def shifted(x, by=1.0):\n    return x + by\n"
    (small / "first_track" / "doubling" / "solution.py").write_text(text)
    topic = load_roadmap(small).topic("doubling")
    assert solution_source(topic) == text
    assert solution_source(topic, "shifted") == "def shifted(x, by=1.0):\n    return x + by\n"
    assert solution_source(topic, "double").startswith("import math\n\n\ndef double")


def test_a_reference_of_another_name_is_renamed(edited: Edited) -> None:
    topic = edited(FACTS, "tiny_reference:double", "tiny_reference:shifted").topic("doubling")
    source = solution_source(topic)
    assert source.endswith("\n\ndouble = shifted\n")


@pytest.mark.parametrize("there", ["nowhere_at_all:double", "tiny_reference:missing"])
def test_a_reference_without_source_is_a_problem(edited: Edited, there: str) -> None:
    topic = edited(FACTS, "tiny_reference:double", there).topic("doubling")
    with pytest.raises(CurriculumError, match=r"solution\.py"):
        solution_source(topic)


def test_two_modules_that_disagree_on_a_helper_are_a_problem(edited: Edited, small: Path) -> None:
    (small.parent / "tiny_other.py").write_text(
        "FACTOR = 3\n\n\ndef shifted(x, by=1.0):\n    return x + by * FACTOR / 3\n"
    )
    topic = edited(FACTS, "tiny_reference:shifted", "tiny_other:shifted").topic("doubling")
    assert "FACTOR = 3" in solution_source(topic, "shifted")
    with pytest.raises(CurriculumError, match="two modules define FACTOR"):
        solution_source(topic)


def test_an_unknown_build(small: Path) -> None:
    with pytest.raises(LookupError):
        solution_source(load_roadmap(small).topic("doubling"), "triple")


def test_what_a_learners_file_cannot_count_on() -> None:
    text = "import torch.nn\nimport math\nfrom groundup.stack import x\nfrom . import y\nimport scipy, numpy\n"
    assert foreign_imports(text) == [".", "groundup.stack", "scipy"]


def test_groundups_modules_are_found_without_importing_them() -> None:
    path = module_path("groundup.stack.numerics.vectors")
    assert path is not None
    assert path.name == "vectors.py"
    package = module_path("groundup.stack.numerics")
    assert package is not None
    assert package.name == "__init__.py"
    assert module_path("groundup.nothing") is None
