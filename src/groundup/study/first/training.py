"""How the model of the first page is made: the project's own lab on Python's own documentation, then half precision.

``groundup author starter`` does it; ``--check`` trains it again and compares. The same Python (its documentation is the
text), PyTorch and number of threads give the same scores.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from groundup.study.first.content import HELD_OUT, PROVENANCE

LAB = "gpt"
BYTES = 3 * 2**20
EXCERPT_BYTES = 6000
COMMAND = "groundup author starter"


class StarterError(RuntimeError):
    """The model could not be made, or is not what it should be."""


def make_starter(target: Path, *, scale: str, seed: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Train, write the model's files into ``target``, and return its provenance. Raises StarterError."""
    from groundup.study.home import find_home
    from groundup.study.runs.control import begin
    from groundup.study.service import Study

    with tempfile.TemporaryDirectory() as folder:
        study = Study(find_home(f"{folder}/home"))
        try:
            record = begin(study, LAB, scale, reference=True, seed=seed)
            for event in study.runs.follow(record):
                if event.kind == "log" and "held_out_bits_per_byte" in event.values["metrics"]:
                    say(f"step {event.values['step'] + 1}: {event.values['metrics']['held_out_bits_per_byte']:.4f}")
            if record.state != "done":
                raise StarterError(f"the run ended as {record.state}: {record.log[-500:]}")
            train = (record.folder / "inputs" / "train.txt").read_bytes()
            held_out = (record.folder / "inputs" / "held_out.txt").read_text(encoding="utf-8")
            parameters = write_half(record.folder / "model", target)
            scores = record.scores()
            request = record.request
        finally:
            study.close()
    (target / HELD_OUT).write_text(excerpt(held_out), encoding="utf-8")
    from groundup.stack.text.ngrams import KneserNey
    from groundup.study.first.process import Writer

    shown = excerpt(held_out).encode()
    counted = {f"excerpt_bytes_{order}_gram": KneserNey(train, order).bits_per_byte(shown) for order in (3, 5)}
    names = ("held_out_bits_per_byte", "kneser_ney_5", "kneser_ney_best", "xz")
    made = {
        "parameters": parameters,
        "lab": LAB,
        "scale": scale,
        "seed": seed,
        "command": COMMAND,
        "source": request.provenance["source"],
        "licence": request.provenance["licence"],
        "text_sha256": request.provenance["sha256"],
        "threads": request.threads,
        "versions": request.versions,
        "scores": {
            **{name: scores[name] for name in names},
            **counted,
            "excerpt_bits_per_byte": Writer(target).bits_per_byte(),
        },
    }
    (target / PROVENANCE).write_text(json.dumps(made, indent=2) + "\n", encoding="utf-8")
    size = sum(one.stat().st_size for one in target.iterdir())
    if size > BYTES:
        raise StarterError(f"the model takes {size} bytes, and may take {BYTES}")
    return made


def write_half(source: Path, target: Path) -> int:
    """The run's model in half precision; returns the number of its parameters."""
    import torch

    from groundup.stack.models.checkpoints import read_config, read_weights, write_checkpoint

    weights = read_weights(source)
    config = {**read_config(source), "torch_dtype": "float16"}
    write_checkpoint(target, config, {name: one.to(torch.float16) for name, one in weights.items()})
    for one in sorted(source.glob("tokenizer*.json")):
        (target / one.name).write_bytes(one.read_bytes())
    return sum(one.numel() for one in weights.values())


def excerpt(text: str) -> str:
    """Whole paragraphs from the middle of the held-out text, so long that a second is enough to read them."""
    begin = text.find("\n\n", len(text) // 2) + 2
    return text[begin : text.rfind("\n\n", begin, begin + EXCERPT_BYTES)]


def differences(made: dict[str, Any], stored: dict[str, Any]) -> list[str]:
    """What is not as it was, in words; scores must be equal to the last digit, if all that they depend on is."""
    found = []
    for name in ("text_sha256", "threads", "versions"):
        if made[name] != stored[name]:
            found.append(f"{name}: {made[name]} instead of {stored[name]}; other scores are to be expected")
    for name, value in stored["scores"].items():
        if made["scores"][name] != value:
            found.append(f"{name}: {made['scores'][name]} instead of {value}")
    return found
