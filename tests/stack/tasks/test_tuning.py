"""Fine-tuning from any place: what is learned, what is written, what is refused."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from groundup.stack.data.examples import (
    Answer,
    LabeledText,
    PlainText,
    Question,
    ScoredPair,
    TaggedWords,
    TaskData,
    TextPair,
)
from groundup.stack.models import load
from groundup.stack.models.bert import BertConfig, MaskedLM
from groundup.stack.models.checkpoints import CheckpointError
from groundup.stack.models.llama import Llama, LlamaConfig
from groundup.stack.tasks.start import MismatchError, assemble, start
from groundup.stack.tasks.tuning import CARD, MODEL, STATES, Plan, fine_tune, open_for, score_intervals, task_for
from groundup.stack.text.bpe import train_bpe
from groundup.stack.text.tokenizer_file import write_tokenizer
from groundup.stack.text.wordpiece import Normalization, WordPiece
from groundup.stack.text.wordpiece_file import read_wordpiece, write_wordpiece
from groundup.stack.training.cards import read_card
from groundup.stack.training.settings import Settings

WORDS = ("red", "blue", "green", "warm", "cold", "old", "new", "tall", "good", "bad")
SETTINGS = Settings(steps=120, batch=16, lr=3e-3, schedule="linear", warmup=6, save_every=25)


def texts(seed: int, count: int) -> list[list[str]]:
    draw = random.Random(seed)
    return [draw.sample(WORDS, draw.randint(3, 6)) for _ in range(count)]


def classified(seed: int, count: int) -> list[Any]:
    return [LabeledText(" ".join(one), "warm" if "warm" in one else "other") for one in texts(seed, count)]


def scored(seed: int, count: int) -> list[Any]:
    draw = random.Random(seed)
    return [
        ScoredPair(" ".join(one), draw.choice(WORDS), 5.0 if one[0] in ("red", "blue") else 0.0)
        for one in texts(seed, count)
    ]


def tagged(seed: int, count: int) -> list[Any]:
    kinds = {"red": "B-COLOR", "blue": "B-COLOR", "green": "B-COLOR"}
    return [TaggedWords(tuple(one), tuple(kinds.get(word, "O") for word in one)) for one in texts(seed, count)]


def questions(seed: int, count: int) -> list[Any]:
    found = []
    for at, one in enumerate(texts(seed, count)):
        context = " ".join(one)
        answers = (Answer("cold", context.index("cold")),) if "cold" in one else ()
        found.append(Question(str(at), "how", context, answers))
    return found


def data_of(make: Any, task: str, labels: tuple[str, ...] = ()) -> TaskData[Any]:
    return TaskData("made", task, make(1, 160), make(2, 48), labels)


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a pre-training of ours leaves: masked words' weights and a vocabulary."""
    folder = tmp_path_factory.mktemp("encoder")
    write_wordpiece(folder, WordPiece.train([" ".join((*WORDS, "how"))] * 5, 200, Normalization()))
    tokenizer = read_wordpiece(folder)
    torch.manual_seed(0)
    config = BertConfig(vocab=tokenizer.vocab_size, dim=32, layers=2, heads=4, hidden=48, context=40,
                        pad_id=tokenizer.vocab["[PAD]"], dropout=0.0)  # fmt: skip
    assemble(MaskedLM(config), tokenizer).save(folder)
    return folder


@pytest.mark.parametrize(
    ("make", "task", "labels", "metric", "least"),
    [
        (classified, "classification", ("other", "warm"), "accuracy", 90.0),
        (scored, "sentence similarity", (), "pearson", 70.0),
        (tagged, "named entities", ("COLOR",), "f1", 90.0),
        (questions, "question answering", (), "f1", 60.0),
    ],
)
def test_from_our_own_pre_training_to_a_task(
    encoder: Path, tmp_path: Path, make: Any, task: str, labels: tuple[str, ...], metric: str, least: float
) -> None:
    data = data_of(make, task, labels)
    plans: list[Plan] = []
    done = fine_tune(encoder, data, SETTINGS, tmp_path, before=plans.append)
    name = next(one for one in done.scores if metric in one.lower())
    assert done.scores[name] > least, done.scores
    assert plans[0].fresh
    assert plans[0].memory is not None and plans[0].memory > 4 * plans[0].parameters

    card = read_card(tmp_path / CARD)
    assert {one.name: one.value for one in card.scores} == done.scores
    assert all(one.low is None or one.low <= one.value <= one.high for one in card.scores if one.high is not None)
    assert str(encoder) in card.model.start
    assert "new head" in card.model.start
    assert card.curves[0].values == tuple(done.run.losses)

    again = start(tmp_path / MODEL, {"classification": "classification", "sentence similarity": "classification",
                                     "named entities": "tagging", "question answering": "answering"}[task])  # fmt: skip
    assert not again.fresh
    held = done.kit.model.state_dict()
    assert all(torch.equal(one, held[key]) for key, one in again.model.state_dict().items())


