"""Runs against plain loops of PyTorch's own parts; any cut of a batch; going on after any update, to the last bit."""

from __future__ import annotations

import copy
import random
import runpy
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from groundup.stack.models import bert, electra
from groundup.stack.models.output import IGNORED, Output
from groundup.stack.training import Settings, train
from groundup.stack.training.counts import counted_labels, counted_tokens
from groundup.stack.training.order import Order
from groundup.stack.training.settings import SettingsError
from groundup.stack.training.states import read_state
from groundup.stack.training.trainer import ResumeError

TINY = runpy.run_path(str(Path(__file__).with_name("tiny_models.py")))
Stopped, stop_at = TINY["Stopped"], TINY["stop_at"]
VOCAB = 31


def tagger(dropout: float = 0.0, dtype: torch.dtype = torch.float32) -> bert.TokenClassifier:
    """A new one of the same first weights each time."""
    torch.manual_seed(5)
    config = bert.BertConfig(vocab=VOCAB, dim=16, layers=2, heads=2, hidden=20, context=12, labels=4, dropout=dropout,
                             attention_dropout=dropout)  # fmt: skip
    model = bert.TokenClassifier(config).to(dtype)
    with torch.no_grad():
        for one in model.parameters():
            one.add_(torch.randn_like(one) * 0.1)
    return model


def texts(number: int = 13) -> list[tuple[list[int], list[int]]]:
    """Texts of 2 to 10 tokens, of which between one and all have a label."""
    draw = random.Random(3)
    found = []
    for place in range(number):
        ids = [draw.randrange(5, VOCAB) for _ in range(2 + 3 * place % 9)]
        labels = [draw.randrange(4) if draw.random() < (0.1, 0.9)[place % 2] else IGNORED for _ in ids]
        found.append((ids, [draw.randrange(4), *labels[1:]]))
    return found


def collate(features: list[tuple[list[int], list[int]]]) -> dict[str, Tensor]:
    longest = max(len(ids) for ids, _ in features)
    ids = torch.tensor([ids + [0] * (longest - len(ids)) for ids, _ in features])
    labels = torch.tensor([tags + [IGNORED] * (longest - len(tags)) for _, tags in features])
    return {"ids": ids, "attention_mask": (ids != 0).long(), "labels": labels}


SETTINGS = Settings(steps=11, batch=5, lr=0.02, warmup=3, weight_decay=0.3, clip=1.2, seed=4)


def plain_loop(model: Any, settings: Settings, rate: Callable[[int], float]) -> tuple[list[float], list[float], Any]:
    """The same run by ``torch.optim`` and ``torch.nn.utils``: losses, norms and the average, or None."""
    features = texts()
    matrices = [one for one in model.parameters() if one.dim() > 1]
    others = [one for one in model.parameters() if one.dim() < 2]
    groups = [{"params": matrices, "weight_decay": settings.weight_decay}, {"params": others, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=settings.lr, betas=settings.betas, eps=settings.eps)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, rate)
    average = None
    if settings.average:
        average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(settings.average))
    order = Order(len(features), settings.batch, settings.seed)
    losses, norms = [], []
    for step in range(settings.steps):
        batch = collate([features[index] for index in order.indices(step)])
        logits = model.train()(batch["ids"], batch["attention_mask"]).logits
        loss = functional.cross_entropy(logits.transpose(1, 2), batch["labels"])
        optimizer.zero_grad()
        loss.backward()
        grads = [one.grad for one in model.parameters()]
        norms.append(float(torch.nn.utils.get_total_norm(grads)))
        if settings.clip is not None and norms[-1] > settings.clip:
            for one in grads:  # torch's own clipping divides by the norm + 1e-6
                one.mul_(settings.clip / norms[-1])
        optimizer.step()
        schedule.step()
        if average is not None:
            average.update_parameters(model)
        losses.append(float(loss.detach()))
    return losses, norms, average


