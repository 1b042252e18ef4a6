"""Question answering: windows against transformers' fast tokenizers, labels and spans against every possibility, and a
tiny BERT that learns to answer, and when there is nothing to answer."""

from __future__ import annotations

import json
import math
import os
import random
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from transformers import PreTrainedTokenizerFast

from groundup.stack.data.examples import Answer, Question
from groundup.stack.models.bert import BertConfig, QuestionAnswerer
from groundup.stack.models.output import IGNORED
from groundup.stack.tasks.answering import Answering, Span, best_spans, cut_windows
from groundup.stack.tasks.reading import Reader, family_layout
from groundup.stack.text.bpe import byte_characters
from groundup.stack.text.tokenizer_file import read_tokenizer
from groundup.stack.text.wordpiece import SPECIAL, WordPiece
from groundup.stack.text.wordpiece_file import read_wordpiece, write_wordpiece
from groundup.stack.training.settings import Settings
from groundup.stack.training.trainer import train

DATA = Path(os.environ.get("GROUNDUP_DATA", Path(__file__).resolve().parents[4] / "shared" / "data"))
PIECES = (*SPECIAL, *"abcdefgh.,?!'", *(f"##{one}" for one in "abcdefgh"), "cab", "##bed", "face", "é", "漢")
VOCABULARY = WordPiece({piece: new for new, piece in enumerate(PIECES)})


def ask(question: str, context: str, answers: tuple[Answer, ...] = (), name: str = "") -> Question:
    return Question(name, question, context, answers)


def reader_of(tokenizer: Any, family: str = "bert") -> Reader:
    return Reader(tokenizer, family_layout(family, tokenizer), types=family != "roberta")


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> PreTrainedTokenizerFast:
    folder = tmp_path_factory.mktemp("wordpiece")
    write_wordpiece(folder, VOCABULARY)
    return PreTrainedTokenizerFast(tokenizer_file=str(folder / "tokenizer.json"), pad_token="[PAD]")


def same_windows(task: Answering, library: PreTrainedTokenizerFast, questions: list[Question]) -> None:
    expected = library(
        [one.question for one in questions],
        [one.context for one in questions],
        max_length=task.length,
        stride=task.stride,
        truncation="only_second",
        return_overflowing_tokens=True,
        return_offsets_mapping=True,
        return_token_type_ids=True,
    )
    windows = task.features(questions)
    assert [one.ids for one in windows] == expected["input_ids"]
    assert [one.token_types for one in windows] == expected["token_type_ids"]
    assert [one.example for one in windows] == expected["overflow_to_sample_mapping"]
    for at, one in enumerate(windows):
        of_context = [place for place, which in enumerate(expected.sequence_ids(at)) if which == 1]
        assert [expected["offset_mapping"][at][place] for place in of_context] == one.offsets
        assert of_context == list(range(one.first, one.first + len(one.offsets)))


# ── windows ──────────────────────────────────────────────────────────────────

TEXTS = st.lists(
    st.sampled_from(["cab", "facebed", "Éa", "e\u0301f", "漢漢", "?", "x", "\u200b", "[SEP]", "a.b"]), max_size=24
)


@settings(max_examples=200, deadline=None)
@given(texts=st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=3), more=st.integers(1, 9), data=st.data())
def test_windows_are_those_of_transformers(
    theirs: PreTrainedTokenizerFast, texts: list[tuple[list[str], list[str]]], more: int, data: st.DataObject
) -> None:
    questions = [ask(" ".join(one[:4]), " ".join(two)) for one, two in texts]
    longest = max(len(VOCABULARY.encode(one.question)) for one in questions)
    task = Answering(reader_of(VOCABULARY), max(longest, 1) + 3 + more, data.draw(st.integers(0, more - 1), "stride"))
    same_windows(task, theirs, questions)