def test_what_was_stopped_goes_on_and_gives_the_same(encoder: Path, tmp_path: Path) -> None:
    data = data_of(classified, "classification", ("other", "warm"))

    class Stopped(Exception):
        pass

    def stop(step: Any) -> None:
        if step.number == 40:
            raise Stopped

    whole = fine_tune(encoder, data, SETTINGS, tmp_path / "whole")
    with pytest.raises(Stopped):
        fine_tune(encoder, data, SETTINGS, tmp_path / "cut", watch=stop)
    assert not (tmp_path / "cut" / MODEL).exists()
    assert (tmp_path / "cut" / STATES).is_dir()
    numbers: list[int] = []
    after = fine_tune(encoder, data, SETTINGS, tmp_path / "cut", watch=lambda step: numbers.append(step.number))
    assert numbers[0] == 26
    assert after.run.losses == whole.run.losses
    assert after.predictions == whole.predictions


def test_a_folder_with_a_run_from_other_weights_is_refused(encoder: Path, tmp_path: Path) -> None:
    """Its states would give that run's weights under this one's name."""
    data, few = data_of(classified, "classification", ("other", "warm")), replace(SETTINGS, steps=3, warmup=0)
    done = fine_tune(encoder, data, few, tmp_path / "out")
    assert fine_tune(encoder, data, few, tmp_path / "out").run.losses == done.run.losses
    other = start(encoder, "classification", data.labels, seed=5)
    other.save(tmp_path / "other")
    with pytest.raises(ValueError, match=f"(?s)a run that began from {encoder}.* not those of {tmp_path / 'other'}"):
        fine_tune(tmp_path / "other", data, few, tmp_path / "out")
    fine_tune(tmp_path / "other", data, few, tmp_path / "more")
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="file is a file: name a folder"):
        fine_tune(encoder, data, few, tmp_path / "file")


