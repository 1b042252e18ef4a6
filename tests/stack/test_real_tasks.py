"""The benchmark of real tasks: its baselines and measures against known libraries, and a run in small, end to end."""

from __future__ import annotations

import json
import math
import random
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
pytest.importorskip("sklearn")


@pytest.fixture(autouse=True)
def parts() -> Iterator[None]:
    """The benchmarks' own modules can be imported, as where they are run from."""
    sys.path.insert(0, str(BENCHMARKS))
    yield
    sys.path.remove(str(BENCHMARKS))


# ── baselines ────────────────────────────────────────────────────────────────


def pairs_of_sentences(seed: int) -> tuple[list[list[str]], list[list[str]]]:
    chance = random.Random(seed)
    sources = [[f"s{chance.randrange(8)}" for _ in range(chance.randrange(1, 6))] for _ in range(40)]
    targets = [[f"t{int(word[1:]) % 6}" for word in one if chance.random() < 0.8] or ["t0"] for one in sources]
    return sources, [list(dict.fromkeys(one)) for one in targets]


def test_ibm_model_1_is_nltks() -> None:
    translate = pytest.importorskip("nltk.translate")
    from real.alignment import ModelOne

    # NLTK counts a target word that stands twice in a sentence as one, so that none does here.
    sources, targets = pairs_of_sentences(0)
    rounds = 6
    ours = ModelOne(sources, targets, rounds)
    theirs = translate.IBMModel1(
        [translate.AlignedSent(b, a) for a, b in zip(sources, targets, strict=True)], rounds
    ).translation_table
    for target in {word for one in targets for word in one}:
        for source in [None, *sorted({word for one in sources for word in one})]:
            # NLTK keeps 1e-12 for what never stood together.
            assert ours.probability(target, source) == pytest.approx(theirs[target][source], abs=1e-11)


def test_ibm_model_1_climbs_and_translates() -> None:
    from real.alignment import ModelOne, translate

    model = ModelOne(*pairs_of_sentences(1), rounds=10)
    assert model.likelihoods == sorted(model.likelihoods)
    sources = [["das", "Haus"], ["das", "Buch"], ["ein", "Buch"], ["das", "das"]]
    targets = [["the", "house"], ["the", "book"], ["a", "book"], ["the", "the"]]
    assert translate(sources, targets, [["ein", "Haus", "neu"], []]) == [["a", "house", "neu"], []]


def test_the_dictionary_knows_what_it_saw() -> None:
    from real.tagging import dictionary, entities

    words = [["Ada", "Lovelace", "met", "May"], ["May", "I", "may"], ["May", "we"], ["New", "York", "City"]]
    tags = [["B-P", "I-P", "O", "B-P"], ["O", "O", "O"], ["O", "O"], ["B-L", "I-L", "I-L"]]
    assert dictionary(words, tags, [["Ada", "Lovelace", "in", "New", "York", "City", "May"], []]) == [
        ["B-P", "I-P", "O", "B-L", "I-L", "I-L", "O"],  # May is mostly no name
        [],
    ]
    assert entities(["I-P", "I-P", "B-P", "I-L", "O"]) == [(0, 2, "P"), (2, 3, "P"), (3, 4, "L")]


def test_entities_are_the_stacks() -> None:
    from groundup.stack.tasks.metrics.entities import find_entities
    from real.tagging import entities

    chance = random.Random(0)
    for _ in range(300):
        tags = [chance.choice(["O", "B-P", "I-P", "B-L", "I-L"]) for _ in range(chance.randrange(9))]
        assert entities(tags) == [(one.begin, one.end, one.type) for one in find_entities(tags)]


def test_the_random_field_learns_from_what_stands_around() -> None:
    pytest.importorskip("pycrfsuite")
    from real.tagging import crf, shape

    chance = random.Random(0)
    names = [f"{chance.choice('ABCD')}{chance.choice('aeiou')}{number}" for number in range(60)]
    words = [["today", chance.choice(["in", "by"]), name, "."] for name in names]
    tags = [["O", "O", "B-LOC" if one[1] == "in" else "B-PER", "O"] for one in words]
    new = [["today", "in", "Zz9", "."], ["today", "by", "Zz9", "."], []]
    assert crf(words, tags, new) == [["O", "O", "B-LOC", "O"], ["O", "O", "B-PER", "O"], []]
    assert shape("McDonald's-99") == "XxXx'x-d"