@pytest.mark.skipif(not (DATA / "squad2").is_dir(), reason="the sets are not here")
def test_windows_of_real_questions(tmp_path: Path) -> None:
    """BERT's vocabulary and SQuAD: windows as transformers makes them, and answers back from their labels."""
    write_wordpiece(tmp_path, read_wordpiece(DATA / "tokenizers" / "bert-base-uncased"))
    tokenizer = read_wordpiece(tmp_path)
    questions = [
        ask(one["question"], part["context"], tuple(Answer(a["text"], a["answer_start"]) for a in one["answers"]))
        for article in json.loads((DATA / "squad2" / "dev.json").read_text())["data"]
        for part in article["paragraphs"]
        for one in part["qas"]
    ][:150]
    assert {bool(one.answers) for one in questions} == {True, False}
    task = Answering(reader_of(tokenizer), 96, 32)
    library = PreTrainedTokenizerFast(tokenizer_file=str(tmp_path / "tokenizer.json"))
    same_windows(task, library, questions)
    whole = {number: 0 for number, one in enumerate(questions) if one.answers}
    for window in task.features(questions):
        if window.labels != (0, 0):
            begin, end = (window.offsets[label - window.first] for label in window.labels)
            one = questions[window.example]
            assert one.context[begin[0] : end[1]] == one.answers[0].text
            whole[window.example] += 1
    assert all(whole.values())


def test_layouts_of_other_families(tmp_path: Path) -> None:
    """RoBERTa's two separators and byte-level offsets; XLNet's class at the end, where no answer is then."""
    pieces = ["<s>", "<pad>", "</s>", "<unk>", *byte_characters(), "Ġb", "an"]
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    vocab = {piece: new for new, piece in enumerate(pieces)}
    content = {
        "added_tokens": [{"id": new, "content": pieces[new], **flags} for new in range(4)],
        "pre_tokenizer": level,
        "post_processor": {
            "type": "RobertaProcessing",
            "sep": ["</s>", 2],
            "cls": ["<s>", 0],
            "trim_offsets": True,
            "add_prefix_space": False,
        },
        "decoder": level,
        "model": {"type": "BPE", "vocab": vocab, "merges": [["Ġ", "b"], ["a", "n"]]},
    }
    (tmp_path / "tokenizer.json").write_text(json.dumps(content))
    library = PreTrainedTokenizerFast(tokenizer_file=str(tmp_path / "tokenizer.json"))
    tokenizer = read_tokenizer(tmp_path)
    questions = [ask("who is", "b is an a not b\n ban"), ask("", "x")]
    same_windows(Answering(reader_of(tokenizer, "roberta"), 17, 3), library, questions)

    xlnet = reader_of(WordPiece({"<sep>": 0, "<cls>": 1, "[UNK]": 2, "a": 3, "b": 4, "<pad>": 5}), "xlnet")
    task = Answering(replace(xlnet, layout=replace(xlnet.layout, pad_id=5)), 7, 1)
    windows = task.features([ask("a", "b a b a", (Answer("a", 6),)), ask("a", "b")])
    batch = task.collate(windows)
    assert batch["ids"].tolist() == [[3, 0, 4, 3, 4, 0, 1], [5, 3, 0, 4, 3, 0, 1], [5, 5, 3, 0, 4, 0, 1]]
    assert batch["labels"].tolist() == [[6, 6], [4, 4], [6, 6]]


def test_cut_windows_share_what_they_should() -> None:
    for count in range(12):
        for room in range(1, 7):
            for stride in range(room):
                windows = cut_windows(count, room, stride)
                assert windows[0][0] == 0 and windows[-1][1] == count
                for (_, end), (begin, _) in pairwise(windows):
                    assert end - begin == stride
                assert all(end - begin == room for begin, end in windows[:-1])
                assert len(windows) == 1 + max(0, math.ceil((count - room) / (room - stride)))
    with pytest.raises(ValueError, match="share from 0 to 3 of them, not 4"):
        cut_windows(9, 4, 4)


# ── labels ───────────────────────────────────────────────────────────────────