RATES: dict[str, Callable[[int], float]] = {
    "linear": lambda step: (step + 1) / 3 if step < 3 else (11 - step) / 8,
    "constant": lambda step: min(1.0, (step + 1) / 3),
}


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-10), (torch.float32, 1e-6)])
@pytest.mark.parametrize("schedule", RATES)
def test_a_run_is_the_one_of_torch_optim(schedule: str, dtype: torch.dtype, tolerance: float) -> None:
    settings = replace(SETTINGS, schedule=schedule, average=0.8)
    ours, theirs = tagger(dtype=dtype), tagger(dtype=dtype)
    run = train(ours, texts(), collate, settings)
    losses, norms, average = plain_loop(theirs, settings, RATES[schedule])
    assert losses[-1] < losses[0] - 0.1, "it learns something"
    assert max(norms) > 1.2 > min(norms), "some are clipped, some are not"
    np.testing.assert_allclose(run.losses, losses, rtol=0, atol=tolerance)
    np.testing.assert_allclose(run.norms, norms, rtol=0, atol=10 * tolerance)
    np.testing.assert_allclose(run.rates, [0.02 * RATES[schedule](step) for step in range(11)], rtol=1e-12)
    for (name, one), other in zip(ours.named_parameters(), average.module.parameters(), strict=True):
        if not name.endswith(".k.bias"):  # softmax takes it out: its gradient is rounding, which AdamW makes large
            torch.testing.assert_close(one, other, rtol=0, atol=30 * tolerance)


def test_a_run_without_average_or_clipping_leaves_the_last_parameters() -> None:
    settings = replace(SETTINGS, schedule="constant", clip=None)
    ours, theirs = tagger(dtype=torch.float64), tagger(dtype=torch.float64)
    run = train(ours, texts(), collate, settings)
    losses, norms, _ = plain_loop(theirs, settings, RATES["constant"])
    np.testing.assert_allclose(run.losses, losses, rtol=0, atol=1e-10)
    np.testing.assert_allclose(run.norms, norms, rtol=0, atol=1e-10)
    for one, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-9)


# ── cuts ─────────────────────────────────────────────────────────────────────


def test_any_cut_of_a_batch_is_the_same_update() -> None:
    models = [tagger(dtype=torch.float64) for _ in range(4)]
    runs = [
        train(model, texts(), collate, replace(SETTINGS, batch=7, accumulate=accumulate))
        for model, accumulate in zip(models, (1, 2, 3, 7), strict=True)
    ]
    for model, run in zip(models[1:], runs[1:], strict=True):
        np.testing.assert_allclose(run.losses, runs[0].losses, rtol=0, atol=1e-12)
        np.testing.assert_allclose(run.norms, runs[0].norms, rtol=0, atol=1e-12)
        assert run.tokens == runs[0].tokens
        for one, other in zip(model.parameters(), models[0].parameters(), strict=True):
            torch.testing.assert_close(one, other, rtol=0, atol=1e-10)
    # What is so avoided: the mean of the micro-batches' means is another number.
    equal = train(
        tagger(dtype=torch.float64), texts(), collate, replace(SETTINGS, batch=7, accumulate=2), count=lambda *_: 1
    )
    assert abs(equal.losses[0] - runs[0].losses[0]) > 1e-3


def test_a_batch_without_any_label_changes_nothing_but_is_no_failure() -> None:
    features = [(ids, [IGNORED] * len(ids)) for ids, _ in texts()]
    model = tagger()
    before = copy.deepcopy(model.state_dict())
    run = train(model, features, collate, replace(SETTINGS, weight_decay=0.0, accumulate=2))
    assert run.losses == [0.0] * 11
    assert all(torch.equal(one, before[name]) for name, one in model.state_dict().items())


@pytest.mark.parametrize("name", TINY["NAMES"])
def test_counted_labels_are_what_the_loss_is_a_mean_of(name: str) -> None:
    """The whole batch's loss is made of those of its two parts by their counts, which no other numbers do."""
    model, batch = TINY["build"](name, dropout=0.0).double(), TINY["batch_of"](name, rows=5)
    parts = [{key: one[:2] for key, one in batch.items()}, {key: one[2:] for key, one in batch.items()}]
    counts = [counted_labels(model, part) for part in parts]
    assert counted_labels(model, batch) == sum(counts)
    with torch.no_grad():
        whole, *losses = (float(model(**part).loss) for part in (batch, *parts))
    assert losses[0] != pytest.approx(losses[1], rel=1e-6)
    assert whole == pytest.approx(np.average(losses, weights=counts), rel=1e-12)


def test_counted_labels_of_places_beyond_the_text_and_of_padding() -> None:
    spans = TINY["build"]("bert-span")
    batch = TINY["batch_of"]("bert-span", rows=3, length=14)
    batch["labels"][1] = 14
    assert counted_labels(spans, batch) == 4
    detector = electra.ReplacedTokenDetector(electra.ElectraConfig(vocab=97, dim=16, layers=1, heads=2, hidden=20))
    words = TINY["batch_of"]("bert", rows=3)
    words["labels"] = torch.zeros_like(words["ids"])
    assert counted_labels(detector, words) == int(words["attention_mask"].sum()) < words["ids"].numel()
    with pytest.raises(ValueError, match="no labels, only ids"):
        counted_labels(spans, {"ids": batch["ids"]})