def test_texts_are_told_apart_and_compared() -> None:
    from real.classical import best_lead, classify, similarities

    texts, labels = ["good film", "bad film", "nice, good", "bad: awful"] * 3, ["p", "n", "p", "n"] * 3
    assert classify(texts, labels, ["so good", "awful"]) == ["p", "n"]
    assert classify(["good", "bad"], ["p", "n"], ["good"]) == ["p"]  # too few for a choice of C
    same, none = similarities(["a cat sat", "dog"], ["A cat, sat!", "bird"], ["a cat sat dog bird"] * 2)
    assert same == pytest.approx(1) and none == 0
    sources = [["one", "two", "three"], ["four", "five", "six"]]
    assert best_lead(sources, lambda texts: float(texts == ["one two", "four five"])) == 2


def test_kneser_ney_counts_every_byte() -> None:
    from groundup.stack.text.ngrams import KneserNey
    from real.classical import ngram_nats

    text, new = "the cat sat on the mat. " * 40, "the mat sat. Ünë"
    nats, order = ngram_nats(text, new, orders=(2, 4))
    assert order == 4 and len(nats) == len(new.encode())
    bits = KneserNey(text.encode(), 4).bits_per_byte(new.encode())
    assert nats.sum() / math.log(2) == pytest.approx(bits * len(nats))


def test_a_window_finds_the_answer_or_says_nothing() -> None:
    from real.overlap import answer_all, best_threshold, find_answer, weights

    text = "The tower was built by Gustave Eiffel in 1889. It stands in Paris near the river."
    weight = weights([text, "other words"])
    assert find_answer("Who built the tower?", text, weight) == ("Gustave Eiffel", 1.0)
    assert find_answer("Who?", text, weight) == ("", 0.0) == find_answer("Who built it?", "", weight)
    assert best_threshold([0.2, 0.9], [0.0, 1.0], [1.0, 0.0]) == 0.9
    assert best_threshold([0.2, 0.9], [0.0, 0.0], [1.0, 1.0]) == math.inf
    train = [("Who built the tower?", text), ("Who painted moons?", text)]
    golds = ["Gustave Eiffel", ""]
    assert answer_all(train, train, lambda at, answer: float(answer == golds[at])) == golds


# ── measures ─────────────────────────────────────────────────────────────────


def test_measures_are_those_of_the_libraries_also_for_resamples() -> None:
    from scipy.stats import spearmanr
    from sklearn.metrics import accuracy_score

    from groundup.stack.tasks.metrics.answers import squad2_scores
    from groundup.stack.tasks.metrics.bleu import corpus_bleu
    from groundup.stack.tasks.metrics.entities import entity_scores
    from groundup.stack.tasks.metrics.rouge import Rouge
    from real.measures import MEASURES

    chance = random.Random(3)
    tags = ["O", "B-P", "I-P", "B-L"]
    words = ["a", "b", "c", "d", "e", "f", "g"]

    def sentences() -> list[str]:
        return [" ".join(chance.choices(words, k=chance.randrange(4, 9))) for _ in range(30)]

    def tagged() -> list[list[str]]:
        return [[chance.choice(tags) for _ in range(6)] for _ in range(30)]

    cases: dict[str, tuple[list[Any], list[Any]]] = {
        "accuracy": (chance.choices("abc", k=30), chance.choices("abc", k=30)),
        "entity F1": (tagged(), tagged()),
        "answer F1": (
            [*sentences()[:20], *[""] * 10],
            [[] if at % 3 == 0 else [one] for at, one in enumerate(sentences())],
        ),
        "BLEU": (sentences(), [[one, other] for one, other in zip(sentences(), sentences(), strict=True)]),
        "ROUGE-L": (sentences(), [[one] for one in sentences()]),
        "Spearman": ([chance.randrange(9) for _ in range(30)], [chance.random() for _ in range(30)]),
        "perplexity": ([chance.random() * 9 for _ in range(30)], [chance.randrange(1, 9) for _ in range(30)]),
    }  # fmt: skip
    known = {
        "accuracy": lambda a, b: 100 * accuracy_score(b, a),
        "entity F1": lambda a, b: 100 * entity_scores(b, a).micro.f1,
        "answer F1": lambda a, b: squad2_scores(a, b)["f1"],
        "BLEU": lambda a, b: corpus_bleu(a, b).score,
        "ROUGE-L": lambda a, b: 100 * Rouge(("rougeL",), stem=True).corpus(a, b)["rougeL"].f,
        "Spearman": lambda a, b: 100 * spearmanr(a, b).statistic,
        "perplexity": lambda a, b: math.exp(sum(a) / sum(b)),
    }
    assert cases.keys() == known.keys() == MEASURES.keys()
    picks = np.random.default_rng(0).integers(30, size=(4, 30))
    for name, (found, right) in cases.items():
        measure = MEASURES[name]
        rows = measure.rows(found, right)
        many = np.atleast_1d(measure.score(rows[picks]))
        for one, value in zip([range(30), *picks.tolist()], [measure.score(rows), *many], strict=True):
            wanted = known[name]([found[at] for at in one], [right[at] for at in one])
            assert measure.shown(float(value)) == pytest.approx(wanted, abs=1e-9), name


