"""Tagging: pieces and windows, inputs against transformers, a rule that is learned whole, scores of the field."""

from __future__ import annotations

import json
import runpy
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from groundup.stack.data.examples import TaggedWords
from groundup.stack.models import bert
from groundup.stack.models.output import IGNORED, Output
from groundup.stack.tasks.metrics.entities import tag_names
from groundup.stack.tasks.reading import Reader, family_layout, parse_layout
from groundup.stack.tasks.start import assemble, start
from groundup.stack.tasks.tagging import Tagging, owning_windows, window_spans
from groundup.stack.text.bpe import train_bpe
from groundup.stack.text.tokenizer_file import read_tokenizer, write_tokenizer
from groundup.stack.training.settings import Settings
from groundup.stack.training.trainer import train

TINY = runpy.run_path(str(Path(__file__).with_name("tiny.py")))
WORDPIECE = TINY["WORDPIECE"]
SMALL: dict[str, Any] = {
    "vocab": WORDPIECE.vocab_size, "dim": 24, "layers": 1, "heads": 4, "hidden": 48, "context": 40, "dropout": 0.0,
    "attention_dropout": 0.0,
}  # fmt: skip
TAGS = tag_names(("PER", "LOC"))
WORDS = st.lists(st.sampled_from([*TINY["CORPUS"], "unaffably", "", "\u200b", "\x07", "İ"]), max_size=25)


def sentence(text: str) -> TaggedWords:
    """Words of a text, a tag behind a slash where there is one: "Ada/B-PER met"."""
    parts = [word.partition("/") for word in text.split()]
    return TaggedWords(tuple(word for word, _, _ in parts), tuple(tag or "O" for _, _, tag in parts))


class Oracle(nn.Module):
    """A model that knows for each id which label it has, so that where predictions are read can be seen."""

    def __init__(self, labels: int) -> None:
        super().__init__()
        self.scores = nn.Parameter(torch.eye(labels))

    def forward(self, ids: Tensor, attention_mask: Tensor, token_types: Tensor | None = None) -> Output:
        return Output(ids.float(), self.scores[ids % len(self.scores)])


def reader(longest: int | None = None) -> Reader:
    return Reader(WORDPIECE, family_layout("bert", WORDPIECE), longest=longest)


# ── pieces and windows ───────────────────────────────────────────────────────


def test_labels_stand_at_first_pieces_or_at_all() -> None:
    example = sentence("unaffably/O Lovelaces/B-PER Babbages/I-PER met")
    (first,), (all_of,) = (Tagging(reader(), TAGS, pieces=pieces).features([example]) for pieces in ("first", "all"))
    sizes = [len(WORDPIECE.encode(word)) for word in example.words]
    assert max(sizes[:3]) > 1
    starts = [1 + sum(sizes[:at]) for at in range(4)]
    assert (first.places, first.words) == (starts, [0, 1, 2, 3])
    numbers = [TAGS.index(tag) for tag in example.tags]
    assert [first.labels[place] for place in starts] == numbers
    assert [label for at, label in enumerate(first.labels) if at not in starts] == [IGNORED] * (len(first.ids) - 4)
    inside = [TAGS.index(tag) for tag in ("O", "I-PER", "I-PER", "O")]
    expected = [[one, *[more] * (size - 1)] for one, more, size in zip(numbers, inside, sizes, strict=True)]
    assert all_of.labels == [IGNORED, *(label for row in expected for label in row), IGNORED]


