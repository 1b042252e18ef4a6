"""Where fine-tuning starts: folders of transformers and our own, heads read or new, what is saved, what is refused."""

from __future__ import annotations

import fnmatch
import json
import re
import runpy
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from groundup.stack.models import albert, bert, deberta, electra, structbert, unilm, xlnet
from groundup.stack.models.checkpoints import FETCHED, CheckpointError
from groundup.stack.models.families import FAMILIES
from groundup.stack.models.gpt2 import GPT2, GPT2Config
from groundup.stack.models.t5 import T5, T5Config
from groundup.stack.models.transformer import Transformer, TransformerConfig
from groundup.stack.tasks.classification import Classification, TextExample
from groundup.stack.tasks.reading import Reader, parse_layout
from groundup.stack.tasks.saving import BESIDE, completed
from groundup.stack.tasks.start import HEADS, Kit, MismatchError, assemble, require_match, special_ids, start
from groundup.stack.text.bpe import train_bpe
from groundup.stack.text.files import TokenizerError
from groundup.stack.text.pieces import PieceTokenizer, Rules
from groundup.stack.text.tokenizer_file import write_tokenizer
from groundup.stack.text.unigram import Unigram
from groundup.stack.text.wordpiece import WordPiece
from groundup.stack.text.wordpiece_file import write_wordpiece
from groundup.stack.training.settings import Settings
from groundup.stack.training.trainer import train

TINY = runpy.run_path(str(Path(__file__).with_name("tiny.py")))
WORDPIECE = TINY["WORDPIECE"]
VOCAB = WORDPIECE.vocab_size
MOOD = {0: "bad", 1: "fair", 2: "good"}
SMALL: dict[str, Any] = {"vocab": VOCAB, "dim": 24, "layers": 2, "heads": 4, "hidden": 40}


def logits(model: Any, reader: Any, *texts: str) -> Tensor:
    read = reader.read(*texts)
    given = {"ids": torch.tensor([read.ids])}
    if reader.types:
        given["token_types"] = torch.tensor([read.token_types])
    with torch.no_grad():
        found: Tensor = model(**given).logits
    return found


def their_logits(transformers: Any, folder: Path, kind: str, *texts: str) -> Tensor:
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = getattr(transformers, kind).from_pretrained(folder).eval()
    with torch.no_grad():
        found: Tensor = model(**tokenizer(*texts, return_tensors="pt")).logits
    return found


# ── transformers' folders ────────────────────────────────────────────────────


