"""Classification: inputs and losses against transformers, rules that are learned whole, scores of the field."""

from __future__ import annotations

import runpy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from groundup.stack.data.examples import LabeledText, ScoredPair
from groundup.stack.models import bert, xlnet
from groundup.stack.models.output import Output
from groundup.stack.tasks.classification import Classification, TextClass, TextExample
from groundup.stack.tasks.start import assemble, start
from groundup.stack.training.settings import Settings
from groundup.stack.training.trainer import train

TINY = runpy.run_path(str(Path(__file__).with_name("tiny.py")))
WORDPIECE = TINY["WORDPIECE"]
SMALL: dict[str, Any] = {
    "vocab": WORDPIECE.vocab_size, "dim": 24, "layers": 1, "heads": 4, "hidden": 48, "context": 40, "dropout": 0.0,
    "attention_dropout": 0.0,
}  # fmt: skip
NOUNS = ("film", "night", "joy", "bore", "ships", "letters")
PAIR = (
    ("the good film", "was a bore and nothing came of a bad night"),
    ("unaffable letters to her", "from Paris"),
    ("seven ships sailed at dawn to Lisbon", ""),
)


def task_of(labels: tuple[str, ...], problem: str = "single", length: int | None = None) -> tuple[Any, Classification]:
    torch.manual_seed(0)
    model = bert.SequenceClassifier(bert.BertConfig(**SMALL, labels=len(labels)))
    return model, Classification.of(assemble(model, WORDPIECE, labels, problem=problem), length)


def learn(
    model: Any, task: Classification, examples: list[TextExample], steps: int = 60, lr: float = 1e-2
) -> dict[str, float]:
    train(model, task.features(examples), task.collate, Settings(steps=steps, batch=16, lr=lr, warmup=10))
    return task.score(task.predict(model, examples, batch=7), examples)


# ── against transformers ─────────────────────────────────────────────────────


@pytest.mark.parametrize("problem", ["single", "multiple", "regression"])
def test_batches_and_losses_are_transformers(problem: str, tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    number = 1 if problem == "regression" else 3
    kinds = {"single": "single_label", "multiple": "multi_label"}
    kind = f"{kinds[problem]}_classification" if problem in kinds else problem
    told = {"num_labels": number, "problem_type": kind}
    theirs = TINY["write_bert"](transformers, tmp_path, "BertForSequenceClassification", **told).double()
    kit = start(tmp_path, "classification", ("a", "b", "c")[:number], dtype=torch.float64)
    assert kit.problem == problem
    task = Classification.of(kit, 16)
    right: dict[str, list[Any]] = {
        "single": ["c", "a", "a"], "multiple": [("a", "c"), (), ("b",)], "regression": [2.5, -1, 0]
    }  # fmt: skip
    examples = [TextExample(one, label, other) for (one, other), label in zip(PAIR, right[problem], strict=True)]
    batch = task.collate(task.features(examples))
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path)
    lists = tuple(map(list, zip(*PAIR, strict=True)))
    expected = tokenizer(*lists, truncation="longest_first", max_length=16, padding=True, return_tensors="pt")
    for ours, name in (("ids", "input_ids"), ("attention_mask",) * 2, ("token_types", "token_type_ids")):
        assert torch.equal(batch[ours], expected[name])
    assert batch["ids"].shape[1] == 16
    output = kit.model(**batch)
    answer = theirs(**expected, labels=batch["labels"].double() if problem != "single" else batch["labels"])
    torch.testing.assert_close(output.logits, answer.logits, rtol=0, atol=1e-10)
    torch.testing.assert_close(output.loss, answer.loss, rtol=0, atol=1e-7)  # labels are in single precision


def test_labels_that_do_not_fit_the_scores_are_refused() -> None:
    model, _ = task_of(("a", "b", "c"))
    ids = torch.tensor([[2, 5, 3], [2, 6, 3]])
    with pytest.raises(ValueError, match=r"must be \(2, 3\), a yes or no for each"):
        model(ids, labels=torch.tensor([0.5, 1.0]))
    with pytest.raises(ValueError, match=r"labels must be \(2,\)"):
        model(ids, labels=torch.tensor([[0, 1], [1, 0]]))


# ── rules that are learned ───────────────────────────────────────────────────