def test_counted_tokens_are_those_read() -> None:
    batch = collate(texts()[:4])
    length = sum(len(ids) for ids, _ in texts()[:4])
    assert counted_tokens(batch) == length < batch["ids"].numel()
    assert counted_tokens({"ids": batch["ids"]}) == batch["ids"].numel()
    targets = torch.tensor([[5, 6, IGNORED], [7, IGNORED, IGNORED]])
    assert counted_tokens({**batch, "decoder_input_ids": targets, "labels": targets}) == length + 3
    run = train(tagger(), texts(), collate, replace(SETTINGS, steps=13, batch=2, warmup=0))
    assert run.tokens == 2 * sum(len(ids) for ids, _ in texts())
    assert run.examples == 26


# ── going on ─────────────────────────────────────────────────────────────────


def noisy_collate(features: list[tuple[list[int], list[int]]]) -> dict[str, Tensor]:
    """Masks words by all three sources of random numbers."""
    batch = collate(features)
    masked = torch.rand(batch["ids"].shape) < 0.1
    masked[random.randrange(len(masked))] = False
    masked[:, np.random.randint(masked.shape[1])] = False
    return {**batch, "ids": batch["ids"].masked_fill(masked, 1)}


def noisy_scores(model: nn.Module) -> dict[str, float]:
    """An evaluation that draws random numbers, and depends on the parameters."""
    weight = sum(float(one.double().sum()) for one in model.parameters())
    return {"weight": weight, "drawn": float(torch.rand(())) + random.random() + float(np.random.rand())}


FULL = Settings(
    steps=17, batch=5, accumulate=2, lr=0.02, warmup=2, average=0.7, seed=2, save_every=3, evaluate_every=4, clip=0.5
)


@pytest.mark.parametrize("cuts", [(1,), (3,), (4,), (7, 8), (2, 3, 11, 16), (17,)])
def test_a_run_goes_on_to_the_last_bit(cuts: tuple[int, ...], tmp_path: Path) -> None:
    whole = tagger(dropout=0.3)
    wanted = train(whole, texts(), noisy_collate, FULL, folder=tmp_path / "whole", evaluate=noisy_scores)
    for cut in cuts:
        random.seed(cut), np.random.seed(cut), torch.manual_seed(cut)  # another program, in another state
        with pytest.raises(Stopped):
            train(tagger(dropout=0.3), texts(), noisy_collate, FULL, folder=tmp_path / "cut", watch=stop_at(cut),
                  evaluate=noisy_scores)  # fmt: skip
    model = tagger(dropout=0.3)
    found = train(model, texts(), noisy_collate, FULL, folder=tmp_path / "cut", evaluate=noisy_scores)
    assert found.resumed == (cuts[-1] - 1) // 3 * 3
    for name in ("losses", "rates", "norms", "scores", "tokens", "examples"):
        assert getattr(found, name) == getattr(wanted, name), name
    assert sorted(found.scores) == [4, 8, 12, 16, 17]
    for one, other in zip(model.parameters(), whole.parameters(), strict=True):
        assert torch.equal(one, other)
    assert wanted.state is not None and found.state is not None
    ours, theirs = read_state(wanted.state), read_state(found.state)
    assert ours.tensors.keys() == theirs.tensors.keys()
    assert {name.split(".")[0] for name in ours.tensors} == {"model", "optimizer", "average", "history"}
    assert all(torch.equal(one, theirs.tensors[name]) for name, one in ours.tensors.items())
    assert {**ours.record, "seconds": 0} == {**theirs.record, "seconds": 0}
    third = tagger(dropout=0.3)  # the run is done: nothing is left but to read it
    again = train(third, texts(), noisy_collate, FULL, folder=tmp_path / "cut", watch=stop_at(17))
    assert (again.losses, again.resumed) == (wanted.losses, 17)
    assert all(torch.equal(one, other) for one, other in zip(third.parameters(), whole.parameters(), strict=True))


def test_dropout_is_on_and_seeds_matter() -> None:
    runs = [
        train(tagger(dropout), texts(), collate, replace(SETTINGS, seed=seed, batch=13)).losses[0]
        for dropout, seed in ((0.0, 1), (0.3, 1), (0.3, 2))
    ]
    assert len(set(runs)) == 3