def test_a_folder_of_transformers_is_started_saved_and_loaded_again(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    names = {"id2label": MOOD, "label2id": {name: at for at, name in MOOD.items()}}
    TINY["write_bert"](transformers, tmp_path, "BertForSequenceClassification", **names)
    kit = start(tmp_path, "classification")
    assert (kit.labels, kit.problem, kit.fresh, kit.place) == (("bad", "fair", "good"), "single", False, str(tmp_path))
    pair = ("the good film", "a Joy in London")
    before = logits(kit.model, kit.reader, *pair)
    torch.testing.assert_close(
        before, their_logits(transformers, tmp_path, "BertForSequenceClassification", *pair), rtol=0, atol=1e-5
    )
    task = Classification.of(kit)
    examples = [
        TextExample("the good film", "good"),
        TextExample("a bore", "bad", "in London"),
        TextExample("", "fair"),
    ]
    train(kit.model, task.features(examples), task.collate, Settings(steps=3, batch=3, lr=1e-2))
    kit.save(tmp_path / "saved")
    after = logits(kit.model, kit.reader, *pair)
    assert (before - after).abs().max() > 1e-3
    saved = their_logits(transformers, tmp_path / "saved", "BertForSequenceClassification", *pair)
    torch.testing.assert_close(after, saved, rtol=0, atol=1e-5)
    config = transformers.AutoConfig.from_pretrained(tmp_path / "saved")
    assert (config.id2label, config.problem_type) == (MOOD, "single_label_classification")
    again = start(tmp_path / "saved", "classification")
    assert (again.labels, again.problem, again.fresh) == (kit.labels, "single", False)
    assert torch.equal(logits(again.model, again.reader, *pair), after)
    for name in ("tokenizer.json", "tokenizer_config.json"):  # nothing of theirs is lost
        theirs, ours = (json.loads((folder / name).read_text()) for folder in (tmp_path, tmp_path / "saved"))
        assert theirs.items() <= ours.items() or theirs.get("model_max_length", 0) > 10**9


def test_a_head_is_read_or_new(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    theirs = TINY["write_bert"](transformers, tmp_path, "BertForSequenceClassification", num_labels=3)
    classes = theirs.classifier.weight

    def head(kit: Kit) -> Tensor:
        found: Tensor = kit.model.classes.weight
        return found

    named = start(tmp_path, "classification", tuple(MOOD.values()))  # the folder has no names of its own
    assert not named.fresh
    assert torch.equal(head(named), classes)
    named.save(tmp_path / "named")
    order = start(tmp_path / "named", "classification", ("good", "bad", "fair"))
    assert (order.labels, order.fresh) == (("bad", "fair", "good"), False)
    assert torch.equal(head(order), classes)
    other = start(tmp_path / "named", "classification", ("cat", "dog", "cow"))
    assert (other.labels, other.fresh) == (("cat", "dog", "cow"), True)
    assert not torch.equal(head(other), classes)
    two = start(tmp_path / "named", "classification", ("no", "yes"), seed=1)
    assert (two.fresh, head(two).shape) == (True, (2, 24))
    again, later = (start(tmp_path / "named", "classification", ("no", "yes"), seed=seed) for seed in (1, 2))
    assert torch.equal(head(again), head(two))
    assert not torch.equal(head(later), head(two))
    tags = start(tmp_path, "tagging", ("O", "B-PER", "I-PER", "B-LOC"))
    assert (tags.fresh, tags.problem, tags.model.config.labels) == (True, None, 4)
    for kit in (other, two):  # what is not of the labels is kept
        assert torch.equal(kit.model.pooler.weight, theirs.bert.pooler.dense.weight)
    for kit in (other, two, tags, start(tmp_path, "answering")):
        assert torch.equal(kit.model.encoder.tokens.weight, theirs.bert.embeddings.word_embeddings.weight)


def changed(folder: Path, **settings: Any) -> Path:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | settings))
    return folder


def test_names_of_labels_in_a_config(tmp_path: Path) -> None:
    """In the order of their numbers, not of their digits; one name twice is no head for two labels."""
    names = tuple("abcdefghijkl")
    kit = assemble(bert.SequenceClassifier(bert.BertConfig(**SMALL, context=30, labels=12)), WORDPIECE, names)
    kit.save(tmp_path)
    changed(tmp_path, id2label={str(at): names[at] for at in (10, 2, 0, 1, 3, 4, 5, 6, 7, 8, 9, 11)})
    assert start(tmp_path, "classification").labels == names
    twice = changed(tmp_path, id2label={str(at): "a" if at < 11 else "b" for at in range(12)})
    two = start(twice, "classification", ("a", "b"))
    assert (two.labels, two.fresh, two.model.config.labels) == (("a", "b"), True, 2)
    for wrong in ({"a": 0}, ["a", "b"]):
        with pytest.raises(CheckpointError, match=r"id2label in config\.json has no name for each number"):
            start(changed(tmp_path, id2label=wrong), "classification")


def test_what_classes_mean_is_the_configs_unless_it_is_said(tmp_path: Path) -> None:
    model = bert.SequenceClassifier(bert.BertConfig(**SMALL, context=30))
    assemble(model, WORDPIECE, ("a", "b"), problem="multiple").save(tmp_path)
    before = torch.random.get_rng_state()
    assert start(tmp_path, "classification").problem == "multiple"
    assert start(tmp_path, "classification", ("c", "d"), problem="single").problem == "single"
    assert torch.equal(before, torch.random.get_rng_state())  # the head's seed is nobody else's


