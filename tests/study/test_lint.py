"""The linter: the whole small topic holds, and each thing that can be wrong with it is said."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from groundup.study.leaks import formulas_in, leaks
from groundup.study.lint import lint, stamp
from groundup.study.roadmap import Roadmap, load_roadmap
from groundup.study.scaffold import ScaffoldError, make_files
from groundup.study.signatures import of_text
from groundup.study.topics import Topic

Edited = Callable[[str, str, str], Roadmap]
FOLDER = "first_track/doubling"


@pytest.fixture
def doubling(small: Path) -> Topic:
    return load_roadmap(small).topic("doubling")


def said(topic: Topic) -> str:
    problems = lint(topic)
    assert all(one.where and one.what and one.mend for one in problems)
    return "\n".join(str(one) for one in problems)


def test_the_small_topic_holds(doubling: Topic) -> None:
    assert said(doubling) == ""


@pytest.mark.parametrize(
    ("file", "old", "new", "words"),
    [
        ("topic.toml", "minutes = 20\n", "", "minutes is missing"),
        ("topic.toml", '[[sources]]\ntitle = "A paper"\nurl = "https://example.org/paper"\n', "", "1 sources where 2"),
        ("topic.toml", 'nudge = "Every entry moves by the same amount."\n', "", "shifted has no hint 'nudge'"),
        ("topic.toml", "One multiplication is enough.", "Write `x * factor`.", "hint 'next' of double gives away"),
        (
            "topic.toml",
            "One multiplication is enough.",
            "It is _times(x, FACTOR) here",
            "gives away '_times(x,FACTOR)'",
        ),
        ("topic.toml", 'without = ["torch.mul"]', 'without = ["torch.mull"]', "without names 'torch.mull'"),
        ("topic.toml", 'without = ["torch.mul"]', 'without = ["scipy.special.xlogy"]', "only PyTorch, NumPy"),
        ("topic.toml", "shifted(x, by=1.0) ->", "shifted(x, by=2.0) ->", "takes (x, by=1.0) where"),
        ("topic.toml", "shifted(x, by=1.0) ->", "shifted(x, *, by=1.0) ->", "takes (x, by=1.0) where"),
        ("topic.toml", "shifted(x, by=1.0) ->", "shifted(x, by 1.0) ->", "cannot be read"),
        (
            "exercise.py",
            "def shifted(x, by=1.0)",
            "def shifted(v, by=1.0)",
            "exercise.py:11: shifted takes (v, by=1.0)",
        ),
        ("exercise.py", "def shifted", "def moved", "exercise.py: shifted is missing"),
        ("exercise.py", '"""Doubling: two functions on tensors of any shape."""', "", "no docstring"),
        (
            "exercise.py",
            '    """x moved by a number. shifted(tensor([1., 2.])) -> tensor([2., 3.])"""\n',
            "",
            "no docstring",
        ),
        ("exercise.py", "    raise NotImplementedError\n", "    return 2 * x\n", "the stub of double must only raise"),
        ("exercise.py", "    raise NotImplementedError\n", "    pass\n", "the stub of double must only raise"),
        ("drivers.py", "import torch\n", "import torch\nimport scipy\n", "drivers.py:4: imports scipy"),
        ("drivers.py", "import torch\n", "import torch\nfrom groundup.stack import nn\n", "imports groundup.stack"),
        ("drivers.py", "(my, rng)", "(mine, rng)", "double_of_2 takes mine, rng"),
        ("checks.py", "twice 3 rows", "twice 2 rows", "the title 'twice 2 rows' is there 2 times"),
        ("checks.py", "twice 3 rows", "twice three rows", "the check version did not"),
        ("checks.py", "import close", "import nothing", "checks.py:1: cannot be executed: ImportError"),
        ("mistakes.py", '    """This multiplies by 3, which is not twice."""\n', "", "times_3 has no hint"),
        ("mistakes.py", "multiplies by 4", "multiplies by 3", "2 mistakes have the hint"),
        ("mistakes.py", "multiplies by 4,", "is not _times(x, FACTOR)", "the hint of times_4 gives away"),
        ("alternatives.py", '@replaces("double")\ndef double_by_sum', "def double_by_sum", "2 for double where 3"),
        ("cards.toml", '[[cards]]\nquestion = "What is twice 0?"\nanswer = "0"\n', "", "7 cards where 8"),
        ("cards.toml", "twice 1", "twice 0", "is there twice"),
        ("lesson.md", "# Doubling", "# Double", "lesson.md:1: the first line is not the topic's title"),
        ("lesson.md", "## The idea", "## Idea", "the sections are Why you need it, Idea"),
        ("lesson.md", "The model that you are building doubles one number in its first layer.\n", "", "no paragraph"),
        ("lesson.md", "{{figure}}", "", "must both be there or neither"),
        ("lesson.md", "```output\n42", "```\n\nwords\n\n```output\n42", ""),
        ("lesson.md", "\n```output\n42", "\nwords\n\n```output\n42", "an output without its code"),
        ("lesson.md", "```python\nx = 21", "```pyhton\nx = 21", "unknown kind of block: 'pyhton'"),
        ("lesson.md", "x = 21", "x =", "is not Python"),
        ("lesson.md", "$$y = 2x$$", "![](https://example.org/x.png)", "pictures are not loaded"),
        ("figure.py", 'caption = "A line that gets longer."', "", "no caption"),
        ("figure.py", "def compute(", "def computed(", "compute is missing"),
        ("figure.py", '("double",)', '("dubble",)', "needs an unknown build 'dubble'"),
        ("figure.py", 'sliders = {"size"', 'slider_s = {"size"', "no sliders"),
        ("figure.py", "from groundup", "import plotly\nfrom groundup", "imports plotly"),
    ],
)
def test_what_is_wrong_is_said(edited: Edited, file: str, old: str, new: str, words: str) -> None:
    assert words in said(edited(f"{FOLDER}/{file}", old, new).topic("doubling"))


def test_missing_files_come_first(doubling: Topic) -> None:
    doubling.path("checks.py").unlink()
    doubling.path("cards.toml").unlink()
    text = said(doubling)
    assert text.count("missing") == 2
    assert "checks.py: missing" in text


def test_few_drivers(doubling: Topic) -> None:
    code, checks = doubling.drivers_source(), doubling.source("checks.py")
    for n in range(3, 8):
        code = code.replace(f"def double_of_{n}", f"def _double_of_{n}")
        checks = checks.replace(f"double_of_{n} =", f"_double_of_{n} =")
    doubling.path("drivers.py").write_text(code)
    doubling.path("checks.py").write_text(checks)
    text = said(doubling)
    assert "8 drivers where 12 are needed" in text
    assert "1 drivers for double where 2 are needed" in text


def test_few_mistakes(doubling: Topic) -> None:
    text = doubling.source("mistakes.py").replace('@replaces("double")', "", 7)
    doubling.path("mistakes.py").write_text(text)
    assert "9 mistakes where 15 are needed" in said(doubling)
    assert "1 for double where 2 are needed" in said(doubling)


def test_a_solution_must_stand_alone(small: Path) -> None:
    path = small.parent / "tiny_reference.py"
    path.write_text(
        "from groundup.authoring import slider\n" + path.read_text().replace("x * factor", "slider and x * 2")
    )
    assert "imports groundup.authoring, which a learner's file" in said(load_roadmap(small).topic("doubling"))


def test_a_solution_must_run_and_have_the_signatures(doubling: Topic) -> None:
    doubling.path("solution.py").write_text("def double(y):\n    return y\n\n\nundefined\n")
    text = said(doubling)
    assert "solution does not run on its own: NameError" in text
    assert "solution.py:1: double takes (y)" in text
    assert "solution.py: shifted is missing" in text


# ── the stamp ──


def test_stamping(edited: Edited, doubling: Topic) -> None:
    before = doubling.path("topic.toml").read_text()
    assert stamp(doubling) == 1
    assert doubling.path("topic.toml").read_text() == before
    topic = edited(f"{FOLDER}/checks.py", "twice 3 rows", "twice three rows").topic("doubling")
    assert stamp(topic, same_version=True) == 1
    edited(f"{FOLDER}/checks.py", "twice three rows", "thrice")
    assert stamp(topic) == 2
    after = topic.path("topic.toml").read_text()
    assert [line for line in after.splitlines() if line not in before.splitlines()] == [
        "version = 2",
        f'digest = "{topic.digest()}"',
    ]
    again = load_roadmap(topic.folder.parent.parent).topic("doubling")
    assert again.check_version == 2
    assert said(again) == ""


def test_the_first_stamp(doubling: Topic) -> None:
    text = doubling.path("topic.toml").read_text()
    start = text.index("[check]")
    doubling.path("topic.toml").write_text(text[:start] + text[text.index("[[builds]]") :])
    topic = load_roadmap(doubling.folder.parent.parent).topic("doubling")
    assert "the checks have no version" in said(topic)
    before = tomllib.loads(topic.path("topic.toml").read_text())
    assert stamp(topic) == 1
    after = tomllib.loads(topic.path("topic.toml").read_text())
    assert after.pop("check") == {"version": 1, "digest": topic.digest()}
    assert after == before


# ── leaks and signatures ──

SOLUTION = '''
import math


def attention(q, k, v):
    """Softmax of scores, times v."""
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    # a remark that is no code
    weights = torch.softmax(scores, dim=-1)
    for row in range(3):
        total = 0
    return weights @ v
'''


@pytest.mark.parametrize(
    "hint",
    [
        "Use `q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])`.",
        "Use q@k.transpose(-2,-1)/sqrt(q.shape[-1])",
        "First q @ k.transpose(-2, -1), then more.",
        "weights = softmax(scores,\n    dim = -1)",
        "for row in range(3):",
    ],
)
def test_a_leak_is_found(hint: str) -> None:
    assert leaks(hint, SOLUTION)


@pytest.mark.parametrize(
    "hint",
    [
        "The scores are divided by the square root of the key dimension.",
        "Softmax of scores, times v.",
        "def attention(q, k, v):",
        "a remark that is no code",
        "total = 0",
        "softmax(qᵀk / √d) v",
        "",
    ],
)
def test_words_are_no_leak(hint: str) -> None:
    assert leaks(hint, SOLUTION) == []


def test_what_the_exercise_gives_is_no_leak() -> None:
    assert leaks("torch.softmax(scores, dim=-1)", SOLUTION, given="# torch.softmax(scores, dim=-1)") == []


def test_formulas_as_code() -> None:
    assert formulas_in("divide `scores / d ** 0.5` first") == ["scores / d ** 0.5"]
    assert formulas_in("as in\n\n    total = a @ b\n") == ["total = a @ b"]
    assert formulas_in("`n - 1`, `x`, `softmax(x)`, `dim=-1`, `a lot of words`") == []


def test_signatures_are_compared_by_value() -> None:
    assert of_text("f(a, b=2.0) -> x") == of_text("f(a, b=2.00)")
    assert of_text("f(a, *, b=None, **c)") != of_text("f(a, b=None, **c)")
    assert str(of_text("f(a, /, *rest, b='x', c)")) == "a, *rest, b='x', c"


# ── the scaffold ──


def test_a_scaffold_makes_a_topic_that_says_what_to_write(small: Path) -> None:
    topic = load_roadmap(small).topic("tripling")
    made = make_files(topic)
    assert {path.name for path in made} >= {"lesson.md", "drivers.py", "cards.toml", "figure.py"}
    topic = load_roadmap(small).topic("tripling")
    assert topic.written
    text = said(topic)
    assert "minutes is missing" in text
    assert "the sections are" not in text
    assert "exercise.py: " not in text
    for path in made:
        if path.suffix == ".py":
            compile(path.read_text(), str(path), "exec")


def test_a_scaffold_overwrites_nothing(doubling: Topic, small: Path) -> None:
    before = doubling.lesson_text()
    with pytest.raises(ScaffoldError, match=r"lesson\.md"):
        make_files(doubling)
    assert doubling.lesson_text() == before
    bare = load_roadmap(small).topic("tripling")
    bare.path("figure.py").write_text("mine")
    with pytest.raises(ScaffoldError, match=r"figure\.py"):
        make_files(bare)
    assert not bare.path("lesson.md").exists()


@pytest.mark.parametrize("signature", ["Layer(d, heads=4)", "Layer(d) -> out"])
def test_a_scaffold_of_a_class(small: Path, signature: str) -> None:
    path = small / "first_track" / "tripling" / "topic.toml"
    path.write_text(path.read_text().replace('"f"', '"Layer"').replace("f(x)", signature))
    topic = load_roadmap(small).topic("tripling")
    make_files(topic)
    assert "class Layer(torch.nn.Module):" in topic.exercise_source()
    assert "exercise.py" not in said(load_roadmap(small).topic("tripling"))


def test_a_lab_runs_something_of_the_learners(doubling: Topic) -> None:
    doubling.path("lab.py").write_text("def run(run, scale):\n    pass\n")
    assert "no build is a part" in said(doubling)
    facts = doubling.path("topic.toml")
    facts.write_text(facts.read_text().replace('name = "double"', 'name = "double"\npart = true'))
    assert "no build is a part" not in said(load_roadmap(doubling.folder.parent.parent).topic("doubling"))
