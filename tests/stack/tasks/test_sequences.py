"""Translation and summarization: what is read, written and counted; and tiny models of all kinds that learn to turn
sequences round."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from groundup.stack.data.examples import TextPair
from groundup.stack.models.families import CausalLM
from groundup.stack.models.llama import Llama, LlamaConfig
from groundup.stack.models.output import IGNORED
from groundup.stack.models.pointer import PointerConfig, PointerGenerator
from groundup.stack.models.recurrent import BahdanauConfig, BahdanauModel
from groundup.stack.models.t5 import T5, T5Config
from groundup.stack.models.transformer import Transformer, TransformerConfig
from groundup.stack.tasks.generation import Decoding
from groundup.stack.tasks.sequences import Continuation, Copying, Transduction, sequence_task
from groundup.stack.tasks.task import Task
from groundup.stack.text.words import WordTokenizer
from groundup.stack.training.settings import Settings
from groundup.stack.training.trainer import train

LETTERS = "abcdef"
PAD, END, SEP, UNK = 0, 1, 2, 3
SIZES: dict[str, Any] = {"vocab": 10, "dim": 32, "heads": 4, "hidden": 64}


def a_t5() -> T5:
    return T5(T5Config(**SIZES, layers=1, head_dim=8, dropout=0.0, buckets=8, farthest=16))


def a_transformer() -> Transformer:
    return Transformer(TransformerConfig(**SIZES, layers=2, dropout=0.0))


def a_decoder() -> CausalLM:
    return CausalLM(Llama(LlamaConfig(**SIZES, layers=2, context=32)))


def a_pointer(vocab: int = 10) -> PointerGenerator:
    return PointerGenerator(PointerConfig(vocab, dim=24, hidden=32, align=24))


def letters() -> WordTokenizer:
    return WordTokenizer(list(LETTERS))


def turned(n: int, seed: int) -> list[TextPair]:
    """Two to four letters, and the same from the last to the first."""
    draw, found = torch.Generator().manual_seed(seed), []
    for _ in range(n):
        size = int(torch.randint(2, 5, (1,), generator=draw))
        words = [LETTERS[at] for at in torch.randint(6, (size,), generator=draw).tolist()]
        found.append(TextPair(" ".join(words), (" ".join(words[::-1]),)))
    return found


LEARNED = turned(6000, 0)
HELD_OUT = [one for one in turned(9000, 1) if one.source not in {other.source for other in LEARNED}][:60]


def task_of(model: Any, **more: Any) -> Any:
    if isinstance(model, CausalLM):
        more |= {"end_id": END, "separator": [SEP]}
    return sequence_task(model, letters(), "translation", **{"target_length": 6, **more})


@pytest.mark.parametrize(
    ("build", "steps", "batch", "lr"),
    [
        (a_t5, 220, 128, 1e-2),
        (a_transformer, 280, 32, 5e-3),
        (a_decoder, 240, 32, 5e-3),
        (a_pointer, 60, 32, 1e-2),
    ],
)
def test_it_learns_to_turn_sequences_round(build: Any, steps: int, batch: int, lr: float) -> None:
    assert len(HELD_OUT) == 60
    torch.manual_seed(0)
    model = build()
    task: Task[TextPair, Any, str] = task_of(model)
    before = task.score(task.predict(model, HELD_OUT), HELD_OUT)
    train(
        model,
        task.features(LEARNED),
        task.collate,
        Settings(steps=steps, batch=batch, lr=lr, warmup=20, weight_decay=0.0),
    )
    after = task.score(task.predict(model, HELD_OUT), HELD_OUT)
    assert before["exact"] < 10
    assert after["exact"] >= 95, "of sequences that were not in the training"
    assert after["bleu"] > 95
    assert after["chrf"] > 95
    beams = task_of(model, decoding=Decoding(beams=3)).predict(model, HELD_OUT, batch=7)
    assert task.score(beams, HELD_OUT)["exact"] >= 95
    assert task.predict(model, HELD_OUT[:9], batch=2) == task.predict(model, HELD_OUT)[:9]


def test_words_that_no_vocabulary_has_are_copied() -> None:
    """The letters d, e and f are unknown words; the vocabulary ends at c."""
    torch.manual_seed(0)
    model = a_pointer(7)
    task = sequence_task(model, WordTokenizer(list("abc")), "summarization", target_length=6)
    (one,) = task.features([TextPair("d a e d", ("d e a x",))])
    assert (one.source, one.target) == ([7, 4, 8, 7, END], [7, 8, 4, UNK, END])
    train(model, task.features(LEARNED), task.collate, Settings(steps=80, lr=1e-2, warmup=20))
    strange = [TextPair(one.source.replace("f", "zebra"), (one.targets[0].replace("f", "zebra"),)) for one in HELD_OUT]
    found = task.predict(model, strange)
    scores = task.score(found, strange)
    assert scores["exact"] >= 95
    assert scores["rouge1"] > 95
    assert any("zebra" in text for text in found)


def test_what_an_encoder_decoder_reads_and_writes() -> None:
    task = task_of(a_t5(), prefix="f: ", target_length=4)
    assert isinstance(task, Transduction)
    some = [TextPair("a b", ("b a",)), TextPair("c", ("a b c d e", ""))]
    features = task.features(some)
    prefix = letters().encode("f: ")
    assert [one.source for one in features] == [[*prefix, 4, 5, END], *[[*prefix, 6, END]] * 2]
    assert [one.target for one in features] == [[5, 4, END], [4, 5, 6, 7], [END]], "what is cut does not end"
    batch = task.collate(features[1:])
    assert batch["labels"].tolist() == [[4, 5, 6, 7], [END, IGNORED, IGNORED, IGNORED]]
    batch = task.collate(features[:2])
    assert batch["ids"].tolist() == [[*prefix, 4, 5, END], [*prefix, 6, END, PAD]]
    assert batch["attention_mask"].tolist() == [[1] * 5, [1, 1, 1, 1, 0]]
    assert task_of(a_t5(), source_length=3).read("a b c d") == [4, 5, END]


def test_a_language_of_its_own_for_the_targets() -> None:
    model = BahdanauModel(BahdanauConfig(7, source_vocab=10, dim=6, hidden=8, align=5, readout=4))
    task = sequence_task(
        model, letters(), "translation", target_tokenizer=WordTokenizer(["eins", "zwei", "drei"]), target_length=5
    )
    (feature,) = task.features([TextPair("f e", ("drei eins vier",))])
    assert (feature.source, feature.target) == ([9, 8, END], [6, 4, UNK, END])
    written = " ".join(task.predict(model, HELD_OUT[:5])).split()
    assert set(written) <= {"eins", "zwei", "drei", "<pad>", "<s>", "<unk>"}
    assert torch.isfinite(model(**task.collate([feature])).loss)


def test_of_a_decoder_only_the_target_is_counted() -> None:
    model = a_decoder()
    task = task_of(model)
    assert isinstance(task, Continuation)
    features = task.features([TextPair("a b c", ("c b",)), TextPair("d", ("d e f a",))])
    assert features[0].source == [4, 5, 6, SEP]
    batch = task.collate(features)
    assert batch["ids"].tolist() == [[4, 5, 6, SEP, 6, 5, END], [7, SEP, 7, 8, 9, 4, END]]
    ignored = IGNORED
    assert batch["labels"].tolist() == [[ignored] * 4 + [6, 5, END], [ignored] * 2 + [7, 8, 9, 4, END]]
    output = model(**batch)
    scores = output.logits.log_softmax(-1)
    each = [scores[0, 3, 6], scores[0, 4, 5], scores[0, 5, END]]
    each += [scores[1, at, word] for at, word in enumerate((7, 8, 9, 4, END), start=1)]
    torch.testing.assert_close(output.loss, -torch.stack(each).mean())


def test_the_source_makes_room_for_the_target_in_a_decoders_context() -> None:
    task = task_of(CausalLM(Llama(LlamaConfig(**SIZES, layers=1, context=9))), prefix="f ")
    assert task.read("a b c d") == [9, 4, SEP], "9 tokens, 6 for the target and one between"
    assert replace(task, source_length=2).read("a b c d") == [9, SEP]
    task.tokenizer.begin.append(SEP)
    assert task.read("a b c d") == [SEP, 9, SEP]
    model = CausalLM(Llama(LlamaConfig(**SIZES, layers=1, context=9)))
    assert len(task.predict(model, [TextPair("a " * 40, ("a",))])) == 1
    for settings in ({"context": 7}, {"source_length": 1}):
        with pytest.raises(ValueError, match="nothing is left for the source"):
            replace(task, **settings)


def test_scores_are_the_fields_and_take_several_references() -> None:
    task = task_of(a_t5())
    some = [TextPair("a", ("the cat sat down", "a cat sat down here")), TextPair("b", ("no",))]
    found = task.score(["a cat sat down here", "no"], some)
    assert found == pytest.approx({"bleu": 100, "chrf": 100, "exact": 100})
    summaries = replace(task, name="summarization")
    found = summaries.score(["cats sat down", "yes"], some)
    assert set(found) == {"rouge1", "rouge2", "rougeL", "rougeLsum", "exact"}
    assert found["rouge1"] == pytest.approx(100 * (2 * 3 / (3 + 4)) / 2), "stemmed, against the nearer reference"
    assert found["exact"] == 0
    with pytest.raises(ValueError, match="1 predictions for 2 examples"):
        task.score(["a"], some)


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="'translation' or 'summarization', not 'reversal'"):
        sequence_task(a_t5(), letters(), "reversal")
    with pytest.raises(ValueError, match="give end_id"):
        sequence_task(a_decoder(), letters(), "translation")
    with pytest.raises(ValueError, match="needs a separator"):
        sequence_task(a_decoder(), letters(), "translation", end_id=END, separator="", target_length=6)
    with pytest.raises(ValueError, match=r"of 7 words needs a WordTokenizer of as many: got WordTokenizer of 10"):
        sequence_task(a_pointer(7), letters(), "summarization")
    for more in ({"target_length": 0}, {"source_length": 0}):
        with pytest.raises(ValueError, match="at least 1"):
            task_of(a_t5(), **more)
    assert isinstance(sequence_task(a_pointer(), letters(), "summarization"), Copying)