def test_one_class_is_learned() -> None:
    model, task = task_of(("bad", "good"))
    examples = [
        TextExample(f"{'the' if at % 3 else 'a'} {mood} {noun}" + " was nothing" * (at % 4), mood)
        for at, noun in enumerate(NOUNS * 2)
        for mood in ("good", "bad")
    ]
    scores = learn(model, task, examples)
    assert scores == {"accuracy": 100.0, "macro_f1": 100.0, "matthews": 100.0}
    unseen = [LabeledText("seven good letters from Paris", "good"), LabeledText("a bad dawn", "bad")]
    found = task.predict(model, unseen)
    assert task.score(found, unseen)["accuracy"] == 100
    assert [one.label for one in found] == ["good", "bad"]
    for one in found:
        assert sum(one.scores) == pytest.approx(1, abs=1e-5)
        assert max(one.scores) == one.scores[task.labels.index(str(one.label))]


def test_whether_two_texts_share_a_word_is_learned_from_pairs() -> None:
    model, task = task_of(("other", "same"))
    pairs = [(one, other) for one in NOUNS[:3] for other in NOUNS[:3]] * 2
    pairs += [(one, one) for one in NOUNS[:3]] * 2
    examples = [TextExample(f"the {a}", "same" if a == b else "other", f"a {b} was") for a, b in pairs]
    assert learn(model, task, examples, 100)["accuracy"] == 100


def test_several_labels_are_learned() -> None:
    model, task = task_of(("place", "praise", "never"), "multiple")
    names = {"good": "praise", "London": "place"}
    examples = [
        TextExample(f"{one} {mood} {where}", [names[word] for word in (mood, where) if word in names])
        for one in ("film", "night", "joy")
        for mood in ("good", "bad", "seven")
        for where in ("London", "dawn")
    ]
    scores = learn(model, task, examples, 500, 5e-3)
    assert (scores["exact"], scores["micro_f1"]) == (100, 100)
    assert scores["macro_f1"] == 100  # a label that is neither true nor predicted does not count
    assert task.predict(model, [TextExample("letters good London")])[0].label == ("place", "praise")


def test_a_number_is_learned() -> None:
    model, task = task_of(("score",), "regression")
    examples = [
        ScoredPair(" ".join(["good"] * number), "the film" if number % 2 else "a joy", number / 2)
        for number in (1, 2, 3, 4, 5, 6)
    ] * 3
    train(model, task.features(examples), task.collate, Settings(steps=120, batch=18, lr=1e-2, warmup=10))
    found = task.predict(model, examples)
    assert task.score(found, examples)["spearman"] > 99  # equal examples may differ in the last digit
    for one, example in zip(found, examples, strict=True):
        assert one.label == pytest.approx(example.score, abs=0.15)
        assert one.scores == (one.label,)


# ── predictions and scores ───────────────────────────────────────────────────


def test_predictions_depend_neither_on_batches_nor_on_labels_nor_on_the_mode() -> None:
    model, task = task_of(("a", "b", "c"))
    examples = [TextExample(" ".join(TINY["CORPUS"][:number])) for number in (5, 0, 30, 1, 12, 7)]
    model.train()
    model.encoder.dropout.p = 0.5
    one, many = task.predict(model, examples, batch=1), task.predict(model, examples, batch=4)
    assert model.training
    for alone, together in zip(one, many, strict=True):
        assert alone.label == together.label
        assert alone.scores == pytest.approx(together.scores, abs=1e-6)
    wrong = [TextExample(example.text, "not a label at all") for example in examples]
    assert [each.label for each in task.predict(model, wrong)] == [each.label for each in many]
    assert task.predict(model, []) == []