def test_pieces_are_transformers_for_words(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    TINY["write_bert"](transformers, tmp_path, "BertForTokenClassification", num_labels=5)
    kit = start(tmp_path, "tagging", TAGS)
    theirs = transformers.AutoTokenizer.from_pretrained(tmp_path)

    @given(WORDS)
    def check(words: list[str]) -> None:
        example = TaggedWords(tuple(words), ("B-PER",) * len(words))
        expected = theirs(words, is_split_into_words=True)
        found = Tagging(Reader(kit.tokenizer, kit.reader.layout), TAGS).features([example])
        owners = expected.word_ids()
        assert len(found) == (set(owners) != {None})
        for one in found:
            assert one.ids == expected["input_ids"]
            heads = [at for at, word in enumerate(owners) if word is not None and owners[at - 1] != word]
            assert (one.places, one.words) == (heads, [owners[at] for at in heads])

    check()


def test_byte_level_words_begin_with_a_space_as_transformers_has_them(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    merges = train_bpe(TINY["TEXT"], 300)
    write_tokenizer(tmp_path, merges, ("<s>", "</s>"))
    ours = read_tokenizer(tmp_path)
    layout = parse_layout("<s> A </s>", "<s> A B </s>", ours.added.get)
    file = json.loads((tmp_path / "tokenizer.json").read_text())["model"]
    pairs = [tuple(one) for one in file["merges"]]
    theirs = transformers.RobertaTokenizer(file["vocab"], pairs, add_prefix_space=True)
    words = ("the", "good", "film", "wasn't", "Ada's", "…")
    (one,) = Tagging(Reader(ours, layout), ("O",)).features([TaggedWords(words, ("O",) * 6)])
    assert one.ids[1:-1] == theirs(list(words), is_split_into_words=True, add_special_tokens=False)["input_ids"]
    assert ours.decode(one.ids[1:-1]) == " " + " ".join(words)


@given(WORDS, st.integers(3, 30), st.integers(0, 30))
def test_every_word_is_predicted_once_however_it_is_cut(words: list[str], length: int, stride: int) -> None:
    if stride >= length - 2:
        stride = 0
    task = Tagging(reader(), TAGS, length, stride)
    first = [WORDPIECE.encode(word)[:1] for word in words]
    right = [TAGS[one[0] % len(TAGS)] if one else "O" for one in first]
    features = task.features([TaggedWords(tuple(words), tuple(right))])
    assert all(len(one.ids) <= length for one in features)
    assert sorted(word for one in features for word in one.words) == [at for at, one in enumerate(first) if one]
    counted = [label for one in features for label in one.labels if label != IGNORED]
    assert len(counted) == sum(map(len, first))
    for one in features:
        assert [one.ids[place] for place in one.places] == [first[word][0] for word in one.words]
    assert task.predict(Oracle(len(TAGS)), [TaggedWords(tuple(words), ())], 3) == [right]


@given(st.lists(st.integers(0, 6), max_size=30), st.integers(6, 20), st.integers(0, 5))
def test_windows_overlap_as_told_and_words_have_their_best_window(sizes: list[int], room: int, stride: int) -> None:
    spans = window_spans(sizes, room, stride)
    assert not sizes or (spans[0][0], spans[-1][1]) == (0, len(sizes))
    for begin, end in spans:
        assert sum(sizes[begin:end]) <= room
    for (_, end), (begin, later) in pairwise(spans):
        assert begin <= end < later
        assert sum(sizes[begin:end]) <= stride
    for word, owner in enumerate(owning_windows(sizes, spans)):
        context = {
            number: min(sum(sizes[begin:word]), sum(sizes[word + 1 : end]))
            for number, (begin, end) in enumerate(spans)
            if begin <= word < end
        }
        assert owner == min(context, key=lambda number: (-context[number], number))


def test_a_long_text_is_seen_whole_and_with_what_stands_around() -> None:
    words = tuple(TINY["CORPUS"])
    task = Tagging(reader(), TAGS, 14)
    features = task.features([TaggedWords(words, ()), TaggedWords((), ()), TaggedWords(("the",), ())])
    assert len(features) > 5
    assert [one.example for one in features[-2:]] == [0, 2]
    room = 12
    assert task.features([TaggedWords(words, ())])[1].words != []
    for one in features[1:-2]:
        assert one.places[0] > 1, "a word inside the text has something before it"
        assert len(one.ids) <= room + 2


def test_a_family_that_is_padded_on_the_left_with_nothing_before_a_text() -> None:
    layout = parse_layout("A [SEP] [CLS]:2", "A [SEP] B:1 [SEP]:1 [CLS]:2", WORDPIECE.vocab.get, left=True)
    task = Tagging(Reader(WORDPIECE, layout), TAGS)
    words = [("the", "unaffable", "film"), ("met",), ("Ada", "Lovelace", "met", "Charles", "Babbage")]
    right = [[TAGS[WORDPIECE.encode(word)[0] % len(TAGS)] for word in one] for one in words]
    examples = [TaggedWords(one, tuple(tags)) for one, tags in zip(words, right, strict=True)]
    assert task.predict(Oracle(len(TAGS)), examples) == right
    batch = task.collate(task.features(examples))
    assert torch.equal(batch["token_types"] == 2, batch["ids"] == WORDPIECE.vocab["[CLS]"])
    counted = batch["labels"] != IGNORED
    assert counted.sum(dim=1).tolist() == [3, 1, 5]
    assert torch.equal(batch["labels"][counted], batch["ids"][counted] % len(TAGS))
    bare = replace(task, reader=replace(task.reader, types=False))
    assert "token_types" not in bare.collate(bare.features(examples))


def test_what_is_not_told_has_a_value_that_is_stated() -> None:
    words = (TaggedWords(tuple(TINY["CORPUS"]), ()),)
    assert Tagging(reader(), TAGS, 14).features(words) == Tagging(reader(), TAGS, 14, 12 // 4).features(words)
    assert Tagging(reader(), TAGS, 14).features(words) != Tagging(reader(), TAGS, 14, 12 // 3).features(words)
    kit = assemble(bert.TokenClassifier(bert.BertConfig(**SMALL, labels=len(TAGS))), WORDPIECE, TAGS)
    assert (Tagging.of(kit, 12).length, Tagging.of(kit).length) == (12, None)
    seen = Tagging(reader(), ("DET", "NOUN"))  # without O, the first tag stands for what cannot be looked at
    assert seen.predict(Oracle(2), [TaggedWords(("\x07",), ())]) == [["DET"]]
    (alone,) = Tagging(reader(), ("O", "B-PER"), pieces="all").features([sentence("Lovelaces/B-PER")])
    assert set(alone.labels[1:-1]) == {1}  # there is no I-PER to go on with


# ── a rule is learned ────────────────────────────────────────────────────────


def test_entities_are_learned_saved_and_read_by_transformers(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    model = bert.TokenClassifier(bert.BertConfig(**SMALL, labels=len(TAGS)))
    kit = assemble(model, WORDPIECE, TAGS)
    task = Tagging.of(kit)
    people = ("Ada/B-PER Lovelace/I-PER", "Charles/B-PER Babbage/I-PER", "Ada/B-PER")
    places = ("London/B-LOC", "Paris/B-LOC", "Lisbon/B-LOC")
    texts = [f"{one} sailed to {where} , and nothing came" for one in people for where in places]
    texts += [f"in {where} met a good film {one}" for one in people for where in places]
    examples = [sentence(text) for text in texts]
    train(model, task.features(examples), task.collate, Settings(steps=60, batch=9, lr=1e-2, warmup=5))
    scores = task.score(task.predict(model, examples, 4), examples)
    assert {name: scores[name] for name in ("f1", "precision", "recall", "accuracy", "f1 LOC", "f1 PER")} == {
        "f1": 100.0, "precision": 100.0, "recall": 100.0, "accuracy": 100.0, "f1 LOC": 100.0, "f1 PER": 100.0
    }  # fmt: skip
    kit.save(tmp_path)
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path)
    loaded = transformers.AutoModelForTokenClassification.from_pretrained(tmp_path).eval()
    assert tuple(loaded.config.id2label.values()) == TAGS
    words = list(examples[0].words)
    given_ = tokenizer(words, is_split_into_words=True, return_tensors="pt")
    (feature,) = task.features(examples[:1])
    batch = task.collate([feature])
    batch.pop("labels")
    model.eval()
    with torch.no_grad():
        torch.testing.assert_close(model(**batch).logits, loaded(**given_).logits, rtol=0, atol=1e-5)
    again = start(tmp_path, "tagging")
    assert Tagging.of(again).predict(again.model, examples) == [list(one.tags) for one in examples]


# ── scores ───────────────────────────────────────────────────────────────────


def test_scores_are_of_entities_or_of_tags() -> None:
    seqeval = pytest.importorskip("seqeval.metrics")
    task = Tagging(reader(), TAGS)
    examples = [
        sentence("Ada/B-PER Lovelace/I-PER met Charles/B-PER in London/B-LOC"),
        sentence("nothing"),
        sentence(""),
    ]
    found = [["B-PER", "O", "O", "B-PER", "O", "I-LOC"], ["B-PER"], []]
    scores = task.score(found, examples)
    right = [list(one.tags) for one in examples]
    assert scores["f1"] == pytest.approx(100 * seqeval.f1_score(right, found))
    assert scores["f1 LOC"] == 100
    assert scores["accuracy"] == pytest.approx(100 * 4 / 7)
    strict = Tagging(reader(), TAGS, scheme="IOB2").score(found, examples)
    assert strict["f1 LOC"] == 0
    words = Tagging(reader(), ("DET", "NOUN"))
    assert words.score([["DET", "DET"]], [sentence("the/DET film/NOUN")]) == pytest.approx(
        {"accuracy": 50.0, "macro_f1": 100 / 3}
    )


def test_mistakes_are_named() -> None:
    task = Tagging(reader(40), TAGS)
    with pytest.raises(ValueError, match="example 1: there is no tag 'B-ORG'; O, B-PER"):
        task.features([sentence("the"), sentence("IBM/B-ORG")])
    with pytest.raises(ValueError, match="example 0 has 2 words and 1 tags"):
        task.features([TaggedWords(("a", "b"), ("O",))])
    with pytest.raises(ValueError, match="example 0 has no tags to compare"):
        task.score([["O"]], [TaggedWords(("a",), ())])
    with pytest.raises(ValueError, match="a stride is from 0 to less than the 18 tokens of a window: 18"):
        Tagging(reader(40), TAGS, 20, 18)
    with pytest.raises(ValueError, match="'first' or 'all', not 'last'"):
        Tagging(reader(), TAGS, pieces="last")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="no scheme 'IOB9'"):
        Tagging(reader(), TAGS, scheme="IOB9")
    with pytest.raises(ValueError, match="each only once: got O, O"):
        Tagging(reader(), ("O", "O"))
    with pytest.raises(ValueError, match="this kit has no tags"):
        Tagging.of(assemble(bert.MaskedLM(bert.BertConfig(**SMALL)), WORDPIECE))
