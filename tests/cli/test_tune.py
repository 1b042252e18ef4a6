"""``groundup tune``: from a folder or the shelf to a model and a card; what cannot be is said in one line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from typer.testing import CliRunner, Result

from groundup.cli.app import app
from groundup.stack.models.bert import BertConfig, MaskedLM
from groundup.stack.models.llama import Llama, LlamaConfig
from groundup.stack.tasks.start import assemble
from groundup.stack.text.bpe import train_bpe
from groundup.stack.text.tokenizer_file import write_tokenizer
from groundup.stack.text.wordpiece import Normalization, WordPiece
from groundup.stack.text.wordpiece_file import read_wordpiece, write_wordpiece


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small encoder, as a pre-training of ours leaves it; a home of one's own."""
    monkeypatch.setenv("GROUNDUP_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("GROUNDUP_DATA", raising=False)
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "encoder"
    folder.mkdir()
    write_wordpiece(folder, WordPiece.train(["good bad film song"] * 5, 60, Normalization()))
    tokenizer = read_wordpiece(folder)
    torch.manual_seed(0)
    config = BertConfig(vocab=tokenizer.vocab_size, dim=16, layers=1, heads=2, hidden=24, context=24)
    assemble(MaskedLM(config), tokenizer).save(folder)
    lines = [{"text": f"{word} {thing}", "label": word} for word in ("good", "bad") for thing in ("film", "song")]
    (tmp_path / "mine.jsonl").write_text("\n".join(json.dumps(one) for one in lines * 10))
    return folder


def tune(*words: str) -> Result:
    return CliRunner().invoke(app, ["tune", *words])


QUICK = ("--steps", "40", "--batch", "8", "--lr", "0.01")


def test_from_a_folder_to_a_model_and_a_card(place: Path, tmp_path: Path) -> None:
    done = tune(str(place), "mine.jsonl", *QUICK)
    assert done.exit_code == 0, done.output
    assert "its head is new" in done.output
    assert "40 updates" in done.output
    assert "accuracy" in done.output
    assert (tmp_path / "tuned-mine" / "card" / "card.html").is_file()

    again = tune(str(tmp_path / "tuned-mine" / "model"), "mine.jsonl", *QUICK, "--out", "more", "--json")
    assert again.exit_code == 0, again.output
    card: dict[str, Any] = json.loads(again.stdout)
    assert card["settings"]["steps"] == 40
    assert "its head among them" in card["model"]["start"]
    assert next(one for one in card["scores"] if one["name"] == "accuracy")["value"] == 100.0


def test_a_run_of_ours_is_named_as_the_shelf_names_it(place: Path, tmp_path: Path) -> None:
    folder = tmp_path / "home" / ".groundup" / "models" / "mine-to-tune"
    folder.mkdir(parents=True)
    write_tokenizer(folder, train_bpe("good bad film song" * 9, 270), ("</s>",))
    torch.manual_seed(0)
    config = LlamaConfig(vocab=300, dim=16, layers=1, heads=2, kv_heads=1, head_dim=8, hidden=24, context=64)
    Llama(config).save_pretrained(folder)
    (folder / "special_tokens_map.json").write_text(json.dumps({"eos_token": "</s>"}))
    (folder / "provenance.json").write_text("{}")
    lines = [{"source": f"good {one}", "target": one} for one in ("film", "song")]
    (tmp_path / "pairs.jsonl").write_text("\n".join(json.dumps(one) for one in lines * 12))
    done = tune("mine-to-tune", "pairs.jsonl", "--steps", "4", "--batch", "4", "--length", "12", "--out", "out")
    assert done.exit_code == 0, done.output
    assert "bleu" in done.output
    assert (tmp_path / "out" / "model" / "model.safetensors").is_file()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("nothing-there", "mine.jsonl"), "no model 'nothing-there' on the shelf"),
        (("encoder", "no-such-task"), "no task 'no-such-task'"),
        (("encoder", "sst2"), "groundup data get sst"),
        (("encoder", "absent.jsonl"), "absent.jsonl"),
        (("encoder", "mine.jsonl", "--steps", "0"), "steps is a whole number"),
        (("encoder", "mine.jsonl", "--precision", "float8"), "precision is"),
        (("encoder", "mine.jsonl", "--length", "500"), "500"),
        (("encoder", "mine.jsonl", "--examples", "0"), "held out"),
        (("encoder", "mine.jsonl", "--examples", "-1"), "--examples is 1 or more"),
        (("encoder", "mine.jsonl", "--tokenizer", "nothing-there"), "no model 'nothing-there' on the shelf"),
        (("encoder", "mine.jsonl", "--out", "mine.jsonl"), "mine.jsonl is a file"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(place: Path, tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    done = tune(*words)
    assert done.exit_code == 2, done.output
    assert said in done.output
    assert "Traceback" not in done.output
    assert not list(tmp_path.glob("tuned-*"))


def test_a_device_that_is_not_there_is_said_before_anything_is_written(place: Path, tmp_path: Path) -> None:
    for name, said in (("cuda:77", "no device cuda:77: here there are cpu"), ("gpu", "gpu is no device")):
        done = tune(str(place), "mine.jsonl", *QUICK, "--device", name)
        assert done.exit_code == 2
        assert said in done.output
        assert not (tmp_path / "tuned-mine").exists()
    done = tune(str(place), "mine.jsonl", *QUICK, "--device", "cpu")
    assert done.exit_code == 0, done.output