def test_a_family_that_reads_the_last_token_is_padded_on_the_left() -> None:
    torch.manual_seed(0)
    config = xlnet.XLNetConfig(WORDPIECE.vocab_size, 16, 2, 2, 24, pad_id=0, labels=2)
    model = xlnet.SequenceClassifier(config).eval()
    with pytest.raises(ValueError, match="the vocabulary has no <sep>"):
        assemble(model, WORDPIECE, ("a", "b"))
    from groundup.stack.tasks.reading import Reader, parse_layout

    layout = parse_layout("A [SEP] [CLS]:2", "A [SEP] B:1 [SEP]:1 [CLS]:2", WORDPIECE.vocab.get, left=True)
    task = Classification(Reader(WORDPIECE, layout), ("a", "b"))
    examples = [TextExample("the good film"), TextExample("a joy", second="was nothing to her from London")]
    batch = task.collate(task.features(examples))
    assert batch["attention_mask"][0, 0] == 0
    assert set(batch["ids"][:, -1].tolist()) == {WORDPIECE.vocab["[CLS]"]}
    assert torch.equal(batch["token_types"] == 2, batch["ids"] == WORDPIECE.vocab["[CLS]"])
    for alone, together in zip(task.predict(model, examples, 1), task.predict(model, examples), strict=True):
        assert alone.scores == pytest.approx(together.scores, abs=1e-6)


def test_a_batch_has_what_the_model_knows_and_what_is_known() -> None:
    _, task = task_of(("a", "b"))
    some = task.features([TextExample("the", "a"), TextExample("film")])
    assert task.collate(some).keys() == {"ids", "attention_mask", "token_types"}  # not every label is known
    bare = replace(task, reader=replace(task.reader, types=False))
    assert bare.collate(some[:1]).keys() == {"ids", "attention_mask", "labels"}


class Undecided(nn.Module):
    def forward(self, ids: Tensor, attention_mask: Tensor, token_types: Tensor) -> Output:
        return Output(ids.float(), torch.tensor([[0.0, 1e-3, -1e-3]]).expand(len(ids), 3))


def test_labels_are_those_above_the_threshold() -> None:
    _, task = task_of(("a", "b", "c"), "multiple")
    assert task.predict(Undecided(), [TextExample("the")])[0].label == ("b",)
    assert replace(task, threshold=0.4).predict(Undecided(), [TextExample("the")])[0].label == ("a", "b", "c")


def test_scores_are_in_percent() -> None:
    _, task = task_of(("a", "b", "c"))
    examples = [TextExample("", label) for label in ("a", "b", "b", "b")]
    found = [TextClass(label, ()) for label in ("a", "b", "b", "a")]
    sklearn = pytest.importorskip("sklearn.metrics")
    sides = (["a", "b", "b", "b"], ["a", "b", "b", "a"])
    assert task.score(found, examples) == pytest.approx(
        {
            "accuracy": 75.0,
            "macro_f1": 100 * sklearn.f1_score(*sides, average="macro"),
            "matthews": 100 * sklearn.matthews_corrcoef(*sides),
        }
    )


def test_mistakes_are_named() -> None:
    _, single = task_of(("a", "b"))
    _, several = task_of(("a", "b"), "multiple")
    _, number = task_of(("score",), "regression")
    refused = [
        (single, [TextExample("x", "a"), TextExample("x", "c")], "example 1: there is no label 'c'; a, b are there"),
        (single, [TextExample("x", 1)], "example 0: the label is 1, and should be one name"),
        (single, [TextExample("x", ("a", "b"))], "should be one name"),
        (several, [TextExample("x", "a")], "should be a list of names"),
        (several, [TextExample("x", ("a", "d"))], "no label 'd'"),
        (number, [TextExample("x", "a")], "a regression needs a number, not 'a'"),
        (number, [TextExample("x", 1.0), TextExample("x", float("nan"))], "example 1: a regression needs a number"),
    ]
    for task, examples, message in refused:
        with pytest.raises(ValueError, match=message):
            task.features(examples)
    with pytest.raises(ValueError, match="example 1 has no label to compare"):
        single.score([TextClass("a", ())] * 2, [TextExample("x", "a"), TextExample("x")])
    with pytest.raises(ValueError, match="each only once: got a, a"):
        Classification(single.reader, ("a", "a"))
    with pytest.raises(ValueError, match="there is no problem 'both'"):
        Classification(single.reader, ("a", "b"), "both")
    with pytest.raises(ValueError, match="a regression has one label"):
        Classification(single.reader, ("a", "b"), "regression")
    with pytest.raises(ValueError, match="length 99 is more than the 40 tokens"):
        Classification(single.reader, ("a", "b"), length=99)
    answers = bert.QuestionAnswerer(bert.BertConfig(**SMALL))
    with pytest.raises(ValueError, match="this kit has no classes"):
        Classification.of(assemble(answers, WORDPIECE))