def test_constant_predictions_have_no_correlation() -> None:
    from real.measures import MEASURES

    measure = MEASURES["Spearman"]
    assert measure.score(measure.rows([1.0, 1.0, 1.0], [1.0, 2.0, 3.0])) == 0


# ── the other side's loop ────────────────────────────────────────────────────


def test_both_sides_have_the_same_learning_rates() -> None:
    from groundup.stack.training.settings import Settings
    from real.theirs import schedule

    for kind in ("cosine", "linear", "constant"):
        settings = Settings(steps=20, lr=0.3, schedule=kind, warmup=4, floor=0.01)
        share = schedule(settings)
        assert [0.3 * share(step) for step in range(20)] == pytest.approx([settings.rate(step) for step in range(20)])


# ── end to end ───────────────────────────────────────────────────────────────


Run = Callable[..., tuple[str, dict[str, Any]]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Run]:
    """The benchmark with these arguments: what it said, and its line of JSON."""
    import torch

    def call(*arguments: str) -> tuple[str, dict[str, Any]]:
        import real_tasks

        monkeypatch.delenv("GROUNDUP_DATA", raising=False)
        monkeypatch.setattr(sys, "argv", ["real_tasks.py", *arguments])
        real_tasks.main()
        *lines, last = capsys.readouterr().out.splitlines()
        return "\n".join(lines), json.loads(last)

    threads = torch.get_num_threads()
    yield call
    torch.set_num_threads(threads)


@pytest.mark.filterwarnings("ignore")  # of the libraries about each other
def test_tasks_run_end_to_end_on_made_up_sets_and_go_on(tmp_path: Path, run: Run) -> None:
    pytest.importorskip("transformers")
    from groundup.stack.training.cards import read_card

    order = ["--made-up", "--quick", "--workers", "1", "--out", str(tmp_path), "--tasks", "trec", "multi30k"]
    text, document = run(*order, "--seeds", "0")
    assert "0 of 6 pieces are kept" in text
    assert [one["task"] for one in document["tasks"]] == ["trec", "multi30k"]
    (tmp_path / "trec" / "theirs-0.json").write_text("{", encoding="utf-8")  # as a stop would never leave it
    page = tmp_path / "page.md"
    text, again = run(*order, "--seeds", "0", "1", "--report", str(page))
    assert "5 of 10 pieces are kept" in text
    for one, other in zip(document["tasks"], again["tasks"], strict=True):
        assert other["ours"]["parameters"] == one["ours"]["parameters"] == one["theirs"]["parameters"]
        assert other["ours"]["scores"][0] == one["ours"]["scores"][0]
        assert other["theirs"]["scores"][0] == one["theirs"]["scores"][0]
        assert len(other["ours"]["scores"]) == 2 and other["baselines"] == one["baselines"]
        assert other["low"] <= other["difference"] <= other["high"] and other["margin"] == 1.5
    words = page.read_text(encoding="utf-8")
    assert "Not the real thing" in words and str(tmp_path) not in words
    for one in again["tasks"]:
        row = next(line for line in words.splitlines() if line.startswith(f"| {one['task']} |"))
        cells = [cell.strip() for cell in row.split("|")[1:-1]]
        assert cells[3] == "0, 1"
        assert cells[4].partition(" ")[0] == f"{np.mean(one['ours']['scores']):.1f}"
        assert cells[6].startswith(f"{one['difference']:+.2f}")
    (tmp_path / "trec" / "theirs-0.json").unlink()
    _, last = run(*order, "--kept")
    assert [one["task"] for one in last["tasks"]] == ["trec", "multi30k"]
    assert last["seeds"] == {"trec": [1], "multi30k": [0, 1]}, "what is kept of a whole pair"
    assert last["tasks"][0]["ours"]["scores"] == again["tasks"][0]["ours"]["scores"][1:]
    with pytest.raises(SystemExit, match="no whole pair"):
        run(*order[:-2], "sst2", "--kept")
    card = read_card(tmp_path / "trec" / "ours-1")
    assert card.seeds == (1,) and card.scores[0].n == 24 and card.scores[0].low is not None
    assert card.cost.tokens > 0 and [one.name for one in card.curves] == ["loss", "learning rate", "gradient norm"]


def test_it_asks_for_data(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        run("--quick")
    assert "GROUNDUP_DATA" in capsys.readouterr().err
