"""DeBERTa's folders as they are found: written by transformers, or with SentencePiece's file alone."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
import torch

from groundup.stack.tasks.start import Kit, start
from groundup.stack.text.pieces import PieceTokenizer
from groundup.stack.text.tokenizer_file import read_tokenizer

LINES = [
    "The cat sat on the mat because it was tired.",
    "A café in Zürich, naïve and unaffable: 30 tables, 12 chairs!",
    "Did the cat see the café? It did, it did.",
    "Ẹ́kọ́ ni ìmọ̀; the good film was a bore, the bad one a joy.",
]
TEXTS = [
    "The cat sat on the mat.",
    "A cafe\u0301  in Zu\u0308rich,\nnai\u0308ve",
    "  unknown: 漢字 🦙 \u1100\u1161\u11a8  ",
    "E\u0301\u0323kọ\u0301 ﬁ ½",
    "the [MASK] sat [SEP] x",
    "",
]
PAIRS = [
    (TEXTS[0], TEXTS[1]),
    (TEXTS[3], "the cat"),
    ("it did", TEXTS[2]),
    ("the [MASK]", TEXTS[4]),
]
PLAIN = [*LINES, "the cat, the café", "it was a joy! it was tired."]


@pytest.fixture(scope="module")
def transformers() -> Any:
    return pytest.importorskip("transformers")


def write_model(transformers: Any, folder: Path, vocab: int, version: int) -> Any:
    build = transformers.DebertaV2Config if version == 2 else transformers.DebertaConfig
    config = build(
        vocab_size=vocab,
        hidden_size=24,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=200,
        type_vocab_size=0,
        position_biased_input=False,
        relative_attention=True,
        pos_att_type=["p2c", "c2p"],
        num_labels=2,
    )
    torch.manual_seed(0)
    model = getattr(transformers, f"Deberta{'V2' if version == 2 else ''}ForSequenceClassification")(config).eval()
    model.save_pretrained(folder)
    return model


@pytest.fixture(scope="module")
def folder(transformers: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """DeBERTa 2 with a tokenizer that transformers trained and wrote."""
    path: Path = tmp_path_factory.mktemp("deberta-v2")
    tokenizer = transformers.DebertaV2TokenizerFast().train_new_from_iterator(LINES * 3, 150, show_progress=False)
    tokenizer.save_pretrained(path)
    write_model(transformers, path, len(tokenizer), 2)
    return path


def same_ids(kit: Kit, theirs: Any, text: str, second: str | None = None) -> None:
    expected = theirs(text, second)
    read = kit.reader.read(text, second)
    assert read.ids == expected["input_ids"], (text, second)
    assert read.token_types == expected.get("token_type_ids", [0] * len(read.ids)), (text, second)


def test_a_folder_of_deberta_2_is_read_as_transformers_reads_it(
    transformers: Any, folder: Path, tmp_path: Path
) -> None:
    kit, theirs = start(folder, "classification"), transformers.AutoTokenizer.from_pretrained(folder)
    assert json.loads((folder / "tokenizer.json").read_text())["normalizer"]["normalizers"][1] == {"type": "NFC"}
    kit.save(tmp_path)
    for one in (kit, start(tmp_path, "classification")):
        for text in (*TEXTS, *LINES):
            same_ids(one, theirs, text)
        for pair in PAIRS:
            same_ids(one, theirs, *pair)
    for text in (*TEXTS, *LINES):
        expected = theirs(text, add_special_tokens=False, return_offsets_mapping=True)
        found = kit.tokenizer.encode_with_offsets(text)
        assert found == (expected["input_ids"], expected["offset_mapping"]), text
        assert kit.tokenizer.decode(found[0]) == theirs.decode(found[0], skip_special_tokens=True)
    assert (kit.ids["pad"], kit.ids["mask"]) == (theirs.pad_token_id, theirs.mask_token_id)


def test_its_logits_are_those_of_transformers(transformers: Any, folder: Path) -> None:
    kit, theirs = start(folder, "classification"), transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.DebertaV2ForSequenceClassification.from_pretrained(folder).eval()
    for pair in PAIRS:
        with torch.no_grad():
            ours = kit.model(ids=torch.tensor([kit.reader.read(*pair).ids])).logits
            expected = model(**theirs(*pair, return_tensors="pt")).logits
        torch.testing.assert_close(ours, expected, rtol=0, atol=1e-5)


def test_a_folder_with_sentencepieces_file_alone(transformers: Any, tmp_path: Path) -> None:
    """As DeBERTa 3 is published. Ids are SentencePiece's; [CLS], [SEP] and types around them transformers'.

    transformers reads the pieces and not the map of characters that the file holds, so that plain texts are compared.
    """
    sentencepiece = pytest.importorskip("sentencepiece")
    out = io.BytesIO()
    numbers = {"pad_id": 0, "bos_id": 1, "eos_id": 2, "unk_id": 3}
    names = {"pad_piece": "[PAD]", "bos_piece": "[CLS]", "eos_piece": "[SEP]", "unk_piece": "[UNK]"}
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(LINES * 3), model_writer=out, vocab_size=64, minloglevel=2, **numbers, **names
    )
    (tmp_path / "spm.model").write_bytes(out.getvalue())
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"do_lower_case": False, "vocab_type": "spm"}))
    write_model(transformers, tmp_path, 110, 2)
    kit = start(tmp_path, "classification")
    own = sentencepiece.SentencePieceProcessor(model_proto=out.getvalue())
    for text in (*TEXTS[:4], *LINES):
        assert kit.reader.read(text).ids == [1, *own.encode(text), 2]
    theirs = transformers.AutoTokenizer.from_pretrained(tmp_path)
    for text in PLAIN:
        same_ids(kit, theirs, text)
        same_ids(kit, theirs, text, PLAIN[0])
    assert kit.ids["mask"] == theirs.mask_token_id == 64
    kit.save(tmp_path / "saved")
    assert (tmp_path / "saved" / "spm.model").read_bytes() == out.getvalue()
    assert (
        start(tmp_path / "saved", "classification").reader.read("the [MASK]").ids == kit.reader.read("the [MASK]").ids
    )


def test_deberta_1_is_put_together_as_its_file_says_else_as_its_authors_did(transformers: Any, tmp_path: Path) -> None:
    """transformers 5 writes, whatever it read, that two [SEP] stand between two texts; DeBERTa was trained with one."""
    special = {"[PAD]": 0, "[CLS]": 1, "[SEP]": 2, "[UNK]": 3, "[MASK]": 4}
    from tokenizers import pre_tokenizers

    vocab = special | {char: at for at, char in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()), start=5)}
    theirs = transformers.DebertaTokenizer(vocab=vocab, merges=[])
    theirs.save_pretrained(tmp_path)
    write_model(transformers, tmp_path, len(vocab), 1)
    kit = start(tmp_path, "classification")
    for pair in (("a café", "the"), ("é", "b c"), (" x", "y")):
        same_ids(kit, theirs, *pair)
        same_ids(kit, theirs, pair[0])
    file = json.loads((tmp_path / "tokenizer.json").read_text())
    (tmp_path / "tokenizer.json").write_text(json.dumps(file | {"post_processor": None}))
    again = start(tmp_path, "classification")
    a, b = (read_tokenizer(tmp_path).encode(text) for text in ("a café", "the"))
    assert again.reader.read("a café", "the").ids == [1, *a, 2, *b, 2]


def test_a_mark_is_in_no_place_of_its_own(folder: Path) -> None:
    """é of two characters is put together, and stands where its letter stood."""
    ours = read_tokenizer(folder)
    assert isinstance(ours, PieceTokenizer)
    ids, offsets = ours.encode_with_offsets("cafe\u0301 cat")
    assert ids == ours.encode("café cat")
    assert ours.token(ids[0]) == "▁café"
    assert (offsets[0], offsets[-1][1]) == ((0, 4), 9)