class Odd(nn.Module):
    """Buffers of two types, one not saved by PyTorch itself, a shared weight, a frozen one."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.tokens, self.norm = nn.Embedding(VOCAB, 6), nn.BatchNorm1d(6)
        self.out = nn.Linear(6, VOCAB, bias=False)
        self.out.weight = self.tokens.weight
        self.frozen = nn.Parameter(torch.ones(6), requires_grad=False)
        self.register_buffer("seen", torch.zeros((), dtype=torch.float64), persistent=False)

    def forward(self, ids: Tensor, attention_mask: Tensor, labels: Tensor) -> Output:
        self.seen += 0.1  # every forward pass leaves a trace
        hidden = self.norm((self.tokens(ids) * self.frozen).transpose(1, 2)).transpose(1, 2)
        logits = self.out(hidden * self.seen.float())
        return Output(hidden, logits, functional.cross_entropy(logits.transpose(1, 2), labels))


def test_the_states_of_batch_norm_and_shared_weights_are_kept(tmp_path: Path) -> None:
    settings = replace(FULL, accumulate=1, evaluate_every=None)
    wanted = train(Odd(), texts(), collate, settings)
    with pytest.raises(Stopped):
        train(Odd(), texts(), collate, settings, folder=tmp_path, watch=stop_at(7))
    model = Odd()
    assert train(model, texts(), collate, settings, folder=tmp_path).losses == wanted.losses
    assert model.out.weight is model.tokens.weight
    assert "model.frozen" in read_state(tmp_path / "state-00000017").tensors


OTHERS: dict[str, Any] = {
    "steps": 18, "batch": 6, "lr": 0.03, "schedule": "linear", "warmup": 1, "floor": 0.001,
    "weight_decay": 0.1, "betas": (0.9, 0.99), "eps": 1e-6, "clip": None, "precision": "bfloat16", "average": None,
    "seed": 3, "decay_embeddings": False,
}  # fmt: skip


def test_other_settings_are_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(Stopped):
        train(tagger(), texts(), collate, FULL, folder=tmp_path, watch=stop_at(4))
    for name, value in OTHERS.items():
        with pytest.raises(ResumeError, match=rf"another run: {name} was .* and is .*another folder"):
            train(tagger(), texts(), collate, replace(FULL, **{name: value}), folder=tmp_path)
    free = {"recompute": True, "save_every": 5, "evaluate_every": None, "keep": 1}
    assert OTHERS.keys() | free.keys() | {"accumulate"} == FULL.record().keys(), "each setting is one or the other"
    wanted = train(tagger(), texts(), collate, FULL)
    shutil.copytree(tmp_path, tmp_path / "copy")
    for more in ({}, {"accumulate": 5}):  # what is advised where memory runs out
        run = train(
            tagger(), texts(), collate, replace(FULL, **free, **more), folder=tmp_path / "copy" if more else tmp_path
        )
        assert run.resumed == 3
        np.testing.assert_allclose(run.losses, wanted.losses, rtol=0, atol=1e-5 if more else 0)


def test_other_examples_order_or_model_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Stopped):
        train(tagger(), texts(), collate, FULL, folder=tmp_path, watch=stop_at(4))
    features = texts()
    features[2], features[9] = features[9], features[2]
    with pytest.raises(ResumeError, match="the examples are others, or in another order"):
        train(tagger(), features, collate, FULL, folder=tmp_path)
    features = texts()
    features[7] = (features[7][0], [*features[7][1][:-1], 1 + features[7][1][-1] % 3])
    with pytest.raises(ResumeError, match="the examples are others"):
        train(tagger(), features, collate, FULL, folder=tmp_path)
    with pytest.raises(ResumeError, match="there were 13 examples and are 12"):
        train(tagger(), texts(12), collate, FULL, folder=tmp_path)
    wider = bert.TokenClassifier(
        bert.BertConfig(vocab=VOCAB, dim=16, layers=2, heads=2, hidden=21, context=12, labels=4)
    )
    with pytest.raises(ResumeError, match=r"BertConfig\.hidden was 20 and is 21"):
        train(wider, texts(), collate, FULL, folder=tmp_path)
    assert train(tagger(), texts(), collate, FULL, folder=tmp_path).resumed == 3, "nothing was lost by trying"


def test_a_run_at_a_constant_rate_can_be_made_longer_and_not_shorter(tmp_path: Path) -> None:
    settings = replace(FULL, schedule="constant", steps=6)
    longer = replace(settings, steps=10)
    train(tagger(), texts(), collate, settings, folder=tmp_path)
    run = train(tagger(), texts(), collate, longer, folder=tmp_path)
    assert run.resumed == 6
    assert run.losses == train(tagger(), texts(), collate, longer).losses
    with pytest.raises(ResumeError, match="10 updates are made, more than steps=9"):
        train(tagger(), texts(), collate, replace(settings, steps=9), folder=tmp_path)


# ── around it ────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("faster", ["float32", "bfloat16"])
def test_measuring_the_precision_changes_nothing_and_is_done_once(
    faster: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which one is faster is settled by how much is asked for: no time or all of it."""
    monkeypatch.setattr("groundup.stack.training.precision.why_not_bfloat16", lambda device: "")
    monkeypatch.setattr("groundup.stack.training.precision._WORTH", {"float32": 1e9, "bfloat16": 0.0}[faster])
    settings = replace(FULL, precision="auto")
    model, expected = Odd(), Odd()
    with pytest.raises(Stopped):
        train(Odd(), texts(), noisy_collate, settings, folder=tmp_path, watch=stop_at(5))
    monkeypatch.setattr("groundup.stack.training.precision._WORTH", {"float32": 0.0, "bfloat16": 1e9}[faster])
    run = train(model, texts(), noisy_collate, settings, folder=tmp_path)
    assert (run.resumed, run.precision) == (3, faster), "what was measured first holds"
    assert "ms in bfloat16 and" in run.precision_reason
    wanted = train(expected, texts(), noisy_collate, replace(settings, precision=faster))
    assert run.losses == wanted.losses and wanted.precision_reason == "as set"
    assert all(torch.equal(one, other) for one, other in zip(model.buffers(), expected.buffers(), strict=True))