def test_special_tokens_are_those_that_files_name(tmp_path: Path) -> None:
    both = WordPiece({"<pad>": 0, "[PAD]": 1, "[UNK]": 2, "[CLS]": 3, "[SEP]": 4})
    assert special_ids(None, both)["pad"] == 1
    for file, name in (("special_tokens_map.json", "[CLS]"), ("tokenizer_config.json", "[SEP]")):
        (tmp_path / file).write_text(json.dumps({"pad_token": name}))
        assert special_ids(tmp_path, both)["pad"] == both.vocab[name]  # the later file's word counts
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"pad_token": None}))
    assert special_ids(tmp_path, both)["pad"] == both.vocab["[CLS]"]


def test_what_a_tokenizers_files_say_is_kept_and_what_they_leave_open_is_said(tmp_path: Path) -> None:
    model = bert.SequenceClassifier(bert.BertConfig(**SMALL, context=30))
    assemble(model, WORDPIECE).save(tmp_path)
    file = json.dumps(json.loads((tmp_path / "tokenizer.json").read_text()), indent=3)
    (tmp_path / "tokenizer.json").write_text(file)  # in somebody's own form
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"pad_token": None, "model_max_length": 20}))
    start(tmp_path, "classification").save(tmp_path / "saved")
    assert (tmp_path / "saved" / "tokenizer.json").read_text() == file
    settings = json.loads((tmp_path / "saved" / "tokenizer_config.json").read_text())
    assert (settings["pad_token"], settings["model_max_length"]) == ("[PAD]", 20)
    layout = parse_layout("A [SEP]", "A B [SEP]", WORDPIECE.vocab.get, left=True)
    told = json.loads(
        completed({}, Reader(WORDPIECE, layout), {"sep": WORDPIECE.vocab["[SEP]"]})["tokenizer_config.json"]
    )
    assert told == {"padding_side": "left", "sep_token": "[SEP]"}


