"""The GPT lab: with the learner's parts inside, through kills, within memory, and compared with what it should be."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest
import torch

from groundup.stack.models.llama import Llama
from groundup.stack.text.tokenizer_file import read_tokenizer
from groundup.study.home import find_home
from groundup.study.roadmap import load_roadmap
from groundup.study.runs.control import begin, resume
from groundup.study.service import Study

TOPIC = load_roadmap().topics["gpt"]


@pytest.fixture(scope="module")
def lab() -> ModuleType:
    return TOPIC.module("lab.py")


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Study]:
    one = Study(find_home(str(tmp_path_factory.mktemp("gpt-lab") / "home")))
    one.runs._rest_every_s = 0.05
    yield one
    one.close()


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("text") / "text.txt"
    path.write_text("the cat sat because it was tired, and the dog slept.\n" * 400)
    return str(path)


def test_killed_it_goes_on_with_equal_losses(study: Study, text: str) -> None:
    whole = begin(study, "gpt", "smoke", {"text": text}, reference=True, seed=3)
    for _ in study.runs.follow(whole):
        pass
    assert whole.state == "done", whole.log
    record = begin(study, "gpt", "smoke", {"text": text}, reference=True, seed=3)
    for aim in (7, 19):
        deadline = time.monotonic() + 90
        while len(record.curves().get("loss", {})) < aim and record.alive:
            assert time.monotonic() < deadline, record.log
            time.sleep(0.005)
        study.runs.kill(record)
        assert record.state in ("killed", "done")
        if record.state == "killed":
            resume(study, record)
    for _ in study.runs.follow(record):
        pass
    assert record.state == "done", record.log
    for name in ("loss", "gradient_norm", "held_out_bits_per_byte"):
        assert record.curves()[name] == whole.curves()[name], name
    equal = ("held_out_bits_per_byte", "kneser_ney_5", "xz")
    assert [record.scores()[one] for one in equal] == [whole.scores()[one] for one in equal]


def test_with_a_learners_parts_it_says_which_and_what_they_cost(study: Study, text: str) -> None:
    for topic in ("self-attention", "byte-pair-encoding"):
        path = study.open(topic).path
        path.write_text(study.roadmap.topics[topic].solution_source())
        assert study.check(topic).passed
    record = begin(study, "gpt", "smoke", {"text": text}, seed=3)
    events = list(study.runs.follow(record))
    assert record.state == "done", record.log
    used = {one.build for one in record.request.parts}
    assert used >= {"scaled_dot_product_attention", "causal_mask", "train_bpe", "encode"}
    table = next(one.values for one in events if one.kind == "table" and one.values["title"] == "Your parts at work")
    uses = {row[0]: row[2] for row in table["rows"]}
    assert uses["scaled_dot_product_attention"] > 0
    assert uses["train_bpe"] == 1
    scores = record.scores()
    assert scores["cost_of_your_parts"] == pytest.approx(scores["step_ms"] / scores["reference_step_ms"])
    reference = begin(study, "gpt", "smoke", {"text": text}, reference=True, seed=3)
    for _ in study.runs.follow(reference):
        pass
    assert reference.scores()["held_out_bits_per_byte"] == pytest.approx(scores["held_out_bits_per_byte"], abs=1e-3)
    assert "cost_of_your_parts" not in reference.scores()


def test_what_it_saves_is_a_model_of_the_hub(study: Study) -> None:
    record = next(one for one in study.runs.all() if one.state == "done" and (one.folder / "model").is_dir())
    model, tokenizer = Llama.from_pretrained(record.folder / "model"), read_tokenizer(record.folder / "model")
    ids = tokenizer.encode("the cat sat because it was tired")
    assert tokenizer.decode(ids) == "the cat sat because it was tired"
    with torch.no_grad():
        logits = model(torch.tensor([ids]))
    assert logits.shape == (1, len(ids), model.config.vocab)
    guess = -math.log(model.config.vocab)
    told = logits[0, :-1].log_softmax(-1).gather(-1, torch.tensor(ids[1:])[:, None]).mean()
    assert float(told) > guess + 0.5, "it has learned something of that text"


def test_less_memory_means_smaller_parts_of_a_batch(lab: ModuleType) -> None:
    setting = lab.SETTINGS["small"]
    roomy = lab.fitting_micro_batch(setting, 64_000.0)
    assert roomy == setting.batch
    needed = lab.memory_mb(replace(setting, micro=setting.batch))
    tight = lab.fitting_micro_batch(setting, needed)
    assert tight < setting.batch
    assert setting.batch % tight == 0
    with pytest.raises(MemoryError, match="take a smaller one"):
        lab.fitting_micro_batch(setting, 100.0)


STATUS = Path("/proc/self/status")
# VmHWM is the peak of this process alone; getrusage's ru_maxrss would be at least the memory of the process that
# started it, because Linux keeps that number across exec.
MEASURE = """
import json, re, sys, torch
from dataclasses import replace
from groundup.study.roadmap import load_roadmap
lab = load_roadmap().topics["gpt"].module("lab.py")
setting = replace(lab.SETTINGS["tiny"], micro=int(sys.argv[1]), batch=int(sys.argv[1]))
lab.step_milliseconds(setting, tries=2)
with open("/proc/self/status") as status:
    peak = int(re.search(r"VmHWM:\\s+(\\d+) kB", status.read())[1])
print(json.dumps([lab.memory_mb(setting), peak / 1024]))
"""


@pytest.mark.skipif(
    not STATUS.exists() or "VmHWM" not in STATUS.read_text(),
    reason="reads a peak from Linux's /proc",
)
def test_memory_is_reckoned_as_it_is_measured() -> None:
    for micro in ("8", "32"):
        told = subprocess.run([sys.executable, "-c", MEASURE, micro], capture_output=True, text=True, timeout=200)
        reckoned, measured = json.loads(told.stdout)
        assert 0.8 < reckoned / measured < 1.25, (micro, reckoned, measured)


def test_a_text_that_is_none_is_refused(study: Study, tmp_path: Path) -> None:
    from groundup.study.runs.records import RunError

    for name, words in ((str(tmp_path / "absent.txt"), "there is no text"), ("tinyshakespeare", "GROUNDUP_DATA")):
        with pytest.raises(RunError, match=words):
            begin(study, "gpt", "smoke", {"text": name}, reference=True)
