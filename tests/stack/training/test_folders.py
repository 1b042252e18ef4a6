"""A folder of states is one run's alone, keeps what is not its own, refuses other models; runs with odd gradients."""

from __future__ import annotations

import errno
import os
import random
import runpy
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from groundup.stack.models.output import IGNORED, Output
from groundup.stack.training import Settings, train
from groundup.stack.training.folders import FolderError
from groundup.stack.training.settings import SettingsError
from groundup.stack.training.states import list_states, read_state, write_state
from groundup.stack.training.trainer import ResumeError

TINY = runpy.run_path(str(Path(__file__).with_name("tiny_models.py")))
Stopped, stop_at = TINY["Stopped"], TINY["stop_at"]
SETTINGS = Settings(steps=6, batch=4, lr=0.05, schedule="constant", save_every=2, seed=3)
FEATURES = [[3, 1, 4, 1, 5], [2, 6], [5, 3, 5], [8, 9, 7, 9], [3, 2, 3]]


@dataclass(frozen=True)
class Config:
    power: int = 2


class Branches(nn.Module):
    """Each text is read by one of two layers, of which the other has no gradient then; where no label counts, the
    loss is a mean over nothing."""

    def __init__(self, power: int = 2) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.config = Config(power)
        self.tokens, self.one, self.other = nn.Embedding(10, 6), nn.Linear(6, 10), nn.Linear(6, 10)

    def forward(self, ids: Tensor, labels: Tensor) -> Output:
        layer = self.one if int(ids.sum()) % 2 else self.other
        logits = layer(self.tokens(ids) ** self.config.power)
        return Output(logits, logits, functional.cross_entropy(logits.transpose(1, 2), labels))


def collate(features: list[list[int]]) -> dict[str, Tensor]:
    ids = torch.zeros(len(features), 5, dtype=torch.int64)
    for row, one in zip(ids, features, strict=True):
        row[: len(one)] = torch.tensor(one)
    return {"ids": ids, "labels": ids.masked_fill(ids == 0, IGNORED)}


def started(folder: Path, model: nn.Module | None = None, settings: Settings = SETTINGS) -> Path:
    """A folder with the state of a run that was ended in update 5."""
    with pytest.raises(Stopped):
        train(model or Branches(), FEATURES, collate, settings, folder=folder, watch=stop_at(5))
    return folder


def names(folder: Path) -> list[str]:
    return sorted(one.name for one in folder.iterdir())


# ── whose folder it is ───────────────────────────────────────────────────────


def test_a_second_run_in_the_same_folder_is_refused_while_the_first_goes_on(tmp_path: Path) -> None:
    refused: list[str] = []

    def watch(step: Any) -> None:
        with pytest.raises(FolderError, match=r"another run keeps its states in .*wait for its end") as told:
            train(Branches(), FEATURES, collate, SETTINGS, folder=tmp_path)
        refused.append(str(told.value))

    run = train(Branches(), FEATURES, collate, SETTINGS, folder=tmp_path, watch=watch)
    assert len(refused) == 6 and names(tmp_path) == ["state-00000004", "state-00000006"]
    assert train(Branches(), FEATURES, collate, SETTINGS, folder=tmp_path).losses == run.losses
    started(tmp_path / "ended")
    assert train(Branches(), FEATURES, collate, SETTINGS, folder=tmp_path / "ended").resumed == 4, "it was let go"