def test_a_config_that_names_no_head(tmp_path: Path) -> None:
    kit = assemble(bert.SequenceClassifier(bert.BertConfig(**SMALL, context=30)), WORDPIECE, ("bad", "good"))
    kit.save(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    del config["architectures"]
    (tmp_path / "config.json").write_text(json.dumps(config))
    classes = kit.model.classes.weight
    same = start(tmp_path, "classification")
    assert (same.labels, same.fresh) == (("bad", "good"), False)
    assert torch.equal(same.model.classes.weight, classes)
    other = start(tmp_path, "classification", ("cat", "dog"))
    assert other.fresh
    assert not torch.equal(other.model.classes.weight, classes)


# ── our own folders, of every family ─────────────────────────────────────────

KINDS = {
    "bert": (bert, bert.BertConfig(**SMALL, context=30, labels=3)),
    "roberta": (bert, bert.BertConfig(**SMALL, context=30, labels=3, roberta=True, segments=1)),
    "albert": (albert, albert.AlbertConfig(**SMALL, context=30, labels=3, width=8)),
    "electra": (electra, electra.ElectraConfig(**SMALL, context=30, labels=3)),
    "deberta": (deberta, deberta.DebertaConfig(**SMALL, context=30, labels=3)),
    "xlnet": (xlnet, xlnet.XLNetConfig(**SMALL, labels=3, pad_id=0)),
    "unilm": (unilm, unilm.UniLMConfig(**SMALL, context=30, labels=3)),
    "structbert": (structbert, structbert.StructBertConfig(**SMALL, context=30, labels=3)),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_family_starts_and_is_saved(kind: str, tmp_path: Path) -> None:
    module, config = KINDS[kind]
    torch.manual_seed(3)
    model = module.SequenceClassifier(config).eval()
    kit = Kit(model, start_reader(model, tmp_path))
    for head in ("classification", "tagging", "answering"):
        labels = None if head == "answering" else ("one", "two", "three", "four")
        begun = start(tmp_path, head, labels)
        assert begun.fresh
        assert begun.reader.types == (kind not in ("roberta", "deberta"))
        begun.save(tmp_path / head)
        again = start(tmp_path / head, head)
        assert (again.fresh, again.labels) == (False, labels or ())
        texts = ("the good film", "a bore")
        assert torch.equal(logits(again.model, again.reader, *texts), logits(begun.model, begun.reader, *texts))
        assert again.reader.layout == begun.reader.layout
    same = start(tmp_path, "classification")
    assert not same.fresh
    assert torch.equal(logits(same.model, same.reader, "a joy"), logits(model, kit.reader, "a joy"))


def start_reader(model: Any, folder: Path) -> Any:
    model.save_pretrained(folder)
    write_wordpiece(folder, WORDPIECE)
    return start(folder, "classification").reader


def test_every_family_with_a_head_is_tried_here() -> None:
    with_heads = {name for name, heads in FAMILIES.items() if any(HEADS["tagging"] in one for one in heads)}
    assert with_heads <= KINDS.keys() | {"deberta-v2"}  # which is DeBERTa's class


def test_the_tokens_beyond_which_a_model_does_not_read(tmp_path: Path) -> None:
    for kind, longest in (("bert", 30), ("roberta", 29), ("xlnet", None)):
        module, config = KINDS[kind]
        reader = start_reader(module.SequenceClassifier(config), tmp_path / kind)
        assert reader.longest == longest
        assert reader.layout.left == (kind == "xlnet")


# ── models that write ────────────────────────────────────────────────────────


def test_decoders_are_started_saved_and_loaded_by_transformers(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    merges = train_bpe(TINY["TEXT"], 276)
    write_tokenizer(tmp_path, merges, ("<|end|>",))
    GPT2(GPT2Config(vocab=len(merges) + 257, context=40, dim=24, layers=2, heads=4)).save_pretrained(tmp_path)
    kit = start(tmp_path, "generation")
    assert (kit.labels, kit.problem, kit.ids, kit.reader.types) == ((), None, {"eos": len(merges) + 256}, False)
    kit.save(tmp_path / "saved")
    config = json.loads((tmp_path / "saved" / "config.json").read_text())
    assert config["eos_token_id"] == len(merges) + 256
    again = start(tmp_path / "saved", "generation")
    text = "the good film"
    assert torch.equal(logits(again.model, again.reader, text), logits(kit.model, kit.reader, text))
    theirs = their_logits(transformers, tmp_path / "saved", "GPT2LMHeadModel", text)
    torch.testing.assert_close(logits(kit.model, kit.reader, text), theirs, rtol=0, atol=1e-5)


def pieces() -> PieceTokenizer:
    scored = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -2.0), *((one, -3.0) for one in "abdefghijlmoty")]
    space = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True}
    return PieceTokenizer(Unigram(scored, 2), Rules(pre_tokenizer=space, decoder=space))


