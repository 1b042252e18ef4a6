"""The shelf: what runs saved, what was added, and what is refused with a reason."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from groundup.study.home import Home
from groundup.study.runs.control import Runs
from groundup.study.runs.records import Request, UsedPart
from groundup.study.shelf import Shelf, ShelfError, default_name

HERE = Path(__file__).parent
PROGRAM = Path(sys.executable).with_name("groundup")


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"study_{name}", HERE / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


write_model: Callable[..., Path] = load("tiny_model").write_model


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    home = Home(tmp_path / "home")
    home.create()
    return Shelf(home, Runs(home))


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write_model(tmp_path / "Tiny_Llama")


def saved_run(shelf: Shelf, **given: Any) -> Path:
    """A run's folder with a model, as the lab of a run leaves it."""
    part = UsedPart("causal_mask", "self-attention", "x:y", "mine.x", "mine/x.py", "0" * 64, 1)
    data = {"source": "Python's documentation", "licence": "PSF-2.0"}
    request = Request(lab="gpt", scale="tiny", parts=(part,), provenance=data, seed=3, **given)
    record = shelf.runs.create(request, {}, {})
    write_model(record.folder / "model")
    line = {"kind": "saved", "scores": {"held_out_bits_per_byte": 1.5}}
    (record.folder / "events.jsonl").write_text(json.dumps(line) + "\n")
    return record.folder


# ── adding ───────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("family", ["llama", "gpt2"])
@pytest.mark.parametrize("link", [False, True])
def test_a_model_is_added_with_where_it_is_from(shelf: Shelf, tmp_path: Path, family: str, link: bool) -> None:
    source = write_model(tmp_path / "some model", family)
    (source / "evil.py").write_text("print(1)")
    (source / "pytorch_model.bin").write_bytes(b"x")
    model = shelf.add(str(source), link=link)
    assert model.name == "some-model" and model.origin == "added"
    facts = model.document()
    assert facts["family"] == family and facts["licence"] == "mit" and facts["source"] == str(source)
    assert facts["parameters"] > 10_000
    weights = (model.folder / "model.safetensors").read_bytes()
    assert facts["sha256"]["model.safetensors"] == hashlib.sha256(weights).hexdigest()
    assert not (model.folder / "evil.py").exists() and not (model.folder / "pytorch_model.bin").exists()
    linked = os.stat(model.folder / "model.safetensors").st_ino == os.stat(source / "model.safetensors").st_ino
    assert linked == link
    assert [one.name for one in shelf.all()] == ["some-model"]
    shelf.remove("some-model")
    assert shelf.all() == [] and source.is_dir()


def test_links_of_the_hubs_cache_are_followed(shelf: Shelf, source: Path, tmp_path: Path) -> None:
    cache = tmp_path / "snapshot"
    cache.mkdir()
    for file in source.iterdir():
        (cache / file.name).symlink_to(file)
    model = shelf.add(str(cache))
    assert not any(one.is_symlink() for one in model.folder.iterdir())