@settings(max_examples=150, deadline=None)
@given(context=TEXTS.map(" ".join), length=st.integers(8, 20), data=st.data(), nulls=st.booleans())
def test_labels_cover_the_answer_and_no_more(context: str, length: int, data: st.DataObject, nulls: bool) -> None:
    """The tokens from the first to the last label have every character of the answer that any token has; without the
    first, or the last, some is missing. A window without all of them says so."""
    begin = data.draw(st.integers(0, max(0, len(context) - 1)), "begin")
    text = context[begin : begin + data.draw(st.integers(1, 9), "length")]
    offsets = VOCABULARY.encode_with_offsets(context)[1]
    wanted = [at for at, one in enumerate(offsets) if set(range(*one)) & set(range(begin, begin + len(text)))]
    task = Answering(reader_of(VOCABULARY), length, 2, nulls=nulls)
    if not wanted:
        if text:
            with pytest.raises(ValueError, match="has no token"):
                task.features([ask("cab", context, (Answer(text, begin),))])
        return
    question = ask("cab", context, (Answer(text, begin), Answer(context, 0)))
    at = 0
    for window in task.features([question]):
        if set(wanted) <= set(range(at, at + len(window.offsets))):
            found = [at + one - window.first for one in range(window.labels[0], window.labels[1] + 1)]
            assert found == list(range(wanted[0], wanted[-1] + 1))
        else:
            assert window.labels == ((0, 0) if nulls else (IGNORED, IGNORED))
        at += len(window.offsets) - task.stride


def test_a_batch_is_padded_and_its_loss_counts_what_it_should() -> None:
    config = BertConfig(vocab=len(PIECES), dim=8, layers=1, heads=2, hidden=12, context=24, dropout=0.0)
    torch.manual_seed(0)
    model = QuestionAnswerer(config).eval()
    task = Answering(reader_of(VOCABULARY), 12, 2, nulls=False)
    windows = task.features([ask("cab ?", "a b c d e f g h a b", (Answer("h a", 14),)), ask("a", "b")])
    batch = task.collate(windows)
    assert batch["ids"].shape == batch["attention_mask"].shape == batch["token_types"].shape == (3, 12)
    assert batch["attention_mask"].sum(dim=1).tolist() == [len(one.ids) for one in windows]
    counted = batch["labels"][:, 0] != IGNORED
    assert counted.tolist() == [one.labels[0] != IGNORED for one in windows] and counted.sum() == 1
    output = model(**batch)
    row = int(counted.nonzero()[0, 0])
    shares = output.logits[row].log_softmax(dim=0)
    begin, end = batch["labels"][row].tolist()
    torch.testing.assert_close(output.loss, -(shares[begin, 0] + shares[end, 1]) / 2)


# ── spans ────────────────────────────────────────────────────────────────────


def every_span(row: Tensor, first: int, end: int, longest: int) -> list[tuple[float, int, int]]:
    return [
        (float(row[begin, 0] + row[last, 1]), begin, last)
        for begin in range(first, end)
        for last in range(begin, min(end, begin + longest))
    ]


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 10**6), rows=st.integers(1, 4), width=st.integers(1, 9), longest=st.integers(1, 12))
def test_the_best_span_is_the_best_of_all(seed: int, rows: int, width: int, longest: int) -> None:
    """Scores are small whole numbers, so that many are equal: then it is the first, and the shortest."""
    draw = torch.Generator().manual_seed(seed)
    logits = torch.randint(-2, 3, (rows, width, 2), generator=draw).float()
    first = torch.randint(0, width + 1, (rows,), generator=draw)
    end = torch.minimum(first + torch.randint(0, width + 1, (rows,), generator=draw), torch.tensor(width))
    found = best_spans(logits, first, end, longest)
    for row, one in enumerate(found):
        spans = every_span(logits[row], int(first[row]), int(end[row]), longest)
        assert one == (max(spans, key=lambda span: (span[0], -span[1], -span[2])) if spans else None)