def test_encoder_decoders_in_memory_are_saved_with_what_stands_around_a_text(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    model = T5(T5Config(vocab=20, dim=16, head_dim=4, hidden=24, layers=2, heads=4)).eval()
    kit = assemble(model, pieces())
    assert kit.reader.read("the film").ids[-1] == 1
    kit.save(tmp_path)
    theirs = transformers.AutoTokenizer.from_pretrained(tmp_path)
    assert theirs("the film", "a joy")["input_ids"] == kit.reader.read("the film", "a joy").ids
    again = start(tmp_path, "generation")
    assert again.reader.layout == kit.reader.layout
    for ours, one in zip(model.parameters(), again.model.parameters(), strict=True):
        assert torch.equal(ours, one)
    loaded = transformers.AutoModelForSeq2SeqLM.from_pretrained(tmp_path)
    assert torch.equal(loaded.shared.weight, model.tokens.weight)


def test_our_own_encoder_decoders_keep_their_tokenizer(tmp_path: Path) -> None:
    kit = assemble(Transformer(TransformerConfig(vocab=20, dim=16, layers=1, heads=2, hidden=24)), pieces())
    kit.save(tmp_path)
    again = start(tmp_path, "generation")
    assert again.model.state_dict().keys() == kit.model.state_dict().keys()
    changed = json.loads((tmp_path / "tokenizer.json").read_text())
    changed["model"]["vocab"][-1][0] = "z"
    (tmp_path / "tokenizer.json").write_text(json.dumps(changed))
    with pytest.raises(MismatchError, match="records the vocabulary"):
        start(tmp_path, "generation")


# ── from nothing ─────────────────────────────────────────────────────────────


def test_a_model_and_a_tokenizer_in_memory(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    config = bert.BertConfig(**SMALL, context=30, labels=2)
    kit = assemble(bert.SequenceClassifier(config).eval(), WORDPIECE, ("bad", "good"))
    assert (kit.labels, kit.problem, kit.fresh, kit.ids["pad"]) == (("bad", "good"), "single", True, 0)
    kit.save(tmp_path)
    texts = ("the good film", "was a bore")
    theirs = their_logits(transformers, tmp_path, "AutoModelForSequenceClassification", *texts)
    torch.testing.assert_close(logits(kit.model, kit.reader, *texts), theirs, rtol=0, atol=1e-5)
    assert transformers.AutoTokenizer.from_pretrained(tmp_path).model_max_length == 30
    again = start(tmp_path, "classification")
    assert torch.equal(logits(kit.model, kit.reader, *texts), logits(again.model, again.reader, *texts))
    with pytest.raises(ValueError, match="3 labels for a head of 2"):
        assemble(kit.model, WORDPIECE, ("a", "b", "c"))
    with pytest.raises(ValueError, match="a regression has one label"):
        assemble(kit.model, WORDPIECE, ("a", "b"), problem="regression")


def test_saving_over_another_model_leaves_nothing_of_it(tmp_path: Path) -> None:
    model = bert.TokenClassifier(bert.BertConfig(**SMALL, context=30))
    (tmp_path / "merges.txt").write_text("of another tokenizer")
    kit = assemble(model, WORDPIECE, ("O", "B-PER"))
    kit.save(tmp_path)
    assert sorted(one.name for one in tmp_path.iterdir()) == [
        "config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "vocab.txt",
    ]  # fmt: skip


# ── what is refused ──────────────────────────────────────────────────────────


def test_a_tokenizer_of_another_model_is_refused_by_both_names(tmp_path: Path) -> None:
    model, words = tmp_path / "model", tmp_path / "words"
    bert.SequenceClassifier(bert.BertConfig(**SMALL, context=30)).save_pretrained(model)
    write_wordpiece(words, WORDPIECE)
    assert start(model, "classification", tokenizer=words).tokenizer.vocab_size == VOCAB

    def refused(message: str) -> None:
        with pytest.raises(MismatchError, match=message) as caught:
            start(model, "classification", tokenizer=words)
        assert str(model) in str(caught.value)
        assert str(words) in str(caught.value)

    bert.SequenceClassifier(bert.BertConfig(**{**SMALL, "vocab": VOCAB - 1}, context=30)).save_pretrained(model)
    refused(f"has {VOCAB} ids, and the model's embedding {VOCAB - 1} rows")
    bert.SequenceClassifier(bert.BertConfig(**SMALL, context=30, pad_id=7)).save_pretrained(model)
    refused("its pad token has id 0, and the model's config.json says 7")
    config = bert.BertConfig(**SMALL, context=30)
    kit = assemble(bert.SequenceClassifier(config), WORDPIECE)
    kit.save(model)
    assert start(model, "classification", tokenizer=words).labels == ("LABEL_0", "LABEL_1")
    lines = (model / "vocab.txt").read_text().split("\n")
    lines[-2], lines[-3] = lines[-3], lines[-2]  # the same pieces, two of them with each other's ids
    (words / "tokenizer.json").unlink()
    (words / "vocab.txt").write_text("\n".join(lines))
    refused("records the vocabulary [0-9a-f]{12}…, and this one is")


def test_another_vocabulary_than_the_one_beside_the_model_is_refused(tmp_path: Path) -> None:
    """Also where sizes and special tokens are the same, and no hash was recorded."""
    model, words = tmp_path / "model", tmp_path / "words"
    bert.SequenceClassifier(bert.BertConfig(**SMALL, context=30)).save_pretrained(model)
    write_wordpiece(model, WORDPIECE)
    write_wordpiece(words, WORDPIECE)
    assert start(model, "classification", tokenizer=words).tokenizer.vocab_size == VOCAB
    first, *others = WORDPIECE.vocab
    *kept, one, two = others
    write_wordpiece(words, WordPiece({piece: at for at, piece in enumerate((first, *kept, two, one))}))
    with pytest.raises(MismatchError, match=f"(?s){words}.*{model}.*with another vocabulary"):
        start(model, "classification", tokenizer=words)


@pytest.mark.parametrize(
    ("told", "fits"), [([5, 3], True), ([5, 6], False), (None, True), (-1, True), (3, True), (0, False)]
)
def test_a_config_may_name_several_ends_or_none(told: Any, fits: bool) -> None:
    settings = {"vocab_size": VOCAB, "eos_token_id": told}
    names = {"model_name": "the model", "tokenizer_name": "the words"}
    if fits:
        require_match(settings, WORDPIECE, {"eos": 3, "sep": 3}, **names)
    else:
        with pytest.raises(
            MismatchError, match=rf"of the words is not that of the model the model: its eos .* {re.escape(str(told))}"
        ):
            require_match(settings, WORDPIECE, {"eos": 3, "sep": 3}, **names)


def test_what_cannot_be_started_is_refused(tmp_path: Path) -> None:
    bert.BertModel(bert.BertConfig(**SMALL, context=30)).save_pretrained(tmp_path)
    with pytest.raises(TokenizerError, match=rf"the model {tmp_path} needs a tokenizer: .* has no tokenizer.json"):
        start(tmp_path, "classification")
    write_wordpiece(tmp_path, WORDPIECE)
    with pytest.raises(CheckpointError, match="there is no head 'parsing': classification, tagging, answering"):
        start(tmp_path, "parsing")
    with pytest.raises(CheckpointError, match="writes no text"):
        start(tmp_path, "generation")
    with pytest.raises(ValueError, match="each only once: got a, a"):
        start(tmp_path, "classification", ("a", "a"))
    with pytest.raises(ValueError, match="no problem 'several'"):
        start(tmp_path, "classification", ("a", "b"), problem="several")
    with pytest.raises(ValueError, match="problem 'multiple' is for classification"):
        start(tmp_path, "tagging", ("a", "b"), problem="multiple")
    with pytest.raises(CheckpointError, match="there is no folder"):
        start(tmp_path / "nowhere", "classification")
    GPT2(GPT2Config(vocab=300, context=40, dim=24, layers=1, heads=4)).save_pretrained(tmp_path)
    with pytest.raises(CheckpointError, match="gpt2 has no head for tagging; bert, roberta"):
        start(tmp_path, "tagging", ("O",))


def test_a_repository_is_fetched_with_its_tokenizer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hub = pytest.importorskip("huggingface_hub")
    assemble(bert.MaskedLM(bert.BertConfig(**SMALL, context=30)), WORDPIECE).save(tmp_path)
    asked = []

    def snapshot_download(place: str, allow_patterns: list[str]) -> str:
        asked.append((place, allow_patterns))
        return str(tmp_path)

    monkeypatch.setattr(hub, "snapshot_download", snapshot_download)
    kit = start("someone/tiny-bert", "words")
    assert (kit.place, kit.fresh) == ("someone/tiny-bert", False)
    assert {place for place, _ in asked} == {"someone/tiny-bert"}
    for name in (*BESIDE, "config.json", "model-00001-of-00002.safetensors"):
        assert any(fnmatch.fnmatch(name, one) for one in FETCHED), name