def test_shards_are_taken_together(shelf: Shelf, source: Path) -> None:
    from safetensors.torch import load_file, save_file

    weights = load_file(source / "model.safetensors")
    names = sorted(weights)
    parts = {"model-1.safetensors": names[:5], "model-2.safetensors": names[5:]}
    for file, some in parts.items():
        save_file({one: weights[one] for one in some}, source / file)
    (source / "model.safetensors").unlink()
    index = {"weight_map": {one: file for file, some in parts.items() for one in some}}
    (source / "model.safetensors.index.json").write_text(json.dumps(index))
    assert {*parts, "model.safetensors.index.json"} <= {
        one.name for one in shelf.add(str(source), "sharded").folder.iterdir()
    }
    index["weight_map"]["x"] = "../../secret.safetensors"
    (source / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(ShelfError, match="which is not there"):
        shelf.add(str(source), "other")


@pytest.mark.parametrize(
    ("place", "name"),
    [
        ("openai-community/gpt2", "gpt2"),
        ("/models/Llama 3.2/", "llama-3.2"),
        ("meta-llama/Llama-3.2-1B", "llama-3.2-1b"),
        ("EleutherAI/pythia-160", "pythia-160-model"),
        ("/", "model"),
    ],
)
def test_names_are_never_those_of_runs(place: str, name: str) -> None:
    assert default_name(place) == name


# ── what the stack does not run ──────────────────────────────────────────────


def edit(source: Path, file: str, **changes: Any) -> None:
    path = source / file
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.mark.parametrize(
    ("break_it", "said"),
    [
        (lambda one: edit(one, "config.json", model_type="mistral"), "model_type is 'mistral'; the stack runs llama"),
        (lambda one: edit(one, "config.json", attention_bias=True), "attention_bias"),
        (lambda one: edit(one, "config.json", hidden_act="gelu"), "silu"),
        (lambda one: edit(one, "config.json", rope_scaling={"rope_type": "yarn"}), "yarn"),
        (lambda one: edit(one, "config.json", num_hidden_layers=3), "weights do not fit"),
        (lambda one: edit(one, "config.json", hidden_size=None), "does not describe a model"),
        (lambda one: edit(one, "config.json", vocab_size=10), "not fit|ids up to"),
        (lambda one: (one / "config.json").unlink(), "has no config.json"),
        (lambda one: (one / "config.json").write_text("["), "cannot be read"),
        (lambda one: (one / "tokenizer.json").unlink(), "has no tokenizer.json"),
        (lambda one: edit(one, "tokenizer.json", normalizer={"type": "Nmt"}), "normalizer"),
        (lambda one: (one / "model.safetensors").unlink(), "Weights are safetensors"),
        (lambda one: (one / "model.safetensors").write_bytes(b"x" * 100), "cannot be read"),
    ],
)
def test_what_does_not_run_is_refused_and_nothing_is_left(
    shelf: Shelf, source: Path, break_it: Callable[[Path], Any], said: str
) -> None:
    break_it(source)
    with pytest.raises(ShelfError, match=said):
        shelf.add(str(source))
    assert shelf.all() == []
    assert not shelf.folder.exists() or list(shelf.folder.iterdir()) == []


def test_names_that_cannot_be_are_refused(shelf: Shelf, source: Path) -> None:
    for name in ("../x", "gpt-2", "Upper", "", ".new"):
        with pytest.raises(ShelfError, match="cannot be a model's name"):
            shelf.add(str(source), name)
    shelf.add(str(source), "one")
    with pytest.raises(ShelfError, match="already"):
        shelf.add(str(source), "one")
    with pytest.raises(ShelfError, match="there is no folder"):
        shelf.add("/no/such/folder")
    with pytest.raises(ShelfError, match="There are one"):
        shelf.get("two")


# ── what runs saved ──────────────────────────────────────────────────────────


def test_a_runs_model_is_on_the_shelf_with_its_parts_and_data(shelf: Shelf) -> None:
    folder = saved_run(shelf)
    (model,) = shelf.all()
    assert (model.name, model.origin, model.parts) == ("gpt-1", "run", ("causal_mask",))
    facts = shelf.get("gpt-1").document()
    assert facts["scores"] == {"held_out_bits_per_byte": 1.5}
    assert (facts["licence"], facts["scale"], facts["seed"]) == ("PSF-2.0", "tiny", 3)
    assert facts["data"]["source"] == "Python's documentation"
    digest = hashlib.sha256((folder / "model" / "model.safetensors").read_bytes()).hexdigest()
    assert facts["sha256"] == {"model.safetensors": digest}
    shelf.remove("gpt-1")
    assert shelf.all() == [] and (folder / "request.json").is_file(), "the run stays"


def test_a_run_that_left_links_is_not_followed(shelf: Shelf, source: Path) -> None:
    folder = saved_run(shelf)
    weights = folder / "model" / "model.safetensors"
    weights.unlink()
    weights.symlink_to(source / "model.safetensors")
    assert shelf.all() == []
    weights.unlink()
    (folder / "model").rename(folder / "other")
    (folder / "model").symlink_to(source)
    assert shelf.all() == []
    with pytest.raises(ShelfError):
        shelf.get("gpt-1")


# ── the terminal ─────────────────────────────────────────────────────────────


def groundup(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "GROUNDUP_HOME": str(home), "COLUMNS": "120", "NO_COLOR": "1"}
    return subprocess.run(
        [str(PROGRAM), *words], capture_output=True, text=True, env=environment, check=False, timeout=120
    )


def test_the_terminal_adds_lists_and_removes(tmp_path: Path, source: Path) -> None:
    home = tmp_path / "home"
    assert "The shelf is empty" in groundup(home, "shelf").stdout
    added = groundup(home, "shelf", "add", str(source), "--json")
    assert added.returncode == 0, added.stderr
    assert json.loads(added.stdout)["name"] == "tiny_llama"
    (listed,) = json.loads(groundup(home, "shelf", "--json").stdout)
    assert listed["family"] == "llama"
    assert "licence mit" in groundup(home, "shelf").stdout
    edit(source, "config.json", model_type="mamba")
    refused = groundup(home, "shelf", "add", str(source), "--name", "other")
    assert refused.returncode == 2
    assert "model_type is 'mamba'" in refused.stderr and "Traceback" not in refused.stderr
    assert groundup(home, "shelf", "remove", "tiny_llama").returncode == 0
    assert groundup(home, "shelf", "remove", "tiny_llama").returncode == 2