def test_examples_that_teach_nothing_are_refused(encoder: Path, tmp_path: Path) -> None:
    alike = [LabeledText("red", "warm")] * 4
    bare = [TaggedWords(("red",), ("O",))] * 4
    empty = [TaggedWords(("\x07",), ("B-COLOR",))] * 4
    for examples, labels, said in (
        (alike, ("warm",), "no two labels to tell apart: got warm"),
        (bare, (), "no tag but O"),
        (empty, ("COLOR",), "nothing to learn from"),
        ([Question("1", "how", "red", ())], (), "nothing to learn from"),
    ):
        with pytest.raises(ValueError, match=said):
            fine_tune(encoder, TaskData("made", "", list(examples), list(examples), labels), SETTINGS, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_what_could_not_be_scored_is_refused_before_training(encoder: Path, tmp_path: Path) -> None:
    """Classes and tags that are held out only, and a question that leaves its context no room."""
    for train, dev, labels, said in (
        (classified(1, 40), [LabeledText("red", "hot")], ("other", "warm"), "no label 'hot'"),
        (tagged(1, 40), [TaggedWords(("red",), ("B-SHADE",))], ("COLOR",), "no tag 'B-SHADE'"),
        (questions(1, 40), [Question("long", "red " * 30, "blue", ())], (), "question 'long' has 30 tokens"),
    ):
        with pytest.raises(ValueError, match=said):
            fine_tune(encoder, TaskData("made", "", train, dev, labels), SETTINGS, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_windows_of_questions_are_as_long_as_the_model_reads_or_as_told(encoder: Path) -> None:
    data = data_of(questions, "question answering")
    kit = open_for(encoder, data)
    task = task_for(kit, data)
    assert (task.length, task.stride, task.nulls) == (40, 13, True)
    assert task_for(kit, data, 24).length == 24
    for length in (0, 400):
        with pytest.raises(ValueError, match=f"length {length}"):
            task_for(kit, data, length)
    answered = [one for one in data.train if one.answers]
    assert not task_for(kit, TaskData("made", data.task, answered, data.dev)).nulls


def test_a_decoder_learns_what_texts_become(tmp_path: Path) -> None:
    pairs = [TextPair(" ".join(one[:2]), (one[1],)) for one in texts(3, 120)]
    data = TaskData("made", "translation", pairs, pairs[:20])
    place = tmp_path / "decoder"
    place.mkdir()
    write_tokenizer(place, train_bpe(" ".join(WORDS) * 9, 300), ("</s>",))
    torch.manual_seed(0)
    rows = json.loads((place / "tokenizer.json").read_text())["model"]["vocab"]
    config = LlamaConfig(vocab=len(rows) + 1, dim=48, layers=2, heads=4, kv_heads=2, head_dim=12, hidden=64, context=48)
    Llama(config).save_pretrained(place)
    (place / "special_tokens_map.json").write_text(json.dumps({"eos_token": "</s>"}))
    settings = Settings(steps=150, batch=24, lr=4e-3, schedule="linear", warmup=10)
    done = fine_tune(place, data, settings, tmp_path / "out", length=16)
    assert done.scores["exact"] > 80
    assert load(tmp_path / "out" / MODEL).config.vocab == len(rows) + 1


def test_what_does_not_fit_is_refused_before_anything_is_written(encoder: Path, tmp_path: Path) -> None:
    data = data_of(classified, "classification", ("other", "warm"))
    with pytest.raises(ValueError, match="PlainText"):
        fine_tune(encoder, TaskData("made", "text", [PlainText("a")], [PlainText("b")]), SETTINGS, tmp_path / "out")
    with pytest.raises(ValueError, match="held out"):
        fine_tune(encoder, TaskData("made", "classification", data.train, [], data.labels), SETTINGS, tmp_path / "out")
    other = tmp_path / "other"
    other.mkdir()
    write_wordpiece(other, WordPiece.train(["something quite different, " * 3 + " ".join(WORDS)], 90, Normalization()))
    with pytest.raises(MismatchError, match=f"(?s){other}.*{encoder}"):
        fine_tune(encoder, data, SETTINGS, tmp_path / "out", tokenizer=other)
    with pytest.raises(CheckpointError, match="no folder"):
        fine_tune(tmp_path / "nowhere", data, SETTINGS, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_interval_is_of_the_examples(encoder: Path) -> None:
    class Half:
        def score(self, predictions: list[int], examples: list[int]) -> dict[str, float]:
            return {"share": 100 * sum(predictions) / len(predictions)}

    (found,) = score_intervals(Half(), [0, 1] * 200, [0, 1] * 200)
    assert found.low is not None
    assert found.high is not None
    draws = np.random.default_rng(0)
    shares = [100 * float(np.mean(draws.integers(400, size=400) % 2)) for _ in range(200)]
    assert (found.low, found.high) == pytest.approx(tuple(np.quantile(shares, (0.025, 0.975))))
    spread = 100 * (0.25 / 400) ** 0.5
    assert found.value == 50
    assert 2 * 1.6 * spread < found.high - found.low < 2 * 2.4 * spread


def test_a_score_that_most_resamples_do_not_have_has_no_interval() -> None:
    class Rare:
        def __init__(self, least: int) -> None:
            self.least = least

        def score(self, predictions: list[int], examples: list[int]) -> dict[str, float]:
            return {"rare": 1.0 if predictions.count(0) >= self.least else float("nan")}

    for least, low in ((1, 1.0), (3, None)):  # of ten draws with one 0 in ten, 65 % have one, and 7 % have three
        (found,) = score_intervals(Rare(least), [0] + [1] * 9, [0] * 10)
        assert found.low == low


def test_the_plan_is_of_a_micro_batch_of_the_longest(encoder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[int, ...]] = []

    def estimate(model: Any, batch: dict[str, torch.Tensor], **more: Any) -> Any:
        seen.append(tuple(batch["ids"].shape))
        raise ValueError("not to be played")

    monkeypatch.setattr("groundup.stack.tasks.tuning.estimate_memory", estimate)
    data = data_of(questions, "question answering")
    plans: list[Plan] = []

    class Enough(Exception):
        pass

    def stop(plan: Plan) -> None:
        plans.append(plan)
        raise Enough

    with pytest.raises(Enough):
        fine_tune(encoder, data, replace(SETTINGS, accumulate=3), "nowhere", before=stop)
    kit = open_for(encoder, data)
    sizes = [len(one.ids) for one in task_for(kit, data).features(data.train[:-16])]  # a tenth chooses the threshold
    assert seen == [(6, max(sizes))]
    assert (plans[0].features, plans[0].longest, plans[0].memory) == (len(sizes), max(sizes), None)
    assert not Path("nowhere").exists()