def test_the_caller_finds_random_sources_and_modes_as_they_were() -> None:
    model = tagger(dropout=0.2)
    model.encoder.blocks[1].eval()
    modes = [part.training for part in model.modules()]
    states = (random.getstate(), np.random.get_state(), torch.get_rng_state())
    train(model, texts(), noisy_collate, SETTINGS, evaluate=noisy_scores)
    assert [part.training for part in model.modules()] == modes
    assert random.getstate() == states[0]
    assert all(np.array_equal(one, other) for one, other in zip(np.random.get_state(), states[1], strict=True))
    assert torch.equal(torch.get_rng_state(), states[2])


def test_watch_sees_every_update_and_evaluate_the_average() -> None:
    seen: list[Any] = []
    sights: list[tuple[bool, bool, list[Tensor]]] = []

    def evaluate(model: nn.Module) -> dict[str, float]:
        sights.append((model.training, torch.is_grad_enabled(), [one.detach().clone() for one in model.parameters()]))
        return {"score": torch.tensor(2.5)}

    model = tagger()
    settings = replace(SETTINGS, average=0.9, evaluate_every=5)
    run = train(model, texts(), collate, settings, watch=seen.append, evaluate=evaluate)
    assert [one.number for one in seen] == list(range(1, 12))
    assert [one.loss for one in seen] == run.losses and [one.norm for one in seen] == run.norms
    assert seen[-1].tokens == run.tokens and 0 < seen[0].seconds < seen[-1].seconds <= run.seconds
    assert run.scores == {5: {"score": 2.5}, 10: {"score": 2.5}, 11: {"score": 2.5}}
    assert [sight[:2] for sight in sights] == [(False, False)] * 3
    assert all(torch.equal(one, other) for one, other in zip(sights[-1][2], model.parameters(), strict=True))
    plain = tagger()
    train(plain, texts(), collate, SETTINGS)
    assert not torch.equal(next(plain.parameters()), next(model.parameters()))
    assert run.losses == train(tagger(), texts(), collate, SETTINGS).losses, "the average changes no update"


def test_recomputed_blocks_make_the_same_run() -> None:
    runs = [train(tagger(0.3), texts(), collate, replace(SETTINGS, recompute=again)) for again in (False, True)]
    assert runs[0].losses == runs[1].losses and runs[0].norms == runs[1].norms


def test_what_does_not_fit_together_is_refused() -> None:
    with pytest.raises(ValueError, match="no examples"):
        train(tagger(), [], collate, SETTINGS)
    frozen = tagger().requires_grad_(False)
    with pytest.raises(ValueError, match="nothing to train"):
        train(frozen, texts(), collate, SETTINGS)

    class Two:
        rank, size = 0, 2

    with pytest.raises(SettingsError, match="2 micro-batches on each of 2 processes: set batch to 4 or more"):
        train(tagger(), texts(), collate, replace(SETTINGS, batch=3, accumulate=2), world=Two())  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="no labels"):
        train(tagger(), texts(), lambda some: {"ids": collate(some)["ids"]}, SETTINGS)
