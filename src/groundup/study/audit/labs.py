"""The labs of an audit: each runs at its smallest scale, as a learner's run does, and comes to a result."""

from __future__ import annotations

import tempfile
from pathlib import Path

from groundup.authoring import Inputs
from groundup.study.audit.findings import Findings
from groundup.study.home import Home
from groundup.study.runs.control import Runs, chosen_options, lab_options
from groundup.study.runs.records import Record, Request
from groundup.study.topics import Topic

SMOKE = "smoke"
SAID = frozenset({"begin", "expect", "progress", "result", "end"})


def smoked(found: Findings) -> None:
    """Run the lab, if there is one: a process behind walls, the reference's parts, default options."""
    topic = found.topic
    if "lab.py" not in topic.files:
        if topic.lab is not None:
            found.problem("lab", "the road map names a lab, and there is no lab.py")
        return
    found.labs.run += 1
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder) / "home")
        home.create()
        runs = Runs(home)
        record = begun(runs, topic)
        kinds = {event.kind for event in runs.follow(record)}
        if record.state != "done":
            found.problem("lab", f"at the scale {SMOKE} it ended as {record.state}: {record.log[-400:].strip()}")
        elif not kinds >= SAID or not record.scores():
            missing = ", ".join(sorted(SAID - kinds)) or "a score in its result"
            found.problem("lab", f"at the scale {SMOKE} it says nothing of: {missing}")
        else:
            found.labs.good += 1


def begun(runs: Runs, topic: Topic) -> Record:
    module = topic.module("lab.py")
    options = chosen_options(lab_options(module), {})
    inputs = module.prepare(options, SMOKE) if hasattr(module, "prepare") else Inputs()
    request = Request(lab=topic.id, scale=SMOKE, options=options, provenance=dict(inputs.provenance), threads=2)
    record = runs.create(request, inputs.files, {})
    runs.launch(record, topic.path("lab.py"))
    return record