def test_what_cannot_be_a_folder_is_refused_before_the_first_update(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    for place in ("file", "link", "file/below"):
        with pytest.raises(FolderError, match=f"{place} cannot be a folder of states: .*; name another folder"):
            train(Branches(), FEATURES, collate, SETTINGS, folder=tmp_path / place, watch=stop_at(1))
    assert (tmp_path / "file").read_text() == "mine"


def test_a_folder_that_takes_no_file_is_refused_at_once_but_a_run_that_is_done_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = train(Branches(), FEATURES, collate, SETTINGS, folder=tmp_path)

    def refuse(**_: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    with pytest.raises(FolderError, match=r"no state can be written to .*Read-only.*make it writable"):
        train(Branches(), FEATURES, collate, SETTINGS, folder=tmp_path / "new", watch=stop_at(1))
    assert train(Branches(), FEATURES, collate, SETTINGS, folder=tmp_path).losses == run.losses


def test_what_is_not_the_runs_own_stays(tmp_path: Path) -> None:
    for name in ("writing-letters", "old-photos", "old-state-of-the-art"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "dear.txt").write_text("you")
    (tmp_path / "state-00000099").write_text("a file, no state")
    (tmp_path / "writing-state-00000002").mkdir()
    (tmp_path / "old-state-00000001").symlink_to(tmp_path / "old-photos")
    started(tmp_path)
    assert names(tmp_path) == [
        "old-photos", "old-state-of-the-art", "state-00000002", "state-00000004", "state-00000099", "writing-letters",
    ]  # fmt: skip
    assert all((tmp_path / name / "dear.txt").exists() for name in ("writing-letters", "old-photos"))
    assert [one.name for one in list_states(tmp_path)] == ["state-00000004", "state-00000002"]


def test_folders_and_states_may_be_links(tmp_path: Path) -> None:
    (tmp_path / "true").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "true")
    started(tmp_path / "link")
    newest = tmp_path / "true" / "state-00000004"
    newest.rename(tmp_path / "elsewhere")
    newest.symlink_to(tmp_path / "elsewhere")
    longer = replace(SETTINGS, steps=10)
    assert train(Branches(), FEATURES, collate, longer, folder=tmp_path / "link").resumed == 4
    assert names(tmp_path / "true") == ["state-00000008", "state-00000010"]
    assert read_state(Path(os.path.realpath(tmp_path)) / "true" / "state-00000010").step == 10
    assert names(tmp_path / "elsewhere") == ["record.json", "sums.json", "tensors.safetensors"]


def test_an_interrupt_at_any_sync_leaves_whole_states(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And these are the syncs: each file and their folder before it gets its name, the folder around it afterwards."""
    calls: list[str] = []
    at, true_sync, true_rename = [0], os.fsync, Path.rename

    def sync(handle: int) -> None:
        calls.append("sync " + os.path.relpath(os.readlink(f"/proc/self/fd/{handle}"), tmp_path))
        if [sum(one.startswith("sync") for one in calls)] == at:
            raise KeyboardInterrupt
        true_sync(handle)

    def rename(path: Path, target: Path) -> Path:
        calls.append(f"rename {path.name} {target.name}")
        return true_rename(path, target)

    monkeypatch.setattr(os, "fsync", sync)
    monkeypatch.setattr(Path, "rename", rename)
    write_state(tmp_path, 1, {"a": torch.ones(3)}, {})
    new = "writing-state-00000001"
    assert calls == [
        *(f"sync {new}/{name}" for name in ("tensors.safetensors", "record.json", "sums.json")),
        f"sync {new}", f"rename {new} state-00000001", "sync .",
    ]  # fmt: skip
    for at[0] in range(1, 6):
        calls.clear()
        with pytest.raises(KeyboardInterrupt):
            write_state(tmp_path, 2, {"a": torch.ones(3)}, {})
        assert names(tmp_path) == ["state-00000001"]
        assert read_state(tmp_path / "state-00000001").step == 1


# ── other models ─────────────────────────────────────────────────────────────


class Plain(Branches):
    """It has no configuration that could tell it apart."""

    def __init__(self, width: int = 6) -> None:
        super().__init__()
        self.config = replace(self.config)
        self.one = nn.Linear(6, 10, bias=width == 6)


def test_models_of_the_same_shapes_that_are_others_are_refused(tmp_path: Path) -> None:
    folder = started(tmp_path / "all")
    tied = Branches()
    tied.other.weight = tied.one.weight
    frozen = Branches()
    frozen.one.bias.requires_grad_(False)
    others: list[tuple[nn.Module, str]] = [
        (Branches(power=3), r"another run: Config\.power was 2 and is 3\."),
        (Branches().double(), r"another model: one.bias was torch\.float32 and is torch\.float64; .*another folder"),
        (Plain(5), r"another model: one\.bias was \(10,\) and is None\."),
        (tied, r"another model: other\.weight was \(10, 6\) and is None\."),
        (frozen, r"another model: one\.bias was trained and is not\."),
    ]
    for model, told in others:
        with pytest.raises(ResumeError, match=told):
            train(model, FEATURES, collate, SETTINGS, folder=folder)
    with pytest.raises(ResumeError, match=r"another model: one\.bias was frozen and is not\."):
        train(Branches(), FEATURES, collate, SETTINGS, folder=started(tmp_path / "frozen", frozen))
    assert train(Branches(), FEATURES, collate, SETTINGS, folder=folder).resumed == 4, "nothing was lost by trying"


# ── odd gradients and callers ────────────────────────────────────────────────


def test_parameters_without_a_gradient_now_and_then_go_on_to_the_last_bit(tmp_path: Path) -> None:
    settings = replace(SETTINGS, steps=12, batch=2, accumulate=2, average=0.6, save_every=1)
    model, whole = Branches(), Branches()
    wanted = train(whole, FEATURES, collate, settings)
    for cut in (2, 5, 7):
        with pytest.raises(Stopped):
            train(Branches(), FEATURES, collate, settings, folder=tmp_path, watch=stop_at(cut))
    found = train(model, FEATURES, collate, settings, folder=tmp_path)
    assert found.losses == wanted.losses and found.norms == wanted.norms and found.resumed == 6
    assert all(torch.equal(one, other) for one, other in zip(model.parameters(), whole.parameters(), strict=True))
    updates = read_state(tmp_path / "state-00000012").record["updates"]
    assert len(set(updates.values())) == 3 and updates["tokens.weight"] == 12, "they were moved at different times"


def test_a_micro_batch_without_labels_adds_nothing_though_its_loss_is_no_number() -> None:
    """Cut so that some parts have no label, against the same batches in one part."""

    def half(features: list[list[int]]) -> dict[str, Tensor]:
        batch = collate(features)
        silent = batch["ids"][:, :1] != 3  # of five texts two have labels
        return {"ids": batch["ids"] * 2 + 1, "labels": batch["labels"].masked_fill(silent, IGNORED)}

    settings = replace(SETTINGS, batch=5, steps=4)
    small = [[one % 5 for one in text] for text in FEATURES]
    runs = [train(Branches(), small, half, replace(settings, accumulate=parts)) for parts in (1, 5)]
    np.testing.assert_allclose(runs[1].losses, runs[0].losses, rtol=1e-5)
    assert runs[0].losses[-1] < runs[0].losses[0]
    silent = train(Branches(), [[2], [4]], half, settings)
    assert silent.losses == silent.norms == [0.0] * 4


def test_half_precision_whose_eps_would_be_zero_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"eps=1e-08 is 0 in torch\.float16.*model\.float\(\).*raise eps to 1e-4"):
        train(Branches().half(), FEATURES, collate, SETTINGS)
    for model, eps in ((Branches().half(), 1e-4), (Branches().bfloat16(), 1e-8)):
        run = train(model, FEATURES, collate, replace(SETTINGS, eps=eps, average=0.5, steps=20))
        assert run.losses[-1] < 0.8 * run.losses[0]


@pytest.mark.parametrize("who", ["watch", "evaluate"])
def test_a_caller_that_raises_leaves_the_model_and_random_numbers_in_order(who: str, tmp_path: Path) -> None:
    settings = replace(SETTINGS, average=0.5, evaluate_every=5, save_every=1)
    model, expected = Branches().eval(), Branches()

    def evaluate(_: nn.Module) -> dict[str, float]:
        raise Stopped

    before = (random.getstate(), torch.get_rng_state())
    more: dict[str, Any] = {"watch": stop_at(5)} if who == "watch" else {"evaluate": evaluate}
    with pytest.raises(Stopped):
        train(model, FEATURES, collate, settings, folder=tmp_path, **more)
    assert random.getstate() == before[0] and torch.equal(torch.get_rng_state(), before[1])
    assert not model.training and all(one.grad is None for one in model.parameters())
    train(expected, FEATURES, collate, replace(settings, steps=5, average=None))
    for one, other in zip(model.parameters(), expected.parameters(), strict=True):
        assert torch.equal(one, other), "its own weights, not the average"


def test_scores_have_the_same_names_after_going_on_and_a_done_run_is_evaluated(tmp_path: Path) -> None:
    scores: Callable[[nn.Module], Any] = lambda model: {1: 2, "nan": float("nan")}  # noqa: E731
    first = train(Branches(), FEATURES, collate, SETTINGS, folder=tmp_path)
    assert first.scores == {}
    for _ in range(2):
        run = train(Branches(), FEATURES, collate, SETTINGS, folder=tmp_path, evaluate=scores)
        assert list(run.scores[6]) == ["1", "nan"] and run.scores[6]["1"] == 2.0
    assert run.seconds >= first.seconds > 0, "those of before count"
    longer = train(Branches(), FEATURES, collate, replace(SETTINGS, steps=7), folder=tmp_path)
    assert longer.seconds > first.seconds


def test_what_evaluation_draws_is_the_same_at_once_and_later(tmp_path: Path) -> None:
    drawn: Callable[[nn.Module], Any] = lambda model: {"drawn": float(torch.rand(())) + random.random()}  # noqa: E731
    at_once = train(Branches(), FEATURES, collate, SETTINGS, evaluate=drawn)
    train(Branches(), FEATURES, collate, SETTINGS, folder=tmp_path)
    later = train(Branches(), FEATURES, collate, SETTINGS, folder=tmp_path, evaluate=drawn)
    assert later.scores == at_once.scores