class Opinions(nn.Module):
    """A model whose scores are a function of ids and places, and that notes how it was called."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(len(PIECES), 2)
        self.calls: list[tuple[int, bool, bool]] = []

    def forward(self, ids: Tensor, attention_mask: Tensor, token_types: Tensor, labels: None = None) -> Any:
        self.calls.append((len(ids), self.training, torch.is_grad_enabled()))
        return SimpleNamespace(logits=self.table(ids) + 0.1 * torch.arange(ids.shape[1])[None, :, None].cos())


def test_answers_are_the_best_of_all_windows() -> None:
    torch.manual_seed(3)
    model = Opinions().train()
    draw = random.Random(5)
    words = ["cab", "face", "a", "bed", "é", "?", "facecab", "\u200b"]
    questions = [
        ask(" ".join(draw.choices(words, k=3)), " ".join(draw.choices(words, k=draw.randrange(30))), name=str(at))
        for at in range(25)
    ]
    questions.append(ask("cab", "\u200b \u200b"))
    task = Answering(reader_of(VOCABULARY), 20, 3, longest=4)
    found = task.predict(model, questions, batch=4)
    assert model.training and all(call == (call[0], False, False) and call[0] <= 4 for call in model.calls)
    for number, (one, span) in enumerate(zip(questions, found, strict=True)):
        nulls, best = [], []
        for window in task.features([one]):
            with torch.no_grad():
                row = model(torch.tensor([window.ids]), None, None).logits[0]
            nulls.append(float(row[0].sum()))
            for score, begin, last in every_span(row, window.first, window.first + len(window.offsets), 4):
                places = window.offsets[begin - window.first][0], window.offsets[last - window.first][1]
                best.append((score, one.context[slice(*places)]))
        if not best:
            assert (span.text, span.answer(math.inf), span.score) == ("", "", -math.inf), number
            continue
        score = max(best)[0]
        assert span.score == pytest.approx(score) and (span.score, span.text) in [
            (pytest.approx(score), text) for _, text in best
        ]
        assert span.text == one.context[span.begin : span.end]
        assert span.null == pytest.approx(min(nulls) - score, abs=1e-5)
        assert span.answer(span.null) == span.text and span.answer(span.null - 1e-3) == ""
    assert [one.text for one in replace(task, nulls=False).predict(model, questions)] == [one.text for one in found]
    assert all(one.answer(0.0) == one.text for one in replace(task, nulls=False).predict(model, questions))


class ByPiece(nn.Module):
    """A model whose scores are a function of the piece alone, so that padding cannot change them."""

    def __init__(self, table: list[list[float]]) -> None:
        super().__init__()
        self.table = nn.Embedding.from_pretrained(torch.tensor(table))

    def forward(self, ids: Tensor, attention_mask: Tensor, token_types: Tensor) -> Any:
        return SimpleNamespace(logits=self.table(ids))


def test_padding_on_the_left_changes_no_answer_and_of_equal_ones_the_first_counts() -> None:
    tokenizer = WordPiece({"<sep>": 0, "<cls>": 1, "[UNK]": 2, "a": 3, "b": 4, "<pad>": 5, "c": 6})
    xlnet = reader_of(tokenizer, "xlnet")
    task = Answering(replace(xlnet, layout=replace(xlnet.layout, pad_id=5)), 9, 1)
    model = ByPiece([[9.0, 9.0], [1.0, 1.5], [0.0, 0.0], [3.0, 2.0], [-1.0, -2.0], [8.0, 7.0], [0.0, 2.0]])
    contexts = ["b b a", "b", "b a b b b b b b a b", "b c a b b b b b b b b c", ""]
    questions = [ask("c", one) for one in contexts]
    found = task.predict(model, questions)
    assert [(one.text, one.begin) for one in found[:-1]] == [("a", 4), ("b", 0), ("a", 2), ("a", 4)]
    assert [one.null for one in found[:-1]] == [2.5 - 5.0, 2.5 + 3.0, 2.5 - 5.0, 2.5 - 5.0]
    assert task.predict(model, questions, batch=1) == found
    batch = task.collate(task.features(questions))
    assert torch.equal(batch["token_types"] == 2, batch["ids"] == 1)
    bare = replace(task, reader=replace(task.reader, types=False))
    assert "token_types" not in bare.collate(bare.features(questions))


def test_the_threshold_is_chosen_on_development_data() -> None:
    gold = [("cab", "a cab"), ("face", "face"), (None, "x"), (None, "y"), ("bed", "bed")]
    examples = [ask("?", text, (Answer(answer, text.index(answer)),) if answer else ()) for answer, text in gold]
    spans = [Span(0, 1, text, 0.0, null) for text, null in (("cab", 1.5), ("face", -3), ("x", 2), ("y", 9), ("no", 3))]
    task = Answering(reader_of(VOCABULARY), 12, 2)
    assert task.score(spans, examples)["exact"] == 60
    fitted = task.fitted(spans, examples)
    assert fitted.threshold == 1.75  # between the question that is best answered and the next
    scores = fitted.score(spans, examples)
    assert (scores["exact"], scores["HasAns_exact"], scores["NoAns_exact"]) == (80, pytest.approx(200 / 3), 100)
    assert fitted.fitted(spans, examples, "exact") == fitted
    with pytest.raises(ValueError, match="by exact or f1, not by 'bleu'"):
        task.fitted(spans, examples, "bleu")
    assert Answering(reader_of(VOCABULARY)).name == "question answering"


def test_bad_input_is_named() -> None:
    task = Answering(reader_of(VOCABULARY), 12, 3)
    for answer, message in (
        (Answer("cab", 0), "question 'q7': the answer 'cab' is not at 0; it stands at 2"),
        (Answer("bed", 0), "it stands nowhere in the context: leave it out"),
        (Answer("cab", -3), "is not at -3"),
        (Answer("", 1), "the answer '' is not at 1; it stands nowhere"),
    ):
        with pytest.raises(ValueError, match=message):
            task.features([ask("which ?", "a cab", (answer,), "q7")])
        task.predict(Opinions(), [ask("which ?", "a cab", (answer,))])  # which looks at no answer
    with pytest.raises(ValueError, match="question 'a b c d e f' has 6 tokens, which leaves 3 of 12"):
        task.features([ask("a b c d e f", "cab")])
    for wrong, message in (
        ({"longest": 0}, "longest = 0"),
        ({"stride": -1}, "stride = -1"),
        ({"length": 4}, "length 4 leaves 1 tokens"),
    ):
        with pytest.raises(ValueError, match=message):
            Answering(reader_of(VOCABULARY), **wrong)
    bare = Reader(VOCABULARY, family_layout("gpt2", VOCABULARY))
    with pytest.raises(ValueError, match="nulls must be False"):
        Answering(bare)
    assert Answering(bare, nulls=False).features([ask("a", "b")])[0].ids == VOCABULARY.encode("a b")


# ── a tiny BERT learns to answer ─────────────────────────────────────────────

COLORS, NUMBERS = ["red", "deep red", "blue", "dark blue", "green"], ["one", "two", "two hundred", "nine"]
FILLERS = [f"w{at}" for at in range(20)]


def planted(count: int, seed: int) -> list[Question]:
    """Fillers, among which a color stands, or a number, or both or neither; asked is one of them."""
    draw = random.Random(seed)
    questions = []
    for number in range(count):
        words = draw.choices(FILLERS, k=draw.randrange(6, 20))
        asked, other = draw.sample([COLORS, NUMBERS], 2)
        if draw.random() < 0.5:
            words.insert(draw.randrange(len(words)), draw.choice(other))
        answers = []
        at = draw.randrange(len(words))
        if draw.random() < 0.65:
            words.insert(at, draw.choice(asked))
            answers.append(Answer(words[at], len(" ".join([*words[:at], ""]))))
        text = "which color ?" if asked is COLORS else "how many ?"
        questions.append(ask(text, " ".join(words), tuple(answers), str(number)))
    return questions


def test_a_tiny_bert_learns_to_answer_and_when_not_to() -> None:
    """From windows of which most do not have the answer, to every answer of questions that it has not seen."""
    words = sorted({word for one in (*COLORS, *NUMBERS, "which color how many ?") for word in one.split()} | {*FILLERS})
    tokenizer = WordPiece({piece: new for new, piece in enumerate((*SPECIAL, *words))})
    config = BertConfig(
        vocab=tokenizer.vocab_size, dim=32, layers=2, heads=2, hidden=64, context=16, dropout=0.0, attention_dropout=0.0
    )
    torch.manual_seed(0)
    model = QuestionAnswerer(config)
    task = Answering(reader_of(tokenizer), 16, 4, longest=3)
    learned, tuning, unseen = planted(500, 1), planted(60, 3), planted(120, 2)
    windows = task.features(learned)
    assert len(windows) > 1.5 * len(learned)
    before = task.score(task.predict(model, unseen), unseen)
    train(model, windows, task.collate, Settings(steps=600, batch=32, lr=3e-3, warmup=20))
    spans = task.predict(model, unseen)
    after = task.fitted(task.predict(model, tuning), tuning).score(spans, unseen)
    assert before["exact"] < 60
    assert (after["exact"], after["f1"], after["HasAns_exact"], after["NoAns_exact"]) == (100, 100, 100, 100)
