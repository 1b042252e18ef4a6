"""A study over a tiny curriculum, with a checker that only reads the source: for tests of the page, not of checking.
Road map, files, progress and hints are the real ones; torch is not imported.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from groundup.study.check.verdict import BuildVerdict, Failure, Given, Receipt, Shown, Verdict
from groundup.study.figures import Drawn, _described, slider_values
from groundup.study.home import Home
from groundup.study.progress.store import Progress
from groundup.study.roadmap import load_roadmap
from groundup.study.runs.control import Runs
from groundup.study.service import Study
from groundup.study.workspace import Snapshot, Workspace

ROADMAP = """
[[tracks]]
id = "transformer"
title = "Transformers"
[[tracks.resources]]
id = "illustrated"
title = "The Illustrated Transformer"
url = "https://example.org/illustrated"
kind = "text"
[[tracks.resources]]
id = "talk"
title = "A talk on attention"
url = "https://example.org/talk"
kind = "video"
[[tracks.stages]]
id = "attention"
title = "Attention"
level = "beginner"
project = "attending-model"
points = [
  { id = "scores", title = "Scores, masks and weights", topics = ["self-attention"] },
  { id = "several", title = "Several heads", topics = ["multi-head-attention", "self-attention"] },
]
[[tracks]]
id = "mathematics"
title = "Mathematics"
[[tracks.stages]]
id = "linear"
title = "Linear algebra"
points = [{ id = "dot", title = "Dot products <and> angles", topics = ["dot-products"] }]
"""

ATTENTION = """
title = "Self-attention"
track = "transformer"
needs = ["dot-products"]
lab = "let a loss fall"
minutes = 60
[check]
version = 1
[[builds]]
name = "attention_scores"
signature = "attention_scores(q, k)"
reference = "groundup.stack.nothing:attention_scores"
part = true
without = ["torch.nn.functional.scaled_dot_product_attention"]
[builds.hints]
nudge = "How large do the sums become when the vectors are long?"
next = "Divide by something that grows with the length of a key."
[[builds]]
name = "causal_mask"
signature = "causal_mask(n)"
reference = "groundup.stack.nothing:causal_mask"
[builds.hints]
nudge = "Who may look at whom?"
next = "A row is who looks, a column is who is looked at."
"""

LESSON = r"""# Self-attention

Attention lets each token of the model that you are building look at the tokens before it and take what it needs.

## Why you need it

A vector for a word says what the word means *in general*. What `bank` means here depends on its neighbors.

| token | looks at |
|---|---|
| `bank` | `river` |

## The idea

Each token asks a question, the *query* $q$, and every token offers a *key* $k$. Where they agree, the score is large.

{{figure}}

Move the slider: the score is largest where the angle is zero.

## A worked example

```python
import math
q, k = [3.0, 4.0], [4.0, 3.0]
print(sum(a * b for a, b in zip(q, k)) / math.sqrt(2))
```

```output
16.970562748477143
```

## The formula

$$\text{score}(q, k) = \frac{q \cdot k}{\sqrt{d}}, \qquad w = \operatorname{softmax}\left(QK^\top\right)$$

