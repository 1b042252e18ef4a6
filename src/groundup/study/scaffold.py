"""``groundup author new ID``: the files of a topic, each with what belongs in it. Nothing is ever overwritten.

What is made does not lint: it says what to write. The folder and its topic.toml must be on the map already.
"""

from __future__ import annotations

from pathlib import Path

from groundup.study.lint import SECTIONS
from groundup.study.topics import REQUIRED, Build, Topic


class ScaffoldError(Exception):
    """The topic has files already."""


def make_files(topic: Topic) -> list[Path]:
    """Write the files of a topic that has only its topic.toml; their paths."""
    there = [name for name in (*REQUIRED, "figure.py") if topic.path(name).exists()]
    if there:
        raise ScaffoldError(f"{topic.id} has {', '.join(there)} already; nothing was written")
    texts = {
        "lesson.md": _lesson(topic),
        "exercise.py": _exercise(topic),
        "drivers.py": _drivers(topic),
        "checks.py": _checks(topic),
        "mistakes.py": _marked(
            topic, "Wrong implementations, each named for a misconception.", "what_is_wrong", _WRONG
        ),
        "alternatives.py": _marked(topic, "Right answers in other styles, which must pass.", "by_another_way", ""),
        "cards.toml": _CARDS,
        "figure.py": _figure(topic),
    }
    made = []
    for name, text in texts.items():
        path = topic.path(name)
        # "x": whoever wrote the file in between keeps it.
        with open(path, "x", encoding="utf-8") as file:
            file.write(text)
        made.append(path)
    return made


_CARDS = """# At least eight questions, each answered in a sentence or two.
[[cards]]
question = ""
answer = ""
"""

_ADVICE = {
    "Why you need it": "What could a model not do without it?",
    "The idea": "In one picture, in plain words. Say what a term means before using it.\n\n{{figure}}",
    "A worked example": "The smallest one, with numbers.\n\n```python\nprint(1 + 1)\n```",
    "The formula": "$$y = x$$\n\nName every symbol.",
    "The code": "```python\nimport torch\n```",
    "In a language model": "Where it stands in the model that the learner is building.",
    "Where it goes wrong": "What people get wrong, and what it looks like. Where the popular account is wrong, say so.",
    "Sources": "- The paper that introduced it.",
}


def _lesson(topic: Topic) -> str:
    sections = "\n\n".join(f"## {title}\n\n{_ADVICE[title]}" for title in SECTIONS)
    return f"# {topic.title}\n\nWhat this piece does in the model that you are building.\n\n{sections}\n"


def _head(build: Build) -> str:
    return build.signature.partition("->")[0].strip()


def _exercise(topic: Topic) -> str:
    text = f'"""{topic.title}: what is built here, and the conventions that hold for all of it."""\n\nimport torch\n'
    for build in topic.builds:
        if build.name[:1].isupper():
            arguments = _head(build).removeprefix(build.name).strip("()")
            text += (
                f"\n\nclass {build.name}(torch.nn.Module):\n"
                '    """What it computes, with shapes, and a worked example."""\n\n'
                f"    def __init__(self, {arguments}):\n        super().__init__()\n        raise NotImplementedError\n"
            )
        else:
            text += (
                f"\n\ndef {_head(build)}:\n"
                '    """What it returns.\n\n    Shapes, conventions, and a worked example.\n    """\n'
                "    raise NotImplementedError\n"
            )
    return text


_DRIVERS = '''"""What is done with the builds, from small to large.

At least two drivers a build and twelve a topic. Never only rank = alpha, p = 0.5, step 1, dim = -1, square shapes,
saturated softmax, batch 1, contiguous or float32 input. A driver returns plain data, never a verdict.
"""

import torch
'''


def _drivers(topic: Topic) -> str:
    text = _DRIVERS
    for build in topic.builds:
        text += f"\n\ndef {build.name.lower()}_of_small_input(my, rng):\n    return my.{build.name}(rng.normal(2, 3))\n"
    return text


def _checks(topic: Topic) -> str:
    text = '"""How each driver\'s result is compared; the title says what must be true."""\n\n'
    text += "from groundup.authoring import close\n\n"
    for build in topic.builds:
        text += f'{build.name.lower()}_of_small_input = close("", builds="{build.name}")\n'
    return text


_WRONG = "What the learner did, and why it is wrong. One to three plain sentences; no code of the solution."


def _marked(topic: Topic, says: str, name: str, doc: str) -> str:
    text = f'"""{says}"""\n\nfrom groundup.authoring import replaces\n'
    for build in topic.builds:
        body = f'    """{doc}"""\n' if doc else ""
        arguments = _head(build).removeprefix(build.name)
        arguments = arguments if arguments.startswith("(") else "()"
        function = f"{build.name.lower()}_{name}"
        text += f'\n\n@replaces("{build.name}")\ndef {function}{arguments}:\n{body}    raise NotImplementedError\n'
    return text


_FIGURE = '''"""What there is to see; compute() runs with the learner's code. Where seeing does not help, remove it."""

from groundup.authoring import slider

sliders = {"size": slider("size", 1, 10, step=1, start=3)}
needs_builds = (NEEDS)
caption = ""


def compute(my, size):
    """Plain data, in at most 50 ms."""
    return {"x": [0, 1], "y": [0, size]}


def draw(data):
    """The figure; runs in the server and sees the data only."""
    import plotly.graph_objects as go

    return go.Figure(go.Scatter(x=data["x"], y=data["y"]))
'''


def _figure(topic: Topic) -> str:
    return _FIGURE.replace("NEEDS", "".join(f'"{build.name}",' for build in topic.builds[:1]))