Here $d$ is the length of a key. See [the paper](https://arxiv.org/abs/1706.03762).
"""

EXERCISE = '''"""Self-attention: write both functions."""


def attention_scores(q, k):
    """Scores of every query against every key, scaled, before softmax."""
    raise NotImplementedError


def causal_mask(n):
    """True where a token may look: at itself and at what came before."""
    raise NotImplementedError
'''

FIGURE = """
from groundup.authoring import slider

sliders = {"angle": slider("angle between q and k (degrees)", 0, 180, step=5, start=40),
           "form": slider("what is drawn", choices=("score", "square"))}
needs_builds = ("attention_scores",)
caption = "The score of a query and a key of length one, against the angle between them."


def compute(my, angle, form):
    import math
    xs = list(range(0, 181, 5))
    power = 2 if form == "square" else 1
    return {"x": xs, "y": [math.cos(math.radians(x)) ** power for x in xs], "angle": angle,
            "score": math.cos(math.radians(angle)) ** power}


def draw(data):
    import plotly.graph_objects as go
    figure = go.Figure()
    figure.add_scatter(x=data["x"], y=data["y"], name="every angle", mode="lines")
    figure.add_scatter(x=[data["angle"]], y=[data["score"]], name="here", mode="markers", marker={"size": 12})
    figure.update_layout(height=300, xaxis_title="angle", yaxis_title="score", showlegend=False)
    return figure
"""

CARDS = """
[[cards]]
question = "What is a score?"
answer = "How much a query and a key agree: their dot product, scaled."
[[cards]]
question = "Why <scale>?"
answer = "So that long vectors do not saturate the softmax."
"""

LAB = '''"""A lab whose loss falls as it is told to, slowly enough to be watched."""
import random
import time

from groundup.authoring import Inputs, Option

scales = ("smoke", "tiny")
options = {
    "steps": Option("how many steps", "number", 60.0, low=1, high=100000),
    "pause": Option("seconds between two steps", "number", 0.0, low=0, high=1),
    "then": Option("how it ends", default="well", choices=("well", "raise")),
    "text": Option("a text to read", "file"),
}


def prepare(options, scale):
    return Inputs({"words.txt": b"some words"}, {"source": "typed in by <hand>", "licence": "none", "bytes": 10})


def run(run, scale):
    steps, begin = int(run.options["steps"]), 0
    if run.state is not None:
        begin = run.state["step"]
    run.expect(seconds=steps * run.options["pause"], memory_mb=300.0, parameters=12, step_ms=3.5)
    for step in run.track(range(begin, steps), "training", total=steps, done=begin):
        time.sleep(run.options["pause"])
        run.log(step, loss=5.0 / (1 + step / 10) + random.random() / 10)
        if (step + 1) % 20 == 0:
            run.log(step, held_out_bits_per_byte=4.0 / (1 + step / 10))
            run.text("It writes", f"step {step} <script>alert(1)</script>", step + 1)
        run.checkpoint(lambda step=step: {"step": step + 1})
    if run.options["then"] == "raise":
        raise ValueError("as <b>asked</b>")
    run.table("Bits per byte, lower is better", ["model", "bits per byte"], [["this one", 1.25], ["xz", 2.5]])
    run.result(held_out_bits_per_byte=1.25, xz=2.5, beats_xz=True, step_ms=7.0, reference_step_ms=3.5)
'''

BAND = json.dumps(
    {"scale": {"smoke": {"loss": {"steps": [0, 20, 60], "low": [4.5, 1.5, 0.5], "high": [5.5, 2.5, 1.5]}}}}
)

UNWRITTEN = """
title = "Multi-head attention"
track = "transformer"
needs = ["self-attention"]
helps = ["dot-products"]
lab = "compare one head with eight"
[[builds]]
name = "MultiHeadAttention"
signature = "MultiHeadAttention(d_model, n_heads)"
"""

PROJECT = """
title = "A model that <attends>"
stage = "attention"
needs = ["self-attention"]
uses = ["attention_scores", "causal_mask"]
lab = "let a loss fall, for a whole stage"
"""

DOT = """
title = "Dot products & <angles>"
track = "mathematics"
needs = []
minutes = 20
[check]
version = 1
"""

GOOD = EXERCISE.replace("raise NotImplementedError", "return RIGHT  # as asked")


def write_curriculum(folder: Path) -> Path:
    """The tiny curriculum: one topic complete, one without builds, one not written."""
    files = {
        "roadmap.toml": ROADMAP,
        "transformer/self_attention/topic.toml": ATTENTION,
        "transformer/self_attention/lesson.md": LESSON,
        "transformer/self_attention/exercise.py": EXERCISE,
        "transformer/self_attention/drivers.py": "",
        "transformer/self_attention/checks.py": "",
        "transformer/self_attention/mistakes.py": "",
        "transformer/self_attention/alternatives.py": "",
        "transformer/self_attention/solution.py": "def attention_scores(q, k):\n    return '<b>the solution</b>'\n",
        "transformer/self_attention/figure.py": FIGURE,
        "transformer/self_attention/cards.toml": CARDS,
        "transformer/self_attention/lab.py": LAB,
        "transformer/self_attention/band.json": BAND,
        "transformer/multi_head_attention/topic.toml": UNWRITTEN,
        "transformer/projects/attending_model/project.toml": PROJECT,
        "transformer/projects/attending_model/project.md": "# A model that <attends>\n\nIt is *made* of $q$ and $k$.\n",
        "transformer/projects/attending_model/lab.py": LAB,
        "mathematics/dot_products/topic.toml": DOT,
        "mathematics/dot_products/lesson.md": "# Dot products & <angles>\n\nTo be read.\n",
        "mathematics/dot_products/exercise.py": '"""Nothing to write."""\n',
        "mathematics/dot_products/drivers.py": "",
        "mathematics/dot_products/checks.py": "",
        "mathematics/dot_products/mistakes.py": "",
        "mathematics/dot_products/alternatives.py": "",
        "mathematics/dot_products/cards.toml": "",
    }
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


class FakeStudy(Study):
    """The real study but for its checker."""

    def __init__(self, home: Home, curriculum: Path) -> None:
        home.create()
        self.home = home
        self.roadmap = load_roadmap(curriculum)
        self.workspace = Workspace(home)
        self.progress = Progress(home)
        self.runs = Runs(home, rest_every_s=0.05)
        self.warm_error = None
        self.warmed = 0
        self.asked_seeds: list[int | None] = []
        self.prepared: list[str] = []

    def warm(self) -> None:
        self.warmed += 1

    @property
    def ready(self) -> bool:
        return self.warmed > 0

    def judge(self) -> Any:
        return FakeJudge()

    def prepare(self, topic_id: str) -> None:
        self.prepared.append(topic_id)

    def check(self, topic_id: str, *, seed: int | None = None, builds: list[str] | None = None) -> Verdict:
        topic = self.written(topic_id)
        self.workspace.open(topic)
        self.asked_seeds.append(seed)
        snapshot = self.workspace.read(topic)
        verdict = judged(snapshot, 7 if seed is None else seed)
        self.progress.record(verdict)
        return verdict

    def solution(self, topic_id: str, build: str | None = None) -> str:
        topic = self.written(topic_id)
        for one in topic.builds:
            self.progress.take_hint(topic_id, one.name, 4)
        return topic.source("solution.py")

    def close(self) -> None:
        if "chats" in self.__dict__:
            self.chats.close()
        if "first" in self.__dict__:
            self.first.close()
        self.progress.close()


class FakeJudge:
    """What parts are chosen by."""

    def check(self, topic: Any, snapshot: Snapshot) -> Verdict:
        return judged(snapshot, 7)


def judged(snapshot: Snapshot, seed: int) -> Verdict:
    """Right where the source says RIGHT, not written where it raises NotImplementedError, else not scaled."""
    bodies = snapshot.source.decode("utf-8", "replace").split("def ")[1:]
    found = {body.split("(")[0]: body for body in bodies}
    results = [_one(name, found.get(name, ""), snapshot) for name in ("attention_scores", "causal_mask")]
    kind = next((one.kind for one in results if one.kind != "passed"), "passed")
    receipt = Receipt(
        path=snapshot.path,
        sha256=snapshot.sha256,
        check_version=1,
        seed=seed,
        isolation="none at all",
        isolation_lacks=["everything"],
        groundup="0.0",
        seconds=0.012,
    )
    printed = "<script>alert(1)</script>\n" if b"print" in snapshot.source else ""
    return Verdict(topic="self-attention", kind=kind, builds=results, receipt=receipt, printed=printed)


def _one(name: str, body: str, snapshot: Snapshot) -> BuildVerdict:
    if "RIGHT" in body:
        return BuildVerdict(
            build=name, kind="passed", cases=6, passed=6, remarks=["right, but slower than it could be"]
        )
    if "NotImplementedError" in body or not body:
        return BuildVerdict(build=name, kind="missing", cases=6, passed=0)
    lines = snapshot.source.decode().splitlines()
    line = next((at for at, text in enumerate(lines, 1) if "return" in text), 1)
    failure = Failure(
        case="small",
        title="two queries against three keys",
        message="every number is 1.414 times what was expected",
        misconceptions=["scale_missing"],
        hint="The scores are not divided by the square root of the key dimension. <b>Not markup.</b>",
        call=f"{name}(q, k)",
        given=[
            Given(name="q", value=_shown([["3.000", "4.000"], ["0.500", "-1.000"]])),
            Given(name="k", value=_shown([["4.000", "3.000"], ["1.000", "0.000"], ["0.000", "2.000"]])),
        ],
        returned=_shown(
            [["24.00", "3.000", "8.000"], ["-1.000", "0.500", "-2.000"]], [[True] * 3, [True, False, True]]
        ),
        expected=_shown([["16.97", "2.121", "5.657"], ["-0.7071", "0.500", "-1.414"]]),
        line=line,
        line_text=lines[line - 1].strip() if lines else "",
        trace=[f"line {line}, in {name}"],
    )
    return BuildVerdict(build=name, kind="wrong", cases=6, passed=2, failure=failure)


def _shown(cells: list[list[str]], wrong: list[list[bool]] | None = None) -> Shown:
    text = "\n".join(" ".join(row) for row in cells)
    return Shown(text=text, shape=[len(cells), len(cells[0])], dtype="float32", cells=cells, wrong=wrong)


def draw(study: Study, topic_id: str, asked: Mapping[str, Any] | None = None) -> Drawn:
    """The figure without sandbox and reference: its compute needs neither."""
    module = study.written(topic_id).figure()
    assert module is not None
    values = slider_values(module.sliders, asked or {})
    figure = json.loads(module.draw(module.compute(None, **values)).to_json())
    states = study.progress.build_state(topic_id)
    yours = "attention_scores" in states and states["attention_scores"].passed
    return Drawn(
        figure=figure,
        drawn_by="your code" if yours else "groundup's code",
        caption=module.caption,
        sliders=_described(module.sliders, values),
        milliseconds=1.0,
        note=None,
    )
